//! What a running program costs: CPU time and resident memory, from `/proc/PID`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// CPU time and memory of a program at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// When it was read.
    pub at: Instant,
    /// User and system time so far, of all its threads.
    pub cpu: Duration,
    /// VmRSS.
    pub resident_bytes: u64,
}

impl Cost {
    /// Read it now.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let read = |file: &str| {
            std::fs::read_to_string(format!("/proc/{pid}/{file}"))
                .with_context(|| format!("process {pid} has ended"))
        };
        let (stat, status) = (read("stat")?, read("status")?);
        Ok(Self {
            at: Instant::now(),
            cpu: cpu(&stat).context("/proc/PID/stat has another form")?,
            resident_bytes: resident(&status).context("/proc/PID/status has no VmRSS")?,
        })
    }

    /// CPU seconds per wall second since an earlier moment, in per cent of a core.
    pub(crate) fn percent_since(&self, earlier: &Self) -> f64 {
        let wall = self.at.duration_since(earlier.at).as_secs_f64();
        100.0 * (self.cpu.saturating_sub(earlier.cpu)).as_secs_f64() / wall.max(1e-9)
    }

    /// Resident memory in megabytes (10^6).
    pub(crate) fn megabytes(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
        let bytes = self.resident_bytes as f64;
        bytes / 1e6
    }
}

/// Fields 14 and 15, in clock ticks; counted after the program's name, which may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_micros(ticks * 1_000_000 / per_second))
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        let first = Cost::of(std::process::id()).unwrap();
        let mut sum = 0_u64;
        while Cost::of(std::process::id()).unwrap().cpu <= first.cpu {
            sum = (0..1_000_000).fold(sum, u64::wrapping_add);
        }
        assert!(first.megabytes() > 0.1);
        assert!(Cost::of(std::process::id()).unwrap().percent_since(&first) > 0.0);
    }

    #[test]
    fn a_name_with_brackets_and_blanks_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 1 0 100 0 0";
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(cpu(stat).unwrap(), Duration::from_micros(200 * 1_000_000 / ticks));
    }
}
