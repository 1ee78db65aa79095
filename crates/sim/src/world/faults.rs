//! Faults: what goes wrong, from when to when, and the driver's lives.

use crate::scenario::file::FaultKind;

/// One fault, with its times.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Age of the world at its start.
    pub at_us: i64,
    /// Age at its end; `i64::MAX` without one.
    pub until_us: i64,
    /// The GPU meant; all without.
    pub gpu: Option<usize>,
    /// The MIG device of that GPU meant.
    pub mig: Option<u32>,
    /// GPU- and compute-instance id of that MIG device.
    pub instance: Option<(u32, u32)>,
    /// XID number.
    pub xid: Option<u64>,
    /// The process meant.
    pub pid: Option<u32>,
    /// Bytes, for a leak.
    pub memory: u64,
    /// NVML functions meant; all without.
    pub calls: Vec<String>,
    /// How much longer a slow call takes.
    pub delay_us: i64,
}

impl Fault {
    /// Whether it holds at that age.
    #[must_use]
    pub const fn holds(&self, age_us: i64) -> bool {
        self.at_us <= age_us && age_us < self.until_us
    }

    /// Whether it is about a GPU.
    #[must_use]
    pub fn is_about(&self, gpu: Option<usize>) -> bool {
        self.gpu.is_none() || self.gpu == gpu
    }

    /// Whether it is about a call.
    #[must_use]
    pub fn touches(&self, call: &str) -> bool {
        self.calls.is_empty() || self.calls.iter().any(|touched| touched == call)
    }
}

/// What the driver's calls meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is loaded.
    Loaded,
    /// It is not: DRIVER_NOT_LOADED.
    Unloaded,
    /// The library does not match it: LIB_RM_VERSION_MISMATCH.
    Mismatched,
}

/// One stretch of the driver's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// Age of the world at its start.
    pub from_us: i64,
    /// What calls meet.
    pub standing: Standing,
    /// Version of the library and, while loaded, of the driver.
    pub version: String,
}
