//! One machine of a world without files or threads of its own: for a process that shows many.
//!
//! Its driver is the same as ever; who a process is comes straight from the world instead of a
//! `/proc`, and who was given what instead of from the kubelet, the API server and job files.

use std::sync::Arc;
use std::time::Duration;

use gpu::nvml::Driver;
use gpu::{OpenDriver, OpenError};
use model::allocation::Assignments;
use model::process::{Lookup, Owner as Whose, OwnerKind, ProcessFacts};
use model::{Clock, Timestamp};

use crate::assignments::{Tenancy, assignments};
use crate::clock::SimClock;
use crate::driver::SimDriver;
use crate::noise;
use crate::world::process::Owner;
use crate::world::{Node, Occurrence, Process, World};

/// `USER_HZ`, in which `/proc` counts time.
const TICKS_PER_SECOND: i64 = 100;

/// See the module.
#[derive(Debug, Clone)]
pub struct Machine {
    world: Arc<World>,
    node: usize,
    clock: Arc<SimClock>,
}

impl Machine {
    /// A machine of the world by its number, at that clock's time.
    #[must_use]
    pub fn new(world: Arc<World>, node: usize, clock: Arc<SimClock>) -> Self {
        Self { world, node, clock }
    }

    /// The world's facts about it.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.world.nodes()[self.node]
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    /// Whether something is heard of it now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.node().is_up(self.clock.look().1)
    }

    /// Its driver, as often as it is asked for.
    #[must_use]
    pub fn driver_opener(&self) -> OpenDriver {
        let machine = self.clone();
        Box::new(move || {
            if !machine.node().has_driver() {
                return Err(OpenError::NotFound { tried: vec!["libnvidia-ml.so.1".to_owned()] });
            }
            let world = Arc::clone(&machine.world);
            let driver = SimDriver::new(world, machine.node, Arc::clone(&machine.clock));
            Ok(Arc::new(driver) as Arc<dyn Driver>)
        })
    }

    /// A name of six characters for the counting period: the same for the same seed and machine.
    #[must_use]
    pub fn run(&self) -> String {
        noise::hex64(noise::with_text(self.node().key, "run")).chars().take(6).collect()
    }

    /// Who was given what now, unless that is as it was: `before` keeps what it depends on.
    #[must_use]
    pub fn assignments(&self, before: &mut Option<Tenancy>) -> Option<Assignments> {
        let (now, age_us) = self.clock.look();
        let tenancy = Tenancy::at(self.node(), age_us);
        if before.as_ref() == Some(&tenancy) {
            return None;
        }
        *before = Some(tenancy);
        let origin = Timestamp(now.0.saturating_sub(age_us));
        Some(assignments(self.node(), age_us, origin))
    }

    /// Who a process is now, as its host would tell.
    #[must_use]
    pub fn process(&self, pid: u32) -> Lookup {
        let (now, age_us) = self.clock.look();
        let node = self.node();
        let found = node.by_pid(pid, age_us).filter(|found| {
            let vanished = node.process(found).vanished_us;
            vanished.is_none_or(|at| at > age_us)
        });
        found.map_or(Lookup::Gone, |found| Lookup::Facts(facts(node, &found, now, age_us)))
    }
}

fn facts(node: &Node, occurrence: &Occurrence, now: Timestamp, age_us: i64) -> ProcessFacts {
    let process = node.process(occurrence);
    let ticks = (occurrence.start_us + node.uptime_us).max(0) * TICKS_PER_SECOND / 1_000_000;
    let since = Duration::from_micros(u64::try_from(age_us - occurrence.start_us).unwrap_or(0));
    let user = node.users.iter().find(|(_, uid)| *uid == process.uid);
    ProcessFacts {
        pid: occurrence.pid,
        start_ticks: ticks.cast_unsigned(),
        started: now.before(since),
        command: String::from_utf8_lossy(process.base_name()).into_owned(),
        state: 'S',
        cpu_seconds: process.cpu_seconds(occurrence, age_us),
        parent: 1,
        uid: Some(process.uid),
        user: user.map(|(name, _)| name.clone()),
        owner: whose(node, process, occurrence),
        names: None,
        pod_is_gone: false,
    }
}

/// What its control group tells.
fn whose(node: &Node, process: &Process, occurrence: &Occurrence) -> Whose {
    let none = Whose::default();
    match &process.owner {
        Owner::Pod { pod, container } => {
            let Some(pod) = node.pods.get(*pod) else { return none };
            let number = pod.number_of(occurrence.number);
            Whose {
                kind: OwnerKind::Pod,
                pod_uid: Some(pod.uid(number)),
                container_id: Some(pod.container_id(number, container)),
                ..none
            }
        }
        Owner::Container { container } => {
            Whose { kind: OwnerKind::Container, container_id: Some(container.clone()), ..none }
        }
        Owner::Slurm { job, .. } => {
            Whose { kind: OwnerKind::Slurm, slurm_job: Some(job.clone()), ..none }
        }
        Owner::Login => Whose { kind: OwnerKind::User, ..none },
        Owner::Service(name) => {
            Whose { kind: OwnerKind::Service, service: Some(name.clone()), ..none }
        }
        Owner::Nobody => none,
    }
}
