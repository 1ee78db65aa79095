//! Reading GPUs: the metric tables and the sources NVML and `nvidia-smi`.
//!
//! A [`Reader`] is asked once a second and answers with a [`Pass`]: what every GPU shows now, who is
//! on it, and which XIDs came. Which source answered is on the pass; nobody above can tell the two
//! apart by the values. Sentinels, blanks and `N/A` end here.

mod calls;
pub mod metrics;
pub mod nvml;
mod open;
mod pass;
mod reader;
pub mod smi;
mod view;

pub use calls::{Call, CallStats};
pub use open::{OpenDriver, OpenError};
pub use pass::{Ask, Pass, SourceState, XidEvent};
pub use reader::{Options, Reader};
pub use view::{Cell, EntityView, GpuView, Health, IdleInstance, Peer};
