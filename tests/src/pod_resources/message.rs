//! All messages of the pod-resources API, version 1, as the kubelet's definition numbers them, and
//! short ways to make them.

/// Answer of `List`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ListPodResourcesResponse {
    /// One for each pod with containers.
    #[prost(message, repeated, tag = "1")]
    pub pod_resources: Vec<PodResources>,
}

/// What a pod was given.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PodResources {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its namespace.
    #[prost(string, tag = "2")]
    pub namespace: String,
    /// Its containers.
    #[prost(message, repeated, tag = "3")]
    pub containers: Vec<ContainerResources>,
}

/// What a container was given.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ContainerResources {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Devices of plugins.
    #[prost(message, repeated, tag = "2")]
    pub devices: Vec<ContainerDevices>,
    /// CPUs of its own.
    #[prost(int64, repeated, tag = "3")]
    pub cpu_ids: Vec<i64>,
    /// Memory of its own.
    #[prost(message, repeated, tag = "4")]
    pub memory: Vec<ContainerMemory>,
    /// Claims.
    #[prost(message, repeated, tag = "5")]
    pub dynamic_resources: Vec<DynamicResource>,
}

/// Memory of a container.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ContainerMemory {
    /// `memory`, `hugepages-1Gi`.
    #[prost(string, tag = "1")]
    pub memory_type: String,
    /// Bytes.
    #[prost(uint64, tag = "2")]
    pub size: u64,
    /// Where it lies.
    #[prost(message, optional, tag = "3")]
    pub topology: Option<TopologyInfo>,
}

/// Device ids of one resource.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ContainerDevices {
    /// `nvidia.com/gpu`.
    #[prost(string, tag = "1")]
    pub resource_name: String,
    /// Ids of the plugin.
    #[prost(string, repeated, tag = "2")]
    pub device_ids: Vec<String>,
    /// Where they are.
    #[prost(message, optional, tag = "3")]
    pub topology: Option<TopologyInfo>,
}

/// NUMA nodes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TopologyInfo {
    /// One or more.
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<NumaNode>,
}

/// A NUMA node.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NumaNode {
    /// Its number.
    #[prost(int64, tag = "1")]
    pub id: i64,
}

/// A ResourceClaim of a container.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DynamicResource {
    /// Its name.
    #[prost(string, tag = "2")]
    pub claim_name: String,
    /// Its namespace.
    #[prost(string, tag = "3")]
    pub claim_namespace: String,
    /// Its devices.
    #[prost(message, repeated, tag = "4")]
    pub claim_resources: Vec<ClaimResource>,
}

/// A device of a claim.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ClaimResource {
    /// CDI devices.
    #[prost(message, repeated, tag = "1")]
    pub cdi_devices: Vec<CdiDevice>,
    /// Its driver.
    #[prost(string, tag = "2")]
    pub driver_name: String,
    /// Its pool.
    #[prost(string, tag = "3")]
    pub pool_name: String,
    /// Its name in the pool.
    #[prost(string, tag = "4")]
    pub device_name: String,
    /// Its share, where devices are shared.
    #[prost(string, optional, tag = "5")]
    pub share_id: Option<String>,
}

/// A CDI device.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CdiDevice {
    /// `vendor.com/gpu=0`.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// Answer of `GetAllocatableResources`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AllocatableResourcesResponse {
    /// Every id by resource and NUMA node.
    #[prost(message, repeated, tag = "1")]
    pub devices: Vec<ContainerDevices>,
    /// CPUs.
    #[prost(int64, repeated, tag = "2")]
    pub cpu_ids: Vec<i64>,
    /// Memory.
    #[prost(message, repeated, tag = "3")]
    pub memory: Vec<ContainerMemory>,
}

impl ContainerDevices {
    /// These ids of a resource, on NUMA node 0.
    #[must_use]
    pub fn new(resource: &str, ids: &[&str]) -> Self {
        Self {
            resource_name: resource.to_owned(),
            device_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            topology: Some(TopologyInfo { nodes: vec![NumaNode { id: 0 }] }),
        }
    }
}

impl PodResources {
    /// A pod whose one container has these ids.
    #[must_use]
    pub fn new(pod: &str, container: &str, resource: &str, ids: &[&str]) -> Self {
        let (namespace, name) = pod.split_once('/').unwrap_or(("default", pod));
        let container = ContainerResources {
            name: container.to_owned(),
            devices: vec![ContainerDevices::new(resource, ids)],
            cpu_ids: vec![2, 3],
            memory: vec![ContainerMemory {
                memory_type: "memory".to_owned(),
                size: 1 << 30,
                topology: None,
            }],
            dynamic_resources: Vec::new(),
        };
        Self { name: name.to_owned(), namespace: namespace.to_owned(), containers: vec![container] }
    }
}
