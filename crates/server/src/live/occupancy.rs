//! Who is on the devices now: the live sessions in order, what each device is doing, and for whom.

use std::collections::HashMap;

use super::dict::Dict;
use super::feed::{
    DEVICE_SHARE, DEVICE_UP, FB_USED, SESSION_END, SESSION_INFO, SESSION_MEMORY, SESSION_START,
    SESSION_STATE,
};
use super::fleet::Fleet;
use super::known::{Level, NOWHERE};
use super::layout::{Layout, MigRow};
use super::state::{self, Parts};

/// A row of the table `session`.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionRow {
    /// Its place.
    pub(super) place: u32,
    pub(super) gpu: usize,
    pub(super) mig: Option<usize>,
    /// A number of the dictionary of states.
    pub(super) state: u32,
}

/// What a device is doing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Device {
    pub(super) state: usize,
    pub(super) effective: f64,
    pub(super) holder: u32,
    pub(super) sessions: u32,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Occupancy {
    pub(super) sessions: Vec<SessionRow>,
    pub(super) gpus: Vec<Device>,
    pub(super) migs: Vec<Device>,
    /// Sum over GPUs of their parts.
    pub(super) total: Option<Parts>,
    pub(super) gone: u32,
}

/// Sessions on one device while they are counted.
#[derive(Debug, Default)]
struct On {
    states: Vec<u32>,
    /// Holder of the session with the most memory.
    holder: u32,
    most_memory: f64,
}

impl Occupancy {
    pub(super) fn of(fleet: &Fleet, layout: &Layout) -> Self {
        let sessions = live_sessions(fleet, layout);
        let mut on: HashMap<u32, On> = HashMap::new();
        for row in &sessions {
            count(fleet, row, &mut on);
        }
        let mut occupancy = Self { sessions, total: Some(Parts::NONE), ..Self::default() };
        for (row, place) in layout.gpus.iter().enumerate() {
            let migs = &layout.migs[layout.instances[row].clone()];
            occupancy.push_gpu(fleet, *place, migs, &on);
        }
        occupancy
    }

    fn push_gpu(&mut self, fleet: &Fleet, gpu: u32, migs: &[MigRow], on: &HashMap<u32, On>) {
        let gone = fleet.entities.get(gpu).is_none_or(|of| fleet.is_gone(of.target));
        let mut whole = Parts::NONE;
        let (mut shares, mut sessions, mut holder) = (0.0, 0, 0);
        for mig in migs {
            let parts = instance_parts(fleet, *mig, on);
            let share = share(fleet, gpu, *mig);
            whole.add(share, &parts);
            shares += share;
            let device = device(fleet, mig.device(), &parts, on);
            sessions += device.sessions;
            holder = if holder == 0 { device.holder } else { holder };
            let no_compute = mig.compute.is_none() && has_compute_elsewhere(fleet, gpu);
            let state = match (gone, no_compute) {
                (true, _) => state::GONE,
                (false, true) => state::NO_COMPUTE,
                (false, false) => device.state,
            };
            self.migs.push(Device { state, ..device });
        }
        if migs.is_empty() {
            whole = parts(fleet, gpu, on);
        } else if let Some(free) = Some(1.0 - shares).filter(|free| *free > 0.0) {
            // Slices that belong to no instance.
            whole.of[state::FREE] += free;
        }
        let mut device = device(fleet, gpu, &whole, on);
        device.sessions += sessions;
        device.holder = if device.holder == 0 { holder } else { device.holder };
        if gone {
            device = Device { state: state::GONE, effective: f64::NAN, holder: 0, sessions: 0 };
            self.gone += 1;
        } else if let Some(total) = &mut self.total {
            total.add(1.0, &whole);
        }
        self.gpus.push(device);
    }
}

/// A GPU instance without compute instance is free: nobody can use it.
fn instance_parts(fleet: &Fleet, mig: MigRow, on: &HashMap<u32, On>) -> Parts {
    match mig.compute {
        Some(compute) => parts(fleet, compute, on),
        None => Parts::all(state::FREE),
    }
}

fn parts(fleet: &Fleet, device: u32, on: &HashMap<u32, On>) -> Parts {
    if let Some(parts) = fleet.booking.parts(device) {
        return parts;
    }
    if fleet.value(DEVICE_UP, device) == Some(0.0) {
        return Parts::all(state::DOWN);
    }
    match on.get(&device) {
        Some(on) => Parts::of_sessions(&on.states),
        // An exporter that counts devices and lists no session on this one: nobody is there.
        None if fleet.value(DEVICE_SHARE, device).is_some() => Parts::all(state::FREE),
        None => Parts::all(state::UNKNOWN),
    }
}

fn device(fleet: &Fleet, place: u32, parts: &Parts, on: &HashMap<u32, On>) -> Device {
    let on = on.get(&place);
    let stated = fleet.cell(FB_USED, place);
    let stated = fleet.current(stated).map_or(0, |_| stated.extra);
    Device {
        state: parts.largest(),
        effective: parts.effective,
        holder: if stated != 0 { stated } else { on.map_or(0, |on| on.holder) },
        sessions: on.map_or(0, |on| u32::try_from(on.states.len()).unwrap_or(u32::MAX)),
    }
}

/// Whether the exporter tells of compute instances at all: one that does not lacks none.
fn has_compute_elsewhere(fleet: &Fleet, gpu: u32) -> bool {
    let Some(target) = fleet.entities.get(gpu).map(|of| of.target) else { return false };
    fleet
        .entities
        .iter()
        .any(|(place, of)| of.target == target && fleet.value(DEVICE_SHARE, place).is_some())
}

/// A compute instance's part of its GPU.
pub(super) fn share(fleet: &Fleet, gpu: u32, mig: MigRow) -> f64 {
    if let Some(share) = mig.compute.and_then(|compute| fleet.value(DEVICE_SHARE, compute)) {
        return share.clamp(0.0, 1.0);
    }
    let all = fleet.entities.get(gpu).map_or(0, |of| of.slices);
    let own = fleet.entities.get(mig.instance).and_then(|of| slices(fleet, of.profile));
    own.map_or(0.0, |own| (f64::from(own) / f64::from(if all > 0 { all } else { 7 })).min(1.0))
}

/// Compute slices of a profile: `3g.40gb` has three.
pub(super) fn slices(fleet: &Fleet, profile: u32) -> Option<u32> {
    if profile == NOWHERE {
        return None;
    }
    fleet.dicts.text(Dict::Profile, profile).split('g').next()?.parse().ok()
}

fn count(fleet: &Fleet, row: &SessionRow, on: &mut HashMap<u32, On>) {
    let Some(session) = fleet.sessions.get(row.place) else { return };
    let on = on.entry(session.entity).or_default();
    on.states.push(row.state);
    let memory = fleet.value(SESSION_MEMORY, row.place).unwrap_or(0.0);
    if on.states.len() == 1 || memory > on.most_memory {
        (on.holder, on.most_memory) = (session.holder, memory);
    }
}

/// Sessions that have not ended, on devices that are shown.
fn live_sessions(fleet: &Fleet, layout: &Layout) -> Vec<SessionRow> {
    let mut rows: Vec<SessionRow> = fleet
        .sessions
        .iter()
        .filter_map(|(place, session)| {
            fleet.value(SESSION_INFO, place)?;
            if fleet.value(SESSION_END, place).is_some() {
                return None;
            }
            let state = fleet.cell(SESSION_STATE, place);
            fleet.current(state)?;
            let (gpu, mig) = rows_of(fleet, layout, session.entity)?;
            Some(SessionRow { place, gpu, mig, state: state.extra })
        })
        .filter(|row| (row.state as usize) < state::BOOKED)
        .collect();
    let start = |row: &SessionRow| fleet.value(SESSION_START, row.place).unwrap_or(0.0);
    rows.sort_by(|a, b| {
        let device = (a.gpu, a.mig).cmp(&(b.gpu, b.mig));
        device.then_with(|| start(a).total_cmp(&start(b))).then(a.place.cmp(&b.place))
    });
    rows
}

fn rows_of(fleet: &Fleet, layout: &Layout, device: u32) -> Option<(usize, Option<usize>)> {
    let entity = fleet.entities.get(device)?;
    if entity.level == Level::Gpu {
        return Some((*layout.gpu_row.get(&device)?, None));
    }
    let row = *layout.mig_row.get(&device)?;
    Some((layout.migs.get(row)?.gpu, Some(row)))
}
