//! Receives, stores, answers PromQL, serves the web UI.
//!
//! [`App`] is the server without a port: what `gpulse up` puts readings into, and what [`router`]
//! answers from. [`serve()`] binds both to a port and keeps the store in order meanwhile. Syntax and
//! evaluation are `promql`'s, samples are `store`'s, connections and TLS are `listen`'s; rules are not
//! here.

mod answer;
mod app;
mod assets;
mod body;
mod compress;
mod config;
mod form;
mod health;
mod json;
mod live;
mod own;
mod pages;
mod query;
mod routes;
mod security;
mod serve;
mod sign_in;
mod write;

pub use app::App;
pub use config::{Config, Limits};
pub use live::{Source, SourceWords};
pub use own::METRICS;
pub use routes::{Class, ROUTES, Route, router};
pub use security::{Access, Choice, NoChoice, Role, TokenError, Tokens};
pub use serve::{ServeError, serve};
pub use write::{IngestError, Ingested, Pages};

#[cfg(test)]
mod testing;
