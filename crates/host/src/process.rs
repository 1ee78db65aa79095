//! Facts of one process, remembered while its start and program stay the same.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

use model::Timestamp;
use model::process::{Lookup, Owner, OwnerKind, ProcessFacts};

use crate::stat::{self, Stat};
use crate::{Host, cgroup, file, slurm};

/// Most processes whose facts are remembered; at the limit all are forgotten and read anew.
const MAX_REMEMBERED: usize = 16_384;
/// Most of a command line that people are shown.
const MAX_COMMAND_LINE: usize = 64 << 10;
/// Longest program name that is kept.
const MAX_COMMAND: usize = 255;

/// Facts by PID, with the program name by which a change of program is noticed.
pub(crate) type Remembered = HashMap<u32, (Vec<u8>, ProcessFacts)>;

/// Facts about a process: one small read if it was met before, five else.
pub(crate) fn look_up(host: &Host, pid: u32) -> Lookup {
    if host.pids_are_hosts == Some(false) {
        // Another process might carry the number here.
        return Lookup::Unreadable;
    }
    let stat = match stat::read(&host.procfs, pid) {
        Ok(stat) => stat,
        Err(error) => return failure(host, pid, &error),
    };
    if let Some(facts) = recall(host, pid, &stat) {
        return Lookup::Facts(facts);
    }
    match read(host, pid, &stat) {
        Ok(facts) => {
            remember(host, &stat, &facts);
            Lookup::Facts(facts)
        }
        Err(error) => failure(host, pid, &error),
    }
}

/// What a failed read says about the process.
fn failure(host: &Host, pid: u32, error: &io::Error) -> Lookup {
    let is_gone = error.kind() == ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error());
    host.remembered.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
    if is_gone && !is_hidden(host, pid) { Lookup::Gone } else { Lookup::Unreadable }
}

/// A procfs mounted with `hidepid` hides living processes; the kernel still answers for them.
fn is_hidden(host: &Host, pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let answer = pid.filter(|_| host.is_own).map(rustix::process::test_kill_process);
    matches!(answer, Some(Ok(()) | Err(rustix::io::Errno::PERM)))
}

fn recall(host: &Host, pid: u32, stat: &Stat) -> Option<ProcessFacts> {
    let remembered = host.remembered.lock().unwrap_or_else(PoisonError::into_inner);
    let (comm, facts) = remembered.get(&pid)?;
    (*comm == stat.comm && facts.start_ticks == stat.start_ticks).then(|| ProcessFacts {
        state: stat.state,
        cpu_seconds: stat.cpu_seconds(),
        parent: stat.parent,
        ..facts.clone()
    })
}

fn remember(host: &Host, stat: &Stat, facts: &ProcessFacts) {
    let mut remembered = host.remembered.lock().unwrap_or_else(PoisonError::into_inner);
    if remembered.len() >= MAX_REMEMBERED {
        remembered.clear();
    }
    remembered.insert(facts.pid, (stat.comm.clone(), facts.clone()));
}

/// Read everything. A process that vanished on the way is an error of kind `NotFound`.
fn read(host: &Host, pid: u32, stat: &Stat) -> io::Result<ProcessFacts> {
    let uid =
        real_uid(&or_empty(file::read(&file::of_process(&host.procfs, pid, "status"), 8192))?);
    let user = uid.map(|uid| host.passwd.lock().unwrap_or_else(PoisonError::into_inner).name(uid));
    let facts = ProcessFacts {
        pid,
        start_ticks: stat.start_ticks,
        started: started(host, stat.start_ticks),
        command: command(&host.procfs, pid, &stat.comm),
        state: stat.state,
        cpu_seconds: stat.cpu_seconds(),
        parent: stat.parent,
        uid,
        user,
        owner: owner(host, pid, stat)?,
        names: None,
        pod_is_gone: false,
    };
    let again = stat::read(&host.procfs, pid)?;
    if again.start_ticks != stat.start_ticks {
        return Err(ErrorKind::NotFound.into());
    }
    Ok(facts)
}

/// A file that may not be read leaves its facts unknown.
fn or_empty(bytes: io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    bytes.or_else(|error| match error.kind() {
        ErrorKind::PermissionDenied => Ok(Vec::new()),
        _ => Err(error),
    })
}

fn started(host: &Host, ticks: u64) -> Timestamp {
    let per_second = stat::ticks_per_second();
    let since_boot = Duration::from_secs(ticks / per_second)
        + Duration::from_micros(ticks % per_second * 1_000_000 / per_second);
    Timestamp::from_secs(host.boot_seconds.unwrap_or(0)).after(since_boot)
}

fn real_uid(status: &[u8]) -> Option<u32> {
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    std::str::from_utf8(line).ok()?.split_ascii_whitespace().next()?.parse().ok()
}

fn owner(host: &Host, pid: u32, stat: &Stat) -> io::Result<Owner> {
    let bytes = or_empty(file::read(&file::of_process(&host.procfs, pid, "cgroup"), 64 << 10))?;
    let mut owner = cgroup::owner_of_cgroup(&String::from_utf8_lossy(&bytes));
    let may_be_job =
        matches!(owner.kind, OwnerKind::User | OwnerKind::Service | OwnerKind::Unknown);
    if let Some(job) = &owner.slurm_job {
        let known = owner.slurm.take().map_or_else(Default::default, |known| *known);
        owner.slurm = Some(Box::new(slurm::facts(&host.procfs, pid, job, known)));
    } else if may_be_job && let Some((job, facts)) = slurm::job(&host.procfs, pid, stat) {
        owner.kind = OwnerKind::Slurm;
        (owner.slurm_job, owner.slurm) = (Some(job), Some(Box::new(facts)));
    }
    if stat.comm.starts_with(MPS_SERVER) {
        owner.kind = OwnerKind::MpsServer;
    }
    Ok(owner)
}

/// `nvidia-cuda-mps-server`, as far as the kernel keeps the name of a program.
const MPS_SERVER: &[u8] = b"nvidia-cuda-mps";

/// Base name of the program: that of the first argument, which is what `nvidia-smi` shows the path
/// of. A first argument with a space is a title that the process gave itself, possibly with its
/// arguments in it; then, and where there is none, it is the kernel's own name for it.
pub(crate) fn command(procfs: &Path, pid: u32, comm: &[u8]) -> String {
    let line = file::read(&file::of_process(procfs, pid, "cmdline"), 4096).unwrap_or_default();
    let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let base = first.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    // Login shells carry a dash in front.
    let base = base.strip_prefix(b"-").unwrap_or(base);
    let is_program = !base.is_empty() && base.len() <= MAX_COMMAND;
    let name = if is_program && !first.contains(&b' ') { base } else { comm };
    String::from_utf8_lossy(name).into_owned()
}

/// All arguments with a space between them; control characters are replaced.
pub(crate) fn command_line(procfs: &Path, pid: u32) -> Option<String> {
    let mut line = file::read(&file::of_process(procfs, pid, "cmdline"), MAX_COMMAND_LINE).ok()?;
    while line.last() == Some(&0) {
        line.pop();
    }
    let text = String::from_utf8_lossy(&line);
    let readable = text.chars().map(|char| match char {
        '\0' => ' ',
        char if char.is_control() => char::REPLACEMENT_CHARACTER,
        char => char,
    });
    (!text.is_empty()).then(|| readable.collect())
}

#[cfg(test)]
mod tests;
