//! Samples coming in: remote write, Prometheus text over HTTP, and text from this process.

mod import;
mod metadata;
mod pages;
mod protobuf;
mod refused;
mod remote;
mod request;
mod text;

pub(crate) use import::import;
pub(crate) use metadata::Metadata;
pub use pages::{IngestError, Ingested, Pages};
pub(crate) use remote::{Spare, remote};
pub(crate) use request::Left;

#[cfg(test)]
mod clock_steps;
#[cfg(test)]
mod tests;
