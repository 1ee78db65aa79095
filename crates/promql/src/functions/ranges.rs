//! Functions over ranges: the kernels of `over_time` over the windows of a range vector.

use std::collections::BTreeSet;

use promql_parser::parser::{Call, Expr, MatrixSelector, VectorSelector};

use super::histograms::check_quantiles;
use super::{range_at, scalars};
use crate::error::{QueryError, failed};
use crate::over_time::{order, rate, trend};
use crate::query::Query;
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::vector::Names;
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

/// `rate` and `increase`. That a metric is not named like a counter is noted where it has a result.
pub(super) fn of_counters<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let kernel = if call.func.name == "rate" { rate::rate } else { rate::increase };
    let ranges = query.range_vector(&call.args.args[0], steps)?;
    let names = ranges.names();
    let vector = ranges.over(kernel, Vec::new(), steps).nameless(true);
    let odd = names_unlike_counters(&call.args.args[0], &names);
    if odd.is_empty() {
        return Ok(Evaluated::Vector(vector));
    }
    let columns = vector.columns(query.budget)?;
    if !columns.is_empty() {
        let place = query.argument(call.func.name, 0);
        for name in odd {
            query.info(&format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \
                 {name:?} {place}"
            ));
        }
    }
    Ok(Evaluated::Vector(columns.into()))
}

/// Names among these series that no counter has, once each; one that is written down needs no look
/// at the series.
fn names_unlike_counters(of: &Expr, names: &Names<'_>) -> BTreeSet<String> {
    let odd = |name: &str| {
        let like = ["_total", "_sum", "_count", "_bucket"];
        !name.is_empty() && !like.iter().any(|end| name.ends_with(end))
    };
    match of {
        Expr::Paren(inner) => names_unlike_counters(&inner.expr, names),
        Expr::MatrixSelector(MatrixSelector {
            vs: VectorSelector { name: Some(name), .. },
            ..
        }) => Some(name).filter(|name| odd(name)).cloned().into_iter().collect(),
        _ => {
            let named = (0..names.len()).filter(|at| !names.drop_name(*at));
            let all = named.map(|at| names.labels(at).name().to_owned());
            all.filter(|name| odd(name)).collect()
        }
    }
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
