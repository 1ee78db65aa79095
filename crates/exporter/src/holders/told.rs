//! Holders that are told instead of asked for, for one of many simulated machines in one process.
//!
//! What is told goes the way of a kubelet's answer, a pod watch and job files; only the asking is
//! left out.

use std::sync::{Arc, Mutex, PoisonError};

use cluster::api::{DeviceKind, SliceDevice, SliceDevices};
use cluster::pod_resources::{self, Allocatable, Answer, Newest};
use model::allocation::{Assignments, ClaimDevice, Cluster as ToldCluster};
use model::pod::Pods;

use super::jobs::{self, Jobs};
use super::{Cluster, Sources};

/// Where assignments are told, and what a node follows of them.
#[derive(Debug, Clone, Default)]
pub struct ToldHolders {
    kubelet: pod_resources::Handle,
    cluster: Arc<Known>,
    jobs: jobs::Handle,
}

#[derive(Debug, Default)]
struct Known(Mutex<(Option<Arc<Pods>>, Arc<SliceDevices>)>);

impl ToldHolders {
    /// What to follow on a machine that has what these assignments have.
    #[must_use]
    pub fn sources(&self, first: &Assignments) -> Sources {
        let in_cluster = first.cluster.is_some();
        Sources {
            pod_resources: in_cluster.then(|| self.kubelet.clone()),
            cluster: in_cluster.then(|| Arc::clone(&self.cluster) as Arc<dyn Cluster>),
            jobs: first.jobs.is_some().then(|| self.jobs.clone()),
        }
    }

    /// From now on it is so.
    pub fn tell(&self, assignments: Assignments) {
        if let Some(cluster) = assignments.cluster {
            self.tell_cluster(cluster);
        }
        if let Some(by_place) = assignments.jobs {
            self.jobs.publish(Jobs { is_there: true, by_place, left_out: 0 });
        }
    }

    fn tell_cluster(&self, cluster: ToldCluster) {
        let mut devices = SliceDevices::default();
        for ClaimDevice { pool, device, uuid, mig_profile } in cluster.slices {
            let kind = if mig_profile.is_some() { DeviceKind::Mig } else { DeviceKind::Gpu };
            let device_facts = SliceDevice { kind, uuid, profile: mig_profile, parent_uuid: None };
            devices.insert(&pool, &device, device_facts);
        }
        let known = (Some(Arc::new(Pods::new(cluster.pods))), Arc::new(devices));
        *self.cluster.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
        let allocatable = cluster
            .allocatable
            .into_iter()
            .map(|(resource, device_id)| Allocatable { resource, device_id });
        let answer = Answer {
            grants: cluster.grants,
            allocatable: Some(allocatable.collect()),
            left_out: 0,
        };
        let answer = Some(Arc::new(answer));
        self.kubelet.publish(Newest { answer, answered: None, fault: None });
    }
}

impl Cluster for Known {
    fn pods(&self) -> Option<Arc<Pods>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn claim_devices(&self) -> Arc<SliceDevices> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner).1)
    }

    fn want(&self) {}

    fn lack(&self) -> Option<String> {
        None
    }
}
