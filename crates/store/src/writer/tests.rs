//! Batches through a whole store: what is taken, what is refused and why.
#![expect(clippy::cast_precision_loss, reason = "the numbers of a test are small")]

use std::sync::Arc;

use journal::Disk as _;
use journal::faulty::{Fault, FaultDisk};
use model::series::{Matcher, MatcherOp, STALE_NAN, Samples, SeriesSource};

use crate::{Batch, Options, Reason, Store};

const NOW: i64 = 1_795_323_787_000;

fn store() -> Store {
    Store::open(Arc::new(FaultDisk::new()), Options::new("/data"), NOW).unwrap().0
}

fn one<'a>(labels: &[(&'a str, &'a str)], samples: &[(i64, f64)]) -> Batch<'a> {
    let mut batch = Batch::new();
    batch.push(labels.iter().copied(), samples.iter().copied());
    batch
}

fn read(store: &Store, name: &str) -> Vec<(i64, u64)> {
    let matcher =
        Matcher { name: "__name__".to_owned(), op: MatcherOp::Equal, value: name.to_owned() };
    let mut samples = Samples::default();
    for series in store.select(&[matcher], i64::MIN, i64::MAX).unwrap() {
        series.read(i64::MIN, i64::MAX, &mut samples).unwrap();
    }
    samples.times.iter().zip(&samples.values).map(|(t, v)| (*t, v.to_bits())).collect()
}

#[test]
fn duplicates_are_dropped_and_of_two_values_the_first_stands() {
    let store = store();
    let labels = [("__name__", "up"), ("gpu", "0")];
    let first = store.append(NOW, &one(&labels, &[(NOW, 1.0), (NOW - 10, 0.5)])).unwrap();
    assert_eq!((first.stored, first.duplicates), (2, 0));
    let again = store
        .append(
            NOW,
            &one(&labels, &[(NOW, 1.0), (NOW - 10, 0.5), (NOW, 2.0), (NOW - 10, STALE_NAN)]),
        )
        .unwrap();
    assert_eq!((again.stored, again.duplicates, again.conflicts), (0, 2, 2));
    assert_eq!(read(&store, "up"), [(NOW - 10, 0.5f64.to_bits()), (NOW, 1.0f64.to_bits())]);
}

#[test]
fn what_is_too_old_or_too_far_ahead_is_refused_and_the_rest_kept() {
    let store = store();
    let mut batch = one(&[("__name__", "a")], &[(NOW, 1.0), (NOW + 600_001, 1.0)]);
    let day = 24 * 3_600_000;
    batch.push([("__name__", "b")], [(NOW - day, 1.0)]);
    batch.push([("__name__", "c")], [(NOW - day - 1, 1.0)]);
    let done = store.append(NOW, &batch).unwrap();
    assert_eq!((done.stored, done.refused_samples), (2, 2));
    let reasons: Vec<_> = done.refused.iter().map(|r| (r.row, r.reason.word())).collect();
    assert_eq!(reasons, [(0, "too_far_ahead"), (2, "too_old")]);
    assert_eq!(store.stats().series, 2);
}

#[test]
fn labels_that_are_none_are_refused_by_name() {
    let store = store();
    let mut batch = one(&[], &[(NOW, 1.0)]);
    batch.push([("a", "1"), ("a", "2")], [(NOW, 1.0)]);
    batch.push([("", "1")], [(NOW, 1.0)]);
    batch.push([("a", "")], [(NOW, 1.0)]);
    let long = "x".repeat(5000);
    batch.push([("a", long.as_str())], [(NOW, 1.0)]);
    let reasons: Vec<_> =
        store.append(NOW, &batch).unwrap().refused.into_iter().map(|r| r.reason).collect();
    assert_eq!(reasons[0], Reason::NoLabels);
    assert_eq!(reasons[1], Reason::LabelTwice("a".to_owned()));
    assert_eq!(reasons[2], Reason::NoLabelName);
    assert_eq!(reasons[3], Reason::NoLabels);
    assert_eq!(
        reasons[4],
        Reason::LabelValueTooLong { name: "a".to_owned(), found: 5000, most: 4096 }
    );
}

#[test]
fn the_order_of_labels_and_empty_ones_do_not_make_another_series() {
    let store = store();
    store.append(NOW, &one(&[("__name__", "a"), ("b", "1")], &[(NOW, 1.0)])).unwrap();
    store
        .append(NOW, &one(&[("b", "1"), ("c", ""), ("__name__", "a")], &[(NOW + 1, 1.0)]))
        .unwrap();
    assert_eq!(store.stats().series, 1);
    assert_eq!(read(&store, "a").len(), 2);
}

#[test]
fn raw_rows_are_read_once() {
    let store = store();
    let read_labels: crate::ReadLabels = |raw, into| {
        let text = std::str::from_utf8(raw).map_err(|_| "not UTF-8")?;
        into.extend(text.split(',').filter_map(|pair| pair.split_once('=')));
        Ok(())
    };
    for at in 0..3 {
        let mut batch = Batch::with_reader(read_labels);
        for raw in ["__name__=a,b=1", "b=1,__name__=a", "\u{ff}"] {
            batch.raw(raw.as_bytes());
            batch.sample(NOW + at, 1.0);
            batch.end_row();
        }
        let done = store.append(NOW, &batch).unwrap();
        assert_eq!((done.stored, done.duplicates, done.refused_samples), (1, 1, 1));
        assert_eq!(done.refused[0].reason, Reason::NoLabels);
    }
    assert_eq!((store.stats().series, read(&store, "a").len()), (1, 3));
}

#[test]
fn a_killed_store_has_all_it_acknowledged() {
    let disk = Arc::new(FaultDisk::new());
    let open = || Store::open(disk.clone(), Options::new("/data"), NOW).unwrap().0;
    let mut wanted = Vec::new();
    for round in 0..4i64 {
        let store = open();
        for step in 0..50 {
            let time = NOW + (round * 50 + step) * 1000;
            let value = if step == 49 { STALE_NAN } else { 0.25 * step as f64 };
            store.append(time, &one(&[("__name__", "a"), ("gpu", "0")], &[(time, value)])).unwrap();
            wanted.push((time, value.to_bits()));
        }
        drop(store);
        disk.restart_killed();
    }
    assert_eq!(read(&open(), "a"), wanted);
}

#[test]
fn many_write_and_read_at_once_and_nothing_is_lost() {
    let store = store();
    let rounds = 300i64;
    let at = |round: i64| NOW + round * 60_000;
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let store = &store;
            scope.spawn(move || {
                let gpu = writer.to_string();
                for round in 0..rounds {
                    let labels = [("__name__", "a"), ("gpu", gpu.as_str())];
                    let time = at(round) + writer;
                    // The other writers may be ahead by all rounds: that is within a day.
                    store.append(time, &one(&labels, &[(time, round as f64)])).unwrap();
                }
            });
        }
        for _ in 0..2 {
            let store = &store;
            scope.spawn(move || {
                let mut seen = 0;
                while seen < 3 * usize::try_from(rounds).unwrap() {
                    let found = read(store, "a").len();
                    assert!(found >= seen, "{found} after {seen}");
                    seen = found;
                }
            });
        }
        let store = &store;
        scope.spawn(move || {
            for round in 0..2 * rounds {
                assert_eq!(store.maintain(at(round)), Vec::<String>::new());
            }
        });
    });
    assert_eq!(read(&store, "a").len(), 3 * usize::try_from(rounds).unwrap());
    assert_eq!(store.stats().conflicts, 0);
}

#[test]
fn limits_refuse_what_is_beyond_and_take_the_rest() {
    let mut options = Options::new("/data");
    options.limits.active_series = 2;
    options.limits.labels_per_series = 3;
    options.limits.samples_per_batch = 4;
    let (store, _) = Store::open(Arc::new(FaultDisk::new()), options, NOW).unwrap();
    let mut batch = one(&[("__name__", "a")], &[(NOW, 1.0)]);
    batch.push([("__name__", "b")], [(NOW, 1.0)]);
    batch.push([("__name__", "c")], [(NOW, 1.0)]);
    batch.push([("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")], [(NOW, 1.0)]);
    let done = store.append(NOW, &batch).unwrap();
    let reasons: Vec<_> = done.refused.iter().map(|r| (r.row, r.reason.clone())).collect();
    assert_eq!(reasons[0], (2, Reason::TooManySeries(2)));
    assert_eq!(reasons[1], (3, Reason::TooManyLabels { found: 4, most: 3 }));
    assert_eq!((done.stored, done.refused_samples, store.stats().series), (2, 2, 2));
    let many = one(&[("__name__", "a")], &[(NOW, 1.0); 5]);
    let error = store.append(NOW, &many).unwrap_err();
    assert!(matches!(error, crate::AppendError::Limit { found: 5, most: 4 }));
}

#[test]
fn what_is_synced_outlives_a_loss_of_power() {
    for (fsync, least) in [(crate::Fsync::Always, 40), (crate::Fsync::Interval, 30)] {
        let disk = FaultDisk::new();
        let options = Options { fsync, ..Options::new("/data") };
        let (store, _) = Store::open(Arc::new(disk.clone()), options.clone(), NOW).unwrap();
        for step in 0..40 {
            let time = NOW + step * 1000;
            store.append(time, &one(&[("__name__", "a")], &[(time, 1.0)])).unwrap();
            if step == 29 {
                store.maintain(time);
            }
        }
        drop(store);
        disk.restart_powerless(7);
        let (store, _) = Store::open(Arc::new(disk), options, NOW).unwrap();
        assert!(read(&store, "a").len() >= least, "{fsync:?}: {}", read(&store, "a").len());
    }
}

#[test]
fn a_flipped_bit_in_the_log_costs_its_record_and_mixes_no_series_up() {
    let disk = FaultDisk::new();
    let (store, _) = Store::open(Arc::new(disk.clone()), Options::new("/data"), NOW).unwrap();
    // A new series with each append, so that records of series lie all over the log.
    let names: Vec<String> = (0..40).map(|at| format!("m{at}")).collect();
    for (step, newest) in (0i64..).zip(1..=names.len()) {
        let mut batch = Batch::new();
        for (at, name) in names[..newest].iter().enumerate() {
            batch.push([("__name__", name.as_str())], [(NOW + step, at as f64)]);
        }
        store.append(NOW + step, &batch).unwrap();
    }
    drop(store);
    let log = disk.paths().into_iter().filter(|path| path.starts_with("/data/wal"));
    let log = log.max_by_key(|path| disk.bytes(path).len()).unwrap();
    let length = disk.bytes(&log).len() as u64;
    for at in (100..length - 200).step_by(61) {
        // Opening cuts and continues the log: each time from the same bytes.
        let copy = FaultDisk::new();
        copy.create_folder(std::path::Path::new("/data/wal")).unwrap();
        copy.put(&log, &disk.bytes(&log));
        copy.flip(&log, at, 2);
        let (store, lines) = Store::open(Arc::new(copy), Options::new("/data"), NOW).unwrap();
        assert!(!lines.is_empty(), "byte {at}");
        let mut found = 0;
        for (at, name) in names.iter().enumerate() {
            let samples = read(&store, name);
            assert!(samples.iter().all(|(_, bits)| *bits == (at as f64).to_bits()), "{name}");
            found += samples.len();
        }
        // Of 820 samples at most those of one append, or of a series from its first append on.
        assert!((820 - 40..820).contains(&found), "byte {at}: {found}");
    }
}

/// Three records of samples, and one of the series before them.
const MANY: i64 = 50_000;

/// Nothing that packs.
fn noise(seed: i64) -> f64 {
    (seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 30 & 0xff_ffff) as f64
}

fn many<'a>(names: &'a [String]) -> Batch<'a> {
    let mut batch = Batch::new();
    for (at, name) in (0i64..).zip(names) {
        let times = (0..MANY / 10).map(|step| (NOW - 60_000 + step, noise(at * MANY + step)));
        batch.push([("__name__", name.as_str())], times);
    }
    batch
}

#[test]
fn a_batch_that_a_crash_cuts_short_leaves_whole_records_and_is_completed_when_sent_again() {
    let names: Vec<String> = (0..10).map(|at| format!("metric_{at}")).collect();
    let batch = many(&names);
    let answered = store();
    answered.append(NOW, &batch).unwrap();
    let wanted: Vec<_> = names.iter().map(|name| read(&answered, name)).collect();

    let mut parts = std::collections::BTreeSet::new();
    for written in (0..).step_by(700) {
        let disk = FaultDisk::new();
        let open = || Store::open(Arc::new(disk.clone()), Options::new("/data"), NOW).unwrap();
        let (store, _) = open();
        store.append(NOW, &one(&[("__name__", "before")], &[(NOW, 1.0)])).unwrap();
        disk.plan(disk.steps() + 1, Fault::Crash { written });
        if store.append(NOW, &batch).is_ok() {
            break;
        }
        drop(store);
        disk.clear_plan();
        disk.restart_killed();

        let (store, _) = open();
        let there: usize = names.iter().map(|name| read(&store, name).len()).sum();
        let whole = there.is_multiple_of(20_000) || there == names.len() * 5_000;
        assert!(whole, "whole records only, not {there} samples");
        assert_eq!(read(&store, "before").len(), 1);
        parts.insert(there);
        let done = store.append(NOW, &batch).unwrap();
        assert_eq!((done.duplicates, done.stored), (there as u64, MANY as u64 - there as u64));
        let found: Vec<_> = names.iter().map(|name| read(&store, name)).collect();
        assert!(found == wanted);
        if i64::try_from(there) == Ok(MANY) {
            break;
        }
    }
    assert!(parts.contains(&0) && parts.contains(&20_000), "{parts:?}");
}
