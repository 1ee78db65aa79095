//! Time: unix microseconds, and the clock that a role hands to everything below it.
//!
//! Roles own the clock; engines take `now`. Under simulation the clock is the simulated world's, so
//! that timers, readings and samples all live in one time.

use std::fmt;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A moment: microseconds since the unix epoch, the unit in which NVML stamps its samples.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment that many whole seconds after the epoch.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Seconds since the epoch with their fraction.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "microseconds of this era fit 53 bits")]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The whole second it lies in.
    #[must_use]
    pub const fn second(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Time since an earlier moment; zero if that is later, as after a clock that stepped back.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment that much later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The moment that much earlier.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.second(), self.0.rem_euclid(1_000_000))
    }
}

/// A source of time, and of waiting in that time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Wait until the moment `at` has come, or `stop` is set. True when the moment came.
    fn sleep_until(&self, at: Timestamp, stop: &Stop) -> bool;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the clock that roles own")]
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::default().after(since_epoch.unwrap_or_default())
    }

    fn sleep_until(&self, at: Timestamp, stop: &Stop) -> bool {
        !stop.wait(at.since(self.now()))
    }
}

/// A flag that ends waiting threads at once.
#[derive(Debug, Default)]
pub struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Set it: every present and later wait returns at once.
    pub fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Whether it is set.
    pub fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wait that long or until it is set. True when it is set.
    pub fn wait(&self, span: Duration) -> bool {
        let deadline = Instant::now() + span.min(Duration::from_secs(86_400));
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        while !*stopped {
            let Some(left) =
                deadline.checked_duration_since(Instant::now()).filter(|l| !l.is_zero())
            else {
                return false;
            };
            stopped =
                self.changed.wait_timeout(stopped, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_steps_back_gives_no_negative_span() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(Timestamp::from_secs(-1).second(), -1);
    }

    #[test]
    fn a_set_stop_ends_a_wait_at_once() {
        let stop = Stop::default();
        stop.stop();
        assert!(stop.wait(Duration::from_secs(3600)));
        assert!(!SystemClock.sleep_until(SystemClock.now().after(Duration::from_secs(9)), &stop));
    }
}
