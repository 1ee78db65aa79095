//! Why there is no driver, in words for a person.

use crate::OpenError;

/// Why there is no driver.
#[derive(Debug, Clone)]
pub(super) struct Absence {
    pub(super) reason: String,
    pub(super) remedy: String,
    /// Whether the program `nvidia-smi` may still help.
    pub(super) loadable: bool,
}

impl Absence {
    pub(super) fn of(why: &OpenError) -> Self {
        let loadable = matches!(
            why,
            OpenError::NotFound { .. } | OpenError::Load { .. } | OpenError::NotNvml { .. }
        );
        Self { reason: why.to_string(), remedy: why.remedy().to_owned(), loadable }
    }

    /// Say also why the fallback does not help.
    pub(super) fn join(&mut self, reason: &str, remedy: &str) {
        self.reason = format!("{}; {reason}", self.reason);
        if !self.remedy.contains(remedy) {
            self.remedy = format!("{}; or: {remedy}", self.remedy);
        }
    }

    fn said(reason: &str, remedy: &str) -> Self {
        Self { reason: reason.to_owned(), remedy: remedy.to_owned(), loadable: false }
    }

    pub(super) fn not_looked() -> Self {
        Self::said("the driver has not been looked for yet", "wait a moment")
    }

    pub(super) fn opening() -> Self {
        Self::said(
            "the driver is being opened and has not answered yet",
            "wait; if it lasts, look at dmesg, and turn persistence mode on",
        )
    }

    pub(super) fn released() -> Self {
        Self::said("the driver was let go of on request", "send SIGUSR1 again to take it back")
    }

    pub(super) fn no_thread() -> Self {
        Self::said(
            "no thread could be started for the driver",
            "raise the limit of processes (ulimit -u, or pids.max of the control group)",
        )
    }
}
