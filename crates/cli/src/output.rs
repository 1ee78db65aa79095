//! Where output goes and in which form: data on stdout, messages on stderr, nothing else.

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;

use crate::table::Look;

/// Width of sentences where there is no terminal to ask.
const USUAL_WIDTH: usize = 80;

/// The form of the data on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns for people.
    #[default]
    Table,
    /// One JSON document with `schema_version`.
    Json,
    /// One JSON object per row.
    Jsonl,
    /// Comma-separated, with a head line.
    Csv,
    /// Prometheus text format.
    Prom,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set; anywhere with `CLICOLOR_FORCE`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The options of every command that prints a table.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Form of the output.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
    /// Short for `--output json`.
    #[arg(long, conflicts_with = "output")]
    json: bool,
    /// Columns to print, in this order, comma-separated (table, csv).
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
    /// Leave out the line with the column names (table, csv).
    #[arg(long)]
    pub(crate) no_headers: bool,
    /// Print every column at full width.
    #[arg(long)]
    pub(crate) wide: bool,
    /// When to colour the table.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    color: When,
}

impl OutputArgs {
    /// The form asked for.
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }

    /// How tables are to look on stdout.
    pub(crate) fn look(&self) -> Look {
        Look {
            width: if self.wide { None } else { known_width() },
            heads: !self.no_headers,
            coloured: is_coloured(self.color),
        }
    }
}

/// Whether stdout is shown with colours.
pub(crate) fn is_coloured(when: When) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|v| !v.is_empty() && v != "0");
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if is_set("NO_COLOR") => false,
        When::Auto if forced => true,
        When::Auto => io::stdout().is_terminal() && std::env::var_os("TERM") != Some("dumb".into()),
    }
}

/// Width of the terminal; `COLUMNS` where there is none, else 80.
pub(crate) fn terminal_width() -> usize {
    known_width().unwrap_or(USUAL_WIDTH)
}

/// Width of the terminal; `COLUMNS` where there is none. A pipe or a file has none.
fn known_width() -> Option<usize> {
    let of_terminal = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col);
    let of_environment = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    of_terminal
        .filter(|&columns| columns > 0)
        .or_else(of_environment)
        .map(|columns: u16| usize::from(columns))
}

/// Rows of the terminal, where there is one.
pub(crate) fn terminal_rows() -> Option<usize> {
    let rows = rustix::termios::tcgetwinsize(io::stdout()).ok()?.ws_row;
    Some(usize::from(rows)).filter(|&rows| rows > 1)
}

/// A cell of CSV, quoted as RFC 4180 says.
pub(crate) fn csv_cell(value: &str) -> String {
    if value.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}

/// Print data.
///
/// # Errors
/// Stdout is closed or its disk is full.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Say something to the person. A closed stderr is no reason to stop.
pub(crate) fn say(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}
