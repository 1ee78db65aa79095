//! Names, modes, locks and failures of the replacement.

use std::error::Error;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use super::*;

fn place(dir: &Path) -> Place {
    Place::of(&dir.join("gpu_sessions.prom"), false).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn s1_7_the_file_is_replaced_with_mode_0644_and_nothing_else_stays() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(dir.path());
    place.replace("a 1\n").unwrap();
    place.replace("a 2\n").unwrap();
    assert_eq!(fs::read_to_string(place.file()).unwrap(), "a 2\n");
    assert_eq!(fs::metadata(place.file()).unwrap().mode() & 0o777, 0o644);
    assert_eq!(names(dir.path()), ["gpu_sessions.prom"]);
}

#[test]
fn s1_7_a_full_disk_keeps_the_old_file_and_names_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(dir.path());
    place.replace("a 1\n").unwrap();
    let full = place.replace_with(|file| {
        file.write_all(b"a ")?;
        // What the kernel answers on a disk without space.
        OpenOptions::new().write(true).open("/dev/full")?.write_all(b"2\n")
    });
    let error = full.unwrap_err();
    assert!(matches!(&error, PlaceError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("free some on that disk"), "{error}");
    assert!(error.source().is_some());
    assert_eq!(fs::read_to_string(place.file()).unwrap(), "a 1\n");
    assert_eq!(names(dir.path()), ["gpu_sessions.prom"]);
}

#[test]
fn s1_7_another_failure_keeps_the_old_file_too() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(dir.path());
    place.replace("a 1\n").unwrap();
    let failed = place.replace_with(|_| Err(io::Error::from(ErrorKind::Other)));
    assert!(matches!(failed, Err(PlaceError::Write { .. })));
    assert_eq!(fs::read_to_string(place.file()).unwrap(), "a 1\n");
}

#[test]
fn a_missing_folder_is_an_error_with_the_remedy_and_create_makes_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("not/there/gpu_sessions.prom");
    let error = Place::of(&path, false).unwrap_err();
    assert!(error.to_string().contains("--create-dir"), "{error}");
    let place = Place::of(&path, true).unwrap();
    place.replace("a 1\n").unwrap();
    assert!(path.is_file());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_the_remedy() {
    // /proc is read-only even for root.
    let place = Place::of(Path::new("/proc/gpu_sessions.prom"), false).unwrap();
    let locked = place.lock(Duration::ZERO, &Stop::default());
    let error = locked.unwrap_err();
    assert!(error.to_string().contains("make it writable"), "{error}");
    let error = place.replace("a 1\n").unwrap_err();
    assert!(matches!(error, PlaceError::FolderNotWritable { .. }), "{error:?}");
}

#[test]
fn a_second_run_waits_for_the_lock_and_then_gives_way() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(dir.path());
    let stop = Stop::default();
    let held = place.lock(Duration::ZERO, &stop).unwrap();
    assert!(held.is_some());
    assert!(place.lock(Duration::from_millis(200), &stop).unwrap().is_none());
    drop(held);
    assert!(place.lock(Duration::ZERO, &stop).unwrap().is_some());
}

#[test]
fn old_temporary_files_are_removed_and_young_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(dir.path());
    let old = dir.path().join(".gpu_sessions.prom.4711.tmp");
    let young = dir.path().join(".gpu_sessions.prom.4712.tmp");
    let foreign = dir.path().join(".other.prom.4711.tmp");
    for path in [&old, &young, &foreign] {
        fs::write(path, "half").unwrap();
    }
    let lock = place.lock(Duration::ZERO, &Stop::default()).unwrap();
    let now = fs::metadata(place.lock_file()).unwrap().modified().unwrap();
    for path in [&old, &foreign] {
        let file = OpenOptions::new().append(true).open(path).unwrap();
        file.set_modified(now - Duration::from_secs(601)).unwrap();
    }
    place.remove_left_overs();
    assert!(!old.exists() && young.exists() && foreign.exists());
    drop(lock);
}

#[test]
fn names_beside_the_file_are_hidden_and_derived_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let place = place(dir.path());
    assert_eq!(place.state_file(), dir.path().join(".gpu_sessions.state"));
    assert_eq!(place.lock_file(), dir.path().join(".gpu_sessions.prom.lock"));
    assert!(Place::of(Path::new("/"), false).is_err());
}
