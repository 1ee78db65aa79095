//! The states that a device can be in, and their parts of its time.

/// How many states time is booked under.
pub(super) const BOOKED: usize = 9;

/// Names of all states, those with booked time first and in the order of the metrics reference.
pub(super) const NAMES: [&str; BOOKED + 2] = [
    "free",
    "allocated",
    "starting",
    "active",
    "idle",
    "held",
    "stale",
    "unknown",
    "down",
    "gone",
    "no_compute_instance",
];

pub(super) const FREE: usize = 0;
pub(super) const ALLOCATED: usize = 1;
pub(super) const STARTING: usize = 2;
pub(super) const ACTIVE: usize = 3;
pub(super) const IDLE: usize = 4;
pub(super) const HELD: usize = 5;
pub(super) const STALE: usize = 6;
pub(super) const UNKNOWN: usize = 7;
pub(super) const DOWN: usize = 8;
/// Its exporter has stopped.
pub(super) const GONE: usize = 9;
/// A GPU instance without compute instance.
pub(super) const NO_COMPUTE: usize = 10;

/// The number of a state's name.
pub(super) fn number(name: &str) -> Option<u32> {
    NAMES.iter().position(|known| *known == name).and_then(|at| u32::try_from(at).ok())
}

/// Parts of a device's time by state, adding up to one, and the part with much SM activity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parts {
    pub(super) of: [f64; BOOKED],
    pub(super) effective: f64,
}

impl Parts {
    pub(super) const NONE: Self = Self { of: [0.0; BOOKED], effective: 0.0 };

    /// All of it in one state.
    pub(super) fn all(state: usize) -> Self {
        let mut parts = Self::NONE;
        parts.of[state] = 1.0;
        parts
    }

    /// What the states of its sessions say now, where nothing is booked yet: rules 2 to 4 of the
    /// booking of a device second, without allocations.
    pub(super) fn of_sessions(states: &[u32]) -> Self {
        let has = |state: usize| states.iter().any(|of| *of as usize == state);
        let whole = [ACTIVE, UNKNOWN].into_iter().find(|state| has(*state));
        if states.is_empty() {
            return Self::all(FREE);
        }
        if let Some(state) = whole {
            return Self::all(state);
        }
        let mut parts = Self::NONE;
        #[expect(clippy::cast_precision_loss, reason = "sessions on a device are few")]
        let each = 1.0 / states.len() as f64;
        for state in states {
            if let Some(part) = parts.of.get_mut(*state as usize) {
                *part += each;
            }
        }
        parts
    }

    /// Add a share of other parts.
    pub(super) fn add(&mut self, share: f64, other: &Self) {
        self.of.iter_mut().zip(other.of).for_each(|(sum, part)| *sum += share * part);
        self.effective += share * other.effective;
    }

    /// The largest part; of equal ones the later in the list, which says more.
    pub(super) fn largest(&self) -> usize {
        let parts = self.of.iter().enumerate();
        parts.max_by(|a, b| a.1.total_cmp(b.1)).map_or(UNKNOWN, |(state, _)| state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_without_booked_time_give_the_state_of_now() {
        let of = |states: &[usize]| {
            let states: Vec<u32> = states.iter().map(|s| u32::try_from(*s).unwrap()).collect();
            Parts::of_sessions(&states)
        };
        assert_eq!(of(&[]), Parts::all(FREE));
        assert_eq!(of(&[IDLE, ACTIVE, UNKNOWN]), Parts::all(ACTIVE));
        assert_eq!(of(&[IDLE, UNKNOWN]), Parts::all(UNKNOWN));
        let shared = of(&[IDLE, STALE, STALE, STARTING]);
        assert_eq!((shared.of[IDLE], shared.of[STALE], shared.largest()), (0.25, 0.5, STALE));
        assert!((shared.of.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
