//! The textfile for node_exporter: one collection, or one after another from one process.
//!
//! The file always says when it was written and whether that went well; a failed collection and a
//! clean stop leave no process rows behind, so stale sessions never look fresh. Exit codes and
//! printing are the program's.

mod content;
mod place;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Stop, Timestamp};

use crate::node::{Machine, Node, StateUse};
use crate::state_file::{self, Keeper};
use crate::{Config, Snapshot};

pub use content::{TEXTFILE_METRICS, Verdict};
pub use place::{Lock, Place, PlaceError};

/// Where the file lies unless told otherwise: the first seed's path.
pub const DEFAULT_OUTPUT: &str = "/var/lib/node_exporter/textfile_collector/gpu_sessions.prom";

/// How long a second run waits for the first.
const LOCK_WITHIN: Duration = Duration::from_secs(10);

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file.
    pub output: PathBuf,
    /// Make its folder if it is missing.
    pub create_dir: bool,
}

/// What came of it: none of these is a failure of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The file is written.
    Written(Found),
    /// Another run held the lock all the time; nothing was collected.
    AnotherRuns {
        /// The lock that was held.
        lock: PathBuf,
    },
    /// A process keeps the file fresh by itself; it was left alone.
    KeptFresh {
        /// PID of that process, in its own namespace.
        pid: u32,
        /// What this run found.
        found: Found,
    },
    /// Stopped in an orderly way, with success 0 in the file.
    Stopped,
}

/// What a collection found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// GPUs and MIG devices.
    pub devices: usize,
    /// Live sessions on them.
    pub sessions: usize,
    /// Whether it counts as a success, and what was missing.
    pub verdict: Verdict,
    /// The same for people, if something was missing.
    pub reason: Option<String>,
}

/// One collection as text.
#[derive(Debug, Clone)]
pub struct Collected {
    /// The file's content.
    pub text: String,
    /// What was found.
    pub found: Found,
}

/// Collect once and write the file.
///
/// # Errors
/// The file cannot be written.
pub fn collect_once(
    config: &Config,
    machine: Machine,
    settings: &Settings,
    stop: &Stop,
) -> Result<Outcome, PlaceError> {
    let place = Place::of(&settings.output, settings.create_dir)?;
    let Some(lock) = place.lock(LOCK_WITHIN, stop)? else {
        tracing::info!(lock = %place.lock_file().display(), "another collection is under way");
        return Ok(Outcome::AnotherRuns { lock: place.lock_file() });
    };
    place.remove_left_overs();
    let keeper = keeper_of(&place, machine.clock.now());
    let path = place.state_file();
    let state = match keeper {
        Some(_) => StateUse::Read(path),
        None => StateUse::Keep { path, keeper: None },
    };
    let mut node = Node::new(&sampled(config), machine, &state).with_own_sources(config);
    let collected = collect(&mut node, stop);
    log(&collected.found);
    let outcome = if let Some(Keeper { pid, .. }) = keeper {
        tracing::info!(pid, "the file is kept fresh by that process: left as it is");
        Outcome::KeptFresh { pid, found: collected.found }
    } else {
        place.replace(&collected.text)?;
        // Only what is in the file counts as seen: after a failed write the next run reads it again.
        node.finish();
        Outcome::Written(collected.found)
    };
    drop(lock);
    Ok(outcome)
}

/// Collect once as text, for standard output: nothing is written and no state is kept.
#[must_use]
pub fn collect_text(config: &Config, machine: Machine, stop: &Stop) -> Collected {
    let mut node = Node::new(&sampled(config), machine, &StateUse::None).with_own_sources(config);
    let collected = collect(&mut node, stop);
    log(&collected.found);
    collected
}

/// Watch as the exporter does, and write the file every so often until stopped.
///
/// # Errors
/// The first or the last write failed. A write in between that fails is logged and tried again.
pub fn collect_every(
    config: &Config,
    machine: Machine,
    settings: &Settings,
    every: Duration,
    stop: &Stop,
) -> Result<Outcome, PlaceError> {
    let place = Place::of(&settings.output, settings.create_dir)?;
    // Learn at once, not after the first interval, whether the folder can be written.
    drop(place.lock(LOCK_WITHIN, stop)?);
    let every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
    let keeper = Keeper { pid: std::process::id(), every_ms };
    let state = StateUse::Keep { path: place.state_file(), keeper: Some(keeper) };
    let node = Node::new(config, machine, &state).with_own_sources(config);
    Watch { node, place, every, written: 0, due: None }.run(stop)
}

/// A watch that writes the file again and again.
struct Watch {
    node: Node,
    place: Place,
    every: Duration,
    written: u64,
    due: Option<Timestamp>,
}

impl Watch {
    fn run(mut self, stop: &Stop) -> Result<Outcome, PlaceError> {
        let clock = self.node.clock();
        // Rates and activities need two passes before there is something to write.
        self.node.tick(clock.now());
        while clock.sleep_until(self.node.next_pass(clock.now()), stop) {
            let now = clock.now();
            let begun = Instant::now();
            let snapshot = self.node.tick(now);
            if self.due.is_none_or(|due| now >= due || due.since(now) > self.every) {
                self.due = Some(now.after(self.every));
                self.write(&snapshot, begun.elapsed(), stop)?;
            }
        }
        self.end(clock.now())
    }

    fn write(
        &mut self,
        snapshot: &Snapshot,
        took: Duration,
        stop: &Stop,
    ) -> Result<(), PlaceError> {
        let Collected { text, found } = content::collected(snapshot, took);
        let result = match self.place.lock(LOCK_WITHIN, stop)? {
            Some(_lock) => self.place.replace(&text),
            None => {
                tracing::warn!("another run holds the lock: the file is not written this time");
                return Ok(());
            }
        };
        match result {
            Ok(()) => {
                if self.written == 0 {
                    log(&found);
                }
                self.written += 1;
                self.node.note_read(snapshot.at);
                Ok(())
            }
            Err(error) if self.written == 0 => Err(error),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(cause, "{error}");
                Ok(())
            }
        }
    }

    /// Nobody keeps the file fresh from now on, and it says so.
    fn end(self, now: Timestamp) -> Result<Outcome, PlaceError> {
        let written = match self.place.lock(LOCK_WITHIN, &Stop::default())? {
            Some(_lock) => self.place.replace(&content::stopped(now)),
            None => Ok(()),
        };
        self.node.finish();
        written.map(|()| Outcome::Stopped)
    }
}

fn collect(node: &mut Node, stop: &Stop) -> Collected {
    let begun = Instant::now();
    let snapshot: Arc<Snapshot> = node.look(stop);
    content::collected(&snapshot, begun.elapsed())
}

fn sampled(config: &Config) -> Config {
    let session = session::Config { sampled: true, ..config.session.clone() };
    Config { session, ..config.clone() }
}

/// The process that keeps the file fresh, if its last sign of life is young enough. It writes its
/// state at least every 15 s.
fn keeper_of(place: &Place, now: Timestamp) -> Option<Keeper> {
    let saved = state_file::read(&place.state_file()).ok()??;
    let keeper = saved.keeper?;
    let usual = Duration::from_millis(keeper.every_ms).max(Duration::from_secs(15));
    (now.since(saved.at) <= usual.saturating_mul(2) && now.0 >= saved.at.0 - 1_000_000)
        .then_some(keeper)
}

fn log(found: &Found) {
    let (devices, sessions) = (found.devices, found.sessions);
    match &found.reason {
        None => tracing::info!(devices, sessions, "collected"),
        // Whoever looked for the driver said it, with what to do.
        Some(_) if found.verdict.reasons.contains("no_driver") => {
            tracing::info!(devices, sessions, "collected without a driver");
        }
        Some(reason) => {
            tracing::warn!(devices, sessions, reason, "collected in part or not at all");
        }
    }
}

#[cfg(test)]
mod tests;
