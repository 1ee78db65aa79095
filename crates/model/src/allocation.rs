//! Who was given which device, whether it is used or not: what the kubelet, a claim or a job file
//! says.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Timestamp;
use crate::pod::Pod;

/// One device id that was given to one holder, as it was told: not joined to a GPU yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Resource name, `nvidia.com/gpu`; of a claim its driver, `gpu.nvidia.com`.
    pub resource: Arc<str>,
    /// The id in one of the forms that device plugins use: `GPU-...`, `GPU-...::2`, `MIG-...`,
    /// `nvidia0/gi3`; of a claim the UUID that its ResourceSlice names.
    pub device_id: String,
    /// Who holds it.
    pub holder: Arc<Holder>,
    /// The claim by which it is held.
    pub claim: Option<Arc<Claim>>,
}

/// A container of a pod, or a Slurm job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Holder {
    /// Namespace of the pod; empty for a job.
    pub namespace: String,
    /// Name of the pod; empty for a job.
    pub pod: String,
    /// Name of the container; empty for a job.
    pub container: String,
    /// UID of the pod, where the API server or the kubelet told it.
    pub pod_uid: Option<String>,
    /// Labels of the pod as Kubernetes names them.
    pub pod_labels: BTreeMap<String, String>,
    /// Slurm job id.
    pub slurm_job: Option<String>,
    /// When the container was started, if known.
    pub started: Option<Timestamp>,
}

/// A DRA claim, with what its device is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Claim {
    /// Name of the ResourceClaim.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Driver, `gpu.nvidia.com`.
    pub driver: String,
    /// Pool of the device.
    pub pool: String,
    /// Name of the device in its pool.
    pub device: String,
    /// MIG profile, for a MIG device.
    pub mig_profile: Option<String>,
    /// UUID of the MIG device.
    pub mig_uuid: Option<String>,
}

/// A grant joined to the device it stands for: input of the session engine.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    /// UUID of the session device: `GPU-...`, or `MIG-...` of a compute instance.
    pub device_uuid: String,
    /// Resource name.
    pub resource: Arc<str>,
    /// The id as it was told; of several in one container the first in byte order.
    pub device_id: String,
    /// Who holds it.
    pub holder: Arc<Holder>,
    /// The claim by which it is held.
    pub claim: Option<Arc<Claim>>,
    /// Part of the device, 0..1: ids held over ids that can be given of it.
    pub share: f64,
}

/// What is known of the holders of a node's devices at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Holdings {
    /// Whether anything that gives devices to holders was found on this node. Without one, a
    /// session outside of every holding is no finding.
    pub has_allocator: bool,
    /// UUIDs of the session devices that can be given to holders.
    pub allocatable: Vec<String>,
    /// Who holds what.
    pub list: Vec<Holding>,
}

/// Job ids by GPU index and GPU instance id.
pub type JobsByPlace = BTreeMap<(u32, Option<u32>), Vec<String>>;

/// All that is told of a node's holders at one moment, where nobody has to be asked for it: by one
/// of many simulated machines in a process.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assignments {
    /// The kubelet's answer; `None` on a machine that belongs to no cluster.
    pub cluster: Option<Cluster>,
    /// What a batch system's prolog writes; `None` without one.
    pub jobs: Option<JobsByPlace>,
}

/// What a cluster tells of one node: the kubelet of devices, the API server of pods and slices.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cluster {
    /// Who was given what. Of a claim the device id is empty: it is among [`Self::slices`].
    pub grants: Vec<Grant>,
    /// Resource and id of all that can be given.
    pub allocatable: Vec<(Arc<str>, String)>,
    /// The pods of the node.
    pub pods: Vec<Arc<Pod>>,
    /// Devices that claims can name.
    pub slices: Vec<ClaimDevice>,
}

/// A device as a ResourceSlice names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimDevice {
    /// Pool.
    pub pool: String,
    /// Name in the pool.
    pub device: String,
    /// UUID of the GPU or of the MIG device.
    pub uuid: String,
    /// MIG profile, for a MIG device.
    pub mig_profile: Option<String>,
}
