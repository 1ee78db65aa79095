//! A kernel that spins: the device is fully used without end, and nothing gets on.
//!
//! The use of a GPU tells only that a kernel runs. One that waits for a peer that will never answer
//! looks like full work, except that it draws little power, moves no data and allocates nothing. All
//! of it at once, for long, is the suspicion; it is no proof.

use std::collections::BTreeMap;

use model::observation::Progress;
use model::{Reading, Timestamp};
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// Readings of its power before a session has a usual one: two minutes at one in 5 s.
const LEARNED: u32 = 24;
/// Use from which a session counts as active when its usual power is learned.
const ACTIVE: f64 = 0.05;
/// Memory that comes and goes by no more than this, in bytes, is flat: one page of the driver.
const FLAT: u64 = 2 << 20;
/// A class of power begins at that many times the one before: medians are known to 4 %.
const CLASS: f64 = 1.04;

/// What one reading says of a session that may hang.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signs {
    /// Use of the device by the session, 0..1.
    pub(crate) used: f64,
    /// Power of its GPU.
    pub(crate) watts: f64,
    /// The least that this GPU draws without any session, if known.
    pub(crate) idle_watts: Option<f64>,
    /// Whether it is the only session on its GPU, so that the power is its own.
    pub(crate) alone: bool,
    /// Memory that it holds.
    pub(crate) memory_bytes: Option<u64>,
    /// What gets on.
    pub(crate) progress: Option<Progress>,
}

/// How sure a suspicion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Power is near that of the idle GPU, or below half of the session's usual one.
    Low,
    /// Of its own usual power, or of the pipes, more is known.
    Medium,
    /// Its power is below half of its usual one, and tensor and memory pipes rest.
    High,
}

impl Confidence {
    /// As printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What is suspicious about a session, as last read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Suspicion {
    pub(crate) used: f64,
    pub(crate) watts: f64,
    pub(crate) usual_watts: Option<f64>,
    pub(crate) idle_watts: Option<f64>,
    pub(crate) confidence: Confidence,
}

/// The watch over one session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct HangWatch {
    /// Power while it was active and not suspicious: how many readings in each class.
    usual: BTreeMap<u16, u32>,
    run: Option<Run>,
    /// Since when it looked like hanging, the last time that it did for long enough.
    found: Option<(Timestamp, Suspicion)>,
}

/// A stretch in which all looks like a hang.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Run {
    since: Timestamp,
    last: Timestamp,
    least_used: f64,
    most_used: f64,
    least_bytes: u64,
    most_bytes: u64,
    newest: Suspicion,
}

impl HangWatch {
    /// Take in a reading. Whether the session has looked like hanging for long enough; `None` where
    /// that cannot be told.
    pub(crate) fn step(&mut self, now: Timestamp, signs: &Signs, config: &Config) -> Option<bool> {
        let usual = self.usual_watts().filter(|_| signs.alone);
        if signs.used < ratio(config.hang_use_percent) {
            self.run = None;
            if signs.used >= ACTIVE {
                self.learn(signs);
            }
            return Some(false);
        }
        let below = |bound: Option<f64>, percent| {
            bound.is_some_and(|watts| signs.watts < watts * ratio(percent))
        };
        let under_usual = below(usual, config.hang_usual_power_percent);
        let near_idle = below(signs.idle_watts, config.hang_idle_power_percent);
        if !under_usual && !near_idle {
            self.run = None;
            self.learn(signs);
            return (usual.is_some() || signs.idle_watts.is_some()).then_some(false);
        }
        let Some(known_pipes) = resting_pipes(signs.progress, config) else {
            self.run = None;
            return Some(false);
        };
        let points = u8::from(under_usual) + u8::from(known_pipes);
        let newest = Suspicion {
            used: signs.used,
            watts: signs.watts,
            usual_watts: usual,
            idle_watts: signs.idle_watts,
            confidence: match points {
                0 => Confidence::Low,
                1 => Confidence::Medium,
                _ => Confidence::High,
            },
        };
        let longest = config.finding_clears_after;
        let joined = self.run.take().filter(|run| now.since(run.last) < longest);
        let joined = joined.map(|run| run.joined(now, signs, newest));
        let flat = joined.filter(|run| run.is_flat(config));
        let run = *self.run.insert(flat.unwrap_or_else(|| Run::begin(now, signs, newest)));
        let found = now.since(run.since) >= config.hang_after;
        if found {
            self.found = Some((run.since, run.newest));
        }
        Some(found)
    }

    /// Since when it looked like hanging when it last did for long enough, and what was suspicious.
    pub(crate) fn suspicion(&self) -> Option<(Timestamp, Suspicion)> {
        self.found
    }

    /// The clock went back.
    pub(crate) fn forget_time(&mut self, now: Timestamp) {
        self.run = None;
        self.found = self.found.map(|(since, suspicion)| (since.min(now), suspicion));
    }

    fn learn(&mut self, signs: &Signs) {
        if signs.alone && signs.watts.is_finite() && signs.watts >= 1.0 {
            let seen = self.usual.entry(class_of(signs.watts)).or_default();
            *seen = seen.saturating_add(1);
        }
    }

    /// The median of its power while it is active.
    fn usual_watts(&self) -> Option<f64> {
        let all: u32 = self.usual.values().fold(0, |sum, count| sum.saturating_add(*count));
        if all < LEARNED {
            return None;
        }
        let mut before = 0_u32;
        let median = self.usual.iter().find(|(_, count)| {
            before = before.saturating_add(**count);
            before > all / 2
        });
        median.map(|(class, _)| CLASS.powf(f64::from(*class) + 0.5))
    }
}

impl Run {
    fn begin(now: Timestamp, signs: &Signs, newest: Suspicion) -> Self {
        let bytes = signs.memory_bytes.unwrap_or(0);
        Self {
            since: now,
            last: now,
            least_used: signs.used,
            most_used: signs.used,
            least_bytes: bytes,
            most_bytes: bytes,
            newest,
        }
    }

    fn joined(self, now: Timestamp, signs: &Signs, newest: Suspicion) -> Self {
        let bytes = signs.memory_bytes.unwrap_or(self.least_bytes);
        Self {
            since: self.since,
            last: now,
            least_used: self.least_used.min(signs.used),
            most_used: self.most_used.max(signs.used),
            least_bytes: self.least_bytes.min(bytes),
            most_bytes: self.most_bytes.max(bytes),
            newest,
        }
    }

    fn is_flat(&self, config: &Config) -> bool {
        self.most_used - self.least_used < ratio(config.hang_spread_percent)
            && self.most_bytes - self.least_bytes <= FLAT
    }
}

/// Whether tensor, memory and PCIe rest, as far as they can be read: `Some(true)` where tensor and
/// memory can, `None` where one of them is at work.
fn resting_pipes(progress: Option<Progress>, config: &Config) -> Option<bool> {
    let Some(progress) = progress else { return Some(false) };
    let bound = ratio(config.hang_pipes_percent);
    let value = |reading: Reading| reading.value();
    let (tensor, dram) = (value(progress.tensor), value(progress.dram));
    #[expect(clippy::cast_precision_loss, reason = "a bound on a rate")]
    let pcie_bound = config.hang_pcie_bytes_per_second as f64;
    let busy = |value: Option<f64>, bound: f64| value.is_some_and(|value| value > bound);
    let works = busy(tensor, bound)
        || busy(dram, bound)
        || busy(value(progress.pcie_bytes_per_second), pcie_bound);
    (!works).then_some(tensor.is_some() && dram.is_some())
}

fn ratio(percent: u32) -> f64 {
    f64::from(percent) / 100.0
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 W and more")]
fn class_of(watts: f64) -> u16 {
    watts.log(CLASS).floor() as u16
}

#[cfg(test)]
mod tests;
