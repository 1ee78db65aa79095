//! Answers on a port: connections with bounds, and TLS, sign-in and headers by a web-config file.
//!
//! The file is that of Prometheus's exporter toolkit, so that what protects an exporter or a
//! Prometheus today protects every role of gpulse that listens. [`WebConfig`] is the file as it was
//! last read without fault; [`serve()`] answers with it. What is answered is the router's business,
//! as are bearer tokens; binding the port is the program's.

mod error;
mod file;
mod serve;
mod source;
mod tls;
mod users;
mod web;

pub use error::WebError;
pub use serve::{Limits, serve};
pub use web::{Protection, WebConfig};

#[cfg(test)]
mod testing;
