//! Samples in the log: what an append writes before it is acknowledged, and what a start reads.
//!
//! A record of series says which number stands for which labels; a record of samples holds columns
//! of numbers, times and values. A record needs no other one but the series records of its epoch,
//! which every segment repeats, so damage costs what is damaged. The bytes are described in
//! `docs/formats/wal.md`.

mod decode;
mod encode;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use decode::{Decoder, Listener};
pub(crate) use encode::{Encoder, Sample};

/// Kind of a record that numbers label pairs and series.
const SERIES: u8 = 1;
/// Kind of a record of samples. Kind 2 was one of versions that were not published.
const SAMPLES: u8 = 3;

/// The payload follows as it is.
const PLAIN: u8 = 0;
/// Its length follows, then the payload as one zstd frame.
const ZSTD: u8 = 1;

/// A payload is no longer than this once it is unpacked.
const MOST_UNPACKED: usize = 64 << 20;

/// Tag of a value that is no decimal: its eight bytes follow.
const RAW: u8 = 0x80;
