//! Who holds which device: what the kubelet, claims and job files say, joined to the devices of the
//! newest pass and to the names of pods.
//!
//! A node keeps one [`Holders`] and refreshes it in each pass; nothing here asks anyone or waits.
//! It is worked out anew only when one of its inputs changed, texts of labels included, so that a
//! page costs nothing more.

mod devices;
mod ids;
pub mod jobs;
mod labels;
mod names;
mod resolve;
#[cfg(test)]
mod tests;
mod told;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cluster::api::{Api, SliceDevices, State};
use cluster::pod_resources;
use gpu::{EntityView, GpuView};
use model::allocation::Holdings;
use model::observation::DeviceObservation;
use model::pod::Pods;
use model::process::{Lookup, OwnerKind, PodNames, ProcessFacts};

pub(crate) use devices::EntityKey;
pub(crate) use labels::EntityLabels;
pub use told::ToldHolders;

use crate::Config;

/// What the API server, or who stands in for it, tells of this node. Reading never waits.
pub trait Cluster: fmt::Debug + Send + Sync {
    /// The pods of this node; `None` while nobody has told any.
    fn pods(&self) -> Option<Arc<Pods>>;
    /// Devices of claims, as ResourceSlices name them.
    fn claim_devices(&self) -> Arc<SliceDevices>;
    /// A pod was met that is not among [`Self::pods`].
    fn want(&self);
    /// Why pods are not told, or not as they are now.
    fn lack(&self) -> Option<String>;
}

impl Cluster for Api {
    fn pods(&self) -> Option<Arc<Pods>> {
        let pods = Self::pods(self);
        let is_told = self.pods_state().is_ok() || self.kubelet_state().is_ok();
        (is_told || !pods.all().is_empty()).then_some(pods)
    }

    fn claim_devices(&self) -> Arc<SliceDevices> {
        self.slice_devices()
    }

    fn want(&self) {
        Self::want(self);
    }

    fn lack(&self) -> Option<String> {
        if *self.pods_state() == State::Off {
            return Some(NO_NODE_NAME.to_owned());
        }
        self.pods_lack()
    }
}

/// Why nobody is asked for pods.
const NO_NODE_NAME: &str = "NODE_NAME is not set: give it to the container (fieldRef \
                            spec.nodeName), else pods have no labels and no uid";

/// Where the newest words of each source are found.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The kubelet's answer about devices.
    pub pod_resources: Option<pod_resources::Handle>,
    /// Pods and devices of claims.
    pub cluster: Option<Arc<dyn Cluster>>,
    /// Files of a batch system.
    pub jobs: Option<jobs::Handle>,
}

impl Sources {
    fn is_empty(&self) -> bool {
        self.pod_resources.is_none() && self.cluster.is_none() && self.jobs.is_none()
    }

    fn newest(&self) -> Inputs {
        let kubelet = self.pod_resources.as_ref().map(pod_resources::Handle::newest);
        let cluster = self.cluster.as_ref();
        Inputs {
            answer: kubelet.and_then(|newest| newest.answer.clone()),
            pods: cluster.and_then(|cluster| cluster.pods()),
            claim_devices: cluster.map(|cluster| cluster.claim_devices()),
            jobs: self.jobs.as_ref().map(jobs::Handle::newest),
        }
    }
}

/// What the sources said at one moment.
#[derive(Debug, Clone, Default)]
struct Inputs {
    answer: Option<Arc<pod_resources::Answer>>,
    pods: Option<Arc<Pods>>,
    claim_devices: Option<Arc<SliceDevices>>,
    jobs: Option<Arc<jobs::Jobs>>,
}

impl Inputs {
    fn are(&self, other: &Self) -> bool {
        is(self.answer.as_ref(), other.answer.as_ref())
            && is(self.pods.as_ref(), other.pods.as_ref())
            && is(self.claim_devices.as_ref(), other.claim_devices.as_ref())
            && is(self.jobs.as_ref(), other.jobs.as_ref())
    }
}

fn is<T>(a: Option<&Arc<T>>, b: Option<&Arc<T>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// Who holds what at one moment, ready to be printed.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// The same for the session engine.
    pub holdings: Holdings,
    pub(crate) labels: HashMap<EntityKey, EntityLabels>,
    /// Ids that stand for no device here, in byte order and without their replicas.
    pub(crate) unknown: BTreeSet<String>,
    /// Labels of pods that are not printed; `None` where none are asked for.
    pub(crate) labels_dropped: Option<labels::Dropped>,
}

impl Held {
    /// Labels of this entity's samples; without an entity those of the whole GPU.
    pub(crate) fn labels_of(&self, gpu: &GpuView, entity: Option<&EntityView>) -> &EntityLabels {
        const NONE: &EntityLabels = &EntityLabels::NONE;
        if self.labels.is_empty() {
            return NONE;
        }
        let instance = entity.and_then(|entity| entity.gpu_instance.as_ref());
        let gpu_instance = instance.map(|(_, id)| *id);
        let key = EntityKey { gpu_uuid: gpu.uuid.clone(), gpu_instance };
        self.labels.get(&key).unwrap_or(NONE)
    }
}

/// How Kubernetes answers, for the page and for health.
#[derive(Debug, Clone, Default)]
pub struct Kubelet {
    /// Age of the last good answer.
    pub age: Option<Duration>,
    /// Why the last call failed, if it did.
    pub fault: Option<Arc<pod_resources::Fault>>,
    /// Why pods are not told, or not as they are now.
    pub pods_lack: Option<String>,
}

/// The holders of one node's devices.
#[derive(Debug)]
pub(crate) struct Holders {
    sources: Sources,
    inputs: Inputs,
    gpus: Vec<Arc<GpuView>>,
    held: Arc<Held>,
    settings: labels::Settings,
    pids: HashSet<u32>,
    /// Ids that were named in the log.
    named: BTreeSet<String>,
}

/// Most ids that are named in the log over the life of the process.
const MOST_NAMED: usize = 64;

impl Holders {
    pub(crate) fn new(config: &Config, sources: Sources) -> Self {
        Self {
            sources,
            inputs: Inputs::default(),
            gpus: Vec::new(),
            held: Arc::default(),
            settings: labels::Settings::new(config),
            pids: HashSet::new(),
            named: BTreeSet::new(),
        }
    }

    /// Bring it up to the newest answers and devices. The holdings, where they may have changed.
    /// While no driver answers, the devices are those that were there last: nobody lets go of one
    /// because it cannot be read.
    pub(crate) fn refresh(&mut self, gpus: &[Arc<GpuView>]) -> Option<Arc<Held>> {
        if self.sources.is_empty() || gpus.is_empty() && self.gpus.is_empty() {
            return None;
        }
        let inputs = self.sources.newest();
        let has_changed = !gpus.is_empty() && !devices::are_same(&self.gpus, gpus);
        if inputs.are(&self.inputs) && !has_changed {
            return None;
        }
        self.inputs = inputs;
        if has_changed {
            self.gpus = gpus.to_vec();
        }
        let held = resolve::resolve(&self.inputs, &self.gpus, &self.settings);
        self.name_unknown(&held.unknown);
        self.held = Arc::new(held);
        Some(Arc::clone(&self.held))
    }

    /// The newest.
    pub(crate) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held)
    }

    /// How the kubelet answers.
    pub(crate) fn kubelet(&self) -> Option<Kubelet> {
        let newest = self.sources.pod_resources.as_ref()?.newest();
        let pods_lack = self.sources.cluster.as_ref().and_then(|cluster| cluster.lack());
        Some(Kubelet { age: newest.age(), fault: newest.fault.clone(), pods_lack })
    }

    /// Have the kubelet asked soon if a process is on a device that was on none before.
    pub(crate) fn note_processes(&mut self, observations: &[DeviceObservation]) {
        let Some(kubelet) = &self.sources.pod_resources else { return };
        let pids: HashSet<u32> = processes(observations).collect();
        if !pids.is_subset(&self.pids) {
            kubelet.wake();
        }
        self.pids = pids;
    }

    /// Join the names of pod and container onto a process.
    pub(crate) fn name(&self, looked: Lookup, observations: &[DeviceObservation]) -> Lookup {
        match looked {
            Lookup::Facts(mut facts) if facts.names.is_none() && !self.sources.is_empty() => {
                facts.names = self.names_of(&facts, observations);
                facts.pod_is_gone = self.pod_is_gone(&facts);
                Lookup::Facts(facts)
            }
            other => other,
        }
    }

    fn names_of(
        &self,
        facts: &ProcessFacts,
        observations: &[DeviceObservation],
    ) -> Option<PodNames> {
        match &self.inputs.pods {
            Some(pods) => {
                let names = names::by_pods(pods, &facts.owner);
                if names.is_none() && facts.owner.kind == OwnerKind::Pod {
                    self.sources.cluster.iter().for_each(|cluster| cluster.want());
                }
                names
            }
            None => names::by_holdings(&self.held.holdings, facts, observations),
        }
    }

    /// Whether the pods of this node are told as they are now, and a process's is none of them.
    fn pod_is_gone(&self, facts: &ProcessFacts) -> bool {
        let told = self.sources.cluster.as_ref().is_some_and(|cluster| cluster.lack().is_none());
        match &self.inputs.pods {
            Some(pods) if told => names::is_gone(pods, &facts.owner),
            _ => false,
        }
    }

    fn name_unknown(&mut self, unknown: &BTreeSet<String>) {
        for id in unknown {
            if self.named.len() < MOST_NAMED && self.named.insert(id.clone()) {
                tracing::warn!(id, "a container holds a device that is not here");
            }
        }
    }
}

fn processes(observations: &[DeviceObservation]) -> impl Iterator<Item = u32> {
    let values = observations.iter().filter_map(|seen| seen.processes.as_ref().value());
    values.flatten().map(|process| process.pid)
}
