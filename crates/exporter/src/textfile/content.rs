//! What is in the textfile: sessions, then how the collection went.

use std::collections::BTreeSet;
use std::time::Duration;

use gpu::Health;
use model::metric::{Kind, Metric, Unit};
use model::text::Writer;
use model::{ErrorKind, Timestamp};

use super::{Collected, Found};
use crate::Snapshot;

const TIMESTAMP: Metric = Metric {
    name: "gpu_sessions_collect_timestamp_seconds",
    kind: Kind::Gauge,
    unit: Unit::UnixSeconds,
    help: "Time of the newest collection, successful or not, in seconds since the epoch.",
    labels: &[],
};

const SUCCESS: Metric = Metric {
    name: "gpu_sessions_collect_success",
    kind: Kind::Gauge,
    unit: Unit::None,
    help: "Whether the newest collection could tell who is on the GPUs: 1 yes, 0 no; without unit.",
    labels: &[],
};

const DURATION: Metric = Metric {
    name: "gpu_sessions_collect_duration_seconds",
    kind: Kind::Gauge,
    unit: Unit::Seconds,
    help: "Time that the newest collection took, in seconds.",
    labels: &[],
};

const ERROR: Metric = Metric {
    name: "gpu_sessions_collect_error",
    kind: Kind::Gauge,
    unit: Unit::None,
    help: "What was missing in the newest collection, 1 with the reason, else absent; without unit.",
    labels: &["reason"],
};

/// The families that the textfile has besides those of sessions.
pub const TEXTFILE_METRICS: &[Metric] = &[TIMESTAMP, SUCCESS, DURATION, ERROR];

/// How a collection went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is known who is on at least one device.
    pub success: bool,
    /// What is missing: labels of `gpu_sessions_collect_error`.
    pub reasons: BTreeSet<&'static str>,
}

impl Verdict {
    fn of(snapshot: &Snapshot) -> Self {
        let mut reasons = BTreeSet::new();
        if snapshot.absence().is_some() {
            reasons.insert("no_driver");
        } else if snapshot.pass.gpus.is_empty() {
            reasons.insert("no_gpu");
        }
        reasons.extend(snapshot.pass.gpus.iter().filter_map(|gpu| gpu.health.problem()));
        let devices = &snapshot.view.devices;
        for device in devices.iter().filter(|device| !device.processes_known) {
            reasons.insert(device.down.map_or("processes_unreadable", ErrorKind::as_str));
        }
        // A GPU with MIG on and no compute instance has no device, and nobody can be on it.
        let known = devices.iter().any(|device| device.processes_known);
        let empty = devices.is_empty() && snapshot.pass.gpus.iter().any(|g| g.health == Health::Up);
        Self { success: known || empty, reasons }
    }
}

/// The content after one collection.
pub(super) fn collected(snapshot: &Snapshot, took: Duration) -> Collected {
    let verdict = Verdict::of(snapshot);
    let mut out = Writer::with_capacity(64 << 10);
    if verdict.success {
        session::exposition::write_seed(&snapshot.view, &mut out);
        session::exposition::write_sessions(&snapshot.view, &mut out);
    }
    write_collect(snapshot.at, Some(took), &verdict, &mut out);
    Collected { text: out.finish(), found: found(snapshot, verdict) }
}

/// The content after a clean stop.
pub(super) fn stopped(now: Timestamp) -> String {
    let mut out = Writer::default();
    let verdict = Verdict { success: false, reasons: BTreeSet::from(["stopped"]) };
    write_collect(now, None, &verdict, &mut out);
    out.finish()
}

fn write_collect(now: Timestamp, took: Option<Duration>, verdict: &Verdict, out: &mut Writer) {
    out.metric(&TIMESTAMP);
    out.sample(TIMESTAMP.name).shortest(now.as_secs_f64());
    out.metric(&SUCCESS);
    out.sample(SUCCESS.name).integer(i128::from(verdict.success));
    if let Some(took) = took {
        out.metric(&DURATION);
        out.sample(DURATION.name).shortest(took.as_secs_f64());
    }
    out.metric(&ERROR);
    for reason in &verdict.reasons {
        out.sample(ERROR.name).label("reason", reason).integer(1);
    }
}

fn found(snapshot: &Snapshot, verdict: Verdict) -> Found {
    let reason = match snapshot.absence() {
        Some((reason, remedy)) => Some(format!("{reason}; {remedy}")),
        None if verdict.reasons.is_empty() => None,
        None => Some(verdict.reasons.iter().copied().collect::<Vec<_>>().join(", ")),
    };
    let sessions = snapshot.view.sessions.iter().filter(|session| session.end.is_none()).count();
    Found { devices: snapshot.view.devices.len(), sessions, verdict, reason }
}
