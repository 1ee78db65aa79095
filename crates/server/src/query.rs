//! The query side of Prometheus's HTTP API: the same parameters, answers, error texts and statuses.

mod evaluate;
mod language;
mod lists;
mod run;
mod status;

pub(crate) use evaluate::{instant, range};
pub(crate) use language::{exemplars, format, parse};
pub(crate) use lists::{label_names, label_values, metadata, series};
pub(crate) use status::{alerts, build_info, config, flags, rules, runtime_info, targets, tsdb};

/// Prometheus's earliest time, in ms: the default of `start`.
pub(crate) const EARLIEST: i64 = (i64::MIN / 1000 + 62_135_596_801) * 1000;
/// Prometheus's latest time, in ms: the default of `end`.
pub(crate) const LATEST: i64 = (i64::MAX / 1000 - 62_135_596_801) * 1000 + 999;

#[cfg(test)]
mod tests;
