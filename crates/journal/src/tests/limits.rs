//! Full disks, caps, locks, sizes and versions.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::{FOLDER, all, append, open, small_segments};
use crate::faulty::{Fault, FaultDisk};
use crate::segment::HEADER;
use crate::{AppendError, Journal, JournalError, MAX_RECORD_BYTES, Options, RealDisk, Reason};

fn push(journal: &mut Journal, payload: &[u8]) -> Result<std::ops::Range<u64>, AppendError> {
    journal.append(0, |_, _, batch| {
        batch.push(1, payload);
    })
}

#[test]
fn a_full_disk_refuses_keeps_what_it_has_and_goes_on_by_itself() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &small_segments(4_000));
    journal.set_cursor("a", 0).unwrap();
    disk.set_capacity(Some(70_000));
    let mut taken = 0;
    let error = loop {
        match push(&mut journal, &[9; 700]) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_full() && taken > 50, "{error} after {taken}");
    for _ in 0..5 {
        assert!(push(&mut journal, &[9; 700]).unwrap_err().is_full());
    }
    assert_eq!(all(&mut journal.read(0)).len(), taken, "still read");
    assert_eq!(
        push(&mut journal, &[]).unwrap(),
        taken as u64 + 1..taken as u64 + 2,
        "a little fits"
    );
    journal.set_cursor("a", taken as u64 / 2).unwrap();
    journal.trim(0).unwrap();
    push(&mut journal, &[9; 700]).unwrap();
    disk.restart_killed();
    drop(journal);
    let (journal, recovery) = open(&disk, &small_segments(4_000));
    assert_eq!(recovery.lines(), Vec::<String>::new());
    assert_eq!(all(&mut journal.read(taken as u64)).len(), 3);
}

#[test]
fn above_the_limit_appends_are_refused_until_something_goes() {
    let disk = FaultDisk::new();
    let options = Options { refuse_above_bytes: Some(1_000), ..small_segments(300) };
    let (mut journal, _) = open(&disk, &options);
    while push(&mut journal, &[1; 100]).is_ok() {}
    let error = push(&mut journal, &[1; 100]).unwrap_err();
    assert!(error.is_full(), "{error}");
    journal.set_cursor("a", journal.stats().next - 1).unwrap();
    journal.trim(0).unwrap();
    push(&mut journal, &[1; 100]).unwrap();
}

#[test]
fn a_failed_cut_stops_appends_until_it_succeeds() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    append(&mut journal, &[b"one"]);
    let step = disk.steps();
    disk.plan(step + 1, Fault::Tear { written: usize::MAX, kind: ErrorKind::Other });
    disk.plan(step + 2, Fault::Refuse(ErrorKind::Other));
    disk.plan(step + 3, Fault::Refuse(ErrorKind::Other));
    assert!(matches!(push(&mut journal, b"refused"), Err(AppendError::Write { .. })));
    assert!(matches!(push(&mut journal, b"refused"), Err(AppendError::Cut { .. })));
    assert_eq!(push(&mut journal, b"two").unwrap(), 2..3);
    drop(journal);
    let (journal, recovery) = open(&disk, &Options::default());
    assert_eq!(all(&mut journal.read(0)), [(1, b"one".to_vec()), (2, b"two".to_vec())]);
    assert_eq!(recovery.lines(), Vec::<String>::new());
}

#[test]
fn a_failed_sync_names_the_range_and_the_next_append_goes_elsewhere() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    append(&mut journal, &[b"a", b"b"]);
    assert_eq!(journal.sync().unwrap(), 2);
    append(&mut journal, &[b"c"]);
    append(&mut journal, &[b"d"]);
    disk.plan(disk.steps() + 1, Fault::Refuse(ErrorKind::Other));
    let error = journal.sync().unwrap_err();
    assert_eq!((error.first, error.last), (3, 4), "{error}");
    assert_eq!(append(&mut journal, &[b"e"]), 5..6);
    assert_eq!(journal.segment_of(5).unwrap().0, 5);
    assert_eq!(journal.sync().unwrap(), 5);
    assert_eq!(all(&mut journal.read(0)).len(), 5, "what is in doubt is read while it is there");
}

#[test]
fn appends_go_on_while_a_sync_runs_elsewhere() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    append(&mut journal, &[b"a"]);
    let pending = journal.begin_sync();
    append(&mut journal, &[b"b"]);
    let synced = std::thread::spawn(|| pending.run()).join().unwrap();
    assert_eq!(journal.finish_sync(synced).unwrap(), 1, "what came later is not counted");
    assert_eq!(journal.sync().unwrap(), 2);
    assert!(journal.begin_sync().is_empty());
}

#[test]
fn caps_drop_the_oldest_and_say_what_each_cursor_loses() {
    let disk = FaultDisk::new();
    let options = Options { max_bytes: Some(1_000), ..small_segments(300) };
    let (mut journal, _) = open(&disk, &options);
    for _ in 0..12 {
        append(&mut journal, &[&[1; 100]]);
    }
    journal.set_cursor("slow", 1).unwrap();
    journal.set_cursor("fast", 12).unwrap();
    let trimmed = journal.trim(0).unwrap();
    assert!(journal.stats().bytes <= 1_000);
    assert!(trimmed.iter().all(|dropped| dropped.reason == Reason::Bytes));
    assert_eq!(trimmed[0].lost, [("slow".to_owned(), trimmed[0].last - 1)]);
    let lost: u64 = trimmed.iter().flat_map(|dropped| &dropped.lost).map(|(_, lost)| lost).sum();
    assert_eq!(lost, journal.stats().oldest - 2, "each lost record once");
    drop(journal);
    let (_, recovery) = open(&disk, &options);
    assert_eq!(recovery.behind, [("slow".to_owned(), lost)]);
}

#[test]
fn old_records_go_and_a_quiet_journal_still_rolls() {
    let disk = FaultDisk::new();
    let options = Options { max_age_ms: Some(8_000), ..Options::default() };
    let (mut journal, _) = open(&disk, &options);
    for second in 0..30 {
        journal
            .append(second * 1_000, |_, _, batch| {
                batch.push(1, b"tick");
            })
            .unwrap();
        for dropped in journal.trim(second * 1_000).unwrap() {
            assert_eq!(dropped.reason, Reason::Age);
        }
    }
    let kept = all(&mut journal.read(0)).len();
    assert!((8..=12).contains(&kept), "{kept} records of a second each");
}

#[test]
fn a_second_process_is_locked_out_and_told_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(RealDisk);
    let open = || Journal::open(disk.clone(), folder.path(), Options::default(), 0);
    let (journal, _) = open().unwrap();
    let error = open().unwrap_err();
    let pid = std::process::id();
    assert!(matches!(error, JournalError::Held { pid: Some(held), .. } if held == pid));
    assert!(error.to_string().contains(&format!("process {pid}")), "{error}");
    drop(journal);
    open().unwrap();
}

#[test]
fn a_real_disk_keeps_records_cursors_and_order() {
    let folder = tempfile::tempdir().unwrap();
    let wal = folder.path().join("deep/wal");
    let disk = Arc::new(RealDisk);
    let options = small_segments(100_000);
    for life in 0..3_u64 {
        let (mut journal, recovery) =
            Journal::open(disk.clone(), &wal, options.clone(), 0).unwrap();
        assert_eq!(recovery.lines(), Vec::<String>::new());
        assert_eq!(journal.cursor("a"), (life > 0).then_some(life * 20));
        for _ in 0..20 {
            append(&mut journal, &[&[3; 9_000]]);
        }
        journal.set_cursor("a", life * 20 + 20).unwrap();
        assert_eq!(journal.sync().unwrap(), life * 20 + 20);
        assert_eq!(all(&mut journal.read(0)).len() as u64, life * 20 + 20);
    }
    let path = wal.join("00000000000000000001.segment");
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 1).unwrap();
    let (mut journal, _) = Journal::open(disk, &wal, options, 0).unwrap();
    let mut reader = journal.read(0);
    assert_eq!(all(&mut reader).len(), 59);
    assert_eq!(reader.damage().records, 1);
    assert!(!journal.trim(0).unwrap().is_empty());
    assert!(!path.exists());
}

#[test]
fn a_newer_version_is_refused_only_where_its_checksum_is_good() {
    let disk = FaultDisk::new();
    append(&mut open(&disk, &Options::default()).0, &[b"x"]);
    let path = Path::new(FOLDER).join("00000000000000000001.segment");
    let mut bytes = disk.bytes(&path);
    bytes[8] = 2;
    disk.put(&path, &bytes);
    let (journal, recovery) = open(&disk, &Options::default());
    assert_eq!((recovery.damage.places, all(&mut journal.read(0)).len()), (1, 1), "damage");
    drop(journal);
    let sum = crc32c::crc32c(&bytes[..HEADER - 4]);
    bytes[HEADER - 4..HEADER].copy_from_slice(&sum.to_le_bytes());
    disk.put(&path, &bytes);
    let error = Journal::open(Arc::new(disk.clone()), Path::new(FOLDER), Options::default(), 0);
    let error = error.unwrap_err();
    assert!(matches!(error, JournalError::Newer { found: 2, known: 1, .. }), "{error}");
    assert_eq!(disk.bytes(&path), bytes, "untouched");
}

#[test]
fn too_large_a_record_is_refused_and_the_largest_is_taken() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    let mut payload = vec![5; MAX_RECORD_BYTES + 1];
    assert!(matches!(push(&mut journal, &payload), Err(AppendError::RecordTooLarge { .. })));
    payload.pop();
    assert_eq!(push(&mut journal, &payload).unwrap(), 1..2);
    let error = journal.append(0, |_, _, batch| {
        for _ in 0..3 {
            batch.push(1, &payload);
        }
    });
    assert!(matches!(error, Err(AppendError::BatchTooLarge { .. })));
    append(&mut journal, &[b"small"]);
    let mut reader = journal.read(0);
    let found = reader.next_record().unwrap().map(|record| record.payload == payload);
    assert_eq!(found, Some(true));
    assert_eq!(all(&mut reader), [(2, b"small".to_vec())]);
}

#[test]
fn cursors_have_names_an_end_and_a_number() {
    let disk = FaultDisk::new();
    let (mut journal, _) = open(&disk, &Options::default());
    append(&mut journal, &[b"x"]);
    for name in ["", "a/b", "ä", &"x".repeat(65)] {
        let error = journal.set_cursor(name, 0).unwrap_err();
        assert!(matches!(error, JournalError::CursorName { .. }), "{name}: {error}");
    }
    assert!(matches!(journal.set_cursor("a", 2), Err(JournalError::CursorAhead { last: 1, .. })));
    for number in 0..crate::MAX_CURSORS {
        journal.set_cursor(&format!("cursor-{number}"), 1).unwrap();
    }
    let error = journal.set_cursor("one-more", 1).unwrap_err();
    assert!(matches!(error, JournalError::TooManyCursors { limit: 61, .. }), "{error}");
    journal.remove_cursor("cursor-7").unwrap();
    journal.set_cursor("one-more", 1).unwrap();
    drop(journal);
    let (journal, _) = open(&disk, &Options::default());
    assert_eq!(journal.cursors().len(), 61);
    assert_eq!((journal.cursor("cursor-7"), journal.cursor("one-more")), (None, Some(1)));
}
