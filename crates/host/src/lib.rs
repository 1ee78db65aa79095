//! The host's side of a process: `/proc`, control groups, passwd, PCI.
//!
//! Everything is read by path below a procfs and a sysfs that may be other directories. It writes
//! nothing, runs nothing and keeps no policy.

mod cgroup;
mod file;
mod node;
mod passwd;
mod pci;
mod port;
mod process;
mod slurm;
mod stat;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use cgroup::owner_of_cgroup;
use model::process::Lookup;
use passwd::Passwd;
use process::Remembered;

/// Reads one host. Facts of processes are remembered, so that asking again costs one small read.
#[derive(Debug)]
pub struct Host {
    procfs: PathBuf,
    sysfs: PathBuf,
    /// Whether `procfs` is this kernel's own at its usual place, so that system calls agree with it.
    is_own: bool,
    /// Whether PIDs here are those that the driver speaks of. `Some(false)`: no lookup makes sense.
    pids_are_hosts: Option<bool>,
    boot_seconds: Option<i64>,
    passwd: Mutex<Passwd>,
    remembered: Mutex<Remembered>,
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
    /// Read below these roots: `/proc` and `/sys`, or others. The passwd file is `/etc/passwd`, or
    /// `etc/passwd` beside a procfs elsewhere.
    #[must_use]
    pub fn new(procfs: PathBuf, sysfs: PathBuf) -> Self {
        let is_own = procfs == Path::new("/proc");
        let passwd = passwd::path_beside(&procfs, is_own);
        Self {
            is_own,
            pids_are_hosts: node::pids_are_hosts(&procfs),
            boot_seconds: node::boot_seconds(&procfs),
            passwd: Mutex::new(Passwd::new(passwd)),
            remembered: Mutex::default(),
            procfs,
            sysfs,
        }
    }

    /// Id of this boot.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn boot_id(&self) -> io::Result<String> {
        node::boot_id(&self.procfs)
    }

    /// Name of the node.
    #[must_use]
    pub fn hostname(&self) -> Option<String> {
        node::hostname(&self.procfs, self.is_own)
    }

    /// Whether this process sees the PIDs that the driver speaks of; `None` if it cannot be told.
    #[must_use]
    pub fn own_pid_namespace_is_hosts(&self) -> Option<bool> {
        self.pids_are_hosts
    }

    /// NVIDIA GPUs on the PCI bus; `None` if the bus cannot be read.
    #[must_use]
    pub fn expected_gpus(&self) -> Option<u32> {
        pci::nvidia_gpus(&self.sysfs)
    }

    /// Facts about a process.
    #[must_use]
    pub fn process(&self, pid: u32) -> Lookup {
        process::look_up(self, pid)
    }

    /// State, start and CPU time of a process, in one small read.
    #[must_use]
    pub fn state(&self, pid: u32) -> Option<ProcessState> {
        let stat = stat::read(&self.procfs, pid).ok()?;
        Some(ProcessState {
            state: stat.state,
            start_ticks: stat.start_ticks,
            cpu_seconds: stat.cpu_seconds(),
        })
    }

    /// The whole command line, for people on the node only: arguments never go into a metric.
    #[must_use]
    pub fn command_line(&self, pid: u32) -> Option<String> {
        process::command_line(&self.procfs, pid)
    }

    /// Who listens on a TCP port: PID and command, as far as it can be seen.
    #[must_use]
    pub fn port_owner(&self, port: u16) -> Option<(u32, String)> {
        port::owner(&self.procfs, port)
    }
}
