//! What can go wrong with a store as a whole; what is wrong with one row is a [`crate::Reason`].

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a store could not be opened. Damage is none of these: it costs what is damaged.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum OpenError {
    #[error("cannot open the log of {dir}")]
    Log {
        dir: PathBuf,
        #[source]
        cause: Box<journal::JournalError>,
    },
    #[error("cannot use the data folder {path}")]
    Folder {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error(
        "{path} was written by a newer version (format {found}, this one reads up to {known}): run that version, or use another data folder"
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
}

/// Why a batch was not taken at all. None of it is stored then, and sending it again is safe.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum AppendError {
    #[error("the disk of the data folder is full: free space there, writes resume by themselves")]
    Full { retry_after: Duration },
    #[error("the batch has {found} samples, at most {most} are taken at once")]
    Limit { found: usize, most: usize },
    #[error("cannot write the log")]
    Io(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a store could not be closed well: the next start reads the log again.
#[derive(Debug, thiserror::Error)]
#[error("cannot put the log on the medium")]
pub struct CloseError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
