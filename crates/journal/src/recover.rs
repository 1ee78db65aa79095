//! Opening: what a killed process, a loss of power or a bad disk left is put in order, and said.
//!
//! Only the newest segment is read through; the ones before it are read when their records are.

use std::path::Path;
use std::sync::Arc;

use crate::cursor::Cursors;
use crate::damage::{Damage, DamageLog};
use crate::disk::{Disk, DiskFile, Entry};
use crate::error::JournalError;
use crate::frame::FRAME;
use crate::index::{Segment, SegmentId};
use crate::journal::{Active, Journal, Options, Parts};
use crate::scan::Scanner;
use crate::segment::{self, Found, Header, VERSION};
use crate::sync::Unsynced;

/// What was found at opening, for the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments found.
    pub segments: u64,
    /// The sequence that the next record gets.
    pub next: u64,
    /// Bytes after the last whole record that were cut off, and from which segment.
    pub cut: Option<(SegmentId, u64)>,
    /// Files of segments that held no whole record and no header, removed.
    pub removed: Vec<SegmentId>,
    /// Damaged headers, missing files, and what is damaged in the newest segment. The other
    /// segments' damage is found by who reads them.
    pub damage: DamageLog,
    /// Cursors of which both slots are damaged: whose they were is not known.
    pub cursors_lost: usize,
    /// Cursors whose next records are not there any more, and how many sequences are gone.
    pub behind: Vec<(String, u64)>,
}

impl Recovery {
    /// One line per thing that was not in order; none after an orderly end.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some((segment, bytes)) = self.cut {
            lines.push(format!("cut {bytes} torn bytes off the end of segment {}", segment.0));
        }
        for segment in &self.removed {
            lines.push(format!("removed segment {}, which held no whole record", segment.0));
        }
        lines.extend(self.damage.named.iter().map(ToString::to_string));
        let unnamed = self.damage.places - self.damage.named.len() as u64;
        if unnamed > 0 {
            lines.push(format!("{unnamed} more damaged places"));
        }
        if self.cursors_lost > 0 {
            lines.push(format!(
                "{} damaged cursors are gone: their readers begin at the oldest record",
                self.cursors_lost
            ));
        }
        for (name, records) in &self.behind {
            lines.push(format!("{records} records that cursor {name} had not passed are gone"));
        }
        lines
    }
}

/// A segment's file; no header where that is damaged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    pub first: u64,
    pub length: u64,
    pub header: Option<Header>,
}

/// The newest segment, after it was read through.
struct Newest {
    listed: Listed,
    file: Arc<dyn DiskFile>,
    /// Its last record's sequence, or the one before its first.
    last: u64,
    /// Whether it can be continued.
    sound: bool,
    /// How many records may stand in what the disk refuses to read.
    unread: u64,
}

pub(crate) fn open(
    disk: Arc<dyn Disk>,
    folder: &Path,
    options: Options,
    now_ms: i64,
) -> Result<(Journal, Recovery), JournalError> {
    disk.create_folder(folder)
        .map_err(|cause| JournalError::Folder { path: folder.to_owned(), cause })?;
    let lock = lock(&*disk, folder)?;
    let (cursors, cursors_lost) = Cursors::open(Arc::clone(&disk), folder)?;
    let mut recovery = Recovery { cursors_lost, ..Recovery::default() };
    let mut listed = list(&*disk, folder, &mut recovery.damage)?;
    recovery.segments = listed.len() as u64;
    let newest = settle(&*disk, folder, &mut listed, &mut recovery)?;
    let next = next_sequence(newest.as_ref(), cursors.highest());
    recovery.next = next;
    damaged_headers(&listed, &mut recovery.damage);
    let segments = in_index(&listed, now_ms);
    let oldest = segments.first().map_or(next, |segment| segment.first);
    recovery.behind = behind(&cursors, oldest);

    let parts = Parts {
        lock,
        unsynced: unsynced(&segments, newest.as_ref(), cursors.lowest().unwrap_or(0)),
        last_record: newest.as_ref().map_or(0, |newest| newest.last),
        active: newest.filter(|newest| newest.sound && newest.last + 1 == next).map(Active::from),
        segments,
        cursors,
        next,
    };
    Ok((Journal::from_parts(disk, folder, options, parts), recovery))
}

fn lock(disk: &dyn Disk, folder: &Path) -> Result<Box<dyn crate::disk::Held>, JournalError> {
    let path = folder.join("lock");
    match disk.lock(&path) {
        Ok(Ok(held)) => Ok(held),
        Ok(Err(pid)) => Err(JournalError::Held { path: folder.to_owned(), pid }),
        Err(cause) => Err(JournalError::Lock { path, cause }),
    }
}

/// The segments of a folder, oldest first. Notes files that are missing between two others.
pub(crate) fn list(
    disk: &dyn Disk,
    folder: &Path,
    damage: &mut DamageLog,
) -> Result<Vec<Listed>, JournalError> {
    let entries =
        disk.list(folder).map_err(|cause| JournalError::List { path: folder.to_owned(), cause })?;
    let mut found: Vec<(u64, u64)> = entries.iter().filter_map(of_entry).collect();
    found.sort_unstable();
    let mut segments: Vec<Listed> = Vec::with_capacity(found.len());
    for (first, length) in found {
        let path = segment::path(folder, first);
        let file = disk
            .open_to_read(&path)
            .map_err(|cause| JournalError::Read { path: path.clone(), cause })?;
        let before = segments.last().map(|segment| segment.first);
        let header = match segment::read_header(&*file, first) {
            Found::Newer { version } => {
                return Err(JournalError::Newer { path, found: version, known: VERSION });
            }
            Found::Good(header) => {
                if before.is_some_and(|before| before != header.previous) {
                    damage.add(place(first, 0, None));
                }
                Some(header)
            }
            Found::Damaged => None,
        };
        segments.push(Listed { first, length, header });
    }
    Ok(segments)
}

/// A header costs no record, but a version to come could not be told any more.
pub(crate) fn damaged_headers(listed: &[Listed], damage: &mut DamageLog) {
    for Listed { first, length, .. } in listed.iter().filter(|listed| listed.header.is_none()) {
        damage.add(place(*first, (*length).min(segment::HEADER as u64), Some(0)));
    }
}

fn of_entry(entry: &Entry) -> Option<(u64, u64)> {
    let first = segment::first_of(&entry.name)?;
    (!entry.is_folder).then_some((first, entry.length))
}

fn place(segment: u64, bytes: u64, records: Option<u64>) -> Damage {
    Damage { segment: SegmentId(segment), offset: 0, bytes, records, cause: None }
}

/// Read the newest segment through and cut what follows its last whole record. One that has neither
/// a header nor a record was being made when the process ended, and goes.
fn settle(
    disk: &dyn Disk,
    folder: &Path,
    segments: &mut Vec<Listed>,
    recovery: &mut Recovery,
) -> Result<Option<Newest>, JournalError> {
    while let Some(newest) = segments.last_mut() {
        let path = segment::path(folder, newest.first);
        let file =
            disk.open(&path).map_err(|cause| JournalError::Read { path: path.clone(), cause })?;
        let mut scanner = Scanner::new(Arc::clone(&file), newest.first, newest.length);
        while scanner.advance().is_some() {}
        recovery.damage.extend(scanner.take_damage());
        let has_record = scanner.end() > segment::HEADER as u64;
        if newest.header.is_none() && !has_record && !scanner.read_failed() {
            disk.remove(&path).map_err(|cause| JournalError::Remove { path, cause })?;
            recovery.removed.push(SegmentId(newest.first));
            segments.pop();
            continue;
        }
        if scanner.end() < newest.length && !scanner.read_failed() {
            let length = scanner.end();
            file.truncate(length).map_err(|cause| JournalError::Cut { path, length, cause })?;
            recovery.cut = Some((SegmentId(newest.first), newest.length - length));
            newest.length = length;
        }
        let sound = newest.header.is_some() && !scanner.read_failed();
        let unread = (newest.length - scanner.end().min(newest.length)) / FRAME as u64;
        return Ok(Some(Newest { listed: *newest, file, last: scanner.last(), sound, unread }));
    }
    Ok(None)
}

/// After every record and every cursor: a cursor can be durable where the records that it has passed
/// are not. Where the newest segment is not continued, the next one needs a name of its own, past
/// whatever may be readable another day.
fn next_sequence(newest: Option<&Newest>, highest_cursor: u64) -> u64 {
    let last = newest.map_or(0, |newest| match newest.sound {
        true => newest.last,
        false => (newest.last + newest.unread).max(newest.listed.first),
    });
    last.max(highest_cursor) + 1
}

pub(crate) fn in_index(listed: &[Listed], now_ms: i64) -> Vec<Segment> {
    let created = |listed: &Listed| listed.header.map_or(now_ms, |header| header.created_ms);
    let segment = |listed: &Listed| Segment {
        first: listed.first,
        created_ms: created(listed),
        length: listed.length,
    };
    listed.iter().map(segment).collect()
}

fn behind(cursors: &Cursors, oldest: u64) -> Vec<(String, u64)> {
    let gone = |sequence: u64| (oldest - 1).saturating_sub(sequence);
    let behind = cursors.all().filter(|(_, sequence)| gone(*sequence) > 0);
    behind.map(|(name, sequence)| (name.to_owned(), gone(sequence))).collect()
}

/// What the process before may have left without `fdatasync`: what it was is not known, so all that
/// a cursor still needs.
fn unsynced(segments: &[Segment], newest: Option<&Newest>, lowest: u64) -> Vec<Unsynced> {
    let ends = segments.iter().skip(1).map(|after| after.first - 1);
    let ends = ends.chain(newest.map(|newest| newest.last));
    let whole = |(segment, last): (&Segment, u64)| Unsynced {
        segment: segment.first,
        file: None,
        first: segment.first,
        last,
    };
    let mut unsynced: Vec<Unsynced> = segments.iter().zip(ends).map(whole).collect();
    unsynced.retain(|part| part.last > lowest);
    unsynced
}

impl From<Newest> for Active {
    fn from(newest: Newest) -> Self {
        let Listed { first, length, header } = newest.listed;
        let created_ms = header.map_or(0, |header| header.created_ms);
        Self::new(Segment { first, created_ms, length }, newest.file)
    }
}
