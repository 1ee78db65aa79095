//! Running the program once: with a deadline, a limit on what it may print, and its own words kept
//! for the message.
//!
//! A program that does not die when it is killed (it hangs inside the driver) is remembered, and no
//! second one is started beside it.

mod streams;

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use model::{ErrorKind, Stop};
use rustix::process::{Pid, Signal, kill_process_group};

use super::value;
use streams::{OUTPUT_LIMIT, Streams};

/// How long a killed program may take to go.
const BURIAL: Duration = Duration::from_millis(500);

/// Why one run gave nothing.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum RunError {
    #[error("no nvidia-smi on PATH")]
    NotFound,
    #[error("cannot start {program}")]
    Start {
        program: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("cannot read from {form}")]
    Read {
        form: String,
        #[source]
        cause: io::Error,
    },
    #[error("{form} did not end within {} s and was killed", .deadline.as_secs_f64())]
    Deadline { form: String, deadline: Duration },
    #[error("an earlier {form} hangs in the driver and cannot be killed")]
    Stuck { form: String },
    #[error("{form} printed more than {} MiB", OUTPUT_LIMIT >> 20)]
    TooLong { form: String },
    #[error("{form} ended with {status}{}", colon(.said))]
    Failed { form: String, status: ExitStatus, said: String },
    #[error("{form} printed something else than its usual answer{}", colon(.said))]
    Garbage { form: String, said: String },
    #[error("{form} was given up, as this process ends")]
    Stopped { form: String },
}

impl RunError {
    /// The kind of failure that it stands for in a reading.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound | Self::Start { .. } => ErrorKind::DriverGone,
            Self::Deadline { .. } | Self::Stuck { .. } => ErrorKind::Timeout,
            Self::TooLong { .. } | Self::Garbage { .. } => ErrorKind::BadAnswer,
            Self::Failed { status, said, .. } => kind_of_exit(status.code(), said),
            Self::Read { .. } | Self::Stopped { .. } => ErrorKind::Other,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match (self, self.kind()) {
            (Self::NotFound, _) => {
                "install the NVIDIA driver, or run the container with the NVIDIA runtime"
            }
            (Self::Start { .. }, _) => "check that nvidia-smi is a program that this user may run",
            (Self::Deadline { .. } | Self::Stuck { .. }, _) => {
                "the driver hangs: look at dmesg for Xid lines, reset the GPU or reboot"
            }
            (_, ErrorKind::BadAnswer) => {
                "run nvidia-smi by hand: it should print its table; reinstall the driver if not"
            }
            (_, ErrorKind::DriverGone) => {
                "load the driver (modprobe nvidia); after an upgrade reload its modules or reboot"
            }
            (_, ErrorKind::Lost) => "reset the GPU (nvidia-smi --gpu-reset) or reboot",
            (_, ErrorKind::NoPermission) => {
                "allow this user to read and write /dev/nvidiactl and /dev/nvidia*"
            }
            _ => "run nvidia-smi by hand: it should say the same, and dmesg why",
        }
    }
}

/// Exit codes of nvidia-smi are those of NVML (its manual page, RETURN VALUE).
fn kind_of_exit(code: Option<i32>, said: &str) -> ErrorKind {
    match code {
        Some(4) => ErrorKind::NoPermission,
        Some(9 | 12 | 18) => ErrorKind::DriverGone,
        Some(15 | 16) => ErrorKind::Lost,
        _ => value::failure(said).unwrap_or(ErrorKind::Other),
    }
}

/// Its words after a colon, if it said any.
fn colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// The first words of an output, for a message: one line, 300 characters, nothing that moves a
/// terminal.
pub(super) fn first_words(output: &str) -> String {
    let line = output.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Runs the program, one at a time.
#[derive(Debug, Default)]
pub(super) struct Runner {
    /// A killed program that has not gone, and the form it was run in.
    undead: Option<(Child, String)>,
}

impl Runner {
    /// Run `program` with `arguments` and give what it printed.
    pub(super) fn run(
        &mut self,
        program: &Path,
        arguments: &[&str],
        deadline: Duration,
        stop: &Stop,
    ) -> Result<String, RunError> {
        self.bury()?;
        let form = format!("nvidia-smi {}", arguments.join(" "));
        let form = form.trim_end().to_owned();
        let mut child = start(program, arguments)?;
        let outcome = Streams::of(&mut child).until_end(&mut child, deadline, stop);
        match outcome {
            Ok(end) => end.into_text(form),
            Err(cut) => {
                self.kill(child, &form);
                Err(cut.into_error(form, deadline))
            }
        }
    }

    /// Whether the earlier killed program has gone by now.
    fn bury(&mut self) -> Result<(), RunError> {
        if let Some((mut child, form)) = self.undead.take()
            && matches!(child.try_wait(), Ok(None))
        {
            let error = RunError::Stuck { form: form.clone() };
            self.undead = Some((child, form));
            return Err(error);
        }
        Ok(())
    }

    /// Kill the program and whatever it started, and wait a little for it to go.
    fn kill(&mut self, mut child: Child, form: &str) {
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // An error means that it has gone already.
            let _gone = kill_process_group(pid, Signal::KILL);
        }
        let since = Instant::now();
        while matches!(child.try_wait(), Ok(None)) {
            if since.elapsed() >= BURIAL {
                self.undead = Some((child, form.to_owned()));
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the source that runs nvidia-smi")]
fn start(program: &Path, arguments: &[&str]) -> Result<Child, RunError> {
    Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|cause| RunError::Start { program: program.to_owned(), cause })
}

#[cfg(test)]
mod tests;
