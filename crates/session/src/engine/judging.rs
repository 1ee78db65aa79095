//! Judging: whether the causes of findings are there now.
//!
//! Where it cannot be told, nothing is concluded: a list that cannot be read, a process whose owner
//! is not known, memory that is not readable. What is shown of the findings is in `finding_views`.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use model::observation::DeviceObservation;

use super::Engine;
use super::holding::Holding;
use crate::allocation::Holds;
use crate::device::Tracked;
use crate::finding::hang::Signs;
use crate::finding::{Timer, UnusableInstance, ZombieCause};
use crate::session::Session;

/// Most GPU instances without compute instance that are kept: 16 GPUs with seven each.
const MAX_INSTANCES: usize = 112;

/// GPU instances that no process can use, as told last and as shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Instances {
    told: Vec<UnusableInstance>,
    pub(super) known: Vec<(Arc<UnusableInstance>, Timer)>,
}

impl Instances {
    /// Take over what a state file kept.
    pub(super) fn restore(
        &mut self,
        saved: Vec<(Arc<UnusableInstance>, Timer)>,
        now: Timestamp,
        clear: Duration,
    ) {
        let fresh = saved.into_iter().take(MAX_INSTANCES);
        self.known = fresh.map(|(known, timer)| (known, timer.restored(now, clear))).collect();
    }

    pub(super) fn forget_time(&mut self, now: Timestamp) {
        self.known.iter_mut().for_each(|(_, timer)| timer.forget_time(now));
    }
}

impl Engine {
    /// GPU instances without compute instance, as of the next pass.
    pub fn set_unusable_instances(&mut self, mut instances: Vec<UnusableInstance>) {
        instances.truncate(MAX_INSTANCES);
        self.instances.told = instances;
    }

    /// Look for the causes of all findings. Single looks tell nothing of durations.
    pub(super) fn judge(&mut self) {
        if self.config.sampled {
            return;
        }
        self.judge_sessions_now();
        self.judge_allocations();
        self.judge_devices();
        self.judge_instances();
    }

    fn judge_sessions_now(&mut self) {
        let (now, config) = (self.at, &self.config);
        let clear = config.finding_clears_after;
        self.scratch.used_allocations.clear();
        for (_, session) in self.sessions.iter_mut().filter(|(_, session)| session.is_live()) {
            if session.listed {
                self.scratch.used_allocations.extend(session.allocation);
            }
            let device = self.devices.get(session.device).filter(|device| device.known);
            let outside = device.and_then(|device| is_outside(session, device, &self.holding));
            session.outside.step(now, outside, config.outside_after, clear);
            let cause = session.zombie_cause();
            session.last_zombie_cause = cause.or(session.last_zombie_cause);
            let dead = device.map(|_| session.listed && cause.is_some());
            session.zombie.step(now, dead, config.zombie_after, clear);
            // Its signs are looked at with each reading; without readings it is not shown for ever.
            session.hangs.step(now, None, Duration::ZERO, clear);
        }
        self.scratch.used_allocations.sort_unstable();
    }

    fn judge_allocations(&mut self) {
        let (now, config) = (self.at, &self.config);
        let unclear = self.devices_of_unclear_sessions();
        let (used, devices) = (&self.scratch.used_allocations, &self.devices);
        for (index, known) in self.holding.iter_mut() {
            let can_be_told = devices.get(known.device).is_some_and(|device| device.known)
                && !unclear.contains(&known.device);
            let is_used = used.binary_search(&index).is_ok();
            // After a restart it is not known yet who still holds what.
            let cause = match is_used || known.end.is_some() {
                true => Some(false),
                false => (known.held && can_be_told).then_some(true),
            };
            let clear = config.finding_clears_after;
            known.no_process.step(now, cause, config.no_process_after, clear);
        }
    }

    /// Devices with a session of which it is not known whose it is: it may be a holder's.
    fn devices_of_unclear_sessions(&self) -> Vec<usize> {
        let there = self.sessions.iter().map(|(_, session)| session);
        let mut unclear: Vec<usize> = there
            .filter(|session| session.is_live() && session.listed && session.allocation.is_none())
            .filter(|session| {
                let holders = self.devices.get(session.device).map(|device| &device.holders);
                let may_be = |holds: &Holds| may_be_of(session, holds, &self.holding);
                holders.is_some_and(|holders| holders.iter().any(may_be))
            })
            .map(|session| session.device)
            .collect();
        unclear.dedup();
        unclear
    }

    fn judge_devices(&mut self) {
        let (now, clear) = (self.at, self.config.finding_clears_after);
        for place in 0..self.devices.len() {
            if self.devices[place].gone {
                continue;
            }
            let left = self.leak(place);
            let cause = left.map(|left| left > self.config.leaked_over_bytes);
            if let (Some(left), Some(true)) = (left, cause) {
                self.devices[place].leaked_bytes = left;
            }
            self.devices[place].leaked.step(now, cause, self.config.leaked_after, clear);
        }
    }

    /// Memory of a device that nobody holds. Of devices that share their memory only the first
    /// tells it.
    pub(super) fn leak(&self, place: usize) -> Option<u64> {
        let device = &self.devices[place];
        let shares = |other: &&Tracked| !other.gone && other.has_memory_of(device);
        let first = self.devices.iter().filter(shares).map(|other| other.facts.uuid()).min();
        self.unattributed(device).filter(|_| first == Some(device.facts.uuid()))
    }

    fn judge_instances(&mut self) {
        let (now, config) = (self.at, &self.config);
        let (wait, clear) = (config.no_compute_instance_after, config.finding_clears_after);
        let Instances { told, known } = &mut self.instances;
        for instance in told.iter() {
            if !known.iter().any(|(known, _)| **known == *instance) {
                known.push((Arc::new(instance.clone()), Timer::default()));
            }
        }
        for (instance, timer) in known.iter_mut() {
            timer.step(now, Some(told.contains(instance)), wait, clear);
        }
        known.retain(|(_, timer)| *timer != Timer::default());
    }

    /// Take the signs of a hang out of one device's observation, after its use was taken in.
    pub(super) fn watch_hangs(&mut self, device: usize, observation: &DeviceObservation) {
        let Some(activity) = observation.activity else { return };
        let watts = observation.energy.and_then(|energy| energy.watts.value());
        let gpu = &observation.device.gpu_uuid;
        let idle_watts = self.energy.idle_watts(gpu);
        let owners = self.sessions_of_gpu(gpu);
        let open: Vec<u32> = self.devices[device].open.values().copied().collect();
        let here = open.iter().filter_map(|index| self.sessions.get(*index));
        let sole = here.filter(|session| session.listed && session.owns()).count() == 1;
        let (now, config) = (self.at, &self.config);
        for index in open {
            let Some(session) = self.sessions.get_mut(index) else { continue };
            if !session.listed || !session.owns() {
                continue;
            }
            // Where it is alone the device's use is its own, and finer than samples by process.
            let own = || session.utilization.map(|used| used.sm);
            let used = activity.value().filter(|_| sole).or_else(own);
            let cause = used.zip(watts).and_then(|(used, watts)| {
                let signs = Signs {
                    used,
                    watts,
                    idle_watts,
                    alone: owners == 1,
                    memory_bytes: session.memory_bytes,
                    progress: observation.progress,
                };
                session.hang.step(now, &signs, config)
            });
            let clear = config.finding_clears_after;
            session.hangs.step(now, cause, Duration::ZERO, clear);
        }
    }

    fn sessions_of_gpu(&self, gpu: &str) -> usize {
        let devices = self.devices.iter().filter(|device| device.facts.gpu_uuid == gpu);
        let sessions = devices.flat_map(|device| device.open.values());
        let there = sessions.filter_map(|index| self.sessions.get(*index));
        there.filter(|session| session.listed && session.owns()).count()
    }
}

/// Whether a session on a device that is given to holders is none of theirs.
fn is_outside(session: &Session, device: &Tracked, holding: &Holding) -> Option<bool> {
    let given = device.allocatable || !device.holders.is_empty();
    if !session.listed || !session.owns() || !given || session.allocation.is_some() {
        return Some(false);
    }
    let unclear = session.is_unreadable()
        || device.holders.iter().any(|holds| may_be_of(session, holds, holding));
    (!unclear).then_some(true)
}

/// Whether a session that was joined to no allocation may still be this holder's: nothing is known
/// of its process, or one of the two has no name yet, or its pod has several containers there.
fn may_be_of(session: &Session, holds: &Holds, holding: &Holding) -> bool {
    let Some(known) = holding.get(holds.allocation) else { return false };
    session.is_unreadable()
        || known.facts.fits(&session.facts) > 0
        || known.facts.pod_uid.is_none() && session.is_of_unnamed_pod()
}

impl Session {
    /// Why it counts as a zombie now, if it does.
    pub(crate) fn zombie_cause(&self) -> Option<ZombieCause> {
        match self.process_state {
            Some('X') => Some(ZombieCause::Missing),
            Some('Z') => Some(ZombieCause::Defunct),
            _ if self.is_stuck => Some(ZombieCause::Stuck),
            _ if self.pod_is_gone => Some(ZombieCause::PodGone),
            _ => None,
        }
    }

    /// Whether nothing was ever read of its process.
    fn is_unreadable(&self) -> bool {
        self.start_ticks.is_none()
    }

    /// Whether it is a container's, and its pod has no name yet.
    fn is_of_unnamed_pod(&self) -> bool {
        use model::process::OwnerKind::{Container, Pod, Unknown};
        matches!(self.facts.kind, Pod | Container | Unknown) && self.facts.pod.is_none()
    }
}
