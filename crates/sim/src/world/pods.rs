//! Pods of a machine: when each is there, what it is called, and which devices it was given.
//!
//! A pod is there whether or not a process of it is. What Kubernetes would tell of it is put into
//! words in [`assignments`](crate::assignments).

use std::sync::Arc;

use model::pod::Workload;
use toml::Spanned;

use crate::noise;
use crate::scenario::file::{NodeSpec, PodSpec, ProcessSpec};
use crate::world::Node;
use crate::world::build::seats;
use crate::world::process::{Owner, Process, Seat};

/// From the start of a container to its first process on a GPU: imports and a CUDA context.
const BEFORE_USE_US: i64 = 8_000_000;
/// Name of the container of a pod that names none.
const CONTAINER: &str = "main";

/// One pod of the scenario: once, or anew for each run of its process.
#[derive(Debug, Clone)]
pub struct Pod {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What it belongs to.
    pub workload: Option<Workload>,
    /// Names of its containers, at least one.
    pub containers: Vec<String>,
    /// Devices it was given.
    pub(crate) given: Vec<Given>,
    uid: Option<String>,
    key: u64,
    node_key: u64,
    life: Life,
}

/// One device that a container was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    /// Resource name; `None` for a claim.
    pub(crate) resource: Option<Arc<str>>,
    pub(crate) seat: Seat,
    /// One of several ids that stand for the device.
    pub(crate) replica: Option<u32>,
    /// Place among the pod's containers.
    pub(crate) container: usize,
}

#[derive(Debug, Clone, Copy)]
enum Life {
    Span {
        start_us: i64,
        stop_us: i64,
    },
    /// As long as each run of that process.
    OfProcess(u32),
}

/// One life of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) number: u64,
    /// Age of the world when its containers started.
    pub(crate) start_us: i64,
}

impl Pod {
    /// The life it has at that age.
    pub(crate) fn run_at(&self, node: &Node, age_us: i64) -> Option<Run> {
        match self.life {
            Life::Span { start_us, stop_us } => {
                (start_us..stop_us).contains(&age_us).then_some(Run { number: 0, start_us })
            }
            Life::OfProcess(process) => {
                let process = node.processes.get(process as usize)?;
                let ahead = age_us.saturating_add(BEFORE_USE_US);
                let (number, _) = process.alive(age_us).or_else(|| process.alive(ahead))?;
                let start_us = process.occurrence(number).start_us - BEFORE_USE_US;
                Some(Run { number, start_us })
            }
        }
    }

    /// Number of its life in which a process's occurrence runs.
    pub(crate) const fn number_of(&self, occurrence: u64) -> u64 {
        match self.life {
            Life::Span { .. } => 0,
            Life::OfProcess(_) => occurrence,
        }
    }

    /// UID in that life, with dashes.
    pub(crate) fn uid(&self, number: u64) -> String {
        match (&self.uid, number) {
            (Some(uid), 0) => uid.clone(),
            (None, 0) => noise::uuid(self.key),
            (_, later) => noise::uuid(noise::with(self.key, later)),
        }
    }

    /// Id of a container in that life, 64 hex digits.
    pub(crate) fn container_id(&self, number: u64, container: &str) -> String {
        let key = noise::with_text(self.node_key, &self.uid(number));
        noise::hex64(noise::with_text(key, container))
    }
}

/// The pods of a machine that has its processes.
pub(crate) fn pods(node: &Node, spec: &NodeSpec) -> Vec<Pod> {
    let each = spec.pod.iter().enumerate();
    each.map(|(index, written)| pod(node, written.get_ref(), index)).collect()
}

fn pod(node: &Node, spec: &PodSpec, index: usize) -> Pod {
    let own: Vec<(&Process, &str)> = node
        .processes
        .iter()
        .filter_map(|process| match &process.owner {
            Owner::Pod { pod, container } if *pod == index => Some((process, container.as_str())),
            _ => None,
        })
        .collect();
    let mut containers = spec.containers.clone();
    for (_, container) in &own {
        if !containers.iter().any(|known| known == container) {
            containers.push((*container).to_owned());
        }
    }
    if containers.is_empty() {
        containers.push(CONTAINER.to_owned());
    }
    let life = match own.first() {
        Some((first, _)) if spec.per_run => Life::OfProcess(first.index),
        _ => span(spec, &own),
    };
    Pod {
        given: given(spec, &own, &containers),
        namespace: spec.namespace.clone(),
        name: spec.name.clone(),
        workload: spec.owner.as_deref().and_then(workload),
        containers,
        uid: spec.uid.clone(),
        key: noise::with_text(noise::with_text(node.key, &spec.namespace), &spec.name),
        node_key: node.key,
        life,
    }
}

/// As written; else from shortly before its first process to the end of its last one. A pod without
/// processes is always there.
fn span(spec: &PodSpec, own: &[(&Process, &str)]) -> Life {
    let first = own.iter().map(|(process, _)| process.start_us - BEFORE_USE_US).min();
    let last = own.iter().map(|(process, _)| process.last_stop_us()).max();
    let start_us = match (spec.before, spec.start) {
        (Some(before), _) => -before.micros(),
        (None, Some(start)) => start.micros(),
        (None, None) => first.unwrap_or(i64::MIN),
    };
    let stop_us = spec.stop.map(crate::scenario::quantity::Span::micros);
    Life::Span { start_us, stop_us: stop_us.or(last).unwrap_or(i64::MAX) }
}

/// Each device goes to the container whose process sits on it, else to the first.
fn given(spec: &PodSpec, own: &[(&Process, &str)], containers: &[String]) -> Vec<Given> {
    let resources = spec
        .resources
        .iter()
        .flat_map(|(resource, ids)| ids.iter().map(move |id| (Some(resource.as_str()), id)));
    let claims = spec.claims.iter().map(|id| (None, id));
    let mut given = Vec::new();
    for (resource, id) in resources.chain(claims) {
        let resource: Option<Arc<str>> = resource.map(Into::into);
        let Ok((seats, replica)) = device_id(id) else { continue };
        for seat in seats {
            let user = own.iter().find(|(process, _)| process.seats.contains(&seat));
            let container = user.and_then(|(_, name)| containers.iter().position(|c| c == name));
            let container = container.unwrap_or(0);
            given.push(Given { resource: resource.clone(), seat, replica, container });
        }
    }
    given
}

/// The seats and the replica that an id of a pod's resources means: `0`, `0::2`, `7/0::1`.
///
/// # Errors
/// Why it means none.
pub(crate) fn device_id(id: &str) -> Result<(Vec<Seat>, Option<u32>), String> {
    let (device, replica) = match id.split_once("::") {
        Some((device, replica)) => {
            let number = replica.parse::<u32>().ok().filter(|number| *number < MOST_REPLICAS);
            let wrong = || format!("`{id}` names no replica below {MOST_REPLICAS}");
            (device, Some(number.ok_or_else(wrong)?))
        }
        None => (id, None),
    };
    Ok((seats(device)?, replica))
}

/// More replicas than anyone cuts a GPU into.
pub(crate) const MOST_REPLICAS: u32 = 1024;

/// What a pod of that owner belongs to: of a ReplicaSet its Deployment, whose name lacks the hash.
fn workload(owner: &str) -> Option<Workload> {
    let (kind, name) = owner.split_once('/')?;
    let deployment = name.rsplit_once('-').map(|(name, _)| name).filter(|_| kind == "ReplicaSet");
    let (kind, name) = deployment.map_or((kind, name), |name| ("Deployment", name));
    Some(Workload { kind: kind.to_owned(), name: name.to_owned() })
}

/// Number of the pod `namespace/name` among those of the machine.
pub(crate) fn position(spec: &NodeSpec, name: &str) -> Option<usize> {
    let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
    let same = |pod: &PodSpec| pod.name == name && pod.namespace == namespace;
    spec.pod.iter().map(Spanned::get_ref).position(same)
}

/// The owner of a process in that pod.
pub(crate) fn owner(spec: &NodeSpec, written: &ProcessSpec, pod: usize) -> Owner {
    let named = spec.pod.get(pod).and_then(|pod| pod.get_ref().containers.first());
    let container = written.container.as_ref().or(named);
    Owner::Pod { pod, container: container.map_or(CONTAINER, String::as_str).to_owned() }
}
