//! Use, second by second: what the driver's samples and the device's figures tell of it.
//!
//! A second is put together from evidence that comes up to several seconds late, so both the
//! device and its sessions keep the newest [`KEPT_SECONDS`] in a ring. Nothing here decides states.

use std::time::Duration;

use model::Timestamp;

/// Seconds kept: the delay of closing, the longest gap, and some.
pub(crate) const KEPT_SECONDS: i64 = 32;
/// The same as the length of a ring.
const RING: usize = 32;
/// An instance with activity up to this is not used: GPM counts housekeeping as well.
const QUIET_INSTANCE: f64 = 0.01;

/// What tells of use in one second of a device.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Source {
    /// Nothing yet.
    #[default]
    Nothing,
    /// It was asked for, and nothing could be told.
    Untold,
    /// Only whether the device was used.
    Device { used: bool, ratio: f64 },
    /// The processes' own samples; a process without one had no use.
    Processes,
}

/// Evidence of one second of a device.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DeviceSecond {
    second: i64,
    pub(crate) source: Source,
    /// SM activity of the whole device, 0..1.
    pub(crate) sm: Option<f64>,
    /// The MPS server showed use that is its clients'.
    pub(crate) mps_used: bool,
}

/// A device's evidence.
#[derive(Debug, Clone)]
pub(crate) struct DeviceEvidence {
    ring: Box<[DeviceSecond; RING]>,
    /// The newest pass that asked for use.
    pub(crate) asked: Option<Timestamp>,
    /// Newest stamp of any process's sample.
    pub(crate) newest_stamp: Option<Timestamp>,
    pub(crate) cadence: Cadence,
}

impl Default for DeviceEvidence {
    fn default() -> Self {
        Self {
            ring: Box::new([DeviceSecond { second: i64::MIN, ..DeviceSecond::default() }; RING]),
            asked: None,
            newest_stamp: None,
            cadence: Cadence::default(),
        }
    }
}

impl DeviceEvidence {
    /// Evidence of a second; nothing if it is too old or not met.
    pub(crate) fn of(&self, second: i64) -> DeviceSecond {
        let slot = self.ring[place(second)];
        if slot.second == second { slot } else { DeviceSecond::default() }
    }

    /// The slot of a second, emptied if it held an older one; `None` for one that is older.
    fn slot(&mut self, second: i64) -> Option<&mut DeviceSecond> {
        let slot = &mut self.ring[place(second)];
        if slot.second < second {
            *slot = DeviceSecond { second, ..DeviceSecond::default() };
        }
        (slot.second == second).then_some(slot)
    }

    /// Take in what a pass at `now` told of the time since the one before.
    pub(crate) fn tell(&mut self, now: Timestamp, source: Source, sm: Option<f64>) {
        let last = now.second();
        let first = self.asked.map_or(last - KEPT_SECONDS + 1, Timestamp::second);
        for second in first.max(last - KEPT_SECONDS + 1)..=last {
            let Some(slot) = self.slot(second) else { continue };
            // The second in which the pass before fell has been told of already.
            if second > first || slot.source == Source::Nothing {
                slot.source = source;
            }
            if second > first || slot.sm.is_none() {
                slot.sm = sm.or(slot.sm);
            }
        }
        self.asked = Some(now);
    }

    /// The clock went back: keep only what has no time in it.
    pub(crate) fn forget_time(&mut self) {
        *self = Self { cadence: self.cadence.clone(), ..Self::default() };
    }

    /// The MPS server was used in a second.
    pub(crate) fn tell_mps_used(&mut self, second: i64) {
        if let Some(slot) = self.slot(second) {
            slot.mps_used = true;
        }
    }
}

impl Source {
    /// Evidence from the activity of a device or MIG instance, 0..1.
    pub(crate) fn of_activity(ratio: f64, is_instance: bool) -> Self {
        let quiet = if is_instance { QUIET_INSTANCE } else { 0.0 };
        Self::Device { used: ratio > quiet, ratio }
    }
}

/// Evidence of one second of a session.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SessionSecond {
    second: i64,
    /// Sum of the samples' SM use, in per cent.
    sm: u32,
    samples: u32,
    pub(crate) used: bool,
}

impl SessionSecond {
    /// Mean SM use, 0..1.
    pub(crate) fn sm(&self) -> f64 {
        f64::from(self.sm) / f64::from(self.samples.max(1)) / 100.0
    }
}

/// A session's samples by second.
#[derive(Debug, Clone)]
pub(crate) struct SessionEvidence {
    ring: [SessionSecond; RING],
}

impl Default for SessionEvidence {
    fn default() -> Self {
        Self { ring: [SessionSecond { second: i64::MIN, ..SessionSecond::default() }; RING] }
    }
}

impl SessionEvidence {
    /// What the samples tell of a second; `None` if there was none in it.
    pub(crate) fn of(&self, second: i64) -> Option<SessionSecond> {
        let slot = self.ring[place(second)];
        (slot.second == second && slot.samples > 0).then_some(slot)
    }

    /// Put one sample into a second.
    pub(crate) fn add(&mut self, second: i64, sm_percent: u8, used: bool) {
        let slot = &mut self.ring[place(second)];
        if slot.second < second {
            *slot = SessionSecond { second, ..SessionSecond::default() };
        }
        if slot.second == second {
            slot.sm = slot.sm.saturating_add(u32::from(sm_percent));
            slot.samples = slot.samples.saturating_add(1);
            slot.used |= used;
        }
    }
}

fn place(second: i64) -> usize {
    usize::try_from(second.rem_euclid(KEPT_SECONDS)).unwrap_or(0)
}

/// How often the driver stamps samples, learned from the gaps between one process's stamps.
///
/// Drivers that give one sample per question (a mean since the last one) show gaps as long as the
/// time between questions; then a sample stands for all of that time and not for one second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cadence {
    gaps: [Duration; 16],
    count: usize,
}

impl Cadence {
    /// A process's two neighbouring stamps were that far apart. Pauses without use make gaps
    /// longer, nothing makes them shorter, so a low quartile is the driver's own.
    pub(crate) fn learn(&mut self, gap: Duration) {
        self.gaps[self.count % self.gaps.len()] = gap;
        self.count += 1;
    }

    /// Time between two samples: a second until more is known.
    pub(crate) fn span(&self) -> Duration {
        let known = self.count.min(self.gaps.len());
        if known == 0 {
            return Duration::from_secs(1);
        }
        let mut sorted = self.gaps;
        sorted[..known].sort_unstable();
        sorted[known / 4].clamp(Duration::from_millis(100), Duration::from_secs(15))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp(millis * 1000)
    }

    #[test]
    fn a_pass_tells_of_the_seconds_since_the_one_before() {
        let mut evidence = DeviceEvidence::default();
        evidence.tell(at(100_200), Source::Processes, None);
        evidence.tell(at(105_200), Source::Untold, Some(0.5));
        assert_eq!(evidence.of(100).source, Source::Processes);
        assert_eq!(evidence.of(101).source, Source::Untold);
        assert_eq!(evidence.of(105).sm, Some(0.5));
        assert_eq!(evidence.of(106).source, Source::Nothing);
        evidence.tell(at(500_000), Source::Processes, None);
        assert_eq!(evidence.of(105).source, Source::Nothing, "overwritten");
    }

    #[test]
    fn several_samples_in_a_second_give_their_mean() {
        let mut evidence = SessionEvidence::default();
        evidence.add(7, 100, true);
        evidence.add(7, 50, true);
        assert_eq!(evidence.of(7).unwrap().sm(), 0.75);
        assert!(evidence.of(8).is_none());
        evidence.add(7 + KEPT_SECONDS, 10, true);
        evidence.add(7, 10, true);
        assert!(evidence.of(7).is_none(), "too old to be kept");
    }

    #[test]
    fn one_odd_gap_does_not_change_the_cadence() {
        let mut cadence = Cadence::default();
        assert_eq!(cadence.span(), Duration::from_secs(1));
        for millis in [1000, 1001, 3000, 999, 200, 1000, 1002, 9000, 1000] {
            cadence.learn(Duration::from_millis(millis));
        }
        assert_eq!(cadence.span(), Duration::from_millis(1000));
    }

    #[test]
    fn a_driver_with_one_sample_per_question_is_recognised() {
        let mut cadence = Cadence::default();
        (0..5).for_each(|_| cadence.learn(Duration::from_secs(5)));
        assert_eq!(cadence.span(), Duration::from_secs(5));
    }
}
