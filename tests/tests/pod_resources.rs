//! The kubelet's pod-resources API, real HTTP/2 and protobuf on a Unix socket: first the client
//! alone, in its own time, then the whole program with its page.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs and read the time")]

#[path = "pod_resources/in_cluster.rs"]
mod in_cluster;
#[path = "pod_resources/known_dashboards.rs"]
mod known_dashboards;
#[path = "pod_resources/program.rs"]
mod program;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use cluster::pod_resources::{Answer, Config, Handle, Newest, run};
use tests::pod_resources::message::{
    CdiDevice, ClaimResource, ContainerDevices, DynamicResource, PodResources,
};
use tests::pod_resources::{Behaviour, Server, Told};
use tests::wait;

/// The client in a runtime of its own.
struct Asking {
    handle: Handle,
    _runtime: tokio::runtime::Runtime,
}

impl Asking {
    fn start(socket: &Path, resource_names: &[&str]) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let handle = Handle::default();
        let config = Config {
            socket: socket.to_owned(),
            resource_names: resource_names.iter().map(|name| (*name).to_owned()).collect(),
        };
        runtime.spawn(run(config, handle.clone()));
        Self { handle, _runtime: runtime }
    }

    fn until(&self, what: &str, is_so: impl Fn(&Newest) -> bool) -> Arc<Newest> {
        let found = wait::until(what, Duration::from_secs(30), || {
            let newest = self.handle.newest();
            ensure!(is_so(&newest), "{newest:?}");
            Ok(newest)
        });
        found.unwrap()
    }

    fn first(&self) -> Arc<Answer> {
        let newest = self.until("an answer", |newest| newest.answer.is_some());
        newest.answer.clone().unwrap()
    }
}

fn one_pod() -> Told {
    Told::gpus(
        vec![PodResources::new("ml/bert-0", "train", "nvidia.com/gpu", &["GPU-a"])],
        &["GPU-a"],
    )
}

#[test]
fn s2_22_grants_come_with_their_resource_id_and_container() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("kubelet.sock");
    let mut pod = PodResources::new("ml/bert-0", "train", "nvidia.com/gpu", &["GPU-a", "GPU-b"]);
    let container = &mut pod.containers[0];
    container.devices.push(ContainerDevices::new("example.com/gpu", &["x"]));
    container.devices.push(ContainerDevices::new("rdma/hca", &["mlx5_0"]));
    container.dynamic_resources.push(DynamicResource {
        claim_name: "one".to_owned(),
        claim_namespace: "ml".to_owned(),
        claim_resources: vec![ClaimResource {
            cdi_devices: vec![CdiDevice { name: "k8s.gpu.nvidia.com/claim=1".to_owned() }],
            driver_name: "gpu.nvidia.com".to_owned(),
            pool_name: "node-a".to_owned(),
            device_name: "gpu-0".to_owned(),
            share_id: Some("1".to_owned()),
        }],
    });
    let _server = Server::start(&socket, Told::gpus(vec![pod], &["GPU-a", "GPU-b"])).unwrap();
    let answer = Asking::start(&socket, &["example.com/gpu"]).first();
    let grants: Vec<String> = answer
        .grants
        .iter()
        .map(|grant| {
            let claim = grant.claim.as_ref().map_or("", |claim| claim.device.as_str());
            let holder = &grant.holder;
            let (pod, container) = (&holder.pod, &holder.container);
            format!(
                "{} {}{claim} {}/{pod}/{container}",
                grant.resource, grant.device_id, holder.namespace
            )
        })
        .collect();
    assert_eq!(
        grants,
        [
            "nvidia.com/gpu GPU-a ml/bert-0/train",
            "nvidia.com/gpu GPU-b ml/bert-0/train",
            "example.com/gpu x ml/bert-0/train",
            "gpu.nvidia.com gpu-0 ml/bert-0/train",
        ]
    );
    assert_eq!(answer.allocatable.as_ref().unwrap().len(), 2);
}

#[test]
fn one_connection_is_kept_and_a_wake_is_answered_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("kubelet.sock");
    let server = Server::start(&socket, one_pod()).unwrap();
    let asking = Asking::start(&socket, &[]);
    let first = asking.first();
    for round in 1..=4 {
        let woken = Instant::now();
        asking.handle.wake();
        wait::until("the next call", Duration::from_secs(5), || {
            ensure!(server.lists() > round);
            Ok(())
        })
        .unwrap();
        assert!(woken.elapsed() < Duration::from_secs(1), "{:?}", woken.elapsed());
    }
    assert_eq!(server.connections(), 1);
    // The same words are the same answer, so that nobody works it out again.
    let again = asking.until("the answer", |newest| newest.answer.is_some());
    assert!(Arc::ptr_eq(&first, again.answer.as_ref().unwrap()));
    // Wakes without end do not become calls without end.
    let (before, begun) = (server.lists(), Instant::now());
    while begun.elapsed() < Duration::from_secs(2) {
        asking.handle.wake();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(server.lists() - before <= 5, "{}", server.lists() - before);
}

#[test]
fn without_a_socket_the_reason_and_the_remedy_are_there_and_it_is_found_later() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("kubelet.sock");
    let asking = Asking::start(&socket, &[]);
    let newest = asking.until("a fault", |newest| newest.fault.is_some());
    let fault = newest.fault.as_ref().unwrap();
    assert!(
        fault.reason.contains("kubelet.sock") && fault.reason.contains("No such file"),
        "{fault:?}"
    );
    assert!(fault.remedy.contains("hostPath"), "{fault:?}");
    assert!(newest.answer.is_none() && newest.answered.is_none());
    let _server = Server::start(&socket, one_pod()).unwrap();
    asking.handle.wake();
    assert_eq!(asking.first().grants.len(), 1);
    assert!(asking.handle.newest().fault.is_none());
}

#[test]
fn garbage_a_late_answer_and_a_broken_connection_keep_the_last_answer_and_heal() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("kubelet.sock");
    let server = Server::start(&socket, one_pod()).unwrap();
    let asking = Asking::start(&socket, &[]);
    asking.first();
    let faults = [
        (Behaviour::Garbage, "decode"),
        (Behaviour::Fail, "as the test wants it"),
        (Behaviour::Drop, "kubelet.sock"),
        (Behaviour::Late(Duration::from_secs(8)), "no answer within 3 s"),
    ];
    for (behaviour, said) in faults {
        server.tell(|told| told.behaviour = behaviour);
        asking.handle.wake();
        let newest = asking.until("a fault", |newest| newest.fault.is_some());
        let fault = newest.fault.as_ref().unwrap();
        assert!(fault.reason.contains(said), "{behaviour:?}: {fault:?}");
        assert!(!fault.remedy.is_empty());
        assert_eq!(newest.answer.as_ref().unwrap().grants.len(), 1, "{behaviour:?}");
        server.tell(|told| told.behaviour = Behaviour::Answer);
        asking.handle.wake();
        asking.until("an answer again", |newest| newest.fault.is_none());
    }
}

#[test]
fn a_kubelet_that_does_not_tell_what_can_be_given_is_listed_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("kubelet.sock");
    let _server = Server::start(&socket, Told { allocatable: None, ..one_pod() }).unwrap();
    let asking = Asking::start(&socket, &[]);
    let answer = asking.first();
    assert_eq!((answer.grants.len(), &answer.allocatable), (1, &None));
    assert!(asking.handle.newest().fault.is_none());
}

/// A list whose message has about that many bytes.
fn list_of(bytes: usize) -> Vec<PodResources> {
    let name = "x".repeat(250);
    let mut pods: Vec<PodResources> = (0..bytes / 380)
        .map(|n| PodResources::new(&format!("{name}/pod-{n}"), "c", "cpu.example/x", &["1"]))
        .collect();
    pods.push(PodResources::new("ml/bert-0", "train", "nvidia.com/gpu", &["GPU-a"]));
    pods
}

#[test]
fn an_answer_of_sixteen_mebibytes_is_read_and_a_longer_one_is_a_fault() {
    use prost::Message as _;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("kubelet.sock");
    let mut large = Told::gpus(list_of(15 << 20), &["GPU-a"]);
    // Fill it up to the last byte.
    let missing = (16 << 20) - large.list.encoded_len();
    let name = "y".repeat(missing - 10);
    large.list.pod_resources.push(PodResources { name, ..PodResources::default() });
    let short = (16 << 20) - large.list.encoded_len();
    large.list.pod_resources.last_mut().unwrap().name.push_str(&"y".repeat(short));
    assert_eq!(large.list.encoded_len(), 16 << 20);
    let server = Server::start(&socket, large).unwrap();
    let asking = Asking::start(&socket, &[]);
    assert_eq!(asking.first().grants.len(), 1);
    server.tell(|told| told.list.pod_resources.last_mut().unwrap().name.push('y'));
    asking.handle.wake();
    let newest = asking.until("a fault", |newest| newest.fault.is_some());
    let reason = &newest.fault.as_ref().unwrap().reason;
    assert!(reason.contains("16777216"), "{reason}");
    assert_eq!(newest.answer.as_ref().unwrap().grants.len(), 1);
}
