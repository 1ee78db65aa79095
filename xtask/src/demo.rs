//! `cargo xtask demo`: gpulse on a simulated machine, with nothing to set up but Rust.
//!
//! Builds the program, starts an exporter over the scenario, says where `/metrics` is, and shows
//! `gpulse who` over the same world at the same time. Ctrl-C, SIGTERM or `--for` end it cleanly.
//! Without a terminal it prints a few tables and goes on serving.

use std::io::IsTerminal as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use ::tests::{http, wait};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::workspace::{self, Profile};

/// Tables that are printed where there is no terminal to redraw.
const TABLES: usize = 3;
/// Time between two of them.
const PAUSE: Duration = Duration::from_secs(2);
/// How long children may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The simulated machine: a scenario's name, or a file.
    #[arg(long, default_value = "h100x8-busy")]
    scenario: String,
    /// Port of /metrics; the next free one if it is taken.
    #[arg(long, default_value_t = 9400)]
    port: u16,
    /// End after that many seconds (`20s`), instead of at Ctrl-C.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    r#for: Option<Duration>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    number.parse().map(Duration::from_secs).map_err(|_| "a number of seconds, such as 20s".into())
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    println!("building gpulse: about 2 minutes on two cores the first time, then seconds");
    let gpulse = workspace::build(Profile::Dev, &["cli"])?.gpulse;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(until_ended(args, gpulse))?;
    Ok(ExitCode::SUCCESS)
}

async fn until_ended(args: &Args, gpulse: PathBuf) -> Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let folder = tempfile::tempdir()?;
    let address = free_address(args.port)?;
    let machine = Machine { gpulse, scenario: args.scenario.clone(), folder: folder.path() };
    let mut children = Children { exporter: machine.exporter(address)?, who: None };
    let shown = tokio::select! {
        shown = show(&machine, &mut children, address) => shown,
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = term.recv() => Ok(()),
        () = after(args.r#for) => Ok(()),
    };
    // The table first: it gives the terminal back as it was.
    if let Some(who) = &mut children.who {
        end(who).await;
    }
    end(&mut children.exporter).await;
    shown?;
    println!("the demo has ended; nothing is left running");
    Ok(())
}

/// What the demo has started.
struct Children {
    exporter: Child,
    who: Option<Child>,
}

async fn after(span: Option<Duration>) {
    match span {
        Some(span) => tokio::time::sleep(span).await,
        None => std::future::pending().await,
    }
}

/// Show the world until the exporter or the table ends by itself.
async fn show(machine: &Machine<'_>, children: &mut Children, address: SocketAddr) -> Result<()> {
    let Children { exporter, who } = children;
    machine.ready(exporter, address).await?;
    println!("a simulated machine is running ({}):", machine.scenario);
    println!("  metrics   http://{address}/metrics");
    println!("  ready     http://{address}/readyz");
    println!("  the same  {}", machine.typed());
    if std::io::stdout().is_terminal() {
        println!("who is on which GPU follows; Ctrl-C ends\n");
        tokio::time::sleep(PAUSE).await;
        let who = who.insert(machine.who(Some("--watch=1s")).spawn()?);
        tokio::select! {
            status = who.wait() => drop(status?),
            ended = exporter.wait() => bail!("the exporter ended: {}\n{}", ended?, machine.log()),
        }
        return Ok(());
    }
    for _ in 0..TABLES {
        println!();
        let status = machine.who(None).status().await?;
        if !status.success() {
            bail!("gpulse who ended with {status}");
        }
        tokio::time::sleep(PAUSE).await;
    }
    println!("\nserving until SIGTERM or Ctrl-C");
    let status = exporter.wait().await?;
    bail!("the exporter ended: {status}\n{}", machine.log())
}

/// What all programs of the demo are started with.
struct Machine<'a> {
    gpulse: PathBuf,
    scenario: String,
    folder: &'a Path,
}

impl Machine<'_> {
    fn command(&self, role: &str) -> Command {
        let mut command = Command::new(&self.gpulse);
        command
            .args([role, "--sim", &self.scenario, "--sim-clock"])
            .arg(self.folder.join("clock"))
            .arg("--state")
            .arg(self.folder.join("state"))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn exporter(&self, address: SocketAddr) -> Result<Child> {
        let log = std::fs::File::create(self.log_file())?;
        self.command("exporter")
            .args(["--listen", &address.to_string()])
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start the exporter")
    }

    fn who(&self, watch: Option<&str>) -> Command {
        let mut command = self.command("who");
        command.args(watch);
        command
    }

    /// What a person would type to look at this very world.
    fn typed(&self) -> String {
        let clock = self.folder.join("clock");
        format!(
            "{} who --sim {} --sim-clock {}",
            self.gpulse.display(),
            self.scenario,
            clock.display()
        )
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("exporter.log")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    async fn ready(&self, exporter: &mut Child, address: SocketAddr) -> Result<()> {
        let answers = tokio::task::spawn_blocking(move || {
            wait::until("the exporter", wait::PATIENCE, || http::get(address, "/readyz"))
        });
        tokio::select! {
            answer = answers => answer?.map(drop).with_context(|| self.log()),
            ended = exporter.wait() => bail!("the exporter ended: {}\n{}", ended?, self.log()),
        }
    }
}

/// The port wished for, or the next one that nothing listens on.
fn free_address(port: u16) -> Result<SocketAddr> {
    let last = port.saturating_add(99);
    (port..=last)
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .with_context(|| format!("ports {port} to {last} are all taken"))
}

/// End a child as an administrator would; kill it if it does not. One that has ended has no id.
async fn end(child: &mut Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM);
        if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_gives_the_next_free_one() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(free_address(port).unwrap().port() > port);
    }

    #[test]
    fn seconds_are_read_with_and_without_their_unit() {
        assert_eq!(seconds("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(seconds("3"), Ok(Duration::from_secs(3)));
        assert!(seconds("soon").is_err());
    }
}
