//! What the engine knows at one moment, for pages, tables and JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::device::Device;
use model::observation::ContextKind;
use model::process::{Owner, OwnerKind};
use model::{ErrorKind, Timestamp};
use serde::{Deserialize, Serialize};

use crate::counters::{Counters, DeviceCounters};
use crate::finding::FindingView;
use crate::state::{DeviceState, SessionState};

/// Everything at one moment. Cheap to make: facts are shared.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// When the newest observation was made.
    pub at: Timestamp,
    /// Name of the node.
    pub hostname: String,
    /// The counting period of all counters.
    pub run: String,
    /// Whether counters mean anything: not for single looks.
    pub counted: bool,
    /// Devices in the order in which the driver gave them.
    pub devices: Vec<DeviceView>,
    /// Live sessions by device and PID, then ended ones by end.
    pub sessions: Vec<SessionView>,
    /// Allocations: those held now by device, then ended ones.
    pub allocations: Vec<AllocationView>,
    /// What is wrong.
    pub findings: Vec<FindingView>,
    /// Energy of the physical GPUs of which it can be read, by index.
    pub energy: Vec<EnergyView>,
    /// Counters of the sessions without rows of their own.
    pub rest: Vec<RestView>,
    /// Live sessions without rows of their own.
    pub folded: usize,
}

/// Energy of one physical GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnergyView {
    /// Its NVML index.
    pub gpu_index: u32,
    /// `GPU-...`.
    pub gpu_uuid: String,
    /// Counted in this run, in mJ. What its sessions did not get is nobody's.
    pub millijoules: u64,
    /// Its idle baseline in mW: the lowest mean over 5 minutes without a session; `None` until one
    /// was seen.
    pub idle_milliwatts: Option<u64>,
}

/// One device.
#[derive(Debug, Clone)]
pub struct DeviceView {
    /// What it is.
    pub device: Arc<Device>,
    /// Why nothing can be read from it, if so.
    pub down: Option<ErrorKind>,
    /// Whether it is known who is there.
    pub processes_known: bool,
    /// Its state now: down, else that of its busiest session, else free. `None`: not known.
    pub state: Option<DeviceState>,
    /// Parts of the newest booked minute in microseconds, by [`DeviceState::ALL`].
    pub minute_micros: [u64; DeviceState::ALL.len()],
    /// Memory in use that no listed process holds, in bytes: of its GPU instance for a MIG device.
    /// `None` where the memory in use or that of one process cannot be read.
    pub unattributed_bytes: Option<u64>,
    /// Its counters.
    pub counters: DeviceCounters,
}

/// One session.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// What does not change from second to second.
    pub facts: Arc<SessionFacts>,
    /// Whether the driver lists it now. A live session that is not listed left the device a moment
    /// ago, or its device cannot be read.
    pub listed: bool,
    /// Whether it has no rows of its own on pages that are bounded.
    pub folded: bool,
    /// Its end, once known.
    pub end: Option<End>,
    /// Its state now.
    pub state: SessionState,
    /// Device memory it holds now, if readable.
    pub memory_bytes: Option<u64>,
    /// The most it was seen to hold.
    pub memory_peak_bytes: Option<u64>,
    /// Its newest use; `None` also where that is not known.
    pub last_use: Option<Timestamp>,
    /// Its use over the newest interval, if known.
    pub utilization: Option<Utilization>,
    /// State letter of its process as last read: `Z` is a zombie, `X` one that is gone but listed.
    pub process_state: Option<char>,
    /// XIDs that named its process: how many by code.
    pub xids: BTreeMap<u64, u64>,
    /// The allocation it belongs to, if any.
    pub allocation: Option<Arc<AllocationFacts>>,
    /// Its counters of this run.
    pub counters: Counters,
}

/// One allocation: a container or a job that holds a device.
#[derive(Debug, Clone)]
pub struct AllocationView {
    /// What does not change from second to second.
    pub facts: Arc<AllocationFacts>,
    /// When it ended, once it did.
    pub end: Option<Timestamp>,
    /// Live sessions that belong to it.
    pub sessions: usize,
    /// Its part of the device, 0..1; `None` where it is not known any more.
    pub share: Option<f64>,
    /// Its parts of device time that no session got, in microseconds by [`DeviceState::ALL`].
    pub micros: [u64; DeviceState::ALL.len()],
}

/// What does not change from second to second about an allocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AllocationFacts {
    /// 16 hex digits.
    pub id: String,
    /// Its device.
    pub device: Arc<Device>,
    /// Resource name, `nvidia.com/gpu`; empty for a job that is seen by its sessions.
    pub resource: String,
    /// The id by which the device was given.
    pub device_id: String,
    /// Namespace of the pod.
    pub namespace: Option<String>,
    /// Name of the pod.
    pub pod: Option<String>,
    /// Name of the container.
    pub container: Option<String>,
    /// UID of the pod.
    pub pod_uid: Option<String>,
    /// Name of the claim by which it is held.
    pub claim: Option<String>,
    /// Slurm job id.
    pub slurm_job: Option<String>,
    /// Start of the container if known, else when it was first seen.
    pub start: Timestamp,
}

/// What does not change from second to second about a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionFacts {
    /// 16 hex digits.
    pub id: String,
    /// Its device.
    pub device: Arc<Device>,
    /// Host PID.
    pub pid: u32,
    /// Kind of its context, label `type`.
    pub context: ContextKind,
    /// Whose it is, label `kind`.
    pub kind: OwnerKind,
    /// Base name of its program, `unknown` if not readable.
    pub command: String,
    /// As configured: name, uid or nothing.
    pub user: Option<String>,
    /// Pod UID, container id, Slurm job and service, as far as its control group tells.
    pub owner: Owner,
    /// Names from Kubernetes, once known.
    pub namespace: Option<String>,
    /// The same.
    pub pod: Option<String>,
    /// The same.
    pub container: Option<String>,
    /// UID of its pod as the API server knows it: a static pod's control group has another.
    #[serde(default)]
    pub api_pod_uid: Option<String>,
    /// Name of what its pod belongs to.
    #[serde(default)]
    pub workload: Option<String>,
    /// Kind of that.
    #[serde(default)]
    pub workload_kind: Option<String>,
    /// When it began.
    pub start: Timestamp,
    /// How that is known.
    pub start_kind: StartKind,
}

impl SessionFacts {
    /// UID of its pod: as the API server knows it, else as the control group tells.
    #[must_use]
    pub fn pod_uid(&self) -> Option<&str> {
        self.api_pod_uid.as_deref().or(self.owner.pod_uid.as_deref())
    }
}

/// How a start is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartKind {
    /// The process's own start.
    Exact,
    /// The first sighting, to the second.
    Seen,
}

impl StartKind {
    /// As printed in the label `start`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Seen => "seen",
        }
    }
}

/// The end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// How that is known.
    pub kind: EndKind,
}

/// How an end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// The process was found gone.
    Gone,
    /// It left the device, or two readings missed it.
    Seen,
    /// Nobody watched when it ended: its last sighting.
    Lost,
}

impl EndKind {
    /// As people read it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Seen => "seen",
            Self::Lost => "lost",
        }
    }
}

/// How good a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// From the driver's per-process figures.
    Measured,
    /// Concluded from the device's figures.
    Inferred,
}

impl Quality {
    /// As printed in the label `quality`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Inferred => "inferred",
        }
    }
}

/// Use of the engines over the newest interval, 0..1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utilization {
    /// SM time.
    pub sm: f64,
    /// Memory traffic time, once the session used it.
    pub memory: Option<f64>,
    /// Encoder, once used.
    pub encoder: Option<f64>,
    /// Decoder, once used.
    pub decoder: Option<f64>,
    /// How good the figures are.
    pub quality: Quality,
}

/// Sessions of one owner on one device that have no rows of their own.
#[derive(Debug, Clone)]
pub struct RestView {
    /// The device's label.
    pub gpu: String,
    /// Namespace or user; empty where neither is known.
    pub owner: String,
    /// Whether it is a namespace.
    pub is_namespace: bool,
    /// What was counted for them; it only grows.
    pub counters: Counters,
}
