//! `cargo xtask demo`: gpulse on a simulated fleet, with nothing to set up but Rust.
//!
//! Builds the web pages where Node is there, else says that the plain page is shown; builds the
//! program; runs `gpulse demo` on the next free port; ends it cleanly at Ctrl-C, SIGTERM or after
//! `--for`. Works without a terminal.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use crate::ui;
use crate::workspace::{self, Profile};

/// How long the demo may take to end: answers under way and the thread of the fleet.
const GRACE: Duration = Duration::from_secs(10);
/// Machines from which on the optimised program is worth its longer build.
const LARGE: u32 = 32;

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Port of the page; the next free one if it is taken.
    #[arg(long, default_value_t = 9470)]
    port: u16,
    /// Machines of the fleet, of 8 GPUs each; from 32 on the optimised program is built.
    #[arg(long, default_value_t = 8)]
    nodes: u32,
    /// End after that many seconds (`20s`), instead of at Ctrl-C.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    r#for: Option<Duration>,
    /// Options for `gpulse demo`: `-- --seed 7`.
    #[arg(last = true)]
    further: Vec<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    number.parse().map(Duration::from_secs).map_err(|_| "a number of seconds, such as 20s".into())
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    pages();
    let (profile, minutes) =
        if args.nodes >= LARGE { (Profile::Release, 6) } else { (Profile::Dev, 3) };
    println!("building gpulse: about {minutes} minutes on two cores the first time, then seconds");
    let gpulse = workspace::build(profile, &["cli"])?.gpulse;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(until_ended(args, &gpulse))?;
    Ok(ExitCode::SUCCESS)
}

/// Build the web pages, as far as that is possible here: without them the demo still runs.
fn pages() {
    println!("building the web pages: about a minute the first time, then seconds");
    let lack = match ui::prepare() {
        Ok(Ok(_)) => return,
        // It has said why.
        Ok(Err(_)) => String::new(),
        Err(cause) => format!(": {cause:#}"),
    };
    println!("a plain page is shown in their place{lack}");
}

async fn until_ended(args: &Args, gpulse: &Path) -> Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let address = free_address(args.port)?;
    let mut demo = start(args, gpulse, address)?;
    let ended = tokio::select! {
        status = demo.wait() => Some(status?),
        _ = tokio::signal::ctrl_c() => None,
        _ = term.recv() => None,
        _ = hangup.recv() => None,
        () = after(args.r#for) => None,
    };
    if let Some(status) = ended {
        bail!("gpulse demo ended by itself: {status}");
    }
    end(&mut demo).await?;
    println!("the demo has ended; nothing is left running");
    Ok(())
}

async fn after(span: Option<Duration>) {
    match span {
        Some(span) => tokio::time::sleep(span).await,
        None => std::future::pending().await,
    }
}

/// It says itself where it listens; what it logs is seen as it comes.
fn start(args: &Args, gpulse: &Path, address: SocketAddr) -> Result<Child> {
    let mut command = Command::new(gpulse);
    command
        .args(["demo", "--listen", &address.to_string()])
        .args(&args.further)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        // Ctrl-C of a terminal is for this program, which passes it on.
        .process_group(0);
    let chosen = |name: &str| args.further.iter().any(|option| option.starts_with(name));
    if !chosen("--nodes") && !chosen("--scenario") {
        command.args(["--nodes", &args.nodes.to_string()]);
    }
    println!("a simulated fleet; Ctrl-C ends it");
    command.spawn().context("cannot start gpulse demo")
}

/// The port wished for, or the next one that nothing listens on.
fn free_address(port: u16) -> Result<SocketAddr> {
    let last = port.saturating_add(99);
    (port..=last)
        .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .with_context(|| format!("ports {port} to {last} are all taken"))
}

/// End the demo as an administrator would; kill it if it does not.
async fn end(demo: &mut Child) -> Result<()> {
    let pid = demo.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM);
    }
    match tokio::time::timeout(GRACE, demo.wait()).await {
        Ok(status) if status.as_ref().is_ok_and(std::process::ExitStatus::success) => Ok(()),
        Ok(status) => bail!("gpulse demo did not end well: {}", status?),
        Err(_) => {
            demo.kill().await?;
            bail!("gpulse demo did not end within {} s and was killed", GRACE.as_secs());
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
