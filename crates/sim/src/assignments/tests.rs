use super::*;
use crate::scenario::Scenario;
use crate::world::World;

const NODE: &str = r#"
seed = 3
[[node]]
name = "n"
kubernetes = { cgroup = "v2-systemd" }
[[node.gpu]]
model = "h100-80gb-hbm3"
count = 2
[[node.gpu]]
model = "h100-80gb-hbm3"
replicas = 4
[[node.gpu]]
model = "h100-80gb-hbm3"
mig = ["3g.40gb", "1g.10gb"]
[[node.pod]]
name = "empty"
namespace = "ml"
containers = ["notebook"]
resources = { "nvidia.com/gpu" = ["0"] }
[[node.pod]]
name = "turn"
namespace = "ml"
owner = "ReplicaSet/turn-5f6d"
per_run = true
resources = { "nvidia.com/gpu" = ["1"] }
[[node.pod]]
name = "slice"
namespace = "ml"
before = "1h"
stop = "30m"
resources = { "nvidia.com/gpu" = ["2::3"], "nvidia.com/mig" = ["3/1"] }
[[node.pod]]
name = "claims"
namespace = "ml"
claims = ["3/0"]
[[node.process]]
gpu = ["1"]
pod = "ml/turn"
container = "main"
command = "python turn.py"
start = "10m"
lives = "5m"
every = "10m"
"#;

const MINUTE: i64 = 60_000_000;

fn world(text: &str) -> World {
    World::new(&Scenario::from_text("test", text).unwrap())
}

fn at(world: &World, minutes: i64) -> Cluster {
    let told =
        assignments(&world.nodes()[0], minutes * MINUTE, Timestamp::from_secs(1_783_500_000));
    assert_eq!(told.jobs, None);
    told.cluster.unwrap()
}

fn names(cluster: &Cluster) -> Vec<&str> {
    cluster.pods.iter().map(|pod| pod.name.as_str()).collect()
}

#[test]
fn a_pod_holds_its_device_with_and_without_a_process() {
    let world = world(NODE);
    let gpus = &world.nodes()[0].gpus;
    let cluster = at(&world, 5);
    assert_eq!(names(&cluster), ["empty", "slice", "claims"]);
    let grants: Vec<(&str, &str, &str)> = cluster
        .grants
        .iter()
        .map(|grant| (&*grant.resource, grant.device_id.as_str(), grant.holder.pod.as_str()))
        .collect();
    let mig = |number: usize| gpus[3].layout_at(0).unwrap().devices[number].uuid.to_string();
    let profile_of = |number: usize| {
        let layout = gpus[3].layout_at(0).unwrap();
        let instance = &layout.instances[layout.devices[number].instance];
        gpus[3].product.mig[instance.profile].name.clone()
    };
    let (replica, mig_resource) =
        (format!("{}::3", gpus[2].uuid), format!("nvidia.com/mig-{}", profile_of(1)));
    assert_eq!(
        grants,
        [
            ("nvidia.com/gpu", gpus[0].uuid.as_str(), "empty"),
            ("nvidia.com/gpu", replica.as_str(), "slice"),
            (mig_resource.as_str(), mig(1).as_str(), "slice"),
            ("gpu.nvidia.com", "", "claims"),
        ]
    );
    let claim = cluster.grants[3].claim.as_ref().unwrap();
    let slice = cluster.slices.iter().find(|slice| slice.device == claim.device).unwrap();
    assert_eq!((&slice.pool, &slice.uuid), (&claim.pool, &mig(0)));
    assert_eq!(slice.mig_profile, Some(profile_of(0)));
}

#[test]
fn what_can_be_given_are_whole_gpus_replicas_and_mig_devices() {
    let world = world(NODE);
    let gpus = &world.nodes()[0].gpus;
    let ids: BTreeSet<String> = at(&world, 5).allocatable.into_iter().map(|(_, id)| id).collect();
    let mut expected: BTreeSet<String> = [gpus[0].uuid.clone(), gpus[1].uuid.clone()].into();
    expected.extend((0..4).map(|n| format!("{}::{n}", gpus[2].uuid)));
    let layout = gpus[3].layout_at(0).unwrap();
    expected.extend(layout.devices.iter().map(|device| device.uuid.to_string()));
    assert_eq!(ids, expected);
}

#[test]
fn a_pod_per_run_comes_and_goes_with_its_process_and_is_a_new_one_each_time() {
    let world = world(NODE);
    let node = &world.nodes()[0];
    let turn = |minutes| at(&world, minutes).pods.iter().find(|pod| pod.name == "turn").cloned();
    let (first, second) = (turn(12).unwrap(), turn(22).unwrap());
    assert!(turn(9).is_none() && turn(17).is_none());
    assert_ne!(first.uid, second.uid);
    assert_ne!(first.containers[0].id, second.containers[0].id);
    let begun = Timestamp::from_secs(1_783_500_000 + 10 * 60 - 8);
    assert_eq!(first.containers[0].started, Some(begun));
    assert_eq!(first.workload.as_ref().unwrap().name, "turn");
    assert_eq!(first.workload.as_ref().unwrap().kind, "Deployment");
    let tenancies: Vec<Tenancy> =
        [11, 12, 17, 18, 22].map(|minutes| Tenancy::at(node, minutes * MINUTE)).into();
    assert_eq!(tenancies[0], tenancies[1]);
    assert_eq!(tenancies[2], tenancies[3]);
    assert_ne!(tenancies[1], tenancies[2]);
    assert_ne!(tenancies[1], tenancies[4]);
}

#[test]
fn a_pod_ends_when_it_is_said_to() {
    let world = world(NODE);
    assert!(names(&at(&world, 29)).contains(&"slice"));
    assert!(!names(&at(&world, 30)).contains(&"slice"));
    assert!(at(&world, 30).grants.iter().all(|grant| grant.holder.pod != "slice"));
}

#[test]
fn slurm_jobs_are_told_by_gpu_and_instance_while_they_run() {
    let world = world(
        r#"
seed = 3
[[node]]
name = "n"
[[node.gpu]]
model = "h100-80gb-hbm3"
[[node.gpu]]
model = "h100-80gb-hbm3"
mig = ["3g.40gb"]
[[node.process]]
gpu = ["0", "1/0"]
slurm = "4711.0"
command = "python train.py"
stop = "10m"
[[node.process]]
gpu = ["0"]
slurm = "4711.1"
command = "python eval.py"
stop = "20m"
"#,
    );
    let node = &world.nodes()[0];
    let jobs = |minutes: i64| {
        let told = assignments(node, minutes * MINUTE, Timestamp::default());
        assert_eq!(told.cluster, None);
        told.jobs.unwrap()
    };
    let instance = node.gpus[1].layout_at(0).unwrap().instances[0].id;
    let job = || vec!["4711".to_owned()];
    assert_eq!(jobs(5), [((0, None), job()), ((1, Some(instance)), job())].into());
    assert_eq!(jobs(15), [((0, None), job())].into());
    assert_eq!(jobs(25), [].into());
}
