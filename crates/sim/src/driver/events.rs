//! Events: XIDs and changes of MIG layouts, waited for in sets.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gpu::nvml::{
    EVENT_MIG_CONFIG_CHANGE, EVENT_XID_CRITICAL_ERROR, Event, EventSet, Handle, Result, Return,
};

use super::{SimDriver, gpu_handle, parts};
use crate::scenario::file::FaultKind;
use crate::world::Fault;

/// What a set waits for.
#[derive(Debug, Default)]
pub(super) struct Registered {
    /// (GPU, types).
    devices: Vec<(usize, u64)>,
    /// Events up to this age were given.
    seen_us: i64,
    /// How many faults of exactly that age were given.
    given_at: usize,
}

/// How often a wait looks at a clock that others may move, while an event is still to come.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// The XID of a GPU that fell off the bus.
const FELL_OFF: u64 = 79;

impl SimDriver {
    pub(super) fn create_set(&self) -> Result<EventSet> {
        let (_, age_us) = self.enter("nvmlEventSetCreate")?;
        let mut held = self.held();
        held.next += 1;
        let id = held.next;
        held.sets.insert(id, Registered { seen_us: age_us, ..Registered::default() });
        Ok(EventSet(id))
    }

    pub(super) fn free_set(&self, set: EventSet) -> Result<()> {
        self.present("nvmlEventSetFree")?;
        let freed = self.held().sets.remove(&set.0).map(|_| ()).ok_or(Return::INVALID_ARGUMENT);
        self.woken.notify_all();
        freed
    }

    pub(super) fn event_types(&self, device: Handle) -> Result<u64> {
        let seen = self.whole("nvmlDeviceGetSupportedEventTypes", device)?;
        let mig = if seen.gpu.product.slices == 0 { 0 } else { EVENT_MIG_CONFIG_CHANGE };
        Ok(EVENT_XID_CRITICAL_ERROR | mig)
    }

    pub(super) fn register(&self, device: Handle, types: u64, set: EventSet) -> Result<()> {
        let seen = self.whole("nvmlDeviceRegisterEvents", device)?;
        let supported = self.event_types(device)?;
        if types & !supported != 0 {
            return Err(Return::NOT_SUPPORTED);
        }
        let mut held = self.held();
        let set = held.sets.get_mut(&set.0).ok_or(Return::INVALID_ARGUMENT)?;
        set.devices.push((seen.gpu.index, types));
        Ok(())
    }

    /// Wait in real time: until an event, the time limit, or the end of the set.
    pub(super) fn wait_for_event(&self, set: EventSet, timeout_ms: u32) -> Result<Event> {
        self.enter("nvmlEventSetWait_v2")?;
        let deadline = Instant::now() + Duration::from_millis(u64::from(timeout_ms));
        let ended = self.ended.load(Ordering::Acquire);
        let mut held = self.held();
        loop {
            let (_, age_us) = self.clock.look();
            let registered = held.sets.get_mut(&set.0).ok_or(Return::INVALID_ARGUMENT)?;
            let (event, more) = next_event(&self.node().faults, registered, age_us);
            if let Some(event) = event {
                return Ok(event);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Return::TIMEOUT);
            }
            let wait = if more { left.min(LOOK_AGAIN) } else { left };
            held = self.woken.wait_timeout(held, wait).unwrap_or_else(PoisonError::into_inner).0;
            if self.ended.load(Ordering::Acquire) != ended {
                return Err(Return::UNINITIALIZED);
            }
            self.standing(self.clock.look().1)?;
        }
    }

    /// GPU index behind a handle that [`Event::device`] gave.
    #[must_use]
    pub fn index_of(&self, device: Handle) -> Option<usize> {
        parts(device).map(|(index, _, _)| index).filter(|index| *index < self.node().gpus.len())
    }
}

/// The next event of a set that has happened, and whether any is still to come.
fn next_event(faults: &[Fault], set: &mut Registered, age_us: i64) -> (Option<Event>, bool) {
    let mut next: Option<(&Fault, Event)> = None;
    let mut more = false;
    let mut at_same = 0;
    for fault in faults {
        let Some(event) = event_of(fault, set) else { continue };
        if fault.at_us < set.seen_us {
            continue;
        }
        if fault.at_us == set.seen_us {
            at_same += 1;
            if at_same <= set.given_at {
                continue;
            }
        }
        if fault.at_us > age_us {
            more = true;
        } else if next.is_none_or(|(earlier, _)| fault.at_us < earlier.at_us) {
            next = Some((fault, event));
        }
    }
    let Some((fault, event)) = next else { return (None, more) };
    if fault.at_us == set.seen_us {
        set.given_at += 1;
    } else {
        (set.seen_us, set.given_at) = (fault.at_us, 1);
    }
    (Some(event), true)
}

/// What a fault gives to a set that registered for it.
fn event_of(fault: &Fault, set: &Registered) -> Option<Event> {
    let (event_type, data) = match fault.kind {
        FaultKind::Xid => (EVENT_XID_CRITICAL_ERROR, fault.xid?),
        FaultKind::Lost => (EVENT_XID_CRITICAL_ERROR, fault.xid.unwrap_or(FELL_OFF)),
        FaultKind::MigSet => (EVENT_MIG_CONFIG_CHANGE, 0),
        _ => return None,
    };
    let wanted = |entry: &&(usize, u64)| fault.is_about(Some(entry.0)) && entry.1 & event_type != 0;
    let (gpu, _) = set.devices.iter().find(wanted)?;
    Some(Event {
        device: gpu_handle(*gpu),
        event_type,
        data,
        gpu_instance_id: fault.instance.map(|ids| ids.0),
        compute_instance_id: fault.instance.map(|ids| ids.1),
    })
}
