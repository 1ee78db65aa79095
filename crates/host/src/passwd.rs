//! Names of users from a passwd file, read again when it changed.
//!
//! Only the file: users of a directory service stand there as `uid:1000`, because asking for them
//! would need the host's own name services.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::file;

/// Largest file that is read; a line has some 60 bytes.
const MAX_BYTES: usize = 4 << 20;

/// The passwd file that belongs to a procfs: the machine's own, or the one beside it.
pub(crate) fn path_beside(procfs: &Path, is_own: bool) -> PathBuf {
    let root = procfs.parent().filter(|_| !is_own).unwrap_or(Path::new("/"));
    root.join("etc/passwd")
}

/// A passwd file as last read.
#[derive(Debug)]
pub(crate) struct Passwd {
    path: PathBuf,
    read_at: Option<(SystemTime, u64)>,
    names: HashMap<u32, String>,
}

impl Passwd {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, read_at: None, names: HashMap::new() }
    }

    /// The user's name, else `uid:1000`.
    pub(crate) fn name(&mut self, uid: u32) -> String {
        self.refresh();
        self.names.get(&uid).cloned().unwrap_or_else(|| format!("uid:{uid}"))
    }

    fn refresh(&mut self) {
        let version = fs::metadata(&self.path)
            .ok()
            .and_then(|meta| Some((meta.modified().ok()?, meta.len())));
        if version == self.read_at {
            return;
        }
        self.read_at = version;
        self.names =
            file::read(&self.path, MAX_BYTES).map(|bytes| parse(&bytes)).unwrap_or_default();
    }
}

/// uid to name; the first line of a uid wins, as in the C library.
fn parse(bytes: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in String::from_utf8_lossy(bytes).lines() {
        let mut fields = line.split(':');
        let (Some(name), Some(_), Some(uid)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if let (false, Ok(uid)) = (name.is_empty(), uid.parse()) {
            names.entry(uid).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_uid_names_it_and_broken_lines_are_passed_over() {
        let names =
            parse(b"root:x:0:0::/:/bin/sh\nalice:x:1000:\nbob:x:1000:\n:x:7:\nx:y\n\xff:x:8:\n#\n");
        assert_eq!(names[&0], "root");
        assert_eq!(names[&1000], "alice");
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn a_changed_file_is_read_again_and_an_unknown_user_keeps_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("passwd");
        let mut passwd = Passwd::new(path.clone());
        assert_eq!(passwd.name(1000), "uid:1000");
        fs::write(&path, "alice:x:1000:\n").unwrap();
        assert_eq!(passwd.name(1000), "alice");
        fs::write(&path, "alicia:x:1000:\n").unwrap();
        assert_eq!(passwd.name(1000), "alicia");
        assert_eq!(path_beside(Path::new("/host/proc"), false), Path::new("/host/etc/passwd"));
        assert_eq!(path_beside(Path::new("/proc"), true), Path::new("/etc/passwd"));
    }
}
