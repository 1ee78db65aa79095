//! What a running program prints, read without waiting for more, up to a limit and a deadline.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus};
use std::time::{Duration, Instant};

use model::Stop;
use rustix::event::{PollFd, PollFlags, poll};

use super::{RunError, first_words};

/// Most that one run may print: 256 GPUs with `-q` need about 3 MiB.
pub(super) const OUTPUT_LIMIT: usize = 16 << 20;
/// Most of its error output that is kept.
const COMPLAINT_LIMIT: usize = 4096;
/// How often the end of the program and of ours is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// A run that ended by itself.
pub(super) struct End {
    status: ExitStatus,
    output: Vec<u8>,
    complaint: Vec<u8>,
}

impl End {
    /// Bytes that are not UTF-8 (process names may hold any) are replaced.
    pub(super) fn into_text(self, form: String) -> Result<String, RunError> {
        let output = String::from_utf8_lossy(&self.output).into_owned();
        if self.status.success() {
            return Ok(output);
        }
        // nvidia-smi complains on its standard output; wrappers on the other.
        let complaint = String::from_utf8_lossy(&self.complaint);
        let said = first_words(if output.trim().is_empty() { &complaint } else { &output });
        Err(RunError::Failed { form, status: self.status, said })
    }
}
/// A run that was cut short.
pub(super) enum Cut {
    Deadline,
    TooLong,
    Stopped,
    Read(io::Error),
}

impl Cut {
    pub(super) fn into_error(self, form: String, deadline: Duration) -> RunError {
        match self {
            Self::Deadline => RunError::Deadline { form, deadline },
            Self::TooLong => RunError::TooLong { form },
            Self::Stopped => RunError::Stopped { form },
            Self::Read(cause) => RunError::Read { form, cause },
        }
    }
}

/// What a running program has printed so far.
pub(super) struct Streams {
    output: Stream<ChildStdout>,
    complaint: Stream<ChildStderr>,
}

impl Streams {
    pub(super) fn of(child: &mut Child) -> Self {
        Self {
            output: Stream::new(child.stdout.take()),
            complaint: Stream::new(child.stderr.take()),
        }
    }

    pub(super) fn until_end(
        mut self,
        child: &mut Child,
        deadline: Duration,
        stop: &Stop,
    ) -> Result<End, Cut> {
        let since = Instant::now();
        loop {
            // The end is looked for before the streams are emptied, so that nothing is missed.
            let status = child.try_wait().map_err(Cut::Read)?;
            self.output.empty(OUTPUT_LIMIT)?;
            self.complaint.empty_keeping(COMPLAINT_LIMIT)?;
            if let Some(status) = status {
                let (output, complaint) = (self.output.bytes, self.complaint.bytes);
                return Ok(End { status, output, complaint });
            }
            if stop.is_stopped() {
                return Err(Cut::Stopped);
            }
            let left = deadline.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Err(Cut::Deadline);
            }
            self.wait(left.min(LOOK));
        }
    }

    /// Wait for more output; a program that closed both streams is about to end.
    fn wait(&self, at_most: Duration) {
        let mut streams: Vec<PollFd<'_>> = Vec::new();
        streams.extend(self.output.poll_fd());
        streams.extend(self.complaint.poll_fd());
        if streams.is_empty() {
            std::thread::sleep(at_most.min(Duration::from_millis(2)));
        } else if let Ok(timeout) = at_most.try_into() {
            // An error is a signal: the loop looks again.
            let _interrupted = poll(&mut streams, Some(&timeout));
        }
    }
}

/// One of its two streams, read without waiting.
struct Stream<R> {
    pipe: Option<R>,
    bytes: Vec<u8>,
}

impl<R: Read + AsFd> Stream<R> {
    fn new(pipe: Option<R>) -> Self {
        let pipe = pipe.filter(|pipe| rustix::io::ioctl_fionbio(pipe, true).is_ok());
        Self { pipe, bytes: Vec::new() }
    }

    fn poll_fd(&self) -> Option<PollFd<'_>> {
        self.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN))
    }

    /// Take what there is; more than `limit` in all is an error.
    fn empty(&mut self, limit: usize) -> Result<(), Cut> {
        while let Some(chunk) = self.chunk()? {
            self.bytes.extend_from_slice(&chunk);
            if self.bytes.len() > limit {
                return Err(Cut::TooLong);
            }
        }
        Ok(())
    }

    /// Take what there is and keep its beginning.
    fn empty_keeping(&mut self, limit: usize) -> Result<(), Cut> {
        let mut taken = 0;
        while let Some(chunk) = self.chunk()? {
            taken += chunk.len();
            let room = limit.saturating_sub(self.bytes.len()).min(chunk.len());
            self.bytes.extend_from_slice(&chunk[..room]);
            if taken > OUTPUT_LIMIT {
                break;
            }
        }
        Ok(())
    }

    /// The next bytes, if there are some now.
    fn chunk(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        let Some(pipe) = self.pipe.as_mut() else { return Ok(None) };
        let mut buffer = vec![0; 64 << 10];
        match pipe.read(&mut buffer) {
            Ok(0) => {
                self.pipe = None;
                Ok(None)
            }
            Ok(count) => {
                buffer.truncate(count);
                Ok(Some(buffer))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Some(Vec::new())),
            Err(error) => Err(Cut::Read(error)),
        }
    }
}
