//! The whole program between a real API server and a kubelet's socket: labels and UIDs of pods,
//! pods that are over, devices of claims.

use serde_json::{Value, json};
use tests::environment::{self, GPULSE};
use tests::kubernetes::{Cluster, Programs};
use tests::or_skip;
use tests::pod_resources::message::{
    ClaimResource, ContainerResources, DynamicResource, PodResources,
};
use tests::pod_resources::{Server, Told};

use super::program::{exporter_with, label, page_until, power};

const NAMESPACE: &str = "holders";
const NODE: &str = "node-holders";

/// Make a pod on the node; its UID.
fn create_pod(cluster: &Cluster, name: &str, labels: &Value, phase: &str) -> String {
    let pods = format!("/api/v1/namespaces/{NAMESPACE}/pods");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"nodeName": NODE, "containers": [{"name": "main", "image": "none"}]}
    });
    let mut pod = cluster.create(&pods, &pod).unwrap();
    pod["status"] = json!({"phase": phase});
    cluster.replace(&format!("{pods}/{name}/status"), &pod).unwrap();
    pod["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn create_slice(cluster: &Cluster, gpu: &str) {
    let slice = json!({
        "apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice",
        "metadata": {"name": "holders"},
        "spec": {
            "driver": "gpu.nvidia.com", "nodeName": NODE,
            "pool": {"name": NODE, "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": "gpu-1", "attributes": {
                "type": {"string": "gpu"}, "uuid": {"string": gpu}}}]
        }
    });
    cluster.create("/apis/resource.k8s.io/v1/resourceslices", &slice).unwrap();
}

fn claimed(pod: &str) -> PodResources {
    let claim = DynamicResource {
        claim_name: "one-gpu".to_owned(),
        claim_namespace: NAMESPACE.to_owned(),
        claim_resources: vec![ClaimResource {
            driver_name: "gpu.nvidia.com".to_owned(),
            pool_name: NODE.to_owned(),
            device_name: "gpu-1".to_owned(),
            ..ClaimResource::default()
        }],
    };
    PodResources {
        name: pod.to_owned(),
        namespace: NAMESPACE.to_owned(),
        containers: vec![ContainerResources {
            name: "main".to_owned(),
            dynamic_resources: vec![claim],
            ..ContainerResources::default()
        }],
    }
}

#[test]
fn s2_22_labels_uids_ends_and_claims_come_from_a_real_api_server() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let programs = or_skip!(Programs::find());
    let cluster = Cluster::start(&programs).unwrap();
    let token = cluster.account(NAMESPACE).unwrap();
    let rule = |group: &str, resource: &str| json!({"apiGroups": [group], "resources": [resource], "verbs": ["list", "watch"]});
    let rules = json!([rule("", "pods"), rule("resource.k8s.io", "resourceslices")]);
    cluster.grant(NAMESPACE, "read", &rules).unwrap();
    let labels = json!({"app.kubernetes.io/name": "bert", "team": "nlp", "gpu": "mine"});
    let uid = create_pod(&cluster, "bert-0", &labels, "Running");
    create_pod(&cluster, "done-0", &json!({}), "Succeeded");

    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kubeconfig");
    cluster.write_kubeconfig(&token, &config).unwrap();
    let (_child, address) = exporter_with(&gpulse, folder.path(), "h100-mixed", |command| {
        command
            .env("KUBECONFIG", &config)
            .env("NODE_NAME", NODE)
            .env("DCGM_EXPORTER_KUBERNETES_ENABLE_POD_UID", "true")
            .args(["--kubernetes-enable-pod-labels"])
            .args(["--kubernetes-pod-label-allowlist-regex", "^app,^gpu$"]);
    });
    let page = page_until(address, "the first page", |page| power(page).len() > 2);
    let gpus = [0, 1].map(|gpu| label(power(&page)[gpu], "UUID").unwrap().to_owned());
    let replicas = [format!("{}::0", gpus[0]), format!("{}::1", gpus[0])];
    let pods = vec![
        // Older kubelets list pods that are over.
        PodResources::new("holders/done-0", "main", "nvidia.com/gpu", &[&replicas[0]]),
        PodResources::new("holders/bert-0", "main", "nvidia.com/gpu", &[&replicas[1]]),
        claimed("bert-0"),
    ];
    let _server = Server::start(
        &folder.path().join("kubelet.sock"),
        Told::gpus(pods, &[&replicas[0], &replicas[1]]),
    )
    .unwrap();
    create_slice(&cluster, &gpus[1]);
    let page = page_until(address, "the claim", |page| page.contains("dra_claim_name=\"one-gpu\""));
    let first = power(&page)[0];
    for (name, value) in [
        ("app_kubernetes_io_name", Some("bert")),
        ("team", None),
        ("container", Some("main")),
        ("namespace", Some(NAMESPACE)),
        ("pod_uid", Some(uid.as_str())),
    ] {
        assert_eq!(label(first, name), value, "{name}: {first}");
    }
    assert!(first.contains("{gpu=\"0\",") && !first.contains("mine"), "{first}");
    let second = power(&page)[1];
    for (name, value) in [
        ("dra_device_name", "gpu-1"),
        ("dra_pool_name", NODE),
        ("dra_driver_name", "gpu.nvidia.com"),
        ("app_kubernetes_io_name", "bert"),
    ] {
        assert_eq!(label(second, name), Some(value), "{name}: {second}");
    }
    assert!(page.contains("gpulse_pod_labels_dropped{reason=\"taken\"} 1\n"));

    // A label that changes is followed by the watch, not by the clock of the kubelet.
    let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/bert-0");
    let mut pod = cluster.get(&path).unwrap();
    pod["metadata"]["labels"]["app.kubernetes.io/name"] = json!("gpt");
    cluster.replace(&path, &pod).unwrap();
    page_until(address, "the new label", |page| page.contains("app_kubernetes_io_name=\"gpt\""));
}
