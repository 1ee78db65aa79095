//! Results, and the columns between operators.

use crate::Labels;
use crate::labels::without_name;
use crate::{STALE_NAN, is_stale};

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Milliseconds since the epoch.
    pub at: i64,
    /// The value.
    pub value: f64,
}

/// One element of an instant vector.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub point: Point,
}

/// One series of a matrix.
#[derive(Debug, Clone)]
pub struct SeriesPoints {
    /// Its labels.
    pub labels: Labels,
    /// Its points by time.
    pub points: Vec<Point>,
}

/// The answer to a query.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "Prometheus's four result types")]
pub enum Value {
    Scalar(Point),
    String(String),
    Vector(Vec<Sample>),
    Matrix(Vec<SeriesPoints>),
}

/// No sample at this step. The bits of a staleness marker never are a result, so they are free.
pub(crate) const ABSENT: f64 = STALE_NAN;

/// Is there no sample?
pub(crate) fn absent(value: f64) -> bool {
    is_stale(value)
}

/// One series over all steps.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) labels: Labels,
    /// The name goes when the query is done, unless something still asks for it.
    pub(crate) drop_name: bool,
    /// One value per step.
    pub(crate) values: Vec<f64>,
}

impl Column {
    /// The labels that the result will have.
    pub(crate) fn final_labels(&self) -> Labels {
        if self.drop_name { without_name(&self.labels) } else { self.labels.clone() }
    }
}

/// Samples of a range vector, without staleness markers.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) labels: Labels,
    pub(crate) drop_name: bool,
    pub(crate) times: Vec<i64>,
    pub(crate) values: Vec<f64>,
}

/// A range vector: samples, and one window (open left, closed right) per step.
#[derive(Debug)]
pub(crate) struct Ranges {
    pub(crate) series: Vec<Samples>,
    pub(crate) range: i64,
    /// The end of each step's window.
    pub(crate) ends: Vec<i64>,
}

/// What an expression evaluates to.
#[derive(Debug)]
pub(crate) enum Evaluated {
    Scalar(Vec<f64>),
    String(String),
    Vector(Vec<Column>),
    Ranges(Ranges),
}
