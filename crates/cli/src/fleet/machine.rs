//! One machine of the fleet: the exporter's pipeline over a simulated driver, at a time that is set
//! from outside, and its pages.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exporter::holders::ToldHolders;
use exporter::{Config, Memory, Node, Parts, StateUse, Told, page};
use host::Host;
use model::Timestamp;
use server::{App, IngestError, Pages};
use sim::{Pace, SimClock, Tenancy, World};

use super::prepare::NOW_STEP;
use super::{LOOK_STEP, PAST_STEP, millis, report, steps};
use crate::feed::JOB;

/// See the module.
#[derive(Debug)]
pub(super) struct Machine {
    node: Node,
    clock: Arc<SimClock>,
    simulated: sim::Machine,
    holders: ToldHolders,
    /// What the holders depend on that were told last.
    tenancy: Option<Tenancy>,
    /// Whether its newest page is in the store.
    is_heard: bool,
    /// When the world was 0 seconds old.
    origin: Timestamp,
    /// When something was last heard of it, else when the watch began.
    heard: Timestamp,
}

impl Machine {
    /// A machine of the world that began at `origin`, watched from a moment on: anew, or from what
    /// is known of it then.
    pub(super) fn new(
        world: &Arc<World>,
        number: usize,
        (origin, at): (Timestamp, Timestamp),
        every: Duration,
        memory: Option<Memory>,
    ) -> Self {
        let clock = Arc::new(SimClock::starting_at(at, Pace::Manual, at.since(origin)));
        let simulated = sim::Machine::new(Arc::clone(world), number, Arc::clone(&clock));
        let state = memory.map_or(StateUse::None, |memory| StateUse::GoOn(Box::new(memory)));
        let (holders, mut tenancy) = (ToldHolders::default(), None);
        let config = config(every);
        let mut node = Node::new(&config, watched(&simulated), &state);
        if let Some(first) = simulated.assignments(&mut tenancy) {
            node = node.with_sources(&config, holders.sources(&first));
            holders.tell(first);
        }
        Self { node, clock, simulated, holders, tenancy, is_heard: false, origin, heard: at }
    }

    /// Set its time; whether something is heard of it then.
    fn at(&mut self, at: Timestamp) -> bool {
        // A clock in memory takes every time.
        let _ = self.clock.set(at);
        let is_up = self.simulated.is_up();
        if is_up {
            self.heard = at;
            if let Some(assignments) = self.simulated.assignments(&mut self.tenancy) {
                self.holders.tell(assignments);
            }
        }
        is_up
    }

    /// When something was last heard of it.
    pub(super) const fn heard(&self) -> Timestamp {
        self.heard
    }

    /// Follow who is there, without showing anything.
    pub(super) fn follow(&mut self, at: Timestamp) {
        if self.at(at) {
            self.node.follow(at);
        }
    }

    /// What it knows of its sessions.
    pub(super) fn memory(&self) -> Memory {
        self.node.memory()
    }

    /// Look from a known moment on, and show nothing: afterwards it is known what a GPU is that has
    /// been lost meanwhile, and what spans two looks can be told.
    pub(super) fn begin(&mut self, at: Timestamp) {
        for earlier in [self.origin.after(Duration::from_secs(1)), at.before(LOOK_STEP)] {
            if self.at(earlier) {
                self.node.prime(earlier);
            }
        }
        self.look(at);
    }

    /// The first picture. The newest page before it goes into the store too: by that it is seen what
    /// has ended since, and a machine that is down now is known at all.
    pub(super) fn begin_to_show(&mut self, app: &App, at: Timestamp) {
        let from = self.heard;
        self.begin(from);
        report(self.show(app, from).err());
        for look in steps(from, at, LOOK_STEP).skip(1).filter(|look| *look < at) {
            if look.since(from) == PAST_STEP {
                report(self.show(app, look).err());
            } else {
                self.follow(look);
            }
        }
        self.look(at.before(NOW_STEP));
    }

    /// Look, and show nothing.
    pub(super) fn look(&mut self, at: Timestamp) {
        if self.at(at) {
            let _ = self.node.tick(at);
        }
    }

    /// Its page at a moment into the store, among the pages of now.
    pub(super) fn show(&mut self, app: &App, at: Timestamp) -> Result<(), IngestError> {
        let page = self.page(at);
        let extra = [("job", JOB), ("instance", self.simulated.node().name.as_str())];
        match page {
            Some(page) => app.ingest_text(millis(at), &page, &extra).map(drop),
            None if std::mem::replace(&mut self.is_heard, false) => {
                app.target_gone(millis(at), &extra)
            }
            None => Ok(()),
        }
    }

    /// The same among pages of the past.
    pub(super) fn show_past(
        &mut self,
        app: &App,
        pages: &Pages,
        at: Timestamp,
    ) -> Result<(), IngestError> {
        let page = self.page(at);
        let extra = [("job", JOB), ("instance", self.simulated.node().name.as_str())];
        match page {
            Some(page) => pages.ingest(app, millis(at), &page, &extra).map(drop),
            None if std::mem::replace(&mut self.is_heard, false) => {
                pages.gone(app, millis(at), &extra)
            }
            None => Ok(()),
        }
    }

    fn page(&mut self, at: Timestamp) -> Option<String> {
        if !self.at(at) {
            return None;
        }
        let snapshot = self.node.tick(at);
        self.is_heard = true;
        Some(page::render(&snapshot, Parts::default(), &page::Style::default()))
    }
}

/// `every` lies between two pages.
fn config(every: Duration) -> Config {
    let session = session::Config { longest_gap: LOOK_STEP * 3 / 2, ..session::Config::default() };
    Config {
        collect_interval_ms: u64::try_from(every.as_millis()).ok(),
        session,
        ..Config::default()
    }
}

fn watched(simulated: &sim::Machine) -> exporter::Machine {
    let node = simulated.node();
    let told = Told {
        boot_id: node.boot_id(),
        run: simulated.run(),
        gpus: u32::try_from(node.gpus.len()).unwrap_or(u32::MAX),
        process: {
            let simulated = simulated.clone();
            Box::new(move |pid| simulated.process(pid))
        },
        in_line: node.never_blocks(),
    };
    // Everything is told: there is no folder of files behind it.
    let nowhere = PathBuf::from("/nonexistent");
    exporter::Machine {
        open_driver: simulated.driver_opener(),
        smi: None,
        host: Host::new(nowhere.clone(), nowhere),
        clock: simulated.clock(),
        hostname: Some(node.name.clone()),
        before_tick: None,
        simulated: true,
        told: Some(told),
    }
}
