//! What the kubelet, the API server and a batch system's files would tell of a machine: who was
//! given which device, and what pods are called.
//!
//! In the words that the exporter takes from the real ones; nothing here is joined to readings.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Timestamp;
use model::allocation::{Assignments, Claim, ClaimDevice, Cluster, Grant, Holder, JobsByPlace};
use model::pod::{Pod as Told, PodContainer};

use crate::world::Node;
use crate::world::gpu::Gpu;
use crate::world::pods::{Given, Pod, Run};
use crate::world::process::{Owner, Seat};

/// The driver of claims, and the resource name of what they give.
const DRA_DRIVER: &str = "gpu.nvidia.com";
/// Resource names of the device plugin: of a GPU, and of a MIG device without its profile.
const GPU: &str = "nvidia.com/gpu";
const MIG: &str = "nvidia.com/mig";

/// What assignments depend on: which pods and jobs run, and how GPUs are cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tenancy {
    pods: Vec<Option<u64>>,
    jobs: Vec<Option<(u64, u64)>>,
    layouts: Vec<usize>,
}

impl Tenancy {
    /// That of a machine at an age of its world.
    #[must_use]
    pub fn at(node: &Node, age_us: i64) -> Self {
        let runs = node.pods.iter().map(|pod| Some(pod.run_at(node, age_us)?.number));
        let jobs = node.processes.iter().filter(|process| job_of(&process.owner).is_some());
        Self {
            pods: runs.collect(),
            jobs: jobs.map(|process| process.alive(age_us)).collect(),
            layouts: node.gpus.iter().map(|gpu| gpu.layout_number(age_us)).collect(),
        }
    }
}

/// What is told of a machine at an age of its world that began at `origin`.
pub(crate) fn assignments(node: &Node, age_us: i64, origin: Timestamp) -> Assignments {
    let in_cluster = node.kubernetes.is_some() || !node.pods.is_empty();
    let has_jobs = node.processes.iter().any(|process| job_of(&process.owner).is_some());
    Assignments {
        cluster: in_cluster.then(|| cluster(node, age_us, origin)),
        jobs: has_jobs.then(|| jobs(node, age_us)),
    }
}

fn job_of(owner: &Owner) -> Option<&str> {
    match owner {
        Owner::Slurm { job, .. } => Some(job),
        _ => None,
    }
}

/// The files that a prolog writes and an epilog removes.
fn jobs(node: &Node, age_us: i64) -> JobsByPlace {
    let mut jobs = JobsByPlace::new();
    for process in &node.processes {
        let Some(job) = job_of(&process.owner) else { continue };
        process.each_alive(age_us, |occurrence| {
            let places = process.seats_of(occurrence).filter_map(|seat| place(node, *seat, age_us));
            for place in places {
                let of_place = jobs.entry(place).or_default();
                if !of_place.iter().any(|known| known == job) {
                    of_place.push(job.to_owned());
                }
            }
        });
    }
    jobs
}

fn place(node: &Node, seat: Seat, age_us: i64) -> Option<(u32, Option<u32>)> {
    let gpu = node.gpus.get(seat.gpu)?;
    let instance = match (gpu.layout_at(age_us), seat.mig) {
        (Some(layout), Some(mig)) => {
            Some(layout.instances[layout.devices.get(mig as usize)?.instance].id)
        }
        (None, None) => None,
        _ => return None,
    };
    Some((u32::try_from(gpu.index).ok()?, instance))
}

fn cluster(node: &Node, age_us: i64, origin: Timestamp) -> Cluster {
    let mut cluster = Cluster { allocatable: allocatable(node, age_us), ..Cluster::default() };
    let by_claim =
        node.pods.iter().flat_map(|pod| &pod.given).any(|given| given.resource.is_none());
    if by_claim {
        cluster.slices = slices(node, age_us);
    }
    for pod in &node.pods {
        let Some(run) = pod.run_at(node, age_us) else { continue };
        cluster.pods.push(Arc::new(told(pod, run, origin)));
        cluster.grants.extend(grants(node, pod, run, age_us));
    }
    cluster
}

fn told(pod: &Pod, run: Run, origin: Timestamp) -> Told {
    let start = Timestamp(origin.0.saturating_add(run.start_us));
    // A pod that was there always has no start that could be told.
    let started = (run.start_us > i64::MIN).then_some(start);
    let container = |name: &String| PodContainer {
        name: name.clone(),
        id: Some(pod.container_id(run.number, name)),
        started,
    };
    Told {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        uid: pod.uid(run.number),
        containers: pod.containers.iter().map(container).collect(),
        workload: pod.workload.clone(),
        ..Told::default()
    }
}

/// The kubelet keeps the id that it gave, whatever became of the device since.
fn grants(node: &Node, pod: &Pod, run: Run, age_us: i64) -> Vec<Grant> {
    let given_at = run.start_us.clamp(0, age_us.max(0));
    let grant = |(number, given): (usize, &Given)| {
        let gpu = node.gpus.get(given.seat.gpu)?;
        let device = Device::of(gpu, given.seat, given_at)?;
        let holder = Arc::new(Holder {
            namespace: pod.namespace.clone(),
            pod: pod.name.clone(),
            container: pod.containers.get(given.container)?.clone(),
            ..Holder::default()
        });
        Some(match &given.resource {
            Some(resource) => Grant {
                resource: device.resource(resource),
                device_id: with_replica(&device.uuid, given.replica),
                holder,
                claim: None,
            },
            None => Grant {
                resource: DRA_DRIVER.into(),
                device_id: String::new(),
                holder,
                claim: Some(Arc::new(Claim {
                    name: format!("{}-gpu-{number}", pod.name),
                    namespace: pod.namespace.clone(),
                    driver: DRA_DRIVER.to_owned(),
                    pool: node.name.clone(),
                    device: device.claim_name(gpu),
                    ..Claim::default()
                })),
            },
        })
    };
    pod.given.iter().enumerate().filter_map(grant).collect()
}

/// Every id of the machine: whole GPUs, MIG devices, and as many replicas as are told or given.
fn allocatable(node: &Node, age_us: i64) -> Vec<(Arc<str>, String)> {
    let mut all = BTreeSet::new();
    for (gpu, device) in devices(node, age_us) {
        let seat = Seat { gpu: gpu.index, mig: device.mig };
        let given: Vec<&Given> = node
            .pods
            .iter()
            .flat_map(|pod| &pod.given)
            .filter(|given| given.seat == seat && given.resource.is_some())
            .collect();
        let named = given.iter().filter_map(|given| Some(given.replica? + 1)).max();
        let replicas = gpu.replicas.max(named);
        let usual = if device.mig.is_some() { MIG } else { GPU };
        let resource = given.first().and_then(|given| given.resource.as_deref()).unwrap_or(usual);
        let resource = device.resource(resource);
        let ids: Vec<String> = match replicas {
            Some(count) => (0..count).map(|n| with_replica(&device.uuid, Some(n))).collect(),
            None => vec![device.uuid],
        };
        all.extend(ids.into_iter().map(|id| (Arc::clone(&resource), id)));
    }
    all.into_iter().collect()
}

fn slices(node: &Node, age_us: i64) -> Vec<ClaimDevice> {
    let slice = |(gpu, device): (&Gpu, Device)| ClaimDevice {
        pool: node.name.clone(),
        device: device.claim_name(gpu),
        uuid: device.uuid.clone(),
        mig_profile: device.profile,
    };
    devices(node, age_us).map(slice).collect()
}

fn with_replica(uuid: &str, replica: Option<u32>) -> String {
    replica.map_or_else(|| uuid.to_owned(), |replica| format!("{uuid}::{replica}"))
}

fn devices(node: &Node, age_us: i64) -> impl Iterator<Item = (&Gpu, Device)> {
    node.gpus.iter().flat_map(move |gpu| {
        let seats: Vec<Seat> = match gpu.layout_at(age_us) {
            Some(layout) => (0_u32..)
                .zip(&layout.devices)
                .map(|(mig, _)| Seat { gpu: gpu.index, mig: Some(mig) })
                .collect(),
            None => vec![Seat { gpu: gpu.index, mig: None }],
        };
        seats.into_iter().filter_map(move |seat| Some((gpu, Device::of(gpu, seat, age_us)?)))
    })
}

/// A GPU or a MIG device by its ids.
#[derive(Debug, Clone)]
struct Device {
    uuid: String,
    mig: Option<u32>,
    profile: Option<String>,
}

impl Device {
    fn of(gpu: &Gpu, seat: Seat, age_us: i64) -> Option<Self> {
        let Some(mig) = seat.mig else {
            return Some(Self { uuid: gpu.uuid.clone(), mig: None, profile: None });
        };
        let layout = gpu.layout_at(age_us)?;
        let device = layout.devices.get(mig as usize)?;
        let profile = &gpu.product.mig[layout.instances[device.instance].profile].name;
        let (uuid, profile) = (device.uuid.to_string(), Some(profile.clone()));
        Some(Self { uuid, mig: Some(mig), profile })
    }

    /// The resource as the device plugin names it: `nvidia.com/mig` gets the profile.
    fn resource(&self, written: &str) -> Arc<str> {
        match &self.profile {
            Some(profile) if written == MIG => format!("{MIG}-{profile}").into(),
            _ => written.into(),
        }
    }

    /// As the driver of claims names it in its pool.
    fn claim_name(&self, gpu: &Gpu) -> String {
        match self.mig {
            Some(mig) => format!("gpu-{}-mig-{mig}", gpu.index),
            None => format!("gpu-{}", gpu.index),
        }
    }
}

#[cfg(test)]
mod tests;
