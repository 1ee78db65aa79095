//! The journal over a disk that fails: what is acknowledged is read back, whatever happens.

mod damage;
mod limits;
mod model;
mod plain;
mod surprise;

use std::path::Path;
use std::sync::Arc;

use crate::faulty::FaultDisk;
use crate::{Journal, Options, Reader, Recovery};

const FOLDER: &str = "/data/wal";

fn open(disk: &FaultDisk, options: &Options) -> (Journal, Recovery) {
    Journal::open(Arc::new(disk.clone()), Path::new(FOLDER), options.clone(), 0).unwrap()
}

fn small_segments(bytes: u64) -> Options {
    Options { segment_bytes: bytes, ..Options::default() }
}

fn append(journal: &mut Journal, payloads: &[&[u8]]) -> std::ops::Range<u64> {
    journal
        .append(0, |_, _, batch| {
            for payload in payloads {
                batch.push(1, payload);
            }
        })
        .unwrap()
}

fn all(reader: &mut Reader) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        found.push((record.sequence, record.payload.to_vec()));
    }
    found
}
