//! A segment of the journal that holds anything: reading it ends, keeps the order, makes up no bytes,
//! and the journal can be written afterwards.

#![no_main]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a target fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::faulty::FaultDisk;
use journal::{Journal, JournalError, Options};

const FOLDER: &str = "/journal";

fn open(disk: &FaultDisk) -> Result<Journal, JournalError> {
    let opened = Journal::open(Arc::new(disk.clone()), Path::new(FOLDER), Options::default(), 0);
    opened.map(|(journal, _)| journal)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let disk = FaultDisk::new();
    drop(open(&disk));
    let segment: PathBuf = Path::new(FOLDER).join("00000000000000000001.segment");
    disk.put(&segment, bytes);
    let mut journal = match open(&disk) {
        Ok(journal) => journal,
        Err(JournalError::Newer { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    let (mut last, mut payloads) = (0, 0);
    let mut reader = journal.read(0);
    while let Some(record) = reader.next_record().unwrap() {
        assert!(record.sequence > last, "{} after {last}", record.sequence);
        last = record.sequence;
        payloads += record.payload.len();
    }
    assert!(payloads <= bytes.len());
    drop(reader);
    let next = journal
        .append(0, |_, _, batch| {
            batch.push(1, b"next");
        })
        .unwrap();
    assert!(next.start > last);
});
