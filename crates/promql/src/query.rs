//! One query under way, and the walk over its expression.

use std::cell::RefCell;
use std::sync::Arc;

use model::labels::Labels;
use promql_parser::parser::Expr;

use crate::budget::Budget;
use crate::engine::Options;
use crate::error::{QueryError, failed};
use crate::notes::Notes;
use crate::select::Selected;
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::vector::{Columns, Vector};
use crate::windows::Ranges;
use crate::{SeriesSource, aggregate, binary, functions, repeated};

/// One query under way.
pub(crate) struct Query<'q> {
    pub(crate) source: &'q dyn SeriesSource,
    pub(crate) options: &'q Options,
    /// The query as it was written.
    pub(crate) text: &'q str,
    /// The steps of the whole query, for `@ start()` and `@ end()`.
    pub(crate) top: Steps,
    pub(crate) is_range: bool,
    pub(crate) budget: &'q Budget<'q>,
    pub(crate) notes: Notes,
    /// Selections made so far: the same one is made once.
    pub(crate) selected: RefCell<Vec<Selected<'q>>>,
    /// Parts of the expression that stand in it more than once.
    repeated: Vec<&'q Expr>,
    /// What they evaluated to.
    known: RefCell<Vec<(&'q Expr, Steps, Arc<Columns>)>>,
}

impl<'q> Query<'q> {
    pub(crate) fn new(
        source: &'q dyn SeriesSource,
        options: &'q Options,
        budget: &'q Budget<'q>,
        (text, expr): (&'q str, &'q Expr),
        (top, is_range): (Steps, bool),
    ) -> Self {
        let (notes, selected, known) = Default::default();
        let repeated = repeated::of(expr);
        Self { source, options, text, top, is_range, budget, notes, selected, repeated, known }
    }

    /// Evaluates a part of the expression at all steps.
    pub(crate) fn eval(&self, expr: &'q Expr, steps: Steps) -> Result<Evaluated<'q>, QueryError> {
        self.budget.alive()?;
        if !self.repeated.contains(&expr) {
            return self.evaluated(expr, steps);
        }
        let known = |row: &&(&Expr, Steps, Arc<Columns>)| row.1 == steps && row.0 == expr;
        let found = self.known.borrow().iter().find(known).map(|row| Arc::clone(&row.2));
        if let Some(columns) = found {
            return Ok(Evaluated::Vector(columns.into()));
        }
        match self.evaluated(expr, steps)? {
            Evaluated::Vector(vector) => {
                let columns = vector.columns(self.budget)?;
                self.known.borrow_mut().push((expr, steps, Arc::clone(&columns)));
                Ok(Evaluated::Vector(columns.into()))
            }
            other => Ok(other),
        }
    }

    fn evaluated(&self, expr: &'q Expr, steps: Steps) -> Result<Evaluated<'q>, QueryError> {
        Ok(match expr {
            Expr::NumberLiteral(number) => Evaluated::Scalar(vec![number.val; steps.count]),
            Expr::StringLiteral(text) => Evaluated::String(text.val.clone()),
            Expr::Paren(inner) => self.eval(&inner.expr, steps)?,
            Expr::Unary(unary) => negated(self.eval(&unary.expr, steps)?),
            Expr::VectorSelector(selector) => Evaluated::Vector(self.instants(selector, steps)?),
            Expr::MatrixSelector(selector) => Evaluated::Ranges(self.ranges(selector, steps)?),
            Expr::Subquery(subquery) => Evaluated::Ranges(self.subquery(subquery, steps)?),
            Expr::Binary(node) => binary::eval(self, node, steps)?,
            Expr::Aggregate(node) => Evaluated::Vector(aggregate::eval(self, node, steps)?),
            Expr::Call(call) => functions::call(self, call, steps)?,
            Expr::Extension(_) => return failed("unknown expression"),
        })
    }

    pub(crate) fn vector(&self, expr: &'q Expr, steps: Steps) -> Result<Vector<'q>, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::Vector(vector) => Ok(vector),
            _ => failed("expected an instant vector"),
        }
    }

    /// A vector with all of its columns.
    pub(crate) fn columns(&self, expr: &'q Expr, steps: Steps) -> Result<Arc<Columns>, QueryError> {
        self.vector(expr, steps)?.columns(self.budget)
    }

    pub(crate) fn scalar(&self, expr: &'q Expr, steps: Steps) -> Result<Vec<f64>, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => failed("expected a scalar"),
        }
    }

    pub(crate) fn text_of(&self, expr: &'q Expr, steps: Steps) -> Result<String, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::String(text) => Ok(text),
            _ => failed("expected a string"),
        }
    }

    pub(crate) fn range_vector(
        &self,
        expr: &'q Expr,
        steps: Steps,
    ) -> Result<Ranges<'q>, QueryError> {
        match self.eval(expr, steps)? {
            Evaluated::Ranges(ranges) => Ok(ranges),
            _ => failed("expected a range vector"),
        }
    }
}

/// A vector of one series without labels.
pub(crate) fn unlabelled(values: Vec<f64>) -> Columns {
    let steps = values.len();
    Columns { labels: vec![Labels::default()], drop_name: vec![false], values, steps }
}

fn negated(value: Evaluated<'_>) -> Evaluated<'_> {
    match value {
        Evaluated::Scalar(values) => Evaluated::Scalar(values.iter().map(|value| -value).collect()),
        Evaluated::Vector(vector) => {
            Evaluated::Vector(vector.map(|_, value| -value).nameless(true))
        }
        other => other,
    }
}
