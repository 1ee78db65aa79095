//! Slurm jobs where control groups do not tell: by the step daemon among a process's parents, else
//! by its environment, the last resort as anyone can set it. And what a job's environment tells of
//! it besides.

use std::path::Path;

use model::process::SlurmFacts;

use crate::file;
use crate::stat::{self, Stat};

/// Longest chain of parents that is followed.
const MAX_PARENTS: usize = 64;
/// Most of an environment that is read: the kernel's own limit for one string.
const MAX_ENVIRONMENT: usize = 128 << 10;
/// Longest name of an account or partition that is taken.
const MAX_NAME: usize = 128;

/// A job, and what is known of it.
pub(crate) type Job = (String, SlurmFacts);

/// The job of a process whose control group names none.
pub(crate) fn job(procfs: &Path, pid: u32, stat: &Stat) -> Option<Job> {
    if let Some((job, step)) = job_of_parents(procfs, stat) {
        let told = SlurmFacts { step, ..SlurmFacts::default() };
        let facts = facts(procfs, pid, &job, told);
        return Some((job, facts));
    }
    let environment = Environment::read(procfs, pid)?;
    let job = environment.number(b"SLURM_JOB_ID")?;
    let facts = environment.facts(SlurmFacts::default());
    Some((job, facts))
}

/// What the environment of a job's process adds to what is known of the job: nothing where it cannot
/// be read, or speaks of another job.
pub(crate) fn facts(procfs: &Path, pid: u32, job: &str, known: SlurmFacts) -> SlurmFacts {
    match Environment::read(procfs, pid) {
        Some(environment) if environment.number(b"SLURM_JOB_ID").as_deref() == Some(job) => {
            environment.facts(known)
        }
        _ => known,
    }
}

fn job_of_parents(procfs: &Path, stat: &Stat) -> Option<(String, Option<String>)> {
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

/// Job and step in the daemon's title, `slurmstepd: [4711.batch]`.
fn job_of_title(title: &[u8]) -> Option<(String, Option<String>)> {
    let open = title.iter().position(|byte| *byte == b'[')?;
    let inner = title[open + 1..].split(|byte| *byte == b']').next()?;
    let (job, step) = match inner.iter().position(|byte| *byte == b'.') {
        Some(dot) => (&inner[..dot], name(&inner[dot + 1..])),
        None => (inner, None),
    };
    Some((number(job)?, step))
}

/// The first bytes of a process's environment.
struct Environment(Vec<u8>);

impl Environment {
    fn read(procfs: &Path, pid: u32) -> Option<Self> {
        file::read(&file::of_process(procfs, pid, "environ"), MAX_ENVIRONMENT).ok().map(Self)
    }

    fn value(&self, name: &[u8]) -> Option<&[u8]> {
        let mut pairs = self.0.split(|byte| *byte == 0);
        pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
    }

    fn number(&self, name: &[u8]) -> Option<String> {
        number(self.value(name)?)
    }

    fn facts(&self, known: SlurmFacts) -> SlurmFacts {
        let named = |variable: &[u8]| name(self.value(variable)?);
        SlurmFacts {
            step: known.step.or_else(|| named(b"SLURM_STEP_ID")),
            account: named(b"SLURM_JOB_ACCOUNT"),
            partition: named(b"SLURM_JOB_PARTITION"),
            array_job: self.number(b"SLURM_ARRAY_JOB_ID"),
            array_task: self.number(b"SLURM_ARRAY_TASK_ID"),
        }
    }
}

/// A word that can be shown as it is.
fn name(text: &[u8]) -> Option<String> {
    let text =
        std::str::from_utf8(text).ok().filter(|text| (1..=MAX_NAME).contains(&text.len()))?;
    (!text.contains(char::is_control)).then(|| text.to_owned())
}

/// A whole number of at most 20 digits, and nothing else.
fn number(text: &[u8]) -> Option<String> {
    let fits = (1..=20).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    if fits { std::str::from_utf8(text).ok().map(str::to_owned) } else { None }
}
