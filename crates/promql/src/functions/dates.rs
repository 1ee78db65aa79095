//! Functions of dates: parts of a moment in UTC.

use promql_parser::parser::Expr;

use super::calendar::Moment;
use crate::error::QueryError;
use crate::over_time::seconds;
use crate::query::{Query, unlabelled};
use crate::steps::Steps;
use crate::value::Evaluated;

/// A part of the date of each value; without an argument of the time of the step.
pub(super) fn eval<'q>(
    query: &Query<'q>,
    arg: Option<&'q Expr>,
    steps: Steps,
    part: fn(&Moment) -> f64,
) -> Result<Evaluated<'q>, QueryError> {
    let vector = match arg {
        Some(arg) => query.vector(arg, steps)?,
        None => unlabelled(steps.times().map(seconds).collect()).into(),
    };
    let of = move |value: f64| if value.is_nan() { value } else { part(&Moment::of(value)) };
    Ok(Evaluated::Vector(vector.map(move |_, value| of(value)).nameless(true)))
}
