//! Making records durable. The slow part, the disk's own work, can be done away from the journal,
//! so that appends go on meanwhile.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::error::SyncError;
use crate::journal::Journal;
use crate::segment;

/// Records of one segment that were written and not yet made durable.
#[derive(Debug, Clone)]
pub(crate) struct Unsynced {
    pub segment: u64,
    /// None where it is only opened to be made durable.
    pub file: Option<Arc<dyn DiskFile>>,
    pub first: u64,
    pub last: u64,
}

/// What there is to be made durable; does nothing until it is run.
#[derive(Debug)]
#[must_use = "what is taken here is durable only after run() and finish_sync()"]
pub struct PendingSync {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    unsynced: Vec<Unsynced>,
    names_changed: bool,
    cursors: io::Result<Option<Arc<dyn DiskFile>>>,
}

/// What became of it.
#[derive(Debug)]
#[must_use = "hand it to Journal::finish_sync"]
pub struct Synced {
    durable: u64,
    names_failed: bool,
    cursors_failed: bool,
    failure: Option<SyncError>,
}

impl PendingSync {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unsynced.is_empty() && !self.names_changed && matches!(self.cursors, Ok(None))
    }

    /// Do it. May take as long as the disk does.
    pub fn run(self) -> Synced {
        let mut synced =
            Synced { durable: 0, names_failed: false, cursors_failed: false, failure: None };
        let names = if self.names_changed { self.disk.sync_folder(&self.folder) } else { Ok(()) };
        if let Err(cause) = names {
            synced.names_failed = true;
            synced.cursors_failed = true;
            synced.failure = Some(self.in_doubt(cause));
            return synced;
        }
        for part in &self.unsynced {
            match self.sync_file(part) {
                Ok(()) => synced.durable = synced.durable.max(part.last),
                Err(cause) => synced.note(SyncError {
                    path: segment::path(&self.folder, part.segment),
                    first: part.first,
                    last: part.last,
                    cause,
                }),
            }
        }
        if let Err(cause) = self.cursors.and_then(|file| file.map_or(Ok(()), |file| file.sync())) {
            synced.cursors_failed = true;
            synced.note(SyncError { path: self.folder, first: 0, last: 0, cause });
        }
        synced
    }

    fn sync_file(&self, part: &Unsynced) -> io::Result<()> {
        if let Some(file) = &part.file {
            return file.sync();
        }
        match self.disk.open_to_read(&segment::path(&self.folder, part.segment)) {
            Ok(file) => file.sync(),
            // Trimmed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// All of it: without its name a file is not there.
    fn in_doubt(&self, cause: io::Error) -> SyncError {
        let first = self.unsynced.first().map_or(0, |part| part.first);
        let last = self.unsynced.last().map_or(0, |part| part.last);
        SyncError { path: self.folder.clone(), first, last, cause }
    }
}

impl Synced {
    /// One error for all: the range grows, the first cause stays.
    fn note(&mut self, error: SyncError) {
        match &mut self.failure {
            None => self.failure = Some(error),
            Some(earlier) => earlier.last = earlier.last.max(error.last),
        }
    }
}

impl Journal {
    /// Make everything appended and every cursor durable (`fdatasync`); returns the last durable
    /// sequence.
    ///
    /// # Errors
    /// Which records are in doubt. They are not tried again, since a second `fdatasync` would
    /// succeed without having written them; the next append begins a new segment.
    pub fn sync(&mut self) -> Result<u64, SyncError> {
        let synced = self.begin_sync().run();
        self.finish_sync(synced)
    }

    /// Take what is to be made durable, to run it where appends need not wait for it.
    pub fn begin_sync(&mut self) -> PendingSync {
        // The cursors first: their file may be made now.
        let cursors = self.cursors.take_unsynced();
        PendingSync {
            disk: Arc::clone(&self.disk),
            folder: self.folder.clone(),
            unsynced: std::mem::take(&mut self.unsynced),
            names_changed: std::mem::take(&mut self.names_changed) | self.cursors.take_made(),
            cursors,
        }
    }

    /// Note what became of it; returns the last durable sequence.
    ///
    /// # Errors
    /// As [`Journal::sync`].
    pub fn finish_sync(&mut self, synced: Synced) -> Result<u64, SyncError> {
        self.durable = self.durable.max(synced.durable);
        self.names_changed |= synced.names_failed;
        if synced.cursors_failed {
            self.cursors.rewrite_all();
        }
        match synced.failure {
            None => Ok(self.durable),
            Some(error) => {
                self.roll();
                Err(error)
            }
        }
    }
}
