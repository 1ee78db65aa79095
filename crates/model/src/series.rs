//! Series of samples: the matchers that choose them, the columns they are read into, and the trait
//! between what evaluates queries and what holds samples.

use regex::Regex;

use crate::labels::Labels;

/// Prometheus's marker of a series that ended: one NaN among many.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Is this value the marker (and not any other NaN)?
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN.to_bits()
}

/// How a matcher compares. Expressions are anchored at both ends.
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
    /// What it is compared with; for an expression its source, without anchors.
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

/// Samples of one series: times in ms since the epoch, ascending, and a value for each. Markers of
/// staleness are kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples {
    /// Milliseconds since the epoch.
    pub times: Vec<i64>,
    /// As many as times.
    pub values: Vec<f64>,
}

impl Samples {
    /// Appends one.
    pub fn push(&mut self, time: i64, value: f64) {
        self.times.push(time);
        self.values.push(value);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Empties it and keeps its room.
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
    }
}

/// Why a source could not answer: for people, with the place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// One series that a selection found. Its samples are decoded when they are read.
pub trait Series: Send + Sync {
    /// Its labels, the metric's name among them.
    fn labels(&self) -> Labels;

    /// Appends its samples from `from` to `to` (ms, both included) to `into`, each time once,
    /// ascending.
    ///
    /// # Errors
    /// A block that cannot be read.
    fn read(&self, from: i64, to: i64, into: &mut Samples) -> Result<(), SourceError>;

    /// Its newest sample from `from` to `to` (ms, both included), a marker too. What an instant
    /// query asks of each series: worth answering without decoding what lies before. `room` is for
    /// those that have to decode.
    ///
    /// # Errors
    /// A block that cannot be read.
    fn newest(
        &self,
        from: i64,
        to: i64,
        room: &mut Samples,
    ) -> Result<Option<(i64, f64)>, SourceError> {
        room.clear();
        self.read(from, to, room)?;
        Ok(room.times.last().copied().zip(room.values.last().copied()))
    }
}

/// Something that holds series.
pub trait SeriesSource: Send + Sync {
    /// All series that pass every matcher and may have samples from `from` to `to` (ms, both
    /// included), each label set once. Order is free.
    ///
    /// # Errors
    /// What kept the source from answering.
    fn select(
        &self,
        matchers: &[Matcher],
        from: i64,
        to: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError>;
}
