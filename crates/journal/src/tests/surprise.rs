//! Bytes that nobody wrote: the corpus of the fuzz target, and random changes of good segments.
//!
//! Whatever a segment holds, reading it ends, makes up no bytes, keeps the order, and accounts for
//! every byte; and the journal can be written afterwards.

use std::path::{Path, PathBuf};

use proptest::prelude::{any, prop, proptest};

use super::{FOLDER, all, append, open};
use crate::Options;
use crate::faulty::FaultDisk;
use crate::segment::HEADER;

fn segment() -> PathBuf {
    Path::new(FOLDER).join("00000000000000000001.segment")
}

/// Open a journal whose only segment has these bytes, and go on with it.
fn survives(bytes: &[u8]) {
    let disk = FaultDisk::new();
    drop(open(&disk, &Options::default()));
    disk.put(&segment(), bytes);
    let opened = crate::Journal::open(
        std::sync::Arc::new(disk.clone()),
        Path::new(FOLDER),
        Options::default(),
        0,
    );
    let (mut journal, recovery) = match opened {
        Ok(opened) => opened,
        Err(crate::JournalError::Newer { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    let mut reader = journal.read(0);
    let found = all(&mut reader);
    assert!(found.is_sorted_by(|before, after| before.0 < after.0));
    let payloads: u64 = found.iter().map(|(_, payload)| payload.len() as u64).sum();
    let cut = recovery.cut.map_or(0, |(_, bytes)| bytes);
    let accounted = payloads + reader.damage().bytes + cut;
    assert!(accounted <= bytes.len() as u64, "{accounted} of {}", bytes.len());
    if bytes.len() > HEADER && found.is_empty() && recovery.removed.is_empty() {
        assert_eq!(cut, (bytes.len() - HEADER) as u64);
    }
    let next = append(&mut journal, &[b"next"]).start;
    assert!(found.last().is_none_or(|last| last.0 < next));
    drop(journal);
    let (journal, _) = open(&disk, &Options::default());
    let mut again = all(&mut journal.read(0));
    assert_eq!(again.pop(), Some((next, b"next".to_vec())));
    assert!(again == found);
}

fn good_segment(payloads: &[Vec<u8>]) -> Vec<u8> {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    for payload in payloads {
        append(&mut journal, &[payload]);
    }
    disk.bytes(&segment())
}

#[test]
fn every_file_of_the_fuzz_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/journal");
    let mut files = 0;
    for entry in std::fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        survives(&std::fs::read(path).unwrap());
        files += 1;
    }
    assert!(files >= 8, "{files} files in {}", corpus.display());
}

/// Changes of a segment: (where, how many bytes, with what); where and how many wrap around.
type Change = (prop::sample::Index, usize, u8);

fn changed(mut bytes: Vec<u8>, changes: &[Change], end: prop::sample::Index) -> Vec<u8> {
    for (at, count, with) in changes {
        let start = at.index(bytes.len());
        let end = (start + count).min(bytes.len());
        bytes[start..end].fill(*with);
    }
    bytes.truncate(end.index(bytes.len()) + 1);
    bytes
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        survives(&bytes);
        let mut behind_a_header = good_segment(&[]);
        behind_a_header.extend(bytes);
        survives(&behind_a_header);
    }

    #[test]
    fn a_good_segment_changed_at_random_is_survived(
        lengths in prop::collection::vec(0_usize..3_000, 1..40),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..600, any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
    ) {
        let payloads: Vec<Vec<u8>> = lengths.iter().map(|length| vec![3; *length]).collect();
        survives(&changed(good_segment(&payloads), &changes, end));
    }
}

#[test]
fn the_example_in_the_format_page_is_what_is_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/formats/journal.md")).unwrap();
    let mut shown = Vec::new();
    for line in page.lines().filter(|line| line.get(8..10) == Some(": ")) {
        let digits: String = line[10..49].split_whitespace().collect();
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        shown.extend((0..digits.len()).step_by(2).map(byte));
    }
    let written = good_segment(&[b"one".to_vec(), Vec::new(), b"three".to_vec()]);
    assert_eq!(shown, written);
}
