//! The field list: which device metrics are printed, under which names, types and help texts.
//!
//! It is read from a CSV file as dcgm-exporter has it, or is the built-in one. A list replaces the
//! built-in one and never adds to it. Here a text becomes a list; where the text comes from and when
//! it is read again is [`source`]'s.

mod csv;
pub(crate) mod source;

use std::cmp::Ordering;
use std::fmt;

use gpu::metrics::{self, NO_FIELD, Origin, ROWS, RowSet};
use model::metric::Kind;

use csv::Record;

/// Rows that are read of one file; NVIDIA's longest has 160.
const MOST_ROWS: usize = 4096;
/// Warnings that are kept in full; the rest is only counted.
const MOST_FAULTS: usize = 50;
/// A longer help text is cut: it stands on the page of every scrape.
const LONGEST_HELP: usize = 1024;

/// What is printed of the devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldList {
    /// In the order of printing: by field number, then by name.
    entries: Vec<Listed>,
    rows: RowSet,
    faults: Vec<RowFault>,
    counts: [u64; RESULTS.len()],
}

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Number of the field.
    pub number: u16,
    /// Name of the family, or of the label.
    pub name: Box<str>,
    /// Its type.
    pub kind: ListedKind,
    /// Printed as it stands.
    pub help: Box<str>,
    /// Where in [`ROWS`] it is read; `None`: gpulse does not read it.
    pub place: Option<usize>,
    /// Who has it.
    pub origin: Origin,
}

/// The type that a row gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word in the file")]
pub enum ListedKind {
    Gauge,
    Counter,
    Histogram,
    Summary,
    Label,
}

impl ListedKind {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "gauge" => Self::Gauge,
            "counter" => Self::Counter,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            "label" => Self::Label,
            _ => return None,
        })
    }

    /// As printed behind TYPE. A plain sample under the other two breaks strict parsers.
    #[must_use]
    pub const fn printed(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram | Self::Summary | Self::Label => "untyped",
        }
    }
}

/// What became of a row: the label values of `gpulse_collector_rows`.
const RESULTS: [&str; 5] = ["listed", "repeated", "malformed", "unknown_field", "unknown_type"];

/// Why a row of a file is not printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Line of the file, from 1.
    pub line: usize,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Repeated(Box<str>),
    Malformed(&'static str),
    Fields(usize),
    UnknownField(Box<str>),
    UnknownType(Box<str>),
}

impl RowFault {
    /// Whether it is a fault to stop for: that a name stands twice is none, NVIDIA's files do it.
    #[must_use]
    pub const fn is_grave(&self) -> bool {
        !matches!(self.why, Why::Repeated(_))
    }

    const fn result(&self) -> usize {
        match self.why {
            Why::Repeated(_) => 1,
            Why::Malformed(_) | Why::Fields(_) => 2,
            Why::UnknownField(_) => 3,
            Why::UnknownType(_) => 4,
        }
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.why {
            Why::Repeated(name) => write!(f, "{name} is listed already, the first row counts"),
            Why::Malformed(what) => f.write_str(what),
            Why::Fields(count) => {
                write!(
                    f,
                    "{count} fields; a row is `name, type, help`, help with a comma in quotes"
                )
            }
            Why::UnknownField(name) => write!(f, "no field of DCGM is called `{name}`"),
            Why::UnknownType(word) => {
                write!(f, "`{word}` is no type; one of gauge, counter, histogram, summary, label")
            }
        }
    }
}

impl FieldList {
    /// The list that serves where none is given.
    #[must_use]
    pub fn built_in() -> Self {
        let entries = RowSet::BUILT_IN.places().map(|place| {
            let row = &ROWS[place];
            Listed {
                number: row.field,
                name: row.metric.name.into(),
                kind: match row.metric.kind {
                    Kind::Counter => ListedKind::Counter,
                    Kind::Label => ListedKind::Label,
                    Kind::Gauge | Kind::Histogram => ListedKind::Gauge,
                },
                help: row.metric.help.into(),
                place: Some(place),
                origin: Origin::Nvml,
            }
        });
        Self::of(entries.collect(), Vec::new(), [0; RESULTS.len()])
    }

    /// Read a list. Rows that make no sense are left out and named.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (mut entries, mut faults) = (Vec::<Listed>::new(), Vec::new());
        let mut counts = [0; RESULTS.len()];
        for Record { line, row } in csv::records(text).take(MOST_ROWS) {
            let known = |name: &str| entries.iter().any(|entry| &*entry.name == name);
            match row.map_err(Why::Malformed).and_then(|fields| listed(&fields, known)) {
                Ok(entry) => {
                    counts[0] += 1;
                    entries.push(entry);
                }
                Err(why) => {
                    let fault = RowFault { line, why };
                    counts[fault.result()] += 1;
                    if faults.len() < MOST_FAULTS {
                        faults.push(fault);
                    }
                }
            }
        }
        Self::of(entries, faults, counts)
    }

    fn of(mut entries: Vec<Listed>, faults: Vec<RowFault>, mut counts: [u64; 5]) -> Self {
        entries.sort_by(order);
        let rows = entries.iter().fold(RowSet::EMPTY, |rows, entry| rows.and(inputs(entry)));
        counts[0] = entries.len() as u64;
        Self { entries, rows, faults, counts }
    }

    /// In the order of printing.
    #[must_use]
    pub fn entries(&self) -> &[Listed] {
        &self.entries
    }

    /// What must be read for it.
    #[must_use]
    pub const fn rows(&self) -> RowSet {
        self.rows
    }

    /// Rows that are not printed, with the line of each.
    #[must_use]
    pub fn faults(&self) -> &[RowFault] {
        &self.faults
    }

    /// How many rows came to what.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        RESULTS.into_iter().zip(self.counts)
    }

    /// Whether that row of [`ROWS`] is printed.
    #[must_use]
    pub fn lists(&self, number: u16) -> bool {
        self.entries.iter().any(|entry| entry.number == number)
    }
}

fn order(a: &Listed, b: &Listed) -> Ordering {
    a.number.cmp(&b.number).then_with(|| a.name.cmp(&b.name))
}

fn listed(fields: &[String], known: impl Fn(&str) -> bool) -> Result<Listed, Why> {
    let [name, kind, help] = fields else { return Err(Why::Fields(fields.len())) };
    let field =
        metrics::field_named(name).ok_or_else(|| Why::UnknownField(shortened(name).into()))?;
    let kind = ListedKind::named(kind).ok_or_else(|| Why::UnknownType(shortened(kind).into()))?;
    if known(name) {
        return Err(Why::Repeated(name.as_str().into()));
    }
    let place = match field.number {
        NO_FIELD => metrics::position(name),
        number => metrics::position_of_field(number),
    };
    Ok(Listed {
        number: field.number,
        name: name.as_str().into(),
        kind,
        help: cut(help, LONGEST_HELP).into(),
        place,
        origin: field.origin,
    })
}

/// Enough of a wrong word to find it again.
fn shortened(word: &str) -> &str {
    cut(word, 80)
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

/// The row itself, and what a row that is made needs to be made of.
fn inputs(entry: &Listed) -> RowSet {
    let own = entry.place.map_or(RowSet::EMPTY, |place| RowSet::EMPTY.with(place));
    let of: &[u16] = match entry.number {
        NO_FIELD => &crate::page::WEIGHTED_INPUTS,
        crate::page::CLOCK_EVENTS => &crate::page::CLOCK_EVENT_INPUTS,
        _ => &[],
    };
    let places = of.iter().filter_map(|field| metrics::position_of_field(*field));
    places.fold(own, RowSet::with)
}

#[cfg(test)]
mod tests;
