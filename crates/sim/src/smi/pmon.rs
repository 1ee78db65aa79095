//! `pmon`: per-process use, one look at a time.

use std::fmt::Write as _;

use gpu::nvml::{Driver as _, Handle};

use super::{Listed, listed_processes};
use crate::driver::{ProcessUtilizationInfo, SimDriver};

/// The two header lines.
pub(super) const HEADER: &str = "\
# gpu         pid   type     sm    mem    enc    dec    jpg    ofa    command 
# Idx           #    C/G      %      %      %      %      %      %    name 
";

/// One look at all GPUs.
pub(super) fn look(driver: &SimDriver) -> String {
    let mut text = String::new();
    for index in 0..driver.device_count().unwrap_or(0) {
        let Ok(gpu) = driver.device_handle_by_index(index) else { continue };
        let processes = listed_processes(driver, gpu);
        let newest = newest_use(driver, gpu);
        for listed in &processes {
            let used = newest.iter().find(|used| used.pid == listed.process.pid);
            text.push_str(&row(index, listed, used));
        }
        if processes.is_empty() {
            let dashes = "      -".repeat(6);
            let _ = writeln!(text, "{index:>5}          -     -{dashes}    {:<15}", "-");
        }
    }
    text
}

/// The newest window of use, for those who have one.
fn newest_use(driver: &SimDriver, gpu: Handle) -> Vec<ProcessUtilizationInfo> {
    let since = driver.sim_clock().look().0.0 - 5_000_000;
    let since = u64::try_from(since).unwrap_or(0);
    let mut samples = driver.processes_utilization_info(gpu, since).unwrap_or_default();
    let newest = samples.iter().map(|sample| sample.timestamp_us).max();
    samples.retain(|sample| Some(sample.timestamp_us) == newest);
    samples
}

fn row(index: u32, listed: &Listed, used: Option<&ProcessUtilizationInfo>) -> String {
    let cell = |value: Option<u32>| match value {
        Some(value) if value > 0 => value.to_string(),
        _ => "-".to_owned(),
    };
    let base = listed.name.rsplit('/').next().unwrap_or(&listed.name);
    let base: String = base.chars().take(15).collect();
    format!(
        "{index:>5}{:>11}{:>6}{:>7}{:>7}{:>7}{:>7}{:>7}{:>7}    {base:<15}\n",
        listed.process.pid,
        listed.kind,
        cell(used.map(|u| u.sm)),
        cell(used.map(|u| u.memory)),
        cell(used.map(|u| u.encoder)),
        cell(used.map(|u| u.decoder)),
        cell(used.map(|u| u.jpeg)),
        cell(used.map(|u| u.ofa)),
    )
}
