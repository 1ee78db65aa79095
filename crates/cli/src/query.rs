//! `gpulse query`: what a server answers to PromQL, and the forms it is printed in.

mod answer;
mod chart;
mod error;
mod figure;
mod forms;
mod legend;
mod time;

pub(crate) use answer::{Answer, read};
pub(crate) use error::caret;
pub(crate) use forms::{Form, csv, json, jsonl, prom, table};
pub(crate) use time::{Asked, Moments, rfc3339, seconds};

/// Version of the JSON; it rises only when a field changes its meaning.
pub(crate) const SCHEMA_VERSION: u32 = 1;
