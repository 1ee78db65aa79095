//! The columns of `gpulse who`: one table from which the heads, `--columns`, the terminal's table
//! and the CSV follow.

use crate::language::Language;
use crate::moment;
use crate::output::csv_cell;
use crate::table::{Cell, Colour, Column, Look, render};

use super::{Device, Session, Who, words};

/// One column.
pub(crate) struct WhoColumn {
    /// As `--columns` names it, and as the CSV heads it.
    pub(crate) name: &'static str,
    /// Printed without being asked for.
    pub(crate) usual: bool,
    look: Column,
    cell: fn(&Row<'_>) -> Cell,
    value: fn(&Row<'_>) -> Option<String>,
}

/// What a cell is made of.
pub(crate) struct Row<'a> {
    who: &'a Who,
    device: &'a Device,
    session: Option<&'a Session>,
    language: Language,
}

/// All columns, in their order.
pub(crate) const COLUMNS: &[WhoColumn] = &[
    column(
        "node",
        false,
        left("NODE"),
        |row| optional(row.who.node_of(row.device)),
        |row| row.who.node_of(row.device).map(str::to_owned),
    ),
    column("gpu", true, left("GPU"), gpu, |row| Some(row.device.gpu.clone())),
    column(
        "uuid",
        false,
        left("UUID"),
        |row| plain(&row.device.uuid),
        |row| Some(row.device.uuid.clone()),
    ),
    column(
        "model",
        false,
        left("MODEL"),
        |row| plain(&row.device.model),
        |row| Some(row.device.model.clone()),
    ),
    column(
        "profile",
        false,
        left("PROFILE"),
        |row| optional(row.device.profile.as_deref()),
        |row| row.device.profile.clone(),
    ),
    column("who", true, cut_to("WHO", 8), who, |row| match row.session {
        Some(session) => Some(session.who.clone()),
        None => row.device.holders_without_process(),
    }),
    column(
        "kind",
        false,
        left("KIND"),
        |row| of(row, |s| Some(s.kind)),
        |row| text(row, |s| Some(s.kind)),
    ),
    column(
        "user",
        false,
        left("USER"),
        |row| of(row, |s| s.user.as_deref()),
        |row| text(row, |s| s.user.as_deref()),
    ),
    column(
        "namespace",
        false,
        left("NAMESPACE"),
        |row| of(row, |s| s.namespace.as_deref()),
        |row| text(row, |s| s.namespace.as_deref()),
    ),
    column(
        "pod",
        false,
        left("POD"),
        |row| of(row, |s| s.pod.as_deref()),
        |row| text(row, |s| s.pod.as_deref()),
    ),
    column(
        "container",
        false,
        left("CONTAINER"),
        |row| of(row, |s| s.container.as_deref()),
        |row| text(row, |s| s.container.as_deref()),
    ),
    column(
        "session",
        false,
        left("SESSION"),
        |row| of(row, |s| Some(&s.session)),
        |row| text(row, |s| Some(&s.session)),
    ),
    column("pid", true, right("PID"), pid, |row| row.session.map(|s| s.pid.to_string())),
    column(
        "type",
        false,
        left("TYPE"),
        |row| of(row, |s| Some(s.context)),
        |row| text(row, |s| Some(s.context)),
    ),
    column("command", true, cut_to("COMMAND", 8), command, |row| {
        text(row, |s| s.command.as_deref())
    }),
    column("since", true, right("SINCE"), since, |row| text(row, |s| s.since.as_deref())),
    column("memory", true, right("MEMORY"), memory, |row| {
        row.session?.memory_bytes.map(|b| b.to_string())
    }),
    column("use", true, right("USE"), utilization, |row| {
        row.session?.utilization_ratio.map(|r| r.to_string())
    }),
    column("state", true, left("STATE"), state, |row| {
        Some(row.session.map_or(row.device.state, |s| s.state).to_owned())
    }),
    column("findings", false, left("FINDINGS"), findings, |row| {
        Some(row.device.findings_of(row.session).join(" ")).filter(|names| !names.is_empty())
    }),
];

const fn column(
    name: &'static str,
    usual: bool,
    look: Column,
    cell: fn(&Row<'_>) -> Cell,
    value: fn(&Row<'_>) -> Option<String>,
) -> WhoColumn {
    WhoColumn { name, usual, look, cell, value }
}

const fn left(head: &'static str) -> Column {
    Column { head, right: false, least: None }
}

const fn right(head: &'static str) -> Column {
    Column { head, right: true, least: None }
}

const fn cut_to(head: &'static str, least: usize) -> Column {
    Column { head, right: false, least: Some(least) }
}

/// The usual columns for a fleet: the machine first.
pub(crate) fn usual_of_fleet() -> Vec<&'static WhoColumn> {
    COLUMNS.iter().filter(|column| column.usual || column.name == "node").collect()
}

/// The columns of these names, or the usual ones; with `wide`, all. Err: the name that is none.
pub(crate) fn choose(names: &[String], every: bool) -> Result<Vec<&'static WhoColumn>, String> {
    if names.is_empty() {
        return Ok(COLUMNS.iter().filter(|column| every || column.usual).collect());
    }
    names
        .iter()
        .map(|name| {
            let wanted = name.trim();
            COLUMNS.iter().find(|column| column.name == wanted).ok_or_else(|| {
                let known: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
                format!("no column is called {wanted:?}; there are {}", known.join(", "))
            })
        })
        .collect()
}

/// The table for a terminal.
pub(crate) fn table(who: &Who, columns: &[&WhoColumn], language: Language, look: Look) -> String {
    let looks: Vec<Column> = columns.iter().map(|column| column.look).collect();
    let rows: Vec<Vec<Cell>> =
        rows(who, language).map(|row| columns.iter().map(|c| (c.cell)(&row)).collect()).collect();
    render(&looks, &rows, look)
}

/// Comma-separated, quoted as RFC 4180 says; what could not be read is empty.
pub(crate) fn csv(who: &Who, columns: &[&WhoColumn], heads: bool) -> String {
    let mut out = String::new();
    if heads {
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        out.push_str(&names.join(","));
        out.push('\n');
    }
    for row in rows(who, Language::English) {
        let values: Vec<String> =
            columns.iter().map(|c| csv_cell(&(c.value)(&row).unwrap_or_default())).collect();
        out.push_str(&values.join(","));
        out.push('\n');
    }
    out
}

fn rows(who: &Who, language: Language) -> impl Iterator<Item = Row<'_>> {
    who.rows().map(move |(device, session)| Row { who, device, session, language })
}

/// What could not be read is a dash.
fn plain(text: &str) -> Cell {
    if text.is_empty() {
        return dim("-");
    }
    Cell { text: text.to_owned(), colour: Colour::Plain }
}

fn dim(text: &str) -> Cell {
    Cell { text: text.to_owned(), colour: Colour::Dim }
}

fn optional(text: Option<&str>) -> Cell {
    text.map_or_else(|| dim("-"), plain)
}

fn of<'a>(row: &Row<'a>, field: fn(&'a Session) -> Option<&'a str>) -> Cell {
    optional(row.session.and_then(field))
}

fn text<'a>(row: &Row<'a>, field: fn(&'a Session) -> Option<&'a str>) -> Option<String> {
    row.session.and_then(field).map(str::to_owned)
}

fn gpu(row: &Row<'_>) -> Cell {
    plain(&row.device.gpu)
}

fn who(row: &Row<'_>) -> Cell {
    match row.session {
        Some(session) => plain(&session.who),
        None => optional(row.device.holders_without_process().as_deref()),
    }
}

fn findings(row: &Row<'_>) -> Cell {
    let names = row.device.findings_of(row.session).join(" ");
    let colour = if names.is_empty() { Colour::Dim } else { Colour::Warning };
    let text = if names.is_empty() { "-".to_owned() } else { names };
    Cell { text, colour }
}

fn pid(row: &Row<'_>) -> Cell {
    row.session.map_or_else(|| dim("-"), |session| plain(&session.pid.to_string()))
}

fn command(row: &Row<'_>) -> Cell {
    match (&row.session, &row.device.trouble) {
        (None, Some(trouble)) => plain(&words::trouble(trouble, row.device, row.language)),
        (None, None) if row.device.holders_without_process().is_some() => {
            dim(words::held_without_process(row.language))
        }
        _ => of(row, |session| session.program.as_deref()),
    }
}

fn since(row: &Row<'_>) -> Cell {
    row.session
        .and_then(|session| session.age)
        .map_or_else(|| dim("-"), |age| plain(&moment::short(age)))
}

fn memory(row: &Row<'_>) -> Cell {
    row.session
        .and_then(|session| session.memory_bytes)
        .map_or_else(|| dim("-"), |bytes| plain(&words::memory(bytes)))
}

fn utilization(row: &Row<'_>) -> Cell {
    row.session
        .and_then(|session| session.utilization_ratio)
        .map_or_else(|| dim("-"), |ratio| plain(&format!("{:.1} %", ratio * 100.0)))
}

fn state(row: &Row<'_>) -> Cell {
    let word = match (&row.session, &row.device.trouble) {
        (None, Some(trouble)) => words::trouble_state(trouble),
        (None, None) => words::device_state(row.device.state),
        (Some(session), _) => session.state,
    };
    let colour = match word {
        "active" => Colour::Good,
        "held" | "stale" => Colour::Warning,
        "lost" | "stuck" | "gone" => Colour::Critical,
        "unknown" => Colour::Unknown,
        "idle" => Colour::Dim,
        _ => Colour::Plain,
    };
    Cell { text: words::state(word, row.language).to_owned(), colour }
}
