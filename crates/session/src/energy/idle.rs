//! The idle baseline of a GPU: the lowest mean power over 5 minutes without anybody on it.
//!
//! Minutes of quiet seconds in a row are kept, and the mean of the newest five is tried at the end
//! of each. A second with somebody, or one of which the energy is not known, begins anew.

/// Minutes in a window.
const WINDOW: usize = 5;
/// Seconds in a minute.
const MINUTE: u32 = 60;

/// The lowest mean so far, and the window that is being filled.
#[derive(Debug, Clone, Default)]
pub(super) struct Idle {
    lowest: Option<u64>,
    /// Sums of milliwatts over whole minutes, the newest last; only the newest `filled` count.
    minutes: [u64; WINDOW],
    filled: usize,
    seconds: u32,
    sum: u64,
    newest: Option<i64>,
}

impl Idle {
    /// The baseline that an earlier process saw.
    pub(super) fn remembered(milliwatts: Option<u64>) -> Self {
        Self { lowest: milliwatts, ..Self::default() }
    }

    /// The baseline in mW, once one was seen.
    pub(super) fn milliwatts(&self) -> Option<u64> {
        self.lowest
    }

    /// A quiet second at that mean power.
    pub(super) fn note(&mut self, second: i64, milliwatts: u64) {
        if self.newest.is_some_and(|newest| newest + 1 != second) {
            self.interrupt();
        }
        self.newest = Some(second);
        self.sum += milliwatts;
        self.seconds += 1;
        if self.seconds < MINUTE {
            return;
        }
        self.minutes.rotate_left(1);
        self.minutes[WINDOW - 1] = self.sum;
        (self.seconds, self.sum) = (0, 0);
        self.filled = (self.filled + 1).min(WINDOW);
        if self.filled == WINDOW {
            let seconds = u64::from(MINUTE) * WINDOW as u64;
            let mean = self.minutes.iter().sum::<u64>() / seconds;
            self.lowest = Some(self.lowest.map_or(mean, |lowest| lowest.min(mean)));
        }
    }

    /// Somebody came, or the energy of a second is not known.
    pub(super) fn interrupt(&mut self) {
        *self = Self { lowest: self.lowest, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(idle: &mut Idle, seconds: std::ops::Range<i64>, milliwatts: u64) {
        seconds.for_each(|second| idle.note(second, milliwatts));
    }

    #[test]
    fn five_quiet_minutes_make_a_baseline_and_less_do_not() {
        let mut idle = Idle::default();
        quiet(&mut idle, 0..299, 70_000);
        assert_eq!(idle.milliwatts(), None);
        quiet(&mut idle, 299..300, 70_000);
        assert_eq!(idle.milliwatts(), Some(70_000));
    }

    #[test]
    fn somebody_in_between_or_a_hole_begins_anew() {
        let mut idle = Idle::default();
        quiet(&mut idle, 0..200, 70_000);
        idle.interrupt();
        quiet(&mut idle, 201..400, 70_000);
        quiet(&mut idle, 410..700, 70_000);
        assert_eq!(idle.milliwatts(), None);
    }

    #[test]
    fn the_lowest_window_stays() {
        let mut idle = Idle::remembered(Some(90_000));
        // Still warm from work at first.
        quiet(&mut idle, 0..60, 100_000);
        quiet(&mut idle, 60..360, 70_000);
        assert_eq!(idle.milliwatts(), Some(70_000));
        quiet(&mut idle, 360..960, 80_000);
        assert_eq!(idle.milliwatts(), Some(70_000));
    }
}
