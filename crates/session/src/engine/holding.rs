//! Who holds what, folded into allocations: told by the kubelet, claims and job files, or seen by
//! the sessions of a Slurm job.
//!
//! A pass that changes nothing of this costs one look at two flags.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use model::allocation::Holdings;

use super::Engine;
use crate::allocation::{Allocation, Holds, WHOLE};
use crate::booking::Share;
use crate::finding::Timer;
use crate::view::AllocationFacts;

/// Most allocations that are kept, held or ended; what is told beyond that is passed over.
const MAX_ALLOCATIONS: usize = 1024;
/// Most ended allocations that are kept out of sight for their return.
const MAX_HIDDEN: usize = 128;
/// After a restart, what nobody tells of again within this time has ended.
const CONFIRM_WITHIN: Duration = Duration::from_secs(60);

/// All allocations, by an index that stays while one is kept, and what was told last.
#[derive(Debug, Clone, Default)]
pub(super) struct Holding {
    slots: Vec<Option<Box<Allocation>>>,
    told: Holdings,
    /// What was told is not folded in yet, wholly or in part.
    told_stale: bool,
    /// Sessions came, went or were named since they were joined to allocations.
    pub(super) links_stale: bool,
    /// Until when restored allocations are waited for.
    confirm_until: Option<Timestamp>,
    has_ended: bool,
}

impl Holding {
    /// Everything as it is kept over a restart that comes after `now`.
    pub(super) fn pack(&self, now: Timestamp) -> Vec<Option<Allocation>> {
        let seen = |known: &Allocation| if known.held { now } else { known.last_seen };
        let packed = |known: &Allocation| Allocation { last_seen: seen(known), ..known.clone() };
        self.slots.iter().map(|slot| slot.as_deref().map(packed)).collect()
    }

    /// Remember what is told.
    pub(super) fn tell(&mut self, holdings: &Holdings) {
        if self.told != *holdings {
            self.told.clone_from(holdings);
            self.told.list.truncate(MAX_ALLOCATIONS);
        }
        // Told at all, even if it is the same: what a restart brought back and nobody names is over.
        self.told_stale = true;
        self.confirm_until = None;
    }

    pub(super) fn get(&self, index: u32) -> Option<&Allocation> {
        self.slots.get(index as usize)?.as_deref()
    }

    fn get_mut(&mut self, index: u32) -> Option<&mut Allocation> {
        self.slots.get_mut(index as usize)?.as_deref_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Allocation)> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| Some((index, slot.as_deref()?)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Allocation)> {
        let slots = (0..).zip(&mut self.slots);
        slots.filter_map(|(index, slot)| Some((index, slot.as_deref_mut()?)))
    }

    /// Ended ones that are shown, or not any more, with the time at which the end was noted.
    fn ended(&self, hidden: bool) -> impl Iterator<Item = (Timestamp, u32)> {
        let those = self.iter().filter(move |(_, known)| known.hidden == hidden);
        those.filter_map(|(index, known)| Some((known.ended_at?, index)))
    }

    /// Count what the holders of a stretch got.
    pub(super) fn book(&mut self, shares: &[Share]) {
        for share in shares.iter().filter(|share| share.micros > 0) {
            if let Some(allocation) = self.get_mut(share.holds.allocation) {
                allocation.micros[share.booked as usize] += share.micros;
            }
        }
    }

    /// The clock went back: nothing lies in the future.
    pub(super) fn forget_time(&mut self, now: Timestamp) {
        for (_, allocation) in self.iter_mut() {
            allocation.no_process.forget_time(now);
            allocation.last_seen = allocation.last_seen.min(now);
            allocation.end = allocation.end.map(|at| at.min(now));
            allocation.ended_at = allocation.ended_at.map(|at| at.min(now));
        }
        self.confirm_until = self.confirm_until.map(|at| at.min(now.after(CONFIRM_WITHIN)));
    }

    /// Take over what a state file kept. Those that were held are waited for.
    pub(super) fn restore(
        &mut self,
        saved: Vec<Option<Allocation>>,
        counted: bool,
        rebooted: bool,
        (now, clear): (Timestamp, Duration),
    ) {
        for saved in saved.into_iter().take(MAX_ALLOCATIONS) {
            let Some(mut allocation) = saved else {
                self.slots.push(None);
                continue;
            };
            allocation.held = false;
            allocation.no_process = allocation.no_process.restored(now, clear);
            if !counted {
                allocation.micros = Default::default();
            }
            if rebooted && allocation.end.is_none() {
                allocation.end_at(allocation.last_seen, now);
            }
            self.slots.push(Some(Box::new(allocation)));
        }
        self.confirm_until = Some(now.after(CONFIRM_WITHIN));
        (self.links_stale, self.has_ended) = (true, true);
        self.forget_time(now);
    }

    /// The open allocation of the same holder on a device takes the newer facts, an ended one of
    /// the same id is open again; else a new one.
    fn open(
        &mut self,
        device: usize,
        facts: AllocationFacts,
        millionths: Option<u64>,
        now: Timestamp,
    ) -> Option<u32> {
        let same = |(_, known): &(u32, &Allocation)| {
            known.device == device
                && if known.end.is_none() {
                    known.facts.is_same_holder(&facts)
                } else {
                    known.facts.id == facts.id
                }
        };
        let found = self.iter().find(same).map(|(index, _)| index);
        let index = match found {
            Some(index) => index,
            None => self.insert(Allocation::new(device, facts.clone(), now))?,
        };
        let known = self.get_mut(index)?;
        known.take(facts, found.is_some());
        known.millionths = millionths.or(known.millionths);
        (known.held, known.last_seen) = (true, now);
        (known.end, known.ended_at, known.hidden) = (None, None, false);
        Some(index)
    }

    fn insert(&mut self, allocation: Allocation) -> Option<u32> {
        let free = self.slots.iter().position(Option::is_none);
        let place = free.unwrap_or(self.slots.len());
        if place >= MAX_ALLOCATIONS {
            return None;
        }
        if place == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[place] = Some(Box::new(allocation));
        u32::try_from(place).ok()
    }
}

impl Allocation {
    fn new(device: usize, facts: AllocationFacts, now: Timestamp) -> Self {
        Self {
            facts: Arc::new(facts),
            device,
            millionths: None,
            held: true,
            last_seen: now,
            end: None,
            ended_at: None,
            hidden: false,
            no_process: Timer::default(),
            micros: Default::default(),
        }
    }

    /// Newer facts of the same holder: its id and an earlier start stay, and what is not told any
    /// more is still known.
    fn take(&mut self, newer: AllocationFacts, met_before: bool) {
        let known = &self.facts;
        let told_anew = met_before && newer.resource.is_empty() && !known.resource.is_empty();
        if told_anew {
            return;
        }
        let merged = AllocationFacts {
            id: known.id.clone(),
            pod_uid: newer.pod_uid.clone().or_else(|| known.pod_uid.clone()),
            start: newer.start.min(known.start),
            ..newer
        };
        if **known != merged {
            self.facts = Arc::new(merged);
        }
    }

    fn end_at(&mut self, at: Timestamp, now: Timestamp) {
        self.end = Some(at.max(self.facts.start));
        self.ended_at = Some(now);
        self.held = false;
    }
}

impl Engine {
    /// Bring allocations and the sessions' links to them up to date.
    pub(super) fn fold_holdings(&mut self) {
        let now = self.at;
        if self.holding.confirm_until.is_some_and(|until| now >= until) {
            self.holding.confirm_until = None;
            self.holding.told_stale = true;
        }
        if self.holding.told_stale || self.holding.links_stale {
            self.take_told();
            self.take_jobs();
            self.end_untold();
            self.link_sessions();
            self.hold_devices();
            self.holding.links_stale = false;
        }
        if self.holding.has_ended {
            self.let_go_of_allocations();
        }
    }

    /// What was told, as far as its devices are known; the rest is tried again in the next pass.
    fn take_told(&mut self) {
        let now = self.at;
        for (_, allocation) in self.holding.iter_mut() {
            if allocation.held {
                allocation.last_seen = now;
            }
            allocation.held = false;
        }
        self.holding.told_stale = false;
        let told = std::mem::take(&mut self.holding.told);
        for holding in &told.list {
            let Some(device) = self.by_uuid.get(&holding.device_uuid).copied() else {
                self.holding.told_stale = true;
                continue;
            };
            let facts = &self.devices[device].facts;
            let facts = AllocationFacts::of_holding(&self.identity.boot_id, facts, holding, now);
            self.holding.open(device, facts, millionths(holding.share), now);
        }
        self.holding.told = told;
    }

    /// Slurm jobs that are seen by their live sessions.
    fn take_jobs(&mut self) {
        let now = self.at;
        for (_, session) in self.sessions.iter().filter(|(_, session)| session.is_live()) {
            if let Some(job) = &session.facts.owner.slurm_job {
                let facts = AllocationFacts::of_job(&self.identity.boot_id, &session.facts, job);
                self.holding.open(session.device, facts, None, now);
            }
        }
    }

    /// End what nobody tells of; what a restart brought back has some time to be told again.
    fn end_untold(&mut self) {
        let now = self.at;
        if self.holding.confirm_until.is_some() {
            return;
        }
        let mut ended = false;
        for (_, allocation) in self.holding.iter_mut() {
            if !allocation.held && allocation.end.is_none() {
                let at = allocation.last_seen;
                allocation.end_at(at, now);
                ended = true;
            }
        }
        self.holding.has_ended |= ended;
    }

    /// Join each live session to the allocation that fits it best.
    fn link_sessions(&mut self) {
        let holding = &self.holding;
        for (_, session) in self.sessions.iter_mut().filter(|(_, session)| session.is_live()) {
            let here = holding
                .iter()
                .filter(|(_, known)| known.device == session.device && known.end.is_none());
            let fitting = here.map(|(index, known)| (known.facts.fits(&session.facts), index));
            let fitting: Vec<(u8, u32)> = fitting.filter(|(fit, _)| *fit > 0).collect();
            let best = fitting.iter().max_by_key(|(fit, _)| *fit).copied();
            // Of a pod alone it cannot be told which of several containers it is.
            let unclear = fitting.len() > 1 && best.is_some_and(|(fit, _)| fit < 2);
            session.allocation = best.filter(|_| !unclear).map(|(_, index)| index);
        }
    }

    /// Who holds each device from now on, with shares that add up to the device at most.
    fn hold_devices(&mut self) {
        for place in 0..self.devices.len() {
            let here: Vec<(u32, Option<u64>)> = self
                .holding
                .iter()
                .filter(|(_, known)| known.device == place && known.held && known.end.is_none())
                .map(|(index, known)| (index, known.millionths))
                .collect();
            let equal = WHOLE / (here.len() as u64).max(1);
            let sum: u64 = here.iter().map(|(_, share)| share.unwrap_or(equal)).sum();
            let holders: Vec<Holds> = here
                .iter()
                .map(|(allocation, share)| Holds {
                    allocation: *allocation,
                    millionths: share.unwrap_or(equal) * WHOLE / sum.max(WHOLE),
                })
                .collect();
            let device = &mut self.devices[place];
            let told = &self.holding.told;
            let uuid = device.facts.uuid();
            device.allocatable =
                told.has_allocator && told.allocatable.iter().any(|given| given == uuid);
            if *device.holders != *holders {
                device.holders = holders.into();
            }
        }
    }

    /// Show no longer what ended long enough ago and is booked, the oldest first where there are too
    /// many; forget the oldest of what is not shown.
    fn let_go_of_allocations(&mut self) {
        let now = self.at;
        let keep = self.ended_keep();
        let booked = self.config.close_after + Duration::from_secs(2);
        let mut ended: Vec<(Timestamp, u32)> = self.holding.ended(false).collect();
        self.holding.has_ended = !ended.is_empty();
        ended.sort_unstable_by(|one, two| two.cmp(one));
        let mut hid = false;
        for (count, (ended_at, index)) in ended.into_iter().enumerate() {
            let age = now.since(ended_at);
            if age > booked && (age > keep || count >= self.config.max_ended) {
                self.holding.get_mut(index).into_iter().for_each(|known| known.hidden = true);
                hid = true;
            }
        }
        if hid {
            self.forget_hidden_allocations();
        }
    }

    fn forget_hidden_allocations(&mut self) {
        let mut hidden: Vec<(Timestamp, u32)> = self.holding.ended(true).collect();
        hidden.sort_unstable_by(|one, two| two.cmp(one));
        for (_, index) in hidden.into_iter().skip(MAX_HIDDEN) {
            self.holding.slots[index as usize] = None;
            for (_, session) in self.sessions.iter_mut() {
                session.allocation = session.allocation.filter(|its| *its != index);
            }
        }
    }
}

/// A share of 0..1 in millionths; anything else is not known.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..1 by a million")]
fn millionths(share: f64) -> Option<u64> {
    (share > 0.0 && share <= 1.0).then(|| (share * 1e6).round() as u64)
}
