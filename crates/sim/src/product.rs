//! GPU models: what a GPU of that name has, can and draws, from `models/*.toml`.

use serde::Deserialize;

use crate::scenario::quantity::{Size, Span};

/// One GPU model. Figures of captured models are those of the captures.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the figure it is named after, units last")]
pub struct Product {
    pub name: String,
    /// `nvmlBrandType_t`: GeForce 5, NVIDIA 14.
    pub brand: u32,
    /// `nvmlDeviceArchitecture_t`: Turing 6, Ampere 7, Ada 8, Hopper 9.
    pub architecture: u32,
    pub compute_capability: (i32, i32),
    pub multiprocessors: u32,
    pub memory: Size,
    pub reserved: Size,
    pub bar1: Size,
    pub pci_device_id: u32,
    pub pci_sub_system_id: u32,
    /// PCI sub-class of the display class: 0 VGA, 2 a 3D controller.
    pub pci_sub_class: u32,
    pub serial: bool,
    pub board_part: Option<String>,
    pub gpu_part: Option<String>,
    pub vbios: String,
    pub inforom: Inforom,
    pub ecc: bool,
    pub remapped_rows: bool,
    #[serde(default)]
    pub row_banks: u32,
    pub persistence: bool,
    pub display_active: bool,
    #[serde(default)]
    pub module_id: Option<u32>,
    pub fabric: bool,
    pub clocks: Clocks,
    pub power: Power,
    pub temperature: Temperature,
    #[serde(default)]
    pub fan_speed: Option<u32>,
    pub pcie: Pcie,
    pub nvlink: NvLink,
    pub gpm: bool,
    pub samples: Samples,
    /// How many PIDs the accounting buffer keeps.
    pub accounting_buffer: u32,
    /// Slices that compute instances are counted in; 0 where MIG is not supported.
    #[serde(default)]
    pub slices: u32,
    /// Profiles that GPU instances can have.
    #[serde(default)]
    pub mig: Vec<MigProfile>,
}

/// Versions of the info ROM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the object it is named after")]
pub struct Inforom {
    pub image: String,
    pub oem: String,
    pub ecc: Option<String>,
    pub power: Option<String>,
}

/// Clocks in MHz.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the clock it is named after")]
pub struct Clocks {
    pub sm_idle: u32,
    pub sm: u32,
    pub sm_max: u32,
    pub memory_idle: u32,
    pub memory: u32,
    pub memory_max: u32,
    pub video_idle: u32,
    pub video: u32,
    pub video_max: u32,
    /// Performance states.
    pub state_idle: u32,
    pub state: u32,
    /// Bits of the event reasons while idle.
    pub reasons_idle: u64,
}

/// Watts: idle, and what is added at full activity of each part.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the part it is named after, in watts")]
pub struct Power {
    pub idle: f64,
    /// Added as soon as anything runs.
    pub active: f64,
    pub sm: f64,
    pub tensor: f64,
    pub dram: f64,
    pub media: f64,
    pub limit: f64,
    pub limit_min: f64,
    pub limit_max: f64,
    /// Whether the driver gives a mean over a second besides the momentary value.
    pub averaged: bool,
}

/// Degrees C.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the figure it is named after, in degrees C")]
pub struct Temperature {
    pub idle: f64,
    /// Rise per watt above idle power.
    pub per_watt: f64,
    pub time_constant: Span,
    /// Memory at idle; absent where the driver does not give it.
    pub memory_idle: Option<f64>,
    #[serde(default)]
    pub memory_per_watt: f64,
    /// The core's limit, from which the margin counts; absent where there is no margin.
    pub limit: Option<f64>,
    pub shutdown: u32,
    pub slowdown: u32,
    pub max_operating: u32,
    #[serde(default)]
    pub memory_max_operating: Option<u32>,
}

/// The bus.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the figure it is named after")]
pub struct Pcie {
    pub generation_idle: u32,
    pub generation: u32,
    pub width: u32,
}

/// NVLink.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the figure it is named after")]
pub struct NvLink {
    pub links: u32,
    /// Speed of one link in MB/s.
    pub megabytes_per_second: u32,
}

/// The driver's own sampling of use.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// Length of one sample; a multiple of the world's step of 100 ms.
    pub period: Span,
    /// How late a process's sample can be read after its window.
    pub delay: Span,
    /// For how long samples can be read.
    pub kept: Span,
}

/// One GPU-instance profile.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "each field is the figure it is named after")]
pub struct MigProfile {
    /// `1g.10gb`.
    pub name: String,
    /// Index of `nvmlDeviceGetGpuInstanceProfileInfo`: 1 slice 0, 2 slices 1, ...
    pub index: u32,
    /// Id that instances of it are asked for by.
    pub id: u32,
    pub slices: u32,
    /// How many fit at most.
    pub instances: u32,
    pub memory: Size,
    pub bar1: Size,
    /// Memory in use while nothing runs.
    pub overhead: Size,
    pub multiprocessors: u32,
    pub copy_engines: u32,
    pub decoders: u32,
    #[serde(default)]
    pub encoders: u32,
    pub jpeg: u32,
    pub ofa: u32,
    /// Memory slices it occupies.
    pub size: u32,
    /// First memory slices it can have, the preferred first.
    pub starts: Vec<u32>,
    /// Instance id at the first start of all; others count from there.
    pub first_instance_id: u32,
}

impl MigProfile {
    /// Instance id at a start: the driver numbers the places of one size from left to right.
    #[must_use]
    pub const fn instance_id(&self, start: u32) -> u32 {
        self.first_instance_id + start / self.size
    }
}
