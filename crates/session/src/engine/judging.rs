//! Judging: whether the causes of findings are there now, and what is shown of them.

use std::sync::Arc;

use model::Timestamp;
use model::process::OwnerKind;

use super::Engine;
use crate::allocation::Holds;
use crate::finding::{Finding, FindingView, Subject};
use crate::session::Session;

impl Engine {
    /// Look for the causes of all findings. Single looks tell nothing of durations.
    pub(super) fn judge(&mut self) {
        if self.config.sampled {
            return;
        }
        self.judge_sessions_now();
        self.judge_allocations();
        self.judge_devices();
    }

    fn judge_sessions_now(&mut self) {
        let (now, config) = (self.at, &self.config);
        let clear = config.finding_clears_after;
        self.scratch.used_allocations.clear();
        for (_, session) in self.sessions.iter_mut().filter(|(_, session)| session.is_live()) {
            self.scratch.used_allocations.extend(session.allocation);
            let Some(device) = self.devices.get(session.device).filter(|device| device.known)
            else {
                continue;
            };
            let given = device.allocatable || !device.holders.is_empty();
            let outside = if session.listed && session.owns() && given {
                let unnamed = |holds: &Holds| {
                    self.holding
                        .get(holds.allocation)
                        .is_some_and(|known| known.facts.pod_uid.is_none())
                };
                // Without names on both sides it cannot be told who is who.
                let unclear = is_unnamed(session) && device.holders.iter().any(unnamed);
                (!unclear).then_some(session.allocation.is_none())
            } else {
                Some(false)
            };
            session.outside.step(now, outside, config.outside_after, clear);
            let dead = session.listed && matches!(session.process_state, Some('Z' | 'X' | 'D'));
            session.zombie.step(now, Some(dead), config.zombie_after, clear);
        }
        self.scratch.used_allocations.sort_unstable();
    }

    fn judge_allocations(&mut self) {
        let (now, config) = (self.at, &self.config);
        let (used, devices) = (&self.scratch.used_allocations, &self.devices);
        for (index, known) in self.holding.iter_mut() {
            let is_known = devices.get(known.device).is_some_and(|device| device.known);
            let idle = known.held && used.binary_search(&index).is_err();
            let cause = is_known.then_some(idle);
            let clear = config.finding_clears_after;
            known.no_process.step(now, cause, config.no_process_after, clear);
        }
    }

    fn judge_devices(&mut self) {
        let (now, clear) = (self.at, self.config.finding_clears_after);
        for place in 0..self.devices.len() {
            if self.devices[place].gone {
                continue;
            }
            let left = self.unattributed(&self.devices[place]);
            let cause = left.map(|left| left > self.config.leaked_over_bytes);
            self.devices[place].leaked.step(now, cause, self.config.leaked_after, clear);
        }
    }

    /// The findings that are shown: of sessions, of allocations, of devices.
    pub(super) fn show_findings(&self) -> Vec<FindingView> {
        let mut all = Vec::new();
        for (_, session) in self.sessions.iter().filter(|(_, session)| session.is_live()) {
            let timers =
                [(Finding::OutsideAllocation, session.outside), (Finding::Zombie, session.zombie)];
            for (finding, timer) in timers {
                let Some(since) = timer.shown_since() else { continue };
                let subject = Subject::Session(Arc::clone(&session.facts));
                let evidence = evidence_of_session(finding, session);
                all.push(FindingView { finding, subject, since, evidence });
            }
        }
        for (_, known) in self.holding.iter().filter(|(_, known)| known.end.is_none()) {
            let Some(since) = known.no_process.shown_since() else { continue };
            let subject = Subject::Allocation(Arc::clone(&known.facts));
            let evidence = format!("No process of its uses {}.", known.facts.device_id);
            all.push(FindingView { finding: Finding::NoProcess, subject, since, evidence });
        }
        all.extend(self.devices.iter().filter(|device| !device.gone).filter_map(|device| {
            let since: Timestamp = device.leaked.shown_since()?;
            let mib = self.unattributed(device).unwrap_or(0) >> 20;
            Some(FindingView {
                finding: Finding::Leaked,
                subject: Subject::Device(Arc::clone(&device.facts)),
                since,
                evidence: format!("{mib} MiB are in use that no listed process holds."),
            })
        }));
        all
    }
}

/// A container's process whose pod is not known by name or UID.
fn is_unnamed(session: &Session) -> bool {
    let in_container =
        matches!(session.facts.kind, OwnerKind::Pod | OwnerKind::Container | OwnerKind::Unknown);
    in_container && session.facts.pod.is_none()
}

fn evidence_of_session(finding: Finding, session: &Session) -> String {
    let facts = &session.facts;
    let pid = facts.pid;
    if finding == Finding::Zombie {
        let state = session.process_state.unwrap_or('?');
        return format!("The driver lists PID {pid}; its process is in state {state}.");
    }
    let owner = facts.pod.as_deref().or(facts.user.as_deref()).unwrap_or("unknown");
    let kind = facts.kind.as_str();
    format!("PID {pid} ({}) of {kind} {owner} does not hold {}.", facts.command, facts.device.label)
}
