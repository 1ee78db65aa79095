//! PromQL in Prometheus 3 semantics over any source of series.
//!
//! Syntax comes from `promql-parser`; this crate evaluates. It works on columns: a selector decodes
//! each series once, every operator then maps whole columns of one value per step. It holds no
//! samples, reads no clock and no network, and knows floats only: native histograms are not here.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "PromQL's numbers are f64 and its times i64 ms; the language converts between them"
)]

mod aggregate;
mod binary;
mod budget;
mod engine;
mod error;
mod functions;
mod keys;
mod labels;
mod notes;
mod outcome;
mod over_time;
mod query;
pub mod reference;
mod repeated;
mod room;
mod select;
mod steps;
pub mod syntax;
mod text;
mod value;
mod vector;
mod windows;
mod workers;

pub use engine::{Engine, Options};
pub use error::{ErrorKind, QueryError};
pub use model::labels::Labels;
pub use model::series::{
    Matcher, MatcherOp, STALE_NAN, Series, SeriesSource, SourceError, is_stale,
};
pub use outcome::{Outcome, Usage};
pub use value::{Point, Sample, SeriesPoints, Value};
