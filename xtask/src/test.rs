//! `cargo xtask test`: set up, run everything, and close with what passed, failed and was skipped.
//!
//! Unit tests and replays run first, then the end-to-end tests with the real binary and with
//! programs that others wrote, then those of the web pages. With `CI=true` a skip that this machine could have avoided fails.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};

use ::tests::environment;
use anyhow::{Context, Result};

use crate::fuzz;
use crate::libtest::{Reader, Skip, Tally};
use crate::setup::{self, Tools};
use crate::ui;
use crate::workspace::{self, Built, Profile};

/// Reasons that no set-up on a machine can take away, as fragments of what a test says.
const UNAVOIDABLE: &[(&str, &str)] = &[
    ("../shared", "material that is not part of the project"),
    ("no NVIDIA GPU", "real hardware"),
    ("needs root", "tests never ask for root"),
    ("runs as root", "root may do what the test expects to be refused"),
    ("nvidia-smi of a real driver", "real hardware"),
    (
        "needs --release",
        "costs are those of the optimised program: cargo xtask ui --test --release",
    ),
    ("nvtop is not on PATH", "Debian has it in contrib, which its sources need not list"),
];

/// How long each fuzz target runs after its corpus, in seconds.
const FUZZ_SECONDS: u64 = 20;

/// Options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave out what needs big builds: Prometheus, node_exporter, Kubernetes and the fuzz targets.
    #[arg(long)]
    quick: bool,
    /// Only tests whose name contains this.
    filter: Option<String>,
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    println!(
        "building in {}: 1 GB, about 4 minutes on two cores when cold",
        workspace::target().display()
    );
    let tools = setup::all(args.quick)?;
    // Before the build, which embeds the pages.
    let node = ui::prepare()?;
    let built = workspace::build(Profile::Dev, &["cli", "sim", "sim-nvml"])?;

    let mut tally = Tally::default();
    for stage in [workspace_stage(), end_to_end_stage(&built, &tools)] {
        tally.add(run_stage(stage, args.filter.as_deref())?);
    }
    tally.add(ui::test(&node, &built.gpulse, args.quick, args.filter.as_deref())?);
    if !args.quick {
        tally.add(fuzz::run(FUZZ_SECONDS, args.filter.as_deref())?);
    }
    explain_missing(&mut tally, &tools);
    Ok(close(&tally, ci))
}

fn workspace_stage() -> Command {
    workspace::cargo(&["test", "--workspace", "--exclude", "tests", "--no-fail-fast"])
}

fn end_to_end_stage(built: &Built, tools: &Tools) -> Command {
    let mut command = workspace::cargo(&["test", "--package", "tests", "--no-fail-fast"]);
    command.env(environment::GPULSE, &built.gpulse).env(environment::SIM_NVML, &built.library);
    for (variable, tool) in tools.by_variable() {
        match tool {
            Ok(path) => command.env(variable, path),
            Err(_) => command.env_remove(variable),
        };
    }
    command
}

fn run_stage(mut command: Command, filter: Option<&str>) -> Result<Tally> {
    command.args(filter).args(["--", "--show-output"]).stdout(Stdio::piped());
    println!("\n$ {}", workspace::shown(&command));
    let mut child = command.spawn().context("cannot start cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut reader = Reader::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if reader.line(&line) {
            println!("{line}");
        }
    }
    let status = child.wait()?;
    let mut tally = reader.end();
    if !status.success() && tally.failed.is_empty() {
        // A build that failed, or a test binary that was killed.
        tally.failed.push(format!("{} ({status})", workspace::shown(&command)));
    }
    Ok(tally)
}

/// A test that lacks a variable says only that: add why the program behind it is absent.
fn explain_missing(tally: &mut Tally, tools: &Tools) {
    let causes = tools.by_variable();
    for skip in &mut tally.skipped {
        let cause = causes.iter().find(|(variable, _)| {
            skip.reason.split(' ').next().is_some_and(|word| word == *variable)
        });
        if let Some((_, Err(reason))) = cause {
            skip.reason.clone_from(reason);
        }
    }
}

/// Say what failed and what was skipped, and with which code to end. With `ci` a skip that this
/// machine could have avoided counts as a failure.
pub(crate) fn close(tally: &Tally, ci: bool) -> ExitCode {
    println!();
    for name in &tally.failed {
        println!("failed: {name}");
    }
    for Skip { test, reason } in &tally.skipped {
        println!("skipped: {test}: {reason}");
    }
    let avoidable = tally.skipped.iter().filter(|skip| is_avoidable(&skip.reason)).count();
    println!("{}", tally.line());
    if ci && avoidable > 0 {
        println!(
            "with CI=true, {avoidable} skips that this machine could have avoided are failures"
        );
        return ExitCode::FAILURE;
    }
    if tally.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_avoidable(reason: &str) -> bool {
    !UNAVOIDABLE.iter().any(|(fragment, _)| reason.contains(fragment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_avoidable_and_missing_hardware_is_not() {
        assert!(is_avoidable("Prometheus and promtool: no Go on PATH"));
        assert!(!is_avoidable("this machine has no NVIDIA GPU"));
    }

    #[test]
    fn a_skip_names_the_cause_behind_the_missing_variable() {
        let why = || Err("no Go on PATH".to_owned());
        let ready = || Ok("/bin/true".into());
        let tools = Tools {
            python: ready(),
            prometheus: why(),
            promtool: why(),
            node_exporter: ready(),
            kube_apiserver: ready(),
            etcd: ready(),
        };
        let skip = |reason: &str| Skip { test: "t".to_owned(), reason: reason.to_owned() };
        let said = "GPULSE_TEST_PROMETHEUS is not set: run `cargo xtask test`";
        let mut tally = Tally { skipped: vec![skip(said), skip("other")], ..Tally::default() };
        explain_missing(&mut tally, &tools);
        assert_eq!(tally.skipped, [skip("no Go on PATH"), skip("other")]);
    }
}
