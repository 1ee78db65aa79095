//! What a fleet is known by: exporters, GPUs with their instances, sessions, and the link from a
//! series to one of them.

use store::SeriesRef;

/// No place: the series is about nothing that is shown.
pub(super) const NOWHERE: u32 = u32::MAX;

/// What a series is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) series: SeriesRef,
    /// Position in `FEEDS`.
    pub(super) feed: usize,
    /// A place among the entities or the sessions, or [`NOWHERE`].
    pub(super) place: u32,
    pub(super) target: u32,
    /// What the role wants to know besides: a state, an XID, a text.
    pub(super) extra: u32,
}

/// The newest sample that is about a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) value: f64,
    /// In ms; `i64::MIN` before the first.
    pub(super) time: i64,
    pub(super) target: u32,
    pub(super) extra: u32,
}

impl Cell {
    pub(super) const EMPTY: Self =
        Self { value: f64::NAN, time: i64::MIN, target: NOWHERE, extra: 0 };
}

/// An exporter: what one scrape reads.
#[derive(Debug)]
pub(super) struct Target {
    /// Newest sample of it, in ms.
    pub(super) newest: i64,
    /// Newest end of one of its series, in ms: later than `newest` where all of them ended.
    pub(super) ended: i64,
    /// Time between two of its samples, in ms, as far as seen.
    pub(super) interval: i64,
    /// The host that its series name, else its address.
    pub(super) node: u32,
    /// GPUs on the PCI bus, and GPUs that the driver shows.
    pub(super) expected: Cell,
    pub(super) present: Cell,
}

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Gpu,
    Instance,
    Compute,
}

/// A GPU, a GPU instance or a compute instance.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) level: Level,
    /// What it is a part of.
    pub(super) parent: Option<u32>,
    pub(super) uuid: Box<str>,
    pub(super) index: u32,
    pub(super) gi: u32,
    pub(super) ci: u32,
    /// As in the label `gpu`.
    pub(super) name: Box<str>,
    pub(super) pci: Box<str>,
    pub(super) serial: Box<str>,
    pub(super) mig_uuid: Box<str>,
    /// Numbers in dictionaries; [`NOWHERE`] where unknown.
    pub(super) node: u32,
    pub(super) model: u32,
    pub(super) driver: u32,
    pub(super) profile: u32,
    /// Compute slices of the GPU.
    pub(super) slices: u32,
    pub(super) problem: Cell,
    pub(super) xid: Cell,
    /// Readings that its exporter says it has not: per position of `FEEDS`, and which of them
    /// failed.
    pub(super) lacks: u64,
    pub(super) failed: u64,
    /// Newest sample of it, in ms, and whose.
    pub(super) seen: i64,
    pub(super) target: u32,
    /// Whether the newest of its series has ended.
    pub(super) ended: bool,
}

/// Who a session is; numbers of dictionaries.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: Box<str>,
    /// The device it is on, once its info was read.
    pub(super) entity: u32,
    pub(super) pid: Option<u32>,
    pub(super) kind: u32,
    pub(super) context: u32,
    pub(super) holder: u32,
    pub(super) user: u32,
    pub(super) namespace: u32,
    pub(super) pod: u32,
    pub(super) container: u32,
    pub(super) workload: u32,
    pub(super) command: u32,
    pub(super) slurm_job: u32,
    /// All that is found about it, joined by commas.
    pub(super) finding: u32,
    pub(super) exact: bool,
}
