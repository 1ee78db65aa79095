//! Facts about one process of the host, as far as they could be read.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::pod::Workload;

/// What came of looking for a process.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "facts are the rule, and a box would be one allocation for each look"
)]
pub enum Lookup {
    /// It is there.
    Facts(ProcessFacts),
    /// There is no such process, or it went away while it was read.
    Gone,
    /// It may be there; its facts cannot be read (permission, another PID namespace).
    Unreadable,
}

/// A process as `/proc` shows it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProcessFacts {
    /// Host PID.
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat`: clock ticks since boot. With the PID it names one process.
    pub start_ticks: u64,
    /// The same as a moment.
    pub started: Timestamp,
    /// Base name of the program, as `nvidia-smi` would show it; bytes that are not UTF-8 replaced.
    pub command: String,
    /// State letter of `/proc/PID/stat` (`R`, `S`, `D`, `Z`, `X`, ...).
    pub state: char,
    /// User and system time so far, in seconds.
    pub cpu_seconds: f64,
    /// Parent PID.
    pub parent: u32,
    /// Real uid.
    pub uid: Option<u32>,
    /// Name of that uid, else `uid:1000`.
    pub user: Option<String>,
    /// Whose it is, by its control group.
    pub owner: Owner,
    /// What that owner is called, where Kubernetes was asked. `/proc` knows no names.
    pub names: Option<PodNames>,
    /// It is a pod's, and whoever is asked for the pods of this node knows that pod no more.
    pub pod_is_gone: bool,
}

/// What Kubernetes calls the container of a process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodNames {
    /// Namespace of its pod.
    pub namespace: String,
    /// Name of its pod.
    pub pod: String,
    /// Name of the container within the pod.
    pub container: String,
    /// UID of its pod as the API server knows it.
    pub pod_uid: Option<String>,
    /// What the pod belongs to.
    pub workload: Option<Workload>,
    /// Whether it is only concluded from who holds the device, as pods could not be asked for.
    pub inferred: bool,
}

/// Whose process it is, as its control group tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Owner {
    /// The kind of owner.
    pub kind: OwnerKind,
    /// Kubernetes pod UID, with dashes.
    pub pod_uid: Option<String>,
    /// Container id, 64 hex digits.
    pub container_id: Option<String>,
    /// Slurm job id.
    pub slurm_job: Option<String>,
    /// What else is known of that job.
    #[serde(default)]
    pub slurm: Option<Box<SlurmFacts>>,
    /// systemd service, without `.service`.
    pub service: Option<String>,
}

/// A Slurm job besides its id. All but the step come from the process's environment, where anyone
/// can write anything: for people to read, never to decide by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SlurmFacts {
    /// `0`, `batch`, `extern`, `interactive`.
    pub step: Option<String>,
    /// Account that the job is booked on.
    pub account: Option<String>,
    /// Partition that it runs in.
    pub partition: Option<String>,
    /// Job id of the array that it is a part of.
    pub array_job: Option<String>,
    /// Its number in that array.
    pub array_task: Option<String>,
}

/// The kind of a process's owner, as printed in the label `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the owner it is named after")]
pub enum OwnerKind {
    Pod,
    Slurm,
    Container,
    User,
    Service,
    MpsServer,
    #[default]
    Unknown,
}

impl OwnerKind {
    /// As printed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Slurm => "slurm",
            Self::Container => "container",
            Self::User => "user",
            Self::Service => "service",
            Self::MpsServer => "mps_server",
            Self::Unknown => "unknown",
        }
    }
}
