//! Where gpulse keeps what must outlive a process: the data folder.
//!
//! `--state`, else `$STATE_DIRECTORY` (systemd sets it), else `/var/lib/gpulse` if it can be
//! written, else `$XDG_DATA_HOME/gpulse`, else `~/.local/share/gpulse`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

const SYSTEM: &str = "/var/lib/gpulse";

/// The folder to write to; made if need be. `None` where there is no place at all.
pub(crate) fn to_write(asked: Option<&Path>) -> Option<PathBuf> {
    let folder = planned(asked)?;
    // A folder that cannot be made shows where the state is first written, with its cause.
    let _ = fs::create_dir_all(&folder);
    Some(folder)
}

/// The folder that would be written to.
pub(crate) fn planned(asked: Option<&Path>) -> Option<PathBuf> {
    asked.map(Path::to_owned).or_else(|| candidates().find(|dir| can_write(dir)))
}

/// Where an earlier process may have left a file of this name.
pub(crate) fn find(asked: Option<&Path>, name: &str) -> Option<PathBuf> {
    let here = |dir: PathBuf| Some(dir.join(name)).filter(|path| path.exists());
    match asked {
        Some(dir) => here(dir.to_owned()),
        None => candidates().find_map(here),
    }
}

fn candidates() -> impl Iterator<Item = PathBuf> {
    let set = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty());
    // Several folders are separated by colons; the first is meant.
    let systemd = set("STATE_DIRECTORY").and_then(|dirs| env::split_paths(&dirs).next());
    let user = set("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".local/share")));
    [systemd, Some(PathBuf::from(SYSTEM)), user.map(|dir| dir.join("gpulse"))].into_iter().flatten()
}

/// Whether it can be written, or made where it is not there yet.
fn can_write(dir: &Path) -> bool {
    let there = dir.ancestors().find(|folder| folder.exists());
    there.is_some_and(|folder| folder.is_dir() && access(folder, Access::WRITE_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_asked_for_is_made_and_found() {
        let root = tempfile::tempdir().unwrap();
        let asked = root.path().join("a/b");
        assert_eq!(to_write(Some(&asked)), Some(asked.clone()));
        assert_eq!(find(Some(&asked), "state.json"), None);
        fs::write(asked.join("state.json"), "{}").unwrap();
        assert_eq!(find(Some(&asked), "state.json"), Some(asked.join("state.json")));
    }

    #[test]
    fn a_file_in_the_way_cannot_be_written_into() {
        let root = tempfile::tempdir().unwrap();
        assert!(can_write(&root.path().join("new/folder")));
        fs::write(root.path().join("file"), "").unwrap();
        assert!(!can_write(&root.path().join("file/folder")));
    }
}
