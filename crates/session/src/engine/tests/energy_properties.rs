//! Random worlds: parts of sessions and what nobody got are the GPU's energy to the millijoule, and
//! no counter falls within a run.

use std::collections::HashMap;
use std::time::Duration;

use model::Timestamp;
use model::observation::DeviceObservation;
use model::process::Lookup;
use proptest::prelude::*;

use super::energy::{counting, drawing};
use super::holding::{holding, in_pod, told};
use super::world::*;
use crate::{Config, View};

/// One pass over a whole GPU and one with two instances.
#[derive(Debug, Clone)]
struct Step {
    millis: u16,
    gpus: Vec<Shown>,
    then: Then,
}

/// What a GPU shows.
#[derive(Debug, Clone)]
struct Shown {
    kind: u8,
    /// PIDs 1 to 6 by bit.
    there: u8,
    sm: u8,
    watts: u16,
    energy: Energy,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Energy {
    Counter,
    Power,
    Unread,
    Reloaded,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    Crash,
    CleanStop,
    ClockBack,
    Kill(u32),
    Reuse(u32),
    Hold(u8),
}

fn shown() -> impl Strategy<Value = Shown> {
    let energy = prop_oneof![
        12 => Just(Energy::Counter),
        2 => Just(Energy::Power),
        2 => Just(Energy::Unread),
        1 => Just(Energy::Reloaded),
    ];
    (0_u8..12, 0_u8..64, 0_u8..=100, 0_u16..1500, energy)
        .prop_map(|(kind, there, sm, watts, energy)| Shown { kind, there, sm, watts, energy })
}

fn step() -> impl Strategy<Value = Step> {
    let then = prop_oneof![
        16 => Just(Then::Nothing),
        1 => Just(Then::Crash),
        1 => Just(Then::CleanStop),
        1 => Just(Then::ClockBack),
        2 => (1_u32..=6).prop_map(Then::Kill),
        2 => (1_u32..=6).prop_map(Then::Reuse),
        2 => (0_u8..4).prop_map(Then::Hold),
    ];
    let millis = prop_oneof![8 => 1_u16..2500, 1 => 2500_u16..40_000];
    (millis, prop::collection::vec(shown(), 2), then).prop_map(|(millis, gpus, then)| Step {
        millis,
        gpus,
        then,
    })
}

/// A GPU as a plain model reckons it: what its meter shows, and what is known of it.
#[derive(Debug, Clone, Copy, Default)]
struct Plain {
    meter: u64,
    last: Option<(Timestamp, Option<u64>, u64)>,
    known: u64,
}

impl Plain {
    /// Time passes at a power; then the GPU is read, or not.
    fn pass(&mut self, millis: u64, shown: &Shown, is_down: bool, now: Timestamp) {
        let milliwatts = u64::from(shown.watts) * 1000;
        self.meter += milliwatts * millis / 1000;
        if shown.energy == Energy::Reloaded {
            self.meter = 0;
        }
        let counter = (shown.energy != Energy::Power).then_some(self.meter);
        if is_down {
            self.last = None;
        } else if shown.energy != Energy::Unread {
            let before = self.last.replace((now, counter, milliwatts));
            let Some((at, counted, drawn)) = before else { return };
            let micros = u64::try_from(now.since(at).as_micros()).unwrap();
            if at < now && now.since(at) <= Config::default().longest_gap {
                self.known += match (counted, counter) {
                    // A clock that was set makes it more than any GPU draws, 20 kW.
                    (Some(one), Some(two)) => {
                        two.checked_sub(one).filter(|drawn| *drawn <= 20 * micros).unwrap_or(0)
                    }
                    _ => (drawn + milliwatts) * micros / 2_000_000,
                };
            }
        }
    }
}

fn observations(
    shown: &Shown,
    gpu_at: usize,
    meter: u64,
    now: Timestamp,
) -> Vec<DeviceObservation> {
    let devices = if gpu_at == 0 { vec![gpu(1)] } else { vec![instance(1), instance(2)] };
    let one = |(index, device): (usize, _)| {
        let there = shown.there >> (3 * index);
        let pids = (1_u32..=6).filter(|pid| there & (1 << (pid - 1)) != 0);
        let there: Vec<_> = pids.map(process).collect();
        let seen = match shown.kind {
            0 => down(&device),
            1 => list(&device, &there),
            2..=6 if gpu_at == 0 => {
                let sample_of = |pid: u32| sample(pid, now, shown.sm / u8::try_from(pid).unwrap());
                let samples: Vec<_> = there.iter().map(|there| sample_of(there.pid)).collect();
                used(&device, &there, &samples)
            }
            _ => busy(&device, &there, f64::from(shown.sm) / 100.0),
        };
        match shown.energy {
            _ if shown.kind == 0 => seen,
            Energy::Counter | Energy::Reloaded => {
                let seen = counting(seen, meter);
                let watts = f64::from(shown.watts);
                let energy = seen.energy.map(|energy| model::observation::EnergyReading {
                    watts: model::Reading::Value(watts),
                    ..energy
                });
                DeviceObservation { energy, ..seen }
            }
            Energy::Power => drawing(seen, f64::from(shown.watts)),
            Energy::Unread => seen,
        }
    };
    devices.into_iter().enumerate().map(one).collect()
}

fn config() -> Config {
    // Few rows, so that folding is met; no session is let go, so that all parts stay in view.
    let long = Duration::from_secs(1_000_000);
    Config { max_live: 4, max_ended: 9999, ended_keep_min: long, ..Config::default() }
}

/// What sessions and rest got of each GPU, in mJ.
fn parts(view: &View) -> HashMap<String, u64> {
    let mut parts: HashMap<String, u64> = HashMap::new();
    for session in view.sessions.iter().filter(|session| !session.folded) {
        let part = parts.entry(session.facts.device.gpu_uuid.clone()).or_default();
        *part += session.counters.energy_millijoules();
    }
    for rest in &view.rest {
        let device = view.devices.iter().find(|device| device.device.label == rest.gpu).unwrap();
        let part = parts.entry(device.device.gpu_uuid.clone()).or_default();
        *part += rest.counters.energy_millijoules();
    }
    parts
}

/// Every energy counter by run and name.
fn counters(view: &View) -> HashMap<(String, String), u64> {
    let mut all = HashMap::new();
    let mut put = |name: String, value: u64| {
        assert!(all.insert((view.run.clone(), name), value).is_none(), "the same series twice");
    };
    for gpu in &view.energy {
        put(gpu.gpu_uuid.clone(), gpu.millijoules);
    }
    let sessions = view.sessions.iter().filter(|session| !session.folded);
    let own = sessions.map(|session| (session.facts.id.clone(), &session.counters));
    let rest = view.rest.iter().map(|r| (format!("rest {} {}", r.gpu, r.owner), &r.counters));
    for (name, counters) in own.chain(rest) {
        put(format!("{name} measured"), counters.energy_measured_millijoules);
        put(format!("{name} inferred"), counters.energy_inferred_millijoules);
    }
    all
}

fn restarted(world: World, clean: bool, generation: usize, now: Timestamp) -> World {
    let saved = if clean { world.engine.stop() } else { world.engine.save() };
    let saved = serde_json::from_str(&serde_json::to_string(&saved).unwrap()).unwrap();
    let run = format!("run{generation:03}");
    World { proc: world.proc, ..World::with(config(), Some(saved), &run, now.second() - T0) }
}

/// Each GPU's energy is what its sessions got and a rest, and is not more than was told.
fn add_up(view: &View, plain: &[Plain; 2], exact: bool) -> Result<(), TestCaseError> {
    let parts = parts(view);
    for gpu in &view.energy {
        let known = plain[if gpu.gpu_uuid == "GPU-1" { 0 } else { 1 }].known;
        prop_assert!(gpu.millijoules <= known, "{} of {known}", gpu.millijoules);
        if exact {
            prop_assert_eq!(gpu.millijoules, known);
        }
        let of_sessions = parts.get(&gpu.gpu_uuid).copied().unwrap_or(0);
        prop_assert!(of_sessions <= gpu.millijoules, "{} of {}", of_sessions, gpu.millijoules);
    }
    Ok(())
}

/// Pods that hold the whole GPU, by shares; the processes that live now are in them.
fn hold(world: &mut World, which: u8, now: Timestamp) {
    for pid in 1..=3 {
        let Some(Lookup::Facts(lives)) = world.proc.get_mut(&pid) else { continue };
        let Lookup::Facts(named) = in_pod(pid, &format!("pod-{pid}")) else { continue };
        (lives.owner, lives.names) = (named.owner, named.names);
    }
    let all = [holding("GPU-1", "pod-1", 0.5), holding("GPU-1", "pod-2", 0.25)];
    let held = &all[..usize::from(which).min(all.len())];
    world.engine.set_holdings(now, &told(held));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn energy_adds_up_and_never_falls(steps in prop::collection::vec(step(), 1..100)) {
        let mut world = World::with(config(), None, "run000", 0);
        (1..=6).for_each(|pid| world.start(pid, -10));
        let mut plain = [Plain::default(); 2];
        let mut shown: HashMap<(String, String), u64> = HashMap::new();
        let (mut now, mut newest) = (at(0), at(0));
        for (index, step) in steps.iter().enumerate() {
            now = now.after(Duration::from_millis(step.millis.into()));
            if now < newest {
                plain.iter_mut().for_each(|plain| plain.last = None);
            }
            newest = now;
            let mut seen = Vec::new();
            for (gpu, (plain, shown)) in plain.iter_mut().zip(&step.gpus).enumerate() {
                plain.pass(step.millis.into(), shown, shown.kind == 0, now);
                seen.extend(observations(shown, gpu, plain.meter, now));
            }
            world.see_at(now, &seen);
            let view = world.view();
            add_up(&view, &plain, false)?;
            for (name, value) in counters(&view) {
                let before = shown.insert(name.clone(), value).unwrap_or(0);
                prop_assert!(before <= value, "{:?} fell from {} to {}", name, before, value);
            }
            match step.then {
                Then::Nothing => {}
                Then::Kill(pid) => world.kill(pid),
                Then::Reuse(pid) => world.start(pid, now.second() - T0),
                Then::Hold(which) => hold(&mut world, which, now),
                Then::ClockBack => now = now.before(Duration::from_secs(7)),
                Then::Crash | Then::CleanStop => {
                    let clean = step.then == Then::CleanStop;
                    world = restarted(world, clean, index + 1, now);
                    plain.iter_mut().for_each(|plain| {
                        plain.last = None;
                        plain.known = if clean { plain.known } else { 0 };
                    });
                }
            }
        }
        // All that is pending is counted at a clean stop, and shown by the next pass.
        let mut after = restarted(world, true, 0, now);
        let seen: Vec<_> = steps.last().into_iter().flat_map(|step| {
            let shown = step.gpus.iter().map(|s| Shown { energy: Energy::Counter, kind: 1, ..s.clone() });
            shown.enumerate().flat_map(|(gpu, s)| observations(&s, gpu, 0, now)).collect::<Vec<_>>()
        }).collect();
        after.see_at(now, &seen);
        add_up(&after.view(), &plain, true)?;
    }

    /// Where a whole GPU always has one session, the session gets all from its first sight on.
    #[test]
    fn a_session_that_is_always_there_gets_all_of_it(
        steps in prop::collection::vec((1_u16..3000, 0_u16..1500, any::<bool>()), 2..200),
    ) {
        let mut world = World::with(config(), None, "run000", 0);
        world.start(1, -10);
        let (mut meter, mut now) = (0, at(0));
        for (millis, watts, told) in &steps {
            now = now.after(Duration::from_millis((*millis).into()));
            meter += u64::from(*millis) * u64::from(*watts);
            let seen = list(&gpu(1), &[process(1)]);
            world.see_at(now, &[if *told { counting(seen, meter) } else { seen }]);
        }
        let saved = world.engine.stop();
        let mut after = World::with(config(), Some(saved), "run001", now.second() - T0 + 1);
        after.start(1, -10);
        after.see_at(now.after(Duration::from_secs(1)), &[counting(list(&gpu(1), &[process(1)]), 0)]);
        let view = after.view();
        let of_gpu = view.energy[0].millijoules;
        let got: u64 = view.sessions.iter().map(|s| s.counters.energy_millijoules()).sum();
        // Only the first and the last second may be known in part.
        prop_assert!(of_gpu - got <= 2 * 1_500_000 + 1, "{} of {}", got, of_gpu);
    }
}
