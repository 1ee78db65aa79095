//! Functions of instant vectors and scalars that are more than a value by itself.

use promql_parser::label::MatchOp;
use promql_parser::parser::{Call, Expr};

use super::scalars;
use crate::Labels;
use crate::error::QueryError;
use crate::over_time::{present, seconds};
use crate::query::{Query, unlabelled};
use crate::select::Take;
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::vector::{ABSENT, absent};

/// What each of these gives.
type Answer<'q> = Result<Evaluated<'q>, QueryError>;

pub(super) fn clamp<'q>(query: &Query<'q>, call: &'q Call, steps: Steps) -> Answer<'q> {
    let bounds = scalars(query, &call.args.args, Some(0), steps)?;
    let clamped = query.vector(&call.args.args[0], steps)?.map(move |step, value| {
        let (least, most) = (bounds[0][step], bounds[1][step]);
        match () {
            () if least > most => ABSENT,
            () if least.is_nan() || most.is_nan() || value.is_nan() => f64::NAN,
            () => value.min(most).max(least),
        }
    });
    Ok(Evaluated::Vector(clamped.nameless(true)))
}

pub(super) fn round<'q>(query: &Query<'q>, call: &'q Call, steps: Steps) -> Answer<'q> {
    let nearest = scalars(query, &call.args.args, Some(0), steps)?;
    let rounded = query.vector(&call.args.args[0], steps)?.map(move |step, value| {
        let inverse = 1.0 / nearest.first().map_or(1.0, |values| values[step]);
        (value * inverse + 0.5).floor() / inverse
    });
    Ok(Evaluated::Vector(rounded.nameless(true)))
}

pub(super) fn scalar<'q>(query: &Query<'q>, call: &'q Call, steps: Steps) -> Answer<'q> {
    let columns = query.columns(&call.args.args[0], steps)?;
    let mut found = vec![(0_usize, f64::NAN); steps.count];
    for column in columns.values.chunks_exact(columns.steps) {
        for ((count, only), value) in found.iter_mut().zip(column).filter(|(_, v)| !absent(**v)) {
            (*count, *only) = (*count + 1, *value);
        }
    }
    let value = |(count, only)| if count == 1 { only } else { f64::NAN };
    Ok(Evaluated::Scalar(found.into_iter().map(value).collect()))
}

pub(super) fn vector<'q>(query: &Query<'q>, call: &'q Call, steps: Steps) -> Answer<'q> {
    Ok(Evaluated::Vector(unlabelled(query.scalar(&call.args.args[0], steps)?).into()))
}

pub(super) fn timestamp<'q>(query: &Query<'q>, call: &'q Call, steps: Steps) -> Answer<'q> {
    let mut arg = &*call.args.args[0];
    while let Expr::Paren(inner) = arg {
        arg = &inner.expr;
    }
    let vector = match arg {
        Expr::VectorSelector(selector) => query.newest(selector, steps, Take::Time)?,
        _ => query.vector(arg, steps)?.map(move |step, _| seconds(steps.at(step))),
    };
    Ok(Evaluated::Vector(vector.nameless(true)))
}

/// `absent` and `absent_over_time`: 1 where no series has a sample.
pub(super) fn is_absent<'q>(query: &Query<'q>, call: &'q Call, steps: Steps) -> Answer<'q> {
    let arg = &*call.args.args[0];
    let vector = if call.func.name == "absent" {
        query.vector(arg, steps)?
    } else {
        query.range_vector(arg, steps)?.over(present, Vec::new(), steps)
    };
    let columns = vector.columns(query.budget)?;
    let mut values = vec![1.0; steps.count];
    for column in columns.values.chunks_exact(columns.steps) {
        for (out, _) in values.iter_mut().zip(column).filter(|(_, value)| !absent(**value)) {
            *out = ABSENT;
        }
    }
    let mut result = unlabelled(values);
    result.labels = vec![wanted_labels(arg)];
    Ok(Evaluated::Vector(result.into()))
}

/// The labels that a selector asks for by equality, each once.
fn wanted_labels(expr: &Expr) -> Labels {
    let selector = match expr {
        Expr::VectorSelector(selector) => selector,
        Expr::MatrixSelector(matrix) => &matrix.vs,
        _ => return Labels::default(),
    };
    let all = &selector.matchers.matchers;
    let asked = all.iter().filter(|matcher| {
        let equal = matches!(matcher.op, MatchOp::Equal);
        let once = all.iter().filter(|other| other.name == matcher.name).count() == 1;
        equal && once && matcher.name != model::labels::NAME
    });
    Labels::new(asked.map(|matcher| (matcher.name.as_str(), matcher.value.as_str())))
}

#[expect(clippy::unnecessary_wraps, reason = "of the type of a row of the table")]
pub(super) fn time<'q>(_: &Query<'q>, _: &'q Call, steps: Steps) -> Answer<'q> {
    Ok(Evaluated::Scalar(steps.times().map(seconds).collect()))
}

#[expect(clippy::unnecessary_wraps, reason = "of the type of a row of the table")]
pub(super) fn pi<'q>(_: &Query<'q>, _: &'q Call, steps: Steps) -> Answer<'q> {
    Ok(Evaluated::Scalar(vec![std::f64::consts::PI; steps.count]))
}

pub(super) fn start<'q>(query: &Query<'q>, _: &'q Call, steps: Steps) -> Answer<'q> {
    constant(query.top.start, steps)
}

pub(super) fn end<'q>(query: &Query<'q>, _: &'q Call, steps: Steps) -> Answer<'q> {
    constant(query.top.end(), steps)
}

pub(super) fn range<'q>(query: &Query<'q>, _: &'q Call, steps: Steps) -> Answer<'q> {
    constant(query.top.end() - query.top.start, steps)
}

pub(super) fn step<'q>(query: &Query<'q>, _: &'q Call, steps: Steps) -> Answer<'q> {
    constant(if query.is_range { query.top.step } else { 0 }, steps)
}

#[expect(clippy::unnecessary_wraps, reason = "of the type of a row of the table")]
fn constant<'q>(ms: i64, steps: Steps) -> Answer<'q> {
    Ok(Evaluated::Scalar(vec![seconds(ms); steps.count]))
}
