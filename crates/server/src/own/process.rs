//! What this process costs, from the machine's own `/proc/self`.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

/// Second figure of `statm`, in pages.
#[expect(clippy::cast_precision_loss, reason = "bytes of memory fit 53 bits")]
pub(super) fn resident_bytes() -> Option<f64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as f64)
}

/// User and system time.
pub(super) fn cpu_seconds() -> Option<f64> {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let micros = spent.tv_sec.saturating_mul(1_000_000) + spent.tv_nsec / 1_000;
    Some(model::Timestamp(micros).as_secs_f64())
}

/// Field 22 of `stat` in clock ticks since boot, and `btime` of the machine's.
#[expect(clippy::cast_precision_loss, reason = "100 on every Linux")]
pub(super) fn started() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let ticks: f64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let machine = fs::read_to_string("/proc/stat").ok()?;
    let boot = machine.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot: f64 = boot.trim().parse().ok()?;
    Some(boot + ticks / rustix::param::clock_ticks_per_second() as f64)
}
