//! The view: what pages, tables and JSON are made of.

use std::sync::Arc;

use super::Engine;
use crate::allocation::Allocation;
use crate::device::{Hold, Tracked};
use crate::session::Session;
use crate::state::{DeviceState, SessionState};
use crate::view::{AllocationView, DeviceView, RestView, SessionView, View};

/// Which state of its sessions a device shows, when several hold equal parts of it.
const BUSIEST_FIRST: [SessionState; 6] = [
    SessionState::Active,
    SessionState::Unknown,
    SessionState::Stale,
    SessionState::Held,
    SessionState::Idle,
    SessionState::Starting,
];

impl Engine {
    pub(super) fn show(&self) -> View {
        let mut devices: Vec<&Tracked> =
            self.devices.iter().filter(|device| !device.gone && device.seen_at.is_some()).collect();
        devices.sort_by_key(|device| device.order);
        View {
            at: self.at,
            hostname: self.identity.hostname.clone(),
            run: self.run.clone(),
            counted: !self.config.sampled,
            devices: devices.iter().map(|device| self.show_device(device)).collect(),
            sessions: self.show_sessions(),
            allocations: self.show_allocations(),
            findings: self.show_findings(),
            energy: self.energy.show(|uuid| devices.iter().any(|d| d.facts.gpu_uuid == uuid)),
            rest: self.show_rest(),
            folded: self.sessions.iter().filter(|(_, s)| s.is_live() && !s.shown).count(),
        }
    }

    fn show_device(&self, device: &Tracked) -> DeviceView {
        let mut counters = device.counters;
        for gone in self.devices.iter().filter(|other| other.gone && other.has_labels_of(device)) {
            counters.add(&gone.counters);
        }
        DeviceView {
            device: Arc::clone(&device.facts),
            down: device.down,
            processes_known: device.known,
            state: self.device_state(device),
            minute_micros: device.minute(),
            unattributed_bytes: self.unattributed(device),
            counters,
        }
    }

    /// Memory in use less that of the processes on all devices that share it.
    pub(super) fn unattributed(&self, device: &Tracked) -> Option<u64> {
        let used = device.used_bytes?;
        let sharing = |other: &&Tracked| !other.gone && other.has_memory_of(device);
        let mut held = 0_u64;
        for device in self.devices.iter().filter(sharing) {
            if !matches!(device.hold, Hold::Present(_)) {
                return None;
            }
            // All that are listed, the MPS server too, which owns no time.
            let there = device.open.values().filter_map(|index| self.sessions.get(*index));
            for session in there.filter(|session| session.listed) {
                held = held.saturating_add(session.memory_bytes?);
            }
        }
        Some(used.saturating_sub(held))
    }

    /// The state by the rules of booking, as of now.
    fn device_state(&self, device: &Tracked) -> Option<DeviceState> {
        if device.down.is_some() {
            return Some(DeviceState::Down);
        }
        if !device.known {
            return None;
        }
        let sessions = device.open.values().filter_map(|index| self.sessions.get(*index));
        let states: Vec<SessionState> =
            sessions.filter(|s| s.listed && s.owns()).map(|s| s.state).collect();
        let count = |wanted| states.iter().filter(|state| **state == wanted).count();
        let wins =
            [SessionState::Active, SessionState::Unknown].into_iter().find(|s| count(*s) > 0);
        let largest = || {
            let there = BUSIEST_FIRST.into_iter().rev().filter(|state| count(*state) > 0);
            there.max_by_key(|state| count(*state))
        };
        let state = wins.or_else(largest).and_then(SessionState::booked);
        let nobody =
            if device.holders.is_empty() { DeviceState::Free } else { DeviceState::Allocated };
        Some(state.unwrap_or(nobody))
    }

    fn show_sessions(&self) -> Vec<SessionView> {
        let kept = self.sessions.iter().map(|(_, session)| session).filter(|s| !s.hidden);
        let mut kept: Vec<&Session> = kept.filter(|s| s.is_live() || s.shown).collect();
        kept.sort_by_key(|session| {
            let order = self.devices.get(session.device).map_or(usize::MAX, |device| device.order);
            (session.end.map(|end| end.at), order, session.facts.pid, session.start_ticks)
        });
        kept.into_iter().map(|session| self.show_session(session)).collect()
    }

    fn show_rest(&self) -> Vec<RestView> {
        let mut rest: Vec<RestView> = self
            .rest
            .iter()
            .filter(|rest| rest.counters.has_any())
            .filter_map(|rest| {
                // A new device may carry the label of one that is gone.
                let device = self.devices.get(rest.device).filter(|device| !device.gone)?;
                Some(RestView {
                    gpu: device.facts.label.clone(),
                    owner: rest.owner.clone(),
                    is_namespace: rest.is_namespace,
                    counters: rest.counters.clone(),
                })
            })
            .collect();
        rest.sort_by(|one, two| (&one.gpu, &one.owner).cmp(&(&two.gpu, &two.owner)));
        rest
    }

    fn show_allocations(&self) -> Vec<AllocationView> {
        let mut kept: Vec<(u32, &Allocation)> =
            self.holding.iter().filter(|(_, allocation)| !allocation.hidden).collect();
        kept.sort_by_key(|(_, allocation)| {
            let device = self.devices.get(allocation.device);
            (allocation.end, device.map_or(usize::MAX, |device| device.order), &allocation.facts.id)
        });
        kept.into_iter()
            .map(|(index, allocation)| self.show_allocation(index, allocation))
            .collect()
    }

    fn show_allocation(&self, index: u32, allocation: &Allocation) -> AllocationView {
        let its = |session: &Session| session.is_live() && session.allocation == Some(index);
        let device = self.devices.get(allocation.device);
        let holds =
            device.and_then(|device| device.holders.iter().find(|holds| holds.allocation == index));
        let millionths = holds.map(|holds| holds.millionths).or(allocation.millionths);
        AllocationView {
            facts: Arc::clone(&allocation.facts),
            end: allocation.end,
            sessions: self.sessions.iter().filter(|(_, session)| its(session)).count(),
            share: millionths.map(crate::counters::seconds),
            micros: allocation.micros,
        }
    }
    fn show_session(&self, session: &Session) -> SessionView {
        let allocation = session.allocation.and_then(|index| self.holding.get(index));
        let live = session.is_live();
        SessionView {
            facts: Arc::clone(&session.facts),
            listed: session.listed,
            folded: !session.shown,
            end: session.end,
            state: if live { session.state } else { SessionState::Ended },
            memory_bytes: session.memory_bytes.filter(|_| session.listed),
            memory_peak_bytes: session.memory_peak_bytes,
            last_use: session.live.last_use,
            utilization: session.utilization,
            process_state: session.process_state,
            xids: session.xids.clone(),
            allocation: allocation.map(|allocation| Arc::clone(&allocation.facts)),
            counters: session.counters.clone(),
        }
    }
}
