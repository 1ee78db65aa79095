//! The kubelet's pod-resources API, real HTTP/2 and protobuf on a Unix socket: first the client
//! alone, in its own time, then the whole program with its page.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs and read the time")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use cluster::pod_resources::{Answer, Config, Handle, Newest, run};
use tests::child::Child;
use tests::environment::{self, GPULSE};
use tests::pod_resources::message::{
    AllocatableResourcesResponse, CdiDevice, ClaimResource, ContainerDevices, DynamicResource,
    ListPodResourcesResponse, PodResources,
};
use tests::pod_resources::{Behaviour, Server, Told};
use tests::{http, or_skip, wait};

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

fn told(pods: Vec<PodResources>, allocatable: &[&str]) -> Told {
    let devices = vec![ContainerDevices::new("nvidia.com/gpu", allocatable)];
    Told {
        list: ListPodResourcesResponse { pod_resources: pods },
        allocatable: Some(AllocatableResourcesResponse { devices, ..Default::default() }),
        behaviour: Behaviour::Answer,
    }
}

fn one_pod() -> Told {
    told(vec![PodResources::new("ml/bert-0", "train", "nvidia.com/gpu", &["GPU-a"])], &["GPU-a"])
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
    let _server = Server::start(&socket, told(vec![pod], &["GPU-a", "GPU-b"])).unwrap();
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
    let mut large = told(list_of(15 << 20), &["GPU-a"]);
    // Fill it up to the last byte.
    let missing = (16 << 20) - large.list.encoded_len();
    let mut filler = PodResources::default();
    filler.name = "y".repeat(missing - 10);
    large.list.pod_resources.push(filler);
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

/// The whole program over a simulated machine, asking this socket.
fn exporter(gpulse: &Path, folder: &Path, scenario: &str) -> (Child, SocketAddr) {
    let mut command = Command::new(gpulse);
    command
        .args(["exporter", "--listen", "127.0.0.1:0", "--kubernetes", "--sim", scenario, "--state"])
        .arg(folder.join("state"))
        .arg("--pod-resources-kubelet-socket")
        .arg(folder.join("kubelet.sock"));
    let mut child = Child::start("exporter", &mut command, folder).unwrap();
    let address = child.address().unwrap();
    (child, address)
}

/// Wait until a page is as it should be.
fn page_until(address: SocketAddr, what: &str, is_so: impl Fn(&str) -> bool) -> String {
    let page = wait::until(what, wait::PATIENCE, || {
        let page = http::get(address, "/metrics")?;
        ensure!(
            is_so(&page),
            "{}",
            page.lines().filter(|l| l.contains("POWER_USAGE")).collect::<String>()
        );
        Ok(page)
    });
    page.unwrap()
}

fn power(page: &str) -> Vec<&str> {
    page.lines().filter(|line| line.starts_with("DCGM_FI_DEV_POWER_USAGE{")).collect()
}

/// The value of a label in the line of a sample.
fn label<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("{name}=\""))?;
    rest.split('"').next()
}

#[test]
fn s2_22_the_page_names_who_holds_each_device_and_forgets_nobody_while_the_kubelet_is_ill() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let (child, address) = exporter(&gpulse, folder.path(), "h100-mixed");
    // Without a socket: no labels, no fault of the page, and a line that says why.
    let page = page_until(address, "the first page", |page| !power(page).is_empty());
    assert!(power(&page).iter().all(|line| label(line, "pod").is_none()));
    assert!(!page.contains("gpulse_podresources_age_seconds "), "{page}");
    wait::until("the reason", wait::PATIENCE, || {
        ensure!(child.log().contains("kubelet.sock"), "{}", child.log());
        Ok(())
    })
    .unwrap();

    let gpu = label(power(&page)[0], "UUID").unwrap();
    let mig = label(power(&page)[2], "DCGM_FI_DEV_UUID").unwrap();
    assert!(mig.starts_with("MIG-"), "{mig}");
    let pods = vec![
        PodResources::new("ml/bert-0", "train", "nvidia.com/gpu", &[gpu]),
        PodResources::new("serving/embed", "serve", "nvidia.com/mig-3g.40gb", &[mig]),
    ];
    let server = Server::start(&folder.path().join("kubelet.sock"), told(pods, &[gpu])).unwrap();
    let page = page_until(address, "names", |page| page.contains("container=\"train\""));
    let lines = power(&page);
    let names = |line: &str| {
        ["container", "namespace", "pod"].map(|name| label(line, name).map(str::to_owned))
    };
    assert_eq!(names(lines[0]), ["train", "ml", "bert-0"].map(|name| Some(name.to_owned())));
    assert_eq!(names(lines[1]), [None, None, None]);
    assert_eq!(names(lines[2]), ["serve", "serving", "embed"].map(|name| Some(name.to_owned())));

    // A scrape reads memory, whatever the kubelet does; the last answer stays.
    for behaviour in [Behaviour::Late(Duration::from_secs(30)), Behaviour::Garbage, Behaviour::Drop]
    {
        server.tell(|told| told.behaviour = behaviour);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) {
            let asked = Instant::now();
            let page = http::get(address, "/metrics").unwrap();
            assert!(asked.elapsed() < Duration::from_secs(2), "{behaviour:?}");
            assert_eq!(names(power(&page)[0])[2].as_deref(), Some("bert-0"), "{behaviour:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn without_an_api_server_a_pods_process_is_named_by_the_only_holder_of_its_gpu() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let (_child, address) = exporter(&gpulse, folder.path(), "h100-mixed");
    let page = page_until(address, "the first page", |page| !power(page).is_empty());
    let gpu = label(power(&page)[0], "UUID").unwrap();
    let pods = vec![PodResources::new("ml/bert-0", "train", "nvidia.com/gpu", &[gpu])];
    let _server = Server::start(&folder.path().join("kubelet.sock"), told(pods, &[gpu])).unwrap();
    let named = "pod=\"bert-0\",namespace=\"ml\",container=\"train\"";
    let process = |page: &str| {
        page.lines()
            .any(|line| line.starts_with("gpu_process_info{gpu=\"0\"") && line.contains(named))
    };
    page_until(address, "the name of the process", process);
}

#[test]
fn a_new_process_on_a_gpu_has_the_kubelet_asked_within_a_second() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("kubelet.sock"), one_pod()).unwrap();
    // One process comes and one goes each second.
    let (_child, _address) = exporter(&gpulse, folder.path(), "bench-8x256");
    wait::until("the first call", wait::PATIENCE, || {
        ensure!(server.lists() > 0);
        Ok(())
    })
    .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let before = server.lists();
    std::thread::sleep(Duration::from_secs(9));
    let calls = server.lists() - before;
    // By the clock alone it would be one.
    assert!((4..=18).contains(&calls), "{calls}");
    assert_eq!(server.connections(), 1);
}
