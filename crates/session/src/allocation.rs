//! Allocations: who holds a device, whether it is used or not.
//!
//! They come from what the kubelet, claims and job files say, and from Slurm jobs that are seen by
//! their sessions. Here is what one is and when two tellings mean the same; who holds what at a
//! moment is folded in `engine::holding`.

use std::sync::Arc;

use model::Timestamp;
use model::allocation::Holding;
use model::device::Device;
use serde::{Deserialize, Serialize};

use crate::finding::Timer;
use crate::identity::allocation_id;
use crate::state::DeviceState;
use crate::view::{AllocationFacts, SessionFacts};

/// Parts of a device in a share of 1.
pub(crate) const WHOLE: u64 = 1_000_000;

/// An allocation, held or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Allocation {
    pub(crate) facts: Arc<AllocationFacts>,
    /// Index of its device in the engine.
    pub(crate) device: usize,
    /// Its share in millionths of the device; `None` where nobody tells it: then one of the holders.
    pub(crate) millionths: Option<u64>,
    /// Whether somebody tells of it now; after a restart not until it is told again.
    pub(crate) held: bool,
    /// When it was last known to be held.
    pub(crate) last_seen: Timestamp,
    pub(crate) end: Option<Timestamp>,
    /// When the end was noted.
    pub(crate) ended_at: Option<Timestamp>,
    /// Whether it ended so long ago that nothing shows it: kept so that its counters go on where
    /// the same holder comes back.
    #[serde(default)]
    pub(crate) hidden: bool,
    /// Since when no session uses it.
    #[serde(default)]
    pub(crate) no_process: Timer,
    /// Its own parts of device time in microseconds: what no session got.
    pub(crate) micros: [u64; DeviceState::ALL.len()],
}

/// A holder in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holds {
    pub(crate) allocation: u32,
    /// Its share in millionths of the device; those of a device add up to [`WHOLE`] at most.
    pub(crate) millionths: u64,
}

impl AllocationFacts {
    /// The facts of a holding on a device.
    pub(crate) fn of_holding(
        boot_id: &str,
        device: &Arc<Device>,
        told: &Holding,
        now: Timestamp,
    ) -> Self {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let holder = &told.holder;
        let mut facts = Self {
            id: String::new(),
            device: Arc::clone(device),
            resource: told.resource.to_string(),
            device_id: told.device_id.clone(),
            namespace: text(&holder.namespace),
            pod: text(&holder.pod),
            container: text(&holder.container),
            pod_uid: holder.pod_uid.clone(),
            claim: told.claim.as_ref().map(|claim| claim.name.clone()),
            slurm_job: holder.slurm_job.clone(),
            start: holder.started.unwrap_or(now).min(now),
        };
        facts.id = allocation_id(boot_id, device.uuid(), &facts.owner_key());
        facts
    }

    /// The facts of a Slurm job that is seen by a session.
    pub(crate) fn of_job(boot_id: &str, session: &SessionFacts, job: &str) -> Self {
        let mut facts = Self {
            id: String::new(),
            device: Arc::clone(&session.device),
            resource: String::new(),
            device_id: session.device.uuid().to_owned(),
            namespace: None,
            pod: None,
            container: None,
            pod_uid: None,
            claim: None,
            slurm_job: Some(job.to_owned()),
            start: session.start,
        };
        facts.id = allocation_id(boot_id, session.device.uuid(), &facts.owner_key());
        facts
    }

    fn owner_key(&self) -> Vec<&str> {
        match (&self.slurm_job, &self.pod_uid) {
            (Some(job), _) => vec!["job", job],
            (None, Some(uid)) => vec!["pod", uid, or_empty(self.container.as_ref())],
            (None, None) => vec![
                "name",
                or_empty(self.namespace.as_ref()),
                or_empty(self.pod.as_ref()),
                or_empty(self.container.as_ref()),
            ],
        }
    }

    /// Whether both are the same holder's. A pod's UID may be learned later than its name.
    pub(crate) fn is_same_holder(&self, other: &Self) -> bool {
        if self.slurm_job.is_some() || other.slurm_job.is_some() {
            return self.slurm_job == other.slurm_job;
        }
        let same_uid = match (&self.pod_uid, &other.pod_uid) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        same_uid
            && self.namespace == other.namespace
            && self.pod == other.pod
            && self.container == other.container
    }

    /// How well a session fits: 2 its container or job, 1 its pod where the container is not known.
    pub(crate) fn fits(&self, session: &SessionFacts) -> u8 {
        if let Some(job) = &self.slurm_job {
            return if session.owner.slurm_job.as_ref() == Some(job) { 2 } else { 0 };
        }
        let same_uid = match (&self.pod_uid, session.pod_uid()) {
            (Some(uid), Some(other)) => Some(uid == other),
            _ => None,
        };
        let same_name = session.pod.is_some()
            && (&self.namespace, &self.pod) == (&session.namespace, &session.pod);
        let same_pod = same_uid.unwrap_or(same_name);
        match (same_pod, &session.container) {
            (false, _) => 0,
            (true, None) => 1,
            (true, container) => 2 * u8::from(*container == self.container),
        }
    }
}

fn or_empty(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}
