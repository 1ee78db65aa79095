//! The commands of `gpulse`: the only place with a command line, printing and exit codes.
//!
//! Each command is a file of `commands` with its flags and a `run` that loads, resolves and calls.
//! What a command does is in the crates below; nothing of clap is known there.

mod address;
mod commands;
mod config;
mod data_folder;
mod fault;
mod feed;
mod fleet;
mod holders;
mod hub;
mod language;
mod log;
mod machine;
pub mod memory;
mod moment;
mod output;
mod query;
mod reference;
mod remote;
mod serve;
mod signals;
mod table;
mod version;
mod who;
mod wrap;

pub use commands::{Command, parse};
pub use fault::{Fault, end, refuse};
pub use reference::{Page, page};
