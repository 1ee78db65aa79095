//! The fleet at one moment as it is sent: tables, dictionaries, and the small parts as JSON.

use std::sync::OnceLock;

use axum::body::Bytes;
use serde::Serialize;

use super::Told;
use super::attention::{self, EccBefore};
use super::columns::View;
use super::dict::{NAMES, Texts};
use super::occupancy::Occupancy;
use super::state::{self, Parts};
use super::table::{Cells, Column, Table, failed, rounded};
use super::{INTERVAL_MS, SCHEMA};
use crate::json;

/// Every part of a fleet's picture at one moment.
pub(super) struct Frame {
    pub(super) rev: u64,
    /// Time of the newest reading, in ms.
    pub(super) at: i64,
    /// Rises when rows have moved.
    pub(super) structure: u64,
    pub(super) dicts: Texts,
    pub(super) gpu: Table,
    pub(super) mig: Table,
    pub(super) session: Table,
    /// Key and JSON of the parts that are replaced as a whole.
    pub(super) parts: Vec<(&'static str, String)>,
    /// The whole document without and with sessions, once asked for.
    full: [OnceLock<Bytes>; 2],
}

#[derive(Debug, Serialize)]
struct Funnel {
    total: usize,
    allocated: f64,
    active: f64,
    effective: f64,
    low: f64,
    wasted: f64,
    starting: f64,
    unknown: f64,
    free: f64,
    down: f64,
    gone: u32,
    util: Option<f64>,
    mem_used_mib: Option<f64>,
    mem_total_mib: Option<f64>,
    power_w: Option<f64>,
}

/// What counts a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    pub(super) rev: u64,
    pub(super) structure: u64,
    pub(super) at: i64,
}

impl Frame {
    pub(super) fn of(
        numbers: Numbers,
        view: &View<'_>,
        dicts: Texts,
        ecc_before: &EccBefore,
        told: &Told,
    ) -> Self {
        let gpu = view.gpu_table();
        let funnel = funnel(view.occupancy, &gpu);
        let (lines, more) = attention::lines(view, ecc_before);
        Self {
            rev: numbers.rev,
            at: numbers.at,
            structure: numbers.structure,
            dicts,
            mig: view.mig_table(),
            session: view.session_table(),
            parts: vec![
                ("funnel", as_json(&funnel)),
                ("attention", as_json(&lines)),
                ("attention_more", more.to_string()),
                ("sources", as_json(&told.sources)),
                ("backfill", as_json(&told.backfill_ms.map(rfc3339))),
            ],
            gpu,
            full: [OnceLock::new(), OnceLock::new()],
        }
    }

    /// The document.
    pub(super) fn json(&self, with_sessions: bool) -> Bytes {
        let full = &self.full[usize::from(with_sessions)];
        full.get_or_init(|| self.write(with_sessions).into()).clone()
    }

    fn write(&self, with_sessions: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 * 1024);
        out.extend_from_slice(b"{\"schema\":");
        json::integer(&mut out, SCHEMA);
        self.write_moment(&mut out, b",\"rev\":");
        out.extend_from_slice(b",\"interval_s\":");
        json::integer(&mut out, INTERVAL_MS.unsigned_abs() / 1000);
        out.extend_from_slice(b",\"dict\":{");
        separated(&mut out, NAMES.iter().zip(self.dicts.iter()), |out, (name, texts)| {
            key(out, name);
            json::strings(out, texts.iter());
        });
        out.push(b'}');
        for (name, table) in self.tables(with_sessions) {
            out.push(b',');
            key(&mut out, name);
            write_table(&mut out, table);
        }
        out.extend_from_slice(b",\"failed\":{");
        self.write_failed(&mut out, with_sessions);
        out.push(b'}');
        for (name, part) in &self.parts {
            out.push(b',');
            key(&mut out, name);
            out.extend_from_slice(part.as_bytes());
        }
        out.push(b'}');
        out
    }

    /// `"rev":1,"at":"..."` after the bytes given.
    pub(super) fn write_moment(&self, out: &mut Vec<u8>, before: &[u8]) {
        out.extend_from_slice(before);
        json::integer(out, self.rev);
        out.extend_from_slice(b",\"at\":");
        json::string(out, &rfc3339(self.at));
    }

    /// The tables by name.
    pub(super) fn tables(
        &self,
        with_sessions: bool,
    ) -> impl Iterator<Item = (&'static str, &Table)> {
        let all = [("gpu", &self.gpu), ("mig", &self.mig), ("session", &self.session)];
        all.into_iter().take(if with_sessions { 3 } else { 2 })
    }

    fn write_failed(&self, out: &mut Vec<u8>, with_sessions: bool) {
        let columns = self
            .tables(with_sessions)
            .flat_map(|(table, of)| of.columns.iter().map(move |column| (table, column)));
        let with_failures = columns.filter_map(|(table, column)| match &column.cells {
            Cells::Numbers(cells) if failed(cells).next().is_some() => {
                Some((table, column.name, cells))
            }
            _ => None,
        });
        separated(out, with_failures, |out, (table, column, cells)| {
            write_failed_column(out, table, column, cells);
        });
    }
}

/// `"gpu.temp":[1,5]`.
pub(super) fn write_failed_column(out: &mut Vec<u8>, table: &str, column: &str, cells: &[f64]) {
    key(out, &format!("{table}.{column}"));
    json::list(out, failed(cells), |out, row| json::integer(out, row as u64));
}

/// `{"util":[63,null]}`.
pub(super) fn write_table(out: &mut Vec<u8>, table: &Table) {
    out.push(b'{');
    separated(out, &table.columns, |out, Column { name, cells }| {
        key(out, name);
        match cells {
            Cells::Numbers(cells) => json::list(out, cells, |out, cell| write_cell(out, *cell)),
            Cells::Texts(cells) => json::strings(out, cells.iter()),
        }
    });
    out.push(b'}');
}

/// A number; whatever is none is `null`.
pub(super) fn write_cell(out: &mut Vec<u8>, cell: f64) {
    if cell.is_finite() {
        json::number(out, cell);
    } else {
        out.extend_from_slice(b"null");
    }
}

/// `"name":`.
pub(super) fn key(out: &mut Vec<u8>, name: &str) {
    json::string(out, name);
    out.push(b':');
}

/// Each item, with commas between.
pub(super) fn separated<T>(
    out: &mut Vec<u8>,
    all: impl IntoIterator<Item = T>,
    mut one: impl FnMut(&mut Vec<u8>, T),
) {
    for (at, item) in all.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        one(out, item);
    }
}

fn as_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

fn funnel(occupancy: &Occupancy, gpu: &Table) -> Funnel {
    let parts = occupancy.total.unwrap_or(Parts::NONE);
    let of = |state: usize| parts.of[state];
    let wasted = [state::ALLOCATED, state::IDLE, state::HELD, state::STALE].map(of).iter().sum();
    let (active, starting, unknown) = (of(state::ACTIVE), of(state::STARTING), of(state::UNKNOWN));
    let figure = |value: f64| rounded(value, 3);
    let sum = |name| values(gpu, name).reduce(|a, b| a + b);
    Funnel {
        total: occupancy.gpus.len(),
        allocated: figure(active + wasted + starting + unknown),
        active: figure(active),
        effective: figure(parts.effective),
        low: figure((active - parts.effective).max(0.0)),
        wasted: figure(wasted),
        starting: figure(starting),
        unknown: figure(unknown),
        free: figure(of(state::FREE)),
        down: figure(of(state::DOWN)),
        gone: occupancy.gone,
        util: mean(values(gpu, "util")).map(|mean| rounded(mean, 1)),
        mem_used_mib: sum("mem_mib"),
        mem_total_mib: sum("mem_total_mib"),
        power_w: sum("power").map(|watts| rounded(watts, 1)),
    }
}

/// The values of a column.
fn values<'a>(table: &'a Table, name: &str) -> impl Iterator<Item = f64> + 'a {
    let column = table.columns.iter().find(|column| column.name == name);
    let cells = column.map_or(&[][..], |column| match &column.cells {
        Cells::Numbers(cells) => cells,
        Cells::Texts(_) => &[],
    });
    cells.iter().copied().filter(|cell| cell.is_finite())
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then_some(sum / count)
}

/// `2026-11-22T05:03:07Z`, after Hinnant's `civil_from_days`.
fn rfc3339(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_323_787_999), "2026-11-22T05:03:07Z");
        assert_eq!(rfc3339(951_782_400_000), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
    }
}
