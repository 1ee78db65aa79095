//! Tables on a terminal: no borders, two blanks between columns, fitted to a width.
//!
//! Widths are counted in cells of the terminal, so a Korean character counts double. Text of
//! others (commands, names) is shown with its control characters made visible: it can neither break
//! a line nor drive the terminal.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Blanks between two columns.
const GAP: usize = 2;

/// One column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its head.
    pub(crate) head: &'static str,
    /// Which way its cells lean.
    pub(crate) right: bool,
    /// How far it may be cut where the table is too wide; `None` is never.
    pub(crate) least: Option<usize>,
}

/// One cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    /// Its text, not yet made visible.
    pub(crate) text: String,
    /// Its colour, where colours are shown.
    pub(crate) colour: Colour,
}

/// The few colours of a terminal that carry a meaning here; each stands beside a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Colour {
    #[default]
    Plain,
    Dim,
    Good,
    Warning,
    Critical,
    Unknown,
}

impl Colour {
    /// The SGR code. Cyan, yellow, red and magenta keep apart for colour-blind eyes where green,
    /// amber and red do not.
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "2",
            Self::Good => "36",
            Self::Warning => "33",
            Self::Critical => "1;31",
            Self::Unknown => "35",
        }
    }

    /// The text in this colour.
    pub(crate) fn paint(self, text: &str, coloured: bool) -> String {
        if coloured && self != Self::Plain {
            format!("\x1b[{}m{text}\x1b[0m", self.code())
        } else {
            text.to_owned()
        }
    }
}

/// How a table is to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    /// Cells of the terminal from left to right; `None` does not cut.
    pub(crate) width: Option<usize>,
    /// Whether the heads are printed.
    pub(crate) heads: bool,
    /// Whether colours are shown.
    pub(crate) coloured: bool,
}

/// The table, each line ended.
pub(crate) fn render(columns: &[Column], rows: &[Vec<Cell>], look: Look) -> String {
    let shown: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| visible(&cell.text)).collect()).collect();
    let widths = fit(columns, natural(columns, &shown, look.heads), look.width);
    let mut out = String::new();
    if look.heads {
        let heads = columns.iter().map(|column| (column.head, Colour::Plain));
        push_line(&mut out, columns, &widths, heads, false);
    }
    for (row, texts) in rows.iter().zip(&shown) {
        let cells = texts.iter().zip(row).map(|(text, cell)| (text.as_str(), cell.colour));
        push_line(&mut out, columns, &widths, cells, look.coloured);
    }
    out
}

fn natural(columns: &[Column], rows: &[Vec<String>], heads: bool) -> Vec<usize> {
    columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = rows.iter().filter_map(|row| row.get(index)).map(|text| text.width());
            let head = if heads { column.head.len() } else { 0 };
            cells.max().unwrap_or(0).max(head)
        })
        .collect()
}

/// Take cells from the widest column that may give, until the line fits or none may.
fn fit(columns: &[Column], mut widths: Vec<usize>, limit: Option<usize>) -> Vec<usize> {
    let Some(limit) = limit else { return widths };
    let gaps = GAP * columns.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
    while excess > 0 {
        let widest = (0..columns.len())
            .filter(|&index| columns[index].least.is_some_and(|least| widths[index] > least))
            .max_by_key(|&index| widths[index]);
        let Some(index) = widest else { break };
        widths[index] -= 1;
        excess -= 1;
    }
    widths
}

fn push_line<'a>(
    out: &mut String,
    columns: &[Column],
    widths: &[usize],
    cells: impl Iterator<Item = (&'a str, Colour)>,
    coloured: bool,
) {
    let mut line = String::new();
    // Blanks are owed, not written, so that no line ends in them.
    let mut owed = 0;
    for ((column, &width), (text, colour)) in columns.iter().zip(widths).zip(cells) {
        let text = cut(text, width);
        let fill = width.saturating_sub(text.width());
        let (before, after) = if column.right { (fill, 0) } else { (0, fill) };
        if !text.is_empty() {
            let _ = write!(line, "{:1$}{2}", "", owed + before, colour.paint(&text, coloured));
            owed = after + GAP;
        } else {
            owed += width + GAP;
        }
    }
    out.push_str(&line);
    out.push('\n');
}

/// The text in at most `width` cells, ended by `…` where it was cut.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut cells = 0;
    for char in text.chars() {
        cells += char.width().unwrap_or(0);
        if cells >= width {
            break;
        }
        kept.push(char);
    }
    kept.truncate(kept.trim_end().len());
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// The text with everything that is not a visible character written as an escape: control
/// characters, and the invisible ones that reorder or hide text.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if char.is_control() || is_invisible(char) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(char));
            }
            _ => out.push(char),
        }
    }
    out
}

/// Soft hyphen, zero-width characters, line and paragraph separators, and the marks that turn the
/// direction of writing.
const fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests;
