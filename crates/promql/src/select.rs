//! Selectors and subqueries: which series, over which times.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use model::series::{Matcher, MatcherOp};
use promql_parser::label::MatchOp;
use promql_parser::parser::{AtModifier, MatrixSelector, Offset, SubqueryExpr, VectorSelector};

use crate::error::{QueryError, failed};
use crate::over_time::seconds;
use crate::query::{Query, unlabelled};
use crate::room::Room;
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::vector::{ABSENT, Columns, Names, Selection, Vector, absent};
use crate::windows::Ranges;

/// A selection that was made: of which selector, over which times.
pub(crate) struct Selected<'q> {
    selector: &'q VectorSelector,
    span: (i64, i64),
    series: Selection<'q>,
}

/// What an instant selector gives of the sample that it finds.
#[derive(Clone, Copy)]
pub(crate) enum Take {
    Value,
    /// Its time, in seconds.
    Time,
}

impl<'q> Query<'q> {
    /// Values of an instant selector.
    pub(crate) fn instants(
        &self,
        selector: &'q VectorSelector,
        steps: Steps,
    ) -> Result<Vector<'q>, QueryError> {
        self.newest(selector, steps, Take::Value)
    }

    /// The newest sample of each series and step that is younger than the lookback and no marker.
    pub(crate) fn newest(
        &self,
        selector: &'q VectorSelector,
        steps: Steps,
        take: Take,
    ) -> Result<Vector<'q>, QueryError> {
        let ends = self.ends(selector.at.as_ref(), selector.offset.as_ref(), steps);
        let series = self.select(selector, span(ends, ms(self.options.lookback)))?;
        Ok(self.newest_of(series, ends, take))
    }

    /// The newest samples of the series that these matchers choose, looked for at these times.
    pub(crate) fn newest_by(
        &self,
        matchers: &[Matcher],
        ends: Steps,
        take: Take,
    ) -> Result<Vector<'q>, QueryError> {
        let (from, to) = span(ends, ms(self.options.lookback));
        let series = Arc::new(self.source.select(matchers, from, to)?);
        Ok(self.newest_of(series, ends, take))
    }

    fn newest_of(&self, series: Selection<'q>, ends: Steps, take: Take) -> Vector<'q> {
        let lookback = ms(self.options.lookback);
        let (from, to) = span(ends, lookback);
        let names = Names::Of(Arc::clone(&series));
        let found = move |time: i64, value: f64| match take {
            _ if absent(value) => ABSENT,
            Take::Value => value,
            Take::Time => seconds(time),
        };
        Vector::computed(names, ends.count, move |at, room, out| {
            let Room { samples, bounds, .. } = room;
            if ends.count == 1 || ends.step == 0 {
                let newest = series[at].newest(from, to, samples)?;
                room.touch(1);
                let newest = newest.map_or(ABSENT, |(time, value)| found(time, value));
                out.fill(newest);
                room.see(if absent(newest) { 0 } else { out.len() });
                return Ok(());
            }
            samples.clear();
            series[at].read(from, to, samples)?;
            let bounds = bounds.of(&samples.times, ends, lookback);
            for (out, &(from, to)) in out.iter_mut().zip(bounds) {
                let last = to.wrapping_sub(1);
                *out = if from < to {
                    found(samples.times[last], samples.values[last])
                } else {
                    ABSENT
                };
            }
            let read = samples.len();
            room.touch(read);
            room.see(out.iter().filter(|value| !absent(**value)).count());
            Ok(())
        })
    }

    pub(crate) fn ranges(
        &self,
        node: &'q MatrixSelector,
        steps: Steps,
    ) -> Result<Ranges<'q>, QueryError> {
        let ends = self.ends(node.vs.at.as_ref(), node.vs.offset.as_ref(), steps);
        let range = ms(node.range);
        let span = span(ends, range);
        Ok(Ranges::of_series(self.budget, self.select(&node.vs, span)?, span, range, ends))
    }

    /// The series of a selector that may have samples between these times (ms, both included).
    fn select(
        &self,
        selector: &'q VectorSelector,
        span: (i64, i64),
    ) -> Result<Selection<'q>, QueryError> {
        let same = |made: &&Selected<'_>| {
            made.span == span
                && made.selector.name == selector.name
                && made.selector.matchers == selector.matchers
        };
        if let Some(made) = self.selected.borrow().iter().find(same) {
            return Ok(Arc::clone(&made.series));
        }
        self.budget.alive()?;
        let series = self.source.select(&matchers(selector), span.0, span.1)?;
        self.budget.hold(series.len() * size_of::<[usize; 4]>())?;
        let series = Arc::new(series);
        self.selected.borrow_mut().push(Selected { selector, span, series: Arc::clone(&series) });
        Ok(series)
    }

    pub(crate) fn subquery(
        &self,
        node: &'q SubqueryExpr,
        steps: Steps,
    ) -> Result<Ranges<'q>, QueryError> {
        let ends = self.ends(node.at.as_ref(), node.offset.as_ref(), steps);
        let range = ms(node.range);
        let step = ms(node.step.unwrap_or(self.options.subquery_step)).max(1);
        // Its steps are multiples of its own step, and begin behind the first window's open end.
        let after = ends.start.saturating_sub(range);
        let start = after.div_euclid(step) * step + step;
        let count = ((ends.end() - start).div_euclid(step) + 1).max(0) as usize;
        if count == 0 {
            let none = Arc::new(Columns::empty(1));
            return Ok(Ranges::of_columns(self.budget, none, ends, range, ends));
        }
        if count > self.options.max_samples {
            return Err(QueryError::TooManySamples(self.options.max_samples));
        }
        let inner = Steps { start, step, count };
        let columns = self.budget.unseen(|| match self.eval(&node.expr, inner)? {
            Evaluated::Vector(vector) => vector.columns(self.budget),
            Evaluated::Scalar(values) => Ok(Arc::new(unlabelled(values))),
            _ => failed("a subquery needs an instant vector"),
        })?;
        Ok(Ranges::of_columns(self.budget, columns, inner, range, ends))
    }

    /// The time that each step looks at.
    fn ends(&self, at: Option<&AtModifier>, offset: Option<&Offset>, steps: Steps) -> Steps {
        steps.moved(self.pinned(at), offset_ms(offset))
    }

    /// The time (ms) that `@` pins something to.
    pub(crate) fn pinned(&self, at: Option<&AtModifier>) -> Option<i64> {
        at.map(|at| match at {
            AtModifier::Start => self.top.start,
            AtModifier::End => self.top.end(),
            AtModifier::At(time) => epoch_ms(*time),
        })
    }
}

/// How far back an offset moves, in ms.
pub(crate) fn offset_ms(offset: Option<&Offset>) -> i64 {
    match offset {
        Some(Offset::Pos(by)) => ms(*by),
        Some(Offset::Neg(by)) => -ms(*by),
        None => 0,
    }
}

/// First and last time (ms, both included) that windows of this length reach.
fn span(ends: Steps, range: i64) -> (i64, i64) {
    (ends.start.saturating_sub(range).saturating_add(1), ends.end())
}

/// A duration in ms; one that is longer than time is as long as that.
fn ms(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX >> 3).min(i64::MAX >> 3)
}

fn epoch_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => ms(after),
        Err(before) => -ms(before.duration()),
    }
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
