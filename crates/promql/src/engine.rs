//! The engine: parses a query and evaluates it over its steps.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use promql_parser::parser::value::ValueType;

use crate::budget::Budget;
use crate::error::QueryError;
use crate::outcome::{self, Outcome};
use crate::query::Query;
use crate::steps::Steps;
use crate::value::Value;
use crate::{SeriesSource, text};

/// Bounds and defaults of an engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// How far back an instant selector looks.
    pub lookback: Duration,
    /// Samples a query may touch: those it reads, and those of its subqueries.
    pub max_samples: usize,
    /// Bytes a query may take for results, final and between its operators.
    pub max_bytes: usize,
    /// Steps a range query may have.
    pub max_steps: usize,
    /// How long a query may run.
    pub timeout: Duration,
    /// The step of a subquery that names none.
    pub subquery_step: Duration,
    /// Threads a query may work with at once.
    pub threads: usize,
}

impl Default for Options {
    /// Prometheus's defaults, and all cores. Prometheus bounds samples held at once, 50 million of 16
    /// bytes; here samples are not held, so what is bounded is the time they take, and bytes.
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(300),
            max_samples: 500_000_000,
            max_bytes: 800 << 20,
            max_steps: 11_000,
            timeout: Duration::from_secs(120),
            subquery_step: Duration::from_secs(60),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Evaluates queries over a source that each call brings. Cheap to clone: a call with other bounds
/// is one on a clone with other options, see [`Engine::with`].
#[derive(Debug, Clone)]
pub struct Engine {
    options: Options,
}

impl Engine {
    /// An engine with these bounds.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Its bounds.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The same engine with some bounds changed, for one call.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Options)) -> Self {
        let mut engine = self.clone();
        change(&mut engine.options);
        engine
    }

    /// Evaluates at one time (ms). Setting `cancel` ends the query.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn instant(
        &self,
        source: &dyn SeriesSource,
        query: &str,
        at: i64,
        cancel: &AtomicBool,
    ) -> Result<Outcome, QueryError> {
        in_range(at)?;
        let steps = Steps { start: at, step: 1, count: 1 };
        text::parsed(query, |expr| {
            let budget = Budget::new(&self.options, cancel, text::stack(query));
            let query = Query::new(source, &self.options, &budget, (query, expr), (steps, false));
            let value = outcome::instant(&budget, query.eval(expr, steps)?, at)?;
            Ok(outcome(&query, value))
        })
    }

    /// Evaluates from `start` to `end` (ms, both included) every `step` ms.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn range(
        &self,
        source: &dyn SeriesSource,
        query: &str,
        (start, end, step): (i64, i64, i64),
        cancel: &AtomicBool,
    ) -> Result<Outcome, QueryError> {
        let steps = self.steps(start, end, step)?;
        text::parsed(query, |expr| {
            has_steps(expr.value_type())?;
            let budget = Budget::new(&self.options, cancel, text::stack(query));
            let query = Query::new(source, &self.options, &budget, (query, expr), (steps, true));
            let value = outcome::matrix(&budget, query.eval(expr, steps)?, steps)?;
            Ok(outcome(&query, value))
        })
    }

    fn steps(&self, start: i64, end: i64, step: i64) -> Result<Steps, QueryError> {
        let bad = |message: &str| Err(QueryError::Parse(message.to_owned()));
        if step <= 0 {
            return bad(
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            );
        }
        if end < start {
            return bad("end timestamp must not be before start time");
        }
        in_range(start)?;
        in_range(end)?;
        let count = (end.saturating_sub(start) / step + 1) as usize;
        if count > self.options.max_steps {
            let most = self.options.max_steps;
            return bad(&format!(
                "exceeded maximum resolution of {most} points per timeseries. Try decreasing the \
                 query resolution (?step=XX)"
            ));
        }
        Ok(Steps { start, step, count })
    }
}

fn outcome(query: &Query<'_>, value: Value) -> Outcome {
    let (warnings, infos) = query.notes.take();
    Outcome { value, warnings, infos, usage: query.budget.used() }
}

/// Can an expression of this type be evaluated at several steps?
fn has_steps(of: ValueType) -> Result<(), QueryError> {
    let named = match of {
        ValueType::Vector | ValueType::Scalar => return Ok(()),
        ValueType::Matrix => "range vector",
        ValueType::String => "string",
    };
    Err(QueryError::Parse(format!(
        "invalid expression type {named:?} for range query, must be Scalar or instant Vector"
    )))
}

/// Times stay where sums of a few of them and of durations cannot overflow.
fn in_range(at: i64) -> Result<(), QueryError> {
    if at.unsigned_abs() > 1 << 60 {
        return Err(QueryError::Parse(format!("time {at} ms is out of range")));
    }
    Ok(())
}
