//! What can be read on this machine, what cannot, why, and what to do: the table of checks.
//!
//! A check looks at evidence that was gathered before (one look at the machine) and at a folder or
//! two; it changes nothing. Ids are stable: scripts rely on them. Printing is the program's.

mod checks;
mod found;
mod kubelet;

use std::path::Path;

use crate::Snapshot;
pub use checks::CHECKS;

/// What the checks look at.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// One look at the machine.
    pub snapshot: &'a Snapshot,
    /// Its host.
    pub host: &'a host::Host,
    /// Where the textfile would be written.
    pub textfile: &'a Path,
    /// Where the kubelet would be asked for the pods on each GPU.
    pub kubelet: &'a Path,
    /// Where the exporter would keep its state.
    pub state_dir: Option<&'a Path>,
    /// Whether the state of an exporter that watches this machine was read.
    pub is_watched: bool,
}

/// One row of the table.
#[derive(Debug)]
pub struct Check {
    /// Stable id.
    pub id: &'static str,
    /// What is asked, as a question.
    pub question: &'static str,
    /// What to do where the answer is no and the probe knows nothing better.
    pub remedy: &'static str,
    /// Answers it.
    pub(crate) probe: fn(&Evidence<'_>) -> Finding,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Yes.
    Ok,
    /// Not in full; nothing is broken.
    Warn,
    /// No.
    Fail,
    /// The question does not arise here.
    NotApplicable,
}

impl Status {
    /// As printed and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// What a probe saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    status: Status,
    evidence: String,
    remedy: Option<String>,
}

impl Finding {
    fn new(status: Status, evidence: impl Into<String>) -> Self {
        Self { status, evidence: evidence.into(), remedy: None }
    }

    fn ok(evidence: impl Into<String>) -> Self {
        Self::new(Status::Ok, evidence)
    }

    fn warn(evidence: impl Into<String>) -> Self {
        Self::new(Status::Warn, evidence)
    }

    fn fail(evidence: impl Into<String>) -> Self {
        Self::new(Status::Fail, evidence)
    }

    fn none(evidence: impl Into<String>) -> Self {
        Self::new(Status::NotApplicable, evidence)
    }

    fn with_remedy(self, remedy: &str) -> Self {
        Self { remedy: Some(remedy.to_owned()), ..self }
    }
}

/// The answer to one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Stable id.
    pub id: &'static str,
    /// What was asked.
    pub question: &'static str,
    /// How it came out.
    pub status: Status,
    /// What was seen.
    pub evidence: String,
    /// What to do; only with `warn` and `fail`.
    pub remedy: Option<String>,
}

/// Answer all checks, in the order of the table.
#[must_use]
pub fn examine(evidence: &Evidence<'_>) -> Vec<Answer> {
    CHECKS.iter().map(|check| answer(check, evidence)).collect()
}

fn answer(check: &Check, evidence: &Evidence<'_>) -> Answer {
    let finding = (check.probe)(evidence);
    let wanting = matches!(finding.status, Status::Warn | Status::Fail);
    let remedy = wanting.then(|| finding.remedy.unwrap_or_else(|| check.remedy.to_owned()));
    Answer {
        id: check.id,
        question: check.question,
        status: finding.status,
        evidence: finding.evidence,
        remedy,
    }
}

#[cfg(test)]
mod tests;
