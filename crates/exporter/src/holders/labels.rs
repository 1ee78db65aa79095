//! Texts of the labels that holders add to the samples of a device, made once per change.
//!
//! Which label a device carries, how it is called and what is dropped is decided here; where it
//! stands in a line is the page's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::allocation::{Claim, Holder};

use super::devices::EntityKey;
use super::resolve::EntityHolder;
use crate::page::push;
use crate::{Config, PodLabelAllowlist};

/// Labels of one entity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct EntityLabels {
    /// Labels of the pod under the names that are printed, sorted.
    pub(crate) of_pod: Vec<(String, String)>,
    /// Attributes whose names come before those that a family adds itself (`err_code`, `err_msg`).
    pub(crate) before: String,
    /// Attributes that come after, once for each sample: one per job, or just one.
    pub(crate) after: Vec<Attributes>,
}

/// Attributes as they are written, without the comma before the first.
pub(crate) type Attributes = String;

impl EntityLabels {
    pub(crate) const NONE: Self =
        Self { of_pod: Vec::new(), before: String::new(), after: Vec::new() };
}

/// What is printed of holders.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// `pod_name`, `pod_namespace`, `container_name`.
    old_namespace: bool,
    pod_labels: Option<PodLabelAllowlist>,
    pod_uid: bool,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Self {
        let kubernetes = config.kubernetes.as_ref();
        Self {
            old_namespace: config.use_old_namespace,
            pod_labels: kubernetes
                .filter(|kubernetes| kubernetes.pod_labels)
                .map(|kubernetes| kubernetes.pod_label_allowlist.clone()),
            pod_uid: kubernetes.is_some_and(|kubernetes| kubernetes.pod_uid),
        }
    }

    pub(super) const fn prints_pod_labels(&self) -> bool {
        self.pod_labels.is_some()
    }
}

/// Labels of pods that are not printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Dropped {
    /// Their name is that of another label.
    pub(crate) taken: usize,
    /// Two became equal; the first in byte order stayed.
    pub(crate) equal: usize,
    /// More than one pod may have.
    pub(crate) too_many: usize,
}

/// Most labels of one pod.
const MOST_LABELS: usize = 64;
/// Longest value of a label, in bytes; Kubernetes itself ends at 63.
const LONGEST_VALUE: usize = 4096;

/// Names of labels that a device sample can have besides.
const TAKEN: &[&str] = &[
    "GPU_I_ID",
    "GPU_I_PROFILE",
    "Hostname",
    "UUID",
    "__name__",
    "calculation_method",
    "clock_event",
    "container",
    "container_name",
    "cpu",
    "cpucore",
    "device",
    "dra_claim_name",
    "dra_claim_namespace",
    "dra_device_name",
    "dra_driver_name",
    "dra_mig_device_uuid",
    "dra_mig_profile",
    "dra_pool_name",
    "err_code",
    "err_msg",
    "gpu",
    "gpu_uuid",
    "health_error_code",
    "health_watch",
    "hostname",
    "hpc_job",
    "link_status",
    "modelName",
    "model_name",
    "namespace",
    "nvlink",
    "nvswitch",
    "pci_bus_id",
    "peer_gpu",
    "pod",
    "pod_name",
    "pod_namespace",
    "pod_uid",
    "uuid",
    "vgpu",
    "window_size_in_ms",
    "xid",
];
/// Names of label rows begin with this.
const OF_ROWS: &str = "DCGM_";

fn is_taken(name: &str) -> bool {
    TAKEN.contains(&name) || name.starts_with(OF_ROWS)
}

/// Labels of all entities that have any.
pub(super) fn of_entities(
    holders: &BTreeMap<EntityKey, BTreeSet<EntityHolder>>,
    jobs: &BTreeMap<EntityKey, Vec<String>>,
    settings: &Settings,
) -> (HashMap<EntityKey, EntityLabels>, Dropped) {
    let mut dropped = Dropped::default();
    let mut of_pods: HashMap<(&str, &str), Vec<(String, String)>> = HashMap::new();
    let entities: BTreeSet<&EntityKey> = holders.keys().chain(jobs.keys()).collect();
    let mut labels = HashMap::new();
    for entity in entities {
        let told = holders.get(entity).and_then(told);
        let jobs = jobs.get(entity).map(Vec::as_slice).unwrap_or_default();
        let mut of_entity = attributes(told.as_ref(), jobs, settings);
        if let (Some(told), Some(allowlist)) = (&told, &settings.pod_labels) {
            let of_pod = of_pods
                .entry((&told.holder.namespace, &told.holder.pod))
                .or_insert_with(|| of_pod(told.holder, allowlist, &mut dropped));
            of_entity.of_pod.clone_from(of_pod);
        }
        if of_entity != EntityLabels::NONE {
            labels.insert(entity.clone(), of_entity);
        }
    }
    (labels, dropped)
}

/// What all holders of an entity have in common.
struct Told<'a> {
    holder: &'a Holder,
    /// Whether there is one container alone.
    is_only: bool,
    claim: Option<&'a Claim>,
}

/// The holder that is named: the only one, or the pod that all of them are in.
fn told(holders: &BTreeSet<EntityHolder>) -> Option<Told<'_>> {
    let first = holders.first()?;
    let holder = first.holder.as_ref();
    let all = |is: &dyn Fn(&EntityHolder) -> bool| holders.iter().all(is);
    let in_pod = |other: &EntityHolder| {
        (&other.holder.namespace, &other.holder.pod) == (&holder.namespace, &holder.pod)
    };
    let is_only = all(&|other| other.holder == first.holder);
    let is_one_claim = all(&|other| other.claim == first.claim);
    let claim = first.claim.as_deref().filter(|_| is_only || is_one_claim);
    all(&in_pod).then_some(Told { holder, is_only, claim })
}

fn attributes(told: Option<&Told<'_>>, jobs: &[String], settings: &Settings) -> EntityLabels {
    let old = settings.old_namespace;
    let mut before = String::new();
    let mut rest = String::new();
    if let Some(told) = told {
        if told.is_only {
            let name = if old { "container_name" } else { "container" };
            add(&mut before, name, &told.holder.container);
        }
        if let Some(claim) = told.claim {
            add_claim(&mut before, claim);
        }
        let [first, second] = match old {
            false => [("namespace", &told.holder.namespace), ("pod", &told.holder.pod)],
            true => [("pod_name", &told.holder.pod), ("pod_namespace", &told.holder.namespace)],
        };
        add(&mut rest, first.0, first.1);
        add(&mut rest, second.0, second.1);
        if let Some(uid) = told.holder.pod_uid.as_ref().filter(|_| settings.pod_uid) {
            add(&mut rest, "pod_uid", uid);
        }
    }
    let after = match jobs {
        [] if rest.is_empty() => Vec::new(),
        [] => vec![rest],
        jobs => jobs.iter().map(|job| with_job(job, &rest)).collect(),
    };
    EntityLabels { of_pod: Vec::new(), before, after }
}

fn with_job(job: &str, rest: &str) -> Attributes {
    let mut attributes = String::new();
    add(&mut attributes, "hpc_job", job);
    if !rest.is_empty() {
        attributes.push(',');
        attributes.push_str(rest);
    }
    attributes
}

fn add_claim(labels: &mut String, claim: &Claim) {
    add(labels, "dra_claim_name", &claim.name);
    add(labels, "dra_claim_namespace", &claim.namespace);
    add(labels, "dra_device_name", &claim.device);
    add(labels, "dra_driver_name", &claim.driver);
    if let Some(uuid) = &claim.mig_uuid {
        add(labels, "dra_mig_device_uuid", uuid);
    }
    if let Some(profile) = &claim.mig_profile {
        add(labels, "dra_mig_profile", profile);
    }
    add(labels, "dra_pool_name", &claim.pool);
}

/// A label without value is no label.
fn add(labels: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        push(labels, name, value);
    }
}

/// Labels of the pod as they are printed: allowed, with valid names that are free, sorted.
fn of_pod(
    holder: &Holder,
    allowlist: &PodLabelAllowlist,
    dropped: &mut Dropped,
) -> Vec<(String, String)> {
    let mut printed = BTreeMap::new();
    // In byte order of their own names: of two that become equal the first stays.
    for (name, value) in holder.pod_labels.iter().filter(|(name, _)| allowlist.allows(name)) {
        let sane = sane_name(name);
        if is_taken(&sane) {
            dropped.taken += 1;
        } else if printed.contains_key(&sane) {
            dropped.equal += 1;
        } else if printed.len() == MOST_LABELS {
            dropped.too_many += 1;
        } else if !value.is_empty() {
            let value = &value[..value.floor_char_boundary(LONGEST_VALUE)];
            printed.insert(sane, value.to_owned());
        }
    }
    printed.into_iter().collect()
}

/// Every character that a label's name cannot have becomes `_`; a leading digit gets one before it.
fn sane_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let mut sane: String = name.chars().map(plain).collect();
    if sane.starts_with(|first: char| first.is_ascii_digit()) {
        sane.insert(0, '_');
    }
    sane
}
