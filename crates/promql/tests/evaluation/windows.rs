//! Windows and their edges: lookback, staleness, `@`, `offset`, subqueries, and what repeats.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use model::series::STALE_NAN;
use promql::{Engine, Labels, Matcher, Options, Series, SeriesSource, SourceError, Value};

use crate::memory::{Memory, matrix};

/// `m`: the time in minutes every minute up to an hour, but for a marker at 10 and a gap from 20 to 40.
fn minutes() -> Memory {
    let there = |minute: &i64| !(20..40).contains(minute);
    let value = |minute: i64| if minute == 10 { STALE_NAN } else { minute as f64 };
    let samples = (0..=60).filter(there).map(|minute| (minute * 60_000, value(minute)));
    Memory::of([("m", samples.collect())])
}

fn at(query: &str, ms: i64) -> Option<f64> {
    let engine = Engine::new(Options::default());
    let outcome = engine.instant(&minutes(), query, ms, &AtomicBool::new(false)).unwrap();
    matrix(&outcome).at(ms)
}

fn over(query: &str, (start, end, step): (i64, i64, i64)) -> Vec<(i64, f64)> {
    let engine = Engine::new(Options::default());
    let steps = (start * 60_000, end * 60_000, step * 60_000);
    let outcome = engine.range(&minutes(), query, steps, &AtomicBool::new(false)).unwrap();
    let Value::Matrix(all) = outcome.value else { panic!("no matrix") };
    let points = all.into_iter().flat_map(|series| series.points);
    points.map(|point| (point.at / 60_000, point.value)).collect()
}

#[test]
fn a_sample_is_seen_for_less_than_the_lookback() {
    assert_eq!(at("m", 19 * 60_000), Some(19.0));
    assert_eq!(at("m", 24 * 60_000 - 1), Some(19.0));
    // The window is open on the left: after exactly five minutes it is gone.
    assert_eq!(at("m", 24 * 60_000), None);
    assert_eq!(at("m", -1), None);
}

#[test]
fn a_marker_ends_a_series_at_once_and_the_next_sample_begins_it_again() {
    assert_eq!(at("m", 10 * 60_000 - 1), Some(9.0));
    assert_eq!(at("m", 10 * 60_000), None);
    assert_eq!(at("m", 11 * 60_000 - 1), None);
    assert_eq!(at("m", 11 * 60_000), Some(11.0));
    assert_eq!(over("m", (8, 12, 1)), [(8, 8.0), (9, 9.0), (11, 11.0), (12, 12.0)]);
}

#[test]
fn a_marker_is_no_sample_of_a_window() {
    assert_eq!(at("count_over_time(m[5m])", 12 * 60_000), Some(4.0));
    assert_eq!(at("count_over_time(m[1m])", 10 * 60_000), None);
    assert_eq!(at("absent_over_time(m[1m])", 10 * 60_000), Some(1.0));
}

#[test]
fn a_window_is_open_on_the_left_and_closed_on_the_right() {
    assert_eq!(at("count_over_time(m[2m])", 3 * 60_000), Some(2.0));
    assert_eq!(at("first_over_time(m[2m])", 3 * 60_000), Some(2.0));
    assert_eq!(at("last_over_time(m[2m])", 3 * 60_000), Some(3.0));
    assert_eq!(at("count_over_time(m[2m])", 3 * 60_000 - 1), Some(2.0));
}

#[test]
fn an_offset_moves_the_window_either_way() {
    assert_eq!(at("m offset 3m", 8 * 60_000), Some(5.0));
    assert_eq!(at("m offset -3m", 2 * 60_000), Some(5.0));
    assert_eq!(over("m offset 15m", (50, 56, 2)), [(56, 41.0)]);
}

#[test]
fn at_pins_all_steps_to_one_time() {
    assert_eq!(over("m @ 300", (1, 3, 1)), [(1, 5.0), (2, 5.0), (3, 5.0)]);
    assert_eq!(over("m @ end()", (1, 3, 1)), [(1, 3.0), (2, 3.0), (3, 3.0)]);
    assert_eq!(over("sum_over_time(m[3m] @ start())", (5, 6, 1)), [(5, 12.0), (6, 12.0)]);
    assert_eq!(over("m @ 300 offset 1m", (1, 2, 1)), [(1, 4.0), (2, 4.0)]);
}

#[test]
fn a_subquery_steps_at_multiples_of_its_step() {
    // At 8:30 over (4:30, 8:30] every two minutes: 6 and 8.
    assert_eq!(at("sum_over_time(m[4m:2m])", 8 * 60_000 + 30_000), Some(14.0));
    assert_eq!(at("count_over_time(m[4m:2m] offset 1m)", 8 * 60_000), Some(2.0));
    assert_eq!(at("sum_over_time(m[4m:1m] @ 300)", 50 * 60_000), Some(2.0 + 3.0 + 4.0 + 5.0));
    assert_eq!(over("max_over_time(m[3m:1m] offset -2m)", (1, 2, 1)), [(1, 3.0), (2, 4.0)]);
    // A window before all time holds nothing.
    assert_eq!(at("sum_over_time(m[1m:1m])", -600_000), None);
}

#[test]
fn a_subquery_within_a_subquery_sees_what_it_sees_alone() {
    let inner = "max_over_time(m[2m])";
    let nested = format!("sum_over_time(sum_over_time(({inner})[3m:1m])[4m:2m])");
    let alone = |minute: i64| {
        let inner = |minute| at(inner, minute * 60_000).unwrap();
        (minute - 2..=minute).map(inner).sum::<f64>()
    };
    assert_eq!(at(&nested, 8 * 60_000), Some(alone(6) + alone(8)));
}

/// Counts what is selected and read.
#[derive(Default)]
struct Counted {
    selections: Mutex<Vec<String>>,
    reads: AtomicUsize,
}

struct One<'a>(&'a Counted);

impl Series for One<'_> {
    fn labels(&self) -> Labels {
        Labels::new([("__name__", "m")])
    }

    fn read(
        &self,
        from: i64,
        to: i64,
        into: &mut model::series::Samples,
    ) -> Result<(), SourceError> {
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        (0..100).map(|at| at * 60_000).filter(|at| (from..=to).contains(at)).for_each(|at| {
            into.push(at, at as f64);
        });
        Ok(())
    }
}

impl SeriesSource for Counted {
    fn select(
        &self,
        matchers: &[Matcher],
        from: i64,
        to: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        let name = &matchers[0].value;
        self.selections.lock().unwrap().push(format!("{name} {from} {to}"));
        Ok(vec![Box::new(One(self))])
    }
}

#[test]
fn what_repeats_in_a_query_is_fetched_and_evaluated_once() {
    let source = Counted::default();
    let engine = Engine::new(Options::default());
    let ask = |query: &str| {
        source.selections.lock().unwrap().clear();
        source.reads.store(0, Ordering::Relaxed);
        let steps = (600_000, 1_200_000, 60_000);
        engine.range(&source, query, steps, &AtomicBool::new(false)).unwrap();
        (source.selections.lock().unwrap().len(), source.reads.load(Ordering::Relaxed))
    };
    assert_eq!(ask("rate(m[5m])"), (1, 1));
    assert_eq!(ask("sum(rate(m[5m])) / sum(rate(m[5m]))"), (1, 1));
    assert_eq!(ask("rate(m[5m]) / rate(m[5m]) > rate(m[5m])"), (1, 1));
    // The same samples for two functions: selected once, read by each.
    assert_eq!(ask("max_over_time(m[5m]) - min_over_time(m[5m])"), (1, 2));
    assert_eq!(ask("rate(m[5m]) - rate(m[5m] offset 1m)"), (2, 2));
}
