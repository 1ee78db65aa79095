//! Prometheus's own test files, evaluated in process. Evaluations of native histograms are left out.
//! `GPULSE_PROMQLTEST` names another folder of them, such as that of a newer release.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a test program"
)]

mod notation;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use model::series::Samples;
use notation::{Loaded, duration, quoted, series, values};
use promql::{
    Engine, Labels, Matcher, Options, Outcome, QueryError, Series, SeriesSource, SourceError, Value,
};

/// The fewest evaluations of each file that must pass. Figures only ever rise.
const AT_LEAST: &[(&str, usize)] = &[
    ("aggregators", 126),
    ("at_modifier", 78),
    ("collision", 2),
    ("fill_modifier", 0),
    ("functions", 360),
    ("histograms", 93),
    ("info", 69),
    ("limit", 15),
    ("literals", 25),
    ("name_label_dropping", 30),
    ("operators", 142),
    ("range_queries", 17),
    ("selectors", 31),
    ("staleness", 17),
    ("subquery", 32),
    ("trig_functions", 19),
];

macro_rules! files {
    ($($name:ident),*) => { $(#[test] fn $name() { run(stringify!($name)); })* };
}
files!(
    aggregators,
    at_modifier,
    collision,
    fill_modifier,
    functions,
    histograms,
    info,
    limit,
    literals,
    name_label_dropping,
    operators,
    range_queries,
    selectors,
    staleness,
    subquery,
    trig_functions
);

/// What was loaded: floats, and when native histograms had a sample.
#[derive(Default)]
struct Memory {
    floats: Vec<Loading>,
    natives: Vec<(Labels, Vec<i64>)>,
    /// Did the evaluation under way ask for a native histogram? For floats?
    met_native: AtomicBool,
    met_float: AtomicBool,
}

/// A loaded series of floats.
#[derive(Default)]
struct Loading {
    labels: Labels,
    samples: Samples,
}

impl Series for &Loading {
    fn labels(&self) -> Labels {
        self.labels.clone()
    }

    fn read(&self, from: i64, to: i64, into: &mut Samples) -> Result<(), SourceError> {
        let all = self.samples.times.iter().zip(&self.samples.values);
        all.filter(|(at, _)| (from..=to).contains(*at)).for_each(|(at, v)| into.push(*at, *v));
        Ok(())
    }
}

impl SeriesSource for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        from: i64,
        to: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        let passes = |labels: &Labels| matchers.iter().all(|m| m.accepts(labels.get(&m.name)));
        let within = |times: &[i64]| times.iter().any(|at| (from..=to).contains(at));
        if self.natives.iter().any(|(labels, times)| passes(labels) && within(times)) {
            self.met_native.store(true, Ordering::Relaxed);
        }
        let all = self.floats.iter().filter(|series| passes(&series.labels));
        let all: Vec<Box<dyn Series>> = all
            .filter(|series| within(&series.samples.times))
            .map(|series| Box::new(series) as Box<dyn Series>)
            .collect();
        self.met_float.fetch_or(!all.is_empty(), Ordering::Relaxed);
        Ok(all)
    }
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    left_out: usize,
}

fn run(name: &str) {
    let root = std::env::var_os("GPULSE_PROMQLTEST").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/promqltest"),
        PathBuf::from,
    );
    let file = name.replace("fill_modifier", "fill-modifier");
    let Ok(text) = std::fs::read_to_string(root.join(format!("{file}.test"))) else {
        println!("skipped: no {file}.test in {}", root.display());
        return;
    };
    let mut tally = Tally::default();
    let mut memory = Memory::default();
    for (line, block) in blocks(&text) {
        let head = block[0].as_str();
        if head == "clear" {
            memory = Memory::default();
        } else if head.starts_with("load") {
            load(&mut memory, &block);
        } else if head.starts_with("eval") {
            if block[1..].iter().any(|line| line.contains("{{")) {
                tally.left_out += 1;
                continue;
            }
            memory.met_native.store(false, Ordering::Relaxed);
            memory.met_float.store(false, Ordering::Relaxed);
            // What met only native histograms, or fails over a mix with them, says nothing of floats.
            let answer = evaluate(&memory, &block);
            let met_native = memory.met_native.load(Ordering::Relaxed);
            let met_float = memory.met_float.load(Ordering::Relaxed);
            match answer {
                _ if met_native && !met_float => tally.left_out += 1,
                Ok(()) => tally.passed += 1,
                Err(_) if met_native => tally.left_out += 1,
                Err(why) => tally.failed.push(format!("{name}.test:{line}: {head}: {why}")),
            }
        }
    }
    for failure in &tally.failed {
        println!("{failure}");
    }
    let (passed, failed) = (tally.passed, tally.failed.len());
    println!("{name}: {passed} passed, {failed} failed, {} left out", tally.left_out);
    let least = AT_LEAST.iter().find(|row| row.0 == name).unwrap().1;
    assert!(passed >= least, "{name}: {passed} passed, {least} used to");
}

/// Commands with their indented lines, without comments.
fn blocks(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut blocks: Vec<(usize, Vec<String>)> = Vec::new();
    let starts = |line: &str| ["load", "eval", "clear"].iter().any(|word| line.starts_with(word));
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if starts(line) {
            blocks.push((at + 1, vec![trimmed.to_owned()]));
        } else if let Some(block) = blocks.last_mut() {
            block.1.push(trimmed.to_owned());
        }
    }
    blocks
}

fn load(memory: &mut Memory, block: &[String]) {
    let (word, step) = block[0].split_once(' ').unwrap();
    let step = duration(step);
    for line in &block[1..] {
        let (labels, rest) = series(line);
        let mut loading = Loading { labels, ..Loading::default() };
        let mut native = Vec::new();
        for (at, loaded) in values(rest).into_iter().enumerate() {
            let at = at as i64 * step;
            match loaded {
                Loaded::Gap => {}
                Loaded::Native => native.push(at),
                Loaded::Float(value) => {
                    loading.samples.push(at, value);
                }
            }
        }
        let name = loading.labels.get("__name__");
        if let Some(base) = name.strip_suffix("_bucket").filter(|_| word == "load_with_nhcb") {
            // Upstream also makes a native histogram of each classic one, under the bare name.
            let pairs =
                loading.labels.iter().filter(|(name, _)| !["le", "__name__"].contains(name));
            let labels = Labels::new(pairs.chain([("__name__", base)]));
            memory.natives.push((labels, loading.samples.times.clone()));
        }
        memory.floats.retain(|series| series.labels != loading.labels);
        memory.natives.push((loading.labels.clone(), native));
        memory.floats.push(loading);
    }
}

fn evaluate(memory: &Memory, block: &[String]) -> Result<(), String> {
    let head = block[0].strip_prefix("eval").unwrap();
    let head = head.trim_start_matches("_fail").trim();
    let engine = Engine::new(Options::default());
    let cancel = AtomicBool::new(false);
    let (outcome, times) = if let Some(rest) = head.strip_prefix("instant at ") {
        let (at, query) = rest.split_once(char::is_whitespace).unwrap();
        let at = duration(at);
        (engine.instant(memory, query.trim(), at, &cancel), vec![at])
    } else {
        let words: Vec<&str> = head.splitn(8, ' ').collect();
        let (from, to, step) = (duration(words[2]), duration(words[4]), duration(words[6]));
        let times = (from..=to).step_by(step as usize).collect();
        (engine.range(memory, words[7].trim(), (from, to, step), &cancel), times)
    };
    if block[0].starts_with("eval_fail") {
        return outcome.err().map(|_| ()).ok_or_else(|| "did not fail".to_owned());
    }
    check(outcome, &times, &block[1..])
}

fn check(
    outcome: Result<Outcome, QueryError>,
    plain: &[i64],
    lines: &[String],
) -> Result<(), String> {
    let (expects, rows): (Vec<&String>, Vec<&String>) =
        lines.iter().partition(|line| line.starts_with("expect"));
    if let Some(fail) = expects.iter().find(|line| line.starts_with("expect fail")) {
        let Err(error) = outcome else { return Err("did not fail".to_owned()) };
        return said(fail, "expect fail", &[error.to_string()]);
    }
    let outcome = outcome.map_err(|error| error.to_string())?;
    for expect in &expects {
        for (word, notes) in [("warn", &outcome.warnings), ("info", &outcome.infos)] {
            if expect.starts_with(&format!("expect no_{word}")) && !notes.is_empty() {
                return Err(format!("unexpected {word}: {notes:?}"));
            }
            let wanted = format!("expect {word}");
            if expect.starts_with(&wanted) {
                said(expect, &wanted, notes)?;
            }
        }
        if let Some(text) = expect.strip_prefix("expect string ") {
            let wanted = quoted(text).0;
            return match outcome.value {
                Value::String(text) if text == wanted => Ok(()),
                other => Err(format!("{other:?}")),
            };
        }
    }
    let times = expects.iter().find_map(|line| {
        let words: Vec<_> = line.strip_prefix("expect range vector from ")?.split(' ').collect();
        let step = duration(words[4]) as usize;
        Some((duration(words[0])..=duration(words[2])).step_by(step).collect::<Vec<i64>>())
    });
    let times = times.as_deref().unwrap_or(plain);
    let ordered = expects.iter().any(|line| line.starts_with("expect ordered"));
    compare(&outcome.value, times, &rows, ordered)
}

fn said(expect: &str, prefix: &str, notes: &[String]) -> Result<(), String> {
    let rest = expect[prefix.len()..].trim();
    let found = if let Some(text) = rest.strip_prefix("msg:") {
        notes.iter().any(|note| note.contains(text.trim()))
    } else if let Some(pattern) = rest.strip_prefix("regex:") {
        let regex = regex::Regex::new(pattern.trim()).unwrap();
        notes.iter().any(|note| regex.is_match(note))
    } else {
        !notes.is_empty()
    };
    if found { Ok(()) } else { Err(format!("wanted {expect:?}, got {notes:?}")) }
}

/// A series with one optional value per step.
type Row = (Labels, Vec<Option<f64>>);

fn compare(value: &Value, times: &[i64], rows: &[&String], ordered: bool) -> Result<(), String> {
    let mut got: Vec<Row> = match value {
        Value::Scalar(point) => vec![(Labels::default(), vec![Some(point.value)])],
        Value::String(text) => return Err(format!("a string: {text}")),
        Value::Vector(samples) => {
            samples.iter().map(|s| (s.labels.clone(), vec![Some(s.point.value)])).collect()
        }
        Value::Matrix(all) => all
            .iter()
            .map(|series| {
                let at = |time: &i64| series.points.iter().find(|p| p.at == *time);
                let values = times.iter().map(|time| at(time).map(|point| point.value));
                (series.labels.clone(), values.collect())
            })
            .collect(),
    };
    let mut wanted: Vec<Row> = rows
        .iter()
        .map(|row| {
            let (labels, rest) =
                if row.starts_with(|c: char| c.is_ascii_digit() || "+-.NI".contains(c)) {
                    (Labels::default(), row.as_str())
                } else {
                    series(row)
                };
            let value = |loaded| if let Loaded::Float(value) = loaded { Some(value) } else { None };
            let mut values: Vec<_> = values(rest).into_iter().map(value).collect();
            values.resize(times.len(), None);
            (labels, values)
        })
        .filter(|row: &Row| row.1.iter().any(Option::is_some))
        .collect();
    if !ordered {
        got.sort_by(|a, b| a.0.cmp(&b.0));
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let same = got.len() == wanted.len()
        && got.iter().zip(&wanted).all(|(a, b)| {
            a.0 == b.0 && a.1.len() == b.1.len() && a.1.iter().zip(&b.1).all(|(a, b)| near(*a, *b))
        });
    if same { Ok(()) } else { Err(format!("got {got:?}, wanted {wanted:?}")) }
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            (a.is_nan() && b.is_nan())
                || a.to_bits() == b.to_bits()
                || (a - b).abs() <= 1e-6 * (a.abs() + b.abs()).max(f64::MIN_POSITIVE)
        }
        (None, None) => true,
        _ => false,
    }
}
