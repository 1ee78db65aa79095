//! Results as they are handed out.

use std::collections::HashSet;

use crate::Labels;
use crate::budget::Budget;
use crate::error::{QueryError, failed};
use crate::query::unlabelled;
use crate::steps::Steps;
use crate::value::{Evaluated, Point, Sample, SeriesPoints, Value};
use crate::vector::{Columns, absent};

/// A result and what there is to say about it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The result. Series of a matrix are in order of their labels; an instant vector is in the order
    /// that the query asks for, or else in that of the source.
    pub value: Value,
    /// Likely mistakes in the query.
    pub warnings: Vec<String>,
    /// Things to know.
    pub infos: Vec<String>,
    /// What the query used.
    pub usage: Usage,
}

/// What a query used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Samples that were read, and those of subqueries.
    pub samples: usize,
    /// Samples that the steps saw, each as often as a step did: one per series and step of an
    /// instant selector, all in the window of a range. Of a subquery its points are seen. A part of the query that stands in it twice
    /// is evaluated once, and counts once.
    pub seen: usize,
    /// Bytes of results, final and between operators.
    pub bytes: usize,
}

/// The value of an instant query.
pub(crate) fn instant(
    budget: &Budget<'_>,
    evaluated: Evaluated<'_>,
    at: i64,
) -> Result<Value, QueryError> {
    Ok(match evaluated {
        Evaluated::Scalar(values) => Value::Scalar(Point { at, value: values[0] }),
        Evaluated::String(text) => Value::String(text),
        Evaluated::Vector(vector) => {
            let columns = vector.columns(budget)?;
            let present = (0..columns.len()).filter(|row| !absent(columns.column(*row)[0]));
            let samples: Vec<_> = present
                .map(|row| {
                    let point = Point { at, value: columns.column(row)[0] };
                    Sample { labels: columns.final_labels(row), point }
                })
                .collect();
            distinct(&columns, samples.iter().map(|sample| &sample.labels))?;
            Value::Vector(samples)
        }
        Evaluated::Ranges(ranges) => {
            let mut all: Vec<_> = ranges
                .samples(budget)?
                .into_iter()
                .map(|(labels, samples)| {
                    let both = samples.times.iter().zip(&samples.values);
                    let points = both.map(|(&at, &value)| Point { at, value }).collect();
                    SeriesPoints { labels, points }
                })
                .collect();
            all.sort_by(|a, b| a.labels.cmp(&b.labels));
            Value::Matrix(all)
        }
    })
}

/// The value of a range query.
pub(crate) fn matrix(
    budget: &Budget<'_>,
    evaluated: Evaluated<'_>,
    steps: Steps,
) -> Result<Value, QueryError> {
    let columns = match evaluated {
        Evaluated::Scalar(values) => unlabelled(values).into(),
        Evaluated::Vector(vector) => vector.columns(budget)?,
        Evaluated::String(_) | Evaluated::Ranges(_) => return failed("not a vector"),
    };
    budget.hold(columns.values.len().saturating_mul(size_of::<Point>()))?;
    let mut all: Vec<SeriesPoints> = (0..columns.len())
        .map(|row| SeriesPoints {
            labels: columns.final_labels(row),
            points: points(columns.column(row), steps),
        })
        .filter(|series| !series.points.is_empty())
        .collect();
    all.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Value::Matrix(merged(all)?))
}

fn points(column: &[f64], steps: Steps) -> Vec<Point> {
    let mut points = Vec::with_capacity(column.len());
    let all = steps.times().zip(column).filter(|(_, value)| !absent(**value));
    points.extend(all.map(|(at, &value)| Point { at, value }));
    points
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

/// No two series have the same labels. Those of a source do not; they may where names went.
fn distinct<'a>(
    columns: &Columns,
    all: impl Iterator<Item = &'a Labels>,
) -> Result<(), QueryError> {
    if columns.len() < 2 || !columns.drop_name.contains(&true) {
        return Ok(());
    }
    let mut seen = HashSet::with_capacity(columns.len());
    for labels in all {
        if !seen.insert(labels) {
            return failed("vector cannot contain metrics with the same labelset");
        }
    }
    Ok(())
}
