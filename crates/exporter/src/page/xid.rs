//! XIDs on the page: the last code of each entity, and true counters of ours.

use std::sync::Arc;

use gpu::GpuView;
use model::metric::{Kind, Metric, Unit};
use model::text::{Line, Writer};

use super::device::{Entity, begin};
use crate::Snapshot;
use crate::fields::Listed;
use crate::xid::{WATCHED, XidRecord, text_of};

/// DCGM_FI_DEV_XID_ERRORS, the family with the last code.
pub(super) const LAST: u16 = 230;
/// DCGM_EXP_XID_ERRORS_COUNT, by the number that dcgm-exporter uses inside.
pub(super) const COUNT: u16 = 9001;
/// DCGM_EXP_XID_ERRORS_TOTAL, by a number of ours.
pub(super) const TOTAL: u16 = 9005;

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
    row: &Listed,
    snapshot: &Snapshot,
    entities: &[Entity<'_>],
    out: &mut Writer,
) {
    begin(row, out);
    for entity in entities {
        let instance = entity.view.gpu_instance.as_ref().map(|(_, id)| *id);
        if let Some(code) = snapshot.xids.last(&entity.gpu.uuid, instance) {
            let number = code.to_string();
            let own = [("err_code", number.as_str()), ("err_msg", text_of(code))];
            entity.sample(&row.name, &own, out, |line| line.integer(code.into()));
        }
    }
}

/// Events within the window by code; one 0 without code where there were none.
pub(super) fn write_window(
    row: &Listed,
    snapshot: &Snapshot,
    entities: &[Entity<'_>],
    out: &mut Writer,
) {
    begin(row, out);
    let window = snapshot.windows.xid;
    let text = window.as_millis().to_string();
    for entity in entities.iter().filter(|entity| !entity.gpu.uuid.is_empty()) {
        let instance = entity.view.gpu_instance.as_ref().map(|(_, id)| *id);
        let counts = snapshot.xids.within(&entity.gpu.uuid, instance, snapshot.at, window);
        if counts.is_empty() {
            let made = [("window_size_in_ms", text.as_str())];
            entity.made_sample(&row.name, &made, out, |line| line.integer(0));
        }
        for (code, count) in counts {
            let code = code.to_string();
            let made = [("window_size_in_ms", text.as_str()), ("xid", code.as_str())];
            entity.made_sample(&row.name, &made, out, |line| line.integer(count.into()));
        }
    }
}

/// All events by code.
pub(super) fn write_total(
    row: &Listed,
    snapshot: &Snapshot,
    entities: &[Entity<'_>],
    out: &mut Writer,
) {
    begin(row, out);
    for entity in entities {
        let instance = entity.view.gpu_instance.as_ref().map(|(_, id)| *id);
        for (code, count) in snapshot.xids.totals(&entity.gpu.uuid, instance) {
            let code = code.to_string();
            let made = [("xid", code.as_str())];
            entity.made_sample(&row.name, &made, out, |line| line.integer(count.into()));
        }
    }
}

/// Counters and times by code.
pub(super) fn write_counters(snapshot: &Snapshot, out: &mut Writer) {
    let is_selected =
        |gpu: &&Arc<GpuView>| gpu.entities.iter().any(|view| snapshot.selected.shows(gpu, view));
    // A lost GPU has no entity to be left out by.
    let shown = |gpu: &&Arc<GpuView>| gpu.entities.is_empty() || is_selected(gpu);
    out.metric(&EVENTS);
    for gpu in snapshot.pass.gpus.iter().filter(shown) {
        write_watched(snapshot, gpu, out);
        for record in snapshot.xids.of_gpu(&gpu.uuid) {
            for (code, count) in &record.codes {
                begin_own(EVENTS.name, gpu, record.gpu_instance, *code, out)
                    .integer(count.events.into());
            }
        }
    }
    out.metric(&LAST_TIME);
    for gpu in snapshot.pass.gpus.iter().filter(shown) {
        for record in snapshot.xids.of_gpu(&gpu.uuid) {
            for (code, count) in &record.codes {
                begin_own(LAST_TIME.name, gpu, record.gpu_instance, *code, out)
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
            begin_own(EVENTS.name, gpu, None, code, out).integer(0);
        }
    }
}

fn begin_own<'w>(
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
