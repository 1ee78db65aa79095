//! The host's side of a process: `/proc`, control groups, passwd, PCI.
//!
//! Everything is read by path below a procfs and a sysfs that may be other directories. It writes
//! nothing, runs nothing and keeps no policy.

use std::io;
use std::path::PathBuf;

use model::process::Lookup;

/// Reads one host.
#[derive(Debug)]
pub struct Host {
    procfs: PathBuf,
    sysfs: PathBuf,
}

/// What changes about a process from second to second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessState {
    /// State letter.
    pub state: char,
    /// Start in clock ticks since boot.
    pub start_ticks: u64,
    /// User and system time so far, in seconds.
    pub cpu_seconds: f64,
}

impl Host {
    /// Read below these roots: `/proc` and `/sys`, or others.
    #[must_use]
    pub fn new(procfs: PathBuf, sysfs: PathBuf) -> Self {
        Self { procfs, sysfs }
    }

    /// Id of this boot.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn boot_id(&self) -> io::Result<String> {
        std::fs::read_to_string(self.procfs.join("sys/kernel/random/boot_id"))
    }

    /// Facts about a process.
    #[must_use]
    pub fn process(&self, pid: u32) -> Lookup {
        let _ = (pid, &self.sysfs);
        Lookup::Gone
    }

    /// State, start and CPU time of a process, in one small read.
    #[must_use]
    pub fn state(&self, pid: u32) -> Option<ProcessState> {
        let _ = pid;
        None
    }

    /// NVIDIA GPUs on the PCI bus; `None` if the bus cannot be read.
    #[must_use]
    pub fn expected_gpus(&self) -> Option<u32> {
        None
    }

    /// Name of the node.
    #[must_use]
    pub fn hostname(&self) -> Option<String> {
        None
    }

    /// Whether this process sees the PIDs that the driver speaks of; `None` if it cannot be told.
    #[must_use]
    pub fn own_pid_namespace_is_hosts(&self) -> Option<bool> {
        None
    }

    /// The whole command line, for people on the node only.
    #[must_use]
    pub fn command_line(&self, pid: u32) -> Option<String> {
        let _ = pid;
        None
    }

    /// Who listens on a TCP port: PID and command, as far as it can be seen.
    #[must_use]
    pub fn port_owner(&self, port: u16) -> Option<(u32, String)> {
        let _ = port;
        None
    }
}
