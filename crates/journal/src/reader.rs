//! Reading committed records from any sequence, also while the journal is written and trimmed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::damage::{Damage, DamageLog};
use crate::disk::Disk;
use crate::error::JournalError;
use crate::index::{Segment, SegmentId, SharedIndex};
use crate::scan::{Found, Scanner};
use crate::segment::{self, VERSION};

/// One record, as it was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place in the order of all records.
    pub sequence: u64,
    /// What the writer called it.
    pub kind: u8,
    /// The segment that it is in, whose dictionary it uses.
    pub segment: SegmentId,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// Reads records in order; at the end, the next call goes on with what was appended since.
#[derive(Debug)]
pub struct Reader {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    index: SharedIndex,
    from: u64,
    scanner: Option<Scanner>,
    damage: DamageLog,
}

impl Reader {
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: PathBuf, index: SharedIndex, from: u64) -> Self {
        Self { disk, folder, index, from, scanner: None, damage: DamageLog::default() }
    }

    /// The next record; none where the journal ends for now.
    ///
    /// Damage is stepped over and noted in [`Reader::damage`].
    ///
    /// # Errors
    /// A segment that is there and cannot be opened, or is of a version to come.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, JournalError> {
        let Some(found) = self.find()? else {
            return Ok(None);
        };
        let Some(scanner) = &self.scanner else {
            return Ok(None);
        };
        Ok(Some(Record {
            sequence: found.sequence,
            kind: found.kind,
            segment: SegmentId(scanner.segment()),
            payload: scanner.payload(&found),
        }))
    }

    /// What could not be read so far, in the segments that were gone through.
    #[must_use]
    pub fn damage(&self) -> &DamageLog {
        &self.damage
    }

    /// What could not be read, also at the end of the last segment; for who reads no further.
    pub(crate) fn into_damage(mut self) -> DamageLog {
        if let Some(tail) = self.scanner.as_mut().and_then(|scanner| scanner.tail(None)) {
            self.damage.add(tail);
        }
        self.damage
    }

    fn find(&mut self) -> Result<Option<Found>, JournalError> {
        loop {
            if let Some(scanner) = &mut self.scanner {
                let found = scanner.advance();
                self.damage.extend(scanner.take_damage());
                match found {
                    Some(found) if found.sequence >= self.from => return Ok(Some(found)),
                    Some(_) => continue,
                    None => {}
                }
            }
            if !self.go_on()? {
                return Ok(None);
            }
        }
    }

    /// Let the scanner see more of its segment, or go to the next one; false at the journal's end.
    fn go_on(&mut self) -> Result<bool, JournalError> {
        let index = self.index.lock();
        let next = match &mut self.scanner {
            None => index.holding(self.from),
            Some(scanner) => {
                if let Some(same) = index.exactly(scanner.segment())
                    && scanner.extend_to(same.length)
                {
                    return Ok(true);
                }
                index.after(scanner.segment())
            }
        };
        drop(index);
        next.map_or(Ok(false), |next| self.enter(next).map(|()| true))
    }

    fn enter(&mut self, next: Segment) -> Result<(), JournalError> {
        let path = segment::path(&self.folder, next.first);
        let file = match self.disk.open_to_read(&path) {
            Ok(file) => Some(file),
            // Trimmed a moment ago, or taken away: the next segment says what is missing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(cause) => return Err(JournalError::Read { path, cause }),
        };
        let header = file.as_ref().map(|file| segment::read_header(&**file, next.first));
        let after = match header {
            Some(segment::Found::Newer { version }) => {
                return Err(JournalError::Newer { path, found: version, known: VERSION });
            }
            Some(segment::Found::Good(header)) => header.after,
            Some(segment::Found::Damaged) | None => next.first - 1,
        };
        self.leave(after, next.first);
        self.scanner = Some(match file {
            Some(file) => Scanner::new(file, next.first, next.length),
            None => Scanner::gone(next.first),
        });
        Ok(())
    }

    /// Note what the segment behind does not hold of the records up to `after`.
    fn leave(&mut self, after: u64, next: u64) {
        let Some(scanner) = &mut self.scanner else {
            return;
        };
        let lost = after.saturating_sub(scanner.last());
        if let Some(damage) = scanner.tail(Some(lost)) {
            self.damage.add(damage);
        } else if lost > 0 {
            let segment = SegmentId(next);
            self.damage.add(Damage {
                segment,
                offset: 0,
                bytes: 0,
                records: Some(lost),
                cause: None,
            });
        }
    }
}
