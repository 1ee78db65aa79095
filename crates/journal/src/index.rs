//! Which segments there are and how far each is committed: what the writer and readers share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which segment, by its first sequence. A writer whose dictionary was written under another one
/// writes it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u64);

/// One segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub first: u64,
    /// Unix time in ms when it was begun; when it was opened, where the header is damaged.
    pub created_ms: i64,
    /// Committed bytes: nothing past them is read.
    pub length: u64,
}

/// All segments, oldest first, and the sequence after the last record.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub segments: Vec<Segment>,
    pub next: u64,
}

impl Index {
    /// The segment in which a sequence is, or would be; else the oldest.
    pub(crate) fn holding(&self, sequence: u64) -> Option<Segment> {
        let after = self.segments.partition_point(|segment| segment.first <= sequence);
        self.segments.get(after.saturating_sub(1)).copied()
    }

    /// The segment of exactly that first sequence.
    pub(crate) fn exactly(&self, first: u64) -> Option<Segment> {
        let at = self.segments.binary_search_by_key(&first, |segment| segment.first).ok()?;
        self.segments.get(at).copied()
    }

    /// The segment that begins after that one.
    pub(crate) fn after(&self, first: u64) -> Option<Segment> {
        let after = self.segments.partition_point(|segment| segment.first <= first);
        self.segments.get(after).copied()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }
}

/// The index as writer and readers hold it; locked for moments, never across a disk's call.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedIndex(Arc<Mutex<Index>>);

impl SharedIndex {
    pub(crate) fn new(index: Index) -> Self {
        Self(Arc::new(Mutex::new(index)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Index> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
