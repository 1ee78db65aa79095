//! One device's observation.

use std::collections::HashSet;
use std::sync::Arc;

use model::Reading;
use model::observation::DeviceObservation;

use super::{Engine, LookUp};
use crate::counters::Counters;
use crate::device::{Hold, Tracked};

/// Devices that are kept with those that are gone; more than any machine has at a time.
const MAX_DEVICES: usize = 512;

impl Engine {
    /// The index of an observation's device, met before or not.
    pub(super) fn device_of(&mut self, observation: &DeviceObservation) -> usize {
        let facts = &observation.device;
        if let Some(index) = self.by_uuid.get(facts.uuid()).copied() {
            self.devices[index].take_facts(facts);
            return index;
        }
        let index = self.place_of_new_device();
        let tracked = Tracked::new(Arc::clone(facts));
        if let Some(old) = self.devices.get_mut(index) {
            self.by_uuid.remove(old.facts.uuid());
            let old = std::mem::replace(old, tracked);
            self.leave_counters(&old);
            let rests = self.rest.iter_mut().filter(|rest| rest.device == index);
            rests.for_each(|rest| rest.counters = Counters::default());
        } else {
            self.devices.push(tracked);
        }
        self.by_uuid.insert(facts.uuid().to_owned(), index);
        self.holding.links_stale = true;
        index
    }

    /// Take in one device.
    pub(super) fn take(
        &mut self,
        device: usize,
        observation: &DeviceObservation,
        lookup: LookUp<'_>,
    ) {
        let now = self.at;
        let tracked = &mut self.devices[device];
        tracked.absent_since = None;
        tracked.gone = false;
        tracked.down = observation.down;
        tracked.used_bytes = observation.used_bytes;
        if !self.config.sampled {
            tracked.hold_until(now, self.config.longest_gap);
            self.energy.take(now, observation, self.config.longest_gap);
        }
        tracked.seen_at = Some(now);
        match (&observation.processes, observation.down) {
            (Reading::Value(processes), None) => {
                self.take_processes(device, processes, lookup);
                self.take_use(device, observation);
                self.watch_hangs(device, observation);
                self.take_finished(device, &observation.finished);
                self.devices[device].known_at = Some(now);
            }
            _ => self.take_nothing(device, lookup),
        }
    }

    /// It cannot be told who is there: sessions stay open as long as their processes live.
    fn take_nothing(&mut self, device: usize, lookup: LookUp<'_>) {
        let tracked = &mut self.devices[device];
        tracked.known = false;
        tracked.hold = if tracked.down.is_some() { Hold::Down } else { Hold::Unknown };
        let open: Vec<u32> = tracked.open.values().copied().collect();
        for session in open {
            self.wait_for_news(session, lookup);
        }
    }

    /// Devices that this pass does not tell of. One pass may leave out a slow GPU; after the longest
    /// gap the device is gone, and its sessions have left it. Where the pass tells of other devices of
    /// the same GPU, the GPU was cut anew: the device is gone at once, as its label is another's now.
    pub(super) fn look_after_absent_devices(
        &mut self,
        observations: &[DeviceObservation],
        lookup: LookUp<'_>,
    ) {
        if self.devices.len() == observations.len() {
            return;
        }
        let told: HashSet<&str> =
            observations.iter().map(|observation| observation.device.uuid()).collect();
        let gpus: HashSet<&str> =
            observations.iter().map(|observation| observation.device.gpu_uuid.as_str()).collect();
        for device in 0..self.devices.len() {
            let facts = &self.devices[device].facts;
            if !told.contains(facts.uuid()) {
                let cut_anew = gpus.contains(facts.gpu_uuid.as_str());
                self.miss_device(device, cut_anew, lookup);
            }
        }
    }

    fn miss_device(&mut self, device: usize, cut_anew: bool, lookup: LookUp<'_>) {
        let now = self.at;
        let tracked = &mut self.devices[device];
        let since = *tracked.absent_since.get_or_insert(now);
        let may_be_slow = !self.config.sampled && !cut_anew;
        if may_be_slow && now.since(since) < self.config.longest_gap {
            return;
        }
        if !tracked.gone {
            tracked.gone = true;
            tracked.known = false;
            tracked.down = None;
            tracked.hold = Hold::Unknown;
        }
        self.miss_sessions(device, lookup);
    }

    /// Counters belong to labels: those of a forgotten device go on with another that carries them.
    fn leave_counters(&mut self, old: &Tracked) {
        if let Some(heir) = self.devices.iter_mut().find(|other| other.has_labels_of(old)) {
            heir.counters.add(&old.counters);
        }
    }

    /// A place for a new device. Many re-partitionings must not fill the memory: beyond the bound
    /// the place of the device that is gone longest, and that nothing refers to, is used again.
    fn place_of_new_device(&mut self) -> usize {
        if self.devices.len() < MAX_DEVICES {
            return self.devices.len();
        }
        let in_use = |place: usize| {
            self.sessions.iter().any(|(_, session)| session.device == place)
                || self.holding.iter().any(|(_, allocation)| allocation.device == place)
        };
        let gone = self.devices.iter().enumerate().filter(|(_, tracked)| tracked.gone);
        let oldest = gone
            .filter(|(place, _)| !in_use(*place))
            .min_by_key(|(_, tracked)| tracked.absent_since)
            .map(|(place, _)| place);
        oldest.unwrap_or(self.devices.len())
    }
}
