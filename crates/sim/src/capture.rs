//! Captures of real GPUs turned into scenarios.
//!
//! A capture is a text of sections: what `nvidia-smi` printed in its forms, idle and under load.
//! What a section says is taken over as it stands, whatever the model or the driver; what no
//! section says (how power follows use, NVLink) is the model's, or a plain guess for a model that
//! does not ship. UUIDs of MIG devices are hashed, as no form needs the captured ones.

mod product;
mod sections;

use std::fmt::Write as _;

pub use sections::{Capture, Phase};
use sections::{GpuRow, ListedProcess, MigRow};

/// Why a capture cannot be turned into a scenario.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum CaptureError {
    #[error("the capture has no `{phase} :: query-gpu` section with a header and a GPU")]
    NoGpus { phase: &'static str },
    #[error("GPU {gpu} of the capture does not say its {field}")]
    Silent { gpu: usize, field: &'static str },
}

/// The scenario of one phase of a capture, as the text of its file.
///
/// # Errors
/// The section with the GPUs' figures is missing or lacks name or memory.
pub fn scenario(text: &str, phase: Phase) -> Result<String, CaptureError> {
    let capture = Capture::parse(text);
    let gpus = capture.gpus(phase);
    if gpus.is_empty() {
        return Err(CaptureError::NoGpus { phase: phase.name() });
    }
    let processes = capture.processes(phase);
    let first = &gpus[0];
    let name = first.text("name").ok_or(CaptureError::Silent { gpu: 0, field: "name" })?;
    let mut out = String::new();
    let _ = writeln!(out, "about = {}", quoted(&format!("{name}, {} in a capture", phase.name())));
    let _ = writeln!(out, "seed = 1\n");
    let mut nodes = String::from("[[node]]\nname = \"captured\"\n");
    if let Some(driver) = first.text("driver_version") {
        let _ = writeln!(nodes, "driver = {}", quoted(driver));
    }
    if let Some(cuda) = capture.cuda(phase) {
        let _ = writeln!(nodes, "cuda = {cuda}");
    }
    let mut models: Vec<String> = Vec::new();
    for (index, gpu) in gpus.iter().enumerate() {
        let on_it: Vec<&ListedProcess> = processes.iter().filter(|p| p.gpu == index).collect();
        let (id, model) = product::of(index, gpu, &capture, phase)?;
        if let Some(model) = model.filter(|model| !models.contains(model)) {
            models.push(model);
        }
        nodes.push_str(&gpu_table(index, &id, gpu, &capture, phase, &on_it)?);
    }
    for process in &processes {
        nodes.push_str(&process_table(process, &capture, phase));
    }
    Ok(out + &models.concat() + &nodes)
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn gpu_table(
    index: usize,
    model: &str,
    gpu: &GpuRow,
    capture: &Capture<'_>,
    phase: Phase,
    processes: &[&ListedProcess],
) -> Result<String, CaptureError> {
    let mut out = format!("\n[[node.gpu]]\nmodel = {}\n", quoted(model));
    for (key, field) in [("uuid", "uuid"), ("serial", "serial"), ("bus_id", "pci.bus_id")] {
        if let Some(text) = gpu.text(field) {
            let _ = writeln!(out, "{key} = {}", quoted(text));
        }
    }
    let held: f64 = processes.iter().filter_map(|process| process.memory_mib).sum();
    let rows = capture.mig(phase, index);
    if gpu.text("mig.mode.current") == Some("Enabled") {
        let profiles: Vec<String> = rows.iter().map(|row| quoted(&row.profile)).collect();
        let _ = writeln!(out, "mig = [{}]", profiles.join(", "));
        let own =
            own_of_instances(&rows, processes, product::memory_parts(gpu, index)?.used - held);
        let rest: Vec<String> = rows
            .iter()
            .zip(own)
            .map(|(row, own)| {
                let overhead = product::overhead_mib(model, &row.profile);
                quoted(&mib((own - overhead).max(0.0)))
            })
            .collect();
        let _ = writeln!(out, "instance_unattributed = [{}]", rest.join(", "));
    } else {
        let used = product::memory_parts(gpu, index)?.used;
        let _ = writeln!(out, "unattributed = {}", quoted(&mib((used - held).max(0.0))));
    }
    if let Some(watts) = gpu.number("enforced.power.limit") {
        let _ = writeln!(out, "power_limit = {watts:?}");
    }
    out.push_str("\n[node.gpu.figures]\n");
    for (key, field) in FIGURES {
        if let Some(value) = gpu.number(field) {
            let _ = writeln!(out, "{key} = {value}");
        }
    }
    if let Some(state) = gpu.text("pstate").and_then(|state| state.strip_prefix('P')) {
        let _ = writeln!(out, "performance_state = {state}");
    }
    let reasons = gpu.text("clocks_event_reasons.active").and_then(|hex| hex.strip_prefix("0x"));
    if let Some(reasons) = reasons.and_then(|hex| u64::from_str_radix(hex, 16).ok()) {
        let _ = writeln!(out, "clocks_event_reasons = {reasons}");
    }
    if let Some(replays) = capture.replays(phase, index) {
        let _ = writeln!(out, "pcie_replays = {replays}");
    }
    Ok(out)
}

/// What each instance uses beside its processes, in MiB. Printed figures are rounded up: what
/// their sum is above the GPU's own is taken from all alike.
fn own_of_instances(rows: &[MigRow], processes: &[&ListedProcess], own: f64) -> Vec<f64> {
    let printed: Vec<f64> = rows
        .iter()
        .map(|row| {
            let inside = |process: &&&ListedProcess| process.instance == Some(row.ids);
            let held: f64 = processes.iter().filter(inside).filter_map(|p| p.memory_mib).sum();
            row.used_mib - held
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "at most seven instances")]
    let less = ((printed.iter().sum::<f64>() - own) / rows.len().max(1) as f64).clamp(0.0, 0.99);
    printed.into_iter().map(|printed| (printed - less).max(0.0)).collect()
}

/// Figures that are taken over, and the fields they stand in.
const FIGURES: [(&str, &str); 14] = [
    ("power_watts", "power.draw"),
    ("power_instant_watts", "power.draw.instant"),
    ("temperature", "temperature.gpu"),
    ("margin_temperature", "temperature.gpu.tlimit"),
    ("memory_temperature", "temperature.memory"),
    ("sm_clock", "clocks.current.sm"),
    ("memory_clock", "clocks.current.memory"),
    ("video_clock", "clocks.current.video"),
    ("gpu_utilization", "utilization.gpu"),
    ("memory_utilization", "utilization.memory"),
    ("encoder_utilization", "utilization.encoder"),
    ("decoder_utilization", "utilization.decoder"),
    ("fan_speed", "fan.speed"),
    ("pcie_generation", "pcie.link.gen.current"),
];

fn mib(mebibytes: f64) -> String {
    format!("{mebibytes}MiB")
}

fn process_table(process: &ListedProcess, capture: &Capture<'_>, phase: Phase) -> String {
    let seat = process.instance.and_then(|ids| {
        let rows = capture.mig(phase, process.gpu);
        rows.iter().find(|row| row.ids == ids).map(|row| format!("{}/{}", process.gpu, row.number))
    });
    let seat = seat.unwrap_or_else(|| process.gpu.to_string());
    let mut out = format!("\n[[node.process]]\ngpu = [{}]\npid = {}\n", quoted(&seat), process.pid);
    let _ = writeln!(out, "arguments = [{}]", quoted(&process.name));
    let kind = match process.kind.as_str() {
        "G" => "graphics",
        "C+G" => "compute-graphics",
        "M+C" => "mps-client",
        _ => "compute",
    };
    let _ = writeln!(out, "kind = \"{kind}\"");
    match process.memory_mib {
        Some(held) => {
            let _ = writeln!(out, "memory = {}", quoted(&mib(held)));
        }
        None => out.push_str("memory_unreadable = true\n"),
    }
    for (key, column) in
        [("sm", "sm"), ("memory_use", "mem"), ("encoder", "enc"), ("decoder", "dec")]
    {
        let looks = capture.looks(phase, process.gpu, process.pid, column);
        if let Some(wave) = wave_of(&looks) {
            let _ = writeln!(out, "{key} = {wave}");
        }
    }
    out
}

/// A wave that goes through the looks of `pmon`, one a second, again and again. The driver cuts
/// per cent, so that a little more than what was shown is meant.
fn wave_of(looks: &[Option<u32>]) -> Option<String> {
    /// What was cut off, on the mean.
    const CUT: f64 = 0.4;
    let values: Vec<f64> =
        looks.iter().map(|look| look.map_or(0.0, |value| f64::from(value) + CUT)).collect();
    let first = *values.first()?;
    if values.iter().all(|value| *value <= 0.0) {
        return None;
    }
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        return Some(format!("{first:.1}"));
    }
    let points: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(second, value)| format!("[\"{second}s\", {value:.1}]"))
        .collect();
    Some(format!(
        "{{ wave = \"steps\", points = [{}], every = \"{}s\" }}",
        points.join(", "),
        values.len()
    ))
}

#[cfg(test)]
mod tests;
