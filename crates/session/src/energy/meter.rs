//! From readings of a GPU to the energy of each of its seconds.

use std::collections::VecDeque;
use std::time::Duration;

use model::observation::EnergyReading;
use model::{Reading, Timestamp};

use crate::view::Quality;

/// More than any GPU draws: a counter that tells of more is not believed.
const MOST_MILLIWATTS: u64 = 20_000_000;
const SECOND: u64 = 1_000_000;

/// The newest reading of a GPU, and the seconds that are not closed.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    last: Option<Read>,
    seconds: VecDeque<Second>,
    /// Every second before it is closed.
    open_from: Option<i64>,
}

/// A reading with a value.
#[derive(Debug, Clone, Copy)]
struct Read {
    at: Timestamp,
    millijoules: Option<u64>,
    milliwatts: Option<u64>,
}

/// Energy of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Second {
    pub(super) second: i64,
    pub(super) millijoules: u64,
    /// How much of it is known, in microseconds.
    micros: u64,
    /// What sessions got of it.
    drawn: u64,
    /// Some of it is power times time.
    by_power: bool,
    /// Devices without anybody.
    pub(super) quiet: usize,
}

/// What can be shared out of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SecondEnergy {
    /// In mJ, up to the idle baseline.
    pub(crate) baseline: u64,
    /// In mJ, beyond it.
    pub(crate) above: u64,
    /// Measured: by the counter, and with a baseline.
    pub(crate) quality: Quality,
}

impl Meter {
    /// Take in a reading; the second one at the same moment is the first again.
    pub(super) fn take(&mut self, now: Timestamp, told: &EnergyReading, longest_gap: Duration) {
        let milliwatts = told.watts.value().and_then(milliwatts);
        let read = Read { at: now, millijoules: told.millijoules.value(), milliwatts };
        if read.millijoules.is_none() && read.milliwatts.is_none() {
            return;
        }
        // A counter that could not be read this once is waited for: what it tells next spans both.
        let counts = self.last.is_some_and(|last| last.millijoules.is_some());
        if counts && matches!(told.millijoules, Reading::Failed(_)) {
            return;
        }
        let Some(last) = self.last.replace(read) else { return };
        if last.at < now && now.since(last.at) <= longest_gap {
            self.lay(&last, &read);
        }
    }

    /// The GPU is lost or the driver is gone: the next reading tells nothing of the time before it.
    pub(super) fn lose(&mut self) {
        self.last = None;
    }

    /// Lay the energy between two readings into seconds.
    fn lay(&mut self, from: &Read, to: &Read) {
        let span = micros(from.at, to.at);
        let Some((millijoules, by_power)) = between(from, to, span) else { return };
        let (mut at, mut laid, mut passed) = (from.at, 0, 0);
        while at < to.at {
            let next = Timestamp::from_secs(at.second() + 1).min(to.at);
            let micros = micros(at, next);
            passed += micros;
            let until = part(millijoules, passed, span);
            self.add(at.second(), until - laid, micros, by_power);
            (at, laid) = (next, until);
        }
    }

    /// What comes so late that its second is closed goes to the oldest open one.
    fn add(&mut self, second: i64, millijoules: u64, micros: u64, by_power: bool) {
        let second = self.open_from.map_or(second, |open| open.max(second));
        match self.seconds.back_mut() {
            Some(last) if last.second >= second => {
                last.millijoules += millijoules;
                last.micros += micros;
                last.by_power |= by_power;
            }
            _ => {
                let (drawn, quiet) = (0, 0);
                self.seconds.push_back(Second {
                    second,
                    millijoules,
                    micros,
                    drawn,
                    by_power,
                    quiet,
                });
            }
        }
    }

    fn slot(&self, second: i64) -> Option<&Second> {
        self.seconds.iter().find(|slot| slot.second == second)
    }

    fn slot_mut(&mut self, second: i64) -> Option<&mut Second> {
        self.seconds.iter_mut().find(|slot| slot.second == second)
    }

    /// A second's energy by a baseline. Until there is one, all of it lies above.
    pub(super) fn of(&self, second: i64, idle: Option<u64>) -> Option<SecondEnergy> {
        let slot = self.slot(second)?;
        let baseline = part(idle.unwrap_or(0), slot.micros, SECOND).min(slot.millijoules);
        let measured = idle.is_some() && !slot.by_power;
        let quality = if measured { Quality::Measured } else { Quality::Inferred };
        Some(SecondEnergy { baseline, above: slot.millijoules - baseline, quality })
    }

    pub(super) fn note_quiet(&mut self, second: i64) {
        if let Some(slot) = self.slot_mut(second) {
            slot.quiet += 1;
        }
    }

    pub(super) fn draw(&mut self, second: i64, millijoules: u64) -> bool {
        let Some(slot) = self.slot_mut(second) else { return millijoules == 0 };
        let drawn = slot.drawn.saturating_add(millijoules);
        let holds = drawn <= slot.millijoules;
        if holds {
            slot.drawn = drawn;
        }
        holds
    }

    /// The oldest open second, if it lies before `second`.
    pub(super) fn close(&mut self, second: i64) -> Option<Second> {
        let closed = self.seconds.pop_front_if(|slot| slot.second < second);
        if closed.is_none() {
            self.open_from = self.open_from.max(Some(second));
        }
        closed
    }
}

impl Second {
    /// Whether all of it is known.
    pub(super) const fn is_whole(&self) -> bool {
        self.micros >= SECOND
    }

    /// Its mean power.
    pub(super) fn milliwatts(&self) -> u64 {
        part(self.millijoules, SECOND, self.micros)
    }
}

/// Energy between two readings in mJ, and whether it is power times time. A counter that fell, or
/// that tells of more than can be, gives nothing.
fn between(from: &Read, to: &Read, span: u64) -> Option<(u64, bool)> {
    if let (Some(before), Some(after)) = (from.millijoules, to.millijoules) {
        let most = part(MOST_MILLIWATTS, span, SECOND);
        return Some((after.checked_sub(before).filter(|drawn| *drawn <= most)?, false));
    }
    let (before, after) = (from.milliwatts?, to.milliwatts?);
    Some((part(before + after, span, 2 * SECOND), true))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what does not fit is more than any GPU draws"
)]
fn milliwatts(watts: f64) -> Option<u64> {
    let milliwatts = (watts * 1000.0).round();
    if milliwatts.is_nan() || milliwatts < 0.0 {
        return None;
    }
    Some(milliwatts as u64).filter(|milliwatts| *milliwatts <= MOST_MILLIWATTS)
}

fn micros(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.since(from).as_micros()).unwrap_or(u64::MAX)
}

/// `whole` times `some` by `all`, rounded down; 0 of nothing.
fn part(whole: u64, some: u64, all: u64) -> u64 {
    whole.saturating_mul(some).checked_div(all).unwrap_or(0)
}
