//! The names of driver 590.48.01 without an answer of their own, written by the build script from
//! `symbols.tsv`.

/// `NVML_ERROR_NOT_SUPPORTED`.
const NOT_SUPPORTED: u32 = gpu::nvml::Return::NOT_SUPPORTED.0;

include!(concat!(env!("OUT_DIR"), "/unanswered_590.rs"));
