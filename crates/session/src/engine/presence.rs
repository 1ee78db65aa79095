//! Who is on a device: sessions open, are touched, miss, return and end.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use model::observation::DeviceProcess;
use model::process::{Lookup, Owner, OwnerKind, ProcessFacts};

use super::{Engine, LookUp};
use crate::config::UserLabel;
use crate::device::{Hold, Present};
use crate::identity::{Start, session_id};
use crate::session::Session;
use crate::view::{End, EndKind, SessionFacts, StartKind};

/// Readings without a process whose `/proc` cannot be read, after which it counts as gone.
const MISSES_OF_UNREADABLE: u32 = 2;
/// A start read from `/proc` may lie that much after the first sighting and still be the same
/// process: the moment of boot is known to the second.
const START_SLACK: Duration = Duration::from_secs(2);

impl Engine {
    /// Take in the list of a device.
    pub(super) fn take_processes(
        &mut self,
        device: usize,
        processes: &[DeviceProcess],
        lookup: LookUp<'_>,
    ) {
        let watched = self.has_watched(device);
        for process in processes {
            let session = match self.devices[device].open.get(&process.pid).copied() {
                Some(session) => self.check(session, process, lookup),
                None => self.open(device, process, &lookup(process.pid)),
            };
            self.touch(session, process, watched);
        }
        self.devices[device].known = true;
        self.miss_sessions(device, lookup);
        self.hold_listed(device);
    }

    /// Whether the time up to now was watched, by us or by the driver's own buffer.
    fn has_watched(&self, device: usize) -> bool {
        let longest = self.config.longest_gap.max(self.config.buffer_holds);
        let longest = longest.max(self.keeping.usual_gap().unwrap_or_default() * 2);
        let known_at = self.devices[device].known_at;
        known_at.is_some_and(|known_at| self.at.since(known_at) <= longest)
    }

    /// A PID that is known on the device: read its process again when that is due. It may be
    /// another process by now.
    fn check(&mut self, session: u32, process: &DeviceProcess, lookup: LookUp<'_>) -> u32 {
        let due = self.sessions.get(session).is_some_and(|known| {
            known.next_check <= self.at || !known.listed && known.pass != self.pass
        });
        if !due {
            return session;
        }
        let found = lookup(process.pid);
        if self.is_another(session, &found) {
            let device = self.sessions.get(session).map_or(0, |known| known.device);
            self.end(session, End { at: self.at, kind: EndKind::Gone }, false);
            return self.open(device, process, &found);
        }
        self.take_facts(session, &found);
        session
    }

    /// Whether what was found under a session's PID is another process.
    fn is_another(&self, session: u32, found: &Lookup) -> bool {
        let (Lookup::Facts(facts), Some(known)) = (found, self.sessions.get(session)) else {
            return false;
        };
        match known.start_ticks {
            Some(ticks) => ticks != facts.start_ticks,
            None => facts.started > known.facts.start.after(START_SLACK),
        }
    }

    /// Take in what a process's files say now.
    fn take_facts(&mut self, session: u32, found: &Lookup) {
        let next_check = self.at.after(self.config.check_every);
        let user = self.config.user;
        let Some(known) = self.sessions.get_mut(session) else { return };
        known.next_check = next_check;
        let Lookup::Facts(facts) = found else {
            if *found == Lookup::Gone {
                known.process_state = Some('X');
            }
            return;
        };
        known.process_state = Some(facts.state);
        known.start_ticks = Some(facts.start_ticks);
        let before = known.cpu_seconds.replace(facts.cpu_seconds);
        let worked = before.map_or(0.0, |before| facts.cpu_seconds - before).max(0.0);
        known.is_stuck = facts.state == 'D' && worked <= 0.0;
        known.parent = Some(facts.parent);
        known.pod_is_gone = facts.pod_is_gone;
        // A zombie has lost its program and its group; what was known of it before stays.
        let says_more = !matches!(facts.state, 'Z' | 'X') && !facts.command.is_empty();
        if says_more && (known.facts.command != facts.command || is_renamed(&known.facts, facts)) {
            let changed = Arc::make_mut(&mut known.facts);
            describe(changed, facts, user);
            self.holding.links_stale = true;
        }
        let micros = Duration::try_from_secs_f64(worked).unwrap_or_default().as_micros();
        if let (Ok(micros), Some(counters)) = (u64::try_from(micros), self.counters_of(session)) {
            counters.cpu_micros = counters.cpu_micros.saturating_add(micros);
        }
    }

    /// A process that was not on the device a moment ago: a new session, or one that returns.
    fn open(&mut self, device: usize, process: &DeviceProcess, found: &Lookup) -> u32 {
        let key = match found {
            Lookup::Facts(facts) => Start::Ticks(facts.start_ticks),
            Lookup::Gone | Lookup::Unreadable => Start::Seen(self.at.second()),
        };
        let closed = self.take_closed((device, process.pid, key));
        let session = match closed {
            Some(session) => session,
            None => self.begin(device, process, key, found),
        };
        self.devices[device].open.insert(process.pid, session);
        self.reopen(session);
        self.take_facts(session, found);
        session
    }

    /// An ended session by one of its keys.
    fn take_closed(&mut self, key: (usize, u32, Start)) -> Option<u32> {
        let session = self.closed.get(&key).copied()?;
        for key in self.sessions.get(session)?.closed_keys() {
            self.closed.remove(&key);
        }
        Some(session)
    }

    pub(super) fn begin(
        &mut self,
        device: usize,
        process: &DeviceProcess,
        key: Start,
        found: &Lookup,
    ) -> u32 {
        let now = self.at;
        let first_seen = Timestamp::from_secs(now.second());
        let tracked = &self.devices[device].facts;
        let mut facts = SessionFacts {
            id: String::new(),
            device: Arc::clone(tracked),
            pid: process.pid,
            context: process.kind,
            kind: OwnerKind::Unknown,
            command: "unknown".to_owned(),
            user: None,
            owner: Owner::default(),
            namespace: None,
            pod: None,
            container: None,
            api_pod_uid: None,
            workload: None,
            workload_kind: None,
            start: first_seen,
            start_kind: StartKind::Seen,
        };
        if let Lookup::Facts(process) = found {
            (facts.start, facts.start_kind) = (process.started.min(now), StartKind::Exact);
            describe(&mut facts, process, self.config.user);
        }
        facts.id = session_id(&self.identity.boot_id, tracked.uuid(), process.pid, key.number());
        let rest = self.rest_of(device, &facts);
        let mut session = Session::new(Arc::new(facts), device, key, now);
        session.rest = rest;
        self.holding.links_stale = true;
        if !self.has_watched(device) {
            session.live.unwatched_until = Some(now);
            session.booked.unwatched_until = Some(now);
        }
        self.sessions.insert(session)
    }

    /// The end of a session that returns is taken back.
    pub(super) fn reopen(&mut self, session: u32) {
        let shown = self.keeping.live_shown < self.config.max_live;
        let Some(known) = self.sessions.get_mut(session) else { return };
        known.end = None;
        known.ended_at = None;
        known.may_return = false;
        self.holding.links_stale = true;
        known.left_at = None;
        known.misses = 0;
        // Rows that were seen once go on; a folded one may get rows of its own now.
        known.shown |= shown;
        known.hidden = false;
        if known.shown {
            self.keeping.live_shown += 1;
        }
    }

    /// The list names it.
    fn touch(&mut self, session: u32, process: &DeviceProcess, watched: bool) {
        let (now, pass) = (self.at, self.pass);
        let Some(known) = self.sessions.get_mut(session) else { return };
        let twice = std::mem::replace(&mut known.pass, pass) == pass;
        let memory = process.memory_bytes;
        known.hold_memory(if twice { known.memory_bytes.max(memory) } else { memory });
        let kind = if twice { known.facts.context.joined(process.kind) } else { process.kind };
        if known.facts.context != kind {
            Arc::make_mut(&mut known.facts).context = kind;
        }
        if !watched {
            known.live.unwatched_until = Some(now);
            known.booked.unwatched_until = Some(now);
        }
        known.listed = true;
        known.last_seen = now;
        known.left_at = None;
        known.misses = 0;
    }

    /// Look after the open sessions of a device that the newest list does not name.
    pub(super) fn miss_sessions(&mut self, device: usize, lookup: LookUp<'_>) {
        let mut missing = std::mem::take(&mut self.scratch.missing);
        missing.extend(self.devices[device].open.values().filter(|session| {
            self.sessions.get(**session).is_some_and(|known| known.pass != self.pass)
        }));
        for session in missing.drain(..) {
            self.miss(session, lookup);
        }
        self.scratch.missing = missing;
    }

    fn miss(&mut self, session: u32, lookup: LookUp<'_>) {
        let now = self.at;
        let Some(known) = self.sessions.get_mut(session) else { return };
        known.listed = false;
        known.utilization = None;
        known.misses = known.misses.saturating_add(1);
        let left_at = *known.left_at.get_or_insert(now);
        let found = lookup(known.facts.pid);
        let unreadable_for_good = known.misses >= MISSES_OF_UNREADABLE;
        let seen = End { at: left_at, kind: EndKind::Seen };
        if self.is_over(session, &found) {
            self.end(session, End { at: now, kind: self.kind_of_end(session) }, false);
        } else if found == Lookup::Unreadable && unreadable_for_good {
            self.end(session, seen, false);
        } else if now.since(left_at) >= self.config.left_grace {
            self.take_facts(session, &found);
            self.end(session, seen, true);
        } else {
            self.take_facts(session, &found);
        }
    }

    /// Whether what was found says that a session's process is no more. A zombie is one: it holds
    /// nothing, and the driver does not list it here.
    fn is_over(&self, session: u32, found: &Lookup) -> bool {
        let is_dead = match found {
            Lookup::Gone => true,
            Lookup::Facts(facts) => matches!(facts.state, 'Z' | 'X'),
            Lookup::Unreadable => false,
        };
        is_dead || self.is_another(session, found)
    }

    /// A process that was last seen long ago ended while nobody watched.
    fn kind_of_end(&self, session: u32) -> EndKind {
        let known = self.sessions.get(session);
        let unwatched = known.is_some_and(|known| {
            self.at.since(known.last_seen) > self.config.left_grace + self.config.longest_gap
        });
        if unwatched && !self.config.sampled { EndKind::Lost } else { EndKind::Gone }
    }

    /// The device cannot be read: only the process itself can tell of an end.
    pub(super) fn wait_for_news(&mut self, session: u32, lookup: LookUp<'_>) {
        let now = self.at;
        let Some(known) = self.sessions.get_mut(session) else { return };
        known.listed = false;
        known.utilization = None;
        known.live.untold(now);
        if known.next_check > now {
            return;
        }
        // The driver listed it although it was dead already: that it still is says nothing new.
        let was_dead = matches!(known.process_state, Some('Z' | 'X'));
        let found = lookup(known.facts.pid);
        let is_news = !was_dead || self.is_another(session, &found);
        if is_news && self.is_over(session, &found) {
            self.end(session, End { at: now, kind: EndKind::Gone }, false);
        } else {
            self.take_facts(session, &found);
        }
    }

    /// End a session. Its counters stay; its pending seconds are booked when they are due.
    pub(super) fn end(&mut self, session: u32, end: End, may_return: bool) {
        let now = self.at;
        let Some(known) = self.sessions.get_mut(session).filter(|known| known.is_live()) else {
            return;
        };
        let at = end.at.max(known.facts.start);
        let at =
            if end.kind == EndKind::Lost { known.last_seen.max(known.facts.start) } else { at };
        known.end = Some(End { at, kind: end.kind });
        known.ended_at = Some(now);
        known.may_return = may_return;
        self.holding.links_stale |= known.facts.owner.slurm_job.is_some();
        known.listed = false;
        known.utilization = None;
        let (device, pid, was_shown) = (known.device, known.facts.pid, known.shown);
        let keys = known.closed_keys();
        self.closed.extend(keys.map(|key| (key, session)));
        self.keeping.live_shown -= usize::from(was_shown);
        self.devices[device].open.remove(&pid);
    }

    /// The listed sessions that own a part of the device hold it from now on.
    fn hold_listed(&mut self, device: usize) {
        let mut present = std::mem::take(&mut self.scratch.present);
        let tracked = &mut self.devices[device];
        present.extend(tracked.open.values().filter_map(|session| {
            let known = self.sessions.get(*session)?;
            let there = known.listed && known.owns();
            there.then_some(Present { session: *session, memory_bytes: known.memory_bytes })
        }));
        present.sort_unstable_by_key(|present| present.session);
        if self.config.sampled {
            tracked.hold = Hold::Unknown;
        } else {
            tracked.hold_present(&present);
        }
        present.clear();
        self.scratch.present = present;
    }
}

/// Whether Kubernetes names it otherwise than before: a pod's names may come after its process.
fn is_renamed(facts: &SessionFacts, process: &ProcessFacts) -> bool {
    process.names.as_ref().is_some_and(|names| {
        facts.namespace.as_ref() != Some(&names.namespace)
            || facts.pod.as_ref() != Some(&names.pod)
            || facts.container.as_deref().unwrap_or_default() != names.container
            || facts.api_pod_uid != names.pod_uid
            || facts.workload.as_ref() != names.workload.as_ref().map(|workload| &workload.name)
    })
}

/// Take what a process's files tell of it into the facts of its session.
fn describe(facts: &mut SessionFacts, process: &ProcessFacts, user: UserLabel) {
    facts.kind = process.owner.kind;
    facts.owner = process.owner.clone();
    if let Some(names) = &process.names {
        facts.namespace = Some(names.namespace.clone());
        facts.pod = Some(names.pod.clone());
        facts.container = Some(names.container.clone()).filter(|name| !name.is_empty());
        facts.api_pod_uid.clone_from(&names.pod_uid);
        facts.workload = names.workload.as_ref().map(|workload| workload.name.clone());
        facts.workload_kind = names.workload.as_ref().map(|workload| workload.kind.clone());
    }
    facts.command.clone_from(&process.command);
    if facts.command.is_empty() {
        "unknown".clone_into(&mut facts.command);
    }
    facts.user = match user {
        UserLabel::Off => None,
        UserLabel::Uid => process.uid.map(|uid| format!("uid:{uid}")),
        UserLabel::Name => {
            process.user.clone().or_else(|| process.uid.map(|uid| format!("uid:{uid}")))
        }
    };
}
