//! One series with a lot of windows: its steps are computed in slices, with the same result, and a
//! query ends in time within it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use promql::{Engine, ErrorKind, Options};

use crate::memory::{Memory, matrix};

/// `m`: eight hours, a value each second, with resets and a gap.
fn seconds() -> Memory {
    let there = |second: &i64| !(9_000..9_900).contains(second);
    let value = |second: i64| ((second * 7_919) % 5_000 + second % 4_000) as f64 / 8.0;
    Memory::of([(
        "m",
        (0..28_800).filter(there).map(|second| (second * 1000, value(second))).collect(),
    )])
}

const FUNCTIONS: &[&str] = &[
    "avg_over_time(m[3h])",
    "sum_over_time(m[3h])",
    "min_over_time(m[3h])",
    "last_over_time(m[3h])",
    "count_over_time(m[3h] offset 10m)",
    "stddev_over_time(m[3h])",
    "quantile_over_time(0.9, m[3h])",
    "rate(m[3h])",
    "delta(m[3h])",
    "changes(m[3h])",
    "resets(m[3h])",
    "deriv(m[3h])",
    "predict_linear(m[3h], 60)",
];

#[test]
fn slices_of_steps_give_what_each_step_gives_alone() {
    let (engine, cancel, source) =
        (Engine::new(Options::default()), AtomicBool::new(false), seconds());
    let (start, end, step) = (0, 28_800_000, 180_000);
    for query in FUNCTIONS {
        let all = engine.range(&source, query, (start, end, step), &cancel).unwrap();
        assert!(all.usage.seen > 1 << 20, "{query}: {} samples", all.usage.seen);
        let all = matrix(&all);
        for at in (start..=end).step_by(180_000 * 23) {
            let alone = engine.instant(&source, query, at, &cancel).unwrap();
            let alone = matrix(&alone).at(at);
            let wanted = alone.map(f64::to_bits);
            assert_eq!(all.at(at).map(f64::to_bits), wanted, "{query} at {at}");
        }
    }
}

/// Steps whose windows would take minutes.
const LONG: (i64, i64, i64) = (10_800_000, 28_800_000, 1_800);
const SLOW: &str = "quantile_over_time(0.9, m[3h])";

#[test]
fn a_query_past_its_time_stops_within_one_series() {
    let limit = Duration::from_millis(200);
    let engine = Engine::new(Options { timeout: limit, ..Options::default() });
    let begun = Instant::now();
    let answer = engine.range(&seconds(), SLOW, LONG, &AtomicBool::new(false));
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_canceled_query_stops_within_one_series() {
    let (engine, cancel) = (Engine::new(Options::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            cancel.store(true, Ordering::Relaxed);
        });
        let begun = Instant::now();
        let answer = engine.range(&seconds(), SLOW, LONG, &cancel);
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Canceled);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    });
}
