//! The disk that fails must fail as said, or the tests above it prove nothing.

use std::io::ErrorKind;
use std::path::Path;

use super::{Disk as _, Fault, FaultDisk};

fn disk_with(path: &str) -> (FaultDisk, std::sync::Arc<dyn super::DiskFile>) {
    let disk = FaultDisk::new();
    disk.create_folder(Path::new("/d")).unwrap();
    let file = disk.create(Path::new(path)).unwrap();
    (disk, file)
}

#[test]
fn synced_bytes_survive_every_loss_of_power_and_unsynced_ones_only_some() {
    let (mut kept, mut lost, mut part) = (0, 0, 0);
    for seed in 0..200 {
        let (disk, file) = disk_with("/d/f");
        file.write_at(&[1; 1024], 0).unwrap();
        file.sync().unwrap();
        disk.sync_folder(Path::new("/d")).unwrap();
        file.write_at(&[2; 2048], 512).unwrap();
        disk.restart_powerless(seed);
        let bytes = disk.bytes(Path::new("/d/f"));
        assert!(bytes.len() >= 1024 && bytes[..512] == [1; 512], "seed {seed}");
        let new = bytes.iter().filter(|byte| **byte == 2).count();
        if bytes.len() % 512 == 0 {
            assert_eq!(new % 512, 0, "seed {seed}: sectors are whole");
        }
        match new {
            2048 => kept += 1,
            0 => lost += 1,
            _ => part += 1,
        }
    }
    assert!(kept > 10 && lost > 10 && part > 10, "{kept} {lost} {part}");
}

#[test]
fn a_name_that_was_not_synced_may_be_undone() {
    let mut found = [0, 0];
    for seed in 0..50 {
        let (disk, file) = disk_with("/d/f");
        file.sync().unwrap();
        disk.restart_powerless(seed);
        found[usize::from(disk.open(Path::new("/d/f")).is_ok())] += 1;
    }
    assert!(found[0] > 5 && found[1] > 5, "{found:?}");
}

#[test]
fn a_failed_sync_leaves_its_bytes_in_doubt_though_a_later_one_succeeds() {
    let lost = (0..50).filter(|seed| {
        let (disk, file) = disk_with("/d/f");
        disk.sync_folder(Path::new("/d")).unwrap();
        file.write_at(&[7; 512], 0).unwrap();
        disk.plan(disk.steps() + 1, Fault::Refuse(ErrorKind::Other));
        file.sync().unwrap_err();
        file.sync().unwrap();
        disk.restart_powerless(*seed);
        disk.bytes(Path::new("/d/f")) != [7; 512]
    });
    assert!(lost.count() > 5);
}

#[test]
fn a_full_disk_takes_what_fits_and_a_torn_write_what_it_is_told() {
    let (disk, file) = disk_with("/d/f");
    disk.set_capacity(Some(10));
    assert_eq!(file.write_at(&[1; 16], 0).unwrap_err().kind(), ErrorKind::StorageFull);
    assert_eq!(disk.bytes(Path::new("/d/f")), [1; 10]);
    disk.set_capacity(None);
    disk.plan(disk.steps() + 1, Fault::Tear { written: 3, kind: ErrorKind::Other });
    file.write_at(&[2; 10], 0).unwrap_err();
    assert_eq!(disk.bytes(Path::new("/d/f")), [2, 2, 2, 1, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn after_a_crash_nothing_works_until_the_restart() {
    let (disk, file) = disk_with("/d/f");
    disk.plan(disk.steps() + 1, Fault::Crash { written: 1 });
    file.write_at(&[5; 4], 0).unwrap_err();
    assert!(disk.is_down());
    file.write_at(&[6; 4], 0).unwrap_err();
    disk.open(Path::new("/d/f")).unwrap_err();
    disk.restart_killed();
    assert_eq!(disk.bytes(Path::new("/d/f")), [5]);
}

#[test]
fn a_renamed_folder_takes_its_files_along() {
    let (disk, _) = disk_with("/d/f");
    disk.create_folder(Path::new("/d/tmp")).unwrap();
    disk.create(Path::new("/d/tmp/a")).unwrap();
    disk.rename(Path::new("/d/tmp"), Path::new("/d/block")).unwrap();
    disk.open(Path::new("/d/block/a")).unwrap();
    disk.open(Path::new("/d/tmp/a")).unwrap_err();
    disk.remove_folder(Path::new("/d/block")).unwrap();
    assert_eq!(disk.list(Path::new("/d")).unwrap().len(), 1);
}
