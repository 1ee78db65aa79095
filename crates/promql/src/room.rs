//! Room that one thread works in: buffers that keep their size from series to series, so that
//! evaluation allocates nothing per series or step.

use std::collections::VecDeque;

use model::series::Samples;

use crate::steps::Steps;

/// Buffers of one thread.
#[derive(Default)]
pub(crate) struct Room {
    /// Samples of the series at hand.
    pub(crate) samples: Samples,
    /// The windows of the series at hand.
    pub(crate) bounds: Bounds,
    /// What kernels need besides.
    pub(crate) scratch: Scratch,
    /// Values of the series at hand, one per step.
    pub(crate) column: Vec<f64>,
    /// Samples read since they were counted last.
    pub(crate) touched: usize,
    /// Samples that the steps saw since they were counted last, each as often as a step saw it.
    pub(crate) seen: usize,
    /// What was done so far, in samples that it takes as long to read. See `workers`.
    pub(crate) cost: usize,
    /// Bytes of this room that are counted.
    pub(crate) counted: usize,
}

impl Room {
    /// Samples were read.
    pub(crate) fn touch(&mut self, samples: usize) {
        self.touched += samples;
        self.cost += samples;
    }

    /// Steps saw samples.
    pub(crate) fn see(&mut self, samples: usize) {
        self.seen = self.seen.saturating_add(samples);
    }
}

/// What kernels use from window to window.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) sorted: Vec<f64>,
    pub(crate) keys: Vec<u64>,
    pub(crate) high: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) counts: Vec<u32>,
    pub(crate) queue: VecDeque<usize>,
}

/// Which samples lie in the window of each step. Series of one scrape have the same times, so what
/// was found for the series before often holds for the next.
#[derive(Default)]
pub(crate) struct Bounds {
    times: Vec<i64>,
    ends: Option<(Steps, i64)>,
    found: Vec<(usize, usize)>,
    /// Samples of all windows together.
    total: usize,
}

impl Bounds {
    /// Per step the first index of its window (open left, closed right) and the one behind its last.
    pub(crate) fn of(&mut self, times: &[i64], ends: Steps, range: i64) -> &[(usize, usize)] {
        if self.ends != Some((ends, range)) || self.times != times {
            self.ends = Some((ends, range));
            self.times.clear();
            self.times.extend_from_slice(times);
            self.find(ends, range);
        }
        &self.found
    }

    /// Samples of the windows that were found last, each as often as it is in one.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    fn find(&mut self, ends: Steps, range: i64) {
        self.found.clear();
        self.total = 0;
        let times = &self.times;
        let (mut from, mut to) = (0, 0);
        for end in ends.times() {
            while times.get(to).is_some_and(|time| *time <= end) {
                to += 1;
            }
            let start = end.saturating_sub(range);
            while from < to && times[from] <= start {
                from += 1;
            }
            self.total = self.total.saturating_add(to - from);
            self.found.push((from, to));
        }
    }
}
