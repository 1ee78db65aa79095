//! Processes that were over before a list could show them, from the driver's accounting.
//!
//! Read only where an administrator has turned accounting on; it is never turned on here. A ring of
//! some thousand entries: what it held at the first look ended before anyone watched.

use std::collections::HashSet;

use model::Timestamp;
use model::observation::FinishedProcess;

use super::metered::Metered;
use super::{AccountingStats, Handle};

/// Entries asked for in one pass; the rest waits for the next one.
const AT_ONCE: usize = 64;

/// What was read from the accounting of one GPU.
#[derive(Debug, Default)]
pub(crate) struct Accounting {
    on: bool,
    /// PIDs that need no question; `None` before the first look.
    known: Option<HashSet<u32>>,
}

impl Accounting {
    /// Processes that ended since the last call. With `look` also whether accounting is on now.
    pub(crate) fn read(
        &mut self,
        driver: &Metered,
        device: Handle,
        look: bool,
    ) -> Vec<FinishedProcess> {
        if look {
            self.on = driver.accounting_mode(device) == Ok(1);
        }
        if !self.on {
            self.known = None;
            return Vec::new();
        }
        let Ok(pids) = driver.accounting_pids(device) else { return Vec::new() };
        let pids: HashSet<u32> = pids.into_iter().collect();
        let Some(known) = &mut self.known else {
            self.known = Some(pids);
            return Vec::new();
        };
        known.retain(|pid| pids.contains(pid));
        let news: Vec<u32> = pids.difference(known).copied().take(AT_ONCE).collect();
        let mut finished = Vec::new();
        for pid in news {
            let Ok(stats) = driver.accounting_stats(device, pid) else { continue };
            // Asked again as long as it runs: its life is known at its end only.
            if !stats.is_running {
                known.insert(pid);
                finished.extend(entry(pid, &stats));
            }
        }
        finished
    }
}

fn entry(pid: u32, stats: &AccountingStats) -> Option<FinishedProcess> {
    let started = i64::try_from(stats.start_time_us).ok().filter(|start| *start > 0)?;
    let lasted = i64::try_from(stats.time_ms.checked_mul(1000)?).ok()?;
    Some(FinishedProcess {
        pid,
        started: Timestamp(started),
        ended: Timestamp(started.checked_add(lasted)?),
        memory_peak_bytes: stats.max_memory_usage,
    })
}
