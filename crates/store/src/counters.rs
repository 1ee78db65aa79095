//! What happened since the start, for metrics.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::lock::lock;
use crate::outcome::Appended;

/// Counters of a store.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub appended: AtomicU64,
    pub duplicates: AtomicU64,
    pub conflicts: AtomicU64,
    pub cuts: AtomicU64,
    pub failed_cuts: AtomicU64,
    pub dropped: AtomicU64,
    pub full: AtomicBool,
    refused: Mutex<Vec<(&'static str, u64)>>,
}

impl Counters {
    /// Counts what became of a batch.
    pub(crate) fn count(&self, appended: &Appended) {
        self.appended.fetch_add(appended.stored, Relaxed);
        self.duplicates.fetch_add(appended.duplicates, Relaxed);
        self.conflicts.fetch_add(appended.conflicts, Relaxed);
    }

    /// Counts refused samples.
    pub(crate) fn refuse(&self, word: &'static str, samples: u64) {
        let mut refused = lock(&self.refused);
        match refused.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += samples,
            None => refused.push((word, samples)),
        }
    }

    /// Refused samples by word.
    pub(crate) fn refused(&self) -> Vec<(&'static str, u64)> {
        lock(&self.refused).clone()
    }
}
