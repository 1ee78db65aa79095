//! The engine: parses a query, evaluates it over its steps and dresses the result.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use promql_parser::parser::{self, Expr, value::ValueType};

use crate::error::{QueryError, failed};
use crate::eval::{Context, Steps};
use crate::labels::NO_TEXT;
use crate::value::{Column, Evaluated, Point, Sample, SeriesPoints, Value, absent};
use crate::{Labels, SeriesSource};

/// Bounds and defaults of an engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// How far back an instant selector looks.
    pub lookback: Duration,
    /// Samples a query may touch.
    pub max_samples: usize,
    /// Steps a range query may have.
    pub max_steps: usize,
    /// How long a query may run.
    pub timeout: Duration,
    /// The step of a subquery that names none.
    pub subquery_step: Duration,
}

impl Default for Options {
    /// Prometheus's defaults.
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(300),
            max_samples: 50_000_000,
            max_steps: 11_000,
            timeout: Duration::from_secs(120),
            subquery_step: Duration::from_secs(60),
        }
    }
}

/// A result and what there is to say about it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The result.
    pub value: Value,
    /// Likely mistakes in the query.
    pub warnings: Vec<String>,
    /// Things to know.
    pub infos: Vec<String>,
}

/// Evaluates queries over a source that each call brings. Cheap to clone: a call with other bounds
/// is one on a clone with other options, see [`Engine::with`].
#[derive(Debug, Clone)]
pub struct Engine {
    options: Options,
}

impl Engine {
    /// An engine with these bounds.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Its bounds.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The same engine with some bounds changed, for one call.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Options)) -> Self {
        let mut engine = self.clone();
        change(&mut engine.options);
        engine
    }

    /// Evaluates at one time (ms). Setting `cancel` ends the query.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn instant(
        &self,
        source: &dyn SeriesSource,
        query: &str,
        at: i64,
        cancel: &AtomicBool,
    ) -> Result<Outcome, QueryError> {
        in_range(at)?;
        let expr = parse(query)?;
        let steps = Steps { start: at, step: 1, count: 1 };
        let context = self.context(source, query, steps, cancel);
        let evaluated = context.eval(&expr, steps)?;
        let sorted = keeps_order(&expr);
        let value = instant_value(evaluated, at, sorted)?;
        Ok(context.outcome(value))
    }

    /// Evaluates from `start` to `end` (ms, both included) every `step` ms.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn range(
        &self,
        source: &dyn SeriesSource,
        query: &str,
        (start, end, step): (i64, i64, i64),
        cancel: &AtomicBool,
    ) -> Result<Outcome, QueryError> {
        let steps = self.steps(start, end, step)?;
        let expr = parse(query)?;
        if !matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
            return Err(QueryError::Parse(format!(
                "invalid expression type {:?} for range query, must be Scalar or instant Vector",
                expr.value_type().to_string()
            )));
        }
        let context = Context { is_range: true, ..self.context(source, query, steps, cancel) };
        let evaluated = context.eval(&expr, steps)?;
        Ok(context.outcome(matrix(evaluated, steps)?))
    }

    fn steps(&self, start: i64, end: i64, step: i64) -> Result<Steps, QueryError> {
        if step <= 0 {
            return Err(QueryError::Parse("zero or negative query resolution step".to_owned()));
        }
        if end < start {
            return Err(QueryError::Parse(
                "end timestamp must not be before start time".to_owned(),
            ));
        }
        in_range(start)?;
        in_range(end)?;
        let count = (end.saturating_sub(start) / step + 1) as usize;
        if count > self.options.max_steps {
            let most = self.options.max_steps;
            return Err(QueryError::Parse(format!("exceeded maximum of {most} steps")));
        }
        Ok(Steps { start, step, count })
    }

    fn context<'a>(
        &'a self,
        source: &'a dyn SeriesSource,
        query: &'a str,
        top: Steps,
        cancel: &'a AtomicBool,
    ) -> Context<'a> {
        Context {
            source,
            options: &self.options,
            query,
            top,
            is_range: false,
            cancel,
            deadline: Instant::now().checked_add(self.options.timeout),
            touched: Cell::new(0),
            warnings: RefCell::default(),
            infos: RefCell::default(),
        }
    }
}

/// Times stay where sums of a few of them and of durations cannot overflow.
fn in_range(at: i64) -> Result<(), QueryError> {
    if at.unsigned_abs() > 1 << 60 {
        return Err(QueryError::Parse(format!("time {at} ms is out of range")));
    }
    Ok(())
}

/// The expression of a query.
pub(crate) fn parse(query: &str) -> Result<Expr, QueryError> {
    parser::parse(&with_bytes_as_text(query)).map_err(QueryError::Parse)
}

/// Decodes runs of `\xHH` from 80 up, which the parser takes for characters and Prometheus for
/// bytes of UTF-8. What is no UTF-8 is kept apart.
fn with_bytes_as_text(query: &str) -> String {
    let mut text = String::with_capacity(query.len());
    let mut rest = query;
    while let Some(at) = rest.find(['\\', '`']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(raw) = rest.strip_prefix('`') {
            // Nothing is escaped between backticks.
            let end = raw.find('`').map_or(rest.len(), |end| end + 2);
            text.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(byte) = high_byte(rest) {
            bytes.push(byte);
            rest = &rest[4..];
        }
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            let kept = chunk.invalid().iter();
            text.extend(kept.filter_map(|byte| char::from_u32(NO_TEXT + u32::from(*byte))));
        }
        if bytes.is_empty() {
            // Another escape: its second character is none of ours.
            let escaped = rest.chars().take(2).map(char::len_utf8).sum();
            text.push_str(&rest[..escaped]);
            rest = &rest[escaped..];
        }
    }
    text + rest
}

fn high_byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("\\x")?.get(..2)?;
    u8::from_str_radix(digits, 16).ok().filter(|byte| *byte >= 0x80)
}

/// Does the outermost operation order its result?
fn keeps_order(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(inner) => keeps_order(&inner.expr),
        Expr::Call(call) => call.func.name.starts_with("sort"),
        Expr::Aggregate(aggregate) => {
            matches!(aggregate.op.to_string().as_str(), "topk" | "bottomk")
        }
        _ => false,
    }
}

fn instant_value(evaluated: Evaluated, at: i64, sorted: bool) -> Result<Value, QueryError> {
    Ok(match evaluated {
        Evaluated::Scalar(values) => Value::Scalar(Point { at, value: values[0] }),
        Evaluated::String(text) => Value::String(text),
        Evaluated::Vector(columns) => {
            let mut samples: Vec<_> = columns
                .into_iter()
                .filter(|column| !absent(column.values[0]))
                .map(|column| Sample {
                    point: Point { at, value: column.values[0] },
                    labels: column.final_labels(),
                })
                .collect();
            distinct(samples.iter().map(|sample| &sample.labels))?;
            if !sorted {
                samples.sort_by(|a, b| a.labels.cmp(&b.labels));
            }
            Value::Vector(samples)
        }
        Evaluated::Ranges(ranges) => {
            let end = ranges.ends[0];
            let mut all: Vec<_> = ranges
                .series
                .into_iter()
                .map(|series| SeriesPoints {
                    points: series
                        .times
                        .iter()
                        .zip(&series.values)
                        .filter(|(time, _)| **time > end - ranges.range && **time <= end)
                        .map(|(&at, &value)| Point { at, value })
                        .collect(),
                    labels: series.labels,
                })
                .filter(|series: &SeriesPoints| !series.points.is_empty())
                .collect();
            all.sort_by(|a, b| a.labels.cmp(&b.labels));
            Value::Matrix(all)
        }
    })
}

fn matrix(evaluated: Evaluated, steps: Steps) -> Result<Value, QueryError> {
    let columns = match evaluated {
        Evaluated::Scalar(values) => {
            vec![Column { labels: Labels::default(), drop_name: false, values }]
        }
        Evaluated::Vector(columns) => columns,
        Evaluated::String(_) | Evaluated::Ranges(_) => return failed("not a vector"),
    };
    let mut all: Vec<SeriesPoints> = columns
        .into_iter()
        .map(|column| SeriesPoints {
            labels: column.final_labels(),
            points: points(&column, steps),
        })
        .filter(|series| !series.points.is_empty())
        .collect();
    all.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Value::Matrix(merged(all)?))
}

fn points(column: &Column, steps: Steps) -> Vec<Point> {
    let all = steps.times().zip(&column.values);
    all.filter(|(_, value)| !absent(**value)).map(|(at, &value)| Point { at, value }).collect()
}

/// Joins series that became one when their names went; two values at one step are an error.
fn merged(all: Vec<SeriesPoints>) -> Result<Vec<SeriesPoints>, QueryError> {
    let mut result: Vec<SeriesPoints> = Vec::with_capacity(all.len());
    for series in all {
        match result.last_mut() {
            Some(last) if last.labels == series.labels => {
                last.points.extend(series.points);
                last.points.sort_by_key(|point| point.at);
                if last.points.windows(2).any(|pair| pair[0].at == pair[1].at) {
                    return failed("vector cannot contain metrics with the same labelset");
                }
            }
            _ => result.push(series),
        }
    }
    Ok(result)
}

fn distinct<'a>(all: impl Iterator<Item = &'a Labels>) -> Result<(), QueryError> {
    let mut seen = HashSet::new();
    for labels in all {
        if !seen.insert(labels) {
            return failed("vector cannot contain metrics with the same labelset");
        }
    }
    Ok(())
}
