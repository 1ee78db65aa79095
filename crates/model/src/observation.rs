//! What one pass over the GPUs saw of the processes on them: the input of the session engine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::device::Device;
use crate::{ErrorKind, Reading, Timestamp};

/// One device in one pass.
#[derive(Debug, Clone)]
pub struct DeviceObservation {
    /// The device; a new `Arc` only when its facts changed.
    pub device: Arc<Device>,
    /// Set while the physical GPU is lost or stuck: nothing below is current then.
    pub down: Option<ErrorKind>,
    /// Processes on it now. `NotSupported` or `Failed`: it is not known who is there.
    pub processes: Reading<Vec<DeviceProcess>>,
    /// Device memory in use, without the part that the driver reserves for itself; a MIG device's is
    /// its GPU instance's. `None` where it, or the reserved part, cannot be read.
    pub used_bytes: Option<u64>,
    /// Processes that ended since the last pass, where the driver's accounting is on: it also knows
    /// those that no list ever showed.
    pub finished: Vec<FinishedProcess>,
    /// Set when this pass asked for per-process use (every few seconds, not every pass).
    pub process_use: Option<ProcessUse>,
    /// Activity of the device over the time since the last pass that asked for use, 0..1: GPM
    /// graphics activity of the instance, or the driver's utilisation of the GPU. `None` when this
    /// pass did not ask.
    pub activity: Option<Reading>,
    /// SM activity from GPM over the same time, 0..1. `None` when this pass did not ask.
    pub sm_activity: Option<Reading>,
    /// Energy and power of the physical GPU: the same on all devices of one GPU. `None` when this
    /// pass did not read them.
    pub energy: Option<EnergyReading>,
    /// What a kernel that gets on does, from GPM over the same time as `activity`. `None` when this
    /// pass did not ask.
    pub progress: Option<Progress>,
}

/// What a GPU or instance does while a kernel on it gets on, and does not while it spins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Activity of the tensor pipes, 0..1.
    pub tensor: Reading,
    /// Activity of the memory interface, 0..1.
    pub dram: Reading,
    /// Data over PCIe in both directions, in bytes per second; of a whole GPU only.
    pub pcie_bytes_per_second: Reading,
}

impl Progress {
    /// The same answer for all.
    #[must_use]
    pub const fn of(reading: Reading) -> Self {
        Self { tensor: reading, dram: reading, pcie_bytes_per_second: reading }
    }
}

/// What the driver says of a physical GPU's energy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnergyReading {
    /// Its counter in mJ: it begins at 0 when the driver is loaded, and only grows until then.
    pub millijoules: Reading<u64>,
    /// The power that it draws, in W.
    pub watts: Reading,
}

/// A process that is over, from the driver's accounting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedProcess {
    /// Host PID.
    pub pid: u32,
    /// When its context was made.
    pub started: Timestamp,
    /// When it was gone.
    pub ended: Timestamp,
    /// The most device memory it held, in bytes, if known.
    pub memory_peak_bytes: Option<u64>,
}

/// Per-process use since the last time it was asked for.
#[derive(Debug, Clone)]
pub struct ProcessUse {
    /// New samples only, in no particular order. Not supported on GPUs with MIG on. A supported
    /// empty list is a real zero for every process: the driver lists only processes with use.
    pub samples: Reading<Vec<UseSample>>,
}

/// One process on one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceProcess {
    /// Host PID as the driver gives it.
    pub pid: u32,
    /// What kind of context it holds.
    pub kind: ContextKind,
    /// Device memory it holds, in bytes; `None` when it cannot be read.
    pub memory_bytes: Option<u64>,
}

/// The kind of a process's context on a device, printed in the label `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContextKind {
    /// Compute: `C`.
    Compute,
    /// Graphics: `G`.
    Graphics,
    /// Both: `C+G`.
    ComputeGraphics,
    /// Client of an MPS server: `M+C`.
    MpsClient,
}

impl ContextKind {
    /// As `nvidia-smi` prints it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "C",
            Self::Graphics => "G",
            Self::ComputeGraphics => "C+G",
            Self::MpsClient => "M+C",
        }
    }

    /// The kind of a process that is in the lists of both kinds.
    #[must_use]
    pub const fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::MpsClient, _) | (_, Self::MpsClient) => Self::MpsClient,
            (Self::Graphics, Self::Graphics) => Self::Graphics,
            (Self::Compute, Self::Compute) => Self::Compute,
            _ => Self::ComputeGraphics,
        }
    }

    /// Whether `--query-compute-apps` lists it.
    #[must_use]
    pub const fn is_compute(self) -> bool {
        !matches!(self, Self::Graphics)
    }
}

/// Utilisation of one process over one window of the driver, in per cent of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseSample {
    /// Host PID.
    pub pid: u32,
    /// End of the window, by the driver's own stamp.
    pub at: Timestamp,
    /// SM time.
    pub sm: u8,
    /// Memory traffic time (not memory held).
    pub memory: u8,
    /// Encoder time.
    pub encoder: u8,
    /// Decoder time.
    pub decoder: u8,
}

impl UseSample {
    /// Whether it shows any use at all.
    #[must_use]
    pub const fn is_use(&self) -> bool {
        self.sm > 0 || self.memory > 0 || self.encoder > 0 || self.decoder > 0
    }
}
