//! Device families: the rows of the field list, family by family, entity by entity.
//!
//! Names, label order and number format are a contract with dcgm-exporter. Labels of an entity are
//! put together once and used for each of its samples.

use std::borrow::Cow;

use gpu::metrics::{Format, ROWS};
use gpu::{Cell, EntityView, GpuView};
use model::Reading;
use model::text::{Line, Writer, push_escaped_label};

use super::{Style, clock_events, holders, peers, weighted, xid};
use crate::Snapshot;
use crate::fields::{Listed, ListedKind};
use crate::holders::EntityLabels;

/// One entity with its labels, ready for every family.
pub(super) struct Entity<'a> {
    pub(super) gpu: &'a GpuView,
    pub(super) view: &'a EntityView,
    /// Who holds it, as labels.
    held: &'a EntityLabels,
    /// What stands before the label rows.
    head: String,
    /// The label rows.
    rows: Vec<(&'a str, Cow<'a, str>)>,
    /// Everything before the attributes.
    labels: String,
}

/// Write all families of the list that have a sample.
pub(super) fn write(snapshot: &Snapshot, style: &Style, out: &mut Writer) {
    let shown = snapshot.pass.gpus.iter().flat_map(|gpu| {
        let all = gpu.entities.iter().map(move |view| (gpu, view));
        all.filter(|(gpu, view)| snapshot.selected.shows(gpu, view))
    });
    let entities: Vec<Entity<'_>> =
        shown.map(|(gpu, view)| entity(snapshot, style, gpu, view)).collect();
    for row in snapshot.fields.entries() {
        match row.number {
            _ if row.kind == ListedKind::Label => {}
            xid::LAST => xid::write_last(row, snapshot, &entities, out),
            xid::COUNT => xid::write_window(row, snapshot, &entities, out),
            xid::TOTAL => xid::write_total(row, snapshot, &entities, out),
            clock_events::COUNT => clock_events::write(row, snapshot, &entities, out),
            peers::STATUS => peers::write(row, &entities, out),
            weighted::FIELD => weighted::write(row, snapshot, style, out),
            _ => family(row, snapshot, &entities, out),
        }
    }
}

/// Begin a family of the list: its name, type and help are the list's.
pub(super) fn begin(row: &Listed, out: &mut Writer) {
    out.family(&row.name, row.kind.printed(), &row.help);
}

fn family(row: &Listed, snapshot: &Snapshot, entities: &[Entity<'_>], out: &mut Writer) {
    let Some(place) = row.place else { return };
    // A text is no number: such a row is a label or nothing.
    if ROWS[place].is_text() {
        return;
    }
    begin(row, out);
    for entity in entities {
        if let Some(value) = entity.view.values.get(place).and_then(|c| current(c, snapshot)) {
            let format = ROWS[place].format;
            entity.sample(&row.name, &[], out, |line| end(line, format, value));
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
    /// Write a sample; `own` are attributes of the family itself.
    pub(super) fn sample(
        &self,
        name: &str,
        own: &[(&str, &str)],
        out: &mut Writer,
        end: impl Fn(Line<'_>),
    ) {
        holders::write(name, &self.labels, self.held, own, out, end);
    }

    /// Write a sample with labels of the exporter, which stand among the label rows.
    pub(super) fn made_sample(
        &self,
        name: &str,
        made: &[(&str, &str)],
        out: &mut Writer,
        end: impl Fn(Line<'_>),
    ) {
        let mut labels = self.head.clone();
        holders::push_sorted(&mut labels, &borrowed(&self.rows), &self.held.of_pod, made);
        holders::write(name, &labels, self.held, &[], out, end);
    }
}

fn entity<'a>(
    snapshot: &'a Snapshot,
    style: &Style,
    gpu: &'a GpuView,
    view: &'a EntityView,
) -> Entity<'a> {
    let mut head = board_labels(gpu, style);
    if let Some((profile, id)) = &view.gpu_instance {
        push(&mut head, "GPU_I_PROFILE", profile);
        push(&mut head, "GPU_I_ID", &id.to_string());
    }
    push_host(&mut head, style, &snapshot.hostname);
    let held = snapshot.held.labels_of(gpu, Some(view));
    let rows = label_rows(snapshot, view);
    let mut labels = head.clone();
    holders::push_sorted(&mut labels, &borrowed(&rows), &held.of_pod, &[]);
    Entity { gpu, view, held, head, rows, labels }
}

/// The rows as plain words.
pub(super) fn borrowed<'a>(rows: &'a [(&'a str, Cow<'a, str>)]) -> Vec<(&'a str, &'a str)> {
    rows.iter().map(|(name, text)| (*name, text.as_ref())).collect()
}

/// The labels that name the physical GPU, in the order of printing.
pub(super) fn board_labels(gpu: &GpuView, style: &Style) -> String {
    let mut labels = String::with_capacity(512);
    let index = gpu.index.to_string();
    push(&mut labels, "gpu", &index);
    push(&mut labels, style.uuid_label(), &gpu.uuid);
    push(&mut labels, "pci_bus_id", &gpu.pci_bus_id);
    push(&mut labels, "device", &format!("nvidia{index}"));
    push(&mut labels, "modelName", &style.model_name(&gpu.model));
    labels
}

pub(super) fn push_host(labels: &mut String, style: &Style, hostname: &str) {
    for name in style.host_labels() {
        push(labels, name, hostname);
    }
}

/// The label rows of the list that have a text, sorted by name.
pub(super) fn label_rows<'a>(
    snapshot: &'a Snapshot,
    view: &'a EntityView,
) -> Vec<(&'a str, Cow<'a, str>)> {
    let listed = snapshot.fields.entries().iter().filter(|row| row.kind == ListedKind::Label);
    let mut rows: Vec<(&str, Cow<'_, str>)> = listed
        .filter_map(|row| {
            let place = row.place?;
            Some((&*row.name, text(snapshot, view.values.get(place)?, ROWS[place].format)?))
        })
        .collect();
    rows.sort_unstable_by_key(|(name, _)| *name);
    rows
}

/// What a label row shows: a text, or a number as its family would print it.
fn text<'a>(snapshot: &Snapshot, cell: &'a Cell, format: Format) -> Option<Cow<'a, str>> {
    if let Some(text) = &cell.text {
        return Some(Cow::Borrowed(text));
    }
    let value = current(cell, snapshot)?;
    Some(Cow::Owned(match format {
        Format::Integer => format!("{value:.0}"),
        Format::SixDecimals => format!("{value:.6}"),
        Format::Shortest => format!("{value}"),
    }))
}

/// Append one label to written ones.
pub(crate) fn push(labels: &mut String, name: &str, value: &str) {
    if !labels.is_empty() {
        labels.push(',');
    }
    labels.push_str(name);
    labels.push_str("=\"");
    push_escaped_label(labels, value);
    labels.push('"');
}
