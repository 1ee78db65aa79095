//! How a store behaves: where it lies, how long it keeps, how much it takes.

use std::path::PathBuf;

/// When the log reaches the medium. A written record survives a killed process in each case; this
/// is about the loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fsync {
    /// Before each append returns.
    Always,
    /// By [`crate::Store::maintain`], at most each 100 ms.
    #[default]
    Interval,
    /// When the system likes.
    Never,
}

/// What a store is asked to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The folder; made if it is not there.
    pub dir: PathBuf,
    /// Blocks whose newest sample is older are dropped.
    pub retention_ms: i64,
    /// The oldest blocks are dropped while blocks and log have more bytes; none: no bound.
    pub retention_bytes: Option<u64>,
    /// When the log reaches the medium.
    pub fsync: Fsync,
    /// Samples this much older than the newest one are refused, and no later than that is a late
    /// sample's block rewritten.
    pub out_of_order_ms: i64,
    /// Samples this far ahead of the clock are refused.
    pub future_ms: i64,
    /// Bytes of decoded blocks and indexes that are kept for the next query.
    pub cache_bytes: usize,
    /// How much is taken.
    pub limits: Limits,
}

/// Bounds on what is taken; what exceeds one is refused with a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Series in the head. A sample of one more is refused.
    pub active_series: usize,
    /// Labels of a series.
    pub labels_per_series: usize,
    /// Bytes of a label's name.
    pub label_name_bytes: usize,
    /// Bytes of a label's value.
    pub label_value_bytes: usize,
    /// Samples in one batch; a larger one is refused as a whole.
    pub samples_per_batch: usize,
}

impl Options {
    /// 15 days, no bound on bytes, fsync by interval, 24 h out of order, 10 min ahead.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            retention_ms: 15 * 24 * 3_600_000,
            retention_bytes: None,
            fsync: Fsync::default(),
            out_of_order_ms: 24 * 3_600_000,
            future_ms: 10 * 60_000,
            cache_bytes: 48 << 20,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            active_series: 2_000_000,
            labels_per_series: 64,
            label_name_bytes: 512,
            label_value_bytes: 4096,
            samples_per_batch: 1_000_000,
        }
    }
}
