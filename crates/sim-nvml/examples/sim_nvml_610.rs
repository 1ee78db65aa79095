//! The simulated library with the names of driver 610.57.04: those of 590.48.01, which come from
//! the crate itself, and the few that were added since. None of the added ones has an answer.

#![expect(unsafe_code, reason = "exported names of a C ABI")]

use sim_nvml as _;

/// `NVML_ERROR_NOT_SUPPORTED`.
const NOT_SUPPORTED: u32 = 3;

include!(concat!(env!("OUT_DIR"), "/unanswered_610.rs"));
