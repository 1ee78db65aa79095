//! Keeping a node's state: read at the start, written every 15 s and at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;

use crate::state_file::{self, Keeper, Loaded, Saved};
use crate::xid::XidBook;

/// Time between two writes: what a crash can cost of the counters' continuity.
const EVERY: Duration = Duration::from_secs(15);

/// What a node does with a state file.
#[derive(Debug, Clone)]
pub enum StateUse {
    /// Nothing outlives it.
    None,
    /// Go on from what another node of this process knows, and keep nothing.
    GoOn(Box<Memory>),
    /// Go on from it and leave it as it is: for a look beside a running exporter.
    Read(PathBuf),
    /// Go on from it and keep it.
    Keep {
        /// The file.
        path: PathBuf,
        /// Set when this process keeps the textfile fresh by itself.
        keeper: Option<Keeper>,
    },
}

/// What a node knows of its sessions, in memory. See [`super::Node::memory`].
#[derive(Debug, Clone)]
pub struct Memory {
    sessions: session::SavedState,
    xids: XidBook,
}

impl Memory {
    pub(super) fn new(sessions: session::SavedState, xids: XidBook) -> Self {
        Self { sessions, xids }
    }
}

/// The state file of a node.
#[derive(Debug)]
pub(super) struct Kept {
    keep: Option<(PathBuf, Option<Keeper>)>,
    written: Option<Timestamp>,
    fault: Option<Arc<str>>,
}

/// Proof that a write is due.
pub(super) struct Due(());

impl Kept {
    pub(super) fn begin(state: &StateUse) -> (Self, Option<Saved>) {
        let mut kept = Self { keep: None, written: None, fault: None };
        let saved = match state {
            StateUse::None => None,
            StateUse::GoOn(memory) => {
                let Memory { sessions, xids } = (**memory).clone();
                Some(Saved::new(sessions.at(), xids, sessions))
            }
            StateUse::Read(path) => state_file::read(path).unwrap_or_else(|reason| {
                tracing::warn!(path = %path.display(), reason, "state file not used");
                None
            }),
            StateUse::Keep { path, keeper } => {
                kept.keep = Some((path.clone(), *keeper));
                kept.load(path)
            }
        };
        (kept, saved)
    }

    fn load(&mut self, path: &Path) -> Option<Saved> {
        match state_file::load(path) {
            Loaded::Saved(saved) => Some(*saved),
            Loaded::Nothing => None,
            Loaded::KeptAside { reason, path } => {
                let path = path.display();
                tracing::warn!(%path, reason, "state file cannot be used: kept aside, new start");
                self.fault = Some(format!("{reason}; kept aside as {path}").into());
                None
            }
        }
    }

    /// Whether it is time to write.
    pub(super) fn due(&self, now: Timestamp) -> Option<Due> {
        let waited = self.written.is_none_or(|at| now.since(at) >= EVERY || now < at);
        (self.keep.is_some() && waited).then_some(Due(()))
    }

    pub(super) fn save(
        &mut self,
        _: Due,
        now: Timestamp,
        sessions: session::SavedState,
        xids: &XidBook,
    ) {
        self.written = Some(now);
        let Some((_, keeper)) = &self.keep else { return };
        let saved = Saved::new(now, xids.clone(), sessions).kept_by(*keeper);
        self.write(&saved, false);
    }

    /// The last write: on the disk when it returns, and without keeper, as nobody keeps on.
    pub(super) fn finish(&mut self, now: Timestamp, sessions: session::SavedState, xids: &XidBook) {
        self.write(&Saved::new(now, xids.clone(), sessions), true);
    }

    fn write(&mut self, saved: &Saved, durable: bool) {
        let Some((path, _)) = &self.keep else { return };
        match state_file::save(path, saved, durable) {
            Ok(()) => self.fault = None,
            Err(error) => self.note(&error),
        }
    }

    /// A fault is logged when it is new, not every 15 s.
    fn note(&mut self, error: &state_file::StateFileError) {
        let cause = std::error::Error::source(error).map_or_else(String::new, |c| format!(": {c}"));
        let text = format!("{error}{cause}");
        if self.fault.as_deref() != Some(text.as_str()) {
            tracing::warn!("{text}; sessions will start anew after a restart");
            self.fault = Some(text.into());
        }
    }

    pub(super) fn fault(&self) -> Option<Arc<str>> {
        self.fault.clone()
    }
}
