//! Lines of the kernel's log.

use std::fs;
use std::io::Write as _;

use super::*;
use crate::testing::{NOW, whole};

#[test]
fn a_line_gives_the_device_the_code_and_the_process() {
    let line = xid_line(
        "NVRM: Xid (PCI:0000:3b:00): 31, pid=1234, name=python3, Ch 00000008, intr 10000000.",
    )
    .unwrap();
    assert_eq!((line.bus_id.as_str(), line.xid, line.pid), ("0000:3b:00", 31, Some(1234)));
    assert_eq!(line.process.as_deref(), Some("python3"));
    let line = xid_line(
        "NVRM: Xid (PCI:0000:3B:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off.",
    )
    .unwrap();
    assert_eq!((line.xid, line.pid, line.process), (79, None, None));
    assert_eq!(xid_line("NVRM: Xid (0000:03:00): 6, PE0001").unwrap().bus_id, "0000:03:00");
    assert_eq!(xid_line("NVRM: Xid (PCI:0000:03:00): 62").unwrap().xid, 62);
    for text in ["NVRM: Xid (PCI:0000:03:00): x, y", "NVRM: GPU at PCI:0000:03:00", "Xid", ""] {
        assert_eq!(xid_line(text), None, "{text}");
    }
}

#[test]
fn a_record_is_stamped_since_the_start_of_the_kernel() {
    assert_eq!(record("4,1339,61527042,-;NVRM: x; y\n"), Some((1339, 61_527_042, "NVRM: x; y")));
    assert_eq!(record(" SUBSYSTEM=pci\n"), None);
    assert_eq!(record("4,1339;text"), None);
}

#[test]
fn bus_ids_of_both_spellings_are_the_same_place() {
    assert!(is_at("00000000:3B:00.0", "0000:3b:00"));
    assert!(is_at("00010000:3B:00.0", "10000:3b:00"));
    assert!(!is_at("00000000:3B:00.0", "0001:3b:00"));
    assert!(!is_at("", "") && !is_at("00000000:3B:00.0", "gpu"));
}

fn log_of(text: &str) -> (tempfile::TempDir, KernelLog) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("kmsg"), text).unwrap();
    let log = KernelLog::new(dir.path().join("kmsg"), None);
    (dir, log)
}

/// A record of this moment, of the GPU that `whole(0, ..)` is.
fn now_line(xid: u32) -> String {
    let micros = running_for().as_micros();
    format!("4,1,{micros},-;NVRM: Xid (PCI:0000:00:00): {xid}, pid=7, name=train, text\n")
}

#[test]
fn what_was_before_the_start_is_told_with_its_own_time_once_the_gpu_is_known() {
    let early = "4,1,1000000,-;NVRM: Xid (PCI:0000:00:00): 48, pid=7, name=train, text\n";
    let (dir, mut log) = log_of(&format!("6,0,5,-;Linux\n{early}"));
    assert!(log.read(NOW, std::iter::empty()).is_empty(), "no GPU is known yet");
    let gpu = whole(0, "X", &[]);
    let told = log.read(NOW, [&gpu].into_iter());
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].xid, told[0].pid, told[0].gpu_uuid.as_str()), (48, Some(7), "GPU-0"));
    let age = NOW.since(told[0].at) + Duration::from_secs(1);
    let apart = age.abs_diff(running_for());
    assert!(apart < Duration::from_secs(60), "{apart:?}");
    let mut file = File::options().append(true).open(dir.path().join("kmsg")).unwrap();
    let line = now_line(79);
    let (first, second) = line.split_at(20);
    file.write_all(first.as_bytes()).unwrap();
    assert!(log.read(NOW, std::iter::empty()).is_empty(), "half a line is none");
    file.write_all(second.as_bytes()).unwrap();
    let told = log.read(NOW, std::iter::empty());
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].xid, told[0].process.as_deref()), (79, Some("train")));
}

#[test]
fn xids_of_places_where_no_gpu_is_are_dropped_and_never_pile_up() {
    let line = "4,1,1000000,-;NVRM: Xid (PCI:0000:77:00): 48, text\n";
    let (_dir, mut log) = log_of(&line.repeat(2000));
    assert!(log.read(NOW, std::iter::empty()).is_empty());
    assert!(log.waiting.len() <= MOST_WAITING);
    assert!(log.read(NOW, [&whole(0, "X", &[])].into_iter()).is_empty());
    assert!(log.waiting.is_empty());
}

#[test]
fn a_log_that_may_not_be_read_is_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = KernelLog::new(dir.path().join("none"), None);
    assert!(log.read(NOW, [&whole(0, "X", &[])].into_iter()).is_empty());
    assert!(matches!(log.state, State::Refused));
}

#[test]
fn a_line_without_end_does_not_grow() {
    let (_dir, mut log) = log_of(&"x".repeat(1 << 20));
    assert!(log.read(NOW, std::iter::empty()).is_empty());
    assert!(log.rest.len() <= RECORD);
}

#[test]
fn the_log_read_again_after_a_restart_goes_on_behind_what_is_booked() {
    let line =
        |number: u32| format!("4,{number},1000000,-;NVRM: Xid (PCI:0000:00:00): {number}, text\n");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kmsg");
    fs::write(&path, (1..=4).map(line).collect::<String>()).unwrap();
    let read = |booked| {
        let told =
            KernelLog::new(path.clone(), booked).read(NOW, [&whole(0, "X", &[])].into_iter());
        told.iter().map(|told| (told.record, told.xid)).collect::<Vec<_>>()
    };
    assert_eq!(read(None).len(), 4);
    assert_eq!(read(Some(2)), [(3, 3), (4, 4)]);
    assert!(read(Some(4)).is_empty());
}
