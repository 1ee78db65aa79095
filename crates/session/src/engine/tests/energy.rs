//! Energy: what is counted, and whose it is.

use std::sync::Arc;

use model::observation::{DeviceObservation, EnergyReading};
use model::{ErrorKind, Reading};

use super::holding::{holding, in_pod, told};
use super::world::*;
use crate::{Config, SavedState, View};

/// The same with a reading of the counter, in mJ.
pub(super) fn counting(observation: DeviceObservation, millijoules: u64) -> DeviceObservation {
    let energy =
        EnergyReading { millijoules: Reading::Value(millijoules), watts: Reading::NotSupported };
    DeviceObservation { energy: Some(energy), ..observation }
}

/// The same with a reading of power only.
pub(crate) fn drawing(observation: DeviceObservation, watts: f64) -> DeviceObservation {
    let energy = EnergyReading { millijoules: Reading::NotSupported, watts: Reading::Value(watts) };
    DeviceObservation { energy: Some(energy), ..observation }
}

/// Joules of the GPU, of the session measured and inferred.
fn joules(world: &World, pid: u32) -> (f64, f64, f64) {
    let counters = world.session(pid).counters;
    let joules = |millijoules: u64| f64::from(u32::try_from(millijoules).unwrap()) / 1000.0;
    (
        joules(of_gpu(&world.view())),
        joules(counters.energy_measured_millijoules),
        joules(counters.energy_inferred_millijoules),
    )
}

fn of_gpu(view: &View) -> u64 {
    view.energy.first().map_or(0, |gpu| gpu.millijoules)
}

/// A meter that counts what a steady power makes.
struct Counter(u64);

impl Counter {
    /// Seconds from one to another, at that power.
    fn run(
        &mut self,
        world: &mut World,
        seconds: std::ops::RangeInclusive<i64>,
        milliwatts: u64,
        seen: &dyn Fn(i64) -> Vec<DeviceObservation>,
    ) {
        for second in seconds {
            self.0 += milliwatts;
            let seen: Vec<_> = seen(second).into_iter().map(|o| counting(o, self.0)).collect();
            world.see(second, &seen);
        }
    }
}

fn nobody(_: i64) -> Vec<DeviceObservation> {
    vec![used(&gpu(0), &[], &[])]
}

/// PIDs with their SM use, as the driver tells every second.
fn working(use_of: &'static [(u32, u8)]) -> impl Fn(i64) -> Vec<DeviceObservation> {
    move |second| {
        let there: Vec<_> = use_of.iter().map(|(pid, _)| process(*pid)).collect();
        let stamp = at(second).before(std::time::Duration::from_millis(1));
        let samples: Vec<_> = use_of.iter().map(|(pid, sm)| sample(*pid, stamp, *sm)).collect();
        vec![used(&gpu(0), &there, &samples)]
    }
}

/// A world whose GPU has been seen at rest at 70 W; the newest pass is at second 320.
fn rested() -> (World, Counter) {
    let mut world = World::new();
    let mut counter = Counter(5_000_000);
    counter.run(&mut world, 0..=320, 70_000, &nobody);
    (world, counter)
}

#[test]
fn a_sole_session_gets_all_of_the_energy_measured_once_a_baseline_is_known() {
    let (mut world, mut counter) = rested();
    assert_eq!(world.view().energy[0].idle_milliwatts, Some(70_000));
    world.start(7, 320);
    counter.run(&mut world, 321..=440, 600_000, &working(&[(7, 90)]));
    // Found at 321; seconds up to 430 are closed.
    assert_eq!(joules(&world, 7), (320.0 * 70.0 + 110.0 * 600.0, 109.0 * 600.0, 0.0));
}

#[test]
fn without_a_baseline_all_of_it_is_inferred() {
    let mut world = World::new();
    world.start(7, 0);
    Counter(0).run(&mut world, 0..=60, 600_000, &working(&[(7, 90)]));
    assert_eq!(world.view().energy[0].idle_milliwatts, None);
    assert_eq!(joules(&world, 7), (50.0 * 600.0, 0.0, 50.0 * 600.0));
}

#[test]
fn power_alone_gives_inferred_energy() {
    let mut world = World::new();
    world.see_for(0, 320, &[drawing(used(&gpu(0), &[], &[]), 70.0)]);
    assert_eq!(world.view().energy[0].idle_milliwatts, Some(70_000));
    world.start(7, 320);
    world.see_for(321, 360, &[drawing(list(&gpu(0), &[process(7)]), 600.0)]);
    // The mean of both powers in the second of the change.
    let before = 320.0 * 70.0 + 335.0;
    assert_eq!(joules(&world, 7), (before + 29.0 * 600.0, 0.0, 29.0 * 600.0));
}

#[test]
fn several_share_what_is_above_the_baseline_by_sm_use() {
    let (mut world, mut counter) = rested();
    [7, 8].into_iter().for_each(|pid| world.start(pid, 320));
    counter.run(&mut world, 321..=331, 470_000, &working(&[(7, 75), (8, 25)]));
    // One second is closed from their first sight on: 321 to 322 is not, as samples of 331 tell.
    counter.run(&mut world, 332..=341, 470_000, &working(&[(7, 75), (8, 25)]));
    let seconds = 10.0;
    assert_eq!(joules(&world, 7).2, seconds * (300.0 + 35.0));
    assert_eq!(joules(&world, 8).2, seconds * (100.0 + 35.0));
}

#[test]
fn the_baseline_of_several_goes_by_the_shares_of_their_allocations() {
    let (mut world, mut counter) = rested();
    world.proc.insert(7, in_pod(7, "a"));
    world.proc.insert(8, in_pod(8, "b"));
    let held = told(&[holding("GPU-0", "a", 0.5), holding("GPU-0", "b", 0.25)]);
    world.engine.set_holdings(at(320), &held);
    counter.run(&mut world, 321..=341, 460_000, &working(&[(7, 50), (8, 50)]));
    let seconds = 10.0;
    assert!((joules(&world, 7).2 - seconds * (195.0 + 70.0 * 2.0 / 3.0)).abs() < 0.1);
    assert!((joules(&world, 8).2 - seconds * (195.0 + 70.0 / 3.0)).abs() < 0.1);
}

/// Two instances of one GPU with a process each, at these activities; `None` is not known.
fn instances(activity: [Option<f64>; 2]) -> impl Fn(i64) -> Vec<DeviceObservation> {
    move |_| {
        let seen = |(number, activity): (u32, Option<f64>)| {
            let there = [process(10 + number)];
            match activity {
                Some(activity) => busy(&instance(number), &there, activity),
                None => DeviceObservation {
                    activity: Some(Reading::NotSupported),
                    ..busy(&instance(number), &there, 0.0)
                },
            }
        };
        (1..).zip(activity).map(seen).collect()
    }
}

#[test]
fn instances_share_by_activity_times_slices_and_the_baseline_by_slices() {
    let mut world = World::new();
    let mut counter = Counter(0);
    let empty = |_: i64| vec![busy(&instance(1), &[], 0.0), busy(&instance(2), &[], 0.0)];
    counter.run(&mut world, 0..=320, 70_000, &empty);
    assert_eq!(world.view().energy[0].idle_milliwatts, Some(70_000), "both were empty");
    [11, 12].into_iter().for_each(|pid| world.start(pid, 320));
    counter.run(&mut world, 321..=341, 470_000, &instances([Some(0.9), Some(0.3)]));
    let (gpu, measured, first) = joules(&world, 11);
    let second = joules(&world, 12).2;
    assert_eq!((gpu, measured), (320.0 * 70.0 + 11.0 * 470.0, 0.0));
    assert!((first - 10.0 * (300.0 + 30.0)).abs() < 0.1, "{first}");
    assert!((second - 10.0 * (100.0 + 30.0)).abs() < 0.1, "{second}");
}

#[test]
fn one_instance_whose_activity_is_not_known_makes_all_of_it_unknown() {
    let mut world = World::new();
    [11, 12].into_iter().for_each(|pid| world.start(pid, 0));
    Counter(0).run(&mut world, 0..=40, 470_000, &instances([Some(0.9), None]));
    assert_eq!(joules(&world, 11), (30.0 * 470.0, 0.0, 0.0));
}

#[test]
fn a_counter_that_fell_a_gap_and_a_lost_gpu_add_nothing() {
    let mut world = World::new();
    world.see(0, &[counting(list(&gpu(0), &[]), 9_000_000)]);
    world.see(1, &[counting(list(&gpu(0), &[]), 9_500_000)]);
    // The driver was loaded again.
    world.see(2, &[counting(list(&gpu(0), &[]), 1_000)]);
    world.see(3, &[counting(list(&gpu(0), &[]), 601_000)]);
    // Nobody watched.
    world.see(33, &[counting(list(&gpu(0), &[]), 90_601_000)]);
    world.see(34, &[counting(list(&gpu(0), &[]), 91_201_000)]);
    world.see(35, &[down(&gpu(0))]);
    world.see(36, &[counting(list(&gpu(0), &[]), 92_401_000)]);
    world.see(37, &[counting(list(&gpu(0), &[]), 93_001_000)]);
    // More than any GPU draws.
    world.see(38, &[counting(list(&gpu(0), &[]), u64::MAX)]);
    world.see_for(39, 60, &[list(&gpu(0), &[])]);
    assert_eq!(of_gpu(&world.view()), 500_000 + 600_000 + 600_000 + 600_000);
}

#[test]
fn a_counter_that_cannot_be_read_once_is_waited_for() {
    let mut world = World::new();
    let failed = EnergyReading {
        millijoules: Reading::Failed(ErrorKind::Other),
        watts: Reading::Value(600.0),
    };
    for second in 0..=30 {
        let seen = counting(list(&gpu(0), &[]), u64::try_from(second).unwrap() * 500_000);
        let energy = if second % 3 == 1 { Some(failed) } else { seen.energy };
        world.see(second, &[DeviceObservation { energy, ..seen }]);
    }
    assert_eq!(of_gpu(&world.view()), 20 * 500_000);
}

#[test]
fn energy_that_comes_late_is_not_lost() {
    let mut world = World::new();
    world.start(7, 0);
    for second in 0..=60_i64 {
        let seen = list(&gpu(0), &[process(7)]);
        let energy = u64::try_from(second).unwrap() * 500_000;
        // Read every 14 seconds: seconds are closed before that.
        let seen = if second % 14 == 0 { counting(seen, energy) } else { seen };
        world.see(second, &[seen]);
    }
    let saved = world.engine.clone().stop();
    let after = World::with(Config::default(), Some(saved), "run002", 62);
    let got = after.engine.view().sessions[0].counters.energy_millijoules();
    assert!(got.abs_diff(56 * 500_000) <= 500_000, "{got}");
}

#[test]
fn with_nobody_there_it_stays_with_the_gpu() {
    let (world, _) = rested();
    assert_eq!(of_gpu(&world.view()), 310 * 70_000);
    assert!(world.view().rest.is_empty());
}

fn through_json(saved: &SavedState) -> SavedState {
    serde_json::from_str(&serde_json::to_string(saved).unwrap()).unwrap()
}

#[test]
fn baselines_outlive_a_crash_and_counters_a_clean_stop() {
    let (mut world, mut counter) = rested();
    world.start(7, 320);
    counter.run(&mut world, 321..=340, 600_000, &working(&[(7, 90)]));
    let crashed = through_json(&world.engine.save());
    let stopped = through_json(&world.engine.clone().stop());
    for (saved, run, gpu, session) in
        [(crashed, "run002", 0, 0), (stopped, "run001", 320 * 70_000 + 20 * 600_000, 19 * 600_000)]
    {
        let mut after = World::with(Config::default(), Some(saved), "run002", 341);
        after.start(7, 320);
        let mut counter = Counter(counter.0);
        counter.run(&mut after, 341..=341, 600_000, &working(&[(7, 90)]));
        let view = after.view();
        assert_eq!(view.run, run);
        assert_eq!(view.energy[0].idle_milliwatts, Some(70_000));
        assert_eq!(view.energy[0].millijoules, gpu);
        assert_eq!(after.session(7).counters.energy_measured_millijoules, session);
    }
}

#[test]
fn folded_sessions_leave_their_energy_to_rest() {
    let config = Config { max_live: 1, ..Config::default() };
    let mut world = World::with(config, None, "run001", 0);
    [7, 8].into_iter().for_each(|pid| world.start(pid, 0));
    Counter(0).run(&mut world, 0..=60, 400_000, &working(&[(7, 75), (8, 25)]));
    let view = world.view();
    let shown = view.sessions.iter().find(|session| !session.folded).unwrap();
    let rest = &view.rest[0].counters;
    let sum = shown.counters.energy_millijoules() + rest.energy_millijoules();
    assert!(rest.energy_millijoules() > 0);
    assert_eq!(sum, of_gpu(&view));
}

#[test]
fn the_page_has_joules_by_quality_and_no_row_of_what_is_not_known() {
    let (mut world, mut counter) = rested();
    world.start(7, 320);
    counter.run(&mut world, 321..=340, 600_050, &working(&[(7, 90)]));
    let mut page = model::text::Writer::default();
    crate::exposition::write_sessions(&world.view(), &mut page);
    let page = page.finish();
    let rows: Vec<&str> =
        page.lines().filter(|line| line.contains("_energy_joules_total{")).collect();
    let id = &world.session(7).facts.id;
    assert_eq!(
        rows,
        [
            &format!(
                "gpu_session_energy_joules_total{{gpu=\"0\",session=\"{id}\",run=\"run001\",quality=\"measured\"}} 5400.45"
            ),
            "gpu_device_energy_joules_total{gpu=\"0\",UUID=\"GPU-0\",run=\"run001\"} 28400.5",
        ]
    );
    let mut dark = World::new();
    dark.see_for(0, 30, &[list(&gpu(0), &[])]);
    let mut page = model::text::Writer::default();
    crate::exposition::write_sessions(&dark.view(), &mut page);
    assert!(!page.finish().contains("_energy_joules_total{"), "nothing was read");
}

#[test]
fn a_gpu_that_is_named_anew_keeps_its_counter() {
    let (mut world, mut counter) = rested();
    let mut moved = (*gpu(0)).clone();
    (moved.label, moved.gpu_index) = ("3".to_owned(), 3);
    let moved = Arc::new(moved);
    counter.run(&mut world, 321..=340, 70_000, &|_| vec![used(&moved, &[], &[])]);
    let energy = world.view().energy;
    assert_eq!((energy.len(), energy[0].gpu_index), (1, 3));
    assert_eq!(energy[0].millijoules, 330 * 70_000);
}
