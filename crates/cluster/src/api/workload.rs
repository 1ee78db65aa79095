//! What a pod belongs to: the object a person made, found by owner references and by the labels
//! that the well-known controllers put on their pods. Nothing is asked for it.

use std::collections::BTreeMap;

use model::pod::Workload;
use serde::Deserialize;

/// One owner reference of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub(super) struct Owner {
    /// Kind of the owner.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Whether it is the one that controls the object.
    pub controller: bool,
}

/// Labels that name the object above the direct owner, by the kind they stand for. The first that
/// a pod has counts: what wraps other controllers comes first.
const BY_LABEL: &[(&str, &str)] = &[
    ("jobset.sigs.k8s.io/jobset-name", "JobSet"),
    ("ray.io/cluster", "RayCluster"),
    ("notebook-name", "Notebook"),
];

/// Label with the job's name that the training operator puts on pods of all its kinds.
const TRAINING_JOB: &str = "training.kubeflow.org/job-name";
/// Label that a ReplicaSet of a Deployment and its pods carry: the end of the ReplicaSet's name.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The workload of a pod with these owners and labels.
pub(super) fn workload(owners: &[Owner], labels: &BTreeMap<String, String>) -> Option<Workload> {
    let owner = owners.iter().find(|owner| owner.controller).or_else(|| owners.first());
    let by_label = || {
        BY_LABEL.iter().find_map(|(label, kind)| labels.get(*label).map(|name| made(kind, name)))
    };
    let training = || labels.get(TRAINING_JOB).map(|name| made(training_kind(owner), name));
    by_label().or_else(training).or_else(|| owner.and_then(|owner| above(owner, labels)))
}

/// The direct owner, or the one above it where its name tells.
fn above(owner: &Owner, labels: &BTreeMap<String, String>) -> Option<Workload> {
    match owner.kind.as_str() {
        // A static pod's mirror is owned by its node: that is no workload.
        "Node" => None,
        "ReplicaSet" => Some(
            labels
                .get(TEMPLATE_HASH)
                .and_then(|hash| owner.name.strip_suffix(hash.as_str())?.strip_suffix('-'))
                .map_or_else(|| made("ReplicaSet", &owner.name), |name| made("Deployment", name)),
        ),
        "Job" => Some(
            cron_job(&owner.name)
                .map_or_else(|| made("Job", &owner.name), |name| made("CronJob", name)),
        ),
        kind => Some(made(kind, &owner.name)),
    }
}

/// A CronJob's Jobs are called after it and the minute they were due: eight digits since 1970.
fn cron_job(job: &str) -> Option<&str> {
    let (name, minute) = job.rsplit_once('-')?;
    let is_minute = minute.len() == 8 && minute.bytes().all(|byte| byte.is_ascii_digit());
    (is_minute && !name.is_empty()).then_some(name)
}

/// PyTorchJob and its like own their pods themselves.
fn training_kind(owner: Option<&Owner>) -> &str {
    match owner {
        Some(owner) if owner.kind.ends_with("Job") && owner.kind != "Job" => &owner.kind,
        _ => "PyTorchJob",
    }
}

fn made(kind: &str, name: &str) -> Workload {
    Workload { kind: kind.to_owned(), name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: &str, name: &str, labels: &[(&str, &str)]) -> Option<String> {
        let owner = Owner { kind: kind.to_owned(), name: name.to_owned(), controller: true };
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        workload(&[owner], &labels).map(|found| format!("{}/{}", found.kind, found.name))
    }

    #[test]
    fn a_replica_set_of_a_deployment_leads_to_the_deployment() {
        let hash = ("pod-template-hash", "5d8f7c9b6");
        assert_eq!(found("ReplicaSet", "web-5d8f7c9b6", &[hash]).unwrap(), "Deployment/web");
        assert_eq!(found("ReplicaSet", "web-abc", &[hash]).unwrap(), "ReplicaSet/web-abc");
        assert_eq!(found("ReplicaSet", "web-abc", &[]).unwrap(), "ReplicaSet/web-abc");
    }

    #[test]
    fn a_job_of_a_cron_job_leads_to_the_cron_job_and_another_stays_a_job() {
        assert_eq!(found("Job", "backup-29384712", &[]).unwrap(), "CronJob/backup");
        assert_eq!(found("Job", "train-2024", &[]).unwrap(), "Job/train-2024");
    }

    #[test]
    fn labels_of_the_frameworks_name_what_a_person_made() {
        let jobset = ("jobset.sigs.k8s.io/jobset-name", "llm");
        assert_eq!(found("Job", "llm-workers-0", &[jobset]).unwrap(), "JobSet/llm");
        let torch = ("training.kubeflow.org/job-name", "bert");
        assert_eq!(found("PyTorchJob", "bert", &[torch]).unwrap(), "PyTorchJob/bert");
        assert_eq!(found("MPIJob", "bert", &[torch]).unwrap(), "MPIJob/bert");
        assert_eq!(found("Job", "bert-launcher", &[torch]).unwrap(), "PyTorchJob/bert");
        let ray = ("ray.io/cluster", "tune");
        assert_eq!(found("RayCluster", "tune", &[ray]).unwrap(), "RayCluster/tune");
        let notebook = ("notebook-name", "ada");
        assert_eq!(found("StatefulSet", "ada", &[notebook]).unwrap(), "Notebook/ada");
        assert_eq!(found("StatefulSet", "db", &[]).unwrap(), "StatefulSet/db");
    }

    #[test]
    fn a_pod_of_its_own_and_a_static_one_belong_to_nothing() {
        assert_eq!(workload(&[], &BTreeMap::new()), None);
        assert_eq!(found("Node", "node-a", &[]), None);
    }
}
