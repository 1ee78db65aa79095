//! Where the textfile lies: its folder, the names beside it, the lock, and the atomic replacement.
//!
//! A reader sees the old file or the new one, never a part: the text goes into a temporary file in
//! the same folder, is synced, renamed, and the folder synced. Nothing here knows what is written.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use model::Stop;
use rustix::fs::{FlockOperation, flock};

/// Age from which another run's temporary file is left over from a crash.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(600);

/// Time between two tries to take the lock.
const LOCK_RETRY: Duration = Duration::from_millis(100);

/// Why the textfile cannot be written; each message ends with what to do.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum PlaceError {
    #[error("{path} names no file: give a file name in an existing folder")]
    NoFileName { path: PathBuf },
    #[error(
        "{path} is there and is no plain file: name another with --output, or `-` for standard \
         output"
    )]
    NotPlain { path: PathBuf },
    #[error(
        "folder {dir} does not exist: create it, or add --create-dir, and let node_exporter read \
         it with --collector.textfile.directory={dir}"
    )]
    NoFolder { dir: PathBuf },
    #[error("cannot create folder {dir}: create it by hand, or choose another with --output")]
    CreateFolder {
        dir: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error(
        "cannot write into folder {dir}: make it writable for this user (mount it read-write in \
         a container), or choose another with --output"
    )]
    FolderNotWritable {
        dir: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("no space left for {path}: free some on that disk; the file there stays as it was")]
    DiskFull {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot write {path}: see to the cause; the file there stays as it was")]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

/// The place of one textfile.
#[derive(Debug, Clone)]
pub struct Place {
    dir: PathBuf,
    name: OsString,
}

/// The lock beside the file, held until dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock is held while the file is open")] File);

impl Place {
    /// The place of this path. The folder must exist, unless `create` makes it.
    ///
    /// # Errors
    /// The path names no file, or something that is none; its folder is missing or cannot be made.
    pub fn of(path: &Path, create: bool) -> Result<Self, PlaceError> {
        let name = path
            .file_name()
            .ok_or_else(|| PlaceError::NoFileName { path: path.to_owned() })?
            .to_owned();
        let dir = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if create {
            fs::create_dir_all(&dir)
                .map_err(|cause| PlaceError::CreateFolder { dir: dir.clone(), cause })?;
        }
        // A rename would put a file where a device or a pipe was.
        if fs::metadata(path).is_ok_and(|facts| !facts.is_file()) {
            return Err(PlaceError::NotPlain { path: path.to_owned() });
        }
        if dir.is_dir() { Ok(Self { dir, name }) } else { Err(PlaceError::NoFolder { dir }) }
    }

    /// The file itself.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    /// What must outlive a run: `.gpu_sessions.state` beside `gpu_sessions.prom`.
    #[must_use]
    pub fn state_file(&self) -> PathBuf {
        let stem = Path::new(&self.name).file_stem().unwrap_or(&self.name);
        self.beside(stem, ".state")
    }

    /// The lock file, `.gpu_sessions.prom.lock`. It stays: removing it would let two runs hold it.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.beside(&self.name, ".lock")
    }

    fn beside(&self, name: &std::ffi::OsStr, suffix: &str) -> PathBuf {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(suffix);
        self.dir.join(hidden)
    }

    /// Take the lock, waiting that long. `None`: another run has it still.
    ///
    /// # Errors
    /// The lock file cannot be made, so the file could not be either.
    pub fn lock(&self, patience: Duration, stop: &Stop) -> Result<Option<Lock>, PlaceError> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o644)
            .open(self.lock_file())
            .map_err(|cause| self.not_writable(cause))?;
        let mut left = patience;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Lock(file))),
                Err(cause) if cause != rustix::io::Errno::WOULDBLOCK => {
                    return Err(self.not_writable(cause.into()));
                }
                Err(_) if left.is_zero() || stop.wait(LOCK_RETRY) => return Ok(None),
                Err(_) => left = left.saturating_sub(LOCK_RETRY),
            }
        }
    }

    fn not_writable(&self, cause: io::Error) -> PlaceError {
        if cause.kind() == io::ErrorKind::StorageFull {
            return PlaceError::DiskFull { path: self.file(), cause };
        }
        PlaceError::FolderNotWritable { dir: self.dir.clone(), cause }
    }

    /// Replace the file by this text.
    ///
    /// # Errors
    /// It could not be written in full; the old file is as it was and no temporary file is left.
    pub fn replace(&self, text: &str) -> Result<(), PlaceError> {
        self.replace_with(|file| file.write_all(text.as_bytes()))
    }

    fn replace_with(
        &self,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), PlaceError> {
        let beside = self.beside(&self.name, &format!(".{}.tmp", std::process::id()));
        let mut file = File::create(&beside).map_err(|cause| self.not_writable(cause))?;
        let written = write(&mut file)
            .and_then(|()| file.set_permissions(fs::Permissions::from_mode(0o644)))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&beside, self.file()));
        if let Err(cause) = written {
            let _ = fs::remove_file(&beside);
            return Err(self.not_written(cause));
        }
        File::open(&self.dir)
            .and_then(|dir| dir.sync_all())
            .map_err(|cause| self.not_written(cause))
    }

    fn not_written(&self, cause: io::Error) -> PlaceError {
        let path = self.file();
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        if full.contains(&cause.kind()) {
            PlaceError::DiskFull { path, cause }
        } else {
            PlaceError::Write { path, cause }
        }
    }

    /// Remove temporary files that crashed runs left, by the age of the lock file, which this run
    /// has just written to: file times of one disk compare without a clock.
    pub fn remove_left_overs(&self) {
        let now = File::options().append(true).open(self.lock_file()).and_then(|mut lock| {
            lock.write_all(b".")?;
            lock.set_len(0)?;
            lock.metadata()?.modified()
        });
        let (Ok(now), Ok(entries)) = (now, fs::read_dir(&self.dir)) else { return };
        for entry in entries.flatten() {
            if self.is_temporary(&entry.file_name()) && is_older(&entry, now, LEFT_OVER_AFTER) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Whether a name is `.<name>.<pid>.tmp`.
    fn is_temporary(&self, name: &std::ffi::OsStr) -> bool {
        let (Some(name), Some(own)) = (name.to_str(), self.name.to_str()) else { return false };
        name.strip_prefix('.')
            .and_then(|rest| rest.strip_prefix(own))
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.strip_suffix(".tmp"))
            .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit()))
    }
}

fn is_older(entry: &fs::DirEntry, now: SystemTime, age: Duration) -> bool {
    entry
        .metadata()
        .and_then(|facts| facts.modified())
        .is_ok_and(|at| now.duration_since(at).is_ok_and(|old| old > age))
}

#[cfg(test)]
mod tests;
