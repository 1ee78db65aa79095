//! The fast kernels against the plain thing: each window cut out by itself and computed as
//! Prometheus's documentation and source describe it, on random series with gaps, markers, resets and
//! odd numbers. Results have to be the same to the last bit.

use std::sync::atomic::AtomicBool;

use crate::memory::{Memory, matrix};
use crate::plain;
use model::series::{STALE_NAN, is_stale};
use promql::{Engine, Options};
use proptest::prelude::*;

/// Samples of one series: time and value, ascending.
type Timed = Vec<(i64, f64)>;

/// Values of one kind: whole numbers, decimals, counters with resets, wide ranges, odd ones.
fn value(kind: u8, at: usize, random: f64) -> f64 {
    match kind {
        0 => (random * 100.0).floor(),
        1 => (random * 700_000.0).round() / 1000.0,
        2 => at as f64 * 10.7 % 173.3 + random,
        3 => (random - 0.5) * 10_f64.powi((at % 40) as i32 - 20),
        4 => [0.0, -0.0, 1.0, f64::NAN][at % 4] + (random * 2.0).floor(),
        5 if random < 0.03 => f64::INFINITY,
        5 if random < 0.05 => f64::NAN,
        6 => f64::MAX * (random - 0.3),
        7 => 42.5,
        _ => (at as f64 * 100.0 * random).sqrt(),
    }
}

fn series() -> impl Strategy<Value = Timed> {
    let steps = prop::collection::vec((0_u8..20, 0.0..1.0_f64), 0..160);
    (0_u8..9, 1_i64..40, steps).prop_map(|(kind, every, steps)| {
        let mut time = 1_000_000;
        let mut all = Vec::new();
        for (at, (what, random)) in steps.into_iter().enumerate() {
            time += every * 1000;
            match what {
                0 => time += every * 15_000,
                1 => time += (random * 900.0) as i64,
                2 => all.push((time, STALE_NAN)),
                _ => all.push((time, value(kind, at, random))),
            }
        }
        all
    })
}

fn same(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || a == b,
        (a, b) => a == b,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_kernel_gives_what_plain_computation_gives(
        samples in series(),
        range_s in 1_i64..1500,
        step_s in 1_i64..200,
        offset_s in prop_oneof![-100_i64..0, 1_i64..100],
        q in -0.1..1.1_f64,
    ) {
        let memory = Memory::of([("m", samples.clone())]);
        let (start, end) = (1_000_000, 1_000_000 + 60 * step_s * 1000);
        let engine = Engine::new(Options::default());
        let kept: Timed = samples.into_iter().filter(|(_, v)| !is_stale(*v)).collect();
        for (query, plain) in plain::FUNCTIONS {
            let selector = format!("m[{range_s}s] offset {offset_s}s");
            let query = query.replace('S', &selector).replace('Q', &format!("{q:?}"));
            let steps = (start, end, step_s * 1000);
            let outcome = engine.range(&memory, &query, steps, &AtomicBool::new(false)).unwrap();
            let got = matrix(&outcome);
            for at in (start..=end).step_by(step_s as usize * 1000) {
                let window = plain::Window::of(&kept, at, offset_s * 1000, range_s * 1000, q);
                let (expected, found) = (plain(&window), got.at(at));
                prop_assert!(same(expected, found), "{query} at {at}: {found:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn an_instant_selector_gives_the_newest_sample_unless_it_is_old_or_a_marker(
        samples in series(),
        step_s in 1_i64..200,
    ) {
        let memory = Memory::of([("m", samples.clone())]);
        let (start, end) = (1_000_000, 1_000_000 + 60 * step_s * 1000);
        let engine = Engine::new(Options::default());
        let steps = (start, end, step_s * 1000);
        let outcome = engine.range(&memory, "m", steps, &AtomicBool::new(false)).unwrap();
        let got = matrix(&outcome);
        for at in (start..=end).step_by(step_s as usize * 1000) {
            let newest = samples.iter().rfind(|(time, _)| *time <= at);
            let there = newest.filter(|(time, v)| *time > at - 300_000 && !is_stale(*v));
            prop_assert!(same(there.map(|s| s.1), got.at(at)));
            let one = engine.instant(&memory, "m", at, &AtomicBool::new(false)).unwrap();
            prop_assert!(same(there.map(|s| s.1), matrix(&one).at(at)));
        }
    }

    #[test]
    fn aggregations_give_what_plain_computation_gives(
        columns in prop::collection::vec(series(), 1..40),
        groups in 1_usize..4,
    ) {
        let named: Vec<_> =
            columns.iter().enumerate().map(|(at, s)| (format!("m{}", at % groups), s.clone())).collect();
        let memory = Memory::numbered(named);
        let engine = Engine::new(Options::default());
        let at = 1_400_000;
        for (op, plain) in plain::AGGREGATIONS {
            let query = format!("{op}{{__name__=~\"m.*\"}})").replace("OP", op);
            let outcome = engine.instant(&memory, &query, at, &AtomicBool::new(false)).unwrap();
            let got = matrix(&outcome);
            for group in 0..groups {
                let newest = |samples: &Timed| {
                    let newest = samples.iter().rfind(|(time, _)| *time <= at).copied();
                    newest.filter(|(time, v)| *time > at - 300_000 && !is_stale(*v)).map(|s| s.1)
                };
                let members = columns.iter().skip(group).step_by(groups);
                let values: Vec<f64> = members.filter_map(newest).collect();
                let expected = (!values.is_empty()).then(|| plain(&values));
                let found = got.of(&format!("m{group}"), at);
                let near = match (expected, found) {
                    (Some(a), Some(b)) => {
                        same(expected, found) || (a - b).abs() <= 1e-14 * a.abs().max(b.abs())
                    }
                    (a, b) => a == b,
                };
                prop_assert!(near, "{query}: {found:?}, not {expected:?} of {values:?}");
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let samples = |series: usize| -> Timed {
        let value = |at: usize| ((at * 7919 + series * 104_729) % 10_007) as f64 / 1000.0;
        (0..1200).map(|at| (at as i64 * 15_000, value(at))).collect()
    };
    let memory =
        Memory::numbered((0..400).map(|at| (format!("m{}", at % 3), samples(at))).collect());
    let all = |threads: usize, query: &str| {
        let engine = Engine::new(Options { threads, ..Options::default() });
        let steps = (0, 18_000_000, 60_000);
        engine.range(&memory, query, steps, &AtomicBool::new(false)).unwrap().value
    };
    for query in [
        "sum by (__name__) ({__name__=~\"m.*\"})",
        "avg({__name__=~\"m.*\"})",
        "stddev({__name__=~\"m.*\"})",
        "quantile(0.9, {__name__=~\"m.*\"})",
        "sum(avg_over_time({__name__=~\"m.*\"}[10m]))",
        "rate({__name__=~\"m.*\"}[5m])",
        "topk(3, {__name__=~\"m.*\"})",
    ] {
        assert_eq!(format!("{:?}", all(1, query)), format!("{:?}", all(8, query)), "{query}");
    }
}
