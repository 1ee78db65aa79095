//! What the pod and container of a process are called.

use model::allocation::{Holder, Holdings};
use model::observation::DeviceObservation;
use model::pod::{Pod, Pods};
use model::process::{Owner, OwnerKind, PodNames, ProcessFacts};

/// By the ids in its control group: the container's, else the pod's UID or config hash.
pub(super) fn by_pods(pods: &Pods, owner: &Owner) -> Option<PodNames> {
    let container = owner.container_id.as_deref().and_then(|id| pods.by_container(id));
    if let Some((pod, container)) = container {
        return Some(names(pod, &container.name));
    }
    let pod = owner.pod_uid.as_deref().and_then(|uid| pods.by_uid(uid))?;
    // Of a sandbox (kata) only the pod is known; with one container there is no other.
    let container = match pod.containers.as_slice() {
        [only] => only.name.as_str(),
        _ => "",
    };
    Some(names(pod, container))
}

/// Whether it is a pod's process, and that pod is not on this node, or no more.
pub(super) fn is_gone(pods: &Pods, owner: &Owner) -> bool {
    if owner.kind != OwnerKind::Pod {
        return false;
    }
    let by_container = || pods.by_container(owner.container_id.as_deref()?).map(|(pod, _)| pod);
    let pod = owner.pod_uid.as_deref().and_then(|uid| pods.by_uid(uid)).or_else(by_container);
    pod.is_none_or(|pod| pod.deleted.is_some())
}

fn names(pod: &Pod, container: &str) -> PodNames {
    PodNames {
        namespace: pod.namespace.clone(),
        pod: pod.name.clone(),
        container: container.to_owned(),
        pod_uid: Some(pod.uid.clone()),
        workload: pod.workload.clone(),
        inferred: false,
    }
}

/// Where pods cannot be asked for: the one container that holds all the devices of a pod's process.
pub(super) fn by_holdings(
    holdings: &Holdings,
    facts: &ProcessFacts,
    observations: &[DeviceObservation],
) -> Option<PodNames> {
    if facts.owner.kind != OwnerKind::Pod {
        return None;
    }
    let mut only: Option<&Holder> = None;
    let on = |seen: &&DeviceObservation| {
        let list = seen.processes.as_ref().value();
        list.is_some_and(|list| list.iter().any(|process| process.pid == facts.pid))
    };
    for seen in observations.iter().filter(on) {
        let uuid = seen.device.uuid();
        let pods = holdings
            .list
            .iter()
            .filter(|holding| holding.device_uuid == uuid && holding.holder.slurm_job.is_none());
        let mut holders = 0;
        for holding in pods {
            holders += 1;
            let holder = holding.holder.as_ref();
            if only.is_some_and(|known| known != holder) {
                return None;
            }
            only = Some(holder);
        }
        if holders == 0 {
            return None;
        }
    }
    let holder = only?;
    Some(PodNames {
        namespace: holder.namespace.clone(),
        pod: holder.pod.clone(),
        container: holder.container.clone(),
        pod_uid: facts.owner.pod_uid.clone(),
        workload: None,
        inferred: true,
    })
}
