//! What the pod and container of a process are called.

use std::sync::Arc;

use model::Reading;
use model::allocation::Grant;
use model::device::Device;
use model::observation::{ContextKind, DeviceObservation, DeviceProcess};
use model::pod::{Pod, PodContainer, Pods};
use model::process::{Owner, OwnerKind, PodNames, ProcessFacts};

use super::super::names;
use super::{answer, device, grant, pod, resolved};

fn owner(kind: OwnerKind, pod_uid: Option<&str>, container_id: Option<&str>) -> Owner {
    Owner {
        kind,
        pod_uid: pod_uid.map(str::to_owned),
        container_id: container_id.map(str::to_owned),
        ..Owner::default()
    }
}

#[test]
fn a_process_is_named_by_its_container_else_by_its_pod() {
    let mut two = pod("gpt", &[]);
    two.containers.push(PodContainer { name: "b".to_owned(), id: None, started: None });
    let hash = Pod { config_hash: Some("f".repeat(32)), ..pod("static", &[]) };
    let pods = Pods::new([pod("bert", &[]), two, hash].map(Arc::new).to_vec());
    let name = |uid: Option<&str>, id: Option<&str>| {
        names::by_pods(&pods, &owner(OwnerKind::Pod, uid, id))
            .map(|PodNames { pod, container, .. }| format!("{pod}/{container}"))
    };
    assert_eq!(name(None, Some("id-gpt")).as_deref(), Some("gpt/a"));
    assert_eq!(name(Some("uid-bert"), Some("id-new")).as_deref(), Some("bert/a"));
    assert_eq!(name(Some("uid-gpt"), None).as_deref(), Some("gpt/"));
    assert_eq!(name(Some(&"f".repeat(32)), None).as_deref(), Some("static/a"));
    assert_eq!(name(Some("uid-else"), Some("id-else")), None);
    assert_eq!(name(None, None), None);
}

#[test]
fn without_pods_the_only_holder_of_the_device_is_concluded() {
    let named = |grants: Vec<Grant>, kind: OwnerKind, on: &[Arc<Device>]| {
        let held = resolved(&answer(grants, &[]));
        let facts = ProcessFacts {
            pid: 42,
            owner: owner(kind, Some("uid-x"), None),
            ..ProcessFacts::default()
        };
        let seen: Vec<DeviceObservation> = on.iter().map(observation).collect();
        names::by_holdings(&held.holdings, &facts, &seen)
            .map(|names| (names.container, names.inferred))
    };
    let one = || vec![grant("GPU-0::0", "ml/bert/a")];
    let two = || vec![grant("GPU-0::0", "ml/bert/a"), grant("GPU-0::1", "ml/bert/b")];
    let gpu = [device(0, None)];
    assert_eq!(named(one(), OwnerKind::Pod, &gpu), Some(("a".to_owned(), true)));
    assert_eq!(named(two(), OwnerKind::Pod, &gpu), None);
    assert_eq!(named(one(), OwnerKind::User, &gpu), None);
    // A second device that the container does not hold speaks against it.
    assert_eq!(named(one(), OwnerKind::Pod, &[device(0, None), device(1, Some((9, 0)))]), None);
    assert_eq!(named(one(), OwnerKind::Pod, &[]), None);
}

fn observation(device: &Arc<Device>) -> DeviceObservation {
    let process = DeviceProcess { pid: 42, kind: ContextKind::Compute, memory_bytes: None };
    DeviceObservation {
        device: Arc::clone(device),
        down: None,
        processes: Reading::Value(vec![process]),
        used_bytes: None,
        finished: Vec::new(),
        process_use: None,
        activity: None,
        sm_activity: None,
        progress: None,
        energy: None,
    }
}
