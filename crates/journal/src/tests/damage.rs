//! What damage costs: the record or block that it hit, named, and nothing else.

use std::path::{Path, PathBuf};

use super::{FOLDER, all, append, open, small_segments};
use crate::faulty::FaultDisk;
use crate::frame::BLOCK;
use crate::segment::HEADER;
use crate::{Disk as _, Options};

fn segment(first: u64) -> PathBuf {
    Path::new(FOLDER).join(format!("{first:020}.segment"))
}

/// Records of 1 to 60 bytes, each of its own byte, in two segments; the second has only the last.
fn small_journal() -> (FaultDisk, Vec<(u64, Vec<u8>)>) {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    let mut records = Vec::new();
    for number in 1..=12_u8 {
        if number == 12 {
            journal.roll();
        }
        let payload = vec![number; usize::from(number) * 5];
        append(&mut journal, &[&payload]);
        records.push((u64::from(number), payload));
    }
    (disk, records)
}

#[test]
fn a_flipped_bit_at_any_byte_costs_one_record_at_most_and_is_named() {
    let (disk, records) = small_journal();
    let original = disk.bytes(&segment(1));
    for offset in 0..original.len() {
        for bit in [0, 3, 7] {
            disk.put(&segment(1), &original);
            disk.flip(&segment(1), offset as u64, bit);
            let (journal, recovery) = open(&disk, &Options::default());
            let mut reader = journal.read(0);
            let found = all(&mut reader);
            let lost: Vec<_> = records.iter().filter(|record| !found.contains(record)).collect();
            if offset < HEADER {
                assert!(lost.is_empty(), "byte {offset} bit {bit}: {lost:?}");
                assert_eq!(recovery.damage.places, 1, "byte {offset}: the header is named");
                continue;
            }
            assert_eq!(lost.len(), 1, "byte {offset} bit {bit}");
            assert_eq!(found.len(), records.len() - 1, "byte {offset}: nothing made up");
            let damage = reader.damage();
            assert_eq!((damage.places, damage.records), (1, 1), "byte {offset} {damage:?}");
            let place = &damage.named[0];
            let hit = place.offset..place.offset + place.bytes;
            assert!(hit.contains(&(offset as u64)), "byte {offset} is not in {place}");
        }
    }
}

#[test]
fn a_flipped_bit_in_the_newest_segment_cuts_only_its_last_record() {
    let (disk, _) = small_journal();
    let (mut journal, _) = open(&disk, &Options::default());
    for _ in 0..3 {
        append(&mut journal, &[b"later"]);
    }
    drop(journal);
    let original = disk.bytes(&segment(12));
    for offset in HEADER..original.len() {
        disk.put(&segment(12), &original);
        disk.flip(&segment(12), offset as u64, 2);
        let (mut journal, recovery) = open(&disk, &Options::default());
        let found = all(&mut journal.read(12));
        assert_eq!(found.len(), 3, "byte {offset}");
        let cut_or_named = recovery.cut.is_some() != (recovery.damage.records == 1);
        assert!(cut_or_named, "byte {offset}: {recovery:?}");
        assert_eq!(append(&mut journal, &[b"new"]).start, found.last().unwrap().0 + 1);
        drop(journal);
        let (_, again) = open(&disk, &Options::default());
        assert_eq!(again.cut, None, "byte {offset}: cut once");
    }
}

#[test]
fn every_truncation_keeps_every_whole_record() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    let mut ends = Vec::new();
    for length in [10, 0, 300, 2 * BLOCK, 5, 40_000, 1] {
        append(&mut journal, &[&vec![7; length]]);
        ends.push(disk.bytes(&segment(1)).len());
    }
    drop(journal);
    let original = disk.bytes(&segment(1));
    let near = |at: usize| ends.iter().any(|end| at.abs_diff(*end) < 40) || at % BLOCK < 20;
    for at in (0..original.len()).filter(|at| near(*at) || at % 997 == 0) {
        disk.put(&segment(1), &original[..at]);
        let (mut journal, recovery) = open(&disk, &Options::default());
        let whole = ends.iter().filter(|end| **end <= at).count();
        assert_eq!(all(&mut journal.read(0)).len(), whole, "cut at {at}");
        assert!(recovery.damage.is_empty(), "cut at {at}: {recovery:?}");
        assert_eq!(append(&mut journal, &[b"x"]).start, whole as u64 + 1, "cut at {at}");
    }
}

#[test]
fn a_lost_block_costs_that_block() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    let records: Vec<(u64, Vec<u8>)> = (1..=400_u16)
        .map(|number| (u64::from(number), vec![number.to_le_bytes()[0]; 500]))
        .collect();
    for (_, payload) in &records {
        append(&mut journal, &[payload]);
    }
    drop(journal);
    let original = disk.bytes(&segment(1));
    let unreadable = disk.clone();
    for block in 0..original.len() / BLOCK {
        let mut bytes = original.clone();
        bytes[block * BLOCK..(block + 1) * BLOCK].fill(0xa5);
        disk.put(&segment(1), &bytes);
        let (journal, _) = open(&disk, &Options::default());
        let mut reader = journal.read(0);
        let found = all(&mut reader);
        let lost = records.len() - found.len();
        assert!((60..=66).contains(&lost), "block {block} cost {lost} records");
        assert_eq!(reader.damage().records, lost as u64);
        assert_eq!(reader.damage().places, 1, "{:?}", reader.damage());
    }
    // The same where the disk refuses to read.
    unreadable.put(&segment(1), &original);
    let bad = 2 * BLOCK as u64 + 100;
    unreadable.refuse_reads(&segment(1), bad..bad + 512);
    let (mut journal, recovery) = open(&unreadable, &Options::default());
    assert!(recovery.lines().iter().any(|line| line.contains("bad sector")), "{recovery:?}");
    let lost = records.len() - all(&mut journal.read(0)).len();
    assert!((60..=66).contains(&lost), "{lost}");
    assert_eq!(append(&mut journal, &[b"new"]), 401..402, "in a segment of its own");
    assert_eq!(journal.segment_of(401).unwrap().0, 401);
}

#[test]
fn an_unreadable_end_is_not_cut_and_its_sequences_are_not_given_again() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    for _ in 0..100 {
        append(&mut journal, &[&[1; 1000]]);
    }
    drop(journal);
    let length = disk.bytes(&segment(1)).len() as u64;
    disk.refuse_reads(&segment(1), 3 * BLOCK as u64..length);
    let (mut journal, recovery) = open(&disk, &Options::default());
    assert_eq!((recovery.cut, disk.bytes(&segment(1)).len() as u64), (None, length));
    assert!(append(&mut journal, &[b"new"]).start > 100);
}

#[test]
fn a_record_after_many_lost_small_ones_is_found_near_the_end() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    for _ in 0..1_000 {
        append(&mut journal, &[b""]);
    }
    append(&mut journal, &[b"last"]);
    drop(journal);
    let mut bytes = disk.bytes(&segment(1));
    let end = bytes.len() - 20;
    bytes[HEADER..end].fill(0);
    disk.put(&segment(1), &bytes);
    let (journal, recovery) = open(&disk, &Options::default());
    assert_eq!((recovery.cut, recovery.damage.records), (None, 1_000));
    assert_eq!(all(&mut journal.read(0)), [(1_001, b"last".to_vec())]);
}

#[test]
fn a_damaged_record_of_many_blocks_costs_that_record() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    append(&mut journal, &[b"before", &vec![1; 10 * BLOCK], b"after"]);
    drop(journal);
    for block in 0..10 {
        let offset = (block * BLOCK + 2000) as u64;
        disk.flip(&segment(1), offset, 1);
        let (journal, _) = open(&disk, &Options::default());
        let mut reader = journal.read(0);
        let found = all(&mut reader);
        assert_eq!(found, [(1, b"before".to_vec()), (3, b"after".to_vec())], "block {block}");
        assert_eq!(reader.damage().records, 1);
        disk.flip(&segment(1), offset, 1);
    }
}

#[test]
fn frames_inside_a_payload_are_not_taken_for_records() {
    let other = FaultDisk::new();
    let (mut inner, _) = open(&other, &Options::default());
    append(&mut inner, &[&[0; 40], b"one", b"two", b"three"]);
    inner.roll();
    append(&mut inner, &[b"four"]);
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    append(&mut journal, &[b"x"]);
    journal.roll();
    append(&mut journal, &[&other.bytes(&segment(1)), &other.bytes(&segment(5)), b"end"]);
    drop(journal);
    disk.flip(&segment(2), HEADER as u64 + 13, 0);
    let (journal, _) = open(&disk, &Options::default());
    let sequences: Vec<u64> = all(&mut journal.read(0)).iter().map(|record| record.0).collect();
    assert_eq!(sequences, [1, 3, 4]);
}

#[test]
fn a_payload_that_repeats_its_own_segment_brings_no_record_back() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    append(&mut journal, &[&[0; 40], b"one", b"two"]);
    let before = disk.bytes(&segment(1));
    append(&mut journal, &[&before, b"end"]);
    drop(journal);
    disk.flip(&segment(1), before.len() as u64 + 13, 0);
    let (journal, _) = open(&disk, &Options::default());
    let sequences: Vec<u64> = all(&mut journal.read(0)).iter().map(|record| record.0).collect();
    assert_eq!(sequences, [1, 2, 3, 5]);
}

#[test]
fn records_lost_behind_a_cursor_leave_a_gap_that_is_no_damage() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    append(&mut journal, &[b"a", b"b", b"c"]);
    let without = disk.bytes(&segment(1));
    append(&mut journal, &[b"d", b"e"]);
    journal.set_cursor("ship", 5).unwrap();
    drop(journal);
    disk.put(&segment(1), &without);
    let (mut journal, _) = open(&disk, &Options::default());
    assert_eq!(append(&mut journal, &[b"f"]), 6..7, "4 and 5 are not given again");
    let mut reader = journal.read(0);
    assert_eq!(all(&mut reader).len(), 4);
    assert!(reader.damage().is_empty(), "{:?}", reader.damage());
}

#[test]
fn a_missing_segment_is_named_and_costs_its_records() {
    for missing in [1, 4, 7] {
        let disk = FaultDisk::new();
        let options = small_segments(HEADER as u64 + 3 * 16);
        let (mut journal, _) = open(&disk, &options);
        for _ in 0..12 {
            append(&mut journal, &[b""]);
        }
        journal.set_cursor("a", 0).unwrap();
        drop(journal);
        disk.remove(&segment(missing)).unwrap();
        let (mut journal, recovery) = open(&disk, &options);
        assert!(!recovery.lines().is_empty(), "without {missing}");
        let mut reader = journal.read(1);
        let found: Vec<u64> = all(&mut reader).iter().map(|record| record.0).collect();
        let expected: Vec<u64> = (1..=12).filter(|n| !(missing..missing + 3).contains(n)).collect();
        assert_eq!(found, expected);
        if missing == 1 {
            assert_eq!(recovery.behind, [("a".to_owned(), 3)], "of the oldest the cursor tells");
        } else {
            assert_eq!(reader.damage().records, 3, "{:?}", reader.damage());
        }
        assert_eq!(append(&mut journal, &[b"x"]), 13..14);
    }
}

#[test]
fn a_damaged_cursor_falls_back_to_the_slot_before_or_is_gone() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    append(&mut journal, &[b"a", b"b", b"c"]);
    for sequence in 1..=3 {
        journal.set_cursor("ship", sequence).unwrap();
    }
    journal.set_cursor("block", 1).unwrap();
    drop(journal);
    let cursors = Path::new(FOLDER).join("cursors");
    let original = disk.bytes(&cursors);
    let flipped_slots = [(6 * 512, 2, 3), (7 * 512, 3, 2)];
    let mut seen = std::collections::BTreeSet::new();
    for (slot, ..) in flipped_slots {
        for byte in 0..512 {
            disk.put(&cursors, &original);
            disk.flip(&cursors, slot + byte, 0);
            let (journal, recovery) = open(&disk, &Options::default());
            let at = journal.cursor("ship").unwrap();
            assert!(at == 2 || at == 3, "slot {slot} byte {byte}: {at}");
            assert_eq!((journal.cursor("block"), recovery.cursors_lost), (Some(1), 0));
            seen.insert(at);
        }
    }
    assert_eq!(seen.len(), 2, "the newer slot and the older one were hit");
    disk.flip(&cursors, 6 * 512, 0);
    let (mut journal, recovery) = open(&disk, &Options::default());
    assert_eq!((journal.cursor("ship"), recovery.cursors_lost), (None, 1));
    assert_eq!(recovery.lines().len(), 1);
    journal.set_cursor("ship", 0).unwrap();
    assert_eq!(journal.trim(0).unwrap(), []);
}
