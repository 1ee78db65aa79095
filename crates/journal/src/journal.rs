//! The writer: appends batches to the newest segment and begins the next one when it is full.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::Batch;
use crate::cursor::Cursors;
use crate::disk::{Disk, DiskFile, Held};
use crate::error::{AppendError, JournalError, is_full};
use crate::index::{Index, Segment, SegmentId, SharedIndex};
use crate::reader::Reader;
use crate::recover::{self, Recovery};
use crate::segment::{self, Header};
use crate::sync::Unsynced;

/// How a journal behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment that has this many bytes is followed by a new one. A batch is never divided.
    pub segment_bytes: u64,
    /// Appends are refused while the journal has this many bytes.
    pub refuse_above_bytes: Option<u64>,
    /// [`Journal::trim`] drops the oldest segments, read or not, while there are more bytes.
    pub max_bytes: Option<u64>,
    /// [`Journal::trim`] drops segments, read or not, whose last record is older. Segments are then
    /// begun at least eight times in that span, since whole ones are dropped.
    pub max_age_ms: Option<i64>,
}

impl Default for Options {
    /// Segments of 32 MiB, no caps.
    fn default() -> Self {
        Self {
            segment_bytes: 32 << 20,
            refuse_above_bytes: None,
            max_bytes: None,
            max_age_ms: None,
        }
    }
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Files of records.
    pub segments: u64,
    /// Committed bytes in them.
    pub bytes: u64,
    /// The oldest sequence that may still be there; [`Stats::next`] where there is no record.
    pub oldest: u64,
    /// The sequence that the next record gets.
    pub next: u64,
    /// The last sequence known to be durable; 0 before the first sync.
    pub durable: u64,
    /// Appends that the disk refused since opening.
    pub failed_appends: u64,
}

/// The only writer of a folder.
#[derive(Debug)]
pub struct Journal {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
    pub(crate) index: SharedIndex,
    pub(crate) active: Option<Active>,
    pub(crate) cursors: Cursors,
    pub(crate) unsynced: Vec<Unsynced>,
    pub(crate) names_changed: bool,
    pub(crate) durable: u64,
    next: u64,
    /// The last record that was written; less than `next - 1` where a cursor was ahead of it.
    last_record: u64,
    batch: Batch,
    failed_appends: u64,
    _lock: Box<dyn Held>,
}

/// What opening found.
pub(crate) struct Parts {
    pub lock: Box<dyn Held>,
    pub segments: Vec<Segment>,
    pub active: Option<Active>,
    pub cursors: Cursors,
    pub unsynced: Vec<Unsynced>,
    pub next: u64,
    pub last_record: u64,
}

/// The segment that is written to.
#[derive(Debug)]
pub(crate) struct Active {
    pub first: u64,
    pub created_ms: i64,
    file: Arc<dyn DiskFile>,
    /// Committed bytes.
    length: u64,
    /// Whether this process has not appended to it yet.
    fresh: bool,
    /// Whether bytes of a failed write may stand behind the committed ones.
    torn: bool,
    /// Whether the next append begins another segment.
    full: bool,
}

impl Active {
    pub(crate) fn new(segment: Segment, file: Arc<dyn DiskFile>) -> Self {
        Self {
            first: segment.first,
            created_ms: segment.created_ms,
            file,
            length: segment.length,
            fresh: true,
            torn: false,
            full: false,
        }
    }

    /// Cut what a failed write left. Until that succeeds nothing is written, since what is left may
    /// hold whole records that were refused.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.truncate(self.length)?;
            self.torn = false;
        }
        Ok(())
    }
}

impl Journal {
    /// Open the journal in a folder, made if it is not there, and put in order what an earlier
    /// process left. A segment that does not say when it was begun counts as begun at `now_ms`.
    ///
    /// # Errors
    /// Another process has it; the disk refuses; it was written by a newer version. Damage is no
    /// error: it is in the [`Recovery`].
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        options: Options,
        now_ms: i64,
    ) -> Result<(Self, Recovery), JournalError> {
        recover::open(disk, folder, options, now_ms)
    }

    pub(crate) fn from_parts(
        disk: Arc<dyn Disk>,
        folder: &Path,
        options: Options,
        parts: Parts,
    ) -> Self {
        let Parts { lock, segments, active, cursors, unsynced, next, last_record } = parts;
        Self {
            disk,
            folder: folder.to_owned(),
            options,
            index: SharedIndex::new(Index { segments, next }),
            active,
            cursors,
            unsynced,
            names_changed: true,
            durable: 0,
            next,
            last_record,
            batch: Batch::default(),
            failed_appends: 0,
            _lock: lock,
        }
    }

    /// Append the records that `fill` pushes, all or none, by one `write`; returns their sequences.
    ///
    /// `fill` is told the segment, and whether this process writes to it for the first time: records
    /// that say what later ones refer to are then pushed again, so that a segment stands alone.
    /// After this returns the records survive a killed process; [`Journal::sync`] makes them survive
    /// a loss of power.
    ///
    /// # Errors
    /// None of the records is in the journal then, and their sequences are given to the next batch.
    pub fn append(
        &mut self,
        now_ms: i64,
        fill: impl FnOnce(SegmentId, bool, &mut Batch),
    ) -> Result<Range<u64>, AppendError> {
        let appended = self.try_append(now_ms, fill);
        self.failed_appends += u64::from(appended.is_err());
        self.batch.shrink();
        appended
    }

    fn try_append(
        &mut self,
        now_ms: i64,
        fill: impl FnOnce(SegmentId, bool, &mut Batch),
    ) -> Result<Range<u64>, AppendError> {
        self.check_limit()?;
        let mut active = self.take_active(now_ms)?;
        self.batch.begin(active.first, active.length, self.next);
        fill(SegmentId(active.first), active.fresh, &mut self.batch);
        let written = self.write(&mut active);
        self.active = Some(active);
        written
    }

    fn check_limit(&self) -> Result<(), AppendError> {
        let Some(limit) = self.options.refuse_above_bytes else {
            return Ok(());
        };
        let bytes = self.index.lock().bytes();
        if bytes < limit { Ok(()) } else { Err(AppendError::OverLimit { bytes, limit }) }
    }

    /// The segment to write to, cut where the last write failed, or a new one where one is due.
    fn take_active(&mut self, now_ms: i64) -> Result<Active, AppendError> {
        let Some(mut active) = self.active.take() else {
            return self.begin_segment(now_ms);
        };
        let path = segment::path(&self.folder, active.first);
        let ready = match active.mend() {
            Err(cause) => Err(AppendError::Cut { path, cause }),
            Ok(()) if self.is_due(&active, now_ms) => self.begin_segment(now_ms),
            Ok(()) => return Ok(active),
        };
        if ready.is_err() {
            self.active = Some(active);
        }
        ready
    }

    /// Whether the next append begins another segment. One without a record never is: the next one
    /// would have its name.
    fn is_due(&self, active: &Active, now_ms: i64) -> bool {
        let age_ms = now_ms.saturating_sub(active.created_ms);
        let old = self.options.max_age_ms.is_some_and(|max| age_ms > max / 8);
        let full = active.full || old || active.length >= self.options.segment_bytes;
        full && active.first < self.next
    }

    fn begin_segment(&mut self, now_ms: i64) -> Result<Active, AppendError> {
        let first = self.next;
        let path = segment::path(&self.folder, first);
        let previous = self.index.lock().segments.last().map_or(0, |segment| segment.first);
        let header = Header { first, created_ms: now_ms, previous, after: self.last_record };
        let begun = self.disk.create(&path).and_then(|file| {
            file.write_at(&header.to_bytes(), 0)?;
            Ok(file)
        });
        match begun {
            Ok(file) => {
                self.names_changed = true;
                let length = segment::HEADER as u64;
                let segment = Segment { first, created_ms: now_ms, length };
                self.index.lock().segments.push(segment);
                Ok(Active::new(segment, file))
            }
            Err(cause) => {
                // What is left of it is made again under the same name, or removed at opening.
                let _ = self.disk.remove(&path);
                Err(if is_full(&cause) {
                    AppendError::Full { path, cause }
                } else {
                    AppendError::Begin { path, cause }
                })
            }
        }
    }

    fn write(&mut self, active: &mut Active) -> Result<Range<u64>, AppendError> {
        let framed = self.batch.framed()?;
        let sequences = self.next..self.batch.next_sequence();
        if sequences.is_empty() {
            return Ok(sequences);
        }
        match active.file.write_at(framed, active.length) {
            Ok(()) => {
                active.length += framed.len() as u64;
                active.fresh = false;
                self.commit(active, &sequences);
                Ok(sequences)
            }
            Err(cause) => {
                active.torn = true;
                // Tried again ahead of the next append, which fails until it succeeds.
                let _ = active.mend();
                let path = segment::path(&self.folder, active.first);
                Err(if is_full(&cause) {
                    AppendError::Full { path, cause }
                } else {
                    AppendError::Write { path, cause }
                })
            }
        }
    }

    fn commit(&mut self, active: &Active, sequences: &Range<u64>) {
        self.next = sequences.end;
        self.last_record = sequences.end - 1;
        let mut index = self.index.lock();
        index.next = self.next;
        if let Some(segment) = index.segments.last_mut() {
            segment.length = active.length;
        }
        drop(index);
        match self.unsynced.last_mut() {
            Some(part) if part.segment == active.first => part.last = self.last_record,
            _ => self.unsynced.push(Unsynced {
                segment: active.first,
                file: Some(Arc::clone(&active.file)),
                first: sequences.start,
                last: self.last_record,
            }),
        }
    }

    /// Let the next append begin a new segment.
    pub fn roll(&mut self) {
        if let Some(active) = &mut self.active {
            active.full = true;
        }
    }

    /// Read the records from a sequence on; 0 for all. The reader does not borrow the journal.
    #[must_use]
    pub fn read(&self, from: u64) -> Reader {
        Reader::new(Arc::clone(&self.disk), self.folder.clone(), self.index.clone(), from)
    }

    /// The segment in which a sequence is, or would be; none where the journal is empty. To read a
    /// sequence with the records that it refers to, read from the segment's first.
    #[must_use]
    pub fn segment_of(&self, sequence: u64) -> Option<SegmentId> {
        self.index.lock().holding(sequence).map(|segment| SegmentId(segment.first))
    }

    /// The last sequence that a cursor has acknowledged; none where there is no such cursor: then
    /// read from the oldest record and set it.
    #[must_use]
    pub fn cursor(&self, name: &str) -> Option<u64> {
        self.cursors.get(name)
    }

    /// Names of all cursors and their sequences.
    #[must_use]
    pub fn cursors(&self) -> Vec<(String, u64)> {
        self.cursors.all().map(|(name, sequence)| (name.to_owned(), sequence)).collect()
    }

    /// Note that everything up to `sequence` is acknowledged; makes the cursor where there is none.
    /// Durable with the next [`Journal::sync`], or before anything that it has passed is dropped.
    ///
    /// # Errors
    /// A name that is none, too many cursors, a sequence past the journal's end, or the disk: the
    /// cursor is where it was then, and after a crash where it was or where it should have gone.
    pub fn set_cursor(&mut self, name: &str, sequence: u64) -> Result<(), JournalError> {
        let last = self.next - 1;
        if sequence > last {
            return Err(JournalError::CursorAhead { name: name.to_owned(), sequence, last });
        }
        self.cursors.set(name, sequence)
    }

    /// Forget a cursor, so that it holds nothing back; nothing happens where there is none.
    ///
    /// # Errors
    /// The disk's; the cursor is still there then.
    pub fn remove_cursor(&mut self, name: &str) -> Result<(), JournalError> {
        self.cursors.remove(name)
    }

    /// How much there is.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let index = self.index.lock();
        Stats {
            segments: index.segments.len() as u64,
            bytes: index.bytes(),
            oldest: index.segments.first().map_or(index.next, |segment| segment.first),
            next: index.next,
            durable: self.durable,
            failed_appends: self.failed_appends,
        }
    }
}
