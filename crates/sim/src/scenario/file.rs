//! The scenario file, field by field, as written.
//!
//! Unknown keys are refused. What a field may hold is checked here; whether the whole is possible
//! is checked when it is loaded.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::quantity::{Size, Span};
use crate::product::Product;
use crate::wave::{STEP_US, Wave};

/// A whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// What it shows, in one line, for `gpulse-sim list`.
    pub about: String,
    /// Seed of every hash.
    pub seed: u64,
    /// How the clock moves.
    pub clock: ClockKind,
    /// World seconds per second, for `clock = "scaled"`.
    pub factor: Option<f64>,
    /// Age of the world when its clock starts.
    pub age: Option<Span>,
    /// How long one state of a GPU holds: 100 ms, or a multiple for a world that is watched less
    /// closely, which costs as much less.
    pub grid: Option<Span>,
    /// Users of every node: name to uid, for the passwd file.
    pub users: BTreeMap<String, u32>,
    /// GPU models beside those that ship.
    pub model: Vec<Spanned<ModelSpec>>,
    /// The machines.
    pub node: Vec<Spanned<NodeSpec>>,
}

impl File {
    /// Steps of 100 ms that one state of a GPU spans.
    pub(crate) fn stride(&self) -> i64 {
        self.grid.map_or(1, |grid| (grid.micros() / STEP_US).max(1))
    }
}

/// A GPU model of this scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// The name by which GPUs name it.
    pub id: String,
    /// What it is.
    pub product: Product,
}

/// How the clock moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each variant is the word the file holds")]
pub enum ClockKind {
    #[default]
    Wall,
    Scaled,
    Manual,
}

/// One machine, or several alike.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeSpec {
    /// Host name; with `count` above 1 it gets `-0`, `-1`, ... behind it.
    pub name: String,
    /// How many alike.
    pub count: Option<u32>,
    /// Driver version; `"none"` is a machine without a driver.
    pub driver: Option<String>,
    /// CUDA version as NVML counts it: 13010 is 13.1.
    pub cuda: Option<i32>,
    /// How long the machine was up when the world began.
    pub uptime: Option<Span>,
    /// NVML functions that this driver lacks.
    pub missing: Vec<String>,
    /// Set on a node of a cluster.
    pub kubernetes: Option<KubernetesSpec>,
    /// Control groups of Slurm jobs, and of containers without Kubernetes.
    pub cgroup: Option<CgroupShape>,
    /// GPUs.
    pub gpu: Vec<Spanned<GpuSpec>>,
    /// Pods that were given devices.
    pub pod: Vec<Spanned<PodSpec>>,
    /// Processes on the GPUs.
    pub process: Vec<Spanned<ProcessSpec>>,
    /// What goes wrong.
    pub fault: Vec<Spanned<FaultSpec>>,
    /// When nothing is heard of it: it is off, or out of reach.
    pub down: Vec<DownSpec>,
}

/// A time in which nothing is heard of a machine.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DownSpec {
    /// From then on, from the start of the world.
    pub at: Span,
    /// Until then.
    pub until: Span,
}

/// How the kubelet lays out control groups.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesSpec {
    /// Version and driver.
    pub cgroup: CgroupShape,
    /// The runtime.
    pub runtime: Runtime,
    /// The reader sits in a control-group namespace of its own: paths begin with `/../..`.
    pub private_cgroupns: bool,
}

/// Version of control groups, and who lays them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the word the file holds")]
pub enum CgroupShape {
    #[default]
    V2Systemd,
    V2Cgroupfs,
    V1,
    Hybrid,
}

/// A container runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the word the file holds")]
pub enum Runtime {
    #[default]
    Containerd,
    CriO,
    Docker,
    Podman,
}

/// One GPU, or several alike.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GpuSpec {
    /// Name of the model.
    pub model: String,
    /// How many alike.
    pub count: Option<u32>,
    /// MIG mode on, with these GPU instances; an empty list is MIG on without instances.
    pub mig: Option<Vec<MigSpec>>,
    /// UUID instead of the hashed one; not with `count`.
    pub uuid: Option<String>,
    /// Serial number instead of the hashed one.
    pub serial: Option<String>,
    /// `00000000:00:09.0` instead of the counted one; not with `count`.
    pub bus_id: Option<String>,
    /// Watts, below the model's.
    pub power_limit: Option<f64>,
    /// Default 0, prohibited 2, exclusive process 3.
    pub compute_mode: Option<u32>,
    /// Accounting mode on.
    pub accounting: bool,
    /// How many ids stand for it, or for each of its MIG devices, with time-slicing or MPS; at least
    /// as many as pods name.
    pub replicas: Option<u32>,
    /// Memory in use by no process; on a cut GPU in its first instance.
    pub unattributed: Option<Wave>,
    /// The same for each GPU instance, by id.
    pub instance_unattributed: Vec<Size>,
    /// Figures that are given instead of derived.
    pub figures: Figures,
}

/// One GPU instance of a layout.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum MigSpec {
    /// `"3g.40gb"`: with one compute instance of its whole size.
    Profile(String),
    /// With the compute instances named; none is possible.
    Parts {
        /// `"3g.40gb"`.
        profile: String,
        /// `["1c", "2c"]`.
        compute: Vec<String>,
    },
}

impl MigSpec {
    /// Name of the GPU instance's profile.
    #[must_use]
    pub fn profile(&self) -> &str {
        match self {
            Self::Profile(profile) | Self::Parts { profile, .. } => profile,
        }
    }
}

/// Figures of a GPU that are given instead of derived from its processes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "each field is the figure it is named after, units last")]
pub struct Figures {
    pub power_watts: Option<Wave>,
    pub power_instant_watts: Option<Wave>,
    pub temperature: Option<Wave>,
    pub memory_temperature: Option<Wave>,
    /// To the limit of the hottest part, which need not be what `temperature` measures.
    pub margin_temperature: Option<Wave>,
    pub sm_clock: Option<Wave>,
    pub memory_clock: Option<Wave>,
    pub video_clock: Option<Wave>,
    pub performance_state: Option<u32>,
    pub gpu_utilization: Option<Wave>,
    pub memory_utilization: Option<Wave>,
    pub encoder_utilization: Option<Wave>,
    pub decoder_utilization: Option<Wave>,
    pub fan_speed: Option<u32>,
    pub clocks_event_reasons: Option<u64>,
    pub pcie_generation: Option<u32>,
    pub pcie_replays: Option<u32>,
}

/// One pod and the devices it was given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PodSpec {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// `Kind/name` of its controller.
    pub owner: Option<String>,
    /// UID instead of the hashed one.
    pub uid: Option<String>,
    /// Resource name to device ids: `"0"`, `"0::2"` (a replica), `"7/0"` (a MIG device). The name
    /// `nvidia.com/mig` gets the profile behind it.
    pub resources: BTreeMap<String, Vec<String>>,
    /// Devices that it was given by claims, written the same way.
    pub claims: Vec<String>,
    /// When it starts, from the start of the world; without, shortly before its first process.
    pub start: Option<Span>,
    /// It was there that long already when the world began.
    pub before: Option<Span>,
    /// When it ends; without, with its last process.
    pub stop: Option<Span>,
    /// A new pod, under the same name, for each run of its first process.
    pub per_run: bool,
    /// Names of its containers.
    pub containers: Vec<String>,
}

/// The kind of a process's context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the word the file holds")]
pub enum ProcessKind {
    #[default]
    Compute,
    Graphics,
    ComputeGraphics,
    MpsClient,
}

/// One process, or several in a row or at once.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessSpec {
    /// GPUs it holds: `"0"`, `"7/0"` (a MIG device), `"0-7"`.
    pub gpu: Vec<String>,
    /// Of those, one each in turn, instead of all of them.
    pub rotate: bool,
    /// `namespace/name` of its pod.
    pub pod: Option<String>,
    /// Container of its pod, or of a runtime without Kubernetes.
    pub container: Option<String>,
    /// Slurm `job.step`.
    pub slurm: Option<String>,
    /// User who runs it; root without.
    pub user: Option<String>,
    /// systemd service that runs it.
    pub service: Option<String>,
    /// May sit on a GPU that its pod was not given.
    pub outside: bool,
    /// Command line; `\xNN` stands for that byte, so that names that are not UTF-8 can be written.
    pub command: String,
    /// Arguments one by one, where a blank within one matters; instead of `command`.
    pub arguments: Vec<String>,
    /// Further variables of its environment.
    pub environment: BTreeMap<String, String>,
    /// The kind of its context.
    pub kind: ProcessKind,
    /// PID instead of a counted one. With repeats, the first.
    pub pid: Option<u32>,
    /// How many PIDs a repeated process uses before it starts over.
    pub pids: Option<u32>,
    /// When it starts, from the start of the world.
    pub start: Option<Span>,
    /// It ran that long already when the world began.
    pub before: Option<Span>,
    /// When it ends, from the start of the world.
    pub stop: Option<Span>,
    /// It lives that long, instead of `stop`.
    pub lives: Option<Span>,
    /// Again after that long, as often as `count` says (without it, for ever).
    pub every: Option<Span>,
    /// How many, one after the other with `every`, else all at once.
    pub count: Option<u32>,
    /// Device memory.
    pub memory: Option<Wave>,
    /// The driver does not say how much memory it holds.
    pub memory_unreadable: bool,
    /// Per cent of SM time.
    pub sm: Option<Wave>,
    /// Per cent of time of memory traffic.
    pub memory_use: Option<Wave>,
    /// Per cent of tensor-core activity.
    pub tensor: Option<Wave>,
    /// Per cent of memory bandwidth.
    pub dram: Option<Wave>,
    /// Per cent.
    pub encoder: Option<Wave>,
    /// Per cent.
    pub decoder: Option<Wave>,
    /// Per cent.
    pub jpeg: Option<Wave>,
    /// Per cent.
    pub ofa: Option<Wave>,
    /// Bytes per second.
    pub pcie_tx: Option<Wave>,
    /// Bytes per second.
    pub pcie_rx: Option<Wave>,
    /// Bytes per second.
    pub nvlink: Option<Wave>,
    /// Per cent of one CPU, the same throughout its life.
    pub cpu: Option<Wave>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The GPU answers GPU_IS_LOST.
    Lost,
    /// Calls block.
    Hang,
    /// Calls take longer.
    Slow,
    /// DRIVER_NOT_LOADED, until it is loaded again.
    DriverUnload,
    /// LIB_RM_VERSION_MISMATCH, then the new version.
    DriverUpgrade,
    /// A new MIG layout.
    MigSet,
    /// An XID event.
    Xid,
    /// A process leaves `/proc` and stays in the driver's list.
    Zombie,
    /// Memory used by no process.
    Leak,
    /// Calls answer NO_PERMISSION.
    NoPermission,
    /// Samples over 100, with old stamps or PID 0; a list that grows between two calls.
    BadSample,
}

/// One fault.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// What goes wrong.
    pub kind: FaultKind,
    /// When, from the start of the world.
    pub at: Option<Span>,
    /// Until when; without it, for ever.
    pub until: Option<Span>,
    /// Which GPU, or MIG device of one (`"7/0"`); without it, all.
    pub gpu: Option<String>,
    /// XID number, for `xid` and `lost`.
    pub xid: Option<u64>,
    /// PID of the process meant.
    pub pid: Option<u32>,
    /// Size, for `leak`.
    pub memory: Option<Size>,
    /// The new layout, for `mig_set`; without it, MIG is turned off.
    pub mig: Option<Vec<MigSpec>>,
    /// Version that is loaded afterwards, for the driver's faults.
    pub driver: Option<String>,
    /// The NVML functions meant; without it, all.
    #[serde(default)]
    pub calls: Vec<String>,
    /// How much longer, for `slow`.
    pub delay: Option<Span>,
}
