//! Files as they were read: bounded, and with a stamp by which a change is seen.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::WebError;

/// Largest file taken: a bundle of all public certificate authorities has 250 KB.
const LARGEST: u64 = 4 << 20;

/// What changes when a file is written anew or another one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    seconds: i64,
    nanos: i64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            seconds: metadata.mtime(),
            nanos: metadata.mtime_nsec(),
        }
    }
}

/// The files that one version came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sources(Vec<(PathBuf, Option<Stamp>)>);

impl Sources {
    /// The text of a file; whatever comes of it, the file is watched from now on.
    pub(crate) fn read(&mut self, path: &Path) -> Result<String, WebError> {
        let (stamp, text) = read(path);
        self.0.push((path.to_owned(), stamp));
        text
    }

    /// The same files as they are now.
    pub(crate) fn now(&self) -> Self {
        let stamp = |path: &PathBuf| std::fs::metadata(path).ok().map(|data| Stamp::of(&data));
        Self(self.0.iter().map(|(path, _)| (path.clone(), stamp(path))).collect())
    }
}

fn read(path: &Path) -> (Option<Stamp>, Result<String, WebError>) {
    let fault = |cause| WebError::Read { path: path.to_owned(), cause };
    let (file, metadata) = match open(path) {
        Ok(opened) => opened,
        Err(cause) => return (None, Err(fault(cause))),
    };
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    let text = match read {
        Err(cause) => Err(fault(cause)),
        Ok(_) if bytes.len() as u64 > LARGEST => {
            Err(WebError::TooLarge { path: path.to_owned(), most: LARGEST })
        }
        Ok(_) => String::from_utf8(bytes).map_err(|_| WebError::NotText { path: path.to_owned() }),
    };
    (Some(Stamp::of(&metadata)), text)
}

/// Opening a pipe would wait for somebody who writes to it.
fn open(path: &Path) -> io::Result<(File, Metadata)> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}
