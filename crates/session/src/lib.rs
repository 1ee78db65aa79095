//! Sessions: who is on which GPU, for how long, to what use.
//!
//! Observations go in ([`Engine::observe`]); sessions, their states and booked seconds come out
//! ([`Engine::view`]). Pure: it reads no clock, no file and no network, and it knows nothing of the
//! driver or of `/proc` beyond `model`'s words. It neither kills nor changes a process.

mod allocation;
mod booking;
mod config;
mod counters;
mod device;
mod energy;
mod engine;
mod evidence;
pub mod exposition;
mod finding;
mod identity;
mod saved;
mod session;
mod span;
mod state;
mod view;

pub use config::{Config, UserLabel};
pub use counters::{Counters, DeviceCounters, SM_BOUNDS};
pub use engine::Engine;
pub use finding::{
    Access, Confidence, Evidence, Finding, FindingView, Subject, UnusableInstance, ZombieCause,
};
pub use identity::{Identity, session_id};
pub use saved::SavedState;
pub use state::{DeviceState, SessionState};
pub use view::{
    AllocationFacts, AllocationView, DeviceView, End, EndKind, EnergyView, Quality, RestView,
    SessionFacts, SessionView, StartKind, Utilization, View,
};
