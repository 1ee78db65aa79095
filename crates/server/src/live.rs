//! The live view: every GPU, instance and session of the fleet now, for the pages and the commands.
//!
//! It is computed from the newest samples of the store, at most once per interval, and only while
//! somebody asks; all who ask share the result. There is no second copy of the truth: right after
//! a start the first answer is as complete as the store. What the format is, stands in
//! `docs/formats/snapshot.md`. History and queries are not its subject.

mod attention;
mod booked;
mod columns;
mod dict;
mod feed;
mod fleet;
mod found;
mod frame;
mod http;
mod known;
mod layout;
mod link;
mod listeners;
mod occupancy;
mod slots;
mod state;
mod step;
mod stream;
mod table;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use serde::Serialize;
use store::Store;

use attention::EccBefore;
use columns::View;
use feed::ECC_DBE;
use fleet::{Fleet, WINDOW_MS, named, newest};
use frame::{Frame, Numbers};
use layout::Layout;
use listeners::Listeners;
use occupancy::Occupancy;
use step::{Event, Steps};

pub(crate) use http::{snapshot, stream};

/// Version of the format; it rises only when a field changes its meaning.
const SCHEMA: u64 = 1;
/// How often the picture changes, in ms.
const INTERVAL_MS: i64 = 5_000;
/// After the time of a reading, how long it may take to arrive, in ms.
const ARRIVAL_MS: i64 = 300;
/// How often the errors of an hour ago are looked up, in ms.
const ECC_EVERY_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Something that was looked for: a library, a program, a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Short name: `nvml`.
    pub name: String,
    /// Whether readings come from it.
    pub ok: bool,
    /// What was looked for, and where.
    pub looked_for: String,
    /// What is wrong; empty where nothing is.
    pub problem: String,
    /// What to do about it; empty where nothing need be done.
    pub remedy: String,
    /// The same words in Korean, where they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub korean: Option<SourceWords>,
}

/// The words of a [`Source`] in another language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceWords {
    /// What was looked for, and where.
    pub looked_for: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

/// What the view was told from outside.
#[derive(Debug, Clone, Default)]
struct Told {
    sources: Vec<Source>,
    backfill_ms: Option<i64>,
}

/// The live view over a store.
pub(crate) struct Live {
    store: Arc<Store>,
    told: Mutex<Told>,
    work: Mutex<Work>,
    newest: Mutex<Option<Current>>,
    listeners: Listeners,
    /// Tells revisions of this process from those of another one.
    epoch: u64,
}

/// The newest frame, and from when on there may be a newer one.
#[derive(Clone)]
struct Current {
    frame: Arc<Frame>,
    due: i64,
}

/// What the next frame is made from.
struct Work {
    fleet: Fleet,
    layout: Layout,
    ecc: EccBefore,
    ecc_at: i64,
    steps: Steps,
    structure: u64,
}

impl Work {
    fn new() -> Self {
        Self {
            fleet: Fleet::new(),
            layout: Layout::default(),
            ecc: HashMap::new(),
            ecc_at: i64::MIN,
            steps: Steps::default(),
            structure: 0,
        }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live {
    /// Over this store. Nothing is read before somebody asks.
    pub(crate) fn new(store: Arc<Store>) -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        Self {
            store,
            told: Mutex::default(),
            work: Mutex::new(Work::new()),
            newest: Mutex::new(None),
            listeners: Listeners::default(),
            epoch: RandomState::new().hash_one(0),
        }
    }

    /// Says what was looked for, found or not: shown where there is no GPU.
    pub(crate) fn set_sources(&self, sources: Vec<Source>) {
        let mut told = lock(&self.told);
        if told.sources != sources {
            told.sources = sources;
            drop(told);
            self.is_out_of_date();
        }
    }

    /// Says how far back the history that is being filled in reaches, in ms since the epoch;
    /// `None` when none is being filled in.
    pub(crate) fn set_backfill(&self, until_ms: Option<i64>) {
        let before = std::mem::replace(&mut lock(&self.told).backfill_ms, until_ms);
        if before.is_some() != until_ms.is_some() {
            self.is_out_of_date();
        }
    }

    /// What is not in the store has changed: the next one who asks gets a new picture.
    fn is_out_of_date(&self) {
        if let Some(current) = lock(&self.newest).as_mut() {
            current.due = 0;
        }
    }

    /// The picture now. It may take some ms of work: not for an async thread.
    fn frame(&self, now_ms: i64) -> Arc<Frame> {
        if let Some(current) = self.current(now_ms) {
            return current;
        }
        let mut work = lock(&self.work);
        // Somebody else may have done it meanwhile.
        if let Some(current) = self.current(now_ms) {
            return current;
        }
        let before = lock(&self.newest).take().map(|current| current.frame);
        let frame = Arc::new(self.compute(&mut work, before.as_deref(), now_ms));
        match before {
            Some(before) if self.listeners.count() > 0 => work.steps.push(&before, &frame),
            _ => work.steps.clear(),
        }
        let due = due(now_ms, frame.at);
        *lock(&self.newest) = Some(Current { frame: Arc::clone(&frame), due });
        frame
    }

    fn current(&self, now_ms: i64) -> Option<Arc<Frame>> {
        let newest = lock(&self.newest);
        // A clock that was set back does not keep an old picture.
        let is_current =
            |current: &&Current| now_ms < current.due && now_ms > current.due - 3 * INTERVAL_MS;
        newest.as_ref().filter(is_current).map(|current| Arc::clone(&current.frame))
    }

    fn compute(&self, work: &mut Work, before: Option<&Frame>, now_ms: i64) -> Frame {
        let anew = work.fleet.is_overgrown();
        if anew {
            let structure = work.structure + 1;
            *work = Work { structure, ..Work::new() };
        }
        let store = &self.store;
        work.fleet.read(store, now_ms);
        if let Some(layout) = work.layout.renewed(&work.fleet) {
            work.layout = layout;
            work.structure += 1;
        }
        if now_ms.abs_diff(work.ecc_at) >= ECC_EVERY_MS.unsigned_abs() {
            let to = now_ms - HOUR_MS;
            let chosen = named(std::iter::once(ECC_DBE));
            let rows = newest(store, &chosen, to - WINDOW_MS, to);
            work.ecc = work.fleet.values_of(ECC_DBE, &rows);
            work.ecc_at = now_ms;
        }
        let occupancy = Occupancy::of(&work.fleet, &work.layout);
        let view = View { fleet: &work.fleet, layout: &work.layout, occupancy: &occupancy };
        let numbers = Numbers {
            rev: before.map_or_else(|| now_ms.unsigned_abs() / 1000, |before| before.rev + 1),
            structure: work.structure,
            at: work.fleet.newest().unwrap_or(now_ms),
        };
        let dicts = before.filter(|_| !anew).map(|before| &before.dicts);
        let dicts = work.fleet.dicts.shared(dicts);
        let told = lock(&self.told).clone();
        Frame::of(numbers, &view, dicts, &work.ecc, &told)
    }

    /// The events after a revision; without one, or where they are no longer known, everything.
    fn events(&self, now_ms: i64, since: Option<u64>, with_sessions: bool) -> Vec<Event> {
        let frame = self.frame(now_ms);
        if since == Some(frame.rev) {
            return Vec::new();
        }
        let known = since.and_then(|rev| lock(&self.work).steps.since(rev, with_sessions));
        known.unwrap_or_else(|| vec![step::full(&frame, with_sessions)])
    }

    /// An event as it is sent.
    fn text(&self, event: &Event) -> Bytes {
        let mut text = Vec::with_capacity(event.data.len() + 96);
        let head = format!("id: {:x}-{}\nevent: {}\ndata: ", self.epoch, event.rev, event.name);
        text.extend_from_slice(head.as_bytes());
        // JSON has no line ends in it: it is one line of data.
        text.extend_from_slice(&event.data);
        text.extend_from_slice(b"\n\n");
        text.into()
    }

    /// The revision in an event's id; `None` if another process gave it.
    fn rev_of_id(&self, id: &str) -> Option<u64> {
        let (epoch, rev) = id.split_once('-')?;
        if u64::from_str_radix(epoch, 16).ok()? != self.epoch {
            return None;
        }
        rev.parse().ok()
    }

    /// When the next picture is due, in ms from now.
    fn wait_ms(&self, now_ms: i64) -> u64 {
        let due = lock(&self.newest).as_ref().map_or(now_ms, |current| current.due);
        (due - now_ms).clamp(100, INTERVAL_MS).unsigned_abs()
    }
}

/// Just after the next reading is to come, so that it is shown at once; at most once per interval
/// in the long run.
fn due(now: i64, at: i64) -> i64 {
    let expected = at + INTERVAL_MS + ARRIVAL_MS;
    if expected > now + INTERVAL_MS / 2 && expected <= now + INTERVAL_MS + ARRIVAL_MS {
        expected
    } else {
        now + INTERVAL_MS
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
