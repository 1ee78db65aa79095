//! The host's door into the world: a folder that looks like a machine's `/proc` and `/sys`.
//!
//! Files follow the kernel's formats as far as they are read by programs that look for GPU
//! processes. A refresh writes only what changed.

mod cgroup;
mod files;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Timestamp;

use crate::world::{Occurrence, World};

/// Why the tree cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path} of the simulated host")]
pub struct HostTreeError {
    /// The file or folder.
    pub path: PathBuf,
    /// The cause.
    #[source]
    pub cause: io::Error,
}

/// The tree of one node. See the module.
#[derive(Debug)]
pub struct HostTree {
    world: Arc<World>,
    node: usize,
    folder: PathBuf,
    /// What was written for each PID that is there.
    written: HashMap<u32, Written>,
    built: bool,
}

/// What a process's folder holds.
#[derive(Debug, PartialEq, Eq)]
struct Written {
    process: u32,
    number: u64,
    stat: String,
}

impl HostTree {
    /// The tree of a node, in a folder that is made when it is first refreshed.
    #[must_use]
    pub fn new(world: Arc<World>, node: usize, folder: PathBuf) -> Self {
        Self { world, node, folder, written: HashMap::new(), built: false }
    }

    /// Its `/proc`.
    #[must_use]
    pub fn procfs(&self) -> PathBuf {
        self.folder.join("proc")
    }

    /// Its `/sys`.
    #[must_use]
    pub fn sysfs(&self) -> PathBuf {
        self.folder.join("sys")
    }

    /// Bring the tree to a moment of the world, whose age began at `origin`.
    ///
    /// # Errors
    /// A file that cannot be written or removed.
    pub fn refresh_at(&mut self, now: Timestamp, origin: Timestamp) -> Result<(), HostTreeError> {
        let world = Arc::clone(&self.world);
        let node = &world.nodes()[self.node];
        let age_us = now.0.saturating_sub(origin.0);
        let boot = origin.before(std::time::Duration::from_micros(node.uptime_us.cast_unsigned()));
        if !self.built {
            self.build(boot)?;
            self.built = true;
        }
        self.write(Path::new("proc/uptime"), files::uptime(now, boot).as_bytes())?;
        let alive = node.in_proc(age_us);
        let pids: HashSet<u32> = alive.iter().map(|occurrence| occurrence.pid).collect();
        let gone: Vec<u32> =
            self.written.keys().copied().filter(|pid| !pids.contains(pid)).collect();
        for pid in gone {
            self.remove(pid)?;
        }
        for occurrence in alive {
            self.refresh_process(&occurrence, age_us)?;
        }
        Ok(())
    }

    /// What does not change while the machine is up.
    fn build(&self, boot: Timestamp) -> Result<(), HostTreeError> {
        let node = &self.world.nodes()[self.node];
        let _ = std::fs::remove_dir_all(self.folder.join("proc"));
        self.write(Path::new("proc/stat"), files::stat(boot).as_bytes())?;
        let boot_id = format!("{}\n", node.boot_id());
        self.write(Path::new("proc/sys/kernel/random/boot_id"), boot_id.as_bytes())?;
        let hostname = format!("{}\n", node.name);
        self.write(Path::new("proc/sys/kernel/hostname"), hostname.as_bytes())?;
        self.write(Path::new("etc/passwd"), files::passwd(&node.users).as_bytes())?;
        self.write(Path::new("proc/1/status"), files::init_status().as_bytes())?;
        self.write(Path::new("proc/1/comm"), b"systemd\n")?;
        self.write(Path::new("proc/1/cmdline"), b"/sbin/init\0")?;
        self.write(Path::new("proc/1/cgroup"), b"0::/init.scope\n")?;
        self.write(Path::new("proc/1/stat"), files::init_stat().as_bytes())?;
        self.link(Path::new("proc/1/ns/pid"), files::FIRST_PID_NAMESPACE)?;
        self.link(Path::new("proc/self"), "1")?;
        for gpu in &node.gpus {
            let (domain, bus, device) = gpu.pci;
            let folder =
                PathBuf::from(format!("sys/bus/pci/devices/{domain:04x}:{bus:02x}:{device:02x}.0"));
            let class = format!("0x03{:02x}00\n", gpu.product.pci_sub_class);
            let ids = gpu.product.pci_device_id;
            self.write(&folder.join("vendor"), format!("0x{:04x}\n", ids & 0xffff).as_bytes())?;
            self.write(&folder.join("device"), format!("0x{:04x}\n", ids >> 16).as_bytes())?;
            self.write(&folder.join("class"), class.as_bytes())?;
        }
        let folder = self.folder.join("sys/bus/pci/devices");
        std::fs::create_dir_all(&folder).map_err(|cause| HostTreeError { path: folder, cause })
    }

    fn refresh_process(
        &mut self,
        occurrence: &Occurrence,
        age_us: i64,
    ) -> Result<(), HostTreeError> {
        let world = Arc::clone(&self.world);
        let node = &world.nodes()[self.node];
        let process = node.process(occurrence);
        let pid = occurrence.pid;
        let known = self.written.get(&pid).is_some_and(|written| {
            (written.process, written.number) == (occurrence.process, occurrence.number)
        });
        if known && process.cpu.is_none() {
            return Ok(());
        }
        let stat = files::process_stat(node, process, occurrence, age_us);
        let folder = PathBuf::from("proc").join(pid.to_string());
        if !known {
            self.remove(pid)?;
            self.add(occurrence, &stat)?;
        } else if self.written.get(&pid).is_some_and(|written| written.stat != stat) {
            self.write(&folder.join("stat"), &files::with_comm(&stat, process))?;
        }
        let written = Written { process: occurrence.process, number: occurrence.number, stat };
        self.written.insert(pid, written);
        Ok(())
    }

    /// Make a process's folder, beside its place, and move it there whole.
    fn add(&self, occurrence: &Occurrence, stat: &str) -> Result<(), HostTreeError> {
        let node = &self.world.nodes()[self.node];
        let process = node.process(occurrence);
        let place = self.folder.join("proc").join(occurrence.pid.to_string());
        let beside = place.with_extension("new");
        let mut comm = process.base_name().to_vec();
        comm.truncate(15);
        comm.push(b'\n');
        let entries = [
            ("cgroup", cgroup::lines(node, process, occurrence).into_bytes()),
            ("comm", comm),
            ("cmdline", files::joined(&process.arguments)),
            ("environ", files::environ(node, process, occurrence)),
            ("status", files::process_status(process, occurrence.pid)),
            ("stat", files::with_comm(stat, process)),
        ];
        let _ = std::fs::remove_dir_all(&beside);
        let made = std::fs::create_dir_all(&beside).and_then(|()| {
            for (name, bytes) in entries {
                std::fs::write(beside.join(name), bytes)?;
            }
            std::fs::rename(&beside, &place)
        });
        made.map_err(|cause| HostTreeError { path: place, cause })
    }

    fn remove(&mut self, pid: u32) -> Result<(), HostTreeError> {
        if self.written.remove(&pid).is_none() {
            return Ok(());
        }
        let path = self.folder.join("proc").join(pid.to_string());
        match std::fs::remove_dir_all(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(HostTreeError { path, cause })
            }
            _ => Ok(()),
        }
    }

    /// Through a name beside it, so that nobody reads half a file.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), HostTreeError> {
        let path = self.folder.join(path);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
            let beside = path.with_extension("new");
            std::fs::write(&beside, bytes)?;
            std::fs::rename(&beside, &path)
        });
        written.map_err(|cause| HostTreeError { path, cause })
    }

    /// A link, as the kernel has them: to what need not be a file.
    fn link(&self, path: &Path, to: &str) -> Result<(), HostTreeError> {
        let path = self.folder.join(path);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let made = made.and_then(|()| std::os::unix::fs::symlink(to, &path));
        made.map_err(|cause| HostTreeError { path, cause })
    }
}
