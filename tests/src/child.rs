//! A program under test: started with its output in a file, ended with the test.
//!
//! Whatever way a test ends, no process stays behind; a failure shows the log.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// A running program.
#[derive(Debug)]
pub struct Child {
    name: String,
    log: PathBuf,
    process: std::process::Child,
}

impl Child {
    /// Start `command`, with stdout and stderr in `folder/<name>.log`.
    ///
    /// # Errors
    /// The log cannot be made or the program cannot be started.
    pub fn start(name: &str, command: &mut Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("cannot make {}", log.display()))?;
        let process = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), log, process })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// All it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map_or_else(
            |cause| format!("(no log: {cause})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    /// Wait until `probe` succeeds; an early end of the program ends the wait.
    ///
    /// # Errors
    /// The deadline or the program's end came first; says which, with the log.
    pub fn until<T>(&mut self, what: &str, probe: impl FnMut(&str) -> Result<T>) -> Result<T> {
        self.until_within(what, wait::PATIENCE, probe)
    }

    /// The same with a deadline of one's own.
    ///
    /// # Errors
    /// As [`Child::until`].
    pub fn until_within<T>(
        &mut self,
        what: &str,
        patience: Duration,
        mut probe: impl FnMut(&str) -> Result<T>,
    ) -> Result<T> {
        let mut ended = None;
        let answer = wait::until(what, patience, || {
            if ended.is_none() {
                ended = self.process.try_wait()?;
            }
            match (probe(&self.log()), ended) {
                (Ok(answer), _) => Ok(Some(answer)),
                (Err(_), Some(_)) => Ok(None),
                (Err(reason), None) => Err(reason),
            }
        });
        match answer {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => bail!("{} ended early\n{}", self.name, self.log()),
            Err(reason) => bail!("{}: {reason:#}\n{}", self.name, self.log()),
        }
    }

    /// The address in its first line `listening on http://ADDRESS`, or `https`.
    ///
    /// # Errors
    /// It does not come within the deadline.
    pub fn address(&mut self) -> Result<SocketAddr> {
        self.until("the line `listening on`", |log| listening_on(log).context("no such line"))
    }

    /// Send a signal.
    ///
    /// # Errors
    /// The process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw).context("no such pid")?;
        kill_process(pid, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Wait for its end.
    ///
    /// # Errors
    /// It goes on past the deadline; it is killed then.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let process = &mut self.process;
        let ended =
            wait::until("its end", patience, || process.try_wait()?.context("it is still running"));
        ended.map_err(|reason| {
            let _ = self.process.kill();
            anyhow::anyhow!("{}: {reason:#}\n{}", self.name, self.log())
        })
    }

    /// End it as an administrator would, and say how it went.
    ///
    /// # Errors
    /// It does not end within ten seconds.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        if let Some(status) = self.process.try_wait()? {
            return Ok(status);
        }
        self.signal(Signal::TERM)?;
        self.wait(Duration::from_secs(10))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failing test shows what its programs said")]
            {
                eprintln!("---- log of {} ----\n{}", self.name, self.log());
            }
        }
    }
}

fn listening_on(log: &str) -> Option<SocketAddr> {
    let url = log.lines().find_map(|line| line.split_once("listening on "))?.1;
    let address = url.split_once("://")?.1.split(['/', ' ']).next()?;
    let address = address.replace("[::]", "127.0.0.1").replace("0.0.0.0", "127.0.0.1");
    address.parse().ok()
}
