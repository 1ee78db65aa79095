//! A bounded box between a thread that runs the program and the passes that take its results.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Results not yet taken; the oldest go when there are too many.
#[derive(Debug)]
pub(super) struct Mailbox<T> {
    capacity: usize,
    results: Mutex<VecDeque<T>>,
    arrived: Condvar,
}

impl<T> Mailbox<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, results: Mutex::new(VecDeque::new()), arrived: Condvar::new() }
    }

    pub(super) fn put(&self, result: T) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        while results.len() >= self.capacity {
            results.pop_front();
        }
        results.push_back(result);
        self.arrived.notify_all();
    }

    /// Everything in it, oldest first.
    pub(super) fn take(&self) -> Vec<T> {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.drain(..).collect()
    }

    /// Wait until there is something, at most until `until`.
    pub(super) fn wait(&self, until: Instant) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        while results.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return;
            }
            results =
                self.arrived.wait_timeout(results, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_results_go_when_nobody_takes_them() {
        let mailbox = Mailbox::new(2);
        for number in 1..=3 {
            mailbox.put(number);
        }
        mailbox.wait(Instant::now() + Duration::from_secs(3600));
        assert_eq!(mailbox.take(), [2, 3]);
        assert_eq!(mailbox.take(), []);
        mailbox.wait(Instant::now());
    }
}
