//! The cells of one GPU: every row of the metric table on every place, read at its pace.

use std::time::Duration;

use model::{ErrorKind, Reading, Timestamp};

use super::FieldRequest;
use super::metered::Metered;
use super::nvlink::LinkRates;
use super::probe::{self, Probe};
use super::profiling::{self, Profiling};
use super::topology::Topology;
use crate::Cell;
use crate::metrics::{Level, Memory, MetricRow, Pace, ROWS, RowSet, Source, position_of_field};

/// Cells of all places, and what is needed to read the next ones.
#[derive(Debug)]
pub(crate) struct Values {
    /// One list of cells per place.
    pub(crate) cells: Vec<Vec<Cell>>,
    /// Memory in use per place, where the reserved part is known to be left out of it.
    pub(crate) used_bytes: Vec<Option<u64>>,
    links: LinkRates,
    gpm_span: Duration,
    /// The rows that are read.
    rows: RowSet,
    gpm_ids: Vec<u32>,
    /// The batched call, for the rows of every pass and for all.
    fast: Vec<FieldRequest>,
    all: Vec<FieldRequest>,
    /// No value has been read for this layout yet.
    fresh: bool,
}

/// What one reading works with.
pub(crate) struct Reads<'a> {
    pub(crate) driver: &'a Metered,
    pub(crate) topology: &'a Topology,
    pub(crate) profiling: &'a mut Profiling,
    pub(crate) now: Timestamp,
    /// Also the rows of the slow pace.
    pub(crate) slow: bool,
}

impl Values {
    pub(crate) fn new(gpm_span: Duration) -> Self {
        let mut values = Self {
            cells: Vec::new(),
            used_bytes: Vec::new(),
            links: LinkRates::new(gpm_span),
            gpm_span,
            rows: RowSet::EMPTY,
            gpm_ids: Vec::new(),
            fast: Vec::new(),
            all: Vec::new(),
            fresh: true,
        };
        values.want(RowSet::BUILT_IN);
        values
    }

    /// Read these rows from now on. Those that were not read before have no reading yet.
    pub(crate) fn want(&mut self, rows: RowSet) {
        if rows == self.rows {
            return;
        }
        for place in 0..ROWS.len() {
            if rows.contains(place) != self.rows.contains(place) {
                let reading = unread(rows, place);
                self.cells.iter_mut().for_each(|cells| {
                    cells[place] = Cell { reading, at: cells[place].at, text: None };
                });
            }
        }
        let wanted = || rows.places().map(|place| &ROWS[place]);
        self.gpm_ids = wanted().filter_map(|row| gpm(row).map(|(id, _)| id)).collect();
        self.fast = probe::requests(wanted().filter(|row| row.pace == Pace::Fast));
        self.all = probe::requests(wanted());
        (self.rows, self.fresh) = (rows, true);
    }

    /// Whether the row of that number is read.
    pub(crate) fn wants(&self, field: u16) -> bool {
        position_of_field(field).is_some_and(|place| self.rows.contains(place))
    }

    /// What the newest reading says of a row of the whole GPU; `None` where it is not read.
    pub(crate) fn read_now(&self, field: u16) -> Option<Reading> {
        let place = position_of_field(field).filter(|place| self.rows.contains(*place))?;
        self.cells.first().map(|cells| cells[place].reading)
    }

    /// Forget all cells, for a new layout.
    pub(crate) fn reset(&mut self, places: usize) {
        let cell = |place| Cell { reading: unread(self.rows, place), ..Cell::default() };
        self.cells = vec![(0..ROWS.len()).map(cell).collect(); places];
        self.used_bytes = vec![None; places];
        self.links = LinkRates::new(self.gpm_span);
        self.fresh = true;
    }

    /// Read what is due.
    pub(crate) fn read(&mut self, source: &mut Reads<'_>) {
        let slow = source.slow || self.fresh;
        self.read_rows(source, slow);
        self.read_memory(source);
        self.read_profiling(source);
        for cell in self.cells.iter_mut().flatten() {
            cell.at = source.now;
        }
        self.fresh = false;
    }

    /// Every cell as failed, for a GPU that does not answer.
    pub(crate) fn fail(&mut self, kind: ErrorKind) {
        for cell in self.cells.iter_mut().flatten() {
            *cell = Cell { reading: Reading::Failed(kind), at: cell.at, text: None };
        }
        self.used_bytes.fill(None);
        self.fresh = true;
    }

    fn read_rows(&mut self, source: &Reads<'_>, slow: bool) {
        let topology = source.topology;
        let mig = topology.facts.mig_is_on();
        let requests = if slow { &self.all } else { &self.fast };
        let (device, now) = (topology.facts.handle, source.now);
        let mut probe = Probe::new(source.driver, device, now, &mut self.links, requests);
        for (row, metric) in self.rows.places().map(|row| (row, &ROWS[row])) {
            if !self.fresh && !is_due(metric.pace, slow) {
                continue;
            }
            match metric.nvml {
                Source::Text(text) => {
                    for (cells, place) in self.cells.iter_mut().zip(&topology.places) {
                        set_text(&mut cells[row], text(&topology.facts, place));
                    }
                }
                Source::GpuText(text) => {
                    let text = text(&mut probe);
                    self.cells.iter_mut().for_each(|c| set_text(&mut c[row], text.clone()));
                }
                Source::Gpu(_) | Source::Field(..) | Source::LinkRate(_)
                    if mig && metric.level == Level::WholeGpu =>
                {
                    set_reading(&mut self.cells, row, Reading::NotSupported);
                }
                Source::Gpu(_) | Source::Field(..) | Source::LinkRate(_) => {
                    // What is not supported is asked for again at the slow pace only.
                    let known = self.cells.first().map(|cells| cells[row].reading);
                    if slow || known != Some(Reading::NotSupported) {
                        set_reading(&mut self.cells, row, number(metric, &mut probe));
                    }
                }
                Source::Memory(_) | Source::Gpm { .. } | Source::Made => {}
            }
        }
    }

    fn read_memory(&mut self, source: &Reads<'_>) {
        let places = self.cells.iter_mut().zip(&mut self.used_bytes).zip(&source.topology.places);
        for ((cells, used), place) in places {
            let memory = place
                .memory
                .map_or(Reading::NotSupported, |device| probe::memory(source.driver, device));
            *used = memory.value().filter(|m| m.reserved.is_some()).map(|m| m.used);
            for place in self.rows.places() {
                if let Source::Memory(figure) = ROWS[place].nvml {
                    cells[place].reading = memory.and_then(|memory: Memory| figure(&memory));
                }
            }
        }
    }

    fn read_profiling(&mut self, source: &mut Reads<'_>) {
        if self.gpm_ids.is_empty() {
            return;
        }
        let (rows, fresh) = (self.rows, self.fresh);
        let (driver, now, span) = (source.driver, source.now, self.gpm_span);
        let instances = source.topology.facts.mig_is_on();
        for (place, cells) in self.cells.iter_mut().enumerate() {
            let printed = source.profiling.printed(driver, place, now, span, &self.gpm_ids);
            let Some(printed) = printed else {
                if fresh {
                    wait_again(rows, cells);
                }
                continue;
            };
            set_profiling(rows, cells, instances, |place, divisor| match &printed {
                Ok(metrics) => profiling::metric(metrics, place, divisor),
                Err(why) => *why,
            });
        }
    }
}

/// Set the cells of the profiling rows; `read` takes the place among them and the divisor.
fn set_profiling(
    rows: RowSet,
    cells: &mut [Cell],
    instances: bool,
    read: impl Fn(usize, f64) -> Reading,
) {
    let rows = rows
        .places()
        .filter_map(|row| gpm(&ROWS[row]).map(|(_, divisor)| (row, ROWS[row].level, divisor)));
    for (place, (row, level, divisor)) in rows.enumerate() {
        cells[row].reading = match level {
            Level::WholeGpu if instances => Reading::NotSupported,
            _ => read(place, divisor),
        };
    }
}

/// Before its first reading a wanted row has none yet; of the others nothing is said.
fn unread(rows: RowSet, place: usize) -> Reading {
    let made = matches!(ROWS[place].nvml, Source::Made);
    if rows.contains(place) && !made {
        Reading::Failed(ErrorKind::NotYet)
    } else {
        Reading::NotSupported
    }
}

fn number(row: &MetricRow, probe: &mut Probe<'_>) -> Reading {
    match row.nvml {
        Source::Gpu(read) => read(probe),
        Source::Field(field, meaning) => probe.number(field).map(meaning),
        Source::LinkRate(scope) => probe.nvlink_rate(scope),
        _ => Reading::NotSupported,
    }
}

/// After a failure profiling rows wait for their first value again; those that have one keep it.
fn wait_again(rows: RowSet, cells: &mut [Cell]) {
    for row in rows.places().filter(|row| gpm(&ROWS[*row]).is_some()) {
        if matches!(cells[row].reading, Reading::Failed(_)) {
            cells[row].reading = Reading::Failed(ErrorKind::NotYet);
        }
    }
}

fn set_reading(cells: &mut [Vec<Cell>], row: usize, reading: Reading) {
    cells.iter_mut().for_each(|cells| cells[row].reading = reading);
}

const fn gpm(row: &MetricRow) -> Option<(u32, f64)> {
    match row.nvml {
        Source::Gpm { metric, divisor } => Some((metric, divisor)),
        _ => None,
    }
}

const fn is_due(pace: Pace, slow: bool) -> bool {
    match pace {
        Pace::Fast => true,
        Pace::Slow => slow,
        Pace::Static => false,
    }
}

fn set_text(cell: &mut Cell, text: Option<std::sync::Arc<str>>) {
    cell.reading = if text.is_some() { Reading::Value(1.0) } else { Reading::NotSupported };
    cell.text = text;
}
