//! Profiling of one GPU: its targets, and what stands between it and a value.

use std::time::Duration;

use model::observation::Progress;
use model::{ErrorKind, Reading, Timestamp};

use super::answer::refused;
use super::metered::Metered;
use super::profiler::{Metrics, Profiler, Target};
use super::topology::Topology;
use super::{Result, Return};
use crate::metrics::{DRAM_UTIL, GRAPHICS_UTIL, PCIE_RX, PCIE_TX, SM_UTIL, TENSOR_UTIL};

/// Activity between two readings of per-process use.
const ACTIVITY: [u32; 6] = [GRAPHICS_UTIL, SM_UTIL, TENSOR_UTIL, DRAM_UTIL, PCIE_TX, PCIE_RX];
/// GPM tells rates over PCIe in MiB/s.
const MEBIBYTE: f64 = 1_048_576.0;

/// Profiling of all places of one GPU.
#[derive(Debug, Default)]
pub(crate) struct Profiling {
    /// One per place of the topology; `None` for one that cannot be profiled.
    profilers: Vec<Option<Profiler>>,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not asked yet for this layout.
    #[default]
    Unknown,
    /// Works, or did when last tried.
    Supported,
    /// The chip or driver does not have it.
    Unsupported,
    /// Refused: buffers are dropped, and it is tried again at the slow pace.
    Refused(Return),
}

/// Activity of one place, 0..1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activity {
    pub(crate) graphics: Reading,
    pub(crate) sm: Reading,
    pub(crate) progress: Progress,
}

impl Activity {
    pub(crate) const fn of(reading: Reading) -> Self {
        Self { graphics: reading, sm: reading, progress: Progress::of(reading) }
    }
}

impl Profiling {
    /// Forget the layout and give the buffers back.
    pub(crate) fn close(&mut self, driver: &Metered) {
        for profiler in self.profilers.drain(..).flatten() {
            profiler.free(driver);
        }
        self.state = State::Unknown;
    }

    /// Whether it was refused for want of permission.
    pub(crate) fn is_denied(&self) -> bool {
        self.state == State::Refused(Return::NO_PERMISSION)
    }

    /// Make ready for a layout, if not done; `again` also tries what was refused before.
    pub(crate) fn open(&mut self, driver: &Metered, topology: &Topology, again: bool) {
        match self.state {
            State::Unknown => {}
            State::Refused(_) if again => {}
            _ => return,
        }
        self.state = match driver.gpm_supported(topology.facts.handle) {
            Ok(true) => State::Supported,
            Ok(false) => State::Unsupported,
            Err(code) => after(code),
        };
        if self.state == State::Supported
            && let Err(code) = self.allocate(driver, topology)
        {
            self.fail(driver, code);
        }
    }

    fn allocate(&mut self, driver: &Metered, topology: &Topology) -> Result<()> {
        for place in &topology.places {
            let target = match &place.gpu_instance {
                Some((_, id)) if place.compute_instances > 0 => Some(Some(*id)),
                Some(_) => None,
                None => Some(None),
            };
            let device = topology.facts.handle;
            let profiler =
                target.map(|gpu_instance| Profiler::new(driver, Target { device, gpu_instance }));
            self.profilers.push(profiler.transpose()?);
        }
        Ok(())
    }

    /// New printed values of a place; `None` when the last ones still stand.
    pub(crate) fn printed(
        &mut self,
        driver: &Metered,
        place: usize,
        now: Timestamp,
        span: Duration,
        ids: &[u32],
    ) -> Option<std::result::Result<Metrics, Reading>> {
        if let Some(why) = self.lacking(place) {
            return Some(Err(why));
        }
        let profiler = self.profilers.get_mut(place)?.as_mut()?;
        match profiler.printed(driver, now, span, ids) {
            Ok(metrics) => metrics.map(Ok),
            Err(code) => Some(Err(self.failed(driver, code))),
        }
    }

    /// Activity of a place since the last call of this.
    pub(crate) fn activity(&mut self, driver: &Metered, place: usize, now: Timestamp) -> Activity {
        if let Some(why) = self.lacking(place) {
            return Activity::of(why);
        }
        let Some(Some(profiler)) = self.profilers.get_mut(place) else {
            return Activity::of(Reading::NotSupported);
        };
        match profiler.since_last(driver, now, &ACTIVITY) {
            Ok(None) => Activity::of(Reading::Failed(ErrorKind::NotYet)),
            Ok(Some(metrics)) => Activity {
                graphics: metric(&metrics, 0, 100.0).map(|ratio| ratio.min(1.0)),
                sm: metric(&metrics, 1, 100.0).map(|ratio| ratio.min(1.0)),
                progress: Progress {
                    tensor: metric(&metrics, 2, 100.0).map(|ratio| ratio.min(1.0)),
                    dram: metric(&metrics, 3, 100.0).map(|ratio| ratio.min(1.0)),
                    pcie_bytes_per_second: both(
                        metric(&metrics, 4, MEBIBYTE.recip()),
                        metric(&metrics, 5, MEBIBYTE.recip()),
                    ),
                },
            },
            Err(code) => Activity::of(self.failed(driver, code)),
        }
    }

    /// Why a place can have no value at all.
    fn lacking(&self, place: usize) -> Option<Reading> {
        match self.state {
            State::Unknown | State::Unsupported => Some(Reading::NotSupported),
            State::Refused(code) => Some(refused(code)),
            State::Supported => match self.profilers.get(place) {
                Some(Some(_)) => None,
                _ => Some(Reading::NotSupported),
            },
        }
    }

    fn failed(&mut self, driver: &Metered, code: Return) -> Reading {
        if matches!(
            code,
            Return::NO_PERMISSION | Return::NOT_SUPPORTED | Return::FUNCTION_NOT_FOUND
        ) {
            self.fail(driver, code);
        }
        refused(code)
    }

    fn fail(&mut self, driver: &Metered, code: Return) {
        self.close(driver);
        self.state = after(code);
    }
}

/// The sum of two readings, if both are there.
fn both(one: Reading, other: Reading) -> Reading {
    match (one, other) {
        (Reading::Value(one), Reading::Value(other)) => Reading::Value(one + other),
        (Reading::Value(_), missing) | (missing, _) => missing,
    }
}

/// What a refusal means for later: a missing symbol stays missing, the rest may pass.
const fn after(code: Return) -> State {
    match code {
        Return::NOT_SUPPORTED | Return::FUNCTION_NOT_FOUND => State::Unsupported,
        code => State::Refused(code),
    }
}

/// One value of a metrics call. A metric that the chip does not count is not supported; NaN, and
/// anything that is no number, is no reading.
pub(crate) fn metric(metrics: &Metrics, place: usize, divisor: f64) -> Reading {
    match metrics.get(place) {
        Some(Ok(value)) if value.is_finite() && *value >= 0.0 => Reading::Value(value / divisor),
        Some(Ok(_)) => Reading::Failed(ErrorKind::BadAnswer),
        Some(Err(code)) => refused(*code),
        None => Reading::Failed(ErrorKind::BadAnswer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_no_reading() {
        let metrics = vec![Ok(32.0), Ok(f64::NAN), Err(Return::NOT_SUPPORTED), Ok(-1.0)];
        assert_eq!(metric(&metrics, 0, 100.0), Reading::Value(0.32));
        assert_eq!(metric(&metrics, 1, 100.0), Reading::Failed(ErrorKind::BadAnswer));
        assert_eq!(metric(&metrics, 2, 100.0), Reading::NotSupported);
        assert_eq!(metric(&metrics, 3, 100.0), Reading::Failed(ErrorKind::BadAnswer));
        assert_eq!(metric(&metrics, 4, 100.0), Reading::Failed(ErrorKind::BadAnswer));
    }
}
