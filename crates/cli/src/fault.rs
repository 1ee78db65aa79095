//! How a command ends: exit codes, and the one place where an error is printed.
//!
//! 0 ok, 1 failure, 2 wrong command line or configuration, 3 nothing found, 4 not allowed,
//! 5 unreachable.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Exit code of anything that failed and has no code of its own.
pub(crate) const FAILURE: u8 = 1;
/// Exit code of a wrong command line or configuration.
pub(crate) const USAGE: u8 = 2;
/// Exit code of what a server does not allow.
pub(crate) const NOT_ALLOWED: u8 = 4;
/// Exit code of a server that cannot be reached.
pub(crate) const UNREACHABLE: u8 = 5;

/// Why a command did not end well, and the exit code that says so.
#[derive(Debug)]
pub struct Fault {
    code: u8,
    cause: anyhow::Error,
}

impl Fault {
    /// A wrong command line or configuration.
    pub(crate) fn usage(cause: impl Into<anyhow::Error>) -> Self {
        Self { code: USAGE, cause: cause.into() }
    }

    /// A failure with an exit code of its own.
    pub(crate) fn coded(code: u8, cause: impl Into<anyhow::Error>) -> Self {
        Self { code, cause: cause.into() }
    }

    /// The exit code that says so.
    #[cfg(test)]
    pub(crate) const fn code(&self) -> u8 {
        self.code
    }

    /// Whether the reader of our output went away, as `head` does: no failure of ours.
    fn is_broken_pipe(&self) -> bool {
        self.cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.cause)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Fault {
    fn from(cause: E) -> Self {
        Self { code: FAILURE, cause: cause.into() }
    }
}

/// Print what went wrong, once, and give the exit code. A command that ended well may still have a
/// code of its own, such as 1 for a failed check.
pub fn end(result: Result<u8, Fault>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(fault) if fault.is_broken_pipe() => ExitCode::SUCCESS,
        Err(fault) => {
            // Nothing is left to tell if stderr is closed too.
            let _ = writeln!(io::stderr(), "gpulse: {fault}");
            ExitCode::from(fault.code)
        }
    }
}

/// Print what clap has to say: help and version on stdout with 0, a wrong command line on stderr
/// with 2.
#[must_use]
pub fn refuse(usage: &clap::Error) -> ExitCode {
    let _ = usage.print();
    ExitCode::from(if usage.use_stderr() { USAGE } else { 0 })
}
