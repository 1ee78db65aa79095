//! The Prometheus text format, version 0.0.4: writing it and reading it back.
//!
//! Written by hand because the names, the order of labels and the number format are a contract
//! with dcgm-exporter that client libraries do not let through.

mod parse;
mod write;

pub use parse::{Family, ParseError, Sample, parse};
pub use write::{Line, Writer, push_escaped_label, push_float};

/// What an exporter answers in `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
