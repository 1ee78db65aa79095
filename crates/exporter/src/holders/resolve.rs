//! From ids to devices: grants of the kubelet, claims and job files become holdings.
//!
//! Pure: the same words and devices give the same holdings.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cluster::api::SliceDevices;
use cluster::pod_resources::Allocatable;
use gpu::GpuView;
use model::allocation::{Claim, Grant, Holder, Holding, Holdings};
use model::pod::Pods;

use super::devices::{self, EntityKey, Target};
use super::jobs::Jobs;
use super::labels::{self, Settings};
use super::{Held, Inputs};

/// The resource name of what a batch system gives.
const JOB_RESOURCE: &str = "hpc_job";

/// One holder of one entity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntityHolder {
    pub(super) holder: Arc<Holder>,
    pub(super) claim: Option<Arc<Claim>>,
}

/// Work out who holds what.
pub(super) fn resolve(inputs: &Inputs, gpus: &[Arc<GpuView>], settings: &Settings) -> Held {
    let mut found = Found::default();
    let answer = inputs.answer.as_deref();
    if let Some(answer) = answer {
        let mut holders = NamedHolders::new(inputs.pods.as_deref());
        for grant in &answer.grants {
            if let Some(holder) = holders.of(&grant.holder) {
                found.grant(grant, &holder, inputs.claim_devices.as_deref(), gpus);
            }
        }
    }
    if let Some(jobs) = &inputs.jobs {
        found.jobs(jobs, gpus);
    }
    let allocatable = answer.and_then(|answer| answer.allocatable.as_deref());
    let mut counts = Counts::of(allocatable, inputs.claim_devices.as_deref(), gpus);
    let uuids = counts.of_device.keys().cloned().collect();
    counts.add_held(&found.holdings);
    let has_allocator = answer.is_some() || inputs.jobs.as_ref().is_some_and(|jobs| jobs.is_there);
    let (labels, labels_dropped) = labels::of_entities(&found.entities, &found.jobs, settings);
    Held {
        holdings: Holdings { has_allocator, allocatable: uuids, list: found.holdings(&counts) },
        labels,
        labels_dropped: settings.prints_pod_labels().then_some(labels_dropped),
        unknown: found.unknown,
    }
}

/// Holders with what the pod watch adds to their names, each worked out once.
struct NamedHolders<'a> {
    pods: Option<&'a Pods>,
    known: HashMap<Arc<Holder>, Option<Arc<Holder>>>,
}

impl<'a> NamedHolders<'a> {
    fn new(pods: Option<&'a Pods>) -> Self {
        Self { pods, known: HashMap::new() }
    }

    /// `None` for a pod that has come to its end: older kubelets list it still.
    fn of(&mut self, told: &Arc<Holder>) -> Option<Arc<Holder>> {
        if let Some(known) = self.known.get(told) {
            return known.clone();
        }
        let named = self.name(told);
        self.known.insert(Arc::clone(told), named.clone());
        named
    }

    fn name(&self, told: &Arc<Holder>) -> Option<Arc<Holder>> {
        let pod = self.pods.and_then(|pods| pods.by_name(&told.namespace, &told.pod));
        let Some(pod) = pod else { return Some(Arc::clone(told)) };
        if pod.finished {
            return None;
        }
        let container = pod.containers.iter().find(|container| container.name == told.container);
        Some(Arc::new(Holder {
            pod_uid: Some(pod.uid.clone()),
            pod_labels: pod.labels.clone(),
            started: container.and_then(|container| container.started),
            ..Holder::clone(told)
        }))
    }
}

/// Key of a holding: who, and the session device.
type HoldingKey = (Arc<Holder>, String);

#[derive(Debug)]
struct Ids {
    resource: Arc<str>,
    ids: BTreeSet<String>,
    claim: Option<Arc<Claim>>,
}

/// What was found of grants and jobs.
#[derive(Debug, Default)]
struct Found {
    holdings: BTreeMap<HoldingKey, Ids>,
    entities: BTreeMap<EntityKey, BTreeSet<EntityHolder>>,
    jobs: BTreeMap<EntityKey, Vec<String>>,
    unknown: BTreeSet<String>,
}

impl Found {
    fn grant(
        &mut self,
        grant: &Grant,
        holder: &Arc<Holder>,
        claim_devices: Option<&SliceDevices>,
        gpus: &[Arc<GpuView>],
    ) {
        let Some((id, claim)) = told_id(grant, claim_devices) else {
            self.unknown.extend(grant.claim.as_deref().map(name_of_claim));
            return;
        };
        let Some(target) = devices::find(gpus, &id) else {
            self.unknown.insert(id);
            return;
        };
        for entity in &target.entities {
            let holder = EntityHolder { holder: Arc::clone(holder), claim: claim.clone() };
            self.entities.entry(entity.clone()).or_default().insert(holder);
        }
        self.hold(&target, holder, &grant.resource, &id, claim.as_ref());
    }

    fn hold(
        &mut self,
        target: &Target,
        holder: &Arc<Holder>,
        resource: &Arc<str>,
        id: &str,
        claim: Option<&Arc<Claim>>,
    ) {
        for device in &target.devices {
            let key = (Arc::clone(holder), device.uuid().to_owned());
            let ids = self.holdings.entry(key).or_insert_with(|| Ids {
                resource: Arc::clone(resource),
                ids: BTreeSet::new(),
                claim: claim.cloned(),
            });
            ids.ids.insert(id.to_owned());
        }
    }

    fn jobs(&mut self, jobs: &Jobs, gpus: &[Arc<GpuView>]) {
        let resource: Arc<str> = JOB_RESOURCE.into();
        for ((gpu, gpu_instance), ids) in &jobs.by_place {
            let Some(target) = devices::by_index(gpus, *gpu, *gpu_instance) else { continue };
            let file = match gpu_instance {
                Some(instance) => format!("{gpu}.{instance}"),
                None => gpu.to_string(),
            };
            for id in ids {
                let holder = Holder { slurm_job: Some(id.clone()), ..Holder::default() };
                self.hold(&target, &Arc::new(holder), &resource, &file, None);
            }
            for entity in target.entities {
                self.jobs.insert(entity, ids.clone());
            }
        }
    }

    fn holdings(&self, counts: &Counts) -> Vec<Holding> {
        let mut holders: HashMap<(&str, bool), usize> = HashMap::new();
        for (holder, device) in self.holdings.keys() {
            *holders.entry((device, holder.slurm_job.is_some())).or_default() += 1;
        }
        let list = self.holdings.iter().map(|((holder, device), ids)| {
            let of_jobs = holder.slurm_job.is_some();
            let holders = holders.get(&(device.as_str(), of_jobs)).copied().unwrap_or(1);
            Holding {
                device_uuid: device.clone(),
                resource: Arc::clone(&ids.resource),
                device_id: ids.ids.first().cloned().unwrap_or_default(),
                holder: Arc::clone(holder),
                claim: ids.claim.clone(),
                share: counts.share(device, ids, holders),
            }
        });
        list.collect()
    }
}

/// The id that stands for the device; of a claim what its ResourceSlice says.
fn told_id(
    grant: &Grant,
    claim_devices: Option<&SliceDevices>,
) -> Option<(String, Option<Arc<Claim>>)> {
    let Some(claim) = &grant.claim else { return Some((grant.device_id.clone(), None)) };
    let device = claim_devices?.get(&claim.pool, &claim.device)?;
    let is_mig = device.uuid.starts_with("MIG-");
    let claim = Claim {
        mig_profile: device.profile.clone(),
        mig_uuid: is_mig.then(|| device.uuid.clone()),
        ..Claim::clone(claim)
    };
    Some((device.uuid.clone(), Some(Arc::new(claim))))
}

fn name_of_claim(claim: &Claim) -> String {
    let Claim { namespace, name, driver, pool, device, .. } = claim;
    format!("claim {namespace}/{name}: {driver}/{pool}/{device}")
}

/// How many ids of a resource can be given of each session device.
#[derive(Debug, Default)]
struct Counts {
    of_device: BTreeMap<String, HashMap<Arc<str>, BTreeSet<String>>>,
}

impl Counts {
    fn of(
        allocatable: Option<&[Allocatable]>,
        claim_devices: Option<&SliceDevices>,
        gpus: &[Arc<GpuView>],
    ) -> Self {
        let mut counts = Self::default();
        for Allocatable { resource, device_id } in allocatable.unwrap_or_default() {
            for device in devices::find(gpus, device_id).map(|t| t.devices).unwrap_or_default() {
                let of_device = counts.of_device.entry(device.uuid().to_owned()).or_default();
                of_device.entry(Arc::clone(resource)).or_default().insert(device_id.clone());
            }
        }
        for device in claim_devices.iter().flat_map(|devices| devices.all()) {
            for device in devices::find(gpus, &device.uuid).map(|t| t.devices).unwrap_or_default() {
                counts.of_device.entry(device.uuid().to_owned()).or_default();
            }
        }
        counts
    }

    /// An id that is held counts as one that can be given, though the kubelet leaves it out once
    /// its device is unhealthy.
    fn add_held(&mut self, holdings: &BTreeMap<HoldingKey, Ids>) {
        for ((_, device), held) in holdings {
            let of_device = self.of_device.get_mut(device);
            if let Some(ids) = of_device.and_then(|of| of.get_mut(&held.resource)) {
                ids.extend(held.ids.iter().cloned());
            }
        }
    }

    /// Ids held over ids there are; where those are not known, equal parts.
    fn share(&self, device: &str, held: &Ids, holders: usize) -> f64 {
        let known = self.of_device.get(device).and_then(|of| of.get(&held.resource));
        match known {
            Some(ids) => ratio(held.ids.len(), ids.len()),
            None => ratio(1, holders),
        }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(part) / number(whole.max(1))
}
