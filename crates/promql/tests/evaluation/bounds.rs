//! What a query may not do: its errors, their kinds and its limits.

use std::sync::atomic::AtomicBool;

use model::series::Samples;
use promql::{
    Engine, ErrorKind, Labels, Matcher, Options, Series, SeriesSource, SourceError, Value,
};

/// One series `up` with a sample every 10 s.
struct Up;

impl Series for Up {
    fn labels(&self) -> Labels {
        Labels::new([("__name__", "up"), ("job", "a")])
    }

    fn read(&self, from: i64, to: i64, into: &mut Samples) -> Result<(), SourceError> {
        let times = (0..1000).map(|i| i * 10_000).filter(|at| *at >= from && *at <= to);
        times.for_each(|at| into.push(at, 1.0));
        Ok(())
    }
}

impl SeriesSource for Up {
    fn select(
        &self,
        matchers: &[Matcher],
        _: i64,
        _: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        let labels = Self.labels();
        let passes = matchers.iter().all(|matcher| matcher.accepts(labels.get(&matcher.name)));
        Ok(if passes { vec![Box::new(Self)] } else { Vec::new() })
    }
}

fn kind(options: Options, query: &str, canceled: bool) -> ErrorKind {
    let engine = Engine::new(options);
    let cancel = AtomicBool::new(canceled);
    engine.range(&Up, query, (0, 1_000_000, 10_000), &cancel).unwrap_err().kind()
}

#[test]
fn what_is_not_promql_is_bad_data() {
    assert_eq!(kind(Options::default(), "up{", false), ErrorKind::BadData);
    assert_eq!(kind(Options::default(), "up[5m]", false), ErrorKind::BadData);
    assert_eq!(kind(Options::default(), "no_such_function(up)", false), ErrorKind::BadData);
}

#[test]
fn a_number_that_the_parser_cannot_hold_is_bad_data_too() {
    for query in ["a[77777777777777777777777777777]", "a offset 1e30", "sum_over_time(a[5m:1e300])"]
    {
        assert_eq!(kind(Options::default(), query, false), ErrorKind::BadData, "{query}");
    }
}

#[test]
fn a_canceled_query_stops() {
    assert_eq!(kind(Options::default(), "up", true), ErrorKind::Canceled);
}

#[test]
fn a_query_past_its_time_stops() {
    let options = Options { timeout: std::time::Duration::ZERO, ..Options::default() };
    assert_eq!(kind(options, "up", false), ErrorKind::Timeout);
}

#[test]
fn a_query_over_too_many_samples_fails() {
    let options = Options { max_samples: 50, ..Options::default() };
    assert_eq!(kind(options, "up", false), ErrorKind::Execution);
}

fn message(options: Options, query: &str) -> String {
    let steps = (0, 1_000_000, 10_000);
    let answer = Engine::new(options).range(&Up, query, steps, &AtomicBool::new(false));
    answer.unwrap_err().to_string()
}

#[test]
fn an_error_of_a_bound_names_it_and_the_way_below() {
    let few = Options { max_samples: 50, ..Options::default() };
    let text = message(few, "sum_over_time(up[10m])");
    assert!(text.contains("more than 50 samples") && text.contains("fewer series"), "{text}");
    let small = Options { max_bytes: 500, ..Options::default() };
    let text = message(small, "up");
    assert!(text.contains("more than 500 bytes") && text.contains("larger steps"), "{text}");
    let short = Options { max_steps: 10, ..Options::default() };
    let text = message(short, "up");
    assert!(text.contains("maximum resolution of 10 points"), "{text}");
}

#[test]
fn results_between_operators_count_as_held() {
    let options = Options { max_bytes: 20_000, ..Options::default() };
    let sides = (0..20).map(|at| format!("(up + {at})"));
    let query = sides.collect::<Vec<_>>().join(" - ");
    assert_eq!(kind(options.clone(), &query, false), ErrorKind::Execution);
    let cancel = AtomicBool::new(false);
    let answer = Engine::new(options).range(&Up, "up", (0, 1_000_000, 10_000), &cancel).unwrap();
    assert!(answer.usage.samples >= 100 && answer.usage.bytes > 800, "{:?}", answer.usage);
}

/// Many series of which reading one sets the flag.
struct Canceling<'a>(&'a AtomicBool, &'a std::sync::atomic::AtomicUsize);

impl Series for Canceling<'_> {
    fn labels(&self) -> Labels {
        Up.labels()
    }

    fn read(&self, from: i64, to: i64, into: &mut Samples) -> Result<(), SourceError> {
        if self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 100 {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        Up.read(from, to, into)
    }
}

impl SeriesSource for Canceling<'_> {
    fn select(
        &self,
        _: &[Matcher],
        _: i64,
        _: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        Ok((0..100_000).map(|_| Box::new(Canceling(self.0, self.1)) as Box<dyn Series>).collect())
    }
}

#[test]
fn a_query_canceled_on_its_way_stops_soon() {
    let (cancel, reads) = (AtomicBool::new(false), std::sync::atomic::AtomicUsize::new(0));
    let source = Canceling(&cancel, &reads);
    let engine = Engine::new(Options { threads: 4, ..Options::default() });
    let answer = engine.range(&source, "sum(up)", (0, 1_000_000, 10_000), &cancel);
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Canceled);
    assert!(reads.into_inner() < 2000);
}

/// A source that cannot be read.
struct Broken;

impl SeriesSource for Broken {
    fn select(
        &self,
        _: &[Matcher],
        _: i64,
        _: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        Err(SourceError("block 7 is damaged".to_owned()))
    }
}

#[test]
fn a_source_that_fails_is_an_error_with_its_cause() {
    let error = Engine::new(Options::default())
        .instant(&Broken, "up", 0, &AtomicBool::new(false))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Execution);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("block 7"));
}

#[test]
fn a_nested_query_fits_the_stack_of_a_thread() {
    let deep = format!("{}up{}", "abs(".repeat(1900), ")".repeat(1900));
    let chain = vec!["up"; 1900].join(" + ");
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        for query in [deep, chain] {
            let cancel = AtomicBool::new(false);
            assert!(Engine::new(Options::default()).instant(&Up, &query, 0, &cancel).is_ok());
        }
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn a_subquery_with_a_tiny_step_is_refused_before_it_is_evaluated() {
    assert_eq!(
        kind(Options::default(), "sum_over_time(up[100y:1ms])", false),
        ErrorKind::Execution
    );
}

#[test]
fn a_range_query_has_a_bound_on_its_steps() {
    let engine = Engine::new(Options::default());
    let cancel = AtomicBool::new(false);
    for (start, end, step) in [(0, 11_000, 1), (0, 10, 0), (10, 0, 1), (i64::MIN, i64::MAX, 1)] {
        let error = engine.range(&Up, "up", (start, end, step), &cancel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadData, "{error}");
    }
}

#[test]
fn odd_times_are_no_reason_to_panic() {
    let engine = Engine::new(Options::default());
    let cancel = AtomicBool::new(false);
    for at in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX] {
        for query in ["up", "rate(up[5m])", "sum_over_time(up[1h:1m])", "minute()", "up offset 1y"]
        {
            let answer = engine.instant(&Up, query, at, &cancel);
            assert!(answer.is_ok() || answer.is_err_and(|e| e.kind() == ErrorKind::BadData));
        }
    }
}

#[test]
fn bytes_of_a_string_become_text() {
    let engine = Engine::new(Options::default());
    let answer = engine.instant(&Up, r#""\xc3\xa9""#, 0, &AtomicBool::new(false)).unwrap();
    assert!(matches!(answer.value, Value::String(text) if text == "é"));
    let raw = engine.instant(&Up, r"`\xc3\xa9`", 0, &AtomicBool::new(false)).unwrap();
    assert!(matches!(raw.value, Value::String(text) if text == r"\xc3\xa9"));
}

#[test]
fn a_warning_names_the_place_of_its_argument() {
    let engine = Engine::new(Options::default());
    for (query, place) in [
        ("quantile(2, up)", "(1:10)"),
        ("quantile by (job) ( 2, up)", "(1:21)"),
        ("up +\n quantile(2, up)", "(2:11)"),
    ] {
        let answer = engine.instant(&Up, query, 0, &AtomicBool::new(false)).unwrap();
        assert!(answer.warnings[0].ends_with(place), "{query}: {:?}", answer.warnings);
    }
}
