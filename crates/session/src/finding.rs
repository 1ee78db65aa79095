//! Findings: what is wrong with a session, an allocation or a device, with evidence and a remedy.
//!
//! A finding is shown once its cause has lasted for its time, and cleared a while after the cause
//! is gone. It is a sentence, never an action.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use model::device::Device;

use crate::view::{AllocationFacts, SessionFacts};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Finding {
    /// An allocation without any session.
    NoProcess,
    /// A session on a device that is given to holders, of whom it is none.
    OutsideAllocation,
    /// Device memory in use that no listed process holds.
    Leaked,
    /// A process that the driver lists although it is dead, or that cannot be ended.
    Zombie,
}

impl Finding {
    /// As printed in the label `finding`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoProcess => "no_process",
            Self::OutsideAllocation => "outside_allocation",
            Self::Leaked => "leaked",
            Self::Zombie => "zombie",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NoProcess => {
                "Ask the owner whether the GPU is needed; delete the pod or job if not."
            }
            Self::OutsideAllocation => {
                "Look how it got the device: NVIDIA_VISIBLE_DEVICES set by hand, a privileged \
                 container, or a program started on the host beside the allocator."
            }
            Self::Leaked => {
                "Find who has /dev/nvidia* open and end it; if nobody has, reset the GPU while it \
                 is drained."
            }
            Self::Zombie => {
                "End its parent, which has not waited for it; if it hangs in the kernel, drain the \
                 node and reset the GPU or reboot."
            }
        }
    }
}

/// A finding as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingView {
    /// What is wrong.
    pub finding: Finding,
    /// With what.
    pub subject: Subject,
    /// Since when its cause is there.
    pub since: Timestamp,
    /// What was seen, as a sentence.
    pub evidence: String,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A session.
    Session(Arc<SessionFacts>),
    /// An allocation.
    Allocation(Arc<AllocationFacts>),
    /// A device.
    Device(Arc<Device>),
}

/// How long the cause of one finding has been there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Timer {
    since: Option<Timestamp>,
    last: Option<Timestamp>,
    shown: bool,
}

impl Timer {
    /// Whether the cause is there now; `None` where that cannot be told, which changes nothing.
    pub(crate) fn step(
        &mut self,
        now: Timestamp,
        cause: Option<bool>,
        wait: Duration,
        clear: Duration,
    ) {
        match cause {
            None => {}
            Some(true) => {
                let since = *self.since.get_or_insert(now);
                self.last = Some(now);
                self.shown |= now.since(since) >= wait;
            }
            Some(false) => {
                let over = self.last.is_none_or(|last| now.since(last) >= clear);
                if !self.shown || over {
                    *self = Self::default();
                }
            }
        }
    }

    /// Since when the cause is there, if it is shown.
    pub(crate) fn shown_since(&self) -> Option<Timestamp> {
        self.since.filter(|_| self.shown)
    }

    /// The clock went back.
    pub(crate) fn forget_time(&mut self, now: Timestamp) {
        self.since = self.since.map(|at| at.min(now));
        self.last = self.last.map(|at| at.min(now));
    }
}
