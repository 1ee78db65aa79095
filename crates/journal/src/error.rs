//! What can go wrong, one variant per operation. What was damaged on disk is no error: it is counted
//! and named beside what could be read ([`crate::DamageLog`]).

use std::io;
use std::path::PathBuf;

/// Why a journal could not be opened, read, trimmed, or a cursor not kept.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum JournalError {
    #[error("cannot make folder {path}")]
    Folder {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot lock {path}")]
    Lock {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("{path} is in use by {}: stop it, or choose another data folder", holder(*.pid))]
    Held { path: PathBuf, pid: Option<u32> },
    #[error("cannot list {path}")]
    List {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot cut the torn end of {path} at byte {length}")]
    Cut {
        path: PathBuf,
        length: u64,
        #[source]
        cause: io::Error,
    },
    #[error(
        "{path} has format version {found} and this program knows versions up to {known}: \
         use the program that wrote it, or a newer one"
    )]
    Newer { path: PathBuf, found: u16, known: u16 },
    #[error("cursor name {name:?} is not 1 to 64 of a-z, A-Z, 0-9, '-', '_', '.', ':'")]
    CursorName { name: String },
    #[error("no room for cursor {name:?}: {limit} are in use, remove one first")]
    TooManyCursors { name: String, limit: usize },
    #[error("cursor {name:?} cannot go to {sequence}: the journal ends at {last}")]
    CursorAhead { name: String, sequence: u64, last: u64 },
    #[error("cannot write cursors to {path}")]
    CursorWrite {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot remove {path}")]
    Remove {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// Why a batch was not appended. None of its records is in the journal then.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum AppendError {
    #[error("the disk of {path} is full")]
    Full {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("the journal holds {bytes} bytes, its limit is {limit}")]
    OverLimit { bytes: u64, limit: u64 },
    #[error("cannot begin segment {path}")]
    Begin {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot write to segment {path}")]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot cut segment {path} after a write that failed")]
    Cut {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("a record of more than {limit} bytes")]
    RecordTooLarge { limit: usize },
    #[error("a batch of more than {limit} bytes")]
    BatchTooLarge { limit: usize },
}

impl AppendError {
    /// Whether room is what is missing: the same batch is taken once there is some.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::OverLimit { .. })
    }
}

/// Which records may not outlive a loss of power, because the disk refused to say that they will.
/// They can still be read now. The next append begins a new segment.
#[derive(Debug, thiserror::Error)]
#[error("cannot make records {first} to {last} in {path} durable")]
#[expect(missing_docs, reason = "the message says what each is")]
pub struct SyncError {
    pub path: PathBuf,
    pub first: u64,
    pub last: u64,
    #[source]
    pub cause: io::Error,
}

/// Whether the disk or the user's share of it is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
