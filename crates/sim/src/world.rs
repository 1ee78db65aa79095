//! The world: everything a scenario says, ready to be asked at any time.
//!
//! Every answer is a function of (scenario, seed, time). Times are ages of the world in
//! microseconds; the clock says which moment that is. Nothing here knows NVML or files: the
//! driver's door is [`driver`](crate::driver), the host's is [`host_tree`](crate::host_tree).

pub(crate) mod activity;
pub(crate) mod build;
pub mod faults;
pub(crate) mod gpu;
pub mod pods;
pub mod process;
pub(crate) mod samples;
pub(crate) mod state;
pub(crate) mod work;

use std::sync::Arc;
use std::time::Duration;

pub use faults::{Fault, Life, Standing};
pub use gpu::{Gpu, MemoryShare};
pub use process::{Occurrence, Process, Seat};
pub use samples::UseWindow;
pub use state::{Channel, Rates, State};

use crate::clock::Pace;
use crate::scenario::Scenario;
use crate::scenario::file::{CgroupShape, FaultKind, KubernetesSpec};

/// A whole simulated world.
#[derive(Debug)]
pub struct World {
    name: String,
    about: String,
    pace: Pace,
    age: Duration,
    nodes: Vec<Node>,
}

/// One machine.
#[derive(Debug)]
pub struct Node {
    /// Host name.
    pub name: String,
    /// CUDA version as NVML counts it.
    pub cuda: i32,
    /// How long it was up when the world began, in microseconds.
    pub uptime_us: i64,
    /// NVML functions its driver lacks.
    pub missing: Vec<String>,
    /// Set on a node of a cluster.
    pub kubernetes: Option<KubernetesSpec>,
    /// Control groups of what is not in a pod.
    pub cgroup: CgroupShape,
    /// (name, uid), root first.
    pub users: Vec<(String, u32)>,
    /// GPUs by NVML index.
    pub gpus: Vec<Gpu>,
    /// What can sit on them.
    pub processes: Vec<Process>,
    /// Pods that were given devices.
    pub pods: Vec<pods::Pod>,
    /// What goes wrong, by time.
    pub faults: Vec<Fault>,
    /// From when to when nothing is heard of it.
    pub down: Vec<(i64, i64)>,
    /// The driver's lives, one after the other.
    pub lives: Vec<Life>,
    pub(crate) key: u64,
}

impl World {
    /// Build the world of a scenario. A scenario that loaded can always be built.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name().to_owned(),
            about: scenario.about().to_owned(),
            pace: scenario.pace(),
            age: scenario.age(),
            nodes: build::nodes(&scenario.file),
        }
    }

    /// Name of its scenario.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it shows, in one line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// How its clock moves unless a clock file says otherwise.
    #[must_use]
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// How old it is when its clock starts.
    #[must_use]
    pub const fn age(&self) -> Duration {
        self.age
    }

    /// Its machines.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Number of a node by name, or by number as text.
    #[must_use]
    pub fn node_named(&self, name: &str) -> Option<usize> {
        self.nodes
            .iter()
            .position(|node| node.name == name)
            .or_else(|| name.parse().ok().filter(|number| *number < self.nodes.len()))
    }
}

impl Node {
    /// Whether a driver is ever loaded; without one there is no library either.
    #[must_use]
    pub fn has_driver(&self) -> bool {
        self.lives.iter().any(|life| life.standing == Standing::Loaded)
    }

    /// Whether something is heard of it at that age.
    #[must_use]
    pub fn is_up(&self, age_us: i64) -> bool {
        !self.down.iter().any(|(at, until)| (*at..*until).contains(&age_us))
    }

    /// Whether every call of its driver answers at once.
    #[must_use]
    pub fn never_blocks(&self) -> bool {
        let blocks = |fault: &Fault| matches!(fault.kind, FaultKind::Hang | FaultKind::Slow);
        !self.faults.iter().any(blocks)
    }

    /// Boot id of the kernel.
    #[must_use]
    pub fn boot_id(&self) -> String {
        crate::noise::uuid(crate::noise::with_text(self.key, "boot"))
    }

    /// What the driver's calls meet at that age.
    #[must_use]
    pub fn life_at(&self, age_us: i64) -> (usize, &Life) {
        let number = self.lives.partition_point(|life| life.from_us <= age_us).saturating_sub(1);
        (number, &self.lives[number])
    }

    /// Processes on a GPU at that age, as the driver lists them, in order of their PIDs' making.
    #[must_use]
    pub fn on_gpu(&self, gpu: usize, age_us: i64) -> Vec<(Occurrence, Seat)> {
        let mut found = Vec::new();
        self.each_on(gpu, age_us, &self.gpus[gpu].members, |occurrence, seat| {
            found.push((*occurrence, *seat));
        });
        found
    }

    /// Visit those of `members` that sit on the GPU at that age.
    pub(crate) fn each_on(
        &self,
        gpu: usize,
        age_us: i64,
        members: &[u32],
        mut visit: impl FnMut(&Occurrence, &Seat),
    ) {
        let cuts = &self.gpus[gpu].cuts;
        for &member in members {
            self.processes[member as usize].each_on(gpu, age_us, |occurrence, seat| {
                let cut = cuts.iter().any(|cut| occurrence.start_us < *cut && *cut <= age_us);
                if !cut {
                    visit(occurrence, seat);
                }
            });
        }
    }

    /// Processes of `/proc` at that age: those on GPUs, less zombies' remains.
    #[must_use]
    pub fn in_proc(&self, age_us: i64) -> Vec<Occurrence> {
        let mut found = Vec::new();
        for process in &self.processes {
            process.each_alive(age_us, |occurrence| {
                let cut = process.seats_of(occurrence).any(|seat| {
                    let cuts = &self.gpus[seat.gpu].cuts;
                    cuts.iter().any(|cut| occurrence.start_us < *cut && *cut <= age_us)
                });
                let gone = process.vanished_us.is_some_and(|at| at <= age_us);
                if !cut && !gone {
                    found.push(*occurrence);
                }
            });
        }
        found
    }

    /// The process of an occurrence.
    #[must_use]
    pub fn process(&self, occurrence: &Occurrence) -> &Process {
        &self.processes[occurrence.process as usize]
    }

    /// Whose process a PID of that age is, if it is one of a GPU's.
    #[must_use]
    pub fn by_pid(&self, pid: u32, age_us: i64) -> Option<Occurrence> {
        let mut found = None;
        for process in &self.processes {
            if !process.may_have(pid) {
                continue;
            }
            process.each_alive(age_us, |occurrence| {
                if occurrence.pid == pid {
                    found = Some(*occurrence);
                }
            });
        }
        found
    }
}

/// A world shared by the doors into it.
pub type SharedWorld = Arc<World>;
