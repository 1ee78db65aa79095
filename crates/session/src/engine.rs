//! The engine: one pass in, sessions and booked seconds out.
//!
//! A pass goes through these steps, each in a file of its own: `intake` takes in one device's
//! observation, `presence` opens, touches and ends sessions, `usage` takes in use, `finished` what
//! was over before it was seen, `holding` folds who
//! holds what into allocations, `closing` books the seconds that are old enough, `keeping` bounds what is kept, `restore` goes over a restart,
//! `show` makes the view.

mod closing;
mod energy;
mod finding_views;
mod finished;
mod holding;
mod intake;
mod judging;
mod keeping;
mod presence;
mod restore;
mod show;
mod usage;
mod xid;

use std::collections::HashMap;

use model::Timestamp;
use model::allocation::Holdings;
use model::observation::DeviceObservation;
use model::process::Lookup;

use crate::booking::{Claim, Share};
use crate::config::Config;
use crate::counters::Counters;
use crate::device::{Present, Tracked};
use crate::energy::{Meters, Wants};
use crate::identity::{Identity, Start};
use crate::saved::SavedState;
use crate::session::Sessions;
use crate::view::View;
use holding::Holding;
use judging::Instances;
use keeping::{Keeping, Rest};

/// How a process is read: by host PID.
type LookUp<'a> = &'a mut dyn FnMut(u32) -> Lookup;

/// Folds observations into sessions.
#[derive(Debug, Clone)]
pub struct Engine {
    config: Config,
    identity: Identity,
    /// The counting period: the identity's, or that of the state it went on from.
    run: String,
    at: Timestamp,
    pass: u64,
    devices: Vec<Tracked>,
    by_uuid: HashMap<String, usize>,
    sessions: Sessions,
    /// Ended sessions by device, PID and start, so that a process that comes back is found.
    closed: HashMap<(usize, u32, Start), u32>,
    rest: Vec<Rest>,
    keeping: Keeping,
    holding: Holding,
    instances: Instances,
    energy: Meters,
    scratch: Scratch,
}

/// Buffers that are used again in every pass.
#[derive(Debug, Clone, Default)]
struct Scratch {
    present: Vec<Present>,
    missing: Vec<u32>,
    second: Vec<closing::InSecond>,
    claims: Vec<Claim>,
    shares: Vec<Share>,
    energy: Vec<Wants>,
    used_allocations: Vec<u32>,
}

impl Engine {
    /// Go on from a saved state, or begin anew.
    #[must_use]
    pub fn new(
        config: Config,
        identity: Identity,
        saved: Option<SavedState>,
        now: Timestamp,
    ) -> Self {
        let mut engine = Self {
            run: identity.run.clone(),
            config,
            identity,
            at: now,
            pass: 0,
            devices: Vec::new(),
            by_uuid: HashMap::new(),
            sessions: Sessions::default(),
            closed: HashMap::new(),
            rest: Vec::new(),
            keeping: Keeping::default(),
            holding: Holding::default(),
            instances: Instances::default(),
            energy: Meters::default(),
            scratch: Scratch::default(),
        };
        if let Some(saved) = saved {
            engine.restore(saved, now);
        }
        engine
    }

    /// Take in one pass. `lookup` reads a process; it is asked for new processes, for those that
    /// left the list, and for each live one every few seconds.
    pub fn observe(
        &mut self,
        now: Timestamp,
        observations: &[DeviceObservation],
        lookup: &mut dyn FnMut(u32) -> Lookup,
    ) {
        if now < self.at {
            self.step_back(now);
        }
        self.pass += 1;
        self.at = now;
        if self.config.sampled {
            self.keeping.note_run(now);
        }
        for (order, observation) in observations.iter().enumerate() {
            let device = self.device_of(observation);
            self.devices[device].order = order;
            self.take(device, observation, lookup);
        }
        self.look_after_absent_devices(observations, lookup);
        self.fold_holdings();
        self.close_seconds(now.before(self.config.close_after).second());
        for (_, session) in self.sessions.iter_mut().filter(|(_, session)| session.is_live()) {
            session.refresh_state(now, &self.config);
        }
        self.judge();
        self.keep_bounds(lookup);
    }

    /// What is known of the holders of devices from the next pass on; to be called when it changed.
    pub fn set_holdings(&mut self, _now: Timestamp, holdings: &Holdings) {
        self.holding.tell(holdings);
    }

    /// A page was read (or pushed, or written): ended sessions stay long enough for the next time.
    pub fn scraped(&mut self, now: Timestamp) {
        self.keeping.note_scrape(now);
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self) -> View {
        self.show()
    }

    /// The state while running: what is read back from it begins a new run.
    #[must_use]
    pub fn save(&self) -> SavedState {
        self.pack(false)
    }

    /// The state at a clean stop: the run goes on from it. Nothing may be shown after this.
    #[must_use]
    pub fn stop(mut self) -> SavedState {
        self.close_everything();
        self.pack(true)
    }

    /// The clock went back: book what is pending, and let nothing lie in the future.
    fn step_back(&mut self, now: Timestamp) {
        self.close_everything();
        for device in &mut self.devices {
            device.forget_time(now);
        }
        for (_, session) in self.sessions.iter_mut() {
            session.forget_time(now);
        }
        self.keeping.forget_time(now);
        self.holding.forget_time(now);
        self.instances.forget_time(now);
        self.energy.forget_time(now);
    }

    /// Where a session's counts go: to its own row or to its owner's rest.
    fn counters_of(&mut self, session: u32) -> Option<&mut Counters> {
        let session = self.sessions.get_mut(session)?;
        if session.shown {
            return Some(&mut session.counters);
        }
        self.rest.get_mut(session.rest).map(|rest| &mut rest.counters)
    }
}

#[cfg(test)]
pub(crate) mod tests;
