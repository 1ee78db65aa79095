//! The one durable log: what was appended survives a killed process, and is read back in order from
//! any sequence.
//!
//! A folder of segments, each a file of framed records, beside one file of named cursors; the bytes
//! are described in [`docs/formats/journal.md`](../../../docs/formats/journal.md). [`Journal`] is the only writer: it appends batches,
//! keeps cursors and drops old segments. [`Reader`] reads committed records, also while the journal
//! is written. [`Disk`] is all that is asked of a file system, so that tests can fail each of its
//! calls.
//!
//! It has no thread and no clock: the owner passes `now_ms`, decides when to call
//! [`Journal::sync`], and alone knows what the records mean.

mod batch;
mod cursor;
mod damage;
mod disk;
mod error;
#[cfg(any(test, feature = "faulty"))]
pub mod faulty;
mod frame;
mod index;
mod journal;
mod reader;
mod recover;
mod scan;
mod segment;
mod sync;
#[cfg(test)]
mod tests;
mod trim;
mod verify;

pub use batch::{Batch, MAX_BATCH_BYTES, MAX_RECORD_BYTES, RecordWriter};
pub use cursor::MAX_CURSORS;
pub use damage::{Damage, DamageLog};
pub use disk::{Disk, DiskFile, Entry, Held, RealDisk, Space};
pub use error::{AppendError, JournalError, SyncError};
pub use index::SegmentId;
pub use journal::{Journal, Options, Stats};
pub use reader::{Reader, Record};
pub use recover::Recovery;
pub use sync::{PendingSync, Synced};
pub use trim::{Dropped, Reason, Trimmed};
pub use verify::{Verified, verify};
