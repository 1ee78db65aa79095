//! The walk over the expression: selectors, subqueries, and dispatch to operators and functions.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use promql_parser::label::MatchOp;
use promql_parser::parser::{
    AtModifier, Expr, MatrixSelector, Offset, SubqueryExpr, VectorSelector,
};

use crate::engine::{Options, Outcome};
use crate::error::{QueryError, failed};
use model::series::{Matcher, MatcherOp, SeriesSource, is_stale};

use crate::value::{ABSENT, Column, Evaluated, Ranges, Samples, Value};
use crate::{aggregate, binary, functions};

/// The times of an evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) start: i64,
    pub(crate) step: i64,
    pub(crate) count: usize,
}

impl Steps {
    pub(crate) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count as i64).map(move |i| self.start + i * self.step)
    }

    fn end(self) -> i64 {
        self.start + (self.count as i64 - 1) * self.step
    }
}

/// One series, decoded.
pub(crate) struct Columns {
    labels: crate::Labels,
    times: Vec<i64>,
    values: Vec<f64>,
}

/// One query under way.
pub(crate) struct Context<'a> {
    pub(crate) source: &'a dyn SeriesSource,
    pub(crate) options: &'a Options,
    pub(crate) query: &'a str,
    /// The steps of the whole query, for `@ start()` and `@ end()`.
    pub(crate) top: Steps,
    pub(crate) is_range: bool,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) deadline: Option<Instant>,
    pub(crate) touched: Cell<usize>,
    pub(crate) warnings: RefCell<Vec<String>>,
    pub(crate) infos: RefCell<Vec<String>>,
}

impl Context<'_> {
    pub(crate) fn outcome(&self, value: Value) -> Outcome {
        Outcome { value, warnings: self.warnings.take(), infos: self.infos.take() }
    }

    pub(crate) fn warn(&self, message: &str) {
        note(&self.warnings, format!("PromQL warning: {message}"));
    }

    pub(crate) fn info(&self, message: &str) {
        note(&self.infos, format!("PromQL info: {message}"));
    }

    /// Where an argument of a function begins, as `(line:column)`: that of its first call in the text.
    pub(crate) fn argument(&self, function: &str, index: usize) -> String {
        self.position(function, Some(index))
    }

    /// Where a call begins, as `(line:column)`.
    pub(crate) fn whole(&self, function: &str) -> String {
        self.position(function, None)
    }

    fn position(&self, function: &str, argument: Option<usize>) -> String {
        let (call, open) = first_call(self.query, function);
        let at = argument.map_or(call, |index| argument_start(self.query, open, index));
        let before = &self.query[..at.min(self.query.len())];
        let line = before.matches('\n').count() + 1;
        format!("({line}:{})", before.rsplit('\n').next().unwrap_or_default().len() + 1)
    }

    /// Counts samples against the bound, and hears a cancel and the deadline.
    pub(crate) fn touch(&self, samples: usize) -> Result<(), QueryError> {
        self.touched.set(self.touched.get().saturating_add(samples));
        if self.cancel.load(Ordering::Relaxed) {
            return Err(QueryError::Canceled);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(QueryError::Timeout);
        }
        if self.touched.get() > self.options.max_samples {
            return Err(QueryError::TooManySamples);
        }
        Ok(())
    }

    pub(crate) fn eval(&self, expr: &Expr, steps: Steps) -> Result<Evaluated, QueryError> {
        self.touch(steps.count)?;
        Ok(match expr {
            Expr::NumberLiteral(number) => Evaluated::Scalar(vec![number.val; steps.count]),
            Expr::StringLiteral(text) => Evaluated::String(text.val.clone()),
            Expr::Paren(inner) => self.eval(&inner.expr, steps)?,
            Expr::Unary(unary) => negated(self.eval(&unary.expr, steps)?),
            Expr::VectorSelector(selector) => Evaluated::Vector(self.instants(selector, steps)?.0),
            Expr::MatrixSelector(selector) => Evaluated::Ranges(self.ranges(selector, steps)?),
            Expr::Subquery(subquery) => Evaluated::Ranges(self.subquery(subquery, steps)?),
            Expr::Binary(node) => binary::eval(self, node, steps)?,
            Expr::Aggregate(node) => Evaluated::Vector(aggregate::eval(self, node, steps)?),
            Expr::Call(call) => functions::call(self, call, steps)?,
            Expr::Extension(_) => return failed("unknown expression"),
        })
    }

    pub(crate) fn vector(&self, expr: &Expr, steps: Steps) -> Result<Vec<Column>, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::Vector(columns) => Ok(columns),
            _ => failed("expected an instant vector"),
        }
    }

    pub(crate) fn scalar(&self, expr: &Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => failed("expected a scalar"),
        }
    }

    pub(crate) fn text(&self, expr: &Expr, steps: Steps) -> Result<String, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::String(text) => Ok(text),
            _ => failed("expected a string"),
        }
    }

    pub(crate) fn range_vector(&self, expr: &Expr, steps: Steps) -> Result<Ranges, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::Ranges(ranges) => Ok(ranges),
            _ => failed("expected a range vector"),
        }
    }

    /// Values of an instant selector, and the times of the samples they come from.
    pub(crate) fn instants(
        &self,
        selector: &VectorSelector,
        steps: Steps,
    ) -> Result<(Vec<Column>, Vec<Vec<i64>>), QueryError> {
        let ends = self.ends(selector.at.as_ref(), selector.offset.as_ref(), steps);
        let lookback = self.options.lookback.as_millis() as i64;
        let mut columns = Vec::new();
        let mut times = Vec::new();
        for series in self.select(selector, lookback, &ends)? {
            let (values, at) = looked_back(&series, lookback, &ends);
            if values.iter().any(|value| !is_stale(*value)) {
                columns.push(Column { labels: series.labels, drop_name: false, values });
                times.push(at);
            }
        }
        Ok((columns, times))
    }

    fn ranges(&self, node: &MatrixSelector, steps: Steps) -> Result<Ranges, QueryError> {
        let ends = self.ends(node.vs.at.as_ref(), node.vs.offset.as_ref(), steps);
        let range = node.range.as_millis() as i64;
        let series = self.select(&node.vs, range, &ends)?.into_iter().map(without_markers);
        Ok(Ranges { series: series.collect(), range, ends })
    }

    fn select(
        &self,
        selector: &VectorSelector,
        back: i64,
        ends: &[i64],
    ) -> Result<Vec<Columns>, QueryError> {
        let from = ends.iter().min().map_or(0, |end| end.saturating_sub(back) + 1);
        let to = ends.iter().max().copied().unwrap_or_default();
        let mut all: Vec<Columns> = Vec::new();
        for series in self.source.select(&matchers(selector), from, to)? {
            let mut samples = model::series::Samples::default();
            series.read(from, to, &mut samples)?;
            self.touch(samples.len())?;
            if !samples.is_empty() {
                let model::series::Samples { times, values } = samples;
                all.push(Columns { labels: series.labels(), times, values });
            }
        }
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        all.dedup_by(|a, b| a.labels == b.labels);
        Ok(all)
    }

    fn subquery(&self, node: &SubqueryExpr, steps: Steps) -> Result<Ranges, QueryError> {
        let ends = self.ends(node.at.as_ref(), node.offset.as_ref(), steps);
        let range = node.range.as_millis() as i64;
        let step = node.step.unwrap_or(self.options.subquery_step).as_millis().max(1) as i64;
        let after = ends.iter().min().map_or(0, |end| end - range);
        let start = after.div_euclid(step) * step + step;
        let last = ends.iter().max().copied().unwrap_or_default();
        let count = ((last - start).div_euclid(step) + 1).max(0) as usize;
        if count == 0 {
            return Ok(Ranges { series: Vec::new(), range, ends });
        }
        if count > self.options.max_samples {
            return Err(QueryError::TooManySamples);
        }
        let inner = Steps { start, step, count };
        let columns = match self.eval(&node.expr, inner)? {
            Evaluated::Vector(columns) => columns,
            Evaluated::Scalar(values) => {
                vec![Column { labels: crate::Labels::default(), drop_name: false, values }]
            }
            _ => return failed("a subquery needs an instant vector"),
        };
        self.touch(columns.len().saturating_mul(count))?;
        let series = columns.into_iter().map(|column| as_samples(column, inner)).collect();
        Ok(Ranges { series, range, ends })
    }

    /// The time that each step looks at.
    fn ends(&self, at: Option<&AtModifier>, offset: Option<&Offset>, steps: Steps) -> Vec<i64> {
        let shift = match offset {
            Some(Offset::Pos(by)) => by.as_millis() as i64,
            Some(Offset::Neg(by)) => -(by.as_millis() as i64),
            None => 0,
        };
        let fixed = at.map(|at| match at {
            AtModifier::Start => self.top.start,
            AtModifier::End => self.top.end(),
            AtModifier::At(time) => epoch_ms(*time),
        });
        steps.times().map(|time| fixed.unwrap_or(time).saturating_sub(shift)).collect()
    }
}

/// Where a function's first call begins, and the offset behind its opening parenthesis. Between the
/// two an aggregation may have its `by (…)`.
fn first_call(query: &str, function: &str) -> (usize, usize) {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    for (at, _) in query.match_indices(function) {
        let rest = &query[at + function.len()..];
        if query[..at].ends_with(word) || rest.starts_with(word) {
            continue;
        }
        let mut tail = rest.trim_start();
        for modifier in ["by", "without"] {
            let labels = tail.strip_prefix(modifier).filter(|tail| !tail.starts_with(word));
            tail = labels.and_then(|tail| tail.split_once(')')).map_or(tail, |split| split.1);
        }
        let tail = tail.trim_start();
        if let Some(inner) = tail.strip_prefix('(') {
            return (at, query.len() - inner.len());
        }
    }
    (0, 0)
}

/// The offset of an argument, from the offset behind the opening parenthesis.
fn argument_start(query: &str, open: usize, index: usize) -> usize {
    let (mut depth, mut seen) = (0_usize, 0);
    let mut start = open;
    for (at, byte) in query.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'{' | b'[' => depth += 1,
            b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 && seen < index => {
                seen += 1;
                start = at + 1;
            }
            _ => {}
        }
    }
    let blank = query.as_bytes().iter().skip(start).take_while(|byte| byte.is_ascii_whitespace());
    start + blank.count()
}

fn note(notes: &RefCell<Vec<String>>, message: String) {
    let mut notes = notes.borrow_mut();
    if !notes.contains(&message) {
        notes.push(message);
    }
}

fn epoch_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => after.as_millis() as i64,
        Err(before) => -(before.duration().as_millis() as i64),
    }
}

fn negated(value: Evaluated) -> Evaluated {
    let negate = |value: &mut f64| {
        if !is_stale(*value) {
            *value = -*value;
        }
    };
    match value {
        Evaluated::Scalar(mut values) => {
            values.iter_mut().for_each(negate);
            Evaluated::Scalar(values)
        }
        Evaluated::Vector(mut columns) => {
            for column in &mut columns {
                column.drop_name = true;
                column.values.iter_mut().for_each(negate);
            }
            Evaluated::Vector(columns)
        }
        other => other,
    }
}

/// The newest sample of each step that is younger than the lookback and not a marker.
fn looked_back(series: &Columns, lookback: i64, ends: &[i64]) -> (Vec<f64>, Vec<i64>) {
    let mut next = 0;
    let mut values = Vec::with_capacity(ends.len());
    let mut times = Vec::with_capacity(ends.len());
    for &end in ends {
        while series.times.get(next).is_some_and(|time| *time <= end) {
            next += 1;
        }
        let found = next.checked_sub(1).filter(|at| series.times[*at] > end - lookback);
        values.push(found.map_or(ABSENT, |at| series.values[at]));
        times.push(found.map_or(0, |at| series.times[at]));
    }
    (values, times)
}

fn without_markers(series: Columns) -> Samples {
    let Columns { labels, mut times, mut values } = series;
    if values.iter().any(|value| is_stale(*value)) {
        let kept = times.iter().zip(&values).filter(|(_, value)| !is_stale(**value));
        (times, values) = kept.map(|(time, value)| (*time, *value)).unzip();
    }
    Samples { labels, drop_name: false, times, values }
}

fn as_samples(column: Column, steps: Steps) -> Samples {
    let present = steps.times().zip(&column.values).filter(|(_, value)| !is_stale(**value));
    let (times, values) = present.map(|(time, value)| (time, *value)).unzip();
    Samples { labels: column.labels, drop_name: column.drop_name, times, values }
}

/// The matchers of a selector, its name among them.
pub(crate) fn matchers(selector: &VectorSelector) -> Vec<Matcher> {
    let name = selector.name.as_ref().map(|name| Matcher {
        name: model::labels::NAME.to_owned(),
        op: MatcherOp::Equal,
        value: name.clone(),
    });
    name.into_iter().chain(selector.matchers.matchers.iter().map(matcher)).collect()
}

fn matcher(from: &promql_parser::label::Matcher) -> Matcher {
    let op = match &from.op {
        MatchOp::Equal => MatcherOp::Equal,
        MatchOp::NotEqual => MatcherOp::NotEqual,
        MatchOp::Re(regex) => MatcherOp::Matches(regex.clone()),
        MatchOp::NotRe(regex) => MatcherOp::NotMatches(regex.clone()),
    };
    Matcher { name: from.name.clone(), op, value: from.value.clone() }
}
