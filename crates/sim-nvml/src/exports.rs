//! The functions with an answer of their own, under NVML's names, grouped by what they ask for.
//!
//! A name here has `y` in the column `answer` of `symbols.tsv`. Every function takes what nvml.h
//! says; see `pointer` for how foreign pointers are treated.

pub mod clocks;
pub mod discovery;
pub mod events;
pub mod fields;
pub mod gpm;
pub mod health;
pub mod identity;
pub mod links;
pub mod memory;
pub mod mig;
pub mod pcie;
pub mod power;
pub mod processes;
pub mod system;
pub mod utilization;
