//! The first seed's five metrics, with exactly its names and labels.
//!
//! They cover compute processes, as `--query-compute-apps` does, and are never folded. A device of
//! which it is not known who is there has no row at all.

use model::metric::{Kind, Metric, Unit};
use model::text::Writer;

use crate::view::{DeviceView, Quality, SessionView, View};

const PROCESS: &[&str] = &["gpu", "pid", "command", "pod", "namespace", "container"];

const INFO: Metric = Metric {
    name: "gpu_process_info",
    kind: Kind::Gauge,
    unit: Unit::None,
    help: "A process on a GPU or MIG instance (1), or that there is none (0).",
    labels: &["gpu", "pid", "command", "pod", "namespace", "container", "status", "gpu_memory"],
};
const UTILIZATION: Metric = Metric {
    name: "gpu_process_utilization",
    kind: Kind::Gauge,
    unit: Unit::Percent,
    help: "SM utilization of a process as the driver measured it over the newest interval, in percent.",
    labels: PROCESS,
};
const MEMORY: Metric = Metric {
    name: "gpu_process_memory_utilization",
    kind: Kind::Gauge,
    unit: Unit::Percent,
    help: "Memory of a process over the memory of its GPU or MIG instance, in percent.",
    labels: PROCESS,
};
const COUNT: Metric = Metric {
    name: "gpu_session_count",
    kind: Kind::Gauge,
    unit: Unit::Count,
    help: "Number of compute processes on a GPU or MIG instance.",
    labels: &["gpu"],
};
const TOTAL: Metric = Metric {
    name: "gpu_total_sessions",
    kind: Kind::Gauge,
    unit: Unit::Count,
    help: "Number of compute processes on all GPUs and MIG instances.",
    labels: &[],
};

/// The first seed's five metrics, in the order of printing.
pub const SEED_METRICS: &[Metric] = &[INFO, UTILIZATION, MEMORY, COUNT, TOTAL];

/// Write the seed's five families.
pub fn write_seed(view: &View, out: &mut Writer) {
    let rows: Vec<Row<'_>> = view
        .devices
        .iter()
        .filter(|d| d.processes_known)
        .map(|device| Row { device, sessions: compute_sessions(view, device) })
        .collect();
    write_info(&rows, out);
    write_ratio(&rows, out, &UTILIZATION, utilization);
    write_ratio(&rows, out, &MEMORY, memory);
    out.metric(&COUNT);
    for row in &rows {
        let count = i128::try_from(row.sessions.len()).unwrap_or(i128::MAX);
        out.sample(COUNT.name).label("gpu", &row.device.device.label).integer(count);
    }
    // Without any device that can be read there is nothing to add up.
    if !rows.is_empty() {
        let total: usize = rows.iter().map(|row| row.sessions.len()).sum();
        out.metric(&TOTAL);
        out.sample(TOTAL.name).integer(i128::try_from(total).unwrap_or(i128::MAX));
    }
}

struct Row<'a> {
    device: &'a DeviceView,
    sessions: Vec<&'a SessionView>,
}

/// The view holds live sessions by device and PID, so the order is theirs.
fn compute_sessions<'a>(view: &'a View, device: &DeviceView) -> Vec<&'a SessionView> {
    let uuid = device.device.uuid();
    let here = view.sessions.iter().filter(|session| {
        session.listed && session.facts.context.is_compute() && session.facts.device.uuid() == uuid
    });
    here.collect()
}

fn write_info(rows: &[Row<'_>], out: &mut Writer) {
    out.metric(&INFO);
    for row in rows {
        for session in &row.sessions {
            let memory = session
                .memory_bytes
                .map_or_else(|| "unknown".to_owned(), |bytes| format!("{}MiB", bytes >> 20));
            let labels = process_labels(row.device, session);
            let line = out.sample(INFO.name).labels_written(&labels);
            line.label("status", "active").label("gpu_memory", &memory).integer(1);
        }
        if row.sessions.is_empty() {
            let mut line = out.sample(INFO.name).label("gpu", &row.device.device.label);
            for name in &PROCESS[1..] {
                line = line.label(name, "none");
            }
            line.label("status", "idle").label("gpu_memory", "0MiB").integer(0);
        }
    }
}

fn write_ratio(
    rows: &[Row<'_>],
    out: &mut Writer,
    metric: &Metric,
    value: fn(&DeviceView, &SessionView) -> Option<f64>,
) {
    out.metric(metric);
    for row in rows {
        for session in &row.sessions {
            if let Some(percent) = value(row.device, session) {
                let labels = process_labels(row.device, session);
                // Two decimals: the driver itself measures whole per cents.
                let percent = (percent * 100.0).round() / 100.0;
                out.sample(metric.name).labels_written(&labels).shortest(percent);
            }
        }
    }
}

fn utilization(_: &DeviceView, session: &SessionView) -> Option<f64> {
    let use_now = session.utilization.filter(|use_now| use_now.quality == Quality::Measured)?;
    Some(use_now.sm * 100.0)
}

#[expect(clippy::cast_precision_loss, reason = "a percentage of byte figures")]
fn memory(device: &DeviceView, session: &SessionView) -> Option<f64> {
    let total = device.device.memory_total_bytes.filter(|total| *total > 0)?;
    Some(session.memory_bytes? as f64 * 100.0 / total as f64)
}

fn process_labels(device: &DeviceView, session: &SessionView) -> String {
    let facts = &session.facts;
    let pid = facts.pid.to_string();
    let known = |name: &'_ Option<String>| name.clone().unwrap_or_else(|| "unknown".to_owned());
    super::sessions::written(&[
        ("gpu", &device.device.label),
        ("pid", &pid),
        ("command", &facts.command),
        ("pod", &known(&facts.pod)),
        ("namespace", &known(&facts.namespace)),
        ("container", &known(&facts.container)),
    ])
}
