//! Checks over hand-made evidence.

use std::fs;
use std::path::PathBuf;

use gpu::{Health, IdleInstance, SourceState};

use super::*;
use crate::testing::{machine, snapshot, whole, without_driver};

/// The answer to one check about this snapshot.
fn about(snapshot: &Snapshot, id: &str) -> Answer {
    about_watched(snapshot, id, false)
}

/// The same, where an exporter watches the machine or not.
pub(super) fn about_watched(snapshot: &Snapshot, id: &str, is_watched: bool) -> Answer {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path());
    let evidence = Evidence {
        snapshot,
        host: &machine.host,
        textfile: &dir.path().join("gpu_sessions.prom"),
        kubelet: &dir.path().join("kubelet.sock"),
        state_dir: None,
        is_watched,
    };
    examine(&evidence).into_iter().find(|answer| answer.id == id).unwrap()
}

fn status(snapshot: &Snapshot, id: &str) -> Status {
    about(snapshot, id).status
}

#[test]
fn ids_are_stable_unique_and_every_check_has_a_question_and_a_remedy() {
    let ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(
        ids,
        [
            "simulated",
            "nvml-library",
            "driver",
            "nvidia-smi",
            "gpus-visible",
            "gpus-expected",
            "gpus-healthy",
            "processes-readable",
            "process-utilization",
            "gpm",
            "mig-instances-without-compute",
            "pid-namespace",
            "procfs",
            "pod-resources",
            "findings",
            "textfile-folder",
            "state-folder"
        ]
    );
    assert!(CHECKS.iter().all(|check| check.question.ends_with('?') && !check.remedy.is_empty()));
}

#[test]
fn a_driver_that_is_missing_fails_with_its_own_remedy_unless_there_is_no_gpu_at_all() {
    let answer = about(&without_driver(), "nvml-library");
    assert_eq!((answer.status, answer.evidence.as_str()), (Status::Fail, "no library"));
    assert_eq!(answer.remedy.as_deref(), Some("install it"));
    let mut without_gpu = without_driver();
    without_gpu.expected_gpus = Some(0);
    assert_eq!(status(&without_gpu, "nvml-library"), Status::Warn);
    assert_eq!(status(&without_gpu, "gpus-expected"), Status::Ok);
    assert_eq!(status(&without_gpu, "gpm"), Status::NotApplicable);
}

#[test]
fn a_gpu_that_is_missing_lost_or_not_permitted_is_named() {
    let mut lost = whole(1, "X", &[]);
    lost.health = Health::Lost;
    let mut refused = whole(2, "X", &[]);
    refused.health = Health::NoPermission("profiling");
    let mut snapshot = snapshot(vec![whole(0, "X", &[(1001, 0.5)]), lost, refused]);
    snapshot.expected_gpus = Some(4);
    let healthy = about(&snapshot, "gpus-healthy");
    assert_eq!(healthy.status, Status::Fail);
    assert_eq!(healthy.evidence, "GPU 1: lost; GPU 2: no permission to read profiling");
    assert_eq!(about(&snapshot, "gpus-expected").evidence, "3 of 4");
    assert_eq!(about(&snapshot, "gpm").evidence, "GPU 2: not supported");
    assert_eq!(status(&snapshot, "gpus-visible"), Status::Ok);
}

#[test]
fn s1_25_an_instance_without_compute_instance_is_named_with_the_remedy() {
    let mut gpu = whole(0, "X", &[]);
    assert_eq!(
        status(&snapshot(vec![gpu.clone()]), "mig-instances-without-compute"),
        Status::NotApplicable
    );
    gpu.mig_enabled = Some(true);
    gpu.instances_without_ci =
        vec![IdleInstance { gpu_instance: 9, profile: "1g.10gb".to_owned() }];
    let answer = about(&snapshot(vec![gpu]), "mig-instances-without-compute");
    assert_eq!(answer.status, Status::Warn);
    assert_eq!(answer.evidence, "GPU 0: no compute instance in 1g.10gb (id 9)");
    assert!(answer.remedy.unwrap().contains("-cci"));
}

#[test]
fn the_fallback_and_simulation_are_said_openly() {
    let mut snapshot = snapshot(vec![whole(0, "X", &[])]);
    assert_eq!(status(&snapshot, "nvidia-smi"), Status::NotApplicable);
    assert_eq!(status(&snapshot, "simulated"), Status::Ok);
    snapshot.pass.source = SourceState::NvidiaSmi;
    snapshot.simulated = true;
    assert_eq!(status(&snapshot, "nvidia-smi"), Status::Warn);
    assert_eq!(status(&snapshot, "nvml-library"), Status::Warn);
    assert_eq!(status(&snapshot, "simulated"), Status::Warn);
}

#[test]
fn folders_are_judged_without_writing_into_them() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path());
    let snapshot = snapshot(Vec::new());
    let judge = |textfile: &Path, state_dir: Option<PathBuf>| {
        let host = &machine.host;
        let state_dir = state_dir.as_deref();
        let kubelet = Path::new("/none");
        let evidence =
            Evidence { snapshot: &snapshot, host, textfile, kubelet, state_dir, is_watched: false };
        let answers = examine(&evidence);
        let status = |id: &str| answers.iter().find(|answer| answer.id == id).unwrap().status;
        (status("textfile-folder"), status("state-folder"))
    };
    let here = dir.path().join("gpu_sessions.prom");
    let missing = dir.path().join("missing/gpu_sessions.prom");
    let read_only = Path::new("/proc/sys/gpu_sessions.prom");
    assert_eq!(judge(&here, Some(dir.path().to_owned())), (Status::Ok, Status::Ok));
    assert_eq!(judge(&missing, None), (Status::NotApplicable, Status::Warn));
    assert_eq!(judge(read_only, None).0, Status::Fail);
    assert!(!here.exists() && fs::read_dir(dir.path()).unwrap().count() == 2);
}

#[test]
fn a_kubelet_that_is_not_there_is_no_fault_and_a_dead_socket_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let machine = machine(dir.path());
    let snapshot = snapshot(Vec::new());
    let socket = dir.path().join("kubelet.sock");
    let judge = || {
        let (host, textfile) = (&machine.host, Path::new("/none"));
        let evidence = Evidence {
            snapshot: &snapshot,
            host,
            textfile,
            kubelet: &socket,
            state_dir: None,
            is_watched: false,
        };
        examine(&evidence).into_iter().find(|answer| answer.id == "pod-resources").unwrap()
    };
    assert_eq!(judge().status, Status::NotApplicable);
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let answer = judge();
    assert_eq!(answer.status, Status::Warn);
    assert!(answer.evidence.contains("refused"), "{answer:?}");
    assert!(answer.remedy.unwrap().contains("systemctl status kubelet"));
}
