//! `gpu_session_*` and `gpu_device_*`.
//!
//! A label that does not apply is left out, which is the same to Prometheus as an empty one. The
//! counters of sessions without rows of their own stand under `session="rest"` with their owner.

use std::fmt::Write as _;

use model::Timestamp;
use model::device::Device;
use model::metric::{Kind, Metric, Unit};
use model::text::{Writer, push_escaped_label};

use super::{devices, energy};
use crate::counters::{Counters, SM_BOUNDS};
use crate::state::DeviceState;
use crate::view::{SessionView, View};

const SESSION: &[&str] = &["gpu", "session"];

pub(super) const fn gauge(
    name: &'static str,
    unit: Unit,
    help: &'static str,
    labels: &'static [&'static str],
) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, help, labels }
}

pub(super) const fn counter(
    name: &'static str,
    unit: Unit,
    help: &'static str,
    labels: &'static [&'static str],
) -> Metric {
    Metric { name, kind: Kind::Counter, unit, help, labels }
}

const INFO: Metric = gauge(
    "gpu_session_info",
    Unit::None,
    "A session: one process on one GPU or MIG instance.",
    &[
        "gpu",
        "session",
        "UUID",
        "mig_uuid",
        "GPU_I_ID",
        "GPU_I_PROFILE",
        "ci_id",
        "Hostname",
        "pid",
        "type",
        "kind",
        "command",
        "user",
        "namespace",
        "pod",
        "container",
        "pod_uid",
        "workload",
        "workload_kind",
        "slurm_job",
        "allocation",
        "start",
    ],
);
const START: Metric = gauge(
    "gpu_session_start_time_seconds",
    Unit::UnixSeconds,
    "When the session's process started, in unix seconds.",
    SESSION,
);
const END: Metric = gauge(
    "gpu_session_end_time_seconds",
    Unit::UnixSeconds,
    "When the session ended, in unix seconds; only once it ended.",
    SESSION,
);
const LAST_USE: Metric = gauge(
    "gpu_session_last_use_time_seconds",
    Unit::UnixSeconds,
    "When the session last used its device, in unix seconds; absent while unknown.",
    SESSION,
);
const STATE: Metric = gauge(
    "gpu_session_state",
    Unit::None,
    "The session's current state.",
    &["gpu", "session", "state"],
);
const MEMORY: Metric = gauge(
    "gpu_session_memory_bytes",
    Unit::Bytes,
    "Device memory that the session holds, in bytes.",
    SESSION,
);
const MEMORY_PEAK: Metric = gauge(
    "gpu_session_memory_peak_bytes",
    Unit::Bytes,
    "The most device memory that the session was seen to hold, in bytes.",
    SESSION,
);
const UTILIZATION: Metric = gauge(
    "gpu_session_utilization_ratio",
    Unit::Ratio,
    "Use of an engine by the session over the newest interval, 0 to 1.",
    &["gpu", "session", "engine", "quality"],
);
const GPU_SECONDS: Metric = counter(
    "gpu_session_gpu_seconds_total",
    Unit::Seconds,
    "The session's part of its device's time by state, in seconds.",
    &["gpu", "session", "run", "state"],
);
const SM_SECONDS: Metric = Metric {
    name: "gpu_session_sm_seconds",
    kind: Kind::Histogram,
    unit: Unit::Seconds,
    help: "Seconds of the session by its SM use, 0 to 1.",
    labels: &["gpu", "session", "run", "le"],
};
const CPU_SECONDS: Metric = counter(
    "gpu_session_cpu_seconds_total",
    Unit::Seconds,
    "CPU time of the session's process, in seconds; the same on each of its devices.",
    &["gpu", "session", "run"],
);
const EFFECTIVE: Metric = counter(
    "gpu_session_effective_seconds_total",
    Unit::Seconds,
    "The session's part of seconds with SM activity of at least one half.",
    &["gpu", "session", "run", "quality"],
);
const MEMORY_SECONDS: Metric = counter(
    "gpu_session_memory_byte_seconds_total",
    Unit::ByteSeconds,
    "Device memory held times time, in byte seconds.",
    &["gpu", "session", "run"],
);
const XIDS: Metric = counter(
    "gpu_session_xid_events_total",
    Unit::Count,
    "XIDs that named the session's process, by code; absent until one happened.",
    &["gpu", "session", "xid"],
);
const FOLDED: Metric = gauge(
    "gpulse_sessions_folded",
    Unit::Count,
    "Live sessions without rows of their own, counted under session=\"rest\".",
    &[],
);

/// `gpu_session_*` and `gpu_device_*`, in the order of printing.
pub const SESSION_METRICS: &[Metric] = &[
    INFO,
    START,
    END,
    LAST_USE,
    STATE,
    MEMORY,
    MEMORY_PEAK,
    UTILIZATION,
    XIDS,
    GPU_SECONDS,
    SM_SECONDS,
    CPU_SECONDS,
    EFFECTIVE,
    MEMORY_SECONDS,
    energy::SESSION,
    devices::INFO,
    devices::SECONDS,
    devices::EFFECTIVE,
    energy::DEVICE,
    devices::SHARE,
    devices::UNATTRIBUTED,
    FOLDED,
];

/// Write `gpu_session_*` and `gpu_device_*`.
pub fn write_sessions(view: &View, out: &mut Writer) {
    let rows: Vec<Row<'_>> = view.sessions.iter().filter(|s| !s.folded).map(Row::new).collect();
    write_facts(view, &rows, out);
    write_figures(&rows, out);
    if view.counted {
        write_counters(view, &rows, out);
    }
    super::write_allocations(view, out);
    devices::write_devices(view, out);
    out.metric(&FOLDED);
    out.sample(FOLDED.name).integer(i128::try_from(view.folded).unwrap_or(i128::MAX));
}

/// A session with the labels that all its rows begin with.
struct Row<'a> {
    session: &'a SessionView,
    labels: String,
}

impl<'a> Row<'a> {
    fn new(session: &'a SessionView) -> Self {
        let facts = &session.facts;
        let labels = written(&[("gpu", &facts.device.label), ("session", &facts.id)]);
        Self { session, labels }
    }
}

fn write_facts(view: &View, rows: &[Row<'_>], out: &mut Writer) {
    out.metric(&INFO);
    for row in rows {
        let labels = info_labels(view, row.session);
        out.sample(INFO.name).labels_written(&row.labels).labels_written(&labels).integer(1);
    }
    each(rows, out, &START, |session, line| moment(line, Some(session.facts.start)));
    each(rows, out, &END, |session, line| moment(line, session.end.map(|end| end.at)));
    each(rows, out, &LAST_USE, |session, line| {
        let unknown = session.state == crate::state::SessionState::Unknown;
        moment(line, session.last_use.filter(|_| !unknown));
    });
}

fn write_figures(rows: &[Row<'_>], out: &mut Writer) {
    out.metric(&STATE);
    for row in rows {
        let line = out.sample(STATE.name).labels_written(&row.labels);
        line.label("state", row.session.state.as_str()).integer(1);
    }
    each(rows, out, &MEMORY, |session, line| bytes(line, session.memory_bytes));
    each(rows, out, &MEMORY_PEAK, |session, line| bytes(line, session.memory_peak_bytes));
    write_utilization(rows, out);
    out.metric(&XIDS);
    for row in rows {
        for (code, count) in &row.session.xids {
            let line = out.sample(XIDS.name).labels_written(&row.labels);
            line.label("xid", &code.to_string()).integer((*count).into());
        }
    }
}

fn write_utilization(rows: &[Row<'_>], out: &mut Writer) {
    out.metric(&UTILIZATION);
    for row in rows {
        let Some(now) = row.session.utilization else { continue };
        let engines = [
            ("sm", Some(now.sm)),
            ("memory", now.memory),
            ("encoder", now.encoder),
            ("decoder", now.decoder),
        ];
        for (engine, ratio) in engines {
            if let Some(ratio) = ratio {
                let line = out.sample(UTILIZATION.name).labels_written(&row.labels);
                let line = line.label("engine", engine).label("quality", now.quality.as_str());
                line.shortest((ratio * 10_000.0).round() / 10_000.0);
            }
        }
    }
}

fn write_counters(view: &View, rows: &[Row<'_>], out: &mut Writer) {
    let run = written(&[("run", &view.run)]);
    let own = rows.iter().map(|row| (format!("{},{run}", row.labels), &row.session.counters));
    let rest = view.rest.iter().map(|rest| {
        let labels = written(&[
            ("gpu", &rest.gpu),
            ("session", "rest"),
            (if rest.is_namespace { "namespace" } else { "user" }, &rest.owner),
            ("run", &view.run),
        ]);
        (labels, &rest.counters)
    });
    let counted: Vec<Counted<'_>> = own.chain(rest).collect();
    write_gpu_seconds(&counted, out);
    write_histogram(&counted, out);
    out.metric(&CPU_SECONDS);
    for (labels, counters) in &counted {
        let line = out.sample(CPU_SECONDS.name).labels_written(labels);
        line.seconds_of_micros(counters.cpu_micros);
    }
    write_effective(&counted, out);
    out.metric(&MEMORY_SECONDS);
    for (labels, counters) in &counted {
        let line = out.sample(MEMORY_SECONDS.name).labels_written(labels);
        line.integer(counters.memory_byte_seconds.into());
    }
    energy::write_of_sessions(&counted, out);
}

/// Labels and counters of one session or rest.
pub(super) type Counted<'a> = (String, &'a Counters);

fn write_gpu_seconds(counted: &[Counted<'_>], out: &mut Writer) {
    out.metric(&GPU_SECONDS);
    for (labels, counters) in counted {
        for (state, micros) in DeviceState::ALL.iter().zip(counters.micros) {
            if micros > 0 {
                let line = out.sample(GPU_SECONDS.name).labels_written(labels);
                line.label("state", state.as_str()).seconds_of_micros(micros);
            }
        }
    }
}

/// Bucket labels, written once.
const BOUNDS: [&str; SM_BOUNDS.len() + 1] = [
    "le=\"0.01\"",
    "le=\"0.05\"",
    "le=\"0.1\"",
    "le=\"0.25\"",
    "le=\"0.5\"",
    "le=\"0.75\"",
    "le=\"0.9\"",
    "le=\"0.95\"",
    "le=\"1\"",
    "le=\"+Inf\"",
];

fn write_histogram(counted: &[Counted<'_>], out: &mut Writer) {
    out.metric(&SM_SECONDS);
    for (labels, counters) in counted {
        let mut sum = 0;
        for (bound, micros) in BOUNDS.iter().zip(counters.sm_micros) {
            sum += micros;
            let line = out.sample("gpu_session_sm_seconds_bucket").labels_written(labels);
            line.labels_written(bound).seconds_of_micros(sum);
        }
        let line = out.sample("gpu_session_sm_seconds_sum").labels_written(labels);
        line.seconds_of_micros(counters.sm_use_micros);
        let line = out.sample("gpu_session_sm_seconds_count").labels_written(labels);
        line.seconds_of_micros(sum);
    }
}

fn write_effective(counted: &[Counted<'_>], out: &mut Writer) {
    out.metric(&EFFECTIVE);
    for (labels, counters) in counted {
        let parts = [
            ("quality=\"measured\"", counters.effective_measured_micros),
            ("quality=\"inferred\"", counters.effective_inferred_micros),
        ];
        for (quality, micros) in parts {
            if micros > 0 {
                let line = out.sample(EFFECTIVE.name).labels_written(labels);
                line.labels_written(quality).seconds_of_micros(micros);
            }
        }
    }
}

/// One line per session, for those for which `write` ends it.
fn each(
    rows: &[Row<'_>],
    out: &mut Writer,
    metric: &Metric,
    write: impl Fn(&SessionView, &mut Pending<'_>),
) {
    out.metric(metric);
    for row in rows {
        write(row.session, &mut Pending { out, name: metric.name, labels: &row.labels });
    }
}

/// A line that is only begun if there is a value for it.
struct Pending<'a> {
    out: &'a mut Writer,
    name: &'static str,
    labels: &'a str,
}

fn moment(line: &mut Pending<'_>, at: Option<Timestamp>) {
    // Nothing of gpulse's lies before 1970.
    if let Some(micros) = at.and_then(|at| u64::try_from(at.0).ok()) {
        line.out.sample(line.name).labels_written(line.labels).seconds_of_micros(micros);
    }
}

fn bytes(line: &mut Pending<'_>, bytes: Option<u64>) {
    if let Some(bytes) = bytes {
        line.out.sample(line.name).labels_written(line.labels).integer(i128::from(bytes));
    }
}

fn info_labels(view: &View, session: &SessionView) -> String {
    let facts = &session.facts;
    let pid = facts.pid.to_string();
    let text = |value: &'_ Option<String>| value.clone().unwrap_or_default();
    let mut labels = vec![("UUID", facts.device.gpu_uuid.clone())];
    labels.extend(mig_labels(&facts.device));
    labels.extend([
        ("Hostname", view.hostname.clone()),
        ("pid", pid),
        ("type", facts.context.as_str().to_owned()),
        ("kind", facts.kind.as_str().to_owned()),
        ("command", facts.command.clone()),
        ("user", text(&facts.user)),
        ("namespace", text(&facts.namespace)),
        ("pod", text(&facts.pod)),
        ("container", text(&facts.container)),
        ("pod_uid", facts.pod_uid().unwrap_or_default().to_owned()),
        ("workload", text(&facts.workload)),
        ("workload_kind", text(&facts.workload_kind)),
        ("slurm_job", text(&facts.owner.slurm_job)),
        (
            "allocation",
            session.allocation.as_ref().map_or_else(String::new, |held| held.id.clone()),
        ),
        ("start", facts.start_kind.as_str().to_owned()),
    ]);
    let pairs: Vec<(&str, &str)> =
        labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
    written(&pairs)
}

fn mig_labels(device: &Device) -> Vec<(&'static str, String)> {
    let Some(mig) = &device.mig else { return Vec::new() };
    vec![
        ("mig_uuid", mig.uuid.clone()),
        ("GPU_I_ID", mig.gpu_instance.to_string()),
        ("GPU_I_PROFILE", mig.profile.clone()),
        ("ci_id", mig.compute_instance.to_string()),
    ]
}

/// Labels as they are printed, without the empty ones.
pub(super) fn written(labels: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(64);
    for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        let comma = if out.is_empty() { "" } else { "," };
        let _ = write!(out, "{comma}{name}=\"");
        push_escaped_label(&mut out, value);
        out.push('"');
    }
    out
}
