//! Functions over ranges: the kernels of `over_time` over the windows of a range vector.

use promql_parser::parser::{Call, Expr};

use super::histograms::check_quantiles;
use super::{range_at, scalars};
use crate::error::{QueryError, failed};
use crate::over_time::{order, trend};
use crate::query::Query;
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::windows::Kernel;

/// A kernel over the windows of the range vector among the arguments.
pub(super) fn over<'q>(
    query: &Query<'q>,
    args: &'q [Box<Expr>],
    steps: Steps,
    kernel: Kernel,
    drop_name: bool,
) -> Result<Evaluated<'q>, QueryError> {
    let at = range_at(args);
    let scalars = scalars(query, args, Some(at), steps)?;
    let ranges = query.range_vector(&args[at], steps)?;
    Ok(Evaluated::Vector(ranges.over(kernel, scalars, steps).nameless(drop_name)))
}

pub(super) fn smoothing<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let factors = scalars(query, &call.args.args, Some(0), steps)?;
    for (values, (what, short)) in factors.iter().zip([("smoothing", "sf"), ("trend", "tf")]) {
        if let Some(bad) = values.iter().find(|value| **value <= 0.0 || **value >= 1.0) {
            return failed(format!(
                "invalid {what} factor. Expected: 0 < {short} < 1, got: {bad:.6}"
            ));
        }
    }
    let ranges = query.range_vector(&call.args.args[0], steps)?;
    Ok(Evaluated::Vector(ranges.over(trend::smoothed, factors, steps).nameless(true)))
}

pub(super) fn quantile<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let quantiles = query.scalar(&call.args.args[0], steps)?;
    let ranges = query.range_vector(&call.args.args[1], steps)?;
    let odd: Vec<f64> = quantiles.iter().copied().filter(|q| !(0.0..=1.0).contains(q)).collect();
    let vector = ranges.over(order::quantiles, vec![quantiles], steps).nameless(true);
    if odd.is_empty() {
        return Ok(Evaluated::Vector(vector));
    }
    // A warning only where there is something to take a quantile of.
    let columns = vector.columns(query.budget)?;
    if !columns.is_empty() {
        check_quantiles(query, "quantile_over_time", &odd);
    }
    Ok(Evaluated::Vector(columns.into()))
}
