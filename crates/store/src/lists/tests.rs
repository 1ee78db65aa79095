//! What a window lists, of the head and of blocks.

use std::sync::Arc;

use journal::faulty::FaultDisk;
use model::series::{Matcher, MatcherOp};

use crate::{Batch, Options, Store};

const MINUTE: i64 = 60_000;
const NOW: i64 = 1_795_320_000_000;

/// `early` has samples in the first ten minutes, `late` in those from `later` on.
fn store(later: i64) -> Store {
    let disk = Arc::new(FaultDisk::new());
    let store = Store::open(disk, Options::new("/data"), NOW).unwrap().0;
    for (name, label, start) in [("early", "old", NOW), ("late", "new", later)] {
        let times = (0..40i64).map(|at| (start + at * 15_000, 1.0));
        let mut batch = Batch::new();
        batch.push([("__name__", name), (label, "1"), ("gpu", "0")], times);
        let refused = store.append(later + 10 * MINUTE, &batch).unwrap().refused_samples;
        assert_eq!(refused, 0);
    }
    store
}

fn gpu() -> Vec<Matcher> {
    vec![Matcher { name: "gpu".to_owned(), op: MatcherOp::Equal, value: "0".to_owned() }]
}

/// Names of metrics, names of labels and series of a window, each asked with and without a matcher.
fn listed(store: &Store, from: i64, to: i64) -> (Vec<String>, Vec<String>, Vec<String>) {
    let values = |m: &[Matcher]| store.label_values("__name__", m, from, to, 100).unwrap().items;
    let names = |m: &[Matcher]| store.label_names(m, from, to, 100).unwrap().items;
    assert_eq!(values(&[]), values(&gpu()));
    assert_eq!(names(&[]), names(&gpu()));
    let series = store.series(&gpu(), from, to, 100).unwrap().items;
    let series = series.iter().map(|labels| labels.name().to_owned()).collect();
    (values(&[]), names(&[]), series)
}

#[test]
fn a_window_lists_the_series_of_the_head_that_reach_into_it() {
    let later = NOW + 60 * MINUTE;
    let store = store(later);
    let early = listed(&store, NOW, NOW + 10 * MINUTE);
    assert_eq!(early.0, ["early"]);
    assert_eq!(early.1, ["__name__", "gpu", "old"]);
    assert_eq!(early.2, ["early"]);
    let late = listed(&store, later, later + 10 * MINUTE);
    assert_eq!((late.0, late.2), (vec!["late".to_owned()], vec!["late".to_owned()]));
    assert_eq!(late.1, ["__name__", "gpu", "new"]);
    let all = listed(&store, i64::MIN, i64::MAX);
    assert_eq!((all.0, all.2.len()), (vec!["early".to_owned(), "late".to_owned()], 2));
    let before = listed(&store, NOW - MINUTE, NOW - 1);
    assert_eq!(before, (Vec::new(), Vec::new(), Vec::new()));
}

#[test]
fn a_window_lists_the_series_of_a_block_with_a_sample_in_it() {
    // Both in one window of two hours, which is cut.
    let later = NOW + 60 * MINUTE;
    let store = store(later);
    let after = NOW + 180 * MINUTE;
    let mut batch = Batch::new();
    batch.push([("__name__", "now"), ("gpu", "0")], [(after, 1.0)]);
    store.append(after, &batch).unwrap();
    assert_eq!(store.maintain(after), Vec::<String>::new());
    assert_eq!(store.maintain(after + 1), Vec::<String>::new());
    assert!(store.stats().blocks > 0);
    assert_eq!(listed(&store, NOW, NOW + 10 * MINUTE).2, ["early"]);
    assert_eq!(listed(&store, later, later + 10 * MINUTE).2, ["late"]);
    assert_eq!(listed(&store, NOW, later + 10 * MINUTE).2, ["early", "late"]);
    assert_eq!(listed(&store, after, after).0, ["now"]);
}
