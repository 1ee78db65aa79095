//! What a test of the cluster side has: a namespace with an account, objects to make, and the reader
//! under test.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use cluster::api::{Access, Api, Pace, Reason, Settings, State};
use serde_json::{Value, json};
use tests::kubernetes::Cluster;
use tests::wait;

/// One test's part of a cluster.
pub(crate) struct World {
    runtime: tokio::runtime::Runtime,
    cluster: Arc<Cluster>,
    namespace: &'static str,
    token: PathBuf,
}

/// Wait for a condition.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let probe = || if condition() { Ok(()) } else { bail!("not yet") };
    wait::until(what, wait::PATIENCE, probe).unwrap();
}

/// Why a state is none of the good ones.
pub(crate) fn lack(state: &State) -> Option<Reason> {
    state.lack().map(|lack| lack.reason)
}

fn rules(group: &str, resource: &str, verbs: &[&str]) -> Value {
    json!([{"apiGroups": [group], "resources": [resource], "verbs": verbs}])
}

pub(crate) fn pod_rights() -> Value {
    rules("", "pods", &["list", "watch"])
}

pub(crate) fn slice_rights() -> Value {
    rules("resource.k8s.io", "resourceslices", &["list", "watch"])
}

/// The right to read this one and no other.
pub(crate) fn config_map_rights(name: &str) -> Value {
    let mut rules = rules("", "configmaps", &["get"]);
    rules[0]["resourceNames"] = json!([name]);
    rules
}

impl World {
    pub(crate) fn new(cluster: Arc<Cluster>, namespace: &'static str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let token = cluster.account(namespace).unwrap();
        Self { runtime, cluster, namespace, token }
    }

    /// The token of the reader.
    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(&self.token).unwrap()
    }

    /// Start a reader with the account of this world, with more haste than on a node.
    pub(crate) fn start(&self, change: impl FnOnce(&mut Settings)) -> Api {
        let mut settings = Settings {
            access: Access::Address {
                url: self.cluster.url(),
                token_file: self.token.clone(),
                ca_file: self.cluster.ca_file(),
            },
            pace: Pace {
                first_wait: Duration::from_millis(200),
                longest_wait: Duration::from_secs(2),
                kubelet: Duration::from_secs(5),
                kubelet_soonest: Duration::from_millis(500),
                config_map: Duration::from_millis(500),
            },
            ..Settings::default()
        };
        change(&mut settings);
        let _inside = self.runtime.enter();
        Api::start(settings)
    }

    pub(crate) fn watch_pods(&self, node: &str) -> Api {
        self.start(|settings| settings.node = Some(node.to_owned()))
    }

    pub(crate) fn grant(&self, name: &str, rules: &Value) {
        self.cluster.grant(self.namespace, name, rules).unwrap();
    }

    pub(crate) fn revoke(&self, name: &str) {
        self.cluster.revoke(self.namespace, name).unwrap();
    }

    fn collection(&self, kind: &str) -> String {
        format!("/api/v1/namespaces/{}/{kind}", self.namespace)
    }

    /// A pod that was put onto a node.
    pub(crate) fn pod(&self, name: &str, node: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"nodeName": node, "containers": [{"name": "main", "image": "none"}]}
        })
    }

    pub(crate) fn try_create_pod(&self, pod: &Value) -> Result<Value> {
        self.cluster.create(&self.collection("pods"), pod)
    }

    /// Make a pod after a change; its UID.
    pub(crate) fn create_pod(&self, mut pod: Value, change: impl FnOnce(&mut Value)) -> String {
        change(&mut pod);
        let created = self.try_create_pod(&pod).unwrap();
        created["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    pub(crate) fn run_pod(&self, name: &str, node: &str) -> String {
        self.create_pod(self.pod(name, node), |_| {})
    }

    /// Say what a kubelet says once the container runs; the container's id.
    pub(crate) fn set_running(&self, name: &str) -> String {
        let path = format!("{}/{name}", self.collection("pods"));
        let mut pod = self.cluster.get(&path).unwrap();
        let uid = pod["metadata"]["uid"].as_str().unwrap().replace('-', "");
        let id = uid.repeat(2);
        pod["status"] = json!({
            "phase": "Running",
            "containerStatuses": [{
                "name": "main", "image": "none", "imageID": "", "ready": true, "restartCount": 0,
                "containerID": format!("containerd://{id}"),
                "state": {"running": {"startedAt": "2026-01-15T09:00:00Z"}}
            }]
        });
        self.cluster.replace(&format!("{path}/status"), &pod).unwrap();
        id
    }

    pub(crate) fn delete_pod(&self, name: &str) {
        self.cluster.delete(&format!("{}/{name}", self.collection("pods"))).unwrap();
    }

    /// All pods of a node, as its kubelet lists them.
    pub(crate) fn pods_of(&self, node: &str) -> Value {
        self.cluster.get(&format!("/api/v1/pods?fieldSelector=spec.nodeName={node}")).unwrap()
    }

    pub(crate) fn create_config_map(&self, name: &str, data: &Value) {
        self.cluster.create(&self.collection("configmaps"), &self.config_map(name, data)).unwrap();
    }

    pub(crate) fn replace_config_map(&self, name: &str, data: &Value) {
        let path = format!("{}/{name}", self.collection("configmaps"));
        self.cluster.replace(&path, &self.config_map(name, data)).unwrap();
    }

    fn config_map(&self, name: &str, data: &Value) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": data,
            "metadata": {"name": name, "namespace": self.namespace}
        })
    }

    /// A slice of a pool of its own.
    pub(crate) fn create_slice(&self, name: &str, node: &str, driver: &str, devices: &Value) {
        let pool = format!("pool-{name}");
        self.cluster
            .create(
                SLICES,
                &json!({
                    "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice",
                    "metadata": {"name": name},
                    "spec": {
                        "driver": driver, "nodeName": node, "devices": devices,
                        "pool": {"name": pool, "generation": 1, "resourceSliceCount": 1}
                    }
                }),
            )
            .unwrap();
    }

    pub(crate) fn delete_slice(&self, name: &str) {
        self.cluster.delete(&format!("{SLICES}/{name}")).unwrap();
    }
}

const SLICES: &str = "/apis/resource.k8s.io/v1/resourceslices";
