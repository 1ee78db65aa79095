//! The question that a reader is asked, and its answer.

use std::sync::Arc;

use model::Timestamp;
use model::observation::DeviceObservation;

use crate::{CallStats, GpuView};

/// What one pass shall read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// The metric rows.
    pub device_values: bool,
    /// Who is on each device.
    pub processes: bool,
    /// Per-process use and device activity since the last pass that asked for them.
    pub process_use: bool,
}

impl Ask {
    /// Everything: for a single collection.
    pub const ALL: Self = Self { device_values: true, processes: true, process_use: true };

    /// What either of two questions asks.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            device_values: self.device_values || other.device_values,
            processes: self.processes || other.processes,
            process_use: self.process_use || other.process_use,
        }
    }
}

/// What came of one pass over all GPUs.
#[derive(Debug, Clone)]
pub struct Pass {
    /// The `now` it was asked with.
    pub at: Timestamp,
    /// Who answered.
    pub source: SourceState,
    /// Whether the simulated driver answered.
    pub simulated: bool,
    /// `590.48.01`.
    pub driver_version: Option<String>,
    /// `13.590.48.01`.
    pub nvml_version: Option<String>,
    /// Newest CUDA that the driver serves: `13.1`.
    pub cuda_version: Option<String>,
    /// Every GPU, by index; the same `Arc` as before where nothing new was read.
    pub gpus: Vec<Arc<GpuView>>,
    /// Who is on which device; empty when the pass asked for neither processes nor use.
    pub observations: Vec<DeviceObservation>,
    /// XIDs since the last pass.
    pub xids: Vec<XidEvent>,
    /// All driver calls so far: live counters, the same in every pass.
    pub calls: Arc<CallStats>,
}

/// Who answers for the GPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// NVML.
    Nvml,
    /// The program `nvidia-smi`, as NVML cannot be loaded.
    NvidiaSmi,
    /// Nobody.
    Absent {
        /// Why, for a person.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
}

/// An XID that the driver reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XidEvent {
    /// When the reader learned of it.
    pub at: Timestamp,
    /// UUID of the physical GPU.
    pub gpu_uuid: String,
    /// Its NVML index.
    pub gpu_index: u32,
    /// The GPU instance it happened in.
    pub gpu_instance: Option<u32>,
    /// The compute instance it happened in.
    pub compute_instance: Option<u32>,
    /// Its code.
    pub xid: u64,
}

impl Pass {
    /// A pass that saw no GPU.
    #[must_use]
    pub fn empty(at: Timestamp, source: SourceState, calls: Arc<CallStats>) -> Self {
        Self {
            at,
            source,
            simulated: false,
            driver_version: None,
            nvml_version: None,
            cuda_version: None,
            gpus: Vec::new(),
            observations: Vec::new(),
            xids: Vec::new(),
            calls,
        }
    }
}
