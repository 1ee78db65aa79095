//! Binary operators: arithmetic, comparison and sets, between scalars and vectors.

mod matching;
mod operator;
mod sets;

use promql_parser::parser::BinaryExpr;

use crate::error::{QueryError, failed};
use crate::query::Query;
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::vector::Vector;
use operator::Operator;

/// Evaluates both sides and combines them.
pub(crate) fn eval<'q>(
    query: &Query<'q>,
    node: &'q BinaryExpr,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let lhs = query.eval(&node.lhs, steps)?;
    let rhs = query.eval(&node.rhs, steps)?;
    let op = Operator::of(&node.op.to_string());
    let returns_bool = node.return_bool();
    Ok(match (lhs, rhs) {
        (Evaluated::Scalar(a), Evaluated::Scalar(b)) => {
            let both = a.iter().zip(&b);
            Evaluated::Scalar(both.map(|(a, b)| op.scalar(*a, *b)).collect())
        }
        (Evaluated::Vector(a), Evaluated::Scalar(b)) => {
            Evaluated::Vector(with_scalar(op, a, b, returns_bool, false))
        }
        (Evaluated::Scalar(a), Evaluated::Vector(b)) => {
            Evaluated::Vector(with_scalar(op, b, a, returns_bool, true))
        }
        (Evaluated::Vector(a), Evaluated::Vector(b)) => {
            let modifier = node.modifier.clone().unwrap_or_default();
            let (a, b) = (a.columns(query.budget)?, b.columns(query.budget)?);
            Evaluated::Vector(match op {
                Operator::And | Operator::Or | Operator::Unless => {
                    sets::eval(query, op, &a, &b, &modifier)?.into()
                }
                _ => matching::eval(query, op, a, b, &modifier)?.into(),
            })
        }
        _ => return failed("a binary operator needs scalars or instant vectors"),
    })
}

fn with_scalar<'q>(
    op: Operator,
    vector: Vector<'q>,
    scalar: Vec<f64>,
    returns_bool: bool,
    swapped: bool,
) -> Vector<'q> {
    let mapped = vector.map(move |step, value| {
        let (a, b) = if swapped { (scalar[step], value) } else { (value, scalar[step]) };
        op.element(a, b, value, returns_bool)
    });
    mapped.nameless(!op.compares() || returns_bool)
}
