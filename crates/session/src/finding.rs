//! Findings: what is wrong with a session, an allocation or a device, with evidence and a remedy.
//!
//! A finding is shown once its cause has lasted for its time, and cleared a while after the cause
//! is gone. It is a sentence, never an action: nothing is killed or reset.

pub(crate) mod evidence;
pub(crate) mod hang;
mod timer;

use std::sync::Arc;

use model::Timestamp;
use model::device::Device;
use serde::{Deserialize, Serialize};

pub use evidence::{Access, Evidence, ZombieCause};
pub use hang::Confidence;
pub(crate) use timer::Timer;

use crate::view::{AllocationFacts, SessionFacts};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// An allocation without any session.
    NoProcess,
    /// A session on a device that is given to holders, of whom it is none.
    OutsideAllocation,
    /// Device memory in use that no listed process holds.
    Leaked,
    /// A process that the driver lists although it is dead, or that cannot be ended.
    Zombie,
    /// A GPU instance that no process can use.
    NoComputeInstance,
    /// A session whose kernels seem to spin without getting on.
    HangSuspect,
}

impl Finding {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 6] = [
        Self::NoProcess,
        Self::OutsideAllocation,
        Self::Leaked,
        Self::Zombie,
        Self::NoComputeInstance,
        Self::HangSuspect,
    ];

    /// As printed in the label `finding`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoProcess => "no_process",
            Self::OutsideAllocation => "outside_allocation",
            Self::Leaked => "leaked",
            Self::Zombie => "zombie",
            Self::NoComputeInstance => "no_compute_instance",
            Self::HangSuspect => "hang_suspect",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NoProcess => {
                "ask the owner whether the GPU is needed, and delete the pod or job if not"
            }
            Self::OutsideAllocation => {
                "look how it got the device: NVIDIA_VISIBLE_DEVICES set by hand, a privileged \
                 container, or a program started on the host beside the allocator"
            }
            Self::Leaked => {
                "find who has /dev/nvidia* open and end it; if nobody has, drain and reset the GPU"
            }
            Self::Zombie => {
                "end its parent, which has not waited for it; if it hangs in the kernel, drain the \
                 node and reset the GPU or reboot"
            }
            Self::NoComputeInstance => {
                "make a compute instance in it (nvidia-smi mig -cci), or destroy it"
            }
            Self::HangSuspect => {
                "look at its stack and at the other ranks of its job: one that is missing keeps \
                 the rest waiting"
            }
        }
    }
}

/// A finding as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingView {
    /// What is wrong.
    pub finding: Finding,
    /// With what.
    pub subject: Subject,
    /// Since when its cause is there.
    pub since: Timestamp,
    /// What was seen.
    pub evidence: Evidence,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A session.
    Session(Arc<SessionFacts>),
    /// An allocation.
    Allocation(Arc<AllocationFacts>),
    /// A device.
    Device(Arc<Device>),
    /// A GPU instance that is no device, as no process can sit on it.
    Instance(Arc<UnusableInstance>),
}

impl Subject {
    /// The label `gpu` of what it is about, or that it is on.
    #[must_use]
    pub fn gpu(&self) -> String {
        match self {
            Self::Session(facts) => facts.device.label.clone(),
            Self::Allocation(facts) => facts.device.label.clone(),
            Self::Device(device) => device.label.clone(),
            Self::Instance(instance) => instance.gpu_index.to_string(),
        }
    }

    /// UUID of the device: the MIG device's, else the GPU's.
    #[must_use]
    pub fn uuid(&self) -> &str {
        match self {
            Self::Session(facts) => facts.device.uuid(),
            Self::Allocation(facts) => facts.device.uuid(),
            Self::Device(device) => device.uuid(),
            Self::Instance(instance) => &instance.gpu_uuid,
        }
    }
}

/// A GPU instance without compute instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusableInstance {
    /// NVML index of its GPU.
    pub gpu_index: u32,
    /// UUID of its GPU.
    pub gpu_uuid: String,
    /// GPU instance id.
    pub gpu_instance: u32,
    /// Profile, `1g.10gb`.
    pub profile: String,
}
