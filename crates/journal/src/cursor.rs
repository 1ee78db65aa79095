//! Named cursors: how far each reader has acknowledged, in one file of slots.
//!
//! A cursor has two slots of a sector each and is written to the older one, so that a torn write
//! leaves the other. A cursor of which both are damaged is gone: its owner begins at the oldest
//! record, so that what is lost is at most the knowledge that something was sent.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::error::JournalError;
use crate::segment::word;

/// How many cursors a journal keeps.
pub const MAX_CURSORS: usize = 61;
/// The smallest piece that a disk writes whole.
const SLOT: usize = 512;
/// Slots ahead of the first cursor's: the file's header, and room for later versions.
const AHEAD: usize = 6;
const FILE_BYTES: usize = (AHEAD + 2 * MAX_CURSORS) * SLOT;
const MAX_NAME: usize = 64;
const MAGIC: &[u8; 8] = b"GPULSEC\n";
const VERSION: u16 = 1;

/// All cursors, as they are on disk.
#[derive(Debug)]
pub(crate) struct Cursors {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Option<Arc<dyn DiskFile>>,
    header_good: bool,
    places: Vec<Option<Cursor>>,
    unsynced: bool,
    /// Whether the file was made and its name may not be on the medium.
    made: bool,
    /// Places of which the file or the medium may say something else.
    stale: BTreeSet<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    name: String,
    sequence: u64,
    generation: u64,
}

impl Cursors {
    /// Read the cursors of a journal's folder, and in how many places both slots are damaged.
    pub(crate) fn open(disk: Arc<dyn Disk>, folder: &Path) -> Result<(Self, usize), JournalError> {
        let opened = disk.open(&folder.join("cursors"));
        Self::from_file(disk, folder, opened)
    }

    /// As [`Cursors::open`], never to be written.
    pub(crate) fn open_to_read(
        disk: Arc<dyn Disk>,
        folder: &Path,
    ) -> Result<(Self, usize), JournalError> {
        let opened = disk.open_to_read(&folder.join("cursors"));
        Self::from_file(disk, folder, opened)
    }

    fn from_file(
        disk: Arc<dyn Disk>,
        folder: &Path,
        opened: io::Result<Arc<dyn DiskFile>>,
    ) -> Result<(Self, usize), JournalError> {
        let path = folder.join("cursors");
        let mut bytes = vec![0; FILE_BYTES];
        let file = match opened {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(cause) => return Err(JournalError::Read { path, cause }),
        };
        if let Some(file) = &file {
            read_slots(&**file, &mut bytes);
        }
        let header_good = match header_version(&bytes) {
            Some(found) if found > VERSION => {
                return Err(JournalError::Newer { path, found, known: VERSION });
            }
            version => version.is_some(),
        };
        let (places, damaged) = parse_all(&bytes);
        let unsynced = file.is_some();
        let cursors = Self {
            disk,
            path,
            file,
            header_good,
            places,
            unsynced,
            made: false,
            stale: BTreeSet::new(),
        };
        Ok((cursors, damaged))
    }

    pub(crate) fn get(&self, name: &str) -> Option<u64> {
        self.all().find(|(held, _)| *held == name).map(|(_, sequence)| sequence)
    }

    /// Names and sequences.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, u64)> {
        self.places.iter().flatten().map(|cursor| (cursor.name.as_str(), cursor.sequence))
    }

    pub(crate) fn lowest(&self) -> Option<u64> {
        self.all().map(|(_, sequence)| sequence).min()
    }

    pub(crate) fn highest(&self) -> u64 {
        self.all().map(|(_, sequence)| sequence).max().unwrap_or(0)
    }

    /// Write a cursor, a new one where there is none of that name.
    pub(crate) fn set(&mut self, name: &str, sequence: u64) -> Result<(), JournalError> {
        check_name(name)?;
        self.write_stale().map_err(|cause| self.error(cause))?;
        let held = self.places.iter().position(|place| is_named(place.as_ref(), name));
        let free = || self.places.iter().position(Option::is_none);
        let Some(at) = held.or_else(free) else {
            let name = name.to_owned();
            return Err(JournalError::TooManyCursors { name, limit: MAX_CURSORS });
        };
        let generation = self.places[at].as_ref().map_or(1, |cursor| cursor.generation + 1);
        let cursor = Cursor { name: name.to_owned(), sequence, generation };
        self.put(at, cursor).map_err(|cause| self.error(cause))
    }

    /// Forget a cursor; nothing happens where there is none.
    pub(crate) fn remove(&mut self, name: &str) -> Result<(), JournalError> {
        let held = self.places.iter().position(|place| is_named(place.as_ref(), name));
        held.map_or(Ok(()), |at| self.clear(at)).map_err(|cause| self.error(cause))
    }

    /// The file, if something was written to it since it was last taken.
    pub(crate) fn take_unsynced(&mut self) -> io::Result<Option<Arc<dyn DiskFile>>> {
        self.write_stale()?;
        Ok(std::mem::take(&mut self.unsynced).then(|| self.file.clone()).flatten())
    }

    /// Whether the folder has a new name in it since this was last asked.
    pub(crate) fn take_made(&mut self) -> bool {
        std::mem::take(&mut self.made)
    }

    /// Put every cursor on the medium now.
    pub(crate) fn make_durable(&mut self) -> Result<(), JournalError> {
        let synced = self.take_unsynced().and_then(|file| {
            let Some(file) = file else { return Ok(()) };
            self.path.parent().map_or(Ok(()), |folder| self.disk.sync_folder(folder))?;
            file.sync()
        });
        synced.map_err(|cause| {
            self.rewrite_all();
            self.error(cause)
        })
    }

    fn error(&self, cause: io::Error) -> JournalError {
        JournalError::CursorWrite { path: self.path.clone(), cause }
    }

    /// What is on the medium is not known any more: write every cursor again before the next one.
    pub(crate) fn rewrite_all(&mut self) {
        let used = |(at, place): (usize, &Option<Cursor>)| place.is_some().then_some(at);
        self.stale.extend(self.places.iter().enumerate().filter_map(used));
    }

    fn write_stale(&mut self) -> io::Result<()> {
        while let Some(at) = self.stale.pop_first() {
            match self.places[at].clone() {
                Some(cursor) => {
                    let generation = cursor.generation + 1;
                    self.put(at, Cursor { generation, ..cursor })?;
                }
                None => self.clear(at)?,
            }
        }
        Ok(())
    }

    fn put(&mut self, at: usize, cursor: Cursor) -> io::Result<()> {
        let slot = slot_of(at, cursor.generation);
        self.write(at, slot, &cursor.to_bytes(slot))?;
        self.places[at] = Some(cursor);
        Ok(())
    }

    /// The older slot first: between the two writes the cursor is as it was.
    fn clear(&mut self, at: usize) -> io::Result<()> {
        let generation = self.places[at].as_ref().map_or(0, |cursor| cursor.generation);
        self.write(at, slot_of(at, generation + 1), &[0; SLOT])?;
        self.write(at, slot_of(at, generation), &[0; SLOT])?;
        self.places[at] = None;
        Ok(())
    }

    /// After an error the slot may hold either: the place is written again ahead of what comes next.
    fn write(&mut self, at: usize, slot: usize, bytes: &[u8; SLOT]) -> io::Result<()> {
        let written = self.file().and_then(|file| file.write_at(bytes, (slot * SLOT) as u64));
        self.unsynced = true;
        if written.is_err() {
            self.stale.insert(at);
        }
        written
    }

    /// The file with a good header, made at the first write.
    fn file(&mut self) -> io::Result<Arc<dyn DiskFile>> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => {
                self.made = true;
                self.disk.create(&self.path)?
            }
        };
        self.file = Some(Arc::clone(&file));
        if !self.header_good {
            file.write_at(&header(), 0)?;
            self.header_good = true;
        }
        Ok(file)
    }
}

impl Cursor {
    fn to_bytes(&self, slot: usize) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[4] = u8::try_from(self.name.len()).unwrap_or(0);
        bytes[8..16].copy_from_slice(&self.generation.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..24 + self.name.len()].copy_from_slice(self.name.as_bytes());
        let sum = checksum(slot, &bytes);
        bytes[..4].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn parse(slot: usize, bytes: &[u8]) -> Option<Self> {
        if word(&bytes[..4]) != u64::from(checksum(slot, bytes)) {
            return None;
        }
        let name = bytes.get(24..24 + usize::from(bytes[4]))?;
        let name = std::str::from_utf8(name).ok()?.to_owned();
        check_name(&name).ok()?;
        Some(Self { name, generation: word(&bytes[8..16]), sequence: word(&bytes[16..24]) })
    }
}

/// A slot's checksum begins with its number, so that a slot written at a wrong place is damage.
fn checksum(slot: usize, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&(slot as u64).to_le_bytes()), &bytes[4..])
}

fn slot_of(place: usize, generation: u64) -> usize {
    AHEAD + 2 * place + usize::from(generation % 2 == 1)
}

fn is_named(place: Option<&Cursor>, name: &str) -> bool {
    place.is_some_and(|cursor| cursor.name == name)
}

fn header() -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    bytes[4..12].copy_from_slice(MAGIC);
    bytes[12..14].copy_from_slice(&VERSION.to_le_bytes());
    let sum = checksum(0, &bytes);
    bytes[..4].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The version in the header; none where it is damaged.
fn header_version(bytes: &[u8]) -> Option<u16> {
    let bytes = &bytes[..SLOT];
    let good = &bytes[4..12] == MAGIC && word(&bytes[..4]) == u64::from(checksum(0, bytes));
    good.then(|| u16::from_le_bytes([bytes[12], bytes[13]]))
}

/// Slot by slot where the disk refuses to read all at once; a slot that it refuses is damaged.
fn read_slots(file: &dyn DiskFile, bytes: &mut [u8]) {
    if file.read_at(bytes, 0).is_ok() {
        return;
    }
    for (slot, bytes) in bytes.chunks_mut(SLOT).enumerate() {
        if file.read_at(bytes, (slot * SLOT) as u64).is_err() {
            bytes.fill(0xff);
        }
    }
}

/// The cursor in each place, and in how many places something is written that is none.
fn parse_all(bytes: &[u8]) -> (Vec<Option<Cursor>>, usize) {
    let mut damaged = 0;
    let mut places: Vec<Option<Cursor>> = Vec::with_capacity(MAX_CURSORS);
    for place in 0..MAX_CURSORS {
        let slots = [AHEAD + 2 * place, AHEAD + 2 * place + 1];
        let written = |slot: usize| &bytes[slot * SLOT..(slot + 1) * SLOT];
        let cursor = slots
            .iter()
            .filter_map(|slot| Cursor::parse(*slot, written(*slot)))
            .max_by_key(|cursor| cursor.generation);
        let used = slots.iter().any(|slot| written(*slot).iter().any(|byte| *byte != 0));
        damaged += usize::from(cursor.is_none() && used);
        places.push(cursor);
    }
    (places, damaged)
}

fn check_name(name: &str) -> Result<(), JournalError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(JournalError::CursorName { name: name.chars().take(80).collect() })
}
