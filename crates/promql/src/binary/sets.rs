//! `and`, `or` and `unless`: which series of one side stay, by what the other side has.

use promql_parser::parser::BinModifier;

use super::operator::Operator;
use crate::error::QueryError;
use crate::keys::{Numbers, Part};
use crate::query::Query;
use crate::vector::{ABSENT, Columns, absent};

/// Evaluates a set operator.
pub(super) fn eval(
    query: &Query<'_>,
    op: Operator,
    a: &Columns,
    b: &Columns,
    modifier: &BinModifier,
) -> Result<Columns, QueryError> {
    let part = Part::of_match(modifier.matching.as_ref());
    let (kept, other) = if op == Operator::Or { (b, a) } else { (a, b) };
    let steps = kept.steps;
    query.budget.hold_values(a.len() + b.len(), steps)?;
    let mut numbers = Numbers::default();
    let mut key = Vec::new();
    // Per key and step: has the other side a sample?
    let mut there: Vec<bool> = Vec::new();
    for at in 0..other.len() {
        key.clear();
        part.write(&other.labels[at], &mut key);
        let row = numbers.of(&key) * steps;
        if row == there.len() {
            there.resize(row + steps, false);
        }
        for (there, value) in there[row..].iter_mut().zip(other.column(at)) {
            *there |= !absent(*value);
        }
    }
    let none = vec![false; steps];
    let wanted = op == Operator::And;
    let mut result = if op == Operator::Or { a.clone() } else { Columns::empty(steps) };
    for at in 0..kept.len() {
        query.budget.alive()?;
        key.clear();
        part.write(&kept.labels[at], &mut key);
        let row = numbers.of(&key) * steps;
        let there = there.get(row..row + steps).unwrap_or(&none);
        let out = result.push(kept.labels[at].clone(), kept.drop_name[at]);
        for ((out, &value), there) in out.iter_mut().zip(kept.column(at)).zip(there) {
            *out = if *there == wanted { value } else { ABSENT };
        }
    }
    Ok(result)
}
