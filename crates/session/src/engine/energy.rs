//! Energy of a second that is being closed: which part of its GPU's is a device's, and whose.
//!
//! A whole GPU has all of it. A MIG instance has of the baseline its part of the GPU, and of what is
//! above its activity times its slices among all instances of the GPU; where the activity of one of
//! them is not known, nothing can be told of any.

use super::Engine;
use super::closing::{InSecond, found};
use crate::device::{Present, Span, Tracked};
use crate::energy::{Parts, SecondEnergy, Wants, split};
use crate::evidence::Source;
use crate::view::Quality;

/// A device's part of a GPU is reckoned in millionths.
const WHOLE: f64 = 1e6;
const SECOND: u64 = 1_000_000;

/// A device's energy in a second, and how much of the second is shared out.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeviceEnergy {
    energy: SecondEnergy,
    elapsed: u64,
}

impl Engine {
    /// The energy of a device in a second, before its stretches are booked; `None` where it is not
    /// known.
    pub(super) fn energy_of(&mut self, device: usize, second: i64) -> Option<DeviceEnergy> {
        let tracked = &self.devices[device];
        if tracked.is_quiet(second) {
            self.energy.note_quiet(&tracked.facts.gpu_uuid, second);
        }
        let whole = self.energy.of(&tracked.facts.gpu_uuid, second)?;
        let energy = if tracked.facts.mig.is_some() {
            self.of_instance(tracked, second, whole)?
        } else {
            whole
        };
        Some(DeviceEnergy { energy, elapsed: 0 })
    }

    fn of_instance(
        &self,
        device: &Tracked,
        second: i64,
        whole: SecondEnergy,
    ) -> Option<SecondEnergy> {
        let (mut before, mut all) = (0, 0);
        let siblings = self.devices.iter().filter(|other| {
            other.facts.mig.is_some() && other.facts.gpu_uuid == device.facts.gpu_uuid
        });
        for sibling in siblings {
            if std::ptr::eq(sibling, device) {
                before = all;
            }
            all += sibling.activity_by_slices(second)?;
        }
        let own = device.activity_by_slices(second)?;
        let until = |weight: u64| whole.above.saturating_mul(weight).checked_div(all).unwrap_or(0);
        Some(SecondEnergy {
            baseline: whole.baseline.saturating_mul(millionths(device.facts.share)) / SECOND,
            above: until(before + own) - until(before),
            quality: Quality::Inferred,
        })
    }

    /// Book a stretch's energy on those who were there.
    pub(super) fn book_energy(
        &mut self,
        device: usize,
        span: &Span,
        in_second: &[InSecond],
        of_device: &mut DeviceEnergy,
    ) {
        let parts = of_device.next(span.micros);
        let Some(present) = span.present().filter(|present| !present.is_empty()) else { return };
        let mut wants = std::mem::take(&mut self.scratch.energy);
        wants.clear();
        wants.extend(present.iter().map(|there| self.wants(there, span, in_second)));
        let told = split(parts, &mut wants);
        let sum = wants.iter().map(|wants| wants.millijoules).sum();
        let uuid = &self.devices[device].facts.gpu_uuid;
        if told && self.energy.draw(uuid, span.second, sum) {
            let quality =
                if wants.len() == 1 { of_device.energy.quality } else { Quality::Inferred };
            for wants in &wants {
                if let Some(counters) = self.counters_of(wants.session) {
                    counters.book_energy(quality, wants.millijoules);
                }
            }
        }
        self.scratch.energy = wants;
    }

    fn wants(&self, there: &Present, span: &Span, in_second: &[InSecond]) -> Wants {
        let sm = found(there.session, in_second).and_then(InSecond::sm_thousandths).map(u64::from);
        let allocation = self.sessions.get(there.session).and_then(|known| known.allocation);
        let holds = span.holders.iter().find(|holds| Some(holds.allocation) == allocation);
        Wants {
            session: there.session,
            sm,
            memory: there.memory_bytes,
            share: holds.map_or(0, |holds| self.part_of(holds, span)),
            millijoules: 0,
        }
    }

    /// A holder's share by the number of its sessions in the stretch.
    fn part_of(&self, holds: &crate::allocation::Holds, span: &Span) -> u64 {
        let is_its = |there: &&Present| {
            let known = self.sessions.get(there.session);
            known.and_then(|known| known.allocation) == Some(holds.allocation)
        };
        let its = span.present().unwrap_or_default().iter().filter(is_its).count();
        holds.millionths * 1000 / (its as u64).max(1)
    }
}

impl DeviceEnergy {
    /// The energy of the next stretch of the second.
    fn next(&mut self, micros: u64) -> Parts {
        let (from, to) = (self.elapsed, (self.elapsed + micros).min(SECOND));
        self.elapsed = to;
        let part = |whole: u64| whole * to / SECOND - whole * from / SECOND;
        Parts { baseline: part(self.energy.baseline), above: part(self.energy.above) }
    }
}

impl Tracked {
    /// Whether nobody was there in all of a pending second.
    fn is_quiet(&self, second: i64) -> bool {
        let mut micros = 0;
        for span in self.spans.iter().take_while(|span| span.second == second) {
            match span.present() {
                Some([]) => micros += span.micros,
                _ => return false,
            }
        }
        micros >= SECOND
    }

    /// Graphics activity times slices; `None` where it is not known.
    fn activity_by_slices(&self, second: i64) -> Option<u64> {
        match self.evidence.of(second).source {
            // In tens of thousandths of activity, so that energy times this fits.
            Source::Device { ratio, .. } => {
                Some(millionths(ratio) / 100 * millionths(self.facts.share))
            }
            Source::Nothing if self.gone => Some(0),
            Source::Nothing | Source::Untold | Source::Processes => None,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..1 by a million")]
fn millionths(ratio: f64) -> u64 {
    (ratio.clamp(0.0, 1.0) * WHOLE) as u64
}
