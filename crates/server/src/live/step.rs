//! What changed from one frame to the next, as an event of the stream, and the last of them.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;

use super::dict::NAMES;
use super::frame::{Frame, key, separated, write_cell, write_failed_column, write_table};
use super::table::{Cells, Column, Table, failed};
use crate::json;

/// Steps kept for those who come back: five minutes.
const MOST_STEPS: usize = 60;
/// Bytes of them; a fleet of 10,000 GPUs changes by less than 1 MB in a step.
const MOST_BYTES: usize = 32 << 20;

/// An event: its name and its data.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) rev: u64,
    pub(super) data: Bytes,
}

/// From one frame to the next, for listeners without and with sessions.
struct Step {
    from: u64,
    events: [Event; 2],
}

/// The last steps, each going on from the one before.
#[derive(Default)]
pub(super) struct Steps {
    kept: VecDeque<Step>,
    bytes: usize,
}

impl Steps {
    /// A new frame follows another one.
    pub(super) fn push(&mut self, before: &Frame, after: &Frame) {
        if self.kept.back().is_some_and(|last| last.events[0].rev != before.rev) {
            self.clear();
        }
        let event = |with_sessions| event(before, after, with_sessions);
        let step = Step { from: before.rev, events: [event(false), event(true)] };
        self.bytes += step.bytes();
        self.kept.push_back(step);
        while self.kept.len() > MOST_STEPS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// Forget them: nobody listens.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }

    /// The events after a revision; `None` if they are no longer known.
    pub(super) fn since(&self, rev: u64, with_sessions: bool) -> Option<Vec<Event>> {
        let first = self.kept.iter().position(|step| step.from == rev)?;
        let steps = self.kept.iter().skip(first);
        Some(steps.map(|step| step.events[usize::from(with_sessions)].clone()).collect())
    }
}

impl Step {
    fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.data.len()).sum()
    }
}

/// Everything, for who knows nothing.
pub(super) fn full(frame: &Frame, with_sessions: bool) -> Event {
    Event { name: "full", rev: frame.rev, data: frame.json(with_sessions) }
}

fn event(before: &Frame, after: &Frame, with_sessions: bool) -> Event {
    if before.structure != after.structure {
        return Event { name: "structure", ..full(after, with_sessions) };
    }
    Event { name: "cells", rev: after.rev, data: cells(before, after, with_sessions).into() }
}

fn cells(before: &Frame, after: &Frame, with_sessions: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    after.write_moment(&mut out, b"{\"rev\":");
    write_dicts(&mut out, before, after);
    let mut replaced: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut failures: Vec<Vec<u8>> = Vec::new();
    let pairs = before.tables(with_sessions).zip(after.tables(with_sessions));
    for ((name, old), (_, new)) in pairs {
        if same_rows(old, new) {
            write_changes(&mut out, name, old, new);
        } else {
            let mut table = Vec::new();
            write_table(&mut table, new);
            replaced.push((name, table));
        }
        failures.extend(changed_failures(name, old, new));
    }
    if !failures.is_empty() {
        out.extend_from_slice(b",\"failed\":{");
        separated(&mut out, failures, |out, list| out.extend_from_slice(&list));
        out.push(b'}');
    }
    write_replaced(&mut out, before, after, replaced);
    out.push(b'}');
    out
}

/// Dictionaries only grow; their new ends.
fn write_dicts(out: &mut Vec<u8>, before: &Frame, after: &Frame) {
    let known = before.dicts.iter().map(Vec::len);
    let grown: Vec<_> = NAMES
        .iter()
        .zip(after.dicts.iter().zip(known))
        .filter(|(_, (texts, known))| texts.len() > *known)
        .collect();
    if grown.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"dict\":{");
    separated(out, grown, |out, (name, (texts, known))| {
        key(out, name);
        json::strings(out, &texts[known..]);
    });
    out.push(b'}');
}

/// Rows are the same if the texts are: identities are texts.
fn same_rows(old: &Table, new: &Table) -> bool {
    old.columns.iter().zip(&new.columns).all(|(a, b)| match (&a.cells, &b.cells) {
        (Cells::Texts(a), Cells::Texts(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
        }
        (Cells::Numbers(a), Cells::Numbers(b)) => a.len() == b.len(),
        _ => false,
    })
}

/// Numbers of two columns, row by row.
fn numbers<'a>(old: &'a Column, new: &'a Column) -> Option<(&'a [f64], &'a [f64])> {
    match (&old.cells, &new.cells) {
        (Cells::Numbers(old), Cells::Numbers(new)) => Some((old, new)),
        _ => None,
    }
}

fn write_changes(out: &mut Vec<u8>, name: &str, old: &Table, new: &Table) {
    let mut is_first = true;
    for (before, after) in old.columns.iter().zip(&new.columns) {
        let Some((old, new)) = numbers(before, after) else { continue };
        let mut changes = changed(old, new).peekable();
        if changes.peek().is_none() {
            continue;
        }
        if is_first {
            out.push(b',');
            key(out, name);
        }
        out.push(if is_first { b'{' } else { b',' });
        is_first = false;
        key(out, after.name);
        json::list(out, changes, |out, row| {
            out.push(b'[');
            json::integer(out, row as u64);
            out.push(b',');
            write_cell(out, new[row]);
            out.push(b']');
        });
    }
    if !is_first {
        out.push(b'}');
    }
}

/// Rows whose cells look different: "failed" and "not supported" both look like `null`.
fn changed<'a>(old: &'a [f64], new: &'a [f64]) -> impl Iterator<Item = usize> + 'a {
    let differs = |(old, new): (&f64, &f64)| {
        old.to_bits() != new.to_bits() && !(old.is_nan() && new.is_nan())
    };
    old.iter().zip(new).enumerate().filter(move |(_, pair)| differs(*pair)).map(|(row, _)| row)
}

/// The lists of failures that are others now.
fn changed_failures(table: &str, old: &Table, new: &Table) -> Vec<Vec<u8>> {
    let pairs = old.columns.iter().zip(&new.columns);
    pairs
        .filter_map(|(before, after)| {
            let (old, new) = numbers(before, after)?;
            (!failed(old).eq(failed(new))).then(|| {
                let mut list = Vec::new();
                write_failed_column(&mut list, table, after.name, new);
                list
            })
        })
        .collect()
}

fn write_replaced(
    out: &mut Vec<u8>,
    before: &Frame,
    after: &Frame,
    mut replaced: Vec<(&str, Vec<u8>)>,
) {
    let parts = before.parts.iter().zip(&after.parts);
    let others = parts.filter(|(old, new)| old.1 != new.1);
    replaced.extend(others.map(|(_, (name, part))| (*name, part.as_bytes().to_vec())));
    if replaced.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"replace\":{");
    separated(out, replaced, |out, (name, part)| {
        key(out, name);
        out.extend_from_slice(&part);
    });
    out.push(b'}');
}
