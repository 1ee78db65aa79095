//! The NVML source: the driver's calls, and how their answers become readings.
//!
//! [`Library`] is the only place with unsafe code. Everything else speaks to a [`Driver`], be it the
//! library or the simulated one. What an answer means is decided in `answer`, once.

mod accounting;
mod answer;
mod driver;
mod energy;
mod facts;
mod gpu;
mod library;
mod life;
mod metered;
mod nvlink;
mod partition;
mod probe;
mod processes;
mod profiler;
mod profiling;
mod thread;
mod topology;
mod unread;
mod usage;
mod values;

pub use driver::*;
pub use library::{Library, opener};

pub(crate) use facts::{Facts, Place};
pub(crate) use gpu::{Answer, Gpu, Question, UsedUpTo};
pub(crate) use life::{Life, Notice, Opened, SharedOpener};
pub(crate) use metered::Metered;
pub(crate) use probe::Probe;
pub(crate) use thread::GpuThread;
pub(crate) use unread::{unanswered, unknown_gpu};

/// A counter as a number: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counters of drivers stay below 2^53")]
const fn whole(count: u64) -> f64 {
    count as f64
}
