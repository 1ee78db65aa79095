//! A cluster around the exporter under measurement: a kubelet's socket, which gave each GPU to one
//! pod, and a real API server, which has these pods with their labels.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use ::tests::kubernetes::{self, Programs};
use ::tests::pod_resources::message::PodResources;
use ::tests::pod_resources::{Server, Told};
use ::tests::{http, wait};
use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::json;

use crate::setup;

const NODE: &str = "bench";
const NAMESPACE: &str = "ml";
const RESOURCE: &str = "nvidia.com/gpu";

/// A running kubelet's socket and API server.
pub(super) struct Cluster {
    server: kubernetes::Cluster,
    kubelet: Server,
    socket: PathBuf,
    config: PathBuf,
}

impl Cluster {
    /// Start both; nobody holds anything yet.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let tools = setup::all(false)?;
        let [etcd, apiserver] = [tools.etcd, tools.kube_apiserver]
            .map(|program| program.map_err(|reason| anyhow!("--kubernetes: {reason}")));
        let server = kubernetes::Cluster::start(&Programs::at(etcd?, apiserver?))?;
        let token = server.account(NAMESPACE)?;
        let verbs = ["list", "watch"];
        let rules = json!([
            {"apiGroups": [""], "resources": ["pods"], "verbs": verbs},
            {"apiGroups": ["resource.k8s.io"], "resources": ["resourceslices"], "verbs": verbs},
        ]);
        server.grant(NAMESPACE, "read", &rules)?;
        let config = folder.join("kubeconfig");
        server.write_kubeconfig(&token, &config)?;
        let socket = folder.join("kubelet.sock");
        let kubelet = Server::start(&socket, Told::gpus(Vec::new(), &[]))?;
        Ok(Self { server, kubelet, socket, config })
    }

    /// Point a `gpulse exporter` at it.
    pub(super) fn tell(&self, command: &mut Command) {
        command
            .env("KUBECONFIG", &self.config)
            .env("NODE_NAME", NODE)
            .args(["--kubernetes", "--kubernetes-enable-pod-labels", "--kubernetes-enable-pod-uid"])
            .arg("--pod-resources-kubelet-socket")
            .arg(&self.socket);
    }

    /// One pod per GPU of the exporter's page, and wait until the page names them.
    pub(super) fn give_each_gpu_to_a_pod(&self, exporter: SocketAddr) -> Result<()> {
        let uuids = uuids(&http::get(exporter, "/metrics")?);
        ensure!(!uuids.is_empty(), "the page has no GPU");
        let mut pods = Vec::new();
        for (number, uuid) in uuids.iter().enumerate() {
            let name = format!("train-{number}");
            self.create_pod(&name)?;
            pods.push(PodResources::new(&format!("{NAMESPACE}/{name}"), "main", RESOURCE, &[uuid]));
        }
        let ids: Vec<&str> = uuids.iter().map(String::as_str).collect();
        self.kubelet.tell(|now| *now = Told::gpus(pods, &ids));
        wait::until("pods on the page", wait::PATIENCE, || {
            let page = http::get(exporter, "/metrics")?;
            ensure!(page.contains("app_kubernetes_io_name=\"train\""), "no label of a pod yet");
            Ok(())
        })
    }

    fn create_pod(&self, name: &str) -> Result<()> {
        let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {
                "app.kubernetes.io/name": "train", "team": "nlp"}},
            "spec": {"nodeName": NODE, "containers": [{"name": "main", "image": "none"}]},
        });
        self.server.create(&pods, &pod).with_context(|| format!("cannot create pod {name}"))?;
        Ok(())
    }
}

/// UUIDs of the GPUs on a page, each once.
fn uuids(page: &str) -> Vec<String> {
    let mut all: Vec<String> = page
        .lines()
        .filter(|line| line.starts_with("DCGM_FI_DEV_POWER_USAGE{"))
        .filter_map(|line| line.split_once("UUID=\"")?.1.split_once('"'))
        .map(|(uuid, _)| uuid.to_owned())
        .collect();
    all.dedup();
    all
}
