//! The node's side of the API server, against a real one: pods that come, go and come back, a server
//! that is killed, rights that are missing and are given, a ConfigMap and ResourceSlices.
//!
//! Every reader has a service account's token with the rights that its test gives it. There is no
//! kubelet: pods are written onto nodes by hand, and a kubelet's list comes from a TLS server of the
//! test.

#![cfg(test)]

#[path = "cluster_api/kubelet.rs"]
mod kubelet;
#[path = "cluster_api/world.rs"]
mod world;

use cluster::api::{Access, DeviceKind, Reason, State};
use model::pod::Workload;
use serde_json::json;
use tests::kubernetes::{Cluster, Programs};
use tests::or_skip;

use kubelet::Kubelet;
use world::{World, config_map_rights, lack, pod_rights, slice_rights, until};

#[test]
fn pods_of_this_node_appear_with_their_containers_and_workload() {
    let programs = or_skip!(Programs::find());
    let world = World::new(Cluster::shared(&programs).unwrap(), "names");
    world.grant("pods", &pod_rights());
    let before = world.run_pod("before", "node-names");
    let api = world.watch_pods("node-names");
    until("the pod that was there", || api.pods().by_uid(&before).is_some());
    assert!(api.pods_state().is_ok() && api.pods_lack().is_none());

    world.run_pod("elsewhere", "node-other");
    let owned = world.pod("web-5d8f7c9b6-x2x4q", "node-names");
    let uid = world.create_pod(owned, |pod| {
        pod["metadata"]["labels"] = json!({"app": "web", "pod-template-hash": "5d8f7c9b6"});
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8f7c9b6",
            "uid": "1", "controller": true
        }]);
    });
    let id = world.set_running("web-5d8f7c9b6-x2x4q");
    until("its container", || api.pods().by_container(&id).is_some());
    let pods = api.pods();
    let (pod, container) = pods.by_container(&id).unwrap();
    assert_eq!((pod.uid.as_str(), container.name.as_str()), (uid.as_str(), "main"));
    assert!(container.started.is_some());
    let deployment = Workload { kind: "Deployment".to_owned(), name: "web".to_owned() };
    assert_eq!(pod.workload, Some(deployment));
    assert_eq!(pod.labels["app"], "web");
    assert!(pods.by_name("names", "elsewhere").is_none(), "a pod of another node is not ours");
}

#[test]
fn a_pod_that_comes_back_under_its_name_is_another_and_the_old_one_is_remembered() {
    let programs = or_skip!(Programs::find());
    let world = World::new(Cluster::shared(&programs).unwrap(), "again");
    world.grant("pods", &pod_rights());
    let api = world.watch_pods("node-again");
    let named = |uid: &str| api.pods().by_name("again", "a").is_some_and(|pod| pod.uid == uid);
    let gone = |uid: &str| api.pods().by_uid(uid).is_some_and(|pod| pod.deleted.is_some());

    let first = world.run_pod("a", "node-again");
    let id = world.set_running("a");
    until("the first", || named(&first) && api.pods().by_container(&id).is_some());
    world.delete_pod("a");
    until("its end", || gone(&first));
    // It moves to another node, and back.
    world.run_pod("a", "node-far");
    world.delete_pod("a");
    let second = world.run_pod("a", "node-again");
    until("the second", || named(&second));
    assert!(gone(&first), "the first is remembered beside its successor");
    assert_eq!(api.pods().by_container(&id).unwrap().0.uid, first, "a session that just ended");
    assert_eq!(api.pods().all().len(), 2, "nothing of the other node");
}

#[test]
fn what_the_server_refuses_never_comes_and_long_annotations_do_no_harm() {
    let programs = or_skip!(Programs::find());
    let world = World::new(Cluster::shared(&programs).unwrap(), "long");
    world.grant("pods", &pod_rights());
    let api = world.watch_pods("node-long");
    let mut refused = world.pod("refused", "node-long");
    refused["metadata"]["labels"] = json!({"long": "x".repeat(10_000)});
    let error = world.try_create_pod(&refused).unwrap_err().to_string();
    assert!(error.contains("must be no more than 63"), "{error}");
    let uid = world.create_pod(world.pod("long", "node-long"), |pod| {
        pod["metadata"]["labels"] = json!({"long": "x".repeat(63)});
        pod["metadata"]["annotations"] = json!({"long": "é".repeat(100_000)});
    });
    until("the pod", || api.pods().by_uid(&uid).is_some());
    assert_eq!(api.pods().by_uid(&uid).unwrap().labels["long"].len(), 63);
}

#[test]
fn a_server_that_is_killed_leaves_the_pods_and_is_followed_again_when_it_is_back() {
    let programs = or_skip!(Programs::find());
    let cluster = std::sync::Arc::new(Cluster::start(&programs).unwrap());
    let world = World::new(std::sync::Arc::clone(&cluster), "outage");
    world.grant("pods", &pod_rights());
    world.grant("slices", &slice_rights());
    let stays = world.run_pod("stays", "node-outage");
    let ends = world.run_pod("ends", "node-outage");
    let api = world.watch_pods("node-outage");
    until("both pods", || api.pods().all().len() == 2 && api.slices_state().is_ok());

    cluster.kill_server();
    until("the fault", || lack(&api.pods_state()) == Some(Reason::Unreachable));
    assert!(api.pods_lack().unwrap().contains("cannot be reached"), "{:?}", api.pods_lack());
    assert_eq!(api.pods().all().len(), 2, "what was known stays");

    cluster.start_server_without("resource.k8s.io/v1").unwrap();
    world.delete_pod("ends");
    let comes = world.run_pod("comes", "node-outage");
    until("what happened meanwhile", || {
        let pods = api.pods();
        pods.by_uid(&comes).is_some() && pods.by_uid(&ends).is_some_and(|p| p.deleted.is_some())
    });
    assert!(api.pods().by_uid(&stays).is_some_and(|pod| pod.deleted.is_none()));
    until("a good state", || api.pods_state().is_ok());
    until("slices to be no fault", || *api.slices_state() == State::Absent);
}

#[test]
fn without_the_right_to_list_pods_the_kubelet_stands_in_until_it_is_given() {
    let programs = or_skip!(Programs::find());
    let world = World::new(Cluster::shared(&programs).unwrap(), "rights");
    let first = world.run_pod("first", "node-rights");
    let kubelet = Kubelet::start(&world.token()).unwrap();
    kubelet.tell(world.pods_of("node-rights"));
    let api = world.start(|settings| {
        settings.node = Some("node-rights".to_owned());
        settings.kubelet = Some(kubelet.url());
    });
    until("the kubelet's list", || api.pods().by_uid(&first).is_some());
    assert_eq!(lack(&api.pods_state()), Some(Reason::Forbidden));
    assert_eq!(lack(&api.slices_state()), Some(Reason::Forbidden));
    let said = api.pods_state().lack().unwrap().to_string();
    assert!(said.contains("the right to list and watch pods"), "{said}");
    assert_eq!(api.pods_lack(), None, "names are fresh: the kubelet tells them");

    // A UID that nobody knows is asked for before its time.
    let second = world.run_pod("second", "node-rights");
    kubelet.tell(world.pods_of("node-rights"));
    let asked = kubelet.asked();
    api.want();
    until("the unknown pod", || api.pods().by_uid(&second).is_some());
    for _ in 0..50 {
        api.want();
    }
    assert!(kubelet.asked() <= asked + 2, "not once for each time it is wanted");

    kubelet.refuse();
    until("both to fail", || api.pods_lack().is_some_and(|said| said.contains("nodes/pods")));
    world.grant("pods", &pod_rights());
    until("the right", || api.pods_state().is_ok() && *api.kubelet_state() == State::Off);
    let third = world.run_pod("third", "node-rights");
    until("the watch", || api.pods().by_uid(&third).is_some());
    assert_eq!(api.pods_lack(), None);
}

#[test]
fn a_config_map_is_read_again_when_it_changes_and_stays_when_it_cannot_be_read() {
    let programs = or_skip!(Programs::find());
    let world = World::new(Cluster::shared(&programs).unwrap(), "map");
    let api = world.start(|settings| settings.config_map = Some("map:metrics".parse().unwrap()));
    until("the refusal", || lack(&api.config_map_state()) == Some(Reason::Forbidden));
    assert_eq!(*api.pods_state(), State::Off);
    world.grant("map", &config_map_rights("metrics"));
    until("nothing there", || lack(&api.config_map_state()) == Some(Reason::Missing));
    assert!(api.config_map().is_none());

    let list = "DCGM_FI_DEV_GPU_TEMP, gauge, temperature\n";
    world.create_config_map("metrics", &json!({"metrics": list}));
    let text = || api.config_map().map(|text| text.to_string());
    until("the list", || text().as_deref() == Some(list) && api.config_map_state().is_ok());
    let changed = "# ä".repeat(5_000);
    world.replace_config_map("metrics", &json!({"metrics": changed}));
    until("its change", || text().as_deref() == Some(&*changed));
    world.replace_config_map("metrics", &json!({"other": "x"}));
    until("the key to be missed", || lack(&api.config_map_state()) == Some(Reason::Missing));
    assert_eq!(text(), Some(changed), "the last list serves meanwhile");
    world.revoke("map");
    until("the refusal", || lack(&api.config_map_state()) == Some(Reason::Forbidden));
}

#[test]
fn devices_of_claims_are_known_by_the_slices_of_this_node_and_driver() {
    let programs = or_skip!(Programs::find());
    let world = World::new(Cluster::shared(&programs).unwrap(), "slices");
    world.grant("slices", &slice_rights());
    let text = |text: &str| json!({"string": text});
    let gpu = json!({"name": "gpu-0", "attributes": {
        "type": text("gpu"), "uuid": text("GPU-0"), "minor": {"int": 0}
    }});
    let mig = json!({"name": "gpu-1-mig-19-0-1", "attributes": {
        "type": text("mig"), "uuid": text("MIG-1"), "profile": text("1g.10gb"),
        "parentUUID": text("GPU-1")
    }});
    world.create_slice("ours", "node-slices", "gpu.nvidia.com", &json!([gpu, mig]));
    world.create_slice("other-node", "node-far", "gpu.nvidia.com", &json!([gpu]));
    world.create_slice("other-driver", "node-slices", "gpu.example.com", &json!([gpu]));
    let api = world.watch_pods("node-slices");
    until("the devices", || api.slice_devices().len() == 2 && api.slices_state().is_ok());
    let devices = api.slice_devices();
    let (whole, part) = (
        devices.get("pool-ours", "gpu-0").unwrap(),
        devices.get("pool-ours", "gpu-1-mig-19-0-1").unwrap(),
    );
    assert_eq!((whole.kind, whole.uuid.as_str()), (DeviceKind::Gpu, "GPU-0"));
    assert_eq!((part.kind, part.uuid.as_str()), (DeviceKind::Mig, "MIG-1"));
    assert_eq!(part.profile.as_deref(), Some("1g.10gb"));
    assert_eq!(part.parent_uuid.as_deref(), Some("GPU-1"));
    assert_eq!(lack(&api.pods_state()), Some(Reason::Forbidden), "pods are another right");

    world.create_slice("more", "node-slices", "gpu.nvidia.com", &json!([gpu]));
    until("another slice", || api.slice_devices().get("pool-more", "gpu-0").is_some());
    world.delete_slice("ours");
    until("its end", || api.slice_devices().len() == 1);
}

#[test]
fn a_static_pod_is_found_by_the_hash_in_its_control_group() {
    let programs = or_skip!(Programs::find());
    let world = World::new(Cluster::shared(&programs).unwrap(), "static");
    world.grant("pods", &pod_rights());
    let api = world.watch_pods("node-static");
    let hash = "0123456789abcdef0123456789abcdef";
    let mirror = world.create_pod(world.pod("mps", "node-static"), |pod| {
        pod["metadata"]["annotations"] = json!({
            "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash,
            "kubernetes.io/config.source": "file"
        });
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "Node", "name": "node-static", "uid": "1",
            "controller": true
        }]);
    });
    until("the mirror", || api.pods().by_uid(&mirror).is_some());
    let pods = api.pods();
    let pod = pods.by_uid(hash).unwrap();
    assert_eq!((pod.uid.as_str(), pod.workload.as_ref()), (mirror.as_str(), None));
}

#[test]
fn a_token_that_is_none_and_a_server_that_is_another_are_told_apart() {
    let programs = or_skip!(Programs::find());
    let world = World::new(Cluster::shared(&programs).unwrap(), "strange");
    let folder = tempfile::tempdir().unwrap();
    let (token, other_ca) = (folder.path().join("token"), folder.path().join("ca"));
    std::fs::write(&token, "eyJhbGciOiJub25lIn0.e30.").unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&other_ca, made.cert.pem()).unwrap();

    let stranger = world.start(|settings| {
        settings.node = Some("node-strange".to_owned());
        let Access::Address { token_file, .. } = &mut settings.access else { unreachable!() };
        token_file.clone_from(&token);
    });
    let impostor = world.start(|settings| {
        settings.node = Some("node-strange".to_owned());
        let Access::Address { ca_file, .. } = &mut settings.access else { unreachable!() };
        ca_file.clone_from(&other_ca);
    });
    until("the refusal", || lack(&stranger.pods_state()) == Some(Reason::Unauthorized));
    until("the distrust", || lack(&impostor.pods_state()) == Some(Reason::Unreachable));
    let said = impostor.pods_lack().unwrap();
    assert!(said.contains("certificate") && said.contains("CA certificate"), "{said}");
    assert!(stranger.pods_lack().unwrap().contains("check the token"));
}
