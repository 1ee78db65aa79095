//! The cells of one GPU: every row of the metric table on every place, read at its pace.

use std::time::Duration;

use model::{ErrorKind, Reading, Timestamp};

use super::metered::Metered;
use super::nvlink::LinkRate;
use super::probe::{self, Probe};
use super::profiling::{self, Profiling};
use super::topology::Topology;
use crate::Cell;
use crate::metrics::{Level, Memory, MetricRow, Pace, ROWS, Source};

/// Cells of all places, and what is needed to read the next ones.
#[derive(Debug)]
pub(crate) struct Values {
    /// One list of cells per place.
    pub(crate) cells: Vec<Vec<Cell>>,
    /// Memory in use per place, where the reserved part is known to be left out of it.
    pub(crate) used_bytes: Vec<Option<u64>>,
    link: LinkRate,
    gpm_span: Duration,
    gpm_ids: Vec<u32>,
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
        let gpm_ids = ROWS.iter().filter_map(|row| gpm(row).map(|(id, _)| id)).collect();
        Self {
            cells: Vec::new(),
            used_bytes: Vec::new(),
            link: LinkRate::new(gpm_span),
            gpm_span,
            gpm_ids,
            fresh: true,
        }
    }

    /// Forget all cells, for a new layout.
    pub(crate) fn reset(&mut self, places: usize) {
        self.cells = vec![vec![Cell::default(); ROWS.len()]; places];
        self.used_bytes = vec![None; places];
        self.link = LinkRate::new(self.gpm_span);
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
        let mut probe =
            Probe::new(source.driver, topology.facts.handle, source.now, &mut self.link);
        for (row, metric) in ROWS.iter().enumerate() {
            if !self.fresh && !is_due(metric.pace, slow) {
                continue;
            }
            match metric.nvml {
                Source::Text(text) => {
                    for (cells, place) in self.cells.iter_mut().zip(&topology.places) {
                        set_text(&mut cells[row], text(&topology.facts, place));
                    }
                }
                Source::Gpu(_) if mig && metric.level == Level::WholeGpu => {}
                Source::Gpu(read) => {
                    // What is not supported is asked for again at the slow pace only.
                    let known = self.cells.first().map(|cells| cells[row].reading);
                    if slow || known != Some(Reading::NotSupported) {
                        let reading = read(&mut probe);
                        self.cells.iter_mut().for_each(|cells| cells[row].reading = reading);
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
            for (cell, row) in cells.iter_mut().zip(ROWS) {
                if let Source::Memory(figure) = row.nvml {
                    cell.reading = memory.and_then(|memory: Memory| figure(&memory));
                }
            }
        }
    }

    fn read_profiling(&mut self, source: &mut Reads<'_>) {
        let (driver, now, span) = (source.driver, source.now, self.gpm_span);
        let instances = source.topology.facts.mig_is_on();
        for (place, cells) in self.cells.iter_mut().enumerate() {
            let printed = source.profiling.printed(driver, place, now, span, &self.gpm_ids);
            let Some(printed) = printed else {
                if self.fresh {
                    set_profiling(cells, instances, |_, _| Reading::Failed(ErrorKind::NotYet));
                }
                continue;
            };
            set_profiling(cells, instances, |place, divisor| match &printed {
                Ok(metrics) => profiling::metric(metrics, place, divisor),
                Err(why) => *why,
            });
        }
    }
}

/// Set the cells of the profiling rows; `read` takes the place among them and the divisor.
fn set_profiling(cells: &mut [Cell], instances: bool, read: impl Fn(usize, f64) -> Reading) {
    let rows = ROWS
        .iter()
        .enumerate()
        .filter_map(|(row, metric)| gpm(metric).map(|(_, divisor)| (row, metric.level, divisor)));
    for (place, (row, level, divisor)) in rows.enumerate() {
        cells[row].reading = match level {
            Level::WholeGpu if instances => Reading::NotSupported,
            _ => read(place, divisor),
        };
    }
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
