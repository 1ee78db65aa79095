//! Weighted utilisation: one figure per physical GPU that means the same on all of them.
//!
//! A whole GPU gives its utilisation; the models that can say it more exactly, graphics activity; a
//! GPU with MIG instances, the activities of its instances by their slices. A missing input is a
//! missing sample, never a smaller sum.

use gpu::metrics::{NO_FIELD, position, position_of_field};
use gpu::{EntityView, GpuView};
use model::Reading;
use model::text::Writer;

use super::device::{begin, board_labels, borrowed, current, label_rows, push_host};
use super::{Style, holders};
use crate::Snapshot;
use crate::fields::Listed;

/// The one family without a number of DCGM.
pub(crate) const FIELD: u16 = NO_FIELD;
/// What it is made of.
pub(crate) const INPUTS: [u16; 3] = [GPU_UTIL, GRAPHICS_ACTIVE, 69];

/// DCGM_FI_DEV_GPU_UTIL.
const GPU_UTIL: u16 = 203;
/// DCGM_FI_PROF_GR_ENGINE_ACTIVE.
const GRAPHICS_ACTIVE: u16 = 1001;
/// DCGM_FI_DEV_MIG_MAX_SLICES, a label row.
const MAX_SLICES: &str = "DCGM_FI_DEV_MIG_MAX_SLICES";

/// Models whose graphics activity is preferred to their utilisation.
const BY_ACTIVITY: [&str; 4] = ["H100", "H200", "H800", "H20"];

/// One sample per GPU that has the inputs.
pub(super) fn write(row: &Listed, snapshot: &Snapshot, style: &Style, out: &mut Writer) {
    begin(row, out);
    let shown = |gpu: &GpuView| gpu.entities.iter().any(|e| snapshot.selected.shows(gpu, e));
    for gpu in snapshot.pass.gpus.iter().filter(|gpu| shown(gpu)) {
        if let Some((method, value)) = weigh(snapshot, gpu) {
            // The sum over instances has no holder; a whole GPU has its own.
            let held = snapshot.held.labels_of(gpu, None);
            let labels = labels(snapshot, style, gpu, method, &held.of_pod);
            holders::write(&row.name, &labels, held, &[], out, |line| line.shortest(value));
        }
    }
}

fn weigh(snapshot: &Snapshot, gpu: &GpuView) -> Option<(&'static str, f64)> {
    let first = gpu.entities.first()?;
    if first.gpu_instance.is_some() {
        return sum_of_instances(snapshot, gpu).map(|sum| ("weighted_sum", sum));
    }
    if prefers_activity(&gpu.model) && gpu.mig_enabled != Some(true) && has_activity(first) {
        // One series per GPU: while the activity is not there yet, the other method is not it.
        return field(snapshot, first, GRAPHICS_ACTIVE).map(|now| ("prof_gr_engine_active", now));
    }
    let percent = field(snapshot, first, GPU_UTIL)?;
    Some(("direct", (percent / 100.0).min(1.0)))
}

/// Whether the GPU gives its graphics activity, now or later.
fn has_activity(entity: &EntityView) -> bool {
    let cell = position_of_field(GRAPHICS_ACTIVE).and_then(|at| entity.values.get(at));
    cell.is_some_and(|cell| cell.reading != Reading::NotSupported)
}

/// `H20` is a model of its own, not the beginning of `H200`.
fn prefers_activity(model: &str) -> bool {
    model.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| BY_ACTIVITY.contains(&word))
}

/// Instances without compute instance cannot be used and count as idle: the driver has no activity
/// for them.
fn sum_of_instances(snapshot: &Snapshot, gpu: &GpuView) -> Option<f64> {
    let total: f64 = text(gpu.entities.first()?, MAX_SLICES)?.parse().ok()?;
    let mut sum = 0.0;
    for entity in &gpu.entities {
        let (_, id) = entity.gpu_instance.as_ref()?;
        if gpu.instances_without_ci.iter().any(|idle| idle.gpu_instance == *id) {
            continue;
        }
        let slices = f64::from(entity.slices?);
        sum += field(snapshot, entity, GRAPHICS_ACTIVE)? * slices / total;
    }
    (total > 0.0).then_some(sum)
}

fn field(snapshot: &Snapshot, entity: &EntityView, field: u16) -> Option<f64> {
    current(entity.values.get(position_of_field(field)?)?, snapshot)
}

fn text<'a>(entity: &'a EntityView, name: &str) -> Option<&'a str> {
    entity.values.get(position(name)?)?.text.as_deref()
}

/// Those of the physical GPU, also where its entities are instances.
fn labels(
    snapshot: &Snapshot,
    style: &Style,
    gpu: &GpuView,
    method: &'static str,
    of_pod: &[(String, String)],
) -> String {
    let mut labels = board_labels(gpu, style);
    push_host(&mut labels, style, &snapshot.hostname);
    let listed = gpu.entities.first().map_or_else(Vec::new, |e| label_rows(snapshot, e));
    let mut rows = borrowed(&listed);
    for (name, text) in &mut rows {
        if *name == "DCGM_FI_DEV_NAME" {
            *text = &gpu.model;
        }
    }
    rows.retain(|(name, _)| *name != "DCGM_FI_DEV_UUID");
    rows.push(("DCGM_FI_DEV_UUID", &gpu.uuid));
    rows.push(("calculation_method", method));
    rows.sort_unstable_by_key(|(name, _)| *name);
    holders::push_sorted(&mut labels, &rows, of_pod, &[]);
    labels
}
