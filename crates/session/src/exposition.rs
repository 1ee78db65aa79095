//! The session families on a page: the first seed's five, and ours.
//!
//! The tables name every family once; the writers print them in that order. What is not known is
//! left out, never printed as 0.

mod allocations;
mod devices;
mod energy;
mod seed;
mod sessions;

pub use allocations::{ALLOCATION_METRICS, write_allocations};
pub use seed::{SEED_METRICS, write_seed};
pub use sessions::{SESSION_METRICS, write_sessions};

#[cfg(test)]
mod tests;
