//! Reading files whose size nobody promises: bounded, as bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The first `limit` bytes of a file.
pub(crate) fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A short text file without the white space around it.
pub(crate) fn read_word(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read(path, 4096)?).trim().to_owned())
}

/// `/proc/PID/NAME`.
pub(crate) fn of_process(procfs: &Path, pid: u32, name: &str) -> PathBuf {
    let mut path = procfs.join(pid.to_string());
    path.push(name);
    path
}
