//! The role `exporter`: one machine's GPUs and sessions as a Prometheus page, over HTTP or as a
//! textfile for node_exporter.
//!
//! A [`Node`] reads on its own thread and publishes a [`Snapshot`]; every page, route and file is
//! made from a snapshot, so that no request ever waits for a driver. Binding ports, signals, flags
//! and printing are the program's.

mod clock_events;
mod config;
pub mod doctor;
mod fields;
pub mod holders;
pub mod http;
mod kernel_log;
pub mod node;
mod own;
pub mod page;
mod running;
mod scrapes;
mod snapshot;
mod sources;
mod state_file;
#[cfg(test)]
mod testing;
pub mod textfile;
pub mod xid;

pub use config::{
    Config, Devices, DevicesError, HostLabel, HostLabelError, Kubernetes, POD_RESOURCES_SOCKET,
    Parts, PartsError, PodLabelAllowlist, PodLabelAllowlistError,
};
pub use fields::source::{
    ConfigMapText, FieldListError, FieldSource, MapAnswer, ReloadState,
    USUAL_PLACE as USUAL_COLLECTORS,
};
pub use fields::{FieldList, Listed, ListedKind, RowFault};
pub use node::{BeforeTick, Machine, Memory, Node, StateUse, Told};
pub use own::OwnCost;
pub use page::Style;
pub use running::{Running, STATE_FILE, StartError, start};
pub use scrapes::{BOUNDS_MICROS, Permit, ScrapeCounts, Scrapes};
pub use snapshot::{Published, Snapshot};
pub use state_file::Keeper;
pub use xid::{Booking, Teller, XidBook};
