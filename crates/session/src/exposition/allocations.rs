//! `gpu_allocation_*`: who holds a device, used or not; and `gpu_*_finding`: what is wrong.

use std::sync::Arc;

use model::metric::{Kind, Metric, Unit};
use model::text::Writer;

use super::devices::device_labels;
use super::sessions::written;
use crate::finding::Subject;
use crate::state::DeviceState;
use crate::view::{AllocationView, SessionFacts, View};

const ALLOCATION: &[&str] = &["gpu", "allocation"];

const INFO: Metric = Metric {
    name: "gpu_allocation_info",
    kind: Kind::Gauge,
    unit: Unit::None,
    help: "An allocation: a container or job that holds a GPU or MIG instance, used or not.",
    labels: &[
        "gpu",
        "allocation",
        "UUID",
        "GPU_I_ID",
        "Hostname",
        "resource",
        "device_id",
        "namespace",
        "pod",
        "container",
        "pod_uid",
        "claim",
        "slurm_job",
    ],
};
const START: Metric = Metric {
    name: "gpu_allocation_start_time_seconds",
    kind: Kind::Gauge,
    unit: Unit::UnixSeconds,
    help: "When the allocation's container started, else when it was first seen, in unix seconds.",
    labels: ALLOCATION,
};
const END: Metric = Metric {
    name: "gpu_allocation_end_time_seconds",
    kind: Kind::Gauge,
    unit: Unit::UnixSeconds,
    help: "When the allocation ended, in unix seconds; only once it ended.",
    labels: ALLOCATION,
};
const SESSIONS: Metric = Metric {
    name: "gpu_allocation_sessions",
    kind: Kind::Gauge,
    unit: Unit::Count,
    help: "Live sessions of the allocation on its device.",
    labels: ALLOCATION,
};
const SHARE: Metric = Metric {
    name: "gpu_allocation_share_ratio",
    kind: Kind::Gauge,
    unit: Unit::Ratio,
    help: "The allocation's part of its device, 0 to 1.",
    labels: ALLOCATION,
};
const GPU_SECONDS: Metric = Metric {
    name: "gpu_allocation_gpu_seconds_total",
    kind: Kind::Counter,
    unit: Unit::Seconds,
    help: "The allocation's part of its device's time that no session got, in seconds by state.",
    labels: &["gpu", "allocation", "run", "state"],
};

const fn finding(name: &'static str, labels: &'static [&'static str]) -> Metric {
    let help = "What is wrong, by its name in the label finding; absent when nothing is.";
    Metric { name, kind: Kind::Gauge, unit: Unit::None, help, labels }
}
const SESSION_FINDING: Metric = finding("gpu_session_finding", &["gpu", "session", "finding"]);
const ALLOCATION_FINDING: Metric =
    finding("gpu_allocation_finding", &["gpu", "allocation", "finding"]);
const DEVICE_FINDING: Metric =
    finding("gpu_device_finding", &["gpu", "UUID", "GPU_I_ID", "finding"]);

/// `gpu_allocation_*` and `gpu_*_finding`, in the order of printing.
pub const ALLOCATION_METRICS: &[Metric] = &[
    INFO,
    START,
    END,
    SESSIONS,
    SHARE,
    GPU_SECONDS,
    SESSION_FINDING,
    ALLOCATION_FINDING,
    DEVICE_FINDING,
];

/// Write `gpu_*_finding`. A folded session has no row of its own to which a finding could belong.
fn write_findings(view: &View, out: &mut Writer) {
    let folded = |facts: &Arc<SessionFacts>| {
        view.sessions.iter().any(|session| session.folded && Arc::ptr_eq(&session.facts, facts))
    };
    for metric in [&SESSION_FINDING, &ALLOCATION_FINDING, &DEVICE_FINDING] {
        out.metric(metric);
        for found in &view.findings {
            let (family, labels) = match &found.subject {
                Subject::Session(facts) if folded(facts) => continue,
                Subject::Session(facts) => (
                    SESSION_FINDING.name,
                    written(&[("gpu", &facts.device.label), ("session", &facts.id)]),
                ),
                Subject::Allocation(facts) => (
                    ALLOCATION_FINDING.name,
                    written(&[("gpu", &facts.device.label), ("allocation", &facts.id)]),
                ),
                Subject::Device(device) => (DEVICE_FINDING.name, device_labels(device)),
                Subject::Instance(instance) => (
                    DEVICE_FINDING.name,
                    written(&[
                        ("gpu", &instance.gpu_index.to_string()),
                        ("UUID", &instance.gpu_uuid),
                        ("GPU_I_ID", &instance.gpu_instance.to_string()),
                    ]),
                ),
            };
            if family == metric.name {
                let line = out.sample(metric.name).labels_written(&labels);
                line.label("finding", found.finding.as_str()).integer(1);
            }
        }
    }
}

/// Write `gpu_allocation_*` and `gpu_*_finding`.
pub fn write_allocations(view: &View, out: &mut Writer) {
    let rows: Vec<(String, &AllocationView)> = view.allocations.iter().map(labelled).collect();
    out.metric(&INFO);
    for (labels, row) in &rows {
        let more = info_labels(view, row);
        out.sample(INFO.name).labels_written(labels).labels_written(&more).integer(1);
    }
    out.metric(&START);
    for (labels, row) in &rows {
        if let Ok(micros) = u64::try_from(row.facts.start.0) {
            out.sample(START.name).labels_written(labels).seconds_of_micros(micros);
        }
    }
    out.metric(&END);
    for (labels, row) in &rows {
        if let Some(micros) = row.end.and_then(|end| u64::try_from(end.0).ok()) {
            out.sample(END.name).labels_written(labels).seconds_of_micros(micros);
        }
    }
    out.metric(&SESSIONS);
    for (labels, row) in rows.iter().filter(|(_, row)| row.end.is_none()) {
        let count = i128::try_from(row.sessions).unwrap_or(i128::MAX);
        out.sample(SESSIONS.name).labels_written(labels).integer(count);
    }
    out.metric(&SHARE);
    for (labels, row) in &rows {
        if let Some(share) = row.share {
            out.sample(SHARE.name).labels_written(labels).shortest(share);
        }
    }
    if view.counted {
        write_seconds(view, &rows, out);
    }
    write_findings(view, out);
}

fn labelled(row: &AllocationView) -> (String, &AllocationView) {
    (written(&[("gpu", &row.facts.device.label), ("allocation", &row.facts.id)]), row)
}

/// `allocated` is there from the first moment on, the others once they occurred.
fn write_seconds(view: &View, rows: &[(String, &AllocationView)], out: &mut Writer) {
    out.metric(&GPU_SECONDS);
    for (labels, row) in rows {
        for (state, micros) in DeviceState::ALL.iter().zip(row.micros) {
            if micros > 0 || *state == DeviceState::Allocated {
                let line = out.sample(GPU_SECONDS.name).labels_written(labels);
                let line = line.label("run", &view.run).label("state", state.as_str());
                line.seconds_of_micros(micros);
            }
        }
    }
}

fn info_labels(view: &View, row: &AllocationView) -> String {
    let facts = &row.facts;
    let text = |value: &'_ Option<String>| value.clone().unwrap_or_default();
    let mig = facts.device.mig.as_ref();
    let instance = mig.map(|mig| mig.gpu_instance.to_string()).unwrap_or_default();
    written(&[
        ("UUID", &facts.device.gpu_uuid),
        ("GPU_I_ID", &instance),
        ("Hostname", &view.hostname),
        ("resource", &facts.resource),
        ("device_id", &facts.device_id),
        ("namespace", &text(&facts.namespace)),
        ("pod", &text(&facts.pod)),
        ("container", &text(&facts.container)),
        ("pod_uid", &text(&facts.pod_uid)),
        ("claim", &text(&facts.claim)),
        ("slurm_job", &text(&facts.slurm_job)),
    ])
}
