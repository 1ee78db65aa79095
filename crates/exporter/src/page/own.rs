//! What the exporter says about itself and about why a device has no figures.

use gpu::metrics::{ROWS, is_profiling};
use gpu::{GpuView, SourceState};
use model::metric::{Kind, Metric, Unit};
use model::text::Writer;
use model::{ErrorKind, Reading};

use super::holders;
use crate::fields::{Listed, ListedKind};
use crate::scrapes::BOUNDS_MICROS;
use crate::{ScrapeCounts, Snapshot};

/// One family: its descriptor, and what writes its samples.
struct Row {
    metric: Metric,
    write: fn(&Metric, &Snapshot, &mut Writer),
}

const fn row(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    help: &'static str,
    labels: &'static [&'static str],
    write: fn(&Metric, &Snapshot, &mut Writer),
) -> Row {
    Row { metric: Metric { name, kind, unit, help, labels }, write }
}

const DEVICE: &[&str] = &["gpu", "UUID"];

const ROWS_OF_OWN: &[Row] = &[
    row(
        "gpulse_build_info",
        Kind::Gauge,
        Unit::None,
        "Version of gpulse, always 1; without unit.",
        &["version"],
        |metric, _, out| {
            out.sample(metric.name).label("version", env!("CARGO_PKG_VERSION")).integer(1);
        },
    ),
    row(
        "gpulse_collector_rows",
        Kind::Gauge,
        Unit::Count,
        "Count of rows of the field list by what became of them.",
        &["result"],
        |metric, snapshot, out| {
            for (result, count) in snapshot.fields.counts() {
                out.sample(metric.name).label("result", result).integer(count.into());
            }
        },
    ),
    row(
        "gpulse_config_reloads_total",
        Kind::Counter,
        Unit::Count,
        "Count of times that the field list was read again, by result.",
        &["result"],
        |metric, snapshot, out| {
            let reload = &snapshot.reload;
            for (result, count) in [("success", reload.succeeded), ("failure", reload.failed)] {
                out.sample(metric.name).label("result", result).integer(count.into());
            }
        },
    ),
    row(
        "gpulse_device_problem",
        Kind::Gauge,
        Unit::None,
        "A GPU that cannot be read or not in full, 1 with the reason, else absent; without unit.",
        &["gpu", "reason"],
        device_problem,
    ),
    row(
        "gpulse_device_sample_age_seconds",
        Kind::Gauge,
        Unit::Seconds,
        "Age of the newest value of a GPU, in seconds.",
        DEVICE,
        device_age,
    ),
    row(
        "gpulse_device_up",
        Kind::Gauge,
        Unit::None,
        "Whether a GPU answers: 1 yes, 0 no; without unit.",
        DEVICE,
        device_up,
    ),
    row(
        "gpulse_driver_call_seconds_total",
        Kind::Counter,
        Unit::Seconds,
        "Time spent in calls of the driver, in seconds.",
        &["call"],
        |metric, snapshot, out| {
            for (call, seconds) in snapshot.pass.calls.seconds() {
                out.sample(metric.name).label("call", call).shortest(seconds);
            }
        },
    ),
    row(
        "gpulse_driver_calls_total",
        Kind::Counter,
        Unit::Count,
        "Count of calls of the driver by result.",
        &["call", "result"],
        |metric, snapshot, out| {
            for (call, result, count) in snapshot.pass.calls.counts() {
                let line = out.sample(metric.name).label("call", call);
                line.label("result", result).integer(count.into());
            }
        },
    ),
    row(
        "gpulse_field_supported",
        Kind::Gauge,
        Unit::None,
        "A field without a value on a GPU, 0 with the reason, else absent; without unit.",
        &["gpu", "field", "reason"],
        field_supported,
    ),
    row(
        "gpulse_gpus",
        Kind::Gauge,
        Unit::Count,
        "Count of GPUs: on the PCI bus (expected), and given by the driver (present).",
        &["kind"],
        gpus,
    ),
    row(
        "gpulse_passes_total",
        Kind::Counter,
        Unit::Count,
        "Count of finished passes over the GPUs.",
        &[],
        |metric, snapshot, out| out.sample(metric.name).integer(snapshot.number.into()),
    ),
    row(
        "gpulse_pod_labels_dropped",
        Kind::Gauge,
        Unit::Count,
        "Count of labels of pods that are not printed: their name is another label's (taken), two \
         became equal (equal), or a pod has too many (too_many).",
        &["reason"],
        holders::labels_dropped,
    ),
    row(
        "gpulse_podresources_age_seconds",
        Kind::Gauge,
        Unit::Seconds,
        "Age of the kubelet's last good answer about who holds which device, in seconds.",
        &[],
        holders::kubelet_age,
    ),
    row(
        "gpulse_podresources_unknown_ids",
        Kind::Gauge,
        Unit::Count,
        "Count of device ids that a container holds and that stand for no device here.",
        &[],
        holders::unknown_ids,
    ),
    row(
        "gpulse_scrape_duration_seconds",
        Kind::Histogram,
        Unit::Seconds,
        "Time to answer a scrape, in seconds, up to the newest pass.",
        &[],
        |metric, snapshot, out| histogram(metric.name, &snapshot.scrapes, out),
    ),
    row(
        "gpulse_scrapes_refused_total",
        Kind::Counter,
        Unit::Count,
        "Count of scrapes answered 503 because too many were under way.",
        &[],
        |metric, snapshot, out| out.sample(metric.name).integer(snapshot.scrapes.refused.into()),
    ),
    row(
        "gpulse_simulated",
        Kind::Gauge,
        Unit::None,
        "1 while the GPUs are simulated, else absent; without unit.",
        &[],
        |metric, snapshot, out| {
            if snapshot.simulated {
                out.sample(metric.name).integer(1);
            }
        },
    ),
    row(
        "process_cpu_seconds_total",
        Kind::Counter,
        Unit::Seconds,
        "User and system time of this process, in seconds.",
        &[],
        |metric, snapshot, out| {
            if let Some(seconds) = snapshot.own.cpu_seconds {
                out.sample(metric.name).shortest(seconds);
            }
        },
    ),
    row(
        "process_resident_memory_bytes",
        Kind::Gauge,
        Unit::Bytes,
        "Resident memory of this process, in bytes.",
        &[],
        |metric, snapshot, out| {
            if let Some(bytes) = snapshot.own.resident_bytes {
                out.sample(metric.name).integer(bytes.into());
            }
        },
    ),
    row(
        "process_start_time_seconds",
        Kind::Gauge,
        Unit::UnixSeconds,
        "Start of this process, in seconds since the epoch.",
        &[],
        |metric, snapshot, out| {
            if let Some(started) = snapshot.own.started {
                out.sample(metric.name).shortest(started.as_secs_f64());
            }
        },
    ),
];

/// The families of this part, in the order of printing.
pub const OWN_METRICS: &[Metric] = &metrics();

const fn metrics() -> [Metric; ROWS_OF_OWN.len()] {
    let mut metrics = [ROWS_OF_OWN[0].metric; ROWS_OF_OWN.len()];
    let mut place = 0;
    while place < metrics.len() {
        metrics[place] = ROWS_OF_OWN[place].metric;
        place += 1;
    }
    metrics
}

/// Write the part.
pub(super) fn write(snapshot: &Snapshot, out: &mut Writer) {
    for row in ROWS_OF_OWN {
        out.metric(&row.metric);
        (row.write)(&row.metric, snapshot, out);
    }
}

fn device_problem(metric: &Metric, snapshot: &Snapshot, out: &mut Writer) {
    for gpu in &snapshot.pass.gpus {
        if let Some(reason) = gpu.health.problem() {
            let line = out.sample(metric.name).label("gpu", &gpu.index.to_string());
            line.label("reason", reason).integer(1);
        }
    }
    for (index, _, kind) in out_of_reach(snapshot) {
        let line = out.sample(metric.name).label("gpu", &index.to_string());
        line.label("reason", kind.as_str()).integer(1);
    }
}

/// GPUs that were there before the driver went away, by index: nobody answers for them now.
fn out_of_reach(snapshot: &Snapshot) -> Vec<(u32, &str, ErrorKind)> {
    let here = |index: u32| snapshot.pass.gpus.iter().any(|gpu| gpu.index == index);
    let devices = snapshot.view.devices.iter();
    let mut gone: Vec<_> = devices
        .filter(|device| !here(device.device.gpu_index))
        .filter_map(|seen| Some((seen.device.gpu_index, seen.device.gpu_uuid.as_str(), seen.down?)))
        .collect();
    gone.sort_unstable_by_key(|(index, ..)| *index);
    gone.dedup_by_key(|(index, ..)| *index);
    gone
}

fn device_up(metric: &Metric, snapshot: &Snapshot, out: &mut Writer) {
    for gpu in &snapshot.pass.gpus {
        let line = out.sample(metric.name).label("gpu", &gpu.index.to_string());
        line.label("UUID", &gpu.uuid).integer(i128::from(gpu.health.down().is_none()));
    }
    for (index, uuid, _) in out_of_reach(snapshot) {
        let line = out.sample(metric.name).label("gpu", &index.to_string());
        line.label("UUID", uuid).integer(0);
    }
}

fn device_age(metric: &Metric, snapshot: &Snapshot, out: &mut Writer) {
    for gpu in &snapshot.pass.gpus {
        let cells = gpu.entities.iter().flat_map(|entity| &entity.values);
        let newest = cells.filter(|cell| cell.reading.is_value()).map(|cell| cell.at).max();
        if let Some(newest) = newest {
            let line = out.sample(metric.name).label("gpu", &gpu.index.to_string());
            let age = snapshot.at.since(newest).as_secs_f64();
            line.label("UUID", &gpu.uuid).shortest(age);
        }
    }
}

fn gpus(metric: &Metric, snapshot: &Snapshot, out: &mut Writer) {
    if let Some(expected) = snapshot.expected_gpus {
        out.sample(metric.name).label("kind", "expected").integer(expected.into());
    }
    // Without a source it is not known how many there are, but none can be used.
    let present = i128::try_from(snapshot.pass.gpus.len()).unwrap_or(i128::MAX);
    out.sample(metric.name).label("kind", "present").integer(present);
}

/// Rows of the list that no entity of a GPU has a value for. A row that the exporter makes itself is
/// there when its inputs are, and says nothing about support.
fn field_supported(metric: &Metric, snapshot: &Snapshot, out: &mut Writer) {
    for gpu in &snapshot.pass.gpus {
        let index = gpu.index.to_string();
        let no_profiling = lacks_profiling(snapshot, gpu);
        for row in snapshot.fields.entries() {
            let Some(reason) = lack(gpu, row) else { continue };
            let needs_dcgm = is_profiling(row.number) && no_profiling;
            let reason = if needs_dcgm { "needs_dcgm" } else { reason };
            let line = out.sample(metric.name).label("gpu", &index);
            line.label("field", &row.name).label("reason", reason).integer(0);
        }
    }
}

/// Why a row shows nothing of a GPU; `None` if it does.
fn lack(gpu: &GpuView, row: &Listed) -> Option<&'static str> {
    let Some(place) = row.place else { return Some(row.origin.lack()) };
    if ROWS[place].is_made() {
        return None;
    }
    if ROWS[place].is_text() && row.kind != ListedKind::Label {
        return Some("not_a_number");
    }
    unread(gpu, place)
}

/// Why no entity has a value for the row; `None` if one has.
fn unread(gpu: &GpuView, place: usize) -> Option<&'static str> {
    let readings = || gpu.entities.iter().filter_map(|e| e.values.get(place)).map(|c| c.reading);
    if readings().any(|reading| reading.is_value()) {
        return None;
    }
    let failed = readings().find_map(|reading| match reading {
        Reading::Failed(kind) => Some(kind),
        Reading::Value(_) | Reading::NotSupported => None,
    });
    // Of a GPU that was lost before it was read nothing is known, not even what it lacks.
    Some(failed.or(gpu.health.down()).map_or("not_supported", ErrorKind::as_str))
}

/// Whether the GPU has no profiling through NVML at all: older than Hopper.
fn lacks_profiling(snapshot: &Snapshot, gpu: &GpuView) -> bool {
    let mut profiling =
        snapshot.fields.entries().iter().filter(|row| is_profiling(row.number)).peekable();
    profiling.peek().is_some()
        && snapshot.pass.source == SourceState::Nvml
        && gpu.health.down().is_none()
        && profiling.all(|row| matches!(lack(gpu, row), Some("not_supported" | "not_read")))
}

fn histogram(name: &str, counts: &ScrapeCounts, out: &mut Writer) {
    let bucket = format!("{name}_bucket");
    for (bound, count) in BOUNDS_MICROS.iter().zip(counts.buckets) {
        out.sample(&bucket).label("le", &seconds(*bound).to_string()).integer(count.into());
    }
    out.sample(&bucket).label("le", "+Inf").integer(counts.count.into());
    out.sample(&format!("{name}_sum")).shortest(seconds(counts.micros));
    out.sample(&format!("{name}_count")).integer(counts.count.into());
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a process's life fit 53 bits")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
