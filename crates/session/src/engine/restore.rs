//! Over a restart: what a saved state brings back, and what of it still holds.
//!
//! After a clean stop the run goes on and so do its counters. After a crash a new run begins at 0,
//! because counters newer than the saved ones may have been shown. Sessions keep their identity in
//! both cases. After a reboot every process is another one, so open sessions are lost.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;

use super::Engine;
use super::keeping::Rest;
use crate::counters::{Counters, DeviceCounters};
use crate::device::Tracked;
use crate::saved::{SavedDevice, SavedFindings, SavedRest, SavedSession, SavedState, VERSION};
use crate::session::Session;
use crate::view::{End, EndKind};

impl Engine {
    /// Pack everything that outlives a restart.
    pub(super) fn pack(&self, clean: bool) -> SavedState {
        SavedState {
            version: VERSION,
            boot_id: self.identity.boot_id.clone(),
            run: self.run.clone(),
            clean,
            at: self.at,
            gaps: self.keeping.gaps.clone(),
            devices: self.devices.iter().map(pack_device).collect(),
            sessions: self.sessions.iter().map(|(_, session)| pack_session(session)).collect(),
            rest: self.rest.iter().map(pack_rest).collect(),
            energy: self.energy.pack(),
            allocations: self.holding.pack(self.at),
            instances: self.instances.known.clone(),
        }
    }

    /// Go on from a saved state; one of another version, or one that does not hold together, is
    /// passed over.
    pub(super) fn restore(&mut self, saved: SavedState, now: Timestamp) {
        let devices = saved.devices.len();
        let fits = saved.sessions.iter().all(|session| session.device < devices)
            && saved.rest.iter().all(|rest| rest.device < devices)
            && saved.allocations.iter().flatten().all(|allocation| allocation.device < devices);
        if saved.version != VERSION || !fits {
            return;
        }
        let counted = saved.clean;
        if counted {
            self.run.clone_from(&saved.run);
        }
        self.keeping.go_on(saved.at.min(now), saved.gaps);
        self.energy.restore(saved.energy, counted, now);
        for device in saved.devices {
            self.restore_device(device, counted, now);
        }
        if counted {
            self.rest.extend(saved.rest.into_iter().map(unpack_rest));
        }
        let rebooted = saved.boot_id != self.identity.boot_id;
        self.instances.restore(saved.instances, now, self.config.finding_clears_after);
        let clear = self.config.finding_clears_after;
        self.holding.restore(saved.allocations, counted, rebooted, (now, clear));
        for session in saved.sessions {
            self.restore_session(session, counted, rebooted, now);
        }
    }

    fn restore_device(&mut self, saved: SavedDevice, counted: bool, now: Timestamp) {
        let mut device = Tracked::new(saved.facts);
        device.gone = true;
        device.absent_since = Some(now);
        device.known_at = saved.known_at.map(|at| at.min(now));
        device.evidence.asked = saved.asked.filter(|at| *at <= now);
        device.evidence.newest_stamp = saved.newest_stamp.filter(|at| *at <= now);
        device.leaked = saved.leaked.restored(now, self.config.finding_clears_after);
        device.leaked_bytes = saved.leaked_bytes;
        device.counters = if counted { saved.counters } else { DeviceCounters::default() };
        self.by_uuid.insert(device.facts.uuid().to_owned(), self.devices.len());
        self.devices.push(device);
    }

    fn restore_session(
        &mut self,
        saved: SavedSession,
        counted: bool,
        rebooted: bool,
        now: Timestamp,
    ) {
        // After a crash an ended session has no counters of the new run, and processes that left
        // before it are not waited for.
        if saved.hidden && (!counted || rebooted) {
            return;
        }
        let rest = self.rest_of(saved.device, &saved.facts);
        let clear = self.config.finding_clears_after;
        let mut session = unpack_session(saved, now, clear);
        session.rest = rest;
        if !counted {
            session.counters = Counters::default();
        }
        if rebooted && session.is_live() {
            session.end = Some(End { at: session.last_seen, kind: EndKind::Lost });
            session.ended_at = Some(now);
        }
        session.may_return &= !rebooted;
        self.keep_restored(session, rebooted);
    }

    fn keep_restored(&mut self, session: Session, rebooted: bool) {
        let (device, pid) = (session.device, session.facts.pid);
        let keys = session.closed_keys();
        let live = session.is_live();
        let live_shown = live && session.shown;
        let index = self.sessions.insert(session);
        if live {
            self.devices[device].open.insert(pid, index);
            self.keeping.live_shown += usize::from(live_shown);
        } else if !rebooted {
            self.closed.extend(keys.map(|key| (key, index)));
        }
    }
}

fn pack_device(device: &Tracked) -> SavedDevice {
    SavedDevice {
        facts: Arc::clone(&device.facts),
        known_at: device.known_at,
        asked: device.evidence.asked,
        newest_stamp: device.evidence.newest_stamp,
        counters: device.counters,
        leaked: device.leaked,
        leaked_bytes: device.leaked_bytes,
    }
}

fn pack_session(session: &Session) -> SavedSession {
    SavedSession {
        device: session.device,
        facts: Arc::clone(&session.facts),
        key: session.key,
        start_ticks: session.start_ticks,
        last_seen: session.last_seen,
        left_at: session.left_at,
        cpu_seconds: session.cpu_seconds,
        memory_bytes: session.memory_bytes,
        memory_peak_bytes: session.memory_peak_bytes,
        live: session.live,
        booked: session.booked,
        shown: session.shown,
        end: session.end,
        ended_at: session.ended_at,
        may_return: session.may_return,
        hidden: session.hidden,
        found: SavedFindings {
            outside: session.outside,
            zombie: session.zombie,
            zombie_cause: session.last_zombie_cause,
            hang: session.hang.clone(),
            hangs: session.hangs,
        },
        xids: session.xids.clone(),
        allocation: session.allocation,
        counters: session.counters.clone(),
    }
}

fn unpack_session(saved: SavedSession, now: Timestamp, clear: Duration) -> Session {
    let mut session = Session {
        start_ticks: saved.start_ticks,
        last_seen: saved.last_seen,
        left_at: saved.left_at,
        cpu_seconds: saved.cpu_seconds,
        memory_bytes: saved.memory_bytes,
        memory_peak_bytes: saved.memory_peak_bytes,
        live: saved.live,
        booked: saved.booked,
        shown: saved.shown,
        end: saved.end,
        ended_at: saved.ended_at,
        may_return: saved.may_return,
        hidden: saved.hidden,
        xids: saved.xids,
        allocation: saved.allocation,
        outside: saved.found.outside.restored(now, clear),
        zombie: saved.found.zombie.restored(now, clear),
        last_zombie_cause: saved.found.zombie_cause,
        hang: saved.found.hang,
        hangs: saved.found.hangs.restored(now, clear),
        counters: saved.counters,
        ..Session::new(saved.facts, saved.device, saved.key, now)
    };
    // The clock may have been set back while nobody watched.
    session.forget_time(now);
    session
}

fn pack_rest(rest: &Rest) -> SavedRest {
    SavedRest {
        device: rest.device,
        owner: rest.owner.clone(),
        is_namespace: rest.is_namespace,
        counters: rest.counters.clone(),
    }
}

fn unpack_rest(saved: SavedRest) -> Rest {
    let SavedRest { device, owner, is_namespace, counters } = saved;
    Rest { device, owner, is_namespace, counters }
}
