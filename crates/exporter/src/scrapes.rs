//! How long scrapes take, and how many may be under way at once.
//!
//! Counted by requests, read by the next pass into its snapshot, so that one page is the state of
//! one moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Upper bounds of `gpulse_scrape_duration_seconds`, in microseconds: a page from memory takes
/// well under 1 ms, and what lies above 1 s has met a busy machine.
pub const BOUNDS_MICROS: [u64; 10] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 250_000, 1_000_000];

/// Counters of scrapes since the start.
#[derive(Debug, Default)]
pub struct Scrapes {
    below: [AtomicU64; BOUNDS_MICROS.len()],
    count: AtomicU64,
    micros: AtomicU64,
    refused: AtomicU64,
    under_way: AtomicUsize,
    read: AtomicBool,
}

/// The counters at one moment. Buckets are cumulative, as the text format wants them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrapeCounts {
    /// Scrapes at or below each bound.
    pub buckets: [u64; BOUNDS_MICROS.len()],
    /// All scrapes.
    pub count: u64,
    /// Their time together, in microseconds.
    pub micros: u64,
    /// Scrapes answered 503 because too many were under way.
    pub refused: u64,
}

impl Scrapes {
    /// Count one scrape.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(at) = BOUNDS_MICROS.iter().position(|bound| micros <= *bound) {
            self.below[at].fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.read.store(true, Ordering::Relaxed);
    }

    /// The counters now.
    #[must_use]
    pub fn counts(&self) -> ScrapeCounts {
        let mut sum = 0;
        let buckets = std::array::from_fn(|at| {
            sum += self.below[at].load(Ordering::Relaxed);
            sum
        });
        ScrapeCounts {
            buckets,
            count: self.count.load(Ordering::Relaxed).max(sum),
            micros: self.micros.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Whether a page was read since this was last asked.
    pub(crate) fn take_read(&self) -> bool {
        self.read.swap(false, Ordering::Relaxed)
    }

    /// Begin a scrape, unless `most` are under way. The permit ends it when dropped.
    #[must_use]
    pub fn admit(self: &Arc<Self>, most: usize) -> Option<Permit> {
        let permit = Permit(Arc::clone(self));
        if self.under_way.fetch_add(1, Ordering::AcqRel) < most {
            return Some(permit);
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// One scrape under way.
#[derive(Debug)]
pub struct Permit(Arc<Scrapes>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_end_at_the_count() {
        let scrapes = Scrapes::default();
        for micros in [100, 700, 2_000_000] {
            scrapes.observe(Duration::from_micros(micros));
        }
        let counts = scrapes.counts();
        assert_eq!(counts.buckets[..3], [1, 1, 2]);
        assert_eq!((counts.buckets[9], counts.count, counts.micros), (2, 3, 2_000_800));
    }

    #[test]
    fn the_excess_is_refused_until_a_permit_is_given_back() {
        let scrapes = Arc::new(Scrapes::default());
        let first = scrapes.admit(1);
        assert!(first.is_some());
        assert!(scrapes.admit(1).is_none());
        drop(first);
        assert!(scrapes.admit(1).is_some());
        assert_eq!(scrapes.counts().refused, 1);
    }
}
