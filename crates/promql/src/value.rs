//! Results, and what expressions evaluate to.

use crate::Labels;
use crate::vector::Vector;
use crate::windows::Ranges;

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

/// What an expression evaluates to.
pub(crate) enum Evaluated<'q> {
    /// One value per step.
    Scalar(Vec<f64>),
    String(String),
    Vector(Vector<'q>),
    Ranges(Ranges<'q>),
}
