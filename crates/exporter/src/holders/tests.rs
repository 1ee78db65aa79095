//! Grants, pods and job files over devices that are put together by hand.

mod naming;

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::api::{DeviceKind, SliceDevice, SliceDevices};
use cluster::pod_resources::{self, Allocatable, Answer};
use gpu::GpuView;
use model::allocation::{Claim, Grant, Holder, Holding};
use model::device::{Device, MigDevice};
use model::pod::{Pod, PodContainer, Pods};

use super::labels::Settings;
use super::{EntityLabels, Held, Holders, Inputs, Sources, jobs, resolve};
use crate::testing::{instance, whole};
use crate::{Config, Kubernetes};

const MODEL: &str = "NVIDIA H100 80GB HBM3";

/// GPU 0 whole, with another number in /dev than its index; GPU 1 with the instances 9, that has two
/// compute instances, and 3, that has none.
fn gpus() -> Vec<Arc<GpuView>> {
    let mut first = whole(0, MODEL, &[]);
    first.minor = Some(4);
    first.devices = vec![device(0, None)];
    let mut second = whole(1, MODEL, &[]);
    second.entities = vec![instance("3g.40gb", 9, 3, &[]), instance("1g.10gb", 3, 1, &[])];
    second.devices = vec![device(1, Some((9, 0))), device(1, Some((9, 1)))];
    vec![Arc::new(first), Arc::new(second)]
}

fn device(gpu: u32, place: Option<(u32, u32)>) -> Arc<Device> {
    Arc::new(Device {
        label: gpu.to_string(),
        gpu_index: gpu,
        gpu_uuid: format!("GPU-{gpu}"),
        mig: place.map(|(gpu_instance, compute_instance)| MigDevice {
            number: compute_instance,
            gpu_instance,
            compute_instance,
            uuid: format!("MIG-{gpu_instance}-{compute_instance}"),
            profile: "3g.40gb".to_owned(),
        }),
        model: MODEL.to_owned(),
        share: 1.0,
        memory_total_bytes: None,
    })
}

/// A grant to `namespace/pod/container`.
fn grant(id: &str, holder: &str) -> Grant {
    Grant {
        resource: "nvidia.com/gpu".into(),
        device_id: id.to_owned(),
        holder: Arc::new(holder_of(holder)),
        claim: None,
    }
}

fn holder_of(name: &str) -> Holder {
    let mut parts = name.split('/').map(str::to_owned);
    let mut next = || parts.next().unwrap();
    Holder { namespace: next(), pod: next(), container: next(), ..Holder::default() }
}

fn answer(grants: Vec<Grant>, allocatable: &[&str]) -> Inputs {
    let ids = allocatable
        .iter()
        .map(|id| Allocatable { resource: "nvidia.com/gpu".into(), device_id: (*id).to_owned() });
    let answer = Answer { grants, allocatable: Some(ids.collect()), left_out: 0 };
    Inputs { answer: Some(Arc::new(answer)), ..Inputs::default() }
}

fn resolved(inputs: &Inputs) -> Held {
    resolve::resolve(inputs, &gpus(), &Settings::default())
}

/// `device container share` of every holding.
fn shares(held: &Held) -> Vec<String> {
    let line = |holding: &Holding| {
        let Holding { device_uuid, holder, share, .. } = holding;
        let who = holder.slurm_job.as_ref().unwrap_or(&holder.container);
        format!("{device_uuid} {who} {share}")
    };
    held.holdings.list.iter().map(line).collect()
}

/// Attributes of the samples of an entity, a line each.
fn printed(held: &Held, gpu: usize, entity: usize) -> Vec<String> {
    let gpus = gpus();
    let labels = held.labels_of(&gpus[gpu], gpus[gpu].entities.get(entity));
    let line = |after: &String| {
        let comma = if labels.before.is_empty() || after.is_empty() { "" } else { "," };
        format!("{}{comma}{after}", labels.before)
    };
    labels.after.iter().map(line).collect()
}

#[test]
fn each_form_of_an_id_finds_its_device() {
    let cases = [
        ("GPU-0", vec!["GPU-0"]),
        ("GPU-0::3", vec!["GPU-0"]),
        ("MIG-9-1", vec!["MIG-9-1"]),
        ("MIG-9-0::1", vec!["MIG-9-0"]),
        ("MIG-GPU-1/9/1", vec!["MIG-9-1"]),
        ("nvidia4", vec!["GPU-0"]),
        ("nvidia4/vgpu2", vec!["GPU-0"]),
        ("nvidia1/gi9", vec!["MIG-9-0", "MIG-9-1"]),
        ("nvidia1/gi9/vgpu0", vec!["MIG-9-0", "MIG-9-1"]),
        ("GPU-1", vec!["MIG-9-0", "MIG-9-1"]),
        ("nvidia1/gi3", vec![]),
    ];
    for (id, expected) in cases {
        let held = resolved(&answer(vec![grant(id, "ml/bert/train")], &[id]));
        let uuids: Vec<&str> =
            held.holdings.list.iter().map(|holding| holding.device_uuid.as_str()).collect();
        assert_eq!(uuids, expected, "{id}");
        assert_eq!(held.holdings.allocatable, expected, "{id}");
        assert!(held.unknown.is_empty(), "{id}");
        assert!(held.holdings.has_allocator);
    }
}

#[test]
fn an_instance_without_compute_instance_has_no_session_device_but_its_holder_is_named() {
    let held = resolved(&answer(vec![grant("nvidia1/gi3", "ml/bert/train")], &[]));
    assert_eq!(printed(&held, 1, 1), [r#"container="train",namespace="ml",pod="bert""#]);
    assert_eq!(printed(&held, 1, 0), [""; 0]);
}

#[test]
fn ids_without_a_device_are_counted_once_and_grant_nothing() {
    let ids = ["GPU-9", "GPU-9", "nvidia0", "nvidia1/gi4", "MIG-77", "what", "MIG-GPU-1/9/2"];
    let grants = ids.iter().map(|id| grant(id, "ml/bert/train")).collect();
    let held = resolved(&answer(grants, &["GPU-9", "what"]));
    assert_eq!(held.unknown.len(), 6);
    assert!(held.holdings.list.is_empty() && held.holdings.allocatable.is_empty());
}

#[test]
fn a_share_is_ids_held_over_ids_that_can_be_given() {
    let all = ["GPU-0::0", "GPU-0::1", "GPU-0::2", "GPU-0::3"];
    let grants = vec![
        grant("GPU-0::1", "ml/bert/train"),
        grant("GPU-0::0", "ml/bert/train"),
        grant("GPU-0::3", "web/llm/serve"),
    ];
    let held = resolved(&answer(grants.clone(), &all));
    assert_eq!(shares(&held), ["GPU-0 train 0.5", "GPU-0 serve 0.25"]);
    // Of several ids the first in byte order stands for the holding.
    assert_eq!(held.holdings.list[0].device_id, "GPU-0::0");

    let unknown = Answer { grants, ..Answer::default() };
    let held = resolved(&Inputs { answer: Some(Arc::new(unknown)), ..Inputs::default() });
    assert_eq!(shares(&held), ["GPU-0 train 0.5", "GPU-0 serve 0.5"]);
}

#[test]
fn an_unhealthy_device_that_is_held_counts_as_one_that_can_be_given() {
    let held = resolved(&answer(
        vec![grant("GPU-0::0", "ml/a/x"), grant("GPU-0::1", "ml/b/y")],
        &["GPU-0::1"],
    ));
    assert_eq!(shares(&held), ["GPU-0 x 0.5", "GPU-0 y 0.5"]);
}

#[test]
fn a_device_names_its_only_holder_the_pod_of_all_or_nobody() {
    let of = |holders: &[&str]| {
        let grants = holders.iter().enumerate();
        let grants = grants.map(|(n, holder)| grant(&format!("GPU-0::{n}"), holder)).collect();
        printed(&resolved(&answer(grants, &[])), 0, 0)
    };
    assert_eq!(of(&["ml/bert/a"]), [r#"container="a",namespace="ml",pod="bert""#]);
    assert_eq!(of(&["ml/bert/a", "ml/bert/a"]), [r#"container="a",namespace="ml",pod="bert""#]);
    assert_eq!(of(&["ml/bert/a", "ml/bert/b"]), [r#"namespace="ml",pod="bert""#]);
    assert_eq!(of(&["ml/bert/a", "ml/gpt/a"]), [""; 0]);
    assert_eq!(of(&["ml/bert/a", "web/bert/a"]), [""; 0]);
}

#[test]
fn compute_instances_of_one_instance_are_one_entity() {
    let grants = vec![grant("MIG-9-0", "ml/bert/a"), grant("MIG-9-1", "ml/gpt/a")];
    let held = resolved(&answer(grants, &["MIG-9-0", "MIG-9-1"]));
    assert_eq!(printed(&held, 1, 0), [""; 0]);
    assert_eq!(shares(&held), ["MIG-9-0 a 1", "MIG-9-1 a 1"]);
}

fn pod(name: &str, labels: &[(&str, &str)]) -> Pod {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Pod {
        namespace: "ml".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        labels: labels.collect(),
        containers: vec![PodContainer {
            name: "a".to_owned(),
            id: Some(format!("id-{name}")),
            started: Some(model::Timestamp::from_secs(7)),
        }],
        ..Pod::default()
    }
}

fn with_pods(mut inputs: Inputs, pods: Vec<Pod>) -> Inputs {
    inputs.pods = Some(Arc::new(Pods::new(pods.into_iter().map(Arc::new).collect())));
    inputs
}

#[test]
fn a_finished_pod_holds_nothing_though_the_kubelet_lists_it() {
    let grants = vec![grant("GPU-0::0", "ml/done/a"), grant("GPU-0::1", "ml/bert/a")];
    let done = Pod { finished: true, ..pod("done", &[]) };
    let held = resolved(&with_pods(answer(grants, &[]), vec![done, pod("bert", &[])]));
    assert_eq!(printed(&held, 0, 0), [r#"container="a",namespace="ml",pod="bert""#]);
    let holder = &held.holdings.list[0].holder;
    assert_eq!(holder.pod_uid.as_deref(), Some("uid-bert"));
    assert_eq!(holder.started, Some(model::Timestamp::from_secs(7)));
}

fn settings(change: impl FnOnce(&mut Config, &mut Kubernetes)) -> Settings {
    let (mut config, mut kubernetes) = (Config::default(), Kubernetes::default());
    change(&mut config, &mut kubernetes);
    config.kubernetes = Some(kubernetes);
    Settings::new(&config)
}

fn labels_of_pod(labels: &[(&str, &str)], settings: &Settings) -> (EntityLabels, Held) {
    let inputs = answer(vec![grant("GPU-0", "ml/bert/a")], &[]);
    let inputs = with_pods(inputs, vec![pod("bert", labels)]);
    let gpus = gpus();
    let held = resolve::resolve(&inputs, &gpus, settings);
    (held.labels_of(&gpus[0], None).clone(), held)
}

#[test]
fn labels_of_the_pod_get_names_that_can_be_printed_and_are_free() {
    let all = settings(|_, kubernetes| kubernetes.pod_labels = true);
    let labels = [
        ("app.kubernetes.io/name", "bert"),
        ("7up", "x"),
        ("gpu", "mine"),
        ("UUID", "mine"),
        ("pod", "mine"),
        ("DCGM_FI_DEV_NAME", "mine"),
        ("team-a", "first"),
        ("team.a", "second"),
        ("empty", ""),
        ("\u{d55c}", "korean"),
    ];
    let (of_entity, held) = labels_of_pod(&labels, &all);
    let printed: BTreeMap<String, String> = of_entity.of_pod.into_iter().collect();
    let expected =
        [("_", "korean"), ("_7up", "x"), ("app_kubernetes_io_name", "bert"), ("team_a", "first")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(printed, BTreeMap::from(expected));
    let dropped = held.labels_dropped.unwrap();
    assert_eq!((dropped.taken, dropped.equal, dropped.too_many), (4, 1, 0));
}

#[test]
fn labels_of_the_pod_are_printed_only_on_request_and_as_far_as_the_list_allows() {
    let labels = [("app", "a"), ("team", "b")];
    let none = settings(|_, _| {});
    assert!(labels_of_pod(&labels, &none).0.of_pod.is_empty());
    let some = settings(|_, kubernetes| {
        kubernetes.pod_labels = true;
        kubernetes.pod_label_allowlist = crate::PodLabelAllowlist::new(["^te"]).unwrap();
    });
    assert_eq!(labels_of_pod(&labels, &some).0.of_pod, [("team".to_owned(), "b".to_owned())]);
}

#[test]
fn a_value_without_end_is_cut_and_so_are_labels_without_number() {
    let all = settings(|_, kubernetes| kubernetes.pod_labels = true);
    let long = "\u{d55c}".repeat(2000);
    let (of_entity, _) = labels_of_pod(&[("long", &long)], &all);
    assert_eq!(of_entity.of_pod[0].1.len(), 4095);
    let names: Vec<String> = (0..100).map(|n| format!("label{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let (of_entity, held) = labels_of_pod(&many, &all);
    assert_eq!((of_entity.of_pod.len(), held.labels_dropped.unwrap().too_many), (64, 36));
}

#[test]
fn the_old_names_and_the_uid_are_printed_on_request() {
    let old = settings(|config, kubernetes| {
        config.use_old_namespace = true;
        kubernetes.pod_uid = true;
    });
    let (of_entity, _) = labels_of_pod(&[], &old);
    assert_eq!(of_entity.before, r#"container_name="a""#);
    let after = r#"pod_name="bert",pod_namespace="ml",pod_uid="uid-bert""#;
    assert_eq!(of_entity.after, [after]);
}

fn claimed(holder: &str, device: &str) -> Grant {
    let claim = Claim {
        name: "one".to_owned(),
        namespace: "ml".to_owned(),
        driver: "gpu.nvidia.com".to_owned(),
        pool: "node-a".to_owned(),
        device: device.to_owned(),
        ..Claim::default()
    };
    let claim = Some(Arc::new(claim));
    Grant { resource: "gpu.nvidia.com".into(), claim, ..grant("", holder) }
}

fn with_slices(mut inputs: Inputs) -> Inputs {
    let mut devices = SliceDevices::default();
    let mig = DeviceKind::Mig;
    let device = |kind, uuid: &str, profile: Option<&str>| SliceDevice {
        kind,
        uuid: uuid.to_owned(),
        profile: profile.map(str::to_owned),
        parent_uuid: None,
    };
    devices.insert("node-a", "gpu-0", device(DeviceKind::Gpu, "GPU-0", None));
    devices.insert("node-a", "gpu-1-mig", device(mig, "MIG-9-0", Some("3g.40gb")));
    inputs.claim_devices = Some(Arc::new(devices));
    inputs
}

#[test]
fn a_claim_stands_for_the_device_of_its_slice() {
    let grants = vec![claimed("ml/a/x", "gpu-0"), claimed("ml/b/y", "gpu-1-mig")];
    let held = resolved(&with_slices(answer(grants, &[])));
    assert_eq!(shares(&held), ["GPU-0 x 1", "MIG-9-0 y 1"]);
    assert_eq!(held.holdings.allocatable, ["GPU-0", "MIG-9-0"]);
    let whole = r#"container="x",dra_claim_name="one",dra_claim_namespace="ml",dra_device_name="gpu-0",dra_driver_name="gpu.nvidia.com",dra_pool_name="node-a",namespace="ml",pod="a""#;
    assert_eq!(printed(&held, 0, 0), [whole]);
    let mig = r#"dra_mig_device_uuid="MIG-9-0",dra_mig_profile="3g.40gb",dra_pool_name="node-a""#;
    assert!(printed(&held, 1, 0)[0].contains(mig));
}

#[test]
fn a_claim_that_pods_share_is_one_holder_each_and_no_label() {
    let grants = vec![claimed("ml/a/x", "gpu-0"), claimed("ml/b/y", "gpu-0")];
    let held = resolved(&with_slices(answer(grants, &[])));
    assert_eq!(shares(&held), ["GPU-0 x 0.5", "GPU-0 y 0.5"]);
    assert_eq!(printed(&held, 0, 0), [""; 0]);
}

#[test]
fn a_claim_whose_slice_is_not_known_is_counted() {
    let inputs = answer(vec![claimed("ml/a/x", "gpu-0")], &[]);
    let unknown: Vec<String> = resolved(&inputs).unknown.into_iter().collect();
    assert_eq!(unknown, ["claim ml/one: gpu.nvidia.com/node-a/gpu-0"]);
    let gone = resolved(&with_slices(answer(vec![claimed("ml/a/x", "gpu-7")], &[])));
    assert_eq!(gone.unknown.len(), 1);
}

#[test]
fn a_job_repeats_the_samples_of_its_device_and_holds_a_part_of_it() {
    let mut found = jobs::Jobs { is_there: true, ..jobs::Jobs::default() };
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    found.by_place.insert((0, None), ids(&["4711", "4712"]));
    found.by_place.insert((1, Some(9)), ids(&["7"]));
    // Of a partitioned GPU the instances are named, and of GPU 5 there is nothing.
    found.by_place.insert((1, None), ids(&["8"]));
    found.by_place.insert((5, None), ids(&["9"]));
    let mut inputs = answer(vec![grant("GPU-0", "ml/bert/a")], &["GPU-0"]);
    inputs.jobs = Some(Arc::new(found.clone()));
    let held = resolved(&inputs);
    assert_eq!(
        printed(&held, 0, 0),
        [
            r#"container="a",hpc_job="4711",namespace="ml",pod="bert""#,
            r#"container="a",hpc_job="4712",namespace="ml",pod="bert""#
        ]
    );
    assert_eq!(printed(&held, 1, 0), [r#"hpc_job="7""#]);
    assert_eq!(printed(&held, 1, 1), [""; 0]);
    let alone = resolved(&Inputs { jobs: Some(Arc::new(found)), ..Inputs::default() });
    assert_eq!(shares(&alone), ["GPU-0 4711 0.5", "GPU-0 4712 0.5", "MIG-9-0 7 1", "MIG-9-1 7 1"]);
    assert!(alone.holdings.has_allocator && alone.holdings.allocatable.is_empty());
}

#[test]
fn without_any_allocator_nothing_is_held() {
    let held = resolved(&Inputs::default());
    assert!(!held.holdings.has_allocator);
    assert!(held.labels.is_empty());
}

#[test]
fn nobody_lets_go_of_a_device_because_no_driver_answers() {
    let handle = pod_resources::Handle::default();
    let tell = |grants: Vec<Grant>| {
        let answer = Some(Arc::new(Answer { grants, ..Answer::default() }));
        handle.publish(pod_resources::Newest { answer, ..Default::default() });
    };
    let sources = Sources { pod_resources: Some(handle.clone()), ..Sources::default() };
    let mut holders = Holders::new(&Config::default(), sources);
    tell(vec![grant("GPU-0", "ml/bert/a")]);
    // Before the first devices are known no id is called unknown.
    assert!(holders.refresh(&[]).is_none() && holders.held().unknown.is_empty());
    let held = holders.refresh(&gpus()).unwrap();
    assert_eq!(held.holdings.list.len(), 1);
    assert!(holders.refresh(&gpus()).is_none(), "nothing changed");
    assert!(holders.refresh(&[]).is_none(), "the driver was let go of");
    tell(vec![grant("GPU-0", "ml/gpt/a"), grant("nvidia1/gi9", "ml/bert/a")]);
    let held = holders.refresh(&[]).unwrap();
    assert_eq!((held.holdings.list.len(), held.unknown.len()), (3, 0));
    // Another layout is another answer.
    assert_eq!(holders.refresh(&gpus()[..1]).unwrap().unknown.len(), 1);
}
