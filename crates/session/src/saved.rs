//! What outlives a restart: written by the role every few seconds and at its stop.
//!
//! A value for a state file, not a format of its own: the role chooses file and encoding. It holds
//! sessions with their identity and last use, counters, and the run they belong to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use model::device::Device;
use serde::{Deserialize, Serialize};

use crate::allocation::Allocation;
use crate::counters::{Counters, DeviceCounters};
use crate::energy::SavedGpu;
use crate::finding::hang::HangWatch;
use crate::finding::{Timer, UnusableInstance, ZombieCause};
use crate::identity::Start;
use crate::state::Watch;
use crate::view::{End, SessionFacts};

/// The version that this program writes; any other one is not read.
pub(crate) const VERSION: u32 = 1;

/// The engine's memory as a value for a state file. Its inside is the engine's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedState {
    /// Format of this value; another one is not read.
    pub(crate) version: u32,
    pub(crate) boot_id: String,
    pub(crate) run: String,
    /// Whether the engine stopped: only then the run may go on.
    pub(crate) clean: bool,
    /// When it was made.
    pub(crate) at: Timestamp,
    /// Gaps between the runs of a sampled engine.
    pub(crate) gaps: VecDeque<Duration>,
    pub(crate) devices: Vec<SavedDevice>,
    pub(crate) sessions: Vec<SavedSession>,
    pub(crate) rest: Vec<SavedRest>,
    #[serde(default)]
    pub(crate) energy: Vec<SavedGpu>,
    #[serde(default)]
    /// By their places, to which sessions point.
    pub(crate) allocations: Vec<Option<Allocation>>,
    /// GPU instances without compute instance.
    #[serde(default)]
    pub(crate) instances: Vec<(Arc<UnusableInstance>, Timer)>,
}

impl SavedState {
    /// When it was made.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

/// A device by its UUID in the facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedDevice {
    pub(crate) facts: Arc<Device>,
    pub(crate) known_at: Option<Timestamp>,
    pub(crate) asked: Option<Timestamp>,
    pub(crate) newest_stamp: Option<Timestamp>,
    pub(crate) counters: DeviceCounters,
    #[serde(default)]
    pub(crate) leaked: Timer,
    #[serde(default)]
    pub(crate) leaked_bytes: u64,
}

/// A session, live or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedSession {
    /// Place of its device in the list of devices.
    pub(crate) device: usize,
    pub(crate) facts: Arc<SessionFacts>,
    pub(crate) key: Start,
    pub(crate) start_ticks: Option<u64>,
    pub(crate) last_seen: Timestamp,
    pub(crate) left_at: Option<Timestamp>,
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) memory_peak_bytes: Option<u64>,
    pub(crate) live: Watch,
    pub(crate) booked: Watch,
    pub(crate) shown: bool,
    pub(crate) end: Option<End>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) may_return: bool,
    pub(crate) hidden: bool,
    #[serde(default)]
    pub(crate) found: SavedFindings,
    #[serde(default)]
    pub(crate) xids: BTreeMap<u64, u64>,
    /// Place of its allocation, if it is joined to one.
    #[serde(default)]
    pub(crate) allocation: Option<u32>,
    pub(crate) counters: Counters,
}

/// What was found, or nearly, about a session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SavedFindings {
    pub(crate) outside: Timer,
    pub(crate) zombie: Timer,
    pub(crate) zombie_cause: Option<ZombieCause>,
    pub(crate) hang: HangWatch,
    pub(crate) hangs: Timer,
}

/// Counters of folded sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedRest {
    pub(crate) device: usize,
    pub(crate) owner: String,
    #[serde(default)]
    pub(crate) is_namespace: bool,
    pub(crate) counters: Counters,
}
