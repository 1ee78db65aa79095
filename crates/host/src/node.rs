//! Facts of the machine itself: boot, name, PID namespace.

use std::fs;
use std::io;
use std::path::Path;

use crate::file;

/// Inode of the first PID namespace, `PROC_PID_INIT_INO` of the kernel's `proc_ns.h`.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// Id of this boot.
pub(crate) fn boot_id(procfs: &Path) -> io::Result<String> {
    file::read_word(&procfs.join("sys/kernel/random/boot_id"))
}

/// Moment of boot in unix seconds, from the line `btime`.
pub(crate) fn boot_seconds(procfs: &Path) -> Option<i64> {
    // The line of interrupts before it has some 20 bytes per interrupt.
    let bytes = file::read(&procfs.join("stat"), 1 << 20).ok()?;
    let line = bytes.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"btime "))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// Name of the node: this kernel's, or the one that another procfs tells.
pub(crate) fn hostname(procfs: &Path, is_own: bool) -> Option<String> {
    let name = if is_own {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    } else {
        file::read_word(&procfs.join("sys/kernel/hostname")).ok()?
    };
    (!name.is_empty()).then_some(name)
}

/// Whether PIDs in this procfs are those of the machine's first PID namespace, in which the driver
/// speaks. `None` where it cannot be told, as for a procfs that is a plain directory.
///
/// Two witnesses: a procfs of an outer namespace shows us with more than one PID; otherwise it is
/// our own namespace's, and that one has a well-known inode if it is the first.
pub(crate) fn pids_are_hosts(procfs: &Path) -> Option<bool> {
    let status = file::read(&procfs.join("self/status"), 8192).ok()?;
    let pids = status
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"NSpid:"))
        .map(|pids| pids.split(u8::is_ascii_whitespace).filter(|pid| !pid.is_empty()).count());
    if pids.is_some_and(|pids| pids > 1) {
        return Some(true);
    }
    let namespace = fs::read_link(procfs.join("self/ns/pid")).ok()?;
    Some(namespace.as_os_str() == FIRST_PID_NAMESPACE)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn facts_come_from_the_procfs_that_was_given() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("sys/kernel/random")).unwrap();
        fs::write(root.join("sys/kernel/random/boot_id"), "b-1\n").unwrap();
        fs::write(root.join("sys/kernel/hostname"), "node-7\n").unwrap();
        fs::write(root.join("stat"), "cpu 1 2\nintr 3\nbtime 1783500000\nx 1\n").unwrap();
        assert_eq!(boot_id(root).unwrap(), "b-1");
        assert_eq!(hostname(root, false).as_deref(), Some("node-7"));
        assert_eq!(boot_seconds(root), Some(1_783_500_000));
        assert_eq!(pids_are_hosts(root), None);
    }

    #[test]
    fn s1_13_a_foreign_pid_namespace_is_recognised() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("self");
        fs::create_dir_all(own.join("ns")).unwrap();
        fs::write(own.join("status"), "Name:\tx\nNSpid:\t7\n").unwrap();
        symlink("pid:[4026532999]", own.join("ns/pid")).unwrap();
        assert_eq!(pids_are_hosts(dir.path()), Some(false));
        fs::write(own.join("status"), "Name:\tx\nNSpid:\t4242\t7\n").unwrap();
        assert_eq!(pids_are_hosts(dir.path()), Some(true));
        fs::write(own.join("status"), "Name:\tx\nNSpid:\t7\n").unwrap();
        fs::remove_file(own.join("ns/pid")).unwrap();
        symlink(FIRST_PID_NAMESPACE, own.join("ns/pid")).unwrap();
        assert_eq!(pids_are_hosts(dir.path()), Some(true));
    }
}
