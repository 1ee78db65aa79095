//! The findings that are shown, with what was seen.

use std::sync::Arc;

use super::Engine;
use crate::finding::{Evidence, Finding, FindingView, Subject};
use crate::session::Session;
use crate::view::AllocationFacts;

impl Engine {
    /// The findings that are shown: of sessions, of allocations, of devices, of instances.
    pub(super) fn show_findings(&self) -> Vec<FindingView> {
        let live = self.sessions.iter().map(|(_, session)| session).filter(|s| s.is_live());
        let mut all: Vec<FindingView> =
            live.flat_map(|session| self.findings_of(session)).flatten().collect();
        for (_, known) in self.holding.iter().filter(|(_, known)| known.end.is_none()) {
            let Some(since) = known.no_process.shown_since() else { continue };
            let subject = Subject::Allocation(Arc::clone(&known.facts));
            let evidence = Evidence::NoProcess {
                holder: known.facts.holder(),
                device_id: known.facts.device_id.clone(),
            };
            all.push(FindingView { finding: Finding::NoProcess, subject, since, evidence });
        }
        all.extend((0..self.devices.len()).filter_map(|place| self.leak_found(place)));
        all.extend(self.instances.known.iter().filter_map(|(instance, timer)| {
            Some(FindingView {
                finding: Finding::NoComputeInstance,
                subject: Subject::Instance(Arc::clone(instance)),
                since: timer.shown_since()?,
                evidence: Evidence::NoComputeInstance {
                    gpu_instance: instance.gpu_instance,
                    profile: instance.profile.clone(),
                },
            })
        }));
        all
    }

    fn findings_of(&self, session: &Session) -> [Option<FindingView>; 3] {
        let shown = |finding, since, evidence| FindingView {
            finding,
            subject: Subject::Session(Arc::clone(&session.facts)),
            since,
            evidence,
        };
        let outside = session.outside.shown_since();
        let zombie =
            session.zombie.shown_since().zip(session.zombie_cause().or(session.last_zombie_cause));
        let hangs = session.hangs.shown_since().zip(session.hang.suspicion());
        let pid = session.facts.pid;
        [
            outside.map(|since| {
                shown(Finding::OutsideAllocation, since, self.evidence_of_outside(session))
            }),
            zombie.map(|(since, cause)| {
                let parent = session.parent;
                shown(Finding::Zombie, since, Evidence::Zombie { pid, parent, cause })
            }),
            hangs.map(|(_, (since, seen))| {
                let evidence = Evidence::HangSuspect {
                    pid,
                    used_ratio: seen.used,
                    watts: seen.watts,
                    usual_watts: seen.usual_watts,
                    idle_watts: seen.idle_watts,
                    confidence: seen.confidence,
                };
                shown(Finding::HangSuspect, since, evidence)
            }),
        ]
    }

    fn evidence_of_outside(&self, session: &Session) -> Evidence {
        let facts = &session.facts;
        let holders = self.devices.get(session.device).map(|device| Arc::clone(&device.holders));
        let holders = holders.unwrap_or_default();
        let known = holders.iter().filter_map(|holds| self.holding.get(holds.allocation));
        let owner = match (&facts.namespace, &facts.pod, &facts.user) {
            (Some(namespace), Some(pod), _) => format!("pod {namespace}/{pod}"),
            (_, _, Some(user)) => format!("{} {user}", facts.kind.as_str()),
            _ => facts.kind.as_str().to_owned(),
        };
        Evidence::OutsideAllocation {
            pid: facts.pid,
            command: facts.command.clone(),
            owner,
            holders: known.map(|known| known.facts.holder()).collect(),
            access: None,
        }
    }

    fn leak_found(&self, place: usize) -> Option<FindingView> {
        let device = self.devices.get(place).filter(|device| !device.gone)?;
        Some(FindingView {
            finding: Finding::Leaked,
            subject: Subject::Device(Arc::clone(&device.facts)),
            since: device.leaked.shown_since()?,
            evidence: Evidence::Leaked { bytes: device.leaked_bytes, open_by: None },
        })
    }
}

impl AllocationFacts {
    /// Who holds it, for a sentence: `namespace/pod/container`, or `job 4711`.
    #[must_use]
    pub fn holder(&self) -> String {
        if let Some(job) = &self.slurm_job {
            return format!("job {job}");
        }
        let parts = [&self.namespace, &self.pod, &self.container];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join("/")
    }
}
