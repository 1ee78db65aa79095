//! The metric table: every DCGM field that gpulse prints, one row each, and everything that follows
//! from it.
//!
//! A row says what the family is called and means, how its number is printed, on which level it
//! stands while MIG is on, how often it is read, and where NVML and `nvidia-smi` have it. The rows
//! are split by subject; [`ROWS`] is all of them in the order of printing.

mod board;
mod clocks;
mod errors;
mod events;
mod labels;
mod link;
mod memory;
mod names;
mod profiling;
mod row_set;
mod utilization;

use std::sync::Arc;

use model::Reading;
use model::metric::{Kind, Metric, Unit};

use crate::nvml::{Facts, Place, Probe};

pub use names::{Field, Origin, field_named, fields};
pub use row_set::RowSet;

pub(crate) use profiling::{DRAM_UTIL, GRAPHICS_UTIL, PCIE_RX, PCIE_TX, SM_UTIL, TENSOR_UTIL};

/// One metric family of a GPU.
#[derive(Debug, Clone, Copy)]
pub struct MetricRow {
    /// DCGM's number of the field; [`NO_FIELD`] for a family that DCGM does not have.
    pub field: u16,
    /// Name, kind, unit, help, labels.
    pub metric: Metric,
    /// How its number is printed.
    pub format: Format,
    /// Where it stands while MIG is on.
    pub level: Level,
    /// How often it is read.
    pub pace: Pace,
    /// Where NVML has it.
    pub(crate) nvml: Source,
    /// The `--query-gpu` field of `nvidia-smi` that yields it.
    pub smi: Option<&'static str>,
    /// Whether it is printed where no field list was given; the others are read on request.
    pub built_in: bool,
}

impl MetricRow {
    /// Whether it shows a text, which no family can have as its value.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        matches!(self.nvml, Source::Text(_) | Source::GpuText(_))
    }

    /// Whether the exporter makes it out of other rows, events or pairs.
    #[must_use]
    pub const fn is_made(&self) -> bool {
        matches!(self.nvml, Source::Made)
    }

    /// Whether it is one of the profiling rows, which need Hopper or DCGM.
    #[must_use]
    pub const fn is_profiling(&self) -> bool {
        is_profiling(self.field)
    }
}

/// Whether a field of that number comes out of profiling.
#[must_use]
pub const fn is_profiling(field: u16) -> bool {
    matches!(field, 1001..=1199)
}

/// Stands for the number of a family that is not DCGM's: such rows come last.
pub const NO_FIELD: u16 = u16::MAX;

/// The numbers by which families of dcgm-exporter's own are ordered: those that it uses inside, and
/// one more.
pub(crate) const XID_COUNT: u16 = 9001;
pub(crate) const CLOCK_EVENTS: u16 = 9002;
pub(crate) const P2P_STATUS: u16 = 9004;
pub(crate) const XID_TOTAL: u16 = 9005;

/// How a number is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Decimal digits: DCGM's integer fields.
    Integer,
    /// Exactly six decimals: DCGM's double fields.
    SixDecimals,
    /// The shortest decimal that reads back as the same number.
    Shortest,
}

/// Where a row stands while MIG is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The same on every series of the machine.
    Global,
    /// The GPU's: repeated with the parent's value on each of its instances.
    Gpu,
    /// Of the GPU alone: absent while MIG is on.
    WholeGpu,
    /// Of each GPU instance.
    GpuInstance,
}

/// How often a row is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// In every pass that asks for device values.
    Fast,
    /// Every ten seconds.
    Slow,
    /// Once per topology.
    Static,
}

/// Where NVML has a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// A text, from what is known of the GPU and of the entity.
    Text(fn(&Facts, &Place) -> Option<Arc<str>>),
    /// A text of the GPU that is only asked for on request.
    GpuText(fn(&mut Probe<'_>) -> Option<Arc<str>>),
    /// A number of the GPU, the same for all its entities.
    Gpu(fn(&mut Probe<'_>) -> Reading),
    /// A field of NVML's batched call, and what its number means.
    Field(u32, fn(u64) -> f64),
    /// The rate of both directions of one NVLink, or of [`ALL_LINKS`].
    LinkRate(u32),
    /// A number of the memory of the GPU or of the GPU instance.
    Memory(fn(&Memory) -> Reading),
    /// A GPM metric and what its number is divided by.
    Gpm { metric: u32, divisor: f64 },
    /// No reading of its own: the exporter makes it from other rows or from events.
    Made,
}

/// Scope of NVML's NVLink fields that stands for all links together.
pub(crate) const ALL_LINKS: u32 = u32::MAX;

/// Frame buffer of a GPU or of a GPU instance, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) total: u64,
    pub(crate) free: u64,
    pub(crate) used: u64,
    /// Unknown with version 1 of the call, whose `used` includes it.
    pub(crate) reserved: Option<u64>,
}

/// All rows, in order of field number, then name.
pub static ROWS: &[MetricRow] = &SORTED;

const TABLES: &[&[MetricRow]] = &[
    labels::ROWS,
    board::ROWS,
    clocks::ROWS,
    utilization::ROWS,
    memory::ROWS,
    errors::ROWS,
    link::ROWS,
    profiling::ROWS,
    events::ROWS,
];

static SORTED: [MetricRow; COUNT] = sorted();

const COUNT: usize = {
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    count
};

/// Insertion sort by field number, at compile time; no two rows share a number and no number is
/// shared with another name (a test says so).
const fn sorted() -> [MetricRow; COUNT] {
    let mut rows = [TABLES[0][0]; COUNT];
    let (mut filled, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            let new = TABLES[table][row];
            let mut place = filled;
            while place > 0 && rows[place - 1].field > new.field {
                rows[place] = rows[place - 1];
                place -= 1;
            }
            rows[place] = new;
            filled += 1;
            row += 1;
        }
        table += 1;
    }
    rows
}

/// Where in [`ROWS`] the family of that name stands.
#[must_use]
pub fn position(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.metric.name == name)
}

/// Where in [`ROWS`] the row of that DCGM field stands.
#[must_use]
pub fn position_of_field(field: u16) -> Option<usize> {
    ROWS.binary_search_by_key(&field, |row| row.field).ok()
}

/// Labels of a device sample, in the order of printing; those of an instance only on instances.
const LABELS: &[&str] =
    &["gpu", "UUID", "pci_bus_id", "device", "modelName", "GPU_I_PROFILE", "GPU_I_ID", "Hostname"];

const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, help, labels: LABELS }
}

const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit, help, labels: LABELS }
}

const fn label(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Label, unit: Unit::None, help, labels: &[] }
}

#[cfg(test)]
mod tests;
