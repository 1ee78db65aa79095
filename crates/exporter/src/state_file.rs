//! The state file: what must outlive a restart, as JSON with a version, replaced by rename.
//!
//! A file that cannot be understood is kept aside and the start is fresh: counters then begin a new
//! run, which is honest, while guessing at half a file would not be. What is in it is decided by
//! the node.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::xid::XidBook;

/// Version of the file's shape. A newer one is not read, as its fields may mean something else.
const VERSION: u32 = 1;

/// Largest file that is read: 384 sessions take about 1 MB.
const LARGEST: u64 = 64 << 20;

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    version: u32,
    /// When it was written.
    pub(crate) at: Timestamp,
    /// Set while a process keeps the textfile fresh by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keeper: Option<Keeper>,
    /// XIDs seen.
    #[serde(default)]
    pub(crate) xids: XidBook,
    /// The session engine's state.
    pub(crate) sessions: session::SavedState,
}

/// A process that rewrites the textfile again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeper {
    /// Its PID, in its own namespace.
    pub pid: u32,
    /// Time between two writes, in milliseconds.
    pub every_ms: u64,
}

/// What cannot be done with the state file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateFileError {
    #[error("cannot write state file {path}")]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot put the state into words for {path}")]
    Encode {
        path: PathBuf,
        #[source]
        cause: serde_json::Error,
    },
}

/// What was found at the start.
#[derive(Debug)]
pub(crate) enum Loaded {
    /// No file: the first start here.
    Nothing,
    /// The state of an earlier process.
    Saved(Box<Saved>),
    /// A file that cannot be used, and where it now lies.
    KeptAside {
        /// Why it cannot be used.
        reason: String,
        /// Where it was moved; the old place if it could not be moved.
        path: PathBuf,
    },
}

impl Saved {
    /// Put together what is kept, in this version's shape.
    pub(crate) fn new(at: Timestamp, xids: XidBook, sessions: session::SavedState) -> Self {
        Self { version: VERSION, at, keeper: None, xids, sessions }
    }

    /// The same, kept by a process that goes on rewriting the textfile.
    pub(crate) fn kept_by(self, keeper: Option<Keeper>) -> Self {
        Self { keeper, ..self }
    }
}

/// Read the state file; one that cannot be used is moved aside, never deleted.
pub(crate) fn load(path: &Path) -> Loaded {
    let reason = match read(path) {
        Ok(Some(saved)) => return Loaded::Saved(Box::new(saved)),
        Ok(None) => return Loaded::Nothing,
        Err(reason) => reason,
    };
    let aside = beside(path, ".unreadable");
    match fs::rename(path, &aside) {
        Ok(()) => Loaded::KeptAside { reason, path: aside },
        Err(_) => Loaded::KeptAside { reason, path: path.to_owned() },
    }
}

/// Read it without moving anything, for those who only look.
///
/// # Errors
/// Why it cannot be used, for people.
pub(crate) fn read(path: &Path) -> Result<Option<Saved>, String> {
    let text = match fs::metadata(path) {
        Ok(facts) if facts.len() > LARGEST => return Err(format!("{} bytes long", facts.len())),
        Ok(_) => fs::read(path).map_err(|cause| cause.to_string())?,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause.to_string()),
    };
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let version: Version =
        serde_json::from_slice(&text).map_err(|cause| format!("not a state file: {cause}"))?;
    if version.version != VERSION {
        return Err(format!("version {}, this program reads {VERSION}", version.version));
    }
    serde_json::from_slice(&text).map(Some).map_err(|cause| format!("damaged: {cause}"))
}

/// Replace the state file. With `durable` it is on the disk when this returns; else a power cut
/// may lose it, which a new boot id makes harmless.
///
/// # Errors
/// It could not be written; the old one is as it was.
pub(crate) fn save(path: &Path, saved: &Saved, durable: bool) -> Result<(), StateFileError> {
    let text = serde_json::to_vec(saved)
        .map_err(|cause| StateFileError::Encode { path: path.to_owned(), cause })?;
    let new = beside(path, ".tmp");
    write_private(&new, &text, durable).and_then(|()| fs::rename(&new, path)).map_err(|cause| {
        let _ = fs::remove_file(&new);
        StateFileError::Write { path: path.to_owned(), cause }
    })
}

/// Only the owner may read it: it names commands and users.
fn write_private(path: &Path, text: &[u8], durable: bool) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    if durable { file.sync_all() } else { Ok(()) }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use session::{Engine, Identity};

    use super::*;

    fn saved() -> Saved {
        let identity = Identity {
            boot_id: "boot".to_owned(),
            hostname: "gpu-a".to_owned(),
            run: "abcdef".to_owned(),
        };
        let at = Timestamp::from_secs(1_784_020_200);
        let engine = Engine::new(session::Config::default(), identity, None, at);
        let keeper = Some(Keeper { pid: 7, every_ms: 30_000 });
        Saved::new(at, XidBook::default(), engine.save()).kept_by(keeper)
    }

    #[test]
    fn what_is_saved_is_read_back_and_only_the_owner_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("exporter.state");
        assert!(matches!(load(&path), Loaded::Nothing));
        for durable in [false, true] {
            save(&path, &saved(), durable).unwrap();
        }
        let Loaded::Saved(read) = load(&path) else { panic!("not read") };
        assert_eq!(read.at, saved().at);
        assert_eq!(read.keeper, Some(Keeper { pid: 7, every_ms: 30_000 }));
        assert_eq!(read.sessions, saved().sessions);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_or_newer_file_is_kept_aside_and_the_start_is_fresh() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("exporter.state");
        let whole = serde_json::to_string(&saved()).unwrap();
        let newer = whole.replacen("\"version\":1", "\"version\":2", 1);
        let cases = [
            (whole[..whole.len() / 2].to_owned(), "not a state file"),
            (String::new(), "not a state file"),
            (newer, "version 2, this program reads 1"),
            ("{\"version\":1}".to_owned(), "damaged: "),
        ];
        for (text, expected) in cases {
            fs::write(&path, &text).unwrap();
            let Loaded::KeptAside { reason, path: aside } = load(&path) else {
                panic!("{text:?} was taken")
            };
            assert!(reason.contains(expected), "{reason}");
            assert!(!path.exists());
            assert_eq!(fs::read_to_string(aside).unwrap(), text);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_the_path() {
        let path = Path::new("/proc/nothing/exporter.state");
        let error = save(path, &saved(), false).unwrap_err();
        assert!(error.to_string().contains("/proc/nothing/exporter.state"), "{error}");
    }
}
