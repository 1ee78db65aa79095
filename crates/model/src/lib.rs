//! The words that every other crate speaks: readings, time, devices, processes, metric
//! descriptors, labels, series and the Prometheus text format.
//!
//! No I/O beyond the system clock, no policy. Engines and edges do not know each other; they meet
//! in these types.

pub mod allocation;
pub mod clock;
pub mod device;
pub mod labels;
pub mod metric;
pub mod observation;
pub mod pod;
pub mod process;
mod reading;
pub mod series;
pub mod text;

pub use clock::{Clock, Stop, Timestamp};
pub use reading::{ErrorKind, Reading};
