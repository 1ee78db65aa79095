//! What a process can sit on: a whole GPU, or a compute instance of a MIG-partitioned one.

use serde::{Deserialize, Serialize};

/// A whole GPU without MIG instances, or one MIG compute instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// The `gpu` label: `0` for a GPU, `<gpu index>_<MIG device number>_<compute instance id>`
    /// (`0_1_0`) for a MIG device.
    pub label: String,
    /// NVML index of the physical GPU.
    pub gpu_index: u32,
    /// UUID of the physical GPU, `GPU-...`.
    pub gpu_uuid: String,
    /// Set for a MIG device.
    pub mig: Option<MigDevice>,
    /// Product name of the physical GPU.
    pub model: String,
    /// Part of the physical GPU: 1, or compute slices of the instance over slices of the GPU.
    pub share: f64,
    /// Memory of the GPU or of the GPU instance, in bytes.
    pub memory_total_bytes: Option<u64>,
}

/// Where a MIG device lies in its GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigDevice {
    /// The number `nvidia-smi -L` prints after `Device`.
    pub number: u32,
    /// GPU instance id (not dense: 2, 3, 9, 10).
    pub gpu_instance: u32,
    /// Compute instance id within the GPU instance.
    pub compute_instance: u32,
    /// `MIG-...`.
    pub uuid: String,
    /// Profile of the GPU instance: `1g.10gb`, `1g.10gb+me`.
    pub profile: String,
}

impl Device {
    /// UUID of the thing itself: the MIG device's, else the GPU's. Key of a session's device.
    #[must_use]
    pub fn uuid(&self) -> &str {
        self.mig.as_ref().map_or(&self.gpu_uuid, |mig| &mig.uuid)
    }
}
