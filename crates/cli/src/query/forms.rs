//! An answer as text: a table or chart for people, JSON, CSV or the text format for programs.

use std::fmt::Write as _;

use model::metric::Unit;
use serde::Serialize;

use super::answer::{Answer, Series};
use super::chart::{Span, bars, chart, colour};
use super::figure::{Figures, short, unit_of};
use super::{SCHEMA_VERSION, legend};
use crate::moment;
use crate::output::csv_cell;
use crate::table::{Cell, Colour, Column, Look, render};

/// Series in a chart's list where not all are asked for.
const SHOWN: usize = 20;
/// Lines in one picture: more cannot be told apart.
const MOST_LINES: usize = 8;
/// Cells of a line of bars in the list.
const BARS: usize = 24;

/// How a table is to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form<'a> {
    pub(crate) query: &'a str,
    /// Unix seconds that the range goes over; `None` for an instant.
    pub(crate) range: Option<(f64, f64)>,
    pub(crate) look: Look,
    /// Cells of the terminal.
    pub(crate) width: usize,
    /// Whether every series is listed.
    pub(crate) wide: bool,
}

/// The table of an instant, or the chart of a range.
pub(crate) fn table(answer: &Answer, form: Form<'_>) -> String {
    match (form.range, answer.kind.as_str()) {
        (Some(range), "matrix") => drawn(answer, form, range),
        (_, "scalar" | "string") => {
            answer.series[0].points().iter().map(|(_, value)| format!("{value}\n")).collect()
        }
        _ => listed(answer, form),
    }
}

/// Every label that differs is a column; a range vector of an instant has a row per sample.
fn listed(answer: &Answer, form: Form<'_>) -> String {
    let series = &answer.series;
    let names = legend::differing(series);
    let with_times = answer.kind == "matrix";
    let column = |right, least| Column { head: "", right, least };
    let mut columns = vec![column(false, Some(8)); names.len()];
    columns.push(column(true, None));
    columns.push(column(false, None));
    // Heads are names of labels, known only now: they are the first row.
    let mut rows = Vec::new();
    if form.look.heads {
        let of_samples = ["VALUE", if with_times { "TIME" } else { "" }];
        rows.push(names.iter().map(|name| head(name)).chain(of_samples).map(cell_of).collect());
    }
    for of in series {
        for (time, value) in of.points() {
            let mut row: Vec<Cell> = names.iter().map(|name| cell(of.metric.get(*name))).collect();
            row.push(plain(value.clone()));
            row.push(plain(if with_times { moment_of(*time) } else { String::new() }));
            rows.push(row);
        }
    }
    common_line(series, &names, form.look.coloured)
        + &render(&columns, &rows, Look { heads: false, ..form.look })
}

fn head(name: &str) -> &str {
    if name == "__name__" { "METRIC" } else { name }
}

fn cell_of(text: &str) -> Cell {
    plain(text.to_owned())
}

fn cell(value: Option<&String>) -> Cell {
    match value {
        Some(value) => plain(value.clone()),
        None => Cell { text: "-".to_owned(), colour: Colour::Dim },
    }
}

fn plain(text: String) -> Cell {
    Cell { text, colour: Colour::Plain }
}

/// What all series have in common, once.
fn common_line(series: &[Series], differing: &[&str], coloured: bool) -> String {
    let common = legend::common(series, differing);
    if common.is_empty() {
        return String::new();
    }
    let text = crate::table::visible(&legend::spelled(&common));
    format!("{}\n", Colour::Dim.paint(&text, coloured))
}

fn drawn(answer: &Answer, form: Form<'_>, (from, to): (f64, f64)) -> String {
    let series = &answer.series;
    let unit = unit_of(form.query);
    let names = legend::differing(series);
    let mut out = common_line(series, &names, form.look.coloured);
    let shown = &series[..series.len().min(if form.wide { usize::MAX } else { SHOWN })];
    let Some(span) = Span::of(shown, from, to) else {
        out.push_str(&listed(answer, form));
        return out;
    };
    let lines = &shown[..shown.len().min(MOST_LINES)];
    // Without colours lines in one picture cannot be told apart: bars in the list tell them.
    let one_picture = form.look.coloured || series.len() == 1;
    if one_picture {
        out.push_str(&chart(lines, span, unit, form.width, form.look.coloured));
    }
    out.push_str(&list(shown, &names, span, unit, one_picture, form.look));
    if shown.len() < series.len() {
        let _ = writeln!(out, "{} more series: --wide lists them", series.len() - shown.len());
    }
    out
}

fn list(
    series: &[Series],
    names: &[&str],
    span: Span,
    unit: Unit,
    one_picture: bool,
    look: Look,
) -> String {
    let right = |head| Column { head, right: true, least: None };
    let mut columns = vec![Column { head: "SERIES", right: false, least: Some(12) }];
    let with_bars = series.len() > 1;
    if with_bars {
        columns.push(Column { head: "", right: false, least: Some(8) });
    }
    columns.extend([right("MIN"), right("AVG"), right("MAX"), right("LAST")]);
    let rows: Vec<Vec<Cell>> = series
        .iter()
        .enumerate()
        .map(|(number, of)| {
            let name = legend::of(of, names);
            let name = if names.is_empty() { "value".to_owned() } else { name };
            let in_picture = one_picture && number < MOST_LINES;
            let painted = if in_picture { colour(number) } else { Colour::Plain };
            let mut row = vec![Cell { text: name, colour: painted }];
            if with_bars {
                row.push(Cell { text: bars(of.points(), span, BARS), colour: painted });
            }
            row.extend(figures(of, unit));
            row
        })
        .collect();
    render(&columns, &rows, look)
}

fn figures(series: &Series, unit: Unit) -> [Cell; 4] {
    match Figures::of(series.points()) {
        Some(of) => [of.min, of.mean, of.max, of.last].map(|value| plain(short(value, unit))),
        None => std::array::from_fn(|_| cell(None)),
    }
}

fn moment_of(seconds: f64) -> String {
    let whole = model::Timestamp::from_secs(whole(seconds));
    let text = moment::iso(whole);
    let ms = (seconds.rem_euclid(1.0) * 1000.0).round();
    if ms == 0.0 { text } else { format!("{}.{ms:03}Z", text.trim_end_matches('Z')) }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of this era; `as` saturates")]
fn whole(seconds: f64) -> i64 {
    seconds.floor() as i64
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    query: &'a str,
    result_type: &'a str,
    result: &'a [Series],
}

/// One document: series as Prometheus's API gives them.
pub(crate) fn json(answer: &Answer, query: &str) -> serde_json::Result<String> {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        query,
        result_type: &answer.kind,
        result: &answer.series,
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// One object per series.
pub(crate) fn jsonl(answer: &Answer) -> serde_json::Result<String> {
    let mut out = String::new();
    for series in &answer.series {
        out.push_str(&serde_json::to_string(series)?);
        out.push('\n');
    }
    Ok(out)
}

/// One line per sample: all labels, then time and value.
pub(crate) fn csv(answer: &Answer, heads: bool) -> String {
    let mut names: Vec<&str> =
        answer.series.iter().flat_map(|of| of.metric.keys().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    let mut out = String::new();
    if heads {
        let all = names.iter().copied().chain(["time", "value"]);
        out.push_str(&all.map(csv_cell).collect::<Vec<_>>().join(","));
        out.push('\n');
    }
    for of in &answer.series {
        let labels: Vec<String> =
            names.iter().map(|name| csv_cell(of.metric.get(*name).map_or("", |v| v))).collect();
        for (time, value) in of.points() {
            let cells = labels.iter().cloned().chain([moment_of(*time), csv_cell(value)]);
            out.push_str(&cells.collect::<Vec<_>>().join(","));
            out.push('\n');
        }
    }
    out
}

/// Prometheus's text format, each sample with its time in ms.
pub(crate) fn prom(answer: &Answer) -> String {
    let mut out = String::new();
    for of in &answer.series {
        let name = of.metric.get("__name__").map_or("query_result", |name| name);
        let labels: Vec<String> = of
            .metric
            .iter()
            .filter(|(label, _)| *label != "__name__")
            .map(|(label, value)| format!("{label}=\"{}\"", legend::escaped(value)))
            .collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        for (time, value) in of.points() {
            let _ = writeln!(out, "{name}{labels} {value} {}", whole(time * 1000.0));
        }
    }
    out
}

#[cfg(test)]
mod tests;
