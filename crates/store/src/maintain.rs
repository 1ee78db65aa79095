//! What is done from time to time: blocks are cut, old ones dropped, idle series forgotten, the log
//! synced and trimmed.

mod cut;
mod expire;
mod idle;
mod join;
#[cfg(test)]
mod tests;

pub(crate) use cut::{Committed, read_committed};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::TryLockError;

use crate::options::Fsync;
use crate::store::Store;
use crate::view::View;

/// Between two syncs of the log.
const SYNC_MS: i64 = 100;
/// Between two looks for what is past retention, and for idle series.
const EXPIRE_MS: i64 = 60_000;
const IDLE_MS: i64 = 600_000;
/// Until a cut that failed is tried again.
const RETRY_MS: i64 = 10_000;

/// What is remembered from one time to the next.
#[derive(Debug, Default)]
pub(crate) struct Maintenance {
    /// The number of the last cut that was begun.
    number: u32,
    /// A cut that is not done.
    pending: Option<cut::Pending>,
    retry_ms: i64,
    /// Views before the present one that may be in use.
    retired: Vec<Arc<View>>,
    next_id: u64,
    sync_ms: i64,
    /// Starts of blocks that could not be put together with others.
    apart: BTreeSet<i64>,
    expire_ms: i64,
    idle_ms: i64,
}

impl Maintenance {
    /// After a cut of this number, and this many blocks that were given an id.
    pub(crate) fn after(number: u32, next_id: u64) -> Self {
        Self { number, next_id, ..Self::default() }
    }
}

impl Store {
    /// Cuts blocks, applies retention, forgets idle series and syncs the log, each when due. Call
    /// it every 100 ms to 1 s, from one thread. The sentences say what went wrong, for the log.
    pub fn maintain(&self, now_ms: i64) -> Vec<String> {
        let mut state = match self.maintenance.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Vec::new(),
        };
        let mut lines = Vec::new();
        // A clock that was set back makes everything due.
        let due = |last: i64, every: i64| now_ms < last || now_ms - last >= every;
        if due(state.sync_ms, SYNC_MS) {
            state.sync_ms = now_ms;
            lines.extend(self.sync_interval());
        }
        self.forget_written(&mut state);
        if due(state.retry_ms, RETRY_MS)
            && let Err(line) = self.cut(&mut state, now_ms, &mut lines)
        {
            state.retry_ms = now_ms;
            self.counters.failed_cuts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            lines.push(line);
        }
        if due(state.expire_ms, EXPIRE_MS) {
            state.expire_ms = now_ms;
            self.expire(&mut state, now_ms, &mut lines);
            self.join(&mut state, &mut lines);
        }
        if due(state.idle_ms, IDLE_MS) {
            state.idle_ms = now_ms;
            self.forget_idle();
        }
        lines.extend(self.damage.take());
        lines
    }

    /// Syncs the log, if that is done by interval.
    fn sync_interval(&self) -> Option<String> {
        if self.options.fsync != Fsync::Interval {
            return None;
        }
        self.sync_up_to(u64::MAX).err().map(|error| format!("log: {error}: {}", error.cause))
    }

    /// Forgets what blocks hold, once nobody reads it in the head any more.
    fn forget_written(&self, state: &mut Maintenance) {
        if state.retired.is_empty() || state.retired.iter().any(|view| Arc::strong_count(view) > 1)
        {
            return;
        }
        state.retired.clear();
        let cut = self.view().cut;
        self.head.change_all(|_, group| group.iter_mut().for_each(|data| data.forget(cut)));
    }
}
