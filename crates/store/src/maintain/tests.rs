//! A whole store against a plain map: late, double and contradicting samples, cuts, restarts, kills
//! and a disk that fills.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use journal::faulty::FaultDisk;
use model::series::{Matcher, MatcherOp, STALE_NAN, Samples, SeriesSource};
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
