//! The complete page where devices have holders: what the kubelet, claims, pods and job files say
//! over a simulated machine, byte for byte.
//!
//! Words of the kubelet are published in the place of its client, which has tests of its own.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::api::{DeviceKind, SliceDevice, SliceDevices};
use cluster::pod_resources::{Allocatable, Answer, Handle, Newest};
use exporter::holders::{Cluster, Sources, jobs};
use exporter::page::Style;
use exporter::{Config, Kubernetes, Snapshot};
use model::Stop;
use model::allocation::{Claim, Grant, Holder};
use model::pod::{Pod, PodContainer, Pods};

use crate::golden::compare;
use crate::watched::{Watched, patient};

/// One GPU.
const ONE: &str = "h100-load";
/// Two whole GPUs, and one cut into four instances.
const MIXED: &str = "h100-mixed";

/// What stands in for the API server.
#[derive(Debug, Default)]
struct Told {
    pods: Vec<Arc<Pod>>,
    claims: Vec<(&'static str, SliceDevice)>,
    pods_told: std::sync::OnceLock<Arc<Pods>>,
    claims_told: std::sync::OnceLock<Arc<SliceDevices>>,
}

impl Cluster for Told {
    fn pods(&self) -> Option<Arc<Pods>> {
        Some(Arc::clone(self.pods_told.get_or_init(|| Arc::new(Pods::new(self.pods.clone())))))
    }

    fn claim_devices(&self) -> Arc<SliceDevices> {
        let claims = || {
            let mut devices = SliceDevices::default();
            for (name, device) in &self.claims {
                devices.insert("gpu-b", name, device.clone());
            }
            Arc::new(devices)
        };
        Arc::clone(self.claims_told.get_or_init(claims))
    }

    fn want(&self) {}

    fn lack(&self) -> Option<String> {
        None
    }
}

/// UUIDs of the scenario's session devices, in their order.
fn uuids(scenario: &str) -> Vec<String> {
    let snapshot = Watched::new(scenario, Duration::from_secs(900)).run(Duration::from_secs(1));
    let gpus = snapshot.pass.gpus.iter();
    gpus.flat_map(|gpu| &gpu.devices).map(|device| device.uuid().to_owned()).collect()
}

fn holder(name: &str) -> Arc<Holder> {
    let mut parts = name.split('/').map(str::to_owned);
    let mut next = || parts.next().unwrap();
    Arc::new(Holder { namespace: next(), pod: next(), container: next(), ..Holder::default() })
}

fn grant(resource: &str, id: &str, name: &str) -> Grant {
    Grant { resource: resource.into(), device_id: id.to_owned(), holder: holder(name), claim: None }
}

fn claimed(device: &str, claim: &str, name: &str) -> Grant {
    let claim = Claim {
        name: claim.to_owned(),
        namespace: "ml".to_owned(),
        driver: "gpu.nvidia.com".to_owned(),
        pool: "gpu-b".to_owned(),
        device: device.to_owned(),
        ..Claim::default()
    };
    Grant { claim: Some(Arc::new(claim)), ..grant("gpu.nvidia.com", "", name) }
}

/// The kubelet's words.
fn kubelet(grants: Vec<Grant>, allocatable: &[(&str, String)]) -> Handle {
    let ids = allocatable
        .iter()
        .map(|(resource, id)| Allocatable { resource: (*resource).into(), device_id: id.clone() });
    let answer = Answer { grants, allocatable: Some(ids.collect()), left_out: 0 };
    let handle = Handle::default();
    handle.publish(Newest {
        answer: Some(Arc::new(answer)),
        answered: Some(Instant::now().into()),
        fault: None,
    });
    handle
}

fn in_cluster(kubernetes: Kubernetes) -> Config {
    Config { kubernetes: Some(kubernetes), ..patient() }
}

/// A page after forty seconds.
fn watched(scenario: &str, config: &Config, sources: Sources) -> Arc<Snapshot> {
    Watched::holding(scenario, config, sources).run(Duration::from_secs(40))
}

fn page(name: &str, scenario: &str, config: &Config, sources: Sources) {
    compare(name, &watched(scenario, config, sources), &Style::from(config));
}

#[test]
fn s2_22_one_pod_on_each_gpu_and_mig_instance() {
    let uuids = uuids(MIXED);
    let (gpu, mig) = ("nvidia.com/gpu", "nvidia.com/mig-1g.10gb");
    let grants = vec![
        grant(gpu, &uuids[0], "ml/bert-0/train"),
        grant(gpu, &uuids[1], "ml/bert-1/train"),
        grant("nvidia.com/mig-3g.40gb", &uuids[2], "serving/embed/serve"),
        grant(mig, &uuids[5], "lab/jupyter-kim/notebook"),
    ];
    let resources = [gpu, gpu, "nvidia.com/mig-3g.40gb", "nvidia.com/mig-2g.20gb", mig, mig];
    let all: Vec<(&str, String)> = resources.into_iter().zip(uuids).collect();
    let sources = Sources { pod_resources: Some(kubelet(grants, &all)), ..Sources::default() };
    page("holders-each", MIXED, &in_cluster(Kubernetes::default()), sources);
}

fn replicas(uuid: &str, resource: &'static str) -> Vec<(&'static str, String)> {
    (0..4).map(|n| (resource, format!("{uuid}::{n}"))).collect()
}

#[test]
fn time_slicing_prints_the_device_once_and_names_nobody() {
    let uuid = &uuids(ONE)[0];
    let gpu = "nvidia.com/gpu.shared";
    let grants = vec![
        grant(gpu, &format!("{uuid}::0"), "ml/bert-0/train"),
        grant(gpu, &format!("{uuid}::1"), "ml/bert-0/train"),
        grant(gpu, &format!("{uuid}::3"), "web/llm-7f/serve"),
    ];
    let pod_resources = Some(kubelet(grants, &replicas(uuid, gpu)));
    let sources = Sources { pod_resources, ..Sources::default() };
    page("holders-time-slicing", ONE, &in_cluster(Kubernetes::default()), sources);
}

#[test]
fn mps_in_containers_of_one_pod_names_the_pod() {
    let uuid = &uuids(ONE)[0];
    let gpu = "nvidia.com/gpu";
    let grants = vec![
        grant(gpu, &format!("{uuid}::2"), "ml/bert-0/train"),
        grant(gpu, &format!("{uuid}::0"), "ml/bert-0/evaluate"),
    ];
    let pod_resources = Some(kubelet(grants, &replicas(uuid, gpu)));
    let sources = Sources { pod_resources, ..Sources::default() };
    page("holders-mps", ONE, &in_cluster(Kubernetes::default()), sources);
}

#[test]
fn claims_name_their_devices_and_a_mig_device_is_its_own_instance() {
    let uuids = uuids(MIXED);
    let device = |kind, uuid: &String, profile: Option<&str>| SliceDevice {
        kind,
        uuid: uuid.clone(),
        profile: profile.map(str::to_owned),
        parent_uuid: None,
    };
    let told = Told {
        claims: vec![
            ("gpu-0", device(DeviceKind::Gpu, &uuids[0], None)),
            ("gpu-1", device(DeviceKind::Gpu, &uuids[1], None)),
            ("gpu-2-mig-3g40gb-0", device(DeviceKind::Mig, &uuids[2], Some("3g.40gb"))),
        ],
        ..Told::default()
    };
    let grants = vec![
        claimed("gpu-0", "whole", "ml/bert-0/train"),
        claimed("gpu-1", "shared", "ml/bert-1/train"),
        claimed("gpu-1", "shared", "ml/bert-2/train"),
        claimed("gpu-2-mig-3g40gb-0", "part", "serving/embed/serve"),
    ];
    let sources = Sources {
        pod_resources: Some(kubelet(grants, &[])),
        cluster: Some(Arc::new(told)),
        ..Sources::default()
    };
    page("holders-dra", MIXED, &in_cluster(Kubernetes::default()), sources);
}

#[test]
fn jobs_repeat_the_samples_of_their_gpu() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("0"), "4711\n4712\n").unwrap();
    let handle = jobs::Handle::default();
    let stop = Arc::new(Stop::default());
    jobs::watch(folder.path().to_owned(), handle.clone(), Arc::clone(&stop)).unwrap();
    let begun = Instant::now();
    while !handle.newest().is_there {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    let sources = Sources { jobs: Some(handle), ..Sources::default() };
    page("holders-jobs", ONE, &patient(), sources);
    stop.stop();
}

#[test]
fn the_oldest_dashboards_find_their_names() {
    let uuid = &uuids(ONE)[0];
    let grants = vec![grant("nvidia.com/gpu", uuid, "ml/bert-0/train")];
    let sources = Sources { pod_resources: Some(kubelet(grants, &[])), ..Sources::default() };
    let kubernetes = in_cluster(Kubernetes::default());
    let config = Config { use_old_namespace: true, ..kubernetes };
    page("holders-old-namespace", ONE, &config, sources);
}

fn told_pod(labels: BTreeMap<String, String>) -> Told {
    let pod = Pod {
        namespace: "ml".to_owned(),
        name: "bert-0".to_owned(),
        uid: "5e1d7c9a-0b3f-4a52-9a53-3f1b6a0d2c11".to_owned(),
        labels,
        containers: vec![PodContainer { name: "train".to_owned(), id: None, started: None }],
        ..Pod::default()
    };
    Told { pods: vec![Arc::new(pod)], ..Told::default() }
}

#[test]
fn labels_of_pods_with_quotes_newlines_and_4096_bytes_read_back() {
    let uuid = &uuids(ONE)[0];
    let long = "x".repeat(4096);
    let labels = [
        ("app.kubernetes.io/name", "bert"),
        ("note", "says \"hi\"\nand \\ that"),
        ("long", &long),
        ("gpu", "taken"),
        ("a-b", "first"),
        ("a.b", "second"),
        ("1st", "digit"),
    ];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config =
        in_cluster(Kubernetes { pod_labels: true, pod_uid: true, ..Kubernetes::default() });
    let grants = vec![grant("nvidia.com/gpu", uuid, "ml/bert-0/train")];
    let sources = Sources {
        pod_resources: Some(kubelet(grants, &[])),
        cluster: Some(Arc::new(told_pod(BTreeMap::from(labels)))),
        ..Sources::default()
    };
    let snapshot = watched(ONE, &config, sources);
    let text = exporter::page::render(&snapshot, config.parts, &Style::from(&config));
    let families = model::text::parse(&text).unwrap();
    let power = families.iter().find(|f| f.name == "DCGM_FI_DEV_POWER_USAGE").unwrap();
    let label = |name: &str| power.samples[0].label(name).map(str::to_owned);
    assert_eq!(label("note").as_deref(), Some("says \"hi\"\nand \\ that"));
    assert_eq!(label("long"), Some(long));
    assert_eq!(label("gpu").as_deref(), Some("0"));
    compare("holders-pod-labels", &snapshot, &Style::from(&config));
}

#[test]
fn a_holder_that_changes_is_followed_by_the_next_pass() {
    let uuid = &uuids(ONE)[0];
    let handle = kubelet(vec![grant("nvidia.com/gpu", uuid, "ml/bert-0/train")], &[]);
    let sources = Sources { pod_resources: Some(handle.clone()), ..Sources::default() };
    let config = in_cluster(Kubernetes::default());
    let mut watched = Watched::holding(ONE, &config, sources);
    let pod = |snapshot: &Snapshot| {
        let page = exporter::page::render(snapshot, config.parts, &Style::from(&config));
        let line = page.lines().find(|line| line.starts_with("DCGM_FI_DEV_POWER_USAGE{")).unwrap();
        line.split_once(",pod=\"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
    };
    assert_eq!(pod(&watched.run(Duration::from_secs(3))).as_deref(), Some("bert-0"));
    let next = Answer {
        grants: vec![grant("nvidia.com/gpu", uuid, "ml/gpt-0/train")],
        ..Answer::default()
    };
    let newest = Newest { answer: Some(Arc::new(next)), ..Newest::clone(&handle.newest()) };
    handle.publish(newest.clone());
    assert_eq!(pod(&watched.step()).as_deref(), Some("gpt-0"));
    handle.publish(Newest { answer: None, ..newest });
    assert_eq!(pod(&watched.step()), None);
}
