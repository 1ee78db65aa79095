//! A whole store against a plain map: late, double and contradicting samples, cuts, restarts, kills
//! and a disk that fills.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the numbers of a test are small"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use journal::faulty::FaultDisk;
use model::series::{STALE_NAN, Samples, SeriesSource};
use proptest::prelude::*;

use crate::{AppendError, Batch, Options, Store, verify};

const HOUR: i64 = 3_600_000;
const NOW: i64 = 1_795_320_000_000;

type Model = BTreeMap<String, BTreeMap<i64, u64>>;

fn open(disk: &FaultDisk) -> Store {
    let (store, lines) = Store::open(Arc::new(disk.clone()), Options::new("/data"), NOW).unwrap();
    assert_eq!(lines, Vec::<String>::new());
    store
}

fn read(store: &Store) -> Model {
    let mut found = Model::new();
    for series in store.select(&[], i64::MIN, i64::MAX).unwrap() {
        let mut samples = Samples::default();
        series.read(i64::MIN, i64::MAX, &mut samples).unwrap();
        let newest = series.newest(i64::MIN, i64::MAX, &mut Samples::default()).unwrap();
        let last = samples.times.last().copied().zip(samples.values.last().copied());
        assert_eq!(
            newest.map(|(time, value)| (time, value.to_bits())),
            last.map(|(time, value)| (time, value.to_bits()))
        );
        assert!(samples.times.windows(2).all(|pair| pair[0] < pair[1]));
        let bits = samples.values.iter().map(|value| value.to_bits());
        let name = series.labels().name().to_owned();
        let column: BTreeMap<_, _> = samples.times.iter().copied().zip(bits).collect();
        if !column.is_empty() {
            assert!(found.insert(name, column).is_none(), "each label set once");
        }
    }
    found
}

#[derive(Debug, Clone)]
enum Action {
    /// Rows of a series, ms from the present, and a value.
    Append(Vec<(u8, i64, u8)>),
    /// The clock moves on.
    Pass(i64),
    Maintain,
    Restart,
    Kill,
}

fn action() -> impl Strategy<Value = Action> {
    let time = prop_oneof![
        6 => Just(0i64),
        2 => (-20i64..=0).prop_map(|steps| steps * 15_000),
        2 => (-90i64..=0).prop_map(|steps| steps * 900_000),
        1 => Just(11 * 60_000i64),
    ];
    let sample = (0u8..4, time, 0u8..5);
    prop_oneof![
        8 => prop::collection::vec(sample, 1..12).prop_map(Action::Append),
        4 => (1i64..240).prop_map(|steps| Action::Pass(steps * 15_000)),
        3 => Just(Action::Maintain),
        1 => Just(Action::Restart),
        1 => Just(Action::Kill),
    ]
}

fn value(number: u8) -> f64 {
    if number == 4 { STALE_NAN } else { f64::from(number) / 4.0 }
}

fn append(store: &Store, now: i64, samples: &[(u8, i64, u8)]) -> Result<u64, AppendError> {
    let names: Vec<String> = samples.iter().map(|(series, ..)| format!("m{series}")).collect();
    let mut batch = Batch::new();
    for (name, (_, time, number)) in names.iter().zip(samples) {
        batch.push([("__name__", name.as_str()), ("gpu", "0")], [(now + time, value(*number))]);
    }
    store.append(now, &batch).map(|done| done.stored)
}

fn note(model: &mut Model, newest: &mut i64, now: i64, samples: &[(u8, i64, u8)]) {
    for (series, time, number) in samples {
        let time = now + time;
        if time > now + 10 * 60_000 || time < newest.saturating_sub(24 * HOUR) {
            continue;
        }
        *newest = time.max(*newest);
        let column = model.entry(format!("m{series}")).or_default();
        column.entry(time).or_insert(value(*number).to_bits());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_store_is_a_map_of_what_it_acknowledged(actions in prop::collection::vec(action(), 1..60)) {
        let disk = FaultDisk::new();
        let (mut model, mut newest, mut now) = (Model::new(), i64::MIN, NOW);
        let mut store = open(&disk);
        for action in actions {
            match action {
                Action::Append(samples) => {
                    append(&store, now, &samples).unwrap();
                    note(&mut model, &mut newest, now, &samples);
                }
                Action::Pass(time) => now += time,
                Action::Maintain => prop_assert_eq!(store.maintain(now), Vec::<String>::new()),
                Action::Restart => {
                    store.close(now).unwrap();
                    drop(store);
                    store = open(&disk);
                }
                Action::Kill => {
                    drop(store);
                    disk.restart_killed();
                    store = open(&disk);
                }
            }
        }
        prop_assert_eq!(read(&store), model);
        drop(store);
        prop_assert_eq!(verify(Arc::new(disk), Path::new("/data")).unwrap().damage, Vec::<String>::new());
    }
}

#[test]
fn a_kill_at_any_write_of_a_cut_loses_nothing() {
    let fill = |disk: &FaultDisk| {
        let (store, mut model, mut newest) = (open(disk), Model::new(), i64::MIN);
        for step in 0..3 * 240 {
            let now = NOW + step * 15_000;
            let samples = [(0, 0, (step % 5) as u8), (1, -3 * HOUR * (step % 2), (step % 3) as u8)];
            if append(&store, now, &samples).is_err() {
                break;
            }
            note(&mut model, &mut newest, now, &samples);
        }
        (store, model)
    };
    let disk = FaultDisk::new();
    let (store, model) = fill(&disk);
    let before = disk.steps();
    assert_eq!(store.maintain(NOW + 3 * HOUR), Vec::<String>::new());
    let steps = disk.steps() - before;
    assert!(steps > 10 && store.stats().blocks > 2, "{steps} steps, {:?}", store.stats());
    assert_eq!(read(&store), model);
    drop(store);
    for step in 0..steps {
        let disk = FaultDisk::new();
        let (store, model) = fill(&disk);
        disk.plan(disk.steps() + step, journal::faulty::Fault::Crash { written: 7 });
        store.maintain(NOW + 3 * HOUR);
        drop(store);
        disk.clear_plan();
        disk.restart_killed();
        let (store, _) = Store::open(Arc::new(disk.clone()), Options::new("/data"), NOW).unwrap();
        assert_eq!(read(&store), model, "killed at step {step}");
        store.maintain(NOW + 3 * HOUR);
        assert_eq!(read(&store), model, "cut again after step {step}");
    }
}

/// A sample of one series each minute, and what a store does in between.
fn run(store: &Store, minutes: std::ops::Range<i64>, name: &str) -> Result<(), AppendError> {
    for minute in minutes {
        let now = NOW + minute * 60_000;
        let mut batch = Batch::new();
        batch.push([("__name__", name), ("gpu", "0")], [(now, minute as f64)]);
        store.append(now, &batch)?;
        store.maintain(now);
    }
    Ok(())
}

#[test]
fn a_full_disk_refuses_and_goes_on_by_itself() {
    let disk = FaultDisk::new();
    let store = open(&disk);
    run(&store, 0..300, "a").unwrap();
    let before = read(&store);
    let used: usize = disk.paths().iter().map(|path| disk.bytes(path).len()).sum();
    disk.set_capacity(Some(used as u64 + 500));
    assert!(matches!(run(&store, 300..700, "a"), Err(AppendError::Full { .. })));
    assert!(store.stats().full);
    // What was acknowledged is there, and readers do not notice.
    let full = read(&store);
    assert!(full["a"].len() >= before["a"].len() && full["a"].len() < 700);
    assert!(before["a"].iter().all(|(time, bits)| full["a"].get(time) == Some(bits)));
    disk.set_capacity(None);
    run(&store, 700..900, "a").unwrap();
    assert!(!store.stats().full);
    let after = read(&store);
    drop(store);
    disk.restart_killed();
    assert_eq!(read(&open(&disk)), after);
    assert_eq!(after["a"].len(), full["a"].len() + 200);
}

#[test]
fn a_cut_that_finds_the_disk_full_is_made_later() {
    let disk = FaultDisk::new();
    let store = open(&disk);
    for minute in 0..180 {
        append(&store, NOW + minute * 60_000, &[(0, 0, (minute % 4) as u8)]).unwrap();
    }
    let wanted = read(&store);
    disk.set_capacity(Some(0));
    let lines = store.maintain(NOW + 180 * 60_000);
    assert!(lines.iter().any(|line| line.contains("cannot write the block")), "{lines:?}");
    assert_eq!((store.stats().blocks, store.stats().failed_cuts), (0, 1));
    assert_eq!(read(&store), wanted);
    disk.set_capacity(None);
    assert_eq!(store.maintain(NOW + 181 * 60_000), Vec::<String>::new());
    assert!(store.stats().blocks > 0);
    assert_eq!(read(&store), wanted);
}

#[test]
fn blocks_go_by_age_and_by_bytes_and_the_rest_stays() {
    let disk = FaultDisk::new();
    let mut options = Options::new("/data");
    options.retention_ms = 8 * HOUR;
    let (store, _) = Store::open(Arc::new(disk.clone()), options.clone(), NOW).unwrap();
    run(&store, 0..20 * 60, "a").unwrap();
    let times = read(&store)["a"].clone();
    let end = NOW + 20 * HOUR;
    let oldest = *times.keys().next().unwrap();
    assert!((end - 11 * HOUR..=end - 8 * HOUR).contains(&oldest), "{}", (end - oldest) / HOUR);
    assert!(store.stats().blocks_dropped >= 3);
    drop(store);
    options.retention_bytes = Some(1);
    let (store, _) = Store::open(Arc::new(disk.clone()), options, end).unwrap();
    store.maintain(end);
    assert_eq!(store.stats().blocks, 0);
    assert!(!disk.paths().iter().any(|path| path.extension().is_some_and(|e| e == "block")));
    assert!(read(&store)["a"].contains_key(&(end - 60_000)));
}

#[test]
fn series_without_samples_leave_the_head_and_stay_readable() {
    let disk = FaultDisk::new();
    let store = open(&disk);
    run(&store, 0..60, "old").unwrap();
    run(&store, 60..6 * 60, "new").unwrap();
    assert_eq!(store.stats().series, 1);
    assert_eq!(read(&store)["old"].len(), 60);
    run(&store, 6 * 60..6 * 60 + 5, "old").unwrap();
    assert_eq!((store.stats().series, read(&store)["old"].len()), (2, 65));
    drop(store);
    disk.restart_killed();
    assert_eq!(read(&open(&disk))["old"].len(), 65);
}

#[test]
fn a_damaged_block_costs_itself_and_is_named() {
    let disk = FaultDisk::new();
    let store = open(&disk);
    run(&store, 0..9 * 60, "a").unwrap();
    let whole = read(&store);
    drop(store);
    let blocks: Vec<_> =
        disk.paths().into_iter().filter(|p| p.extension().is_some_and(|e| e == "block")).collect();
    assert!(blocks.len() >= 3);
    // In the first part of the one, in the foot of the other.
    disk.flip(&blocks[0], 20, 1);
    let length = disk.bytes(&blocks[1]).len() as u64;
    disk.flip(&blocks[1], length - 30, 1);
    let (store, lines) = Store::open(Arc::new(disk.clone()), Options::new("/data"), NOW).unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(&blocks[1].display().to_string()) && lines[0].contains("foot"));
    let left = read(&store);
    assert!(left["a"].len() < whole["a"].len() && left["a"].len() > 100);
    assert!(left["a"].iter().all(|(time, bits)| whole["a"].get(time) == Some(bits)));
    let lines = store.maintain(NOW + 9 * HOUR);
    assert!(lines.iter().any(|line| line.contains(&blocks[0].display().to_string())), "{lines:?}");
    assert_eq!(store.stats().damaged_places, 1);
    drop(store);
    let report = verify(Arc::new(disk.clone()), Path::new("/data")).unwrap();
    assert_eq!(report.damage.len(), 2, "{:?}", report.damage);
}

#[test]
fn a_block_of_a_newer_version_is_left_alone() {
    let disk = FaultDisk::new();
    let store = open(&disk);
    run(&store, 0..200, "a").unwrap();
    drop(store);
    let block = disk.paths().into_iter().find(|p| p.extension().is_some_and(|e| e == "block"));
    let block = block.unwrap();
    disk.flip(&block, 9, 0);
    let error = Store::open(Arc::new(disk), Options::new("/data"), NOW).err().unwrap();
    assert!(matches!(error, crate::OpenError::Newer { found: 257, .. }), "{error}");
}

#[test]
fn readers_see_each_sample_once_while_blocks_are_cut() {
    let disk = FaultDisk::new();
    let store = open(&disk);
    run(&store, 0..125, "a").unwrap();
    let held = store.select(&[], i64::MIN, i64::MAX).unwrap();
    for minute in 125..400 {
        append(&store, NOW + minute * 60_000, &[(0, 0, 1)]).unwrap();
        store.maintain(NOW + minute * 60_000);
        let mut samples = Samples::default();
        held[0].read(i64::MIN, NOW + 124 * 60_000, &mut samples).unwrap();
        assert_eq!(samples.len(), 125, "minute {minute}");
    }
    // The head kept what the reader needed, and one cut was made since.
    assert_eq!(store.stats().cuts, 1);
    drop(held);
    store.maintain(NOW + 400 * 60_000);
    store.maintain(NOW + 401 * 60_000);
    assert!(store.stats().cuts > 1);
    assert_eq!(read(&store)["a"].len(), 125);
}

#[test]
fn the_blocks_of_a_day_become_one_with_late_samples_in_it() {
    let disk = FaultDisk::new();
    let (store, mut model, mut newest) = (open(&disk), Model::new(), i64::MIN);
    for step in 0..80 * 6 {
        let now = NOW + step * 10 * 60_000;
        let samples = [(0, 0, (step % 5) as u8), (1, -HOUR * (step % 20), (step % 3) as u8)];
        append(&store, now, &samples).unwrap();
        note(&mut model, &mut newest, now, &samples);
        assert_eq!(store.maintain(now), Vec::<String>::new());
        assert_eq!(store.maintain(now + 61_000), Vec::<String>::new());
    }
    assert_eq!(read(&store), model);
    let names: Vec<_> = disk
        .paths()
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "block"))
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len() as u64, store.stats().blocks);
    let first_day: Vec<_> = names
        .iter()
        .filter(|name| crate::block::start_of(name).unwrap() < NOW + 18 * HOUR)
        .collect();
    assert!(first_day.len() <= 2, "{names:?}");
    drop(store);
    disk.restart_killed();
    assert_eq!(read(&open(&disk)), model);
}

#[test]
fn a_kill_at_any_write_of_a_join_loses_nothing() {
    let fill = |disk: &FaultDisk| {
        let store = open(disk);
        for step in 0..60 * 2 {
            append(&store, NOW + step * 30 * 60_000, &[(0, 0, (step % 5) as u8)]).unwrap();
            // Blocks are cut and not joined: that comes a minute after the last look.
            store.maintain(NOW);
        }
        store
    };
    let disk = FaultDisk::new();
    let store = fill(&disk);
    let (wanted, before, blocks) = (read(&store), disk.steps(), store.stats().blocks);
    store.maintain(NOW + 60 * HOUR);
    let steps = disk.steps() - before;
    assert!(store.stats().blocks < blocks && steps > 10);
    for step in 0..steps {
        let disk = FaultDisk::new();
        let store = fill(&disk);
        disk.plan(disk.steps() + step, journal::faulty::Fault::Crash { written: 5 });
        store.maintain(NOW + 60 * HOUR);
        drop(store);
        disk.clear_plan();
        disk.restart_killed();
        assert_eq!(read(&open(&disk)), wanted, "killed at step {step} of {steps}");
    }
}
