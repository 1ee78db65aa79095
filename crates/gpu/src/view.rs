//! What one GPU shows in one pass: its identity, its health, and one cell per metric row and entity.

use std::sync::Arc;

use model::device::Device;
use model::{ErrorKind, Reading, Timestamp};

use crate::metrics::ROWS;

/// One physical GPU as it was last read.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuView {
    /// NVML index, the `gpu` label of device metrics.
    pub index: u32,
    /// `GPU-...`; empty for a GPU that was lost before it could be asked.
    pub uuid: String,
    /// `00000000:00:09.0`: eight-digit domain, upper case.
    pub pci_bus_id: String,
    /// The number in `/dev/nvidia<N>`.
    pub minor: Option<u32>,
    /// Product name.
    pub model: String,
    /// `None` where the GPU knows no MIG (`[N/A]`).
    pub mig_enabled: Option<bool>,
    /// Whether what follows is current.
    pub health: Health,
    /// Enforced power limit.
    pub power_limit_watts: Option<f64>,
    /// Memory of the whole board.
    pub memory_total_bytes: Option<u64>,
    /// What device metrics are printed for: the GPU, or its GPU instances where it has any.
    pub entities: Vec<EntityView>,
    /// What a process can sit on: the GPU, or its compute instances. With MIG on and no compute
    /// instance the GPU itself stands here, so that it does not vanish.
    pub devices: Vec<Arc<Device>>,
    /// GPU instances that no process can use.
    pub instances_without_ci: Vec<IdleInstance>,
    /// How it reaches the other GPUs over NVLink; empty unless that is wanted.
    pub peers: Vec<Peer>,
}

/// Another GPU, as seen from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its index.
    pub gpu: u32,
    /// `nvmlGpuP2PStatus_t`: 0 is OK.
    pub status: u32,
}

/// A GPU instance without any compute instance: its slices serve nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleInstance {
    /// GPU instance id.
    pub gpu_instance: u32,
    /// Profile, `1g.10gb`.
    pub profile: String,
}

/// Whether a GPU answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// It answered.
    #[default]
    Up,
    /// The driver says that it is gone: off the bus, or in need of a reset.
    Lost,
    /// A call for it has not come back within the deadline.
    Stuck,
    /// It answers, but refuses this to us: `"profiling"`, `"process lists"`.
    NoPermission(&'static str),
}

impl Health {
    /// The label value of `gpulse_device_problem`; `None` for a GPU that is up.
    #[must_use]
    pub const fn problem(self) -> Option<&'static str> {
        match self {
            Self::Up => None,
            Self::Lost => Some("lost"),
            Self::Stuck => Some("stuck"),
            Self::NoPermission(_) => Some("no_permission"),
        }
    }

    /// Why nothing of this GPU is current; `None` where it answers.
    #[must_use]
    pub const fn down(self) -> Option<ErrorKind> {
        match self {
            Self::Lost => Some(ErrorKind::Lost),
            Self::Stuck => Some(ErrorKind::Timeout),
            Self::Up | Self::NoPermission(_) => None,
        }
    }
}

/// One thing that device metrics are printed for.
#[derive(Debug, Clone, PartialEq)]
pub struct EntityView {
    /// Profile and GPU instance id (`1g.10gb`, 9) of a MIG instance.
    pub gpu_instance: Option<(String, u32)>,
    /// UUID of the (first) MIG device inside it.
    pub mig_uuid: Option<String>,
    /// Compute slices of the instance.
    pub slices: Option<u32>,
    /// One cell per row of [`ROWS`], in its order.
    pub values: Vec<Cell>,
}

impl EntityView {
    /// An entity of the whole GPU about which nothing is known yet.
    #[must_use]
    pub fn unread() -> Self {
        Self {
            gpu_instance: None,
            mig_uuid: None,
            slices: None,
            values: vec![Cell::default(); ROWS.len()],
        }
    }

    /// The cell of the row with that family name.
    #[must_use]
    pub fn cell(&self, name: &str) -> Option<&Cell> {
        self.values.get(crate::metrics::position(name)?)
    }
}

/// The value of one row on one entity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// The reading; a label row with a text has `Value(1.0)`.
    pub reading: Reading,
    /// When it last held: the latest pass in which its GPU answered, also for rows that are read
    /// less often than every pass. Whoever prints drops what is too old.
    pub at: Timestamp,
    /// The text of a label row.
    pub text: Option<Arc<str>>,
}

impl Cell {
    /// A label's text.
    #[must_use]
    pub fn label(text: &str, at: Timestamp) -> Self {
        Self { reading: Reading::Value(1.0), at, text: Some(text.into()) }
    }

    /// A number, or why there is none.
    #[must_use]
    pub const fn number(reading: Reading, at: Timestamp) -> Self {
        Self { reading, at, text: None }
    }
}
