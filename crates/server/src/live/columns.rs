//! The columns of the tables: what each cell is made of. Units and meanings are those of
//! `docs/formats/snapshot.md`.

use super::feed::{
    DEVICE_UP, DRAM_ACTIVE, ECC_DBE, ECC_SBE, FB_FREE, FB_RESERVED, FB_TOTAL, FB_USED, FEEDS,
    GPU_TEMP, GPU_UTIL, GR_ACTIVE, MEM_CLOCK, MEM_COPY_UTIL, MEMORY_TEMP, NVLINK, PCIE_RX, PCIE_TX,
    POWER_LIMIT, POWER_USAGE, REMAP_FAILURE, REMAPPED_CORRECTED, REMAPPED_UNCORRECTED,
    SESSION_LAST_USE, SESSION_MEMORY, SESSION_START, SESSION_UTIL, SHUTDOWN_TEMP, SLOWDOWN_TEMP,
    SM_ACTIVE, SM_CLOCK, TENSOR_ACTIVE, WEIGHTED_UTIL, XID_ERRORS,
};
use super::fleet::{Fleet, WINDOW_MS};
use super::known::{Entity, NOWHERE, Session};
use super::layout::{Layout, node_of};
use super::occupancy::{Occupancy, share, slices};
use super::state;
use super::table::{FAILED, NULL, Table, optional, rounded, scaled};

/// Bytes of a MiB.
const MIB: f64 = 1_048_576.0;

/// What columns are made from.
pub(super) struct View<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) layout: &'a Layout,
    pub(super) occupancy: &'a Occupancy,
}

/// A cell of the table `gpu`, by row.
type GpuCell = fn(&View<'_>, usize) -> f64;

const GPU_COLUMNS: &[(&str, GpuCell)] = &[
    ("node", |view, row| view.gpu(row, |of| number(node_of(view.fleet, of)))),
    ("index", |view, row| view.gpu(row, |of| f64::from(of.index))),
    ("model", |view, row| view.gpu(row, |of| number(of.model))),
    ("driver", |view, row| view.gpu(row, |of| number(of.driver))),
    ("state", |view, row| small(view.occupancy.gpus[row].state)),
    ("problem", |view, row| view.gpu(row, |of| problem(view.fleet, of))),
    ("holder", |view, row| f64::from(view.occupancy.gpus[row].holder)),
    ("sessions", |view, row| f64::from(view.occupancy.gpus[row].sessions)),
    ("share_effective", |view, row| null_if_nan(rounded(view.occupancy.gpus[row].effective, 3))),
    ("util", util),
    ("mem_util", |view, row| view.card(row, MEM_COPY_UTIL, 1.0, 1)),
    ("mem_mib", |view, row| view.sum(row, FB_USED, memory_used)),
    ("mem_total_mib", |view, row| view.sum(row, FB_TOTAL, memory_total)),
    ("temp", |view, row| view.card(row, GPU_TEMP, 1.0, 0)),
    ("mem_temp", |view, row| view.card(row, MEMORY_TEMP, 1.0, 0)),
    ("temp_slowdown", |view, row| view.card(row, SLOWDOWN_TEMP, 1.0, 0)),
    ("temp_shutdown", |view, row| view.card(row, SHUTDOWN_TEMP, 1.0, 0)),
    ("power", |view, row| view.card(row, POWER_USAGE, 1.0, 1)),
    ("power_limit", |view, row| view.card(row, POWER_LIMIT, 1.0, 1)),
    ("gr", |view, row| view.profiled(row, GR_ACTIVE)),
    ("sm", |view, row| view.profiled(row, SM_ACTIVE)),
    ("tensor", |view, row| view.profiled(row, TENSOR_ACTIVE)),
    ("dram", |view, row| view.profiled(row, DRAM_ACTIVE)),
    ("sm_clock", |view, row| view.card(row, SM_CLOCK, 1.0, 0)),
    ("mem_clock", |view, row| view.card(row, MEM_CLOCK, 1.0, 0)),
    ("pcie_tx", |view, row| view.card(row, PCIE_TX, 1e-6, 1)),
    ("pcie_rx", |view, row| view.card(row, PCIE_RX, 1e-6, 1)),
    ("nvlink", |view, row| view.card(row, NVLINK, 1.0, 1)),
    ("xid", |view, row| view.gpu(row, |of| xid(view, of, view.layout.gpus[row]).0)),
    ("xid_at", |view, row| view.gpu(row, |of| xid(view, of, view.layout.gpus[row]).1)),
    ("ecc_corrected", |view, row| view.card(row, ECC_SBE, 1.0, 0)),
    ("ecc_uncorrected", |view, row| view.card(row, ECC_DBE, 1.0, 0)),
    ("remapped_corrected", |view, row| view.card(row, REMAPPED_CORRECTED, 1.0, 0)),
    ("remapped_uncorrected", |view, row| view.card(row, REMAPPED_UNCORRECTED, 1.0, 0)),
    ("remap_failure", |view, row| view.card(row, REMAP_FAILURE, 1.0, 0)),
    ("slices", |view, row| {
        let shown = |of: &Entity| if of.slices > 0 { f64::from(of.slices) } else { NULL };
        view.gpu(row, shown)
    }),
    ("seen", |view, row| view.gpu(row, |of| seconds(of.seen))),
];

const MIG_COLUMNS: &[(&str, GpuCell)] = &[
    ("gpu", |view, row| small(view.layout.migs[row].gpu)),
    ("gi", |view, row| view.instance(row, |of| f64::from(of.gi))),
    ("ci", |view, row| {
        let compute = view.layout.migs[row].compute;
        optional(compute.and_then(|of| view.fleet.entities.get(of)).map(|of| f64::from(of.ci)))
    }),
    ("profile", |view, row| view.instance(row, |of| number(of.profile))),
    ("slices", |view, row| {
        view.instance(row, |of| optional(slices(view.fleet, of.profile).map(f64::from)))
    }),
    ("share", |view, row| {
        let mig = view.layout.migs[row];
        rounded(share(view.fleet, view.layout.gpus[mig.gpu], mig), 6)
    }),
    ("state", |view, row| small(view.occupancy.migs[row].state)),
    ("holder", |view, row| f64::from(view.occupancy.migs[row].holder)),
    ("sessions", |view, row| f64::from(view.occupancy.migs[row].sessions)),
    ("util", |view, row| scaled(view.of_instance(row, GR_ACTIVE), 100.0, 1)),
    ("mem_mib", |view, row| {
        let used = memory_used(view.fleet, view.layout.migs[row].instance);
        used.map_or_else(|| view.lacking(row, FB_USED), |mib| rounded(mib, 0))
    }),
    ("mem_total_mib", |view, row| {
        let total = memory_total(view.fleet, view.layout.migs[row].instance);
        total.map_or_else(|| view.lacking(row, FB_TOTAL), |mib| rounded(mib, 0))
    }),
    ("gr", |view, row| rounded(view.of_instance(row, GR_ACTIVE), 3)),
    ("sm", |view, row| rounded(view.of_instance(row, SM_ACTIVE), 3)),
    ("tensor", |view, row| rounded(view.of_instance(row, TENSOR_ACTIVE), 3)),
    ("dram", |view, row| rounded(view.of_instance(row, DRAM_ACTIVE), 3)),
    ("xid", |view, row| view.instance(row, |of| xid(view, of, view.layout.migs[row].instance).0)),
    ("xid_at", |view, row| {
        view.instance(row, |of| xid(view, of, view.layout.migs[row].instance).1)
    }),
];

/// A cell of the table `session`.
type SessionCell = fn(&View<'_>, usize, &Session) -> f64;

const SESSION_COLUMNS: &[(&str, SessionCell)] = &[
    ("gpu", |view, row, _| small(view.occupancy.sessions[row].gpu)),
    ("mig", |view, row, _| optional(view.occupancy.sessions[row].mig.map(small))),
    ("node", |view, row, _| {
        view.gpu(view.occupancy.sessions[row].gpu, |of| number(node_of(view.fleet, of)))
    }),
    ("pid", |_, _, of| optional(of.pid.map(f64::from))),
    ("kind", |_, _, of| number(of.kind)),
    ("type", |_, _, of| number(of.context)),
    ("holder", |_, _, of| f64::from(of.holder)),
    ("user", |_, _, of| f64::from(of.user)),
    ("namespace", |_, _, of| f64::from(of.namespace)),
    ("pod", |_, _, of| f64::from(of.pod)),
    ("container", |_, _, of| f64::from(of.container)),
    ("workload", |_, _, of| f64::from(of.workload)),
    ("command", |_, _, of| f64::from(of.command)),
    ("slurm_job", |_, _, of| f64::from(of.slurm_job)),
    ("finding", |_, _, of| f64::from(of.finding)),
    ("since", |view, row, _| view.session(row, SESSION_START, 1.0, 2)),
    ("exact", |_, _, of| f64::from(u8::from(of.exact))),
    ("mem_mib", |view, row, _| view.session(row, SESSION_MEMORY, 1.0 / MIB, 7)),
    ("util", |view, row, _| view.session(row, SESSION_UTIL, 100.0, 1)),
    ("idle_s", idle_seconds),
    ("state", |view, row, _| f64::from(view.occupancy.sessions[row].state)),
];

impl View<'_> {
    /// The table `gpu`.
    pub(super) fn gpu_table(&self) -> Table {
        let mut table = self.layout.gpu_texts.clone();
        for (name, cell) in GPU_COLUMNS {
            table.numbers(name, (0..self.layout.gpus.len()).map(|row| cell(self, row)).collect());
        }
        table
    }

    /// The table `mig`.
    pub(super) fn mig_table(&self) -> Table {
        let mut table = self.layout.mig_texts.clone();
        for (name, cell) in MIG_COLUMNS {
            table.numbers(name, (0..self.layout.migs.len()).map(|row| cell(self, row)).collect());
        }
        table
    }

    /// The table `session`.
    pub(super) fn session_table(&self) -> Table {
        let sessions: Vec<(usize, &Session)> = self
            .occupancy
            .sessions
            .iter()
            .enumerate()
            .filter_map(|(row, of)| Some((row, self.fleet.sessions.get(of.place)?)))
            .collect();
        let mut table = Table::default();
        table.texts("session", sessions.iter().map(|(_, of)| of.id.as_ref().into()).collect());
        for (name, cell) in SESSION_COLUMNS {
            table.numbers(name, sessions.iter().map(|(row, of)| cell(self, *row, of)).collect());
        }
        table
    }

    fn gpu(&self, row: usize, cell: impl Fn(&Entity) -> f64) -> f64 {
        self.fleet.entities.get(self.layout.gpus[row]).map_or(NULL, cell)
    }

    fn instance(&self, row: usize, cell: impl Fn(&Entity) -> f64) -> f64 {
        self.fleet.entities.get(self.layout.migs[row].instance).map_or(NULL, cell)
    }

    /// A reading of the physical GPU.
    fn card(&self, row: usize, feed: usize, factor: f64, decimals: i32) -> f64 {
        scaled(reading(self.fleet, feed, self.layout.gpus[row]), factor, decimals)
    }

    /// A profiled ratio; it belongs to the instances where the GPU has them.
    fn profiled(&self, row: usize, feed: usize) -> f64 {
        if self.layout.instances[row].is_empty() { self.card(row, feed, 1.0, 3) } else { NULL }
    }

    /// A reading of the GPU instance of a row of `mig`.
    fn of_instance(&self, row: usize, feed: usize) -> f64 {
        let mig = self.layout.migs[row];
        match self.fleet.value(feed, mig.instance) {
            Some(value) => value,
            None => self.lacking(row, feed),
        }
    }

    /// Why a row of `mig` has no value, as its GPU says it.
    fn lacking(&self, row: usize, feed: usize) -> f64 {
        let mig = self.layout.migs[row];
        let own = reading(self.fleet, feed, mig.instance);
        if own.to_bits() == FAILED.to_bits() { own } else { self.why(feed, mig.gpu) }
    }

    fn why(&self, feed: usize, gpu_row: usize) -> f64 {
        self.gpu(gpu_row, |of| if of.failed >> feed & 1 == 1 { FAILED } else { NULL })
    }

    /// Memory of a GPU, or the sum over its GPU instances.
    fn sum(&self, row: usize, feed: usize, of: fn(&Fleet, u32) -> Option<f64>) -> f64 {
        let mut instances: Vec<u32> = self.layout.migs[self.layout.instances[row].clone()]
            .iter()
            .map(|m| m.instance)
            .collect();
        instances.dedup();
        let summed: Option<f64> = if instances.is_empty() {
            of(self.fleet, self.layout.gpus[row])
        } else {
            instances.iter().map(|place| of(self.fleet, *place)).sum()
        };
        summed
            .map_or_else(|| reading(self.fleet, feed, self.layout.gpus[row]), |mib| rounded(mib, 0))
    }

    fn session(&self, row: usize, feed: usize, factor: f64, decimals: i32) -> f64 {
        let value = self.fleet.value(feed, self.occupancy.sessions[row].place);
        rounded(optional(value.map(|value| value * factor)), decimals)
    }
}

/// A reading of an entity: its value, or why there is none.
fn reading(fleet: &Fleet, feed: usize, place: u32) -> f64 {
    let cell = fleet.cell(feed, place);
    if let Some(value) = fleet.current(cell) {
        return value;
    }
    let Some(entity) = fleet.entities.get(place) else { return NULL };
    debug_assert!(feed < 64 && feed < FEEDS.len());
    if entity.failed >> feed & 1 == 1 {
        return FAILED;
    }
    // An exporter that does not say what its GPUs lack: what was there minutes ago is missed.
    let says = entity.lacks >> feed & 1 == 1 || fleet.value(DEVICE_UP, place).is_some();
    let missed = fleet.now.saturating_sub(cell.time) < WINDOW_MS && !fleet.is_gone(entity.target);
    if !says && missed { FAILED } else { NULL }
}

/// Of a whole GPU as the driver says it, with MIG the weighted one, else the graphics activity.
fn util(view: &View<'_>, row: usize) -> f64 {
    let place = view.layout.gpus[row];
    let own = reading(view.fleet, GPU_UTIL, place);
    if !own.is_nan() {
        return rounded(own, 1);
    }
    let weighted = view.fleet.value(WEIGHTED_UTIL, place).or_else(|| {
        if view.layout.instances[row].is_empty() {
            view.fleet.value(GR_ACTIVE, place)
        } else {
            weighted_by_share(view, row)
        }
    });
    weighted.map_or(own, |ratio| rounded(ratio * 100.0, 1))
}

/// Graphics activity of the instances by their share; `None` if one has none.
fn weighted_by_share(view: &View<'_>, row: usize) -> Option<f64> {
    let gpu = view.layout.gpus[row];
    let migs = &view.layout.migs[view.layout.instances[row].clone()];
    let one = |mig: &super::layout::MigRow| {
        Some(view.fleet.value(GR_ACTIVE, mig.instance)? * share(view.fleet, gpu, *mig))
    };
    migs.iter().map(one).sum()
}

fn memory_used(fleet: &Fleet, place: u32) -> Option<f64> {
    fleet.value(FB_USED, place)
}

/// As read, else the sum of what there is.
fn memory_total(fleet: &Fleet, place: u32) -> Option<f64> {
    fleet.value(FB_TOTAL, place).or_else(|| {
        let (used, free) = (fleet.value(FB_USED, place)?, fleet.value(FB_FREE, place)?);
        Some(used + free + fleet.value(FB_RESERVED, place).unwrap_or(0.0))
    })
}

/// Newest XID and when it came; of the GPU or one of its instances.
fn xid(view: &View<'_>, entity: &Entity, place: u32) -> (f64, f64) {
    if entity.xid.value.is_finite() {
        return (f64::from(entity.xid.extra), rounded(entity.xid.value, 0));
    }
    let code = view.fleet.value(XID_ERRORS, place).filter(|code| *code > 0.0);
    (optional(code), NULL)
}

fn problem(fleet: &Fleet, entity: &Entity) -> f64 {
    let is_now = fleet.current(entity.problem).is_some_and(|value| value > 0.0);
    if is_now { f64::from(entity.problem.extra) } else { 0.0 }
}

/// Since the last use; not while active or while use is unknown.
fn idle_seconds(view: &View<'_>, row: usize, _: &Session) -> f64 {
    let of = view.occupancy.sessions[row];
    let is_used = matches!(of.state as usize, state::ACTIVE | state::UNKNOWN);
    let last = || {
        let used = view.fleet.value(SESSION_LAST_USE, of.place);
        used.or_else(|| view.fleet.value(SESSION_START, of.place))
    };
    let since = (!is_used).then(last).flatten();
    optional(since.map(|at| (seconds(view.fleet.now) - at).max(0.0).round()))
}

/// A number of a dictionary.
fn number(number: u32) -> f64 {
    if number == NOWHERE { NULL } else { f64::from(number) }
}

fn null_if_nan(value: f64) -> f64 {
    if value.is_nan() { NULL } else { value }
}

#[expect(clippy::cast_precision_loss, reason = "rows and states are few")]
fn small(number: usize) -> f64 {
    number as f64
}

/// Milliseconds to whole seconds.
pub(super) fn seconds(ms: i64) -> f64 {
    if ms == i64::MIN {
        return NULL;
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds of this era fit 53 bits")]
    let whole = ms.div_euclid(1000) as f64;
    whole
}
