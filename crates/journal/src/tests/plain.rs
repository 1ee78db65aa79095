//! What holds when nothing goes wrong.

use super::{FOLDER, all, append, open, small_segments};
use crate::faulty::FaultDisk;
use crate::frame::{BLOCK, FRAME};
use crate::{Options, SegmentId, verify};
use std::path::Path;
use std::sync::Arc;

#[test]
fn records_of_every_length_around_a_block_come_back() {
    let disk = FaultDisk::new();
    let (mut journal, recovery) = open(&disk, &Options::default());
    assert_eq!(recovery.lines(), Vec::<String>::new());
    let lengths: Vec<usize> = (0..40)
        .chain(BLOCK - 3 * FRAME - 60..BLOCK + 20)
        .chain([2 * BLOCK, 3 * BLOCK + 1, 1 << 20])
        .collect();
    let payload = |length: usize| vec![u8::try_from(length % 251).unwrap(); length];
    for length in &lengths {
        append(&mut journal, &[&payload(*length)]);
    }
    let expected: Vec<_> = (1..).zip(lengths.iter().map(|length| payload(*length))).collect();
    let mut reader = journal.read(0);
    assert!(all(&mut reader) == expected && reader.damage().is_empty());
    drop(journal);
    let (journal, recovery) = open(&disk, &Options::default());
    assert_eq!((recovery.lines().len(), recovery.next), (0, lengths.len() as u64 + 1));
    assert!(all(&mut journal.read(0)) == expected);
}

#[test]
fn a_record_written_in_pieces_is_the_one_written_at_once() {
    let bytes: Vec<u8> = (0..100_000_u32).map(|number| (number % 253).to_le_bytes()[0]).collect();
    for piece in [1, 7, 511, BLOCK - FRAME, BLOCK, 99_999] {
        let (pieces, whole) = (FaultDisk::new(), FaultDisk::new());
        open(&pieces, &Options::default())
            .0
            .append(0, |_, _, batch| {
                let mut record = batch.record(1);
                bytes.chunks(piece).for_each(|part| record.put(part));
                assert_eq!(record.finish(), 1);
            })
            .unwrap();
        append(&mut open(&whole, &Options::default()).0, &[&bytes]);
        let path = Path::new(FOLDER).join("00000000000000000001.segment");
        assert!(pieces.bytes(&path) == whole.bytes(&path), "pieces of {piece}");
    }
}

#[test]
fn a_writer_is_told_when_to_repeat_its_dictionary() {
    let disk = FaultDisk::new();
    let options = small_segments(1000);
    let (mut journal, _) = open(&disk, &options);
    let mut told = Vec::new();
    for _ in 0..6 {
        journal
            .append(0, |segment, first, batch| {
                told.push((segment.0, first));
                batch.push(1, &[0; 400]);
            })
            .unwrap();
    }
    drop(journal);
    let (mut journal, _) = open(&disk, &options);
    journal.append(0, |segment, first, _| told.push((segment.0, first))).unwrap();
    append(&mut journal, &[b"x"]);
    journal.append(0, |segment, first, _| told.push((segment.0, first))).unwrap();
    let in_3s = [(1, true), (1, false), (1, false), (4, true), (4, false), (4, false)];
    assert_eq!(told[..6], in_3s);
    assert_eq!(told[6..], [(7, true), (7, false)], "after a restart, though it was full");
    assert_eq!(journal.segment_of(5), Some(SegmentId(4)));
}

#[test]
fn a_reader_follows_the_writer_across_segments() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &small_segments(200));
    let mut reader = journal.read(3);
    assert_eq!(all(&mut reader), []);
    let mut expected = Vec::new();
    for number in 1..=50_u8 {
        append(&mut journal, &[&[number; 60]]);
        expected.push((u64::from(number), vec![number; 60]));
        if number % 7 == 0 {
            let from = expected.iter().position(|(sequence, _)| *sequence >= 3).unwrap_or(0);
            assert_eq!(all(&mut reader), expected.split_off(from), "at {number}");
            expected.clear();
        }
    }
    assert!(journal.stats().segments > 10);
    assert!(reader.damage().is_empty());
}

#[test]
fn what_every_cursor_has_passed_goes_and_what_one_has_not_stays() {
    let disk = FaultDisk::new();
    let options = small_segments(200);
    let (mut journal, _) = open(&disk, &options);
    for number in 0..20_u8 {
        append(&mut journal, &[&[number; 60]]);
    }
    assert_eq!(journal.trim(0).unwrap(), [], "no cursor, nothing goes");
    journal.set_cursor("a", 15).unwrap();
    journal.set_cursor("b", 7).unwrap();
    let trimmed = journal.trim(0).unwrap();
    let last = trimmed.last().unwrap().last;
    assert!(last <= 7 && trimmed.iter().all(|dropped| dropped.lost.is_empty()));
    drop(journal);
    let (mut journal, recovery) = open(&disk, &options);
    assert_eq!(recovery.lines(), Vec::<String>::new());
    assert_eq!(
        (journal.cursor("a"), journal.cursor("b"), journal.cursor("c")),
        (Some(15), Some(7), None)
    );
    assert_eq!(all(&mut journal.read(8)).len(), 13);
    journal.remove_cursor("b").unwrap();
    journal.trim(0).unwrap();
    assert_eq!(all(&mut journal.read(16)).len(), 5);
    journal.set_cursor("a", 20).unwrap();
    journal.trim(0).unwrap();
    assert_eq!(journal.stats().segments, 1, "the newest stays");
    assert_eq!(append(&mut journal, &[b"x"]), 21..22, "sequences go on");
}

#[test]
fn verify_reads_all_and_changes_nothing() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &small_segments(100));
    for number in 0..9_u8 {
        append(&mut journal, &[&[number; 60], b""]);
    }
    journal.set_cursor("shipper:lane-1", 3).unwrap();
    let steps = disk.steps();
    let verified = verify(Arc::new(disk.clone()), Path::new(FOLDER)).unwrap();
    assert_eq!((verified.records, verified.bytes), (18, 540));
    assert_eq!(verified.cursors, [("shipper:lane-1".to_owned(), 3)]);
    assert!(verified.damage.is_empty() && verified.cursors_lost == 0);
    assert_eq!(disk.steps(), steps);
}

#[test]
fn a_cursor_is_durable_before_what_it_has_passed_goes() {
    for seed in 0..60 {
        let disk = FaultDisk::new();
        let (mut journal, _) = open(&disk, &small_segments(200));
        for number in 0..20_u8 {
            append(&mut journal, &[&[number; 60]]);
        }
        journal.set_cursor("a", 0).unwrap();
        journal.sync().unwrap();
        journal.set_cursor("a", 18).unwrap();
        assert!(!journal.trim(0).unwrap().is_empty());
        disk.restart_powerless(seed);
        let (journal, recovery) = open(&disk, &small_segments(200));
        assert_eq!((journal.cursor("a"), recovery.behind), (Some(18), Vec::new()), "seed {seed}");
    }
}

#[test]
fn what_a_killed_process_did_not_sync_the_next_one_does() {
    for seed in 0..60 {
        let disk = FaultDisk::new();
        let (mut journal, _) = open(&disk, &small_segments(200));
        for number in 0..20_u8 {
            append(&mut journal, &[&[number; 60]]);
        }
        disk.restart_killed();
        let (mut journal, _) = open(&disk, &small_segments(200));
        assert_eq!(journal.sync().unwrap(), 20);
        disk.restart_powerless(seed);
        let (journal, _) = open(&disk, &small_segments(200));
        assert_eq!(all(&mut journal.read(0)).len(), 20, "seed {seed}");
    }
}
