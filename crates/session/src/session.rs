//! One session as the engine keeps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Timestamp;
use model::observation::UseSample;
use model::process::OwnerKind;

use crate::config::Config;
use crate::counters::Counters;
use crate::evidence::SessionEvidence;
use crate::finding::hang::HangWatch;
use crate::finding::{Timer, ZombieCause};
use crate::identity::Start;
use crate::state::{SessionState, Subject, Watch};
use crate::view::{End, Quality, SessionFacts, Utilization};

/// A session, live or ended.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) facts: Arc<SessionFacts>,
    /// Index of its device in the engine.
    pub(crate) device: usize,
    /// With its PID what makes it this session.
    pub(crate) key: Start,
    /// Start of its process in clock ticks, once read.
    pub(crate) start_ticks: Option<u64>,
    /// The pass that saw it last.
    pub(crate) pass: u64,
    /// Whether the newest list of its device names it.
    pub(crate) listed: bool,
    pub(crate) last_seen: Timestamp,
    /// When its device's list first missed it.
    pub(crate) left_at: Option<Timestamp>,
    pub(crate) misses: u32,
    /// When its process is to be read again.
    pub(crate) next_check: Timestamp,
    pub(crate) process_state: Option<char>,
    /// It was in state D when last read and had not worked since the reading before.
    pub(crate) is_stuck: bool,
    /// Parent of its process.
    pub(crate) parent: Option<u32>,
    /// Its pod is no longer on this node.
    pub(crate) pod_is_gone: bool,
    /// CPU time of its process as last read, in seconds.
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) memory_peak_bytes: Option<u64>,
    /// What is known of its use now.
    pub(crate) live: Watch,
    /// What was known of it in the newest booked second.
    pub(crate) booked: Watch,
    pub(crate) state: SessionState,
    pub(crate) evidence: SessionEvidence,
    pub(crate) batch: Batch,
    pub(crate) last_stamp: Option<Timestamp>,
    pub(crate) utilization: Option<Utilization>,
    /// Engines besides SM that it ever used.
    pub(crate) engines: Engines,
    /// Whether it has rows of its own; else its counters go to the row `rest`.
    pub(crate) shown: bool,
    pub(crate) rest: usize,
    pub(crate) end: Option<End>,
    /// When the end was noted; the end itself may be earlier.
    pub(crate) ended_at: Option<Timestamp>,
    /// It ended by leaving the device; its process may come back.
    pub(crate) may_return: bool,
    /// Ended, and kept only in case its process comes back.
    pub(crate) hidden: bool,
    /// The allocation it belongs to.
    pub(crate) allocation: Option<u32>,
    /// XIDs that named its process, by code.
    pub(crate) xids: BTreeMap<u64, u64>,
    pub(crate) outside: Timer,
    pub(crate) zombie: Timer,
    /// Why it was a zombie when it last was.
    pub(crate) last_zombie_cause: Option<ZombieCause>,
    pub(crate) hang: HangWatch,
    /// Since when the watch says that it hangs.
    pub(crate) hangs: Timer,
    pub(crate) counters: Counters,
}

/// Engines besides SM.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Engines {
    pub(crate) memory: bool,
    pub(crate) encoder: bool,
    pub(crate) decoder: bool,
}

/// Sums over the samples that one pass brought.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Batch {
    pub(crate) samples: u32,
    sm: u32,
    memory: u32,
    encoder: u32,
    decoder: u32,
}

impl Batch {
    pub(crate) fn add(&mut self, sample: &UseSample) {
        self.samples += 1;
        self.sm += u32::from(sample.sm);
        self.memory += u32::from(sample.memory);
        self.encoder += u32::from(sample.encoder);
        self.decoder += u32::from(sample.decoder);
    }

    /// Means over `windows` windows of the driver, 0..1.
    pub(crate) fn means(&self, windows: u32, engines: Engines, quality: Quality) -> Utilization {
        let windows = f64::from(windows.max(self.samples).max(1));
        let mean = |sum: u32| (f64::from(sum) / windows).clamp(0.0, 100.0) / 100.0;
        Utilization {
            sm: mean(self.sm),
            memory: engines.memory.then(|| mean(self.memory)),
            encoder: engines.encoder.then(|| mean(self.encoder)),
            decoder: engines.decoder.then(|| mean(self.decoder)),
            quality,
        }
    }
}

impl Engines {
    pub(crate) fn add(&mut self, sample: &UseSample) {
        self.memory |= sample.memory > 0;
        self.encoder |= sample.encoder > 0;
        self.decoder |= sample.decoder > 0;
    }
}

impl Session {
    /// A session that begins at `now` for the engine.
    pub(crate) fn new(facts: Arc<SessionFacts>, device: usize, key: Start, now: Timestamp) -> Self {
        Self {
            facts,
            device,
            key,
            start_ticks: None,
            pass: 0,
            listed: false,
            last_seen: now,
            left_at: None,
            misses: 0,
            next_check: now,
            process_state: None,
            is_stuck: false,
            parent: None,
            pod_is_gone: false,
            cpu_seconds: None,
            memory_bytes: None,
            memory_peak_bytes: None,
            live: Watch::default(),
            booked: Watch::default(),
            state: SessionState::Starting,
            evidence: SessionEvidence::default(),
            batch: Batch::default(),
            last_stamp: None,
            utilization: None,
            engines: Engines::default(),
            shown: false,
            rest: 0,
            end: None,
            ended_at: None,
            may_return: false,
            hidden: false,
            allocation: None,
            xids: BTreeMap::new(),
            outside: Timer::default(),
            zombie: Timer::default(),
            last_zombie_cause: None,
            hang: HangWatch::default(),
            hangs: Timer::default(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.end.is_none()
    }

    /// The keys under which it is found when its process comes back: its own, and the one that was
    /// learned later.
    pub(crate) fn closed_keys(&self) -> impl Iterator<Item = (usize, u32, Start)> + use<> {
        let learned = self.start_ticks.map(Start::Ticks).filter(|learned| *learned != self.key);
        let (device, pid) = (self.device, self.facts.pid);
        std::iter::once(self.key).chain(learned).map(move |key| (device, pid, key))
    }

    /// Whether it has a part in its device's time: the MPS server owns nothing.
    pub(crate) fn owns(&self) -> bool {
        self.facts.kind != OwnerKind::MpsServer
    }

    fn subject(&self) -> Subject {
        Subject { started: self.facts.start, memory_bytes: self.memory_bytes }
    }

    /// Bring the state of now up to date.
    pub(crate) fn refresh_state(&mut self, now: Timestamp, config: &Config) {
        let subject = self.subject();
        self.state = self.live.state(now, &subject, config);
    }

    /// The state under which a second that ends at `at` is booked.
    pub(crate) fn booked_state(&mut self, at: Timestamp, config: &Config) -> SessionState {
        let subject = self.subject();
        self.booked.state(at, &subject, config)
    }

    /// The clock went back: nothing lies in the future, and no sample's second is met again.
    pub(crate) fn forget_time(&mut self, now: Timestamp) {
        self.live.clamp(now);
        self.booked.clamp(now);
        self.evidence = SessionEvidence::default();
        self.last_stamp = None;
        self.outside.forget_time(now);
        self.zombie.forget_time(now);
        self.hang.forget_time(now);
        self.hangs.forget_time(now);
        self.last_seen = self.last_seen.min(now);
        self.next_check = self.next_check.min(now);
        self.left_at = self.left_at.map(|at| at.min(now));
        self.ended_at = self.ended_at.map(|at| at.min(now));
        self.end = self.end.map(|end| End { at: end.at.min(now), ..end });
    }

    /// The driver lists it with that much memory.
    pub(crate) fn hold_memory(&mut self, bytes: Option<u64>) {
        self.memory_bytes = bytes;
        self.memory_peak_bytes = self.memory_peak_bytes.max(bytes);
    }
}

/// All sessions, by an index that stays while a session is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions {
    slots: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
}

impl Sessions {
    pub(crate) fn insert(&mut self, session: Session) -> u32 {
        let session = Some(Box::new(session));
        if let Some(index) = self.free.pop() {
            self.slots[index as usize] = session;
            return index;
        }
        self.slots.push(session);
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn remove(&mut self, index: u32) {
        if self.slots.get_mut(index as usize).and_then(Option::take).is_some() {
            self.free.push(index);
        }
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Session> {
        self.slots.get(index as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Session> {
        self.slots.get_mut(index as usize)?.as_deref_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Session)> {
        (0..).zip(&self.slots).filter_map(|(index, slot)| Some((index, slot.as_deref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Session)> {
        (0..).zip(&mut self.slots).filter_map(|(index, slot)| Some((index, slot.as_deref_mut()?)))
    }
}
