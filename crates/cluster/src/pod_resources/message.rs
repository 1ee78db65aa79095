//! Messages of the kubelet's pod-resources API, version 1: the fields that are read here.
//!
//! Field numbers are those of the published definition (`k8s.io/kubelet`, package `v1`). What is
//! not declared (CPUs, memory, NUMA nodes, CDI names) is skipped while decoding and costs no
//! memory.

/// Request of `List`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct ListRequest {}

/// Answer of `List`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) pod_resources: Vec<PodResources>,
}

/// What one pod was given.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct PodResources {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) namespace: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) containers: Vec<ContainerResources>,
}

/// What one of its containers was given.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ContainerResources {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) devices: Vec<ContainerDevices>,
    #[prost(message, repeated, tag = "5")]
    pub(super) dynamic_resources: Vec<DynamicResource>,
}

/// Device ids of one resource.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ContainerDevices {
    #[prost(string, tag = "1")]
    pub(super) resource_name: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) device_ids: Vec<String>,
}

/// A ResourceClaim that a container uses.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct DynamicResource {
    #[prost(string, tag = "2")]
    pub(super) claim_name: String,
    #[prost(string, tag = "3")]
    pub(super) claim_namespace: String,
    #[prost(message, repeated, tag = "4")]
    pub(super) claim_resources: Vec<ClaimResource>,
}

/// One device of a claim.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ClaimResource {
    #[prost(string, tag = "2")]
    pub(super) driver_name: String,
    #[prost(string, tag = "3")]
    pub(super) pool_name: String,
    #[prost(string, tag = "4")]
    pub(super) device_name: String,
}

/// Request of `GetAllocatableResources`.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct AllocatableRequest {}

/// Answer of `GetAllocatableResources`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct AllocatableResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) devices: Vec<ContainerDevices>,
}
