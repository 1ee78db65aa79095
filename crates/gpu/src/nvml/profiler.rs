//! GPM on one GPU or GPU instance: samples that are kept, and the metrics between two of them.
//!
//! Six sample buffers are allocated once: a ring of four for the values that are printed, which look
//! back one span in steps of a third of it, and two for the activity between two readings of
//! per-process use.

use std::time::Duration;

use model::Timestamp;

use super::metered::Metered;
use super::{GpmSample, Handle, Result};

/// Two samples must lie at least this far apart (DCGM's limit too).
const CLOSEST: Duration = Duration::from_millis(100);
const RING: usize = 4;
const PAIR: usize = 2;

/// Values of one metrics call, each with its own return code.
pub(crate) type Metrics = Vec<Result<f64>>;

/// What samples are taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) device: Handle,
    /// Samples of an instance are taken on the parent, with the instance's id.
    pub(crate) gpu_instance: Option<u32>,
}

/// The samples of one target.
#[derive(Debug)]
pub(crate) struct Profiler {
    target: Target,
    ring: [Slot; RING],
    pair: [Slot; PAIR],
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    sample: GpmSample,
    /// When it was taken; `None` while it holds nothing of use.
    at: Option<Timestamp>,
}

impl Profiler {
    /// Allocate the buffers; those that were had are given back when one is refused.
    pub(crate) fn new(driver: &Metered, target: Target) -> Result<Self> {
        let mut samples = Vec::with_capacity(RING + PAIR);
        for _ in 0..RING + PAIR {
            match driver.gpm_sample_alloc() {
                Ok(sample) => samples.push(sample),
                Err(code) => {
                    free(driver, samples.into_iter());
                    return Err(code);
                }
            }
        }
        let slot = |place: usize| Slot { sample: samples[place], at: None };
        let (ring, pair) = (std::array::from_fn(slot), std::array::from_fn(|i| slot(RING + i)));
        Ok(Self { target, ring, pair })
    }

    /// Give the buffers back.
    pub(crate) fn free(self, driver: &Metered) {
        free(driver, self.ring.iter().chain(&self.pair).map(|slot| slot.sample));
    }

    /// The printed values, when a new sample is due: metrics over the last `span`. `Ok(None)` when
    /// none is due yet, or nothing is old enough to compare with.
    pub(crate) fn printed(
        &mut self,
        driver: &Metered,
        now: Timestamp,
        span: Duration,
        ids: &[u32],
    ) -> Result<Option<Metrics>> {
        forget_later_than(&mut self.ring, now);
        let newest = self.ring.iter().filter_map(|slot| slot.at).max();
        // A tick may come a little early.
        let step = (span / 3).mul_f64(0.9).max(CLOSEST);
        if newest.is_some_and(|at| now.since(at) < step) {
            return Ok(None);
        }
        let place = oldest(&self.ring);
        take(driver, self.target, &mut self.ring[place], now)?;
        let older = one_span_before(&self.ring, now, span);
        older.map(|older| driver.gpm_metrics(older, self.ring[place].sample, ids)).transpose()
    }

    /// Metrics since the last call of this. `Ok(None)` the first time.
    pub(crate) fn since_last(
        &mut self,
        driver: &Metered,
        now: Timestamp,
        ids: &[u32],
    ) -> Result<Option<Metrics>> {
        forget_later_than(&mut self.pair, now);
        let place = oldest(&self.pair);
        let older = self.pair[1 - place];
        if older.at.is_some_and(|at| now.since(at) < CLOSEST) {
            return Ok(None);
        }
        take(driver, self.target, &mut self.pair[place], now)?;
        let newer = self.pair[place].sample;
        older.at.map(|_| driver.gpm_metrics(older.sample, newer, ids)).transpose()
    }
}

fn free(driver: &Metered, samples: impl Iterator<Item = GpmSample>) {
    for sample in samples {
        // What a gone driver answers to this does not matter: its memory went with it.
        let _ = driver.gpm_sample_free(sample);
    }
}

fn take(driver: &Metered, target: Target, slot: &mut Slot, now: Timestamp) -> Result<()> {
    slot.at = None;
    match target.gpu_instance {
        Some(id) => driver.gpm_mig_sample_get(target.device, id, slot.sample)?,
        None => driver.gpm_sample_get(target.device, slot.sample)?,
    }
    slot.at = Some(now);
    Ok(())
}

/// After a clock that stepped back, samples from "later" mean nothing.
fn forget_later_than(slots: &mut [Slot], now: Timestamp) {
    for slot in slots {
        slot.at = slot.at.filter(|at| *at <= now);
    }
}

fn oldest(slots: &[Slot]) -> usize {
    (0..slots.len()).min_by_key(|place| slots[*place].at).unwrap_or(0)
}

/// The sample whose age comes closest to one span; none while all are younger.
fn one_span_before(ring: &[Slot], now: Timestamp, span: Duration) -> Option<GpmSample> {
    let age = |slot: &Slot| slot.at.map(|at| now.since(at));
    let enough = span.mul_f64(0.9).max(CLOSEST);
    ring.iter()
        .filter(|slot| age(slot).is_some_and(|age| age >= enough))
        .min_by_key(|slot| age(slot).map(|age| age.abs_diff(span)))
        .map(|slot| slot.sample)
}
