//! The whole program over a simulated machine, with its page.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tests::child::Child;
use tests::environment::{self, GPULSE};
use tests::pod_resources::message::PodResources;
use tests::pod_resources::{Behaviour, Server, Told};
use tests::{http, or_skip, wait};

use super::one_pod;

/// The whole program over a simulated machine, asking this socket.
fn exporter(gpulse: &Path, folder: &Path, scenario: &str) -> (Child, SocketAddr) {
    exporter_with(gpulse, folder, scenario, |_| {})
}

/// The same after a change of its command line.
pub(crate) fn exporter_with(
    gpulse: &Path,
    folder: &Path,
    scenario: &str,
    change: impl FnOnce(&mut Command),
) -> (Child, SocketAddr) {
    let mut command = Command::new(gpulse);
    command
        .env_remove("KUBECONFIG")
        .env_remove("NODE_NAME")
        .args(["exporter", "--listen", "127.0.0.1:0", "--kubernetes", "--sim", scenario, "--state"])
        .arg(folder.join("state"))
        .arg("--pod-resources-kubelet-socket")
        .arg(folder.join("kubelet.sock"));
    change(&mut command);
    let mut child = Child::start("exporter", &mut command, folder).unwrap();
    let address = child.address().unwrap();
    (child, address)
}

/// Wait until a page is as it should be.
pub(crate) fn page_until(address: SocketAddr, what: &str, is_so: impl Fn(&str) -> bool) -> String {
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

pub(crate) fn power(page: &str) -> Vec<&str> {
    page.lines().filter(|line| line.starts_with("DCGM_FI_DEV_POWER_USAGE{")).collect()
}

/// The value of a label in the line of a sample.
pub(crate) fn label<'a>(line: &'a str, name: &str) -> Option<&'a str> {
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

    let health = http::get(address, "/health").unwrap();
    assert!(health.starts_with("OK\n") && health.contains("kubelet.sock"), "{health}");
    assert!(health.contains("pods: NODE_NAME is not set"), "{health}");

    let gpu = label(power(&page)[0], "UUID").unwrap();
    let mig = label(power(&page)[2], "DCGM_FI_DEV_UUID").unwrap();
    assert!(mig.starts_with("MIG-"), "{mig}");
    let pods = vec![
        PodResources::new("ml/bert-0", "train", "nvidia.com/gpu", &[gpu]),
        PodResources::new("serving/embed", "serve", "nvidia.com/mig-3g.40gb", &[mig]),
    ];
    let server =
        Server::start(&folder.path().join("kubelet.sock"), Told::gpus(pods, &[gpu])).unwrap();
    let page = page_until(address, "names", |page| page.contains("container=\"train\""));
    let lines = power(&page);
    let names = |line: &str| {
        ["container", "namespace", "pod"].map(|name| label(line, name).map(str::to_owned))
    };
    assert_eq!(names(lines[0]), ["train", "ml", "bert-0"].map(|name| Some(name.to_owned())));
    assert_eq!(names(lines[1]), [None, None, None]);
    assert_eq!(names(lines[2]), ["serve", "serving", "embed"].map(|name| Some(name.to_owned())));

    assert!(!http::get(address, "/health").unwrap().contains("kubelet.sock"));
    // The same holders are the allocations of the session engine.
    let allocations: Vec<[Option<&str>; 3]> = page
        .lines()
        .filter(|line| line.starts_with("gpu_allocation_info{"))
        .map(|line| ["gpu", "pod", "resource"].map(|name| label(line, name)))
        .collect();
    let expected =
        [["0", "bert-0", "nvidia.com/gpu"], ["2_0_0", "embed", "nvidia.com/mig-3g.40gb"]];
    assert_eq!(allocations, expected.map(|row| row.map(Some)));

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
    let _server =
        Server::start(&folder.path().join("kubelet.sock"), Told::gpus(pods, &[gpu])).unwrap();
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

#[test]
fn job_files_are_followed_as_the_batch_system_writes_them() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let jobs = folder.path().join("jobs");
    let (_child, address) = exporter_with(&gpulse, folder.path(), "h100-mixed", |command| {
        command.arg("--hpc-job-mapping-dir").arg(&jobs).arg("--use-old-namespace");
    });
    let page = page_until(address, "the first page", |page| !power(page).is_empty());
    assert!(power(&page).iter().all(|line| label(line, "hpc_job").is_none()));
    assert!(power(&page)[0].contains(",uuid=\"GPU-"));
    // The folder comes later than the exporter, as a prolog makes it.
    std::fs::create_dir(&jobs).unwrap();
    std::fs::write(jobs.join("1"), "4711\n4712\n").unwrap();
    let on_second = |page: &str| -> Vec<String> {
        let lines = power(page).into_iter().filter(|line| label(line, "gpu") == Some("1"));
        lines.filter_map(|line| label(line, "hpc_job").map(str::to_owned)).collect()
    };
    page_until(address, "both jobs", |page| on_second(page) == ["4711", "4712"]);
    std::fs::write(jobs.join("1"), "4712\n").unwrap();
    page_until(address, "the one that is left", |page| on_second(page) == ["4712"]);
    std::fs::remove_file(jobs.join("1")).unwrap();
    page_until(address, "no job", |page| on_second(page).is_empty() && power(page).len() == 6);
}

#[test]
fn s1_17_a_single_collection_asks_the_kubelet_before_it_writes() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("kubelet.sock");
    let collect = |kubernetes: &str| {
        let output = Command::new(&gpulse)
            .env_remove("KUBECONFIG")
            .env_remove("NODE_NAME")
            .args(["collect", "--output", "-", "--sim", "h100-mixed", kubernetes])
            .arg("--pod-resources-kubelet-socket")
            .arg(&socket)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let alone = collect("--kubernetes=false");
    assert!(!alone.contains("gpu_allocation_info{"), "{alone}");
    let gpu =
        label(alone.lines().find(|line| line.starts_with("gpu_device_info{")).unwrap(), "UUID")
            .unwrap();
    // A kubelet that is not there costs the names alone.
    assert!(collect("--kubernetes").contains("gpu_sessions_collect_success 1"));
    let pods = vec![PodResources::new("ml/bert-0", "train", "nvidia.com/gpu", &[gpu])];
    let _server = Server::start(&socket, Told::gpus(pods, &[gpu])).unwrap();
    let page = collect("--kubernetes");
    let held = page.lines().find(|line| line.starts_with("gpu_allocation_info{"));
    let held = held.unwrap_or_else(|| panic!("no allocation: {page}"));
    for (name, value) in [("namespace", "ml"), ("pod", "bert-0"), ("container", "train")] {
        assert_eq!(label(held, name), Some(value), "{held}");
    }
}
