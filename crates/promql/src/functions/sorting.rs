//! `sort` and its kin: the order of an instant vector.

use std::cmp::Ordering;

use promql_parser::parser::{Call, Expr};

use crate::aggregate::{ascending, descending};
use crate::error::QueryError;
use crate::query::Query;
use crate::repeated::children;
use crate::steps::Steps;
use crate::value::Evaluated;

pub(super) fn eval<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let args = &call.args.args;
    let name = call.func.name;
    let columns = query.columns(&args[0], steps)?;
    if query.is_range || steps.start != query.top.start {
        // Within a subquery Prometheus always takes them for several.
        let several = steps.count > 1 || steps.start != query.top.start;
        if several && !is_pinned(&args[0]) {
            let at = query.call(name);
            query.warn(&format!(
                "sort is ineffective for range queries since results are always ordered by labels {at}"
            ));
        }
        return Ok(Evaluated::Vector(columns.into()));
    }
    let names: Vec<String> =
        args[1..].iter().map(|arg| query.text_of(arg, steps)).collect::<Result<_, _>>()?;
    let value = |at: &usize| columns.column(*at)[0];
    let by_labels = |a: &usize, b: &usize| {
        let (a, b) = (&columns.labels[*a], &columns.labels[*b]);
        let compare = |name: &String| natural(a.get(name), b.get(name));
        let first = names.iter().map(compare).find(|order| order.is_ne());
        first.unwrap_or_else(|| a.cmp(b))
    };
    let mut order: Vec<usize> = (0..columns.len()).collect();
    match name {
        "sort" => order.sort_by(|a, b| ascending(value(a), value(b))),
        "sort_desc" => order.sort_by(|a, b| descending(value(a), value(b))),
        "sort_by_label" => order.sort_by(by_labels),
        _ => order.sort_by(|a, b| by_labels(b, a)),
    }
    Ok(Evaluated::Vector(columns.in_order(&order).into()))
}

/// Whether all selectors within have `@`, so that the expression is the same at every step.
fn is_pinned(expr: &Expr) -> bool {
    match expr {
        Expr::VectorSelector(selector) => selector.at.is_some(),
        Expr::MatrixSelector(matrix) => matrix.vs.at.is_some(),
        Expr::Subquery(subquery) => subquery.at.is_some(),
        Expr::Call(call) if matches!(call.func.name, "time" | "timestamp" | "vector") => false,
        _ => children(expr).into_iter().all(is_pinned),
    }
}

/// Compares text with its numbers taken as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (da, db) = (digits(a), digits(b));
        let order = if da > 0 && db > 0 {
            let (na, nb) = (a[..da].trim_start_matches('0'), b[..db].trim_start_matches('0'));
            let order = na.len().cmp(&nb.len()).then(na.cmp(nb));
            (a, b) = (&a[da..], &b[db..]);
            order
        } else {
            let (ca, cb) = (a.chars().next(), b.chars().next());
            a = &a[ca.map_or(0, char::len_utf8)..];
            b = &b[cb.map_or(0, char::len_utf8)..];
            ca.cmp(&cb)
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}
