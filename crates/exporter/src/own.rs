//! What this process costs: its own memory, processor time and start.
//!
//! Always from the machine's own `/proc/self`, also under simulation and with another procfs given:
//! the figures are about this process, not about the watched host.

use std::fs;

use model::clock::SystemClock;
use model::{Clock, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// Cost of this process at one moment; what could not be read is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OwnCost {
    /// Memory that is resident, in bytes.
    pub resident_bytes: Option<u64>,
    /// User and system time, in seconds.
    pub cpu_seconds: Option<f64>,
    /// When the process started.
    pub started: Option<Timestamp>,
}

impl OwnCost {
    /// Read it now; the start is taken over from an earlier reading.
    #[must_use]
    pub fn read(earlier: &Self) -> Self {
        Self {
            resident_bytes: resident_bytes(),
            cpu_seconds: Some(cpu_seconds()),
            started: earlier.started.or_else(started),
        }
    }
}

fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Timestamp(spent.tv_sec.saturating_mul(1_000_000) + spent.tv_nsec / 1_000).as_secs_f64()
}

/// Second figure of `/proc/self/statm`, in pages.
fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * u64::try_from(rustix::param::page_size()).ok()?)
}

/// Field 22 of `/proc/self/stat` is in clock ticks since boot; `/proc/uptime` says when that was.
fn started() -> Option<Timestamp> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let up: f64 = uptime.split(' ').next()?.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "100 on every Linux")]
    let started = ticks / rustix::param::clock_ticks_per_second() as f64;
    let age = std::time::Duration::try_from_secs_f64((up - started).max(0.0)).ok()?;
    Some(SystemClock.now().before(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_read_its_own_cost() {
        let cost = OwnCost::read(&OwnCost::default());
        assert!(cost.resident_bytes.unwrap() > 100_000);
        assert!(cost.cpu_seconds.unwrap() > 0.0);
        let age = SystemClock.now().since(cost.started.unwrap());
        assert!(age.as_secs() < 3600, "started {age:?} ago");
    }
}
