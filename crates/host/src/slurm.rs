//! Slurm jobs where control groups do not tell: by the step daemon among a process's parents, else
//! by its environment, the last resort as anyone can set it.

use std::path::Path;

use crate::file;
use crate::stat::{self, Stat};

/// Longest chain of parents that is followed.
const MAX_PARENTS: usize = 64;
/// Most of an environment that is read: the kernel's own limit for one string.
const MAX_ENVIRONMENT: usize = 128 << 10;

/// The job of a process.
pub(crate) fn job(procfs: &Path, pid: u32, stat: &Stat) -> Option<String> {
    job_of_parents(procfs, stat).or_else(|| job_of_environment(procfs, pid))
}

fn job_of_parents(procfs: &Path, stat: &Stat) -> Option<String> {
    let mut parent = stat.parent;
    for _ in 0..MAX_PARENTS {
        if parent <= 1 {
            return None;
        }
        let stat = stat::read(procfs, parent).ok()?;
        if stat.comm.starts_with(b"slurmstepd") {
            return job_of_title(
                &file::read(&file::of_process(procfs, parent, "cmdline"), 4096).ok()?,
            );
        }
        parent = stat.parent;
    }
    None
}

/// The job in the daemon's title, `slurmstepd: [4711.batch]`.
fn job_of_title(title: &[u8]) -> Option<String> {
    let open = title.iter().position(|byte| *byte == b'[')?;
    number(&title[open + 1..])
}

fn job_of_environment(procfs: &Path, pid: u32) -> Option<String> {
    let bytes = file::read(&file::of_process(procfs, pid, "environ"), MAX_ENVIRONMENT).ok()?;
    let value =
        bytes.split(|byte| *byte == 0).find_map(|pair| pair.strip_prefix(b"SLURM_JOB_ID="))?;
    number(value)
}

fn number(text: &[u8]) -> Option<String> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = text.get(..length).filter(|digits| (1..=20).contains(&digits.len()))?;
    std::str::from_utf8(digits).ok().map(str::to_owned)
}
