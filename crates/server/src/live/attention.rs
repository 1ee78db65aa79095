//! What needs attention: lines made of a key and arguments, worded by whoever shows them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::columns::{View, seconds};
use super::dict::Dict;
use super::feed::{
    ECC_DBE, GPU_TEMP, REMAP_FAILURE, SESSION_LAST_USE, SESSION_START, SLOWDOWN_TEMP,
};
use super::fleet::Fleet;
use super::known::Entity;
use super::layout::node_of;
use super::state;

/// Lines at most; the rest is counted.
const MOST_LINES: usize = 100;
/// Lines about one kind of finding; more become one.
const MOST_OF_A_KIND: usize = 5;
/// How long an XID is news, in seconds.
const XID_NEWS_S: f64 = 3600.0;
/// Where a GPU does not say from when on it slows down, in °C.
const HOT: f64 = 85.0;
/// XIDs after which a GPU needs a reset, a repair or a restart of what ran on it: the ones that
/// NVIDIA's catalogue gives an action for the hardware.
const GRAVE_XIDS: [u32; 9] = [48, 62, 64, 74, 79, 94, 95, 119, 120];

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Critical,
    Warning,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Line {
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    key: String,
    args: Map<String, Value>,
    /// Unix seconds, where it is known.
    since: Option<i64>,
}

/// The lines, most severe and newest first, and how many more there are.
pub(super) fn lines(view: &View<'_>, ecc_before: &EccBefore) -> (Vec<Line>, usize) {
    let mut lines = Vec::new();
    for (row, place) in view.layout.gpus.iter().enumerate() {
        if let Some(entity) = view.fleet.entities.get(*place)
            && view.occupancy.gpus[row].state != state::GONE
        {
            of_gpu(view, *place, entity, ecc_before, &mut lines);
        }
    }
    nodes_gone(view, &mut lines);
    gpus_missing(view.fleet, &mut lines);
    stale_sessions(view, &mut lines);
    findings(view, &mut lines);
    lines.sort_by(|a, b| a.severity.cmp(&b.severity).then(b.since.cmp(&a.since)));
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    (lines, more)
}

/// Uncorrected memory errors an hour ago, by place.
pub(super) type EccBefore = std::collections::HashMap<u32, f64>;

fn of_gpu(
    view: &View<'_>,
    place: u32,
    entity: &Entity,
    ecc_before: &EccBefore,
    lines: &mut Vec<Line>,
) {
    let fleet = view.fleet;
    let mut say = |severity, key: &str, args: Value, since| {
        lines.push(Line { since, ..about(fleet, entity, severity, key, args) });
    };
    if fleet.current(entity.problem).is_some_and(|value| value > 0.0) {
        let reason = fleet.dicts.text(Dict::Problem, entity.problem.extra);
        let refused = reason == "no_permission";
        let severity = if refused { Severity::Warning } else { Severity::Critical };
        say(severity, reason, json!({}), None);
    }
    if let Some((code, at)) = newest_xid(view, place, entity) {
        let grave = GRAVE_XIDS.contains(&code);
        let severity = if grave { Severity::Critical } else { Severity::Warning };
        say(severity, "xid", json!({ "xid": code }), Some(whole(at)));
    }
    if let Some(errors) = fleet.value(ECC_DBE, place)
        && let Some(grown) = ecc_before.get(&place).map(|before| errors - before)
        && grown > 0.0
    {
        say(Severity::Critical, "ecc_uncorrected", json!({ "count": whole(grown) }), None);
    }
    if fleet.value(REMAP_FAILURE, place).is_some_and(|failed| failed > 0.0) {
        say(Severity::Critical, "remap_failure", json!({}), None);
    }
    let limit = fleet.value(SLOWDOWN_TEMP, place).filter(|limit| *limit > 0.0).unwrap_or(HOT);
    if let Some(temp) = fleet.value(GPU_TEMP, place).filter(|temp| *temp >= limit) {
        let args = json!({ "temp": whole(temp), "limit": whole(limit) });
        say(Severity::Warning, "temp", args, None);
    }
}

/// Of the GPU and its instances, if it came in the last hour.
fn newest_xid(view: &View<'_>, place: u32, entity: &Entity) -> Option<(u32, f64)> {
    let row = *view.layout.gpu_row.get(&place)?;
    let migs = &view.layout.migs[view.layout.instances[row].clone()];
    let instances = migs.iter().filter_map(|mig| view.fleet.entities.get(mig.instance));
    instances
        .chain([entity])
        .filter(|of| of.xid.value > seconds(view.fleet.now) - XID_NEWS_S)
        .map(|of| (of.xid.extra, of.xid.value))
        .max_by(|a, b| a.1.total_cmp(&b.1))
}

fn nodes_gone(view: &View<'_>, lines: &mut Vec<Line>) {
    let mut row = 0;
    let node_at = |row: usize| {
        let entity = view.fleet.entities.get(*view.layout.gpus.get(row)?)?;
        Some((node_of(view.fleet, entity), entity.seen))
    };
    // Rows of a node stand together.
    while let Some((node, _)) = node_at(row) {
        let of_node = |row: &usize| node_at(*row).is_some_and(|(other, _)| other == node);
        let rows: Vec<usize> = (row..).take_while(of_node).collect();
        row += rows.len();
        if rows.iter().all(|row| view.occupancy.gpus[*row].state == state::GONE) {
            let seen = rows.iter().filter_map(|row| node_at(*row)).map(|(_, seen)| seen).max();
            lines.push(Line {
                severity: Severity::Critical,
                node: Some(view.fleet.dicts.text(Dict::Node, node).to_owned()),
                gpu: None,
                uuid: None,
                key: "node_gone".to_owned(),
                args: args(json!({ "gpus": rows.len() })),
                since: seen.map(|ms| ms.div_euclid(1000)),
            });
        }
    }
}

fn gpus_missing(fleet: &Fleet, lines: &mut Vec<Line>) {
    for target in &fleet.targets {
        let (expected, present) = (fleet.current(target.expected), fleet.current(target.present));
        if let (Some(expected), Some(present)) = (expected, present)
            && expected > present
        {
            lines.push(Line {
                severity: Severity::Critical,
                node: Some(fleet.dicts.text(Dict::Node, target.node).to_owned()),
                gpu: None,
                uuid: None,
                key: "gpus_missing".to_owned(),
                args: args(json!({ "expected": whole(expected), "present": whole(present) })),
                since: None,
            });
        }
    }
}

/// One line for all of them, so that a fleet's habits do not hide a broken GPU.
fn stale_sessions(view: &View<'_>, lines: &mut Vec<Line>) {
    let stale = |row: &&super::occupancy::SessionRow| row.state as usize == state::STALE;
    let gpus: std::collections::HashSet<usize> =
        view.occupancy.sessions.iter().filter(stale).map(|row| row.gpu).collect();
    // One that never used its GPU is stale from its start.
    let last_use = |row: &super::occupancy::SessionRow| {
        let used = view.fleet.value(SESSION_LAST_USE, row.place);
        used.or_else(|| view.fleet.value(SESSION_START, row.place))
    };
    let oldest = view.occupancy.sessions.iter().filter(stale).filter_map(last_use);
    if gpus.is_empty() {
        return;
    }
    let oldest = oldest.min_by(f64::total_cmp);
    let hours = oldest.map(|at| whole((seconds(view.fleet.now) - at) / 3600.0));
    lines.push(Line {
        severity: Severity::Warning,
        node: None,
        gpu: None,
        uuid: None,
        key: "stale_sessions".to_owned(),
        args: args(json!({ "gpus": gpus.len(), "hours": hours })),
        since: oldest.map(whole),
    });
}

/// A line for each GPU with a finding; one for all where many have the same.
fn findings(view: &View<'_>, lines: &mut Vec<Line>) {
    let fleet = view.fleet;
    let mut by_kind: BTreeMap<u32, BTreeSet<(u32, u32)>> = BTreeMap::new();
    let shown = |gpu: u32| {
        let row = view.layout.gpu_row.get(&gpu);
        row.is_some_and(|row| view.occupancy.gpus[*row].state != state::GONE)
    };
    for finding in fleet.found.now().filter(|of| shown(of.gpu)) {
        by_kind.entry(finding.kind).or_default().insert((finding.gpu, finding.holder));
    }
    for (kind, subjects) in by_kind {
        let name = fleet.dicts.text(Dict::Finding, kind);
        if subjects.len() > MOST_OF_A_KIND {
            let gpus: BTreeSet<u32> = subjects.iter().map(|(gpu, _)| *gpu).collect();
            lines.push(Line {
                severity: Severity::Warning,
                node: None,
                gpu: None,
                uuid: None,
                key: "findings".to_owned(),
                args: args(json!({ "finding": name, "gpus": gpus.len() })),
                since: None,
            });
            continue;
        }
        for (gpu, holder) in subjects {
            let Some(entity) = fleet.entities.get(gpu) else { continue };
            let holder = Some(fleet.dicts.text(Dict::Holder, holder)).filter(|of| !of.is_empty());
            let of = json!({ "finding": name, "holder": holder });
            lines.push(about(fleet, entity, Severity::Warning, "finding", of));
        }
    }
}

fn about(fleet: &Fleet, entity: &Entity, severity: Severity, key: &str, of: Value) -> Line {
    Line {
        severity,
        node: Some(fleet.dicts.text(Dict::Node, node_of(fleet, entity)).to_owned()),
        gpu: Some(entity.index),
        uuid: Some(entity.uuid.to_string()).filter(|uuid| !uuid.is_empty()),
        key: key.to_owned(),
        args: args(of),
        since: None,
    }
}

fn args(of: Value) -> Map<String, Value> {
    match of {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "degrees, counts and seconds; `as` saturates")]
fn whole(value: f64) -> i64 {
    value as i64
}
