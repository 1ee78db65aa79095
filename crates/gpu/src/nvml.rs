//! The NVML source: the driver's calls, and how their answers become readings.

mod driver;

pub use driver::*;
