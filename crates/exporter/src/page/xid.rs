//! XIDs on the page: the last code of each entity, and true counters of ours.

use gpu::GpuView;
use gpu::metrics::MetricRow;
use model::metric::{Kind, Metric, Unit};
use model::text::{Line, Writer};

use super::device::Entity;
use crate::Snapshot;
use crate::xid::{WATCHED, XidRecord, text_of};

/// The family with the last code.
pub(super) const LAST: &str = "DCGM_FI_DEV_XID_ERRORS";

const LABELS: &[&str] = &["gpu", "UUID", "GPU_I_ID", "xid"];

const EVENTS: Metric = Metric {
    name: "gpu_xid_events_total",
    kind: Kind::Counter,
    unit: Unit::Count,
    help: "Count of XID events by code; the codes that call for action exist at 0 from the start.",
    labels: LABELS,
};

const LAST_TIME: Metric = Metric {
    name: "gpu_xid_last_time_seconds",
    kind: Kind::Gauge,
    unit: Unit::UnixSeconds,
    help: "Time of the newest XID event of that code, in seconds since the epoch.",
    labels: LABELS,
};

/// The families of ours about XIDs.
pub const XID_METRICS: &[Metric] = &[EVENTS, LAST_TIME];

/// The last XID of each entity; none before the first.
pub(super) fn write_last(
    row: &MetricRow,
    snapshot: &Snapshot,
    entities: &[Entity<'_>],
    out: &mut Writer,
) {
    out.metric(&row.metric);
    for entity in entities {
        let instance = entity.view.gpu_instance.as_ref().map(|(_, id)| *id);
        if let Some(code) = snapshot.xids.last(&entity.gpu.uuid, instance) {
            entity
                .begin(LAST, out)
                .label("err_code", &code.to_string())
                .label("err_msg", text_of(code))
                .integer(code.into());
        }
    }
}

/// Counters and times by code.
pub(super) fn write_counters(snapshot: &Snapshot, out: &mut Writer) {
    out.metric(&EVENTS);
    for gpu in &snapshot.pass.gpus {
        write_watched(snapshot, gpu, out);
        for record in snapshot.xids.of_gpu(&gpu.uuid) {
            for (code, count) in &record.codes {
                begin(EVENTS.name, gpu, record.gpu_instance, *code, out)
                    .integer(count.events.into());
            }
        }
    }
    out.metric(&LAST_TIME);
    for gpu in &snapshot.pass.gpus {
        for record in snapshot.xids.of_gpu(&gpu.uuid) {
            for (code, count) in &record.codes {
                begin(LAST_TIME.name, gpu, record.gpu_instance, *code, out)
                    .shortest(count.last.as_secs_f64());
            }
        }
    }
}

/// The watched codes that the GPU itself has not shown yet. A GPU that was lost before it could give
/// its UUID has none: its series would be another GPU's later.
fn write_watched(snapshot: &Snapshot, gpu: &GpuView, out: &mut Writer) {
    if gpu.uuid.is_empty() {
        return;
    }
    let whole = |record: &&XidRecord| record.gpu_instance.is_none();
    let seen = snapshot.xids.of_gpu(&gpu.uuid).find(whole);
    for code in WATCHED {
        if seen.is_none_or(|record| !record.codes.contains_key(&code)) {
            begin(EVENTS.name, gpu, None, code, out).integer(0);
        }
    }
}

fn begin<'w>(
    name: &str,
    gpu: &GpuView,
    instance: Option<u32>,
    code: u32,
    out: &'w mut Writer,
) -> Line<'w> {
    let line = out.sample(name).label("gpu", &gpu.index.to_string()).label("UUID", &gpu.uuid);
    let line = match instance {
        Some(id) => line.label("GPU_I_ID", &id.to_string()),
        None => line,
    };
    line.label("xid", &code.to_string())
}
