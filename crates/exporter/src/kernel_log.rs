//! XIDs in the kernel's log: `/dev/kmsg`, or a file with lines of the same form.
//!
//! It tells what happened before this process began, catches what the driver's events miss, and
//! names the process. It is read without waiting, once per pass; nothing of it is kept but XIDs.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gpu::GpuView;
use model::Timestamp;

/// Records that one pass reads at most; the log of a busy machine is read over several.
const MOST_RECORDS: usize = 2048;
/// One record of the kernel has at most 8 KiB (`CONSOLE_EXT_LOG_MAX`).
const RECORD: usize = 8 << 10;
/// XIDs that wait for their GPU to be known.
const MOST_WAITING: usize = 256;
/// A name of a process has at most 15 bytes (`TASK_COMM_LEN`); drivers may tell more.
const LONGEST_NAME: usize = 64;

/// The log of one machine.
#[derive(Debug)]
pub(crate) struct KernelLog {
    path: PathBuf,
    /// Records up to this number are booked already.
    booked: Option<u64>,
    state: State,
    /// Bytes behind the last line that is complete.
    rest: Vec<u8>,
    /// The moment that records count from.
    began: Option<Timestamp>,
    waiting: VecDeque<Told>,
    /// GPUs that were ever seen, by place on the bus.
    known: Vec<Known>,
}

#[derive(Debug)]
enum State {
    Closed,
    Open(File),
    /// Not there or not permitted: not tried again, as neither changes while a process lives.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    bus_id: String,
    uuid: String,
    index: u32,
}

/// An XID as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    record: u64,
    at: Timestamp,
    bus_id: String,
    line: XidLine,
}

/// An XID of a known GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KernelXid {
    /// Number of its record.
    pub(crate) record: u64,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// UUID of the GPU.
    pub(crate) gpu_uuid: String,
    /// Its index.
    pub(crate) gpu_index: u32,
    /// The code.
    pub(crate) xid: u64,
    /// The process that caused it, where the driver says one.
    pub(crate) pid: Option<u32>,
    /// Its name.
    pub(crate) process: Option<String>,
}

impl KernelLog {
    /// A log of which an earlier run has booked records up to that number.
    pub(crate) const fn new(path: PathBuf, booked: Option<u64>) -> Self {
        Self {
            path,
            booked,
            state: State::Closed,
            rest: Vec::new(),
            began: None,
            waiting: VecDeque::new(),
            known: Vec::new(),
        }
    }

    /// What is new, of GPUs that are known.
    pub(crate) fn read<'a>(
        &mut self,
        now: Timestamp,
        gpus: impl Iterator<Item = &'a GpuView>,
    ) -> Vec<KernelXid> {
        for gpu in gpus.filter(|gpu| !gpu.uuid.is_empty()) {
            let known =
                Known { bus_id: gpu.pci_bus_id.clone(), uuid: gpu.uuid.clone(), index: gpu.index };
            if !self.known.contains(&known) {
                self.known.retain(|other| other.bus_id != known.bus_id);
                self.known.push(known);
            }
        }
        self.gather(now);
        self.known_ones()
    }

    fn known_ones(&mut self) -> Vec<KernelXid> {
        if self.known.is_empty() {
            return Vec::new();
        }
        let known = &self.known;
        let of = |told: Told| {
            let gpu = known.iter().find(|gpu| is_at(&gpu.bus_id, &told.bus_id))?;
            let XidLine { xid, pid, process, .. } = told.line;
            let (gpu_uuid, gpu_index) = (gpu.uuid.clone(), gpu.index);
            Some(KernelXid {
                record: told.record,
                at: told.at,
                gpu_uuid,
                gpu_index,
                xid,
                pid,
                process,
            })
        };
        self.waiting.drain(..).filter_map(of).collect()
    }

    fn gather(&mut self, now: Timestamp) {
        if matches!(self.state, State::Closed) {
            self.open(now);
        }
        let mut buffer = [0; RECORD];
        for _ in 0..MOST_RECORDS {
            let State::Open(file) = &mut self.state else { return };
            match file.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => self.take(&buffer[..count]),
                // Records were overwritten before they could be read: go on with the oldest left.
                Err(error) if error.raw_os_error() == Some(EPIPE) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(path = %self.path.display(), %error, "kernel log not read on");
                    self.state = State::Refused;
                }
            }
        }
    }

    fn open(&mut self, now: Timestamp) {
        self.began = Some(now.before(running_for()));
        let opened = File::options().read(true).custom_flags(O_NONBLOCK).open(&self.path);
        self.state = match opened {
            Ok(file) => State::Open(file),
            Err(error) => {
                let path = self.path.display();
                tracing::info!(%path, %error, "kernel log not read: XIDs by driver events alone");
                State::Refused
            }
        };
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            self.take_line(&String::from_utf8_lossy(&line));
        }
        // Without an end a line of that length is none.
        if rest.len() <= RECORD {
            self.rest = rest;
        }
    }

    fn take_line(&mut self, line: &str) {
        let Some((number, micros, text)) = record(line) else { return };
        if self.booked.is_some_and(|booked| number <= booked) {
            return;
        }
        let (Some(read), Some(began)) = (xid_line(text), self.began) else { return };
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.pop_front();
        }
        let at = began.after(Duration::from_micros(micros));
        self.waiting.push_back(Told {
            record: number,
            at,
            bus_id: read.bus_id.clone(),
            line: read,
        });
    }
}

/// What the kernel stamps its records by: time since it began, without that in suspend.
fn running_for() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(time).unwrap_or_default()
}

/// `O_NONBLOCK` of Linux.
const O_NONBLOCK: i32 = 0o4000;
/// `EPIPE` of Linux.
const EPIPE: i32 = 32;

/// Number, microseconds since the start of the machine, and text: `6,1234,98765,-;text`.
fn record(line: &str) -> Option<(u64, u64, &str)> {
    let (head, text) = line.split_once(';')?;
    let mut numbers = head.split(',').skip(1).map_while(|number| number.parse::<u64>().ok());
    Some((numbers.next()?, numbers.next()?, text.trim_end()))
}

/// What the driver's line says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct XidLine {
    /// `0000:3b:00`.
    bus_id: String,
    xid: u64,
    pid: Option<u32>,
    process: Option<String>,
}

/// `NVRM: Xid (PCI:0000:3b:00): 31, pid=1234, name=python3, Ch 00000008, ...`; older drivers leave
/// `PCI:` or the process out.
fn xid_line(text: &str) -> Option<XidLine> {
    let (_, rest) = text.split_once("NVRM: Xid (")?;
    let (place, rest) = rest.split_once("): ")?;
    let bus_id = place.strip_prefix("PCI:").unwrap_or(place).to_ascii_lowercase();
    let (xid, rest) = rest.split_once(',').unwrap_or((rest, ""));
    let word = |key: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(key));
    let process = word("name=")
        .map(|name| name.trim_matches('\''))
        .filter(|name| !name.is_empty() && !name.starts_with('<'));
    Some(XidLine {
        bus_id,
        xid: xid.trim().parse().ok()?,
        pid: word("pid=")
            .and_then(|pid| pid.trim_matches('\'').parse().ok())
            .filter(|pid| *pid != 0),
        process: process.map(|name| name.chars().take(LONGEST_NAME).collect()),
    })
}

/// Whether NVML's `00000000:3B:00.0` is the log's `0000:3b:00`.
fn is_at(nvml: &str, logged: &str) -> bool {
    let parts = |id: &str| {
        let mut parts = id.split(':');
        let number = |text: Option<&str>| u32::from_str_radix(text?, 16).ok();
        let domain = number(parts.next());
        let bus = number(parts.next());
        let device = number(parts.next().map(|last| last.split('.').next().unwrap_or(last)));
        Some((domain?, bus?, device?))
    };
    parts(nvml).is_some_and(|nvml| parts(logged) == Some(nvml))
}

/// The log of a machine: the path that was given, else the real machine's own.
pub(crate) fn place(given: Option<&Path>, is_real: bool) -> Option<PathBuf> {
    given.map(Path::to_owned).or_else(|| is_real.then(|| PathBuf::from("/dev/kmsg")))
}

#[cfg(test)]
mod tests;
