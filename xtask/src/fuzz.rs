//! Fuzzing with libFuzzer on the stable toolchain: the instrumentation is ordinary code generation,
//! so neither a nightly compiler nor cargo-fuzz is needed. A C++ compiler is, for libFuzzer itself.
//!
//! The committed corpus of a target is replayed first; what a run finds beyond it stays in the build
//! folder, and an input that ends a target badly is named with its path.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::libtest::{Skip, Tally};
use crate::workspace;

/// Targets: binaries `fuzz-<name>` of the package `fuzz`, with a corpus in `fuzz/corpus/<name>`.
const TARGETS: &[&str] = &["text", "expression", "remote-write", "journal", "store"];

/// Code generation of a build that tells libFuzzer where a run went: counters per edge, their
/// places, and the operands of comparisons.
const INSTRUMENTED: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Memory of a target, in MiB: a body of the largest allowed size and what is made of it fit.
const MEMORY_MIB: u32 = 1024;
/// Time for one input, in seconds. Everything from outside is bounded well below that.
const TIMEOUT_SECONDS: u32 = 10;
/// Longest input, in bytes.
const LONGEST: u32 = 4096;

/// Options of `cargo xtask bench fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Minutes for each target.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Only this target.
    target: Option<String>,
}

/// Fuzz for long.
pub(crate) fn bench(args: &Args) -> Result<ExitCode> {
    let tally = run(args.minutes * 60, args.target.as_deref())?;
    tally.failed.iter().for_each(|name| println!("failed: {name}"));
    println!("{}", tally.line());
    Ok(if tally.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Build all targets, replay each corpus and fuzz each target for that many seconds.
pub(crate) fn run(seconds: u64, only: Option<&str>) -> Result<Tally> {
    let chosen = || TARGETS.iter().filter(|name| only.is_none_or(|only| name.contains(only)));
    if !has_cxx() {
        let reason = "no C++ compiler is on PATH: install g++";
        let skip = |name: &&str| Skip { test: format!("fuzz {name}"), reason: reason.to_owned() };
        return Ok(Tally { skipped: chosen().map(skip).collect(), ..Tally::default() });
    }
    if chosen().next().is_none() {
        return Ok(Tally::default());
    }
    let folder = build()?;
    let mut tally = Tally::default();
    for name in chosen() {
        println!("\nfuzz {name}: {seconds} s");
        match one(&folder, name, seconds)? {
            true => tally.passed += 1,
            false => tally.failed.push(format!("fuzz {name}")),
        }
    }
    Ok(tally)
}

/// Whether libFuzzer can be built here.
pub(crate) fn has_cxx() -> bool {
    std::env::var_os("CXX").is_some() || workspace::on_path("c++").is_some()
}

/// Builds in a folder of its own, so that ordinary builds keep theirs.
fn build() -> Result<PathBuf> {
    let host = host()?;
    let folder = workspace::target().join("fuzz");
    let mut command = workspace::cargo(&["build", "--profile", "fuzz", "--package", "fuzz"]);
    // With a target named, build scripts and macros are built without instrumentation.
    command.args(["--target", &host]);
    command.env("CARGO_TARGET_DIR", &folder);
    command.env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTED.join("\x1f"));
    workspace::run(&mut command)?;
    Ok(folder.join(host).join("fuzz"))
}

fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = workspace::output(std::process::Command::new(rustc).arg("-vV"))?;
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc -vV does not name its host")?.to_owned())
}

/// Whether a target came through.
fn one(folder: &Path, name: &str, seconds: u64) -> Result<bool> {
    let work = workspace::target().join("fuzz-runs").join(name);
    let found = work.join("corpus");
    std::fs::create_dir_all(&found)?;
    let mut command = std::process::Command::new(folder.join(format!("fuzz-{name}")));
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={TIMEOUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-verbosity=0", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", work.display()))
        .arg(&found)
        .arg(workspace::root().join("fuzz/corpus").join(name));
    let status =
        command.status().with_context(|| format!("cannot run {}", workspace::shown(&command)))?;
    if !status.success() {
        println!("the input that did it lies in {}", work.display());
    }
    Ok(status.success())
}
