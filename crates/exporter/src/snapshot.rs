//! One moment of a node, from which every page, table and answer is made.
//!
//! A node publishes a new one after each pass; whoever answers reads the newest without waiting.
//! Nothing in it changes after it is published, apart from the driver's live call counters.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use model::Timestamp;

use crate::Devices;
use crate::clock_events::ClockEvents;
use crate::fields::FieldList;
use crate::fields::source::ReloadState;
use crate::holders::{Held, Kubelet};
use crate::own::OwnCost;
use crate::scrapes::ScrapeCounts;
use crate::xid::XidBook;

/// Windows of the counts of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Of XIDs.
    pub xid: Duration,
    /// Of samples of the clocks.
    pub clock_events: Duration,
}

/// What a node knows at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Number of the pass, from 1.
    pub number: u64,
    /// When the pass was made, by the node's clock.
    pub at: Timestamp,
    /// When it was finished, by the machine's clock.
    pub finished: Instant,
    /// What the GPUs showed.
    pub pass: gpu::Pass,
    /// Who is on them.
    pub view: session::View,
    /// Who holds them.
    pub held: Arc<Held>,
    /// How the kubelet answers, where it is asked.
    pub kubelet: Option<Kubelet>,
    /// What is printed of the devices.
    pub fields: Arc<FieldList>,
    /// How that list stands.
    pub reload: ReloadState,
    /// Of which devices it is printed.
    pub selected: Arc<Devices>,
    /// Windows of the counts of events.
    pub windows: Windows,
    /// Why clocks were held back, within the window.
    pub clock_events: Arc<ClockEvents>,
    /// XIDs so far.
    pub xids: Arc<XidBook>,
    /// Name of this host in labels.
    pub hostname: Arc<str>,
    /// NVIDIA GPUs on the PCI bus, if the bus can be read.
    pub expected_gpus: Option<u32>,
    /// Whether a simulated machine is watched.
    pub simulated: bool,
    /// Age from which a device value is no longer printed.
    pub longest_age: Duration,
    /// Cost of this process.
    pub own: OwnCost,
    /// Scrapes up to this pass.
    pub scrapes: ScrapeCounts,
    /// Why the state file could not be read or written last, if so.
    pub state_fault: Option<Arc<str>>,
}

impl Snapshot {
    /// Why no GPU can be read, with the remedy.
    #[must_use]
    pub fn absence(&self) -> Option<(&str, &str)> {
        match &self.pass.source {
            gpu::SourceState::Absent { reason, remedy } => Some((reason, remedy)),
            gpu::SourceState::Nvml | gpu::SourceState::NvidiaSmi => None,
        }
    }

    /// Whether passes have stopped coming: none for that long by either clock. The node's own may
    /// stand (a manual one) or run fast (a scaled one), and neither is a fault.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        now.since(self.at) > self.longest_age && self.finished.elapsed() > self.longest_age
    }
}

/// Where the newest snapshot of a node is found.
#[derive(Debug, Clone)]
pub struct Published(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    newest: ArcSwapOption<Snapshot>,
    since: Instant,
    longest_age: Duration,
}

impl Published {
    /// Nothing published yet.
    #[must_use]
    pub fn new(longest_age: Duration) -> Self {
        Self(Arc::new(Cell { newest: ArcSwapOption::empty(), since: Instant::now(), longest_age }))
    }

    /// The newest snapshot; `None` before the first pass.
    #[must_use]
    pub fn newest(&self) -> Option<Arc<Snapshot>> {
        self.0.newest.load_full()
    }

    /// Publish.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.0.newest.store(Some(snapshot));
    }

    /// Whether the first pass should long have been there.
    #[must_use]
    pub fn first_is_overdue(&self) -> bool {
        self.0.newest.load().is_none() && self.0.since.elapsed() > self.0.longest_age
    }
}
