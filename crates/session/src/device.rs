//! One device as the engine keeps it: who is on it now, and the seconds not booked yet.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use model::device::Device;
use model::{ErrorKind, Timestamp};

use crate::allocation::Holds;
use crate::booking::Parts;
use crate::counters::DeviceCounters;
use crate::evidence::DeviceEvidence;
use crate::finding::Timer;

/// Booked seconds that make the newest minute.
const MINUTE: usize = 60;

/// A device, present or remembered.
#[derive(Debug, Clone)]
pub(crate) struct Tracked {
    pub(crate) facts: Arc<Device>,
    pub(crate) counters: DeviceCounters,
    pub(crate) down: Option<ErrorKind>,
    /// Whether it is known who is there.
    pub(crate) known: bool,
    /// Memory in use on it without the reserved part, if readable.
    pub(crate) used_bytes: Option<u64>,
    /// The newest observation of it.
    pub(crate) seen_at: Option<Timestamp>,
    /// The newest observation that told who is there.
    pub(crate) known_at: Option<Timestamp>,
    /// The first pass without it.
    pub(crate) absent_since: Option<Timestamp>,
    /// Whether it is out of sight for so long that it counts as gone.
    pub(crate) gone: bool,
    /// Place in the newest pass.
    pub(crate) order: usize,
    /// Live sessions by PID, listed or not.
    pub(crate) open: HashMap<u32, u32>,
    /// What holds since the newest observation.
    pub(crate) hold: Hold,
    /// Who holds it by allocation since then.
    pub(crate) holders: Arc<[Holds]>,
    /// Whether it can be given to holders.
    pub(crate) allocatable: bool,
    pub(crate) leaked: Timer,
    /// How much it was when it last was too much.
    pub(crate) leaked_bytes: u64,
    pub(crate) spans: VecDeque<Span>,
    pub(crate) evidence: DeviceEvidence,
    minute: VecDeque<Parts>,
}

/// What holds on a device from one observation to the next.
#[derive(Debug, Clone, Default)]
pub(crate) enum Hold {
    /// It is not known who is there: not observed.
    #[default]
    Unknown,
    /// The GPU is lost or stuck.
    Down,
    /// These are there.
    Present(Arc<[Present]>),
}

/// A session on a device, with what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) session: u32,
    pub(crate) memory_bytes: Option<u64>,
}

/// A stretch within one second in which nothing changed.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) second: i64,
    pub(crate) micros: u64,
    pub(crate) hold: Hold,
    pub(crate) holders: Arc<[Holds]>,
}

impl Tracked {
    pub(crate) fn new(facts: Arc<Device>) -> Self {
        Self {
            facts,
            counters: DeviceCounters::default(),
            down: None,
            known: false,
            used_bytes: None,
            seen_at: None,
            known_at: None,
            absent_since: None,
            gone: false,
            order: 0,
            open: HashMap::new(),
            hold: Hold::Unknown,
            holders: Arc::default(),
            allocatable: false,
            leaked: Timer::default(),
            leaked_bytes: 0,
            spans: VecDeque::new(),
            evidence: DeviceEvidence::default(),
            minute: VecDeque::new(),
        }
    }

    /// Whether both have the same labels on their counters: an instance's ids are given again when
    /// its GPU is cut anew.
    pub(crate) fn has_labels_of(&self, other: &Self) -> bool {
        self.facts.label == other.facts.label && self.has_memory_of(other)
    }

    /// Whether both lie in the same memory: of the GPU, or of its instance.
    pub(crate) fn has_memory_of(&self, other: &Self) -> bool {
        let instance = |tracked: &Self| tracked.facts.mig.as_ref().map(|mig| mig.gpu_instance);
        self.facts.gpu_uuid == other.facts.gpu_uuid && instance(self) == instance(other)
    }

    /// Take newer facts of the same device.
    pub(crate) fn take_facts(&mut self, facts: &Arc<Device>) {
        if !Arc::ptr_eq(&self.facts, facts) {
            self.facts = Arc::clone(facts);
        }
    }

    /// The clock went back: nothing before `now` was observed.
    pub(crate) fn forget_time(&mut self, now: Timestamp) {
        self.spans.clear();
        self.evidence.forget_time();
        self.seen_at = None;
        self.leaked.forget_time(now);
        self.known_at = self.known_at.map(|at| at.min(now));
        self.absent_since = self.absent_since.map(|at| at.min(now));
    }

    /// Note the time since the newest observation, unless it is too long to have been observed.
    pub(crate) fn hold_until(&mut self, now: Timestamp, longest_gap: Duration) {
        let Some(from) = self.seen_at.replace(now) else { return };
        if matches!(self.hold, Hold::Unknown) || now.since(from) > longest_gap {
            return;
        }
        let mut at = from;
        while at < now {
            let next = Timestamp::from_secs(at.second() + 1).min(now);
            let micros = u64::try_from(next.since(at).as_micros()).unwrap_or(0);
            let (hold, holders) = (self.hold.clone(), Arc::clone(&self.holders));
            self.push(Span { second: at.second(), micros, hold, holders });
            at = next;
        }
    }

    /// Add a stretch, joined to the one before where nothing changed.
    fn push(&mut self, span: Span) {
        match (self.spans.back_mut(), &span.hold) {
            (Some(last), hold)
                if last.second == span.second
                    && last.hold.is_same(hold)
                    && Arc::ptr_eq(&last.holders, &span.holders) =>
            {
                last.micros += span.micros;
            }
            _ => self.spans.push_back(span),
        }
    }

    /// These are on it from now on. An unchanged list is shared with the one before.
    pub(crate) fn hold_present(&mut self, present: &[Present]) {
        match &self.hold {
            Hold::Present(before) if **before == *present => {}
            _ => self.hold = Hold::Present(present.into()),
        }
    }

    /// Count parts of a second, which may come in several stretches.
    pub(crate) fn book(&mut self, parts: &Parts) {
        for (counter, part) in self.counters.micros.iter_mut().zip(parts) {
            *counter += part;
        }
        if let Some(second) = self.minute.back_mut() {
            for (sum, part) in second.iter_mut().zip(parts) {
                *sum += part;
            }
        }
    }

    /// Begin the parts of another second.
    pub(crate) fn begin_second(&mut self) {
        if self.minute.len() >= MINUTE {
            self.minute.pop_front();
        }
        self.minute.push_back(Parts::default());
    }

    /// Parts of the newest booked minute.
    pub(crate) fn minute(&self) -> Parts {
        let mut sum = Parts::default();
        for second in &self.minute {
            for (total, part) in sum.iter_mut().zip(second) {
                *total += part;
            }
        }
        sum
    }
}

impl Span {
    /// Who was there, if that is known.
    pub(crate) fn present(&self) -> Option<&[Present]> {
        match &self.hold {
            Hold::Present(present) => Some(present),
            Hold::Unknown | Hold::Down => None,
        }
    }
}

impl Hold {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, Self::Unknown) | (Self::Down, Self::Down) => true,
            (Self::Present(one), Self::Present(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}
