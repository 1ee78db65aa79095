//! How often the clocks were held back, and why: one sample of the driver's reasons at a time, as
//! many as a window holds.

use std::collections::VecDeque;
use std::time::Duration;

use gpu::metrics::position_of_field;
use gpu::{GpuView, Pass};
use model::{Reading, Timestamp};

/// Samples kept per GPU: a window of 300 s at the shortest interval of 100 ms.
const MOST_SAMPLES: usize = 3000;
/// GPUs remembered; those that are gone make room.
const MOST_GPUS: usize = 64;
/// DCGM_FI_DEV_CLOCKS_EVENT_REASONS.
pub(crate) const REASONS: u16 = 112;

/// The reasons by their bit (`nvmlClocksEventReason*`), in the words of dcgm-exporter.
pub(crate) const WORDS: [(u64, &str); 9] = [
    (0x001, "gpu_idle"),
    (0x002, "clocks_setting"),
    (0x004, "power_cap"),
    (0x008, "hw_slowdown"),
    (0x010, "sync_boost"),
    (0x020, "sw_thermal"),
    (0x040, "hw_thermal"),
    (0x080, "hw_power_brake"),
    (0x100, "display_clocks"),
];

/// Samples of all GPUs.
#[derive(Debug, Clone, Default)]
pub struct ClockEvents {
    gpus: Vec<Sampled>,
    last: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Sampled {
    uuid: String,
    /// When, and the mask of reasons.
    samples: VecDeque<(Timestamp, u16)>,
}

impl ClockEvents {
    /// Whether it is time for a sample.
    pub(crate) fn is_due(&self, now: Timestamp, every: Duration) -> bool {
        // A pass may come a little early; a clock that stepped back starts anew.
        let early = (every / 10).min(Duration::from_millis(500));
        self.last.is_none_or(|last| now < last || now.since(last) + early >= every)
    }

    /// Take a sample of every GPU, if it is time for one.
    pub(crate) fn sample(&mut self, pass: &Pass, every: Duration, window: Duration) {
        let Some(place) = position_of_field(REASONS) else { return };
        let now = pass.at;
        if !self.is_due(now, every) {
            return;
        }
        self.last = Some(now);
        for gpu in &pass.gpus {
            let cell = gpu.entities.first().and_then(|entity| entity.values.get(place));
            let Some((Reading::Value(mask), at)) = cell.map(|cell| (cell.reading, cell.at)) else {
                continue;
            };
            if now.since(at) <= every {
                self.add(gpu, now, mask, window);
            }
        }
    }

    fn add(&mut self, gpu: &GpuView, now: Timestamp, mask: f64, window: Duration) {
        let place = self.gpus.iter().position(|known| known.uuid == gpu.uuid);
        let place = place.unwrap_or_else(|| {
            if self.gpus.len() >= MOST_GPUS {
                self.gpus.remove(0);
            }
            self.gpus.push(Sampled { uuid: gpu.uuid.clone(), samples: VecDeque::new() });
            self.gpus.len() - 1
        });
        let samples = &mut self.gpus[place].samples;
        samples.retain(|(at, _)| *at <= now && now.since(*at) < window);
        if samples.len() >= MOST_SAMPLES {
            samples.pop_front();
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a bit mask")]
        samples.push_back((now, (mask as u64 & 0x1ff) as u16));
    }

    /// Of each reason the samples within the window that showed it; `None` before the first sample.
    pub(crate) fn counts(
        &self,
        uuid: &str,
        now: Timestamp,
        window: Duration,
    ) -> Option<Vec<(&'static str, u64)>> {
        let sampled = self.gpus.iter().find(|known| known.uuid == uuid)?;
        let within: Vec<u64> = sampled
            .samples
            .iter()
            .filter(|(at, _)| *at <= now && now.since(*at) < window)
            .map(|(_, mask)| u64::from(*mask))
            .collect();
        let count = |bit: u64| within.iter().filter(|mask| **mask & bit != 0).count() as u64;
        let counts = WORDS.iter().map(|(bit, word)| (*word, count(*bit)));
        (!within.is_empty()).then(|| counts.filter(|(_, count)| *count > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, snapshot, whole};

    const WINDOW: Duration = Duration::from_secs(300);
    const EVERY: Duration = Duration::from_secs(30);

    fn pass(second: u64, mask: f64) -> Pass {
        let mut pass = snapshot(vec![whole(0, "X", &[(REASONS, mask)])]).pass;
        pass.at = NOW.after(Duration::from_secs(second));
        for cell in &mut std::sync::Arc::make_mut(&mut pass.gpus[0]).entities[0].values {
            cell.at = pass.at;
        }
        pass
    }

    #[test]
    fn reasons_are_counted_in_samples_thirty_seconds_apart() {
        let mut events = ClockEvents::default();
        assert_eq!(events.counts("GPU-0", NOW, WINDOW), None);
        for second in 0..120 {
            events.sample(&pass(second, if second < 60 { 5.0 } else { 4.0 }), EVERY, WINDOW);
        }
        let now = NOW.after(Duration::from_secs(120));
        let counts = events.counts("GPU-0", now, WINDOW).unwrap();
        assert_eq!(counts, [("gpu_idle", 2), ("power_cap", 4)]);
    }

    #[test]
    fn a_sample_leaves_the_window_and_a_free_clock_counts_nothing() {
        let mut events = ClockEvents::default();
        events.sample(&pass(0, 8.0), EVERY, WINDOW);
        events.sample(&pass(299, 0.0), EVERY, WINDOW);
        let at = |second| NOW.after(Duration::from_secs(second));
        assert_eq!(events.counts("GPU-0", at(299), WINDOW).unwrap(), [("hw_slowdown", 1)]);
        assert_eq!(events.counts("GPU-0", at(300), WINDOW), Some(Vec::new()));
    }
}
