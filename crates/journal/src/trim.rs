//! Dropping old segments: those that every cursor has passed, and those over a cap, read or not.

use std::io;

use crate::error::JournalError;
use crate::index::{Segment, SegmentId};
use crate::journal::Journal;
use crate::segment;

/// Why segments went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Every cursor has passed them.
    Passed,
    /// There were more than [`crate::Options::max_bytes`].
    Bytes,
    /// They were older than [`crate::Options::max_age_ms`].
    Age,
}

/// One segment that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Which.
    pub segment: SegmentId,
    /// Why.
    pub reason: Reason,
    /// Its last sequence, had it all its records.
    pub last: u64,
    /// Its size.
    pub bytes: u64,
    /// Cursors that had not passed it, and how many of its sequences each of them loses.
    pub lost: Vec<(String, u64)>,
}

/// What went, oldest first.
pub type Trimmed = Vec<Dropped>;

impl Journal {
    /// Drop the oldest segments while every cursor has passed them or a cap is exceeded. The newest
    /// segment stays. Without any cursor only the caps drop.
    ///
    /// # Errors
    /// A segment could not be removed, or the cursors not made durable first; what was dropped
    /// before that is not named then. The next call goes on.
    pub fn trim(&mut self, now_ms: i64) -> Result<Trimmed, JournalError> {
        let mut trimmed = Trimmed::new();
        while let Some(dropped) = self.next_to_drop(now_ms) {
            if trimmed.is_empty() {
                // After a loss of power a cursor must not stand before what is gone.
                self.cursors.make_durable()?;
            }
            let path = segment::path(&self.folder, dropped.segment.0);
            match self.disk.remove(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(JournalError::Remove { path, cause }),
            }
            self.names_changed = true;
            self.index.lock().segments.remove(0);
            self.unsynced.retain(|part| part.segment != dropped.segment.0);
            trimmed.push(dropped);
        }
        Ok(trimmed)
    }

    fn next_to_drop(&self, now_ms: i64) -> Option<Dropped> {
        let index = self.index.lock();
        let [oldest, after, ..] = index.segments[..] else {
            return None;
        };
        let last = after.first - 1;
        let reason = self.reason_to_drop(last, index.bytes(), after, now_ms)?;
        let lost = |sequence: u64| (last + 1).saturating_sub(oldest.first.max(sequence + 1));
        Some(Dropped {
            segment: SegmentId(oldest.first),
            reason,
            last,
            bytes: oldest.length,
            lost: self
                .cursors
                .all()
                .map(|(name, sequence)| (name.to_owned(), lost(sequence)))
                .filter(|(_, lost)| *lost > 0)
                .collect(),
        })
    }

    /// A segment's last record is no younger than the beginning of the one after it.
    fn reason_to_drop(&self, last: u64, bytes: u64, after: Segment, now_ms: i64) -> Option<Reason> {
        let age_ms = now_ms.saturating_sub(after.created_ms);
        if self.cursors.lowest().is_some_and(|lowest| lowest >= last) {
            return Some(Reason::Passed);
        }
        if self.options.max_age_ms.is_some_and(|max| age_ms > max) {
            return Some(Reason::Age);
        }
        self.options.max_bytes.is_some_and(|max| bytes > max).then_some(Reason::Bytes)
    }
}
