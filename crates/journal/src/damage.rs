//! What could not be read, counted and named: a bad record or block costs that record or block and
//! never the start.

use std::fmt;

use crate::index::SegmentId;

/// How many places are named; the counts go on.
const NAMED: usize = 64;

/// One place that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// In which segment. For records that are missing between two, the later one.
    pub segment: SegmentId,
    /// Where in its file.
    pub offset: u64,
    /// How many bytes; 0 where a file is missing.
    pub bytes: u64,
    /// How many records are lost there; none where that cannot be known.
    pub records: Option<u64>,
    /// What the disk said, where it refused to read.
    pub cause: Option<String>,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, bytes, .. } = self;
        write!(out, "segment {} at byte {offset}: {bytes} bytes unreadable, ", segment.0)?;
        match self.records {
            Some(1) => write!(out, "1 record lost")?,
            Some(records) => write!(out, "{records} records lost")?,
            None => write!(out, "an unknown number of records lost")?,
        }
        self.cause.as_ref().map_or(Ok(()), |cause| write!(out, " ({cause})"))
    }
}

/// Everything that a reader could not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DamageLog {
    /// The first 64 places.
    pub named: Vec<Damage>,
    /// Places, also those that are not named.
    pub places: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Records lost in them, as far as that is known.
    pub records: u64,
}

impl DamageLog {
    /// Whether everything could be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places == 0
    }

    pub(crate) fn add(&mut self, damage: Damage) {
        self.places += 1;
        self.bytes += damage.bytes;
        self.records += damage.records.unwrap_or(0);
        if self.named.len() < NAMED {
            self.named.push(damage);
        }
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.places += other.places;
        self.bytes += other.bytes;
        self.records += other.records;
        let room = NAMED - self.named.len().min(NAMED);
        self.named.extend(other.named.into_iter().take(room));
    }
}
