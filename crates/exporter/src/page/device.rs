//! Device families: the rows of the metric table, family by family, entity by entity.
//!
//! Names, label order and number format are a contract with dcgm-exporter. Labels of an entity are
//! put together once and used for each of its samples.

use gpu::metrics::{Format, MetricRow, ROWS};
use gpu::{Cell, EntityView, GpuView};
use model::Reading;
use model::metric::Kind;
use model::text::{Line, Writer, push_escaped_label};

use super::{weighted, xid};
use crate::{HostLabel, Snapshot};

/// One entity with its labels, ready for every family.
pub(super) struct Entity<'a> {
    pub(super) gpu: &'a GpuView,
    pub(super) view: &'a EntityView,
    /// Everything before the attributes.
    labels: String,
}

/// Write all families of the table that have a sample.
pub(super) fn write(snapshot: &Snapshot, host_label: HostLabel, out: &mut Writer) {
    let entities: Vec<Entity<'_>> = snapshot
        .pass
        .gpus
        .iter()
        .flat_map(|gpu| gpu.entities.iter().map(|view| entity(snapshot, host_label, gpu, view)))
        .collect();
    for (place, row) in ROWS.iter().enumerate() {
        match row.metric.name {
            _ if row.metric.kind == Kind::Label => {}
            xid::LAST => xid::write_last(row, snapshot, &entities, out),
            weighted::NAME => weighted::write(row, snapshot, host_label, out),
            _ => family(row, place, snapshot, &entities, out),
        }
    }
}

fn family(
    row: &MetricRow,
    place: usize,
    snapshot: &Snapshot,
    entities: &[Entity<'_>],
    out: &mut Writer,
) {
    out.metric(&row.metric);
    for entity in entities {
        if let Some(value) = entity.view.values.get(place).and_then(|c| current(c, snapshot)) {
            end(entity.begin(row.metric.name, out), row.format, value);
        }
    }
}

/// The value of a cell that is not too old.
pub(super) fn current(cell: &Cell, snapshot: &Snapshot) -> Option<f64> {
    match cell.reading {
        Reading::Value(value) if snapshot.at.since(cell.at) <= snapshot.longest_age => Some(value),
        Reading::Value(_) | Reading::NotSupported | Reading::Failed(_) => None,
    }
}

fn end(line: Line<'_>, format: Format, value: f64) {
    match format {
        #[expect(clippy::cast_possible_truncation, reason = "integer fields hold whole numbers")]
        Format::Integer => line.integer(value as i128),
        Format::SixDecimals => line.six_decimals(value),
        Format::Shortest => line.shortest(value),
    }
}

impl Entity<'_> {
    /// Begin a sample with all labels but the attributes.
    pub(super) fn begin<'w>(&self, name: &str, out: &'w mut Writer) -> Line<'w> {
        out.sample(name).labels_written(&self.labels)
    }
}

fn entity<'a>(
    snapshot: &Snapshot,
    host_label: HostLabel,
    gpu: &'a GpuView,
    view: &'a EntityView,
) -> Entity<'a> {
    let mut labels = board_labels(gpu);
    if let Some((profile, id)) = &view.gpu_instance {
        push(&mut labels, "GPU_I_PROFILE", profile);
        push(&mut labels, "GPU_I_ID", &id.to_string());
    }
    push_host(&mut labels, host_label, &snapshot.hostname);
    for (name, text) in label_rows(view) {
        push(&mut labels, name, text);
    }
    Entity { gpu, view, labels }
}

/// The labels that name the physical GPU, in the order of printing.
pub(super) fn board_labels(gpu: &GpuView) -> String {
    let mut labels = String::with_capacity(512);
    let index = gpu.index.to_string();
    push(&mut labels, "gpu", &index);
    push(&mut labels, "UUID", &gpu.uuid);
    push(&mut labels, "pci_bus_id", &gpu.pci_bus_id);
    push(&mut labels, "device", &format!("nvidia{index}"));
    push(&mut labels, "modelName", &gpu.model);
    labels
}

pub(super) fn push_host(labels: &mut String, host_label: HostLabel, hostname: &str) {
    for name in host_label.names() {
        push(labels, name, hostname);
    }
}

/// The label rows that have a text, sorted by name.
pub(super) fn label_rows(view: &EntityView) -> Vec<(&'static str, &str)> {
    let mut rows: Vec<(&'static str, &str)> = ROWS
        .iter()
        .zip(&view.values)
        .filter(|(row, _)| row.metric.kind == Kind::Label)
        .filter_map(|(row, cell)| Some((row.metric.name, cell.text.as_deref()?)))
        .collect();
    rows.sort_unstable_by_key(|(name, _)| *name);
    rows
}

/// Append one label to written ones.
pub(super) fn push(labels: &mut String, name: &str, value: &str) {
    if !labels.is_empty() {
        labels.push(',');
    }
    labels.push_str(name);
    labels.push_str("=\"");
    push_escaped_label(labels, value);
    labels.push('"');
}
