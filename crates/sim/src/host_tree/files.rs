//! The kernel's file formats, as far as programs read them.

use std::fmt::Write as _;

use model::Timestamp;

use crate::world::Node;
use crate::world::process::{Occurrence, Owner, Process};

/// `USER_HZ`, in which `/proc` counts time.
const TICKS_PER_SECOND: i64 = 100;

/// `/proc/uptime`.
pub(super) fn uptime(now: Timestamp, boot: Timestamp) -> String {
    let seconds = now.since(boot).as_secs_f64();
    format!("{seconds:.2} {:.2}\n", seconds * 30.0)
}

/// `/proc/stat`, with the moment of the boot.
pub(super) fn stat(boot: Timestamp) -> String {
    let cpu = "cpu  100 0 100 100000 0 0 0 0 0 0\ncpu0 100 0 100 100000 0 0 0 0 0 0\n";
    format!("{cpu}intr 0\nctxt 0\nbtime {}\nprocesses 1\n", boot.second())
}

/// `/etc/passwd`.
pub(super) fn passwd(users: &[(String, u32)]) -> String {
    let mut text = String::new();
    for (name, uid) in users {
        let home = if *uid == 0 { "/root".to_owned() } else { format!("/home/{name}") };
        let _ = writeln!(text, "{name}:x:{uid}:{uid}::{home}:/bin/bash");
    }
    text
}

/// Where `/proc/1/ns/pid` points on the host itself: `PROC_PID_INIT_INO` of the kernel's `proc_ns.h`.
pub(super) const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

/// `/proc/1/status`: the first process of the host itself, in its own namespace of PIDs.
pub(super) fn init_status() -> String {
    status("systemd", 1, 0, 'S')
}

/// `/proc/1/stat`.
pub(super) fn init_stat() -> String {
    format!("1 (systemd) S 0{}\n", rest(1, 0, 0, 2))
}

/// `/proc/PID/status`.
pub(super) fn process_status(process: &Process, pid: u32) -> Vec<u8> {
    let text = status("\0", pid, process.uid, 'S');
    let name = escaped(process.base_name());
    replaced(&text, &name)
}

fn status(name: &str, pid: u32, uid: u32, state: char) -> String {
    let parent = u32::from(pid != 1);
    format!(
        "Name:\t{name}\nUmask:\t0022\nState:\t{state} (sleeping)\nTgid:\t{pid}\nNgid:\t0\n\
         Pid:\t{pid}\nPPid:\t{parent}\nTracerPid:\t0\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n\
         Gid:\t{uid}\t{uid}\t{uid}\t{uid}\nFDSize:\t256\nNSpid:\t{pid}\nThreads:\t1\n"
    )
}

/// `/proc/PID/stat`, with a zero byte where the name stands: names need not be UTF-8.
pub(super) fn process_stat(
    node: &Node,
    process: &Process,
    occurrence: &Occurrence,
    age_us: i64,
) -> String {
    let start_ticks = (occurrence.start_us + node.uptime_us).max(0) * TICKS_PER_SECOND / 1_000_000;
    #[expect(clippy::cast_possible_truncation, reason = "ticks of a life")]
    let cpu_ticks = (process.cpu_seconds(occurrence, age_us) * 100.0) as i64;
    let user = cpu_ticks * 4 / 5;
    format!(
        "{} (\0) S 1{}\n",
        occurrence.pid,
        rest(occurrence.pid, user, cpu_ticks - user, start_ticks)
    )
}

/// Fields 5 to 52.
fn rest(pid: u32, user: i64, system: i64, start: i64) -> String {
    let front =
        format!(" {pid} {pid} 0 -1 4194304 1000 0 0 0 {user} {system} 0 0 20 0 1 0 {start}");
    let memory = " 1073741824 65536 18446744073709551615";
    format!("{front}{memory}{}", " 0".repeat(27))
}

/// A stat line with the name in its place: its first 15 bytes, as they are.
pub(super) fn with_comm(stat: &str, process: &Process) -> Vec<u8> {
    let name = process.base_name();
    replaced(stat, &name[..name.len().min(15)])
}

/// The text with `name` for its zero byte.
fn replaced(text: &str, name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + name.len());
    let (front, back) = text.split_once('\0').unwrap_or((text, ""));
    bytes.extend_from_slice(front.as_bytes());
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(back.as_bytes());
    bytes
}

/// A name as `/proc/PID/status` writes it: 15 bytes, with newline and backslash escaped.
fn escaped(name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for byte in &name[..name.len().min(15)] {
        match byte {
            b'\n' => bytes.extend_from_slice(b"\\n"),
            b'\\' => bytes.extend_from_slice(b"\\\\"),
            other => bytes.push(*other),
        }
    }
    bytes
}

/// Arguments, each ended by a zero byte.
pub(super) fn joined(arguments: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = arguments.join(&0);
    bytes.push(0);
    bytes
}

/// The environment, each entry ended by a zero byte.
pub(super) fn environ(node: &Node, process: &Process, occurrence: &Occurrence) -> Vec<u8> {
    let mut text = String::from("PATH=/usr/local/bin:/usr/bin:/bin\0");
    let seats: Vec<String> = process
        .seats_of(occurrence)
        .filter_map(|seat| {
            let gpu = node.gpus.get(seat.gpu)?;
            let layout = gpu.layout_at(occurrence.start_us.max(0));
            let mig = seat.mig.and_then(|mig| layout?.devices.get(mig as usize));
            Some(mig.map_or_else(|| gpu.uuid.clone(), |device| device.uuid.to_string()))
        })
        .collect();
    let _ = write!(text, "NVIDIA_VISIBLE_DEVICES={}\0", seats.join(","));
    if let Owner::Slurm { job, step } = &process.owner {
        let _ = write!(text, "SLURM_JOB_ID={job}\0SLURM_STEP_ID={step}\0");
    }
    for (name, value) in &process.environment {
        let _ = write!(text, "{name}={value}\0");
    }
    text.into_bytes()
}
