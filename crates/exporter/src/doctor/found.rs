//! The check of findings: what an exporter that watches this machine has found.

use super::{Evidence, Finding};

/// Most findings that are told one by one.
const MOST: usize = 20;

pub(super) fn probe(evidence: &Evidence<'_>) -> Finding {
    let found = &evidence.snapshot.view.findings;
    if found.is_empty() {
        return if evidence.is_watched {
            Finding::ok("nothing is found")
        } else {
            Finding::none("no exporter watches this machine: what lasts cannot be seen in one look")
        };
    }
    let mut told: Vec<String> = found
        .iter()
        .take(MOST)
        .map(|found| format!("GPU {}: {}", found.subject.gpu(), found.evidence.sentence()))
        .collect();
    if found.len() > MOST {
        told.push(format!("and {} more", found.len() - MOST));
    }
    let mut remedies: Vec<&str> = Vec::new();
    for remedy in found.iter().map(|found| found.finding.remedy()) {
        if !remedies.contains(&remedy) {
            remedies.push(remedy);
        }
    }
    Finding::warn(told.join("; ")).with_remedy(&remedies.join("; "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::Timestamp;
    use session::{Evidence as Seen, Finding as Kind, FindingView, Subject, UnusableInstance};

    use super::super::tests::about_watched;
    use super::super::{Snapshot, Status};
    use crate::testing::snapshot;

    fn with_findings(found: Vec<FindingView>) -> Snapshot {
        let mut snapshot = snapshot(Vec::new());
        snapshot.view.findings = found;
        snapshot
    }

    #[test]
    fn what_was_found_is_told_with_its_remedy() {
        let instance = UnusableInstance {
            gpu_index: 3,
            gpu_uuid: "GPU-3".to_owned(),
            gpu_instance: 9,
            profile: "1g.10gb".to_owned(),
        };
        let found = FindingView {
            finding: Kind::NoComputeInstance,
            subject: Subject::Instance(Arc::new(instance)),
            since: Timestamp::from_secs(1),
            evidence: Seen::NoComputeInstance { gpu_instance: 9, profile: "1g.10gb".to_owned() },
        };
        let answer = about_watched(&with_findings(vec![found]), "findings", true);
        assert_eq!(answer.status, Status::Warn);
        let said = "GPU 3: GPU instance 9 (1g.10gb) has no compute instance";
        assert_eq!(answer.evidence, said);
        assert_eq!(answer.remedy.as_deref(), Some(Kind::NoComputeInstance.remedy()));
    }

    #[test]
    fn nothing_found_is_good_only_where_somebody_watched() {
        let nothing = with_findings(Vec::new());
        assert_eq!(about_watched(&nothing, "findings", true).status, Status::Ok);
        assert_eq!(about_watched(&nothing, "findings", false).status, Status::NotApplicable);
    }
}
