//! The reader: asks every GPU on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;

use crate::{Ask, CallStats, OpenDriver, Pass, SourceState, smi};

/// How the reader waits.
#[derive(Debug, Clone)]
pub struct Options {
    /// A call that takes longer marks its GPU stuck.
    pub deadline: Duration,
    /// How long one pass waits for a slow GPU.
    pub patience: Duration,
    /// The time that a profiling value spans: the collect interval if one was given, else 15 s.
    pub gpm_span: Duration,
    /// How often slow rows and the layout are read.
    pub slow_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            patience: Duration::from_millis(300),
            gpm_span: Duration::from_secs(15),
            slow_every: Duration::from_secs(10),
        }
    }
}

/// Reads GPUs.
pub struct Reader {
    calls: Arc<CallStats>,
}

impl Reader {
    /// A reader that opens the driver in its first pass.
    #[must_use]
    pub fn new(_open: OpenDriver, _smi: Option<smi::Config>, _options: Options) -> Self {
        Self { calls: Arc::default() }
    }

    /// One pass.
    pub fn pass(&mut self, now: Timestamp, _ask: Ask) -> Pass {
        let source = SourceState::Absent { reason: String::new(), remedy: String::new() };
        Pass::empty(now, source, Arc::clone(&self.calls))
    }

    /// Let go of the driver, until [`Reader::resume`].
    pub fn release(&mut self) {}

    /// Take the driver back in the next pass.
    pub fn resume(&mut self) {}
}
