//! Where series come from: the trait that a store or a test implements.

use regex::Regex;

use crate::Labels;
use crate::error::QueryError;

/// Prometheus's marker of a series that ended: one NaN among many.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Is this value the marker (and not any other NaN)?
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN.to_bits()
}

/// One series, decoded: times in ms, ascending, and a value for each. Staleness markers are kept.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// The labels, the metric's name among them.
    pub labels: Labels,
    /// Milliseconds since the epoch.
    pub times: Vec<i64>,
    /// As many as times.
    pub values: Vec<f64>,
}

/// How a matcher compares. Expressions are anchored.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "PromQL's four operators")]
pub enum MatcherOp {
    Equal,
    NotEqual,
    Matches(Regex),
    NotMatches(Regex),
}

/// A condition on one label. An absent label has the empty value.
#[derive(Debug, Clone)]
pub struct Matcher {
    /// The label.
    pub name: String,
    /// The comparison.
    pub op: MatcherOp,
    /// What it is compared with; for an expression its source.
    pub value: String,
}

impl Matcher {
    /// Does a label of this value pass?
    pub fn accepts(&self, value: &str) -> bool {
        match &self.op {
            MatcherOp::Equal => value == self.value,
            MatcherOp::NotEqual => value != self.value,
            MatcherOp::Matches(regex) => regex.is_match(value),
            MatcherOp::NotMatches(regex) => !regex.is_match(value),
        }
    }
}

/// Something that holds series.
pub trait SeriesSource {
    /// All series that pass every matcher, with their samples from `from` to `to` (ms, both ends
    /// included). Order is free.
    ///
    /// # Errors
    /// What kept the source from answering.
    fn select(&self, matchers: &[Matcher], from: i64, to: i64) -> Result<Vec<Columns>, QueryError>;
}
