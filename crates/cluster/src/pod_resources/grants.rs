//! From the kubelet's messages to grants: only resources of GPUs, and no more than a node can have.

use std::sync::Arc;

use model::allocation::{Claim, Grant, Holder};

use super::message::{
    AllocatableResponse, ContainerDevices, ContainerResources, DynamicResource, ListResponse,
};
use super::{Allocatable, Answer, Config};

/// What NVIDIA's device plugins call their resources: `nvidia.com/gpu`, `nvidia.com/mig-1g.10gb`.
const PREFIX: &str = "nvidia.com/";

/// The DRA driver whose devices are GPUs.
const GPU_DRIVER: &str = "gpu.nvidia.com";

/// Most ids of one answer: 16 GPUs with 7 instances each, shared by 48, and as many again.
pub(super) const MOST_IDS: usize = 10_000;

/// Longest id or name. Names of Kubernetes end at 253 bytes, ids of device plugins at 60.
const LONGEST_NAME: usize = 512;

/// What the kubelet's answers say about GPUs.
pub(super) fn answer(
    config: &Config,
    list: ListResponse,
    allocatable: Option<AllocatableResponse>,
) -> Answer {
    let mut answer = Answer::default();
    for pod in list.pod_resources {
        for container in pod.containers {
            if !asks_for_gpus(config, &container) {
                continue;
            }
            let holder = Arc::new(Holder {
                namespace: pod.namespace.clone(),
                pod: pod.name.clone(),
                container: container.name,
                ..Holder::default()
            });
            for devices in container.devices {
                by_plugin(config, devices, &holder, &mut answer);
            }
            for resource in container.dynamic_resources {
                by_claim(resource, &holder, &mut answer);
            }
        }
    }
    answer.allocatable = allocatable.map(|all| allocatable_ids(config, all, &mut answer.left_out));
    answer
}

fn asks_for_gpus(config: &Config, container: &ContainerResources) -> bool {
    container.devices.iter().any(|devices| config.accepts(&devices.resource_name))
        || container.dynamic_resources.iter().any(|claim| !claim.claim_resources.is_empty())
}

fn by_plugin(
    config: &Config,
    devices: ContainerDevices,
    holder: &Arc<Holder>,
    answer: &mut Answer,
) {
    if !config.accepts(&devices.resource_name) {
        return;
    }
    let resource: Arc<str> = devices.resource_name.into();
    for device_id in devices.device_ids {
        let grant = Grant {
            resource: Arc::clone(&resource),
            device_id,
            holder: Arc::clone(holder),
            claim: None,
        };
        push(grant, answer);
    }
}

fn by_claim(resource: DynamicResource, holder: &Arc<Holder>, answer: &mut Answer) {
    let driver: Arc<str> = GPU_DRIVER.into();
    for device in resource.claim_resources {
        if device.driver_name != GPU_DRIVER {
            continue;
        }
        let claim = Claim {
            name: resource.claim_name.clone(),
            namespace: resource.claim_namespace.clone(),
            driver: device.driver_name,
            pool: device.pool_name,
            device: device.device_name,
            ..Claim::default()
        };
        let grant = Grant {
            resource: Arc::clone(&driver),
            device_id: String::new(),
            holder: Arc::clone(holder),
            claim: Some(Arc::new(claim)),
        };
        push(grant, answer);
    }
}

fn push(grant: Grant, answer: &mut Answer) {
    let claim = grant.claim.as_deref();
    let names =
        [&grant.device_id, &grant.holder.namespace, &grant.holder.pod, &grant.holder.container];
    let of_claim = claim.map(|claim| [&claim.name, &claim.namespace, &claim.pool, &claim.device]);
    let fits =
        names.into_iter().chain(of_claim.into_iter().flatten()).all(|n| n.len() <= LONGEST_NAME);
    if fits && answer.grants.len() < MOST_IDS {
        answer.grants.push(grant);
    } else {
        answer.left_out += 1;
    }
}

fn allocatable_ids(
    config: &Config,
    all: AllocatableResponse,
    left_out: &mut usize,
) -> Vec<Allocatable> {
    let mut ids = Vec::new();
    // The kubelet repeats a resource for each NUMA node.
    for devices in all.devices {
        if !config.accepts(&devices.resource_name) {
            continue;
        }
        let resource: Arc<str> = devices.resource_name.into();
        for device_id in devices.device_ids {
            if device_id.len() <= LONGEST_NAME && ids.len() < MOST_IDS {
                ids.push(Allocatable { resource: Arc::clone(&resource), device_id });
            } else {
                *left_out += 1;
            }
        }
    }
    ids
}

impl Config {
    /// Whether devices of this resource are GPUs.
    fn accepts(&self, resource: &str) -> bool {
        resource.starts_with(PREFIX) || self.resource_names.iter().any(|name| name == resource)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{ClaimResource, PodResources};
    use super::*;

    fn config() -> Config {
        Config { socket: "s".into(), resource_names: vec!["example.com/gpu".to_owned()] }
    }

    fn devices(resource: &str, ids: &[&str]) -> ContainerDevices {
        ContainerDevices {
            resource_name: resource.to_owned(),
            device_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    fn list(container: ContainerResources) -> ListResponse {
        let pod = PodResources {
            name: "bert-0".to_owned(),
            namespace: "ml".to_owned(),
            containers: vec![container],
        };
        ListResponse { pod_resources: vec![pod] }
    }

    #[test]
    fn only_gpus_are_taken_and_named_resources_are() {
        let container = ContainerResources {
            name: "train".to_owned(),
            devices: vec![
                devices("nvidia.com/gpu", &["GPU-a", "GPU-b"]),
                devices("example.com/gpu", &["x"]),
                devices("rdma/hca", &["mlx5_0"]),
            ],
            dynamic_resources: Vec::new(),
        };
        let all = AllocatableResponse {
            devices: vec![devices("nvidia.com/gpu", &["GPU-a"]), devices("rdma/hca", &["mlx5_0"])],
        };
        let answer = answer(&config(), list(container), Some(all));
        let ids: Vec<&str> = answer.grants.iter().map(|grant| grant.device_id.as_str()).collect();
        assert_eq!(ids, ["GPU-a", "GPU-b", "x"]);
        let holder = &answer.grants[0].holder;
        assert_eq!((holder.namespace.as_str(), holder.container.as_str()), ("ml", "train"));
        assert_eq!(answer.allocatable.unwrap().len(), 1);
        assert_eq!(answer.left_out, 0);
    }

    #[test]
    fn a_claim_of_another_driver_is_no_gpu() {
        let device = |driver: &str| ClaimResource {
            driver_name: driver.to_owned(),
            pool_name: "node-a".to_owned(),
            device_name: "gpu-0".to_owned(),
        };
        let container = ContainerResources {
            name: "train".to_owned(),
            devices: Vec::new(),
            dynamic_resources: vec![DynamicResource {
                claim_name: "one".to_owned(),
                claim_namespace: "ml".to_owned(),
                claim_resources: vec![device("dra.net"), device(GPU_DRIVER)],
            }],
        };
        let answer = answer(&config(), list(container), None);
        let claim = answer.grants[0].claim.as_ref().unwrap();
        assert_eq!((answer.grants.len(), claim.device.as_str()), (1, "gpu-0"));
        assert_eq!(answer.allocatable, None);
    }

    #[test]
    fn more_ids_than_any_node_has_and_names_without_end_are_left_out_and_counted() {
        let long = "x".repeat(LONGEST_NAME + 1);
        let mut ids = vec!["GPU-a"; MOST_IDS + 5];
        ids.insert(0, &long);
        let container = ContainerResources {
            name: "train".to_owned(),
            devices: vec![devices("nvidia.com/gpu", &ids)],
            dynamic_resources: Vec::new(),
        };
        let answer = answer(&config(), list(container), None);
        assert_eq!((answer.grants.len(), answer.left_out), (MOST_IDS, 6));
    }
}
