//! Which row is what: GPUs by node and index, instances and sessions after their GPU.
//!
//! It changes when devices come or go; between two such changes a row stays what it is.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::dict::Dict;
use super::fleet::Fleet;
use super::known::{Entity, Level, NOWHERE};
use super::table::Table;

/// A row of `mig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MigRow {
    /// Row of its GPU.
    pub(super) gpu: usize,
    /// The GPU instance.
    pub(super) instance: u32,
    /// The compute instance; `None` where there is none.
    pub(super) compute: Option<u32>,
}

impl MigRow {
    /// What states and sessions are about.
    pub(super) fn device(&self) -> u32 {
        self.compute.unwrap_or(self.instance)
    }
}

/// The rows.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Places of GPUs.
    pub(super) gpus: Vec<u32>,
    pub(super) migs: Vec<MigRow>,
    /// For each GPU its rows of `migs`.
    pub(super) instances: Vec<std::ops::Range<usize>>,
    /// Row of each place in its table.
    pub(super) gpu_row: HashMap<u32, usize>,
    pub(super) mig_row: HashMap<u32, usize>,
    /// Texts of both tables, which change only with it.
    pub(super) gpu_texts: Table,
    pub(super) mig_texts: Table,
    signature: Vec<Named>,
    /// When it was last compared: of which version of the names, with which places shown.
    compared: (u64, Vec<u32>),
}

/// What makes a row another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    place: u32,
    node: u32,
    index: u32,
    ids: (u32, u32),
    texts: [Box<str>; 4],
}

impl Layout {
    /// The layout now; `None` if it is still the same.
    pub(super) fn renewed(&mut self, fleet: &Fleet) -> Option<Self> {
        let now = (fleet.names_version, shown(fleet).map(|(place, _)| place).collect());
        if self.compared == now && !self.gpu_texts.columns.is_empty() {
            return None;
        }
        self.compared = now;
        let mut gpus: Vec<(u32, &Entity)> =
            shown(fleet).filter(|(_, of)| of.level == Level::Gpu).collect();
        gpus.sort_by(|a, b| by_node(fleet, a.1, b.1).then(a.0.cmp(&b.0)));
        let mut parts: HashMap<u32, Vec<(u32, &Entity)>> = HashMap::new();
        for (place, entity) in shown(fleet).filter(|(_, of)| of.level != Level::Gpu) {
            parts.entry(entity.parent.unwrap_or(NOWHERE)).or_default().push((place, entity));
        }
        let signature = signature(fleet, &gpus, &parts);
        // The very first has its columns, if no rows.
        if signature == self.signature && !self.gpu_texts.columns.is_empty() {
            return None;
        }
        let compared = std::mem::take(&mut self.compared);
        let mut layout = Self { signature, compared, ..Self::default() };
        for (row, (place, _)) in gpus.iter().enumerate() {
            let first = layout.migs.len();
            layout.push_instances(row, *place, &mut parts);
            layout.instances.push(first..layout.migs.len());
            layout.gpus.push(*place);
            layout.gpu_row.insert(*place, row);
        }
        layout.mig_row =
            layout.migs.iter().enumerate().map(|(row, mig)| (mig.device(), row)).collect();
        layout.write_texts(fleet);
        Some(layout)
    }

    fn push_instances(
        &mut self,
        gpu: usize,
        place: u32,
        parts: &mut HashMap<u32, Vec<(u32, &Entity)>>,
    ) {
        let mut instances = parts.remove(&place).unwrap_or_default();
        instances.sort_by_key(|(_, of)| of.gi);
        for (instance, _) in instances {
            let mut computes = parts.remove(&instance).unwrap_or_default();
            computes.sort_by_key(|(_, of)| of.ci);
            if computes.is_empty() {
                self.migs.push(MigRow { gpu, instance, compute: None });
            }
            let rows = computes.iter().map(|(compute, _)| Some(*compute));
            self.migs.extend(rows.map(|compute| MigRow { gpu, instance, compute }));
        }
    }

    fn write_texts(&mut self, fleet: &Fleet) {
        let of = |field: fn(&Entity) -> &str, places: &mut dyn Iterator<Item = u32>| {
            places.map(|place| Arc::from(fleet.entities.get(place).map_or("", field))).collect()
        };
        for (name, field) in GPU_TEXTS {
            self.gpu_texts.texts(name, of(*field, &mut self.gpus.iter().copied()));
        }
        for (name, field) in MIG_TEXTS {
            self.mig_texts.texts(name, of(*field, &mut self.migs.iter().map(MigRow::device)));
        }
    }
}

type TextColumn = (&'static str, fn(&Entity) -> &str);

const GPU_TEXTS: &[TextColumn] =
    &[("uuid", |of| &of.uuid), ("pci", |of| &of.pci), ("serial", |of| &of.serial)];
const MIG_TEXTS: &[TextColumn] = &[("name", |of| &of.name), ("uuid", |of| &of.mig_uuid)];

fn shown(fleet: &Fleet) -> impl Iterator<Item = (u32, &Entity)> {
    fleet.entities.iter().filter(|(_, entity)| fleet.is_shown(entity))
}

fn signature(
    fleet: &Fleet,
    gpus: &[(u32, &Entity)],
    parts: &HashMap<u32, Vec<(u32, &Entity)>>,
) -> Vec<Named> {
    let mut signature: Vec<Named> =
        gpus.iter().map(|(place, of)| named(fleet, *place, of)).collect();
    let mut below: Vec<_> = parts.values().flatten().copied().collect();
    below.sort_by_key(|(place, _)| *place);
    signature.extend(below.into_iter().map(|(place, of)| named(fleet, place, of)));
    signature
}

fn named(fleet: &Fleet, place: u32, of: &Entity) -> Named {
    Named {
        place,
        node: node_of(fleet, of),
        index: of.index,
        ids: (of.gi, of.ci),
        texts: [of.uuid.clone(), of.pci.clone(), of.serial.clone(), of.mig_uuid.clone()],
    }
}

/// The number of the host of an entity.
pub(super) fn node_of(fleet: &Fleet, entity: &Entity) -> u32 {
    if entity.node != NOWHERE {
        return entity.node;
    }
    fleet.targets.get(entity.target as usize).map_or(NOWHERE, |target| target.node)
}

fn by_node(fleet: &Fleet, a: &Entity, b: &Entity) -> Ordering {
    let node = |of: &Entity| node_of(fleet, of);
    let (left, right) = (node(a), node(b));
    let by_name = if left == right {
        Ordering::Equal
    } else {
        natural(fleet.dicts.text(Dict::Node, left), fleet.dicts.text(Dict::Node, right))
    };
    by_name.then(a.index.cmp(&b.index))
}

/// By text, with runs of digits as numbers: `ws-2` before `ws-10`.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let by_number = digits(left).cmp_number(&digits(right));
        let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        if let Some(order) = by_number {
            if order != Ordering::Equal {
                return order;
            }
            left = &left[digits(left).0.len()..];
            right = &right[digits(right).0.len()..];
        } else if x != y {
            return x.cmp(&y);
        } else {
            left = &left[x.len_utf8()..];
            right = &right[y.len_utf8()..];
        }
    }
}

/// The digits that a text begins with.
struct Digits<'a>(&'a str);

fn digits(text: &str) -> Digits<'_> {
    Digits(&text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())])
}

impl Digits<'_> {
    /// As numbers of any length; `None` if one is no number.
    fn cmp_number(&self, other: &Digits<'_>) -> Option<Ordering> {
        if self.0.is_empty() || other.0.is_empty() {
            return None;
        }
        let (a, b) = (self.0.trim_start_matches('0'), other.0.trim_start_matches('0'));
        Some(a.len().cmp(&b.len()).then_with(|| a.cmp(b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_ordered_by_the_numbers_in_their_names() {
        let mut names = ["ws-10", "ws-2", "gpu-0001", "ws-2a", "ws-02", "ws", "gpu-0000"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["gpu-0000", "gpu-0001", "ws", "ws-02", "ws-2", "ws-2a", "ws-10"]);
    }
}
