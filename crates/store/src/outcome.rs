//! What a store answers: what became of a batch, the newest samples, lists, figures, findings.

/// What became of a batch. Good rows are kept even where others are refused.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Appended {
    /// Samples kept.
    pub stored: u64,
    /// Samples that were there already with this value: nothing changed.
    pub duplicates: u64,
    /// Samples that were there already with another value: the first is kept. Within blocks that
    /// are written already this shows only later, in [`Stats::conflicts`].
    pub conflicts: u64,
    /// Samples refused.
    pub refused_samples: u64,
    /// Rows with refused samples, in order, one reason each; at most 100 of them.
    pub refused: Vec<Refused>,
}

/// A row of which something was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Its place in the batch.
    pub row: usize,
    /// The first thing that was wrong.
    pub reason: Reason,
}

/// Why samples were refused. Times are ms since the epoch.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum Reason {
    #[error("sample at {time} is too old: the oldest that is taken is {oldest}")]
    TooOld { time: i64, oldest: i64 },
    #[error("sample at {time} is too far ahead: the newest that is taken is {newest}")]
    TooFarAhead { time: i64, newest: i64 },
    #[error("no labels")]
    NoLabels,
    #[error("a label without a name")]
    NoLabelName,
    #[error("label {0:?} is given twice")]
    LabelTwice(String),
    #[error("{found} labels, at most {most} are taken")]
    TooManyLabels { found: usize, most: usize },
    #[error("name of label {name:?} has {found} bytes, at most {most} are taken")]
    LabelNameTooLong { name: String, found: usize, most: usize },
    #[error("value of label {name:?} has {found} bytes, at most {most} are taken")]
    LabelValueTooLong { name: String, found: usize, most: usize },
    #[error("the limit of {0} active series is reached")]
    TooManySeries(usize),
    #[error("labels cannot be read: {0}")]
    Unreadable(&'static str),
}

impl Reason {
    /// A short fixed word for a metric's label.
    pub fn word(&self) -> &'static str {
        match self {
            Self::TooOld { .. } => "too_old",
            Self::TooFarAhead { .. } => "too_far_ahead",
            Self::TooManySeries(_) => "series_limit",
            Self::TooManyLabels { .. }
            | Self::LabelNameTooLong { .. }
            | Self::LabelValueTooLong { .. } => "label_limit",
            Self::NoLabels | Self::NoLabelName | Self::LabelTwice(_) | Self::Unreadable(_) => {
                "invalid_labels"
            }
        }
    }
}

/// A series of the head; stands for the same labels as long as the process lives, and is not given
/// to another series after this one left the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesRef {
    pub(crate) id: u64,
    pub(crate) slot: u32,
}

/// The newest sample of a series in a window, markers of staleness included.
///
/// Its labels are [`crate::Store::labels`] of its series: read them once and keep them by
/// reference, since they cost more than the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latest {
    /// Which series.
    pub series: SeriesRef,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// Its value.
    pub value: f64,
}

/// A sorted list that was cut at a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// Sorted, each once.
    pub items: Vec<T>,
    /// Whether there is more than the limit let through.
    pub more: bool,
}

/// Figures of a store. Counters are since the start of the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and units say it")]
pub struct Stats {
    pub series: u64,
    pub label_pairs: u64,
    pub head_samples: u64,
    pub head_bytes: u64,
    /// Ms since the epoch; none while the head is empty.
    pub head_oldest_ms: Option<i64>,
    pub head_newest_ms: Option<i64>,
    pub blocks: u64,
    pub block_bytes: u64,
    pub block_samples: u64,
    pub block_oldest_ms: Option<i64>,
    pub log_bytes: u64,
    pub log_segments: u64,
    pub cache_bytes: u64,
    pub appended_samples: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    /// Samples refused, by [`Reason::word`].
    pub refused: Vec<(&'static str, u64)>,
    pub cuts: u64,
    pub failed_cuts: u64,
    pub blocks_dropped: u64,
    /// Damaged places in blocks that reading came upon; each cost what was in it.
    pub damaged_places: u64,
    /// Whether the last append found the disk full.
    pub full: bool,
}

/// What [`crate::verify()`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Blocks read in full.
    pub blocks: u64,
    /// Samples in what could be read.
    pub samples: u64,
    /// One sentence per damaged place; empty: all is well.
    pub damage: Vec<String>,
}
