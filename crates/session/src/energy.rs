//! Energy of physical GPUs, second by second, in whole millijoules.
//!
//! Readings go in, and the energy between two of them is laid into the seconds that they span. When
//! a second is closed, its energy goes to the GPU's counter, and `split` tells which part of it is a
//! session's. What no session gets stays with the GPU: its counter less those of its sessions.
//! Nothing is reckoned for time between two readings that is too long to have been watched, nor for
//! a counter that fell.

mod idle;
mod meter;
mod split;

use std::time::Duration;

use model::Timestamp;
use model::observation::{DeviceObservation, EnergyReading};
use serde::{Deserialize, Serialize};

use crate::view::EnergyView;
use idle::Idle;
use meter::Meter;
pub(crate) use meter::SecondEnergy;
pub(crate) use split::{Parts, Wants, split};

/// GPUs that are remembered with those that are gone; more than any machine has at a time.
const MAX_GPUS: usize = 256;

/// All physical GPUs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meters {
    gpus: Vec<Gpu>,
}

/// One physical GPU.
#[derive(Debug, Clone)]
struct Gpu {
    uuid: String,
    index: u32,
    /// The newest pass that told of it, and how many devices of it were in it.
    seen: Timestamp,
    devices: usize,
    /// Whether its energy was ever read by this process: without that there is nothing to show.
    read: bool,
    meter: Meter,
    idle: Idle,
    millijoules: u64,
}

/// What outlives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedGpu {
    uuid: String,
    index: u32,
    millijoules: u64,
    idle_milliwatts: Option<u64>,
}

impl Meters {
    /// Take in what a pass tells of one device's GPU; each device of a GPU tells the same.
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        observation: &DeviceObservation,
        longest_gap: Duration,
    ) {
        let (uuid, index) = (&observation.device.gpu_uuid, observation.device.gpu_index);
        let place = self.gpus.iter().position(|gpu| gpu.uuid == *uuid);
        let place = place.unwrap_or_else(|| self.add(uuid, index, now));
        let Some(gpu) = self.gpus.get_mut(place) else { return };
        gpu.index = index;
        if gpu.seen != now {
            (gpu.seen, gpu.devices) = (now, 0);
        }
        gpu.devices += 1;
        match (&observation.energy, observation.down) {
            (Some(reading), None) => gpu.take(now, reading, longest_gap),
            (_, Some(_)) => gpu.meter.lose(),
            (None, None) => {}
        }
    }

    fn add(&mut self, uuid: &str, index: u32, now: Timestamp) -> usize {
        let gpu = Gpu::new(uuid.to_owned(), index, now);
        if self.gpus.len() < MAX_GPUS {
            self.gpus.push(gpu);
            return self.gpus.len() - 1;
        }
        let places = 0..self.gpus.len();
        let oldest = places.min_by_key(|place| self.gpus[*place].seen).unwrap_or(0);
        self.gpus[oldest] = gpu;
        oldest
    }

    /// The energy of a GPU in a second that is being closed: above its idle baseline, and the
    /// baseline's.
    pub(crate) fn of(&self, uuid: &str, second: i64) -> Option<SecondEnergy> {
        let gpu = self.gpus.iter().find(|gpu| gpu.uuid == uuid)?;
        gpu.meter.of(second, gpu.idle.milliwatts())
    }

    /// A device of a GPU had nobody on it in a second, all of it.
    pub(crate) fn note_quiet(&mut self, uuid: &str, second: i64) {
        if let Some(gpu) = self.gpus.iter_mut().find(|gpu| gpu.uuid == uuid) {
            gpu.meter.note_quiet(second);
        }
    }

    /// Take a part out of what a second of a GPU still holds; `false` if it does not hold as much.
    pub(crate) fn draw(&mut self, uuid: &str, second: i64, millijoules: u64) -> bool {
        let gpu = self.gpus.iter_mut().find(|gpu| gpu.uuid == uuid);
        gpu.is_some_and(|gpu| gpu.meter.draw(second, millijoules))
    }

    /// Count every second before `second`.
    pub(crate) fn close(&mut self, second: i64) {
        self.gpus.iter_mut().for_each(|gpu| gpu.close(second));
    }

    /// The clock went back: what was read before cannot be compared with what comes.
    pub(crate) fn forget_time(&mut self, now: Timestamp) {
        for gpu in &mut self.gpus {
            gpu.meter = Meter::default();
            gpu.idle.interrupt();
            gpu.seen = gpu.seen.min(now);
        }
    }

    /// Those of which anything was read and that `is_there`.
    /// Idle baseline of a GPU in W, once one was seen.
    pub(crate) fn idle_watts(&self, uuid: &str) -> Option<f64> {
        let gpu = self.gpus.iter().find(|gpu| gpu.uuid == uuid)?;
        #[expect(clippy::cast_precision_loss, reason = "power of one GPU")]
        gpu.idle.milliwatts().map(|milliwatts| milliwatts as f64 / 1000.0)
    }

    pub(crate) fn show(&self, is_there: impl Fn(&str) -> bool) -> Vec<EnergyView> {
        let shown = self.gpus.iter().filter(|gpu| gpu.read && is_there(&gpu.uuid));
        let mut shown: Vec<EnergyView> = shown.map(Gpu::show).collect();
        shown.sort_by_key(|gpu| gpu.gpu_index);
        shown
    }

    pub(crate) fn pack(&self) -> Vec<SavedGpu> {
        self.gpus.iter().map(Gpu::pack).collect()
    }

    /// The baselines always, the counters if the run goes on.
    pub(crate) fn restore(&mut self, saved: Vec<SavedGpu>, counted: bool, now: Timestamp) {
        for saved in saved.into_iter().take(MAX_GPUS) {
            let mut gpu = Gpu::new(saved.uuid, saved.index, now);
            gpu.idle = Idle::remembered(saved.idle_milliwatts);
            gpu.millijoules = if counted { saved.millijoules } else { 0 };
            self.gpus.push(gpu);
        }
    }
}

impl Gpu {
    fn new(uuid: String, index: u32, now: Timestamp) -> Self {
        Self {
            uuid,
            index,
            seen: now,
            devices: 0,
            read: false,
            meter: Meter::default(),
            idle: Idle::default(),
            millijoules: 0,
        }
    }

    fn take(&mut self, now: Timestamp, reading: &EnergyReading, longest_gap: Duration) {
        self.read |= reading.millijoules.is_value() || reading.watts.is_value();
        self.meter.take(now, reading, longest_gap);
    }

    fn close(&mut self, second: i64) {
        while let Some(closed) = self.meter.close(second) {
            self.millijoules = self.millijoules.saturating_add(closed.millijoules);
            if closed.quiet >= self.devices.max(1) && closed.is_whole() {
                self.idle.note(closed.second, closed.milliwatts());
            } else {
                self.idle.interrupt();
            }
        }
    }

    fn show(&self) -> EnergyView {
        EnergyView {
            gpu_index: self.index,
            gpu_uuid: self.uuid.clone(),
            millijoules: self.millijoules,
            idle_milliwatts: self.idle.milliwatts(),
        }
    }

    fn pack(&self) -> SavedGpu {
        SavedGpu {
            uuid: self.uuid.clone(),
            index: self.index,
            millijoules: self.millijoules,
            idle_milliwatts: self.idle.milliwatts(),
        }
    }
}
