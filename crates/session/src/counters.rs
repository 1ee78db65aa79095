//! The counters of one run, in whole numbers: parts add up exactly, and a counter read back from a
//! state file is the same to the last digit.

use serde::{Deserialize, Serialize};

use crate::state::DeviceState;
use crate::view::Quality;

/// Upper bounds of the histogram of SM use, 0..1; `+Inf` follows.
pub const SM_BOUNDS: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0];

/// What is counted for a session, or for the sessions folded into one `rest` row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Parts of device seconds in microseconds, by [`DeviceState::ALL`].
    pub micros: [u64; DeviceState::ALL.len()],
    /// Microseconds by SM use, not cumulative, by [`SM_BOUNDS`] and then everything above.
    pub sm_micros: [u64; SM_BOUNDS.len() + 1],
    /// SM use (0..1) times microseconds.
    pub sm_use_micros: u64,
    /// CPU time in microseconds.
    pub cpu_micros: u64,
    /// Effective microseconds, measured.
    pub effective_measured_micros: u64,
    /// Effective microseconds, inferred.
    pub effective_inferred_micros: u64,
    /// Bytes times seconds.
    pub memory_byte_seconds: u64,
    /// What is left over of the above, in bytes times microseconds.
    pub memory_byte_micros: u64,
    /// Energy in mJ, measured.
    #[serde(default)]
    pub energy_measured_millijoules: u64,
    /// Energy in mJ, inferred.
    #[serde(default)]
    pub energy_inferred_millijoules: u64,
}

impl Counters {
    /// Book a part of a device second.
    pub(crate) fn book(&mut self, state: DeviceState, micros: u64) {
        self.micros[state as usize] += micros;
    }

    /// Book effective time.
    pub(crate) fn book_effective(&mut self, quality: Quality, micros: u64) {
        match quality {
            Quality::Measured => self.effective_measured_micros += micros,
            Quality::Inferred => self.effective_inferred_micros += micros,
        }
    }

    /// Book energy.
    pub(crate) fn book_energy(&mut self, quality: Quality, millijoules: u64) {
        match quality {
            Quality::Measured => self.energy_measured_millijoules += millijoules,
            Quality::Inferred => self.energy_inferred_millijoules += millijoules,
        }
    }

    /// Whether anything was counted that is somebody's part.
    pub(crate) fn has_any(&self) -> bool {
        self.total_micros() > 0 || self.energy_millijoules() > 0
    }

    /// All energy, in mJ.
    #[must_use]
    pub fn energy_millijoules(&self) -> u64 {
        self.energy_measured_millijoules + self.energy_inferred_millijoules
    }

    /// Book SM use (0..1) over some time.
    pub(crate) fn book_sm(&mut self, use_ratio: f64, micros: u64) {
        let bucket = SM_BOUNDS.iter().position(|bound| use_ratio <= *bound);
        self.sm_micros[bucket.unwrap_or(SM_BOUNDS.len())] += micros;
        self.sm_use_micros += part(use_ratio, micros);
    }

    /// Book memory held over some time.
    pub(crate) fn book_memory(&mut self, bytes: u64, micros: u64) {
        let sum = bytes.saturating_mul(micros).saturating_add(self.memory_byte_micros);
        self.memory_byte_seconds = self.memory_byte_seconds.saturating_add(sum / 1_000_000);
        self.memory_byte_micros = sum % 1_000_000;
    }

    /// All microseconds of its parts.
    #[must_use]
    pub fn total_micros(&self) -> u64 {
        self.micros.iter().sum()
    }
}

/// What is counted for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeviceCounters {
    /// Microseconds by [`DeviceState::ALL`]; they add up to the observed time.
    pub micros: [u64; DeviceState::ALL.len()],
    /// Effective microseconds.
    pub effective_micros: u64,
}

impl DeviceCounters {
    /// All time observed.
    #[must_use]
    pub fn total_micros(&self) -> u64 {
        self.micros.iter().sum()
    }

    /// Take in another's.
    pub(crate) fn add(&mut self, other: &Self) {
        self.micros.iter_mut().zip(other.micros).for_each(|(sum, part)| *sum += part);
        self.effective_micros += other.effective_micros;
    }
}

/// A ratio (0..1) of some microseconds, to the nearest one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a second")]
fn part(ratio: f64, micros: u64) -> u64 {
    (ratio.clamp(0.0, 1.0) * seconds(micros) * 1e6).round() as u64
}

/// Microseconds as seconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "microseconds of centuries fit 53 bits")]
pub(crate) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
