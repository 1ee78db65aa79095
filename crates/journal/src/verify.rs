//! Reading a journal through without changing it or locking it, to say whether it is whole.

use std::path::Path;
use std::sync::Arc;

use crate::cursor::Cursors;
use crate::damage::DamageLog;
use crate::disk::Disk;
use crate::error::JournalError;
use crate::index::{Index, SharedIndex};
use crate::reader::Reader;
use crate::recover::{damaged_headers, in_index, list};

/// What a journal holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files of records.
    pub segments: u64,
    /// Records that could be read.
    pub records: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// What could not be read. A running writer's last append can show as damage at the end.
    pub damage: DamageLog,
    /// Cursors and the sequences that they have acknowledged.
    pub cursors: Vec<(String, u64)>,
    /// Cursors of which both slots are damaged.
    pub cursors_lost: usize,
}

/// Read all of a journal through.
///
/// # Errors
/// It cannot be listed or opened, or is of a version to come. Damage is no error.
pub fn verify(disk: Arc<dyn Disk>, folder: &Path) -> Result<Verified, JournalError> {
    let mut verified = Verified::default();
    let (cursors, cursors_lost) = Cursors::open_to_read(Arc::clone(&disk), folder)?;
    verified.cursors = cursors.all().map(|(name, at)| (name.to_owned(), at)).collect();
    verified.cursors_lost = cursors_lost;
    let listed = list(&*disk, folder, &mut verified.damage)?;
    damaged_headers(&listed, &mut verified.damage);
    let segments = in_index(&listed, 0);
    verified.segments = segments.len() as u64;
    let index = SharedIndex::new(Index { segments, next: u64::MAX });
    let mut reader = Reader::new(disk, folder.to_owned(), index, 0);
    while let Some(record) = reader.next_record()? {
        verified.records += 1;
        verified.bytes += record.payload.len() as u64;
    }
    verified.damage.extend(reader.into_damage());
    Ok(verified)
}
