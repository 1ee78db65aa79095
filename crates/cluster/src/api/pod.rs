//! A pod as the API server and the kubelet write it, down to what is wanted of it. What else it
//! says is skipped while it is read.

use std::collections::BTreeMap;

use k8s_openapi::jiff;
use model::Timestamp;
use model::pod::{Pod, PodContainer};
use serde::Deserialize;

use super::workload::{Owner, workload};

/// Characters of a name or UID; longer ones are none of Kubernetes (RFC 1123 subdomain).
const NAME: usize = 253;
/// Bytes of a label's name with its prefix, as the API server allows.
const LABEL_NAME: usize = 253 + 1 + 63;
/// Bytes of a label's value, as the API server allows.
const LABEL_VALUE: usize = 63;
/// Labels that are kept of one pod.
const LABELS: usize = 64;
/// Containers that are kept of one pod.
const CONTAINERS: usize = 128;

/// A pod on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodObject {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: String,
    uid: String,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<Annotations>,
    owner_references: Option<Vec<Owner>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "kubernetes.io/config.hash")]
    hash: Option<String>,
    #[serde(rename = "kubernetes.io/config.mirror")]
    mirror: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    containers: Option<Vec<Named>>,
    init_containers: Option<Vec<Named>>,
    ephemeral_containers: Option<Vec<Named>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    phase: String,
    container_statuses: Option<Vec<ContainerStatus>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
    ephemeral_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(rename = "containerID")]
    container_id: Option<String>,
    state: Option<ContainerState>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    running: Option<Running>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Running {
    started_at: Option<String>,
}

impl PodObject {
    /// Its UID.
    pub(super) fn uid(&self) -> &str {
        &self.metadata.uid
    }

    /// What is kept of it. None where it has no usable name.
    pub(super) fn into_pod(self) -> Option<Pod> {
        let Metadata { name, namespace, uid, labels, annotations, owner_references } =
            self.metadata;
        let usable = [&name, &namespace, &uid].iter().all(|s| !s.is_empty() && s.len() <= NAME);
        let owners = owner_references.unwrap_or_default();
        let labels = labels.unwrap_or_default();
        usable.then(|| Pod {
            workload: workload(&owners, &labels).filter(|found| found.name.len() <= NAME),
            config_hash: annotations
                .and_then(|annotations| annotations.hash.or(annotations.mirror))
                .filter(|hash| is_hash(hash)),
            labels: kept(labels),
            containers: containers(self.spec, &self.status),
            finished: matches!(self.status.phase.as_str(), "Succeeded" | "Failed"),
            deleted: None,
            namespace,
            name,
            uid,
        })
    }
}

/// Labels within the API server's own limits: who lists a kubelet's static pods sees others.
fn kept(labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let fits =
        |(name, value): &(String, String)| name.len() <= LABEL_NAME && value.len() <= LABEL_VALUE;
    labels.into_iter().filter(fits).take(LABELS).collect()
}

/// A static pod's config hash is the MD5 of its manifest.
fn is_hash(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn containers(spec: Spec, status: &Status) -> Vec<PodContainer> {
    let kinds = [
        (spec.containers, &status.container_statuses),
        (spec.init_containers, &status.init_container_statuses),
        (spec.ephemeral_containers, &status.ephemeral_container_statuses),
    ];
    let named = kinds.into_iter().flat_map(|(named, statuses)| {
        let statuses = statuses.as_deref().unwrap_or_default();
        named.into_iter().flatten().map(move |Named { name }| {
            let status = statuses.iter().find(|status| status.name == name);
            container(name, status)
        })
    });
    named.filter(|container| container.name.len() <= NAME).take(CONTAINERS).collect()
}

fn container(name: String, status: Option<&ContainerStatus>) -> PodContainer {
    let id = status.and_then(|status| status.container_id.as_deref()).and_then(id);
    let running = status.and_then(|status| status.state.as_ref()?.running.as_ref());
    let started = running.and_then(|running| moment(running.started_at.as_deref()?));
    PodContainer { name, id, started }
}

/// `containerd://<id>`: the id alone. Docker, containerd and CRI-O all use 64 hex digits.
fn id(text: &str) -> Option<String> {
    let id = text.split_once("://").map_or(text, |(_, id)| id);
    let is_id = (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    is_id.then(|| id.to_owned())
}

fn moment(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(moment.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Option<Pod> {
        serde_json::from_value::<PodObject>(json).unwrap().into_pod()
    }

    fn full() -> serde_json::Value {
        serde_json::json!({
            "metadata": {
                "name": "train-0", "namespace": "ml", "uid": "0f0e-1", "resourceVersion": "7",
                "labels": {"app": "train", "long": "x".repeat(10_000)},
                "annotations": {"noise": "y".repeat(10_000)},
                "ownerReferences": [
                    {"kind": "StatefulSet", "name": "train", "controller": true, "uid": "1"}
                ],
                "managedFields": [{"manager": "kubelet"}]
            },
            "spec": {
                "containers": [{"name": "main", "image": "x"}, {"name": "side"}],
                "initContainers": [{"name": "init"}],
                "ephemeralContainers": [{"name": "debug"}]
            },
            "status": {
                "phase": "Running",
                "containerStatuses": [{
                    "name": "main", "containerID": format!("containerd://{}", "a".repeat(64)),
                    "state": {"running": {"startedAt": "2026-01-15T09:00:00Z"}}
                }],
                "initContainerStatuses": [{
                    "name": "init", "containerID": format!("cri-o://{}", "b".repeat(64)),
                    "state": {"terminated": {"exitCode": 0}}
                }],
                "ephemeralContainerStatuses": [{"name": "debug", "state": {"waiting": {}}}]
            }
        })
    }

    #[test]
    fn containers_of_all_kinds_have_their_ids() {
        let pod = read(full()).unwrap();
        let ids: Vec<_> =
            pod.containers.iter().map(|c| (c.name.as_str(), c.id.as_deref())).collect();
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        assert_eq!(
            ids,
            [("main", Some(&*a)), ("side", None), ("init", Some(&*b)), ("debug", None)]
        );
        assert_eq!(pod.containers[0].started, Some(Timestamp::from_secs(1_768_467_600)));
        assert_eq!(pod.workload.unwrap().kind, "StatefulSet");
        assert!(!pod.finished);
    }

    #[test]
    fn a_label_that_the_api_server_would_refuse_is_left_out() {
        let labels = read(full()).unwrap().labels;
        assert_eq!(labels.keys().collect::<Vec<_>>(), ["app"]);
    }

    #[test]
    fn a_static_pod_is_found_by_its_config_hash() {
        let hash = "0123456789abcdef0123456789abcdef";
        let mirror = |annotation: &str, hash: &str| {
            let mut json = full();
            json["metadata"]["annotations"] = serde_json::json!({annotation: hash});
            read(json).unwrap().config_hash
        };
        assert_eq!(mirror("kubernetes.io/config.hash", hash).as_deref(), Some(hash));
        assert_eq!(mirror("kubernetes.io/config.mirror", hash).as_deref(), Some(hash));
        assert_eq!(mirror("kubernetes.io/config.hash", "not-a-hash"), None);
    }

    #[test]
    fn an_object_without_a_name_is_no_pod_and_a_finished_one_says_so() {
        assert_eq!(read(serde_json::json!({"metadata": {"name": "x"}})), None);
        assert_eq!(read(serde_json::json!({})), None);
        let mut done = full();
        done["status"]["phase"] = "Succeeded".into();
        assert!(read(done).unwrap().finished);
    }

    #[test]
    fn nulls_are_as_good_as_nothing() {
        let mut json = full();
        for field in ["labels", "annotations", "ownerReferences"] {
            json["metadata"][field] = serde_json::Value::Null;
        }
        json["spec"]["initContainers"] = serde_json::Value::Null;
        assert_eq!(read(json).unwrap().labels.len(), 0);
    }
}
