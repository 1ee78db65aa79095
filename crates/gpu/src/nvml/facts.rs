//! What is known of a GPU for as long as its layout stays: identity, modes, places.

use std::sync::Arc;

use super::Handle;

/// Versions of what answers, the same for every GPU.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) driver: Option<Arc<str>>,
    pub(crate) nvml: Option<Arc<str>>,
    pub(crate) cuda: Option<Arc<str>>,
}

/// Facts of one physical GPU.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub(crate) driver_version: Option<Arc<str>>,
    pub(crate) nvml_version: Option<Arc<str>>,
    pub(crate) index: u32,
    pub(crate) handle: Handle,
    pub(crate) uuid: Arc<str>,
    pub(crate) pci_bus_id: String,
    pub(crate) minor: Option<u32>,
    pub(crate) model: Arc<str>,
    pub(crate) serial: Option<Arc<str>>,
    /// NVML's number.
    pub(crate) compute_mode: Option<u32>,
    pub(crate) persistence_mode: Option<u32>,
    pub(crate) virtual_mode: Option<u32>,
    /// `None` where the GPU knows no MIG.
    pub(crate) mig_enabled: Option<bool>,
    /// Most compute slices of any profile while MIG is on, else 0.
    pub(crate) max_slices: u32,
    pub(crate) memory_total_bytes: Option<u64>,
    pub(crate) power_limit_watts: Option<f64>,
}

impl Facts {
    pub(crate) fn mig_is_on(&self) -> bool {
        self.mig_enabled == Some(true)
    }
}

/// What device metrics are printed for: the GPU, or a GPU instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Profile and id.
    pub(crate) gpu_instance: Option<(Arc<str>, u32)>,
    /// UUID of the first MIG device in it.
    pub(crate) mig_uuid: Option<Arc<str>>,
    /// Compute slices of the instance.
    pub(crate) slices: Option<u32>,
    /// Where its memory is read: the GPU, or a MIG device in it; `None` for an instance without
    /// compute instance.
    pub(crate) memory: Option<Handle>,
    /// Compute instances in it.
    pub(crate) compute_instances: u32,
}
