//! `cargo xtask check`: what must be green before a commit. Downloads nothing, needs Rust alone.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::{fuzz, tidy, workspace};

/// Options of `cargo xtask check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stop at the first step that fails.
    #[arg(long)]
    fail_fast: bool,
}

/// The steps in the order of their speed: name and command.
fn steps() -> Vec<(&'static str, Command)> {
    let cargo = workspace::cargo;
    let mut docs =
        cargo(&["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    let mut clippy = vec!["clippy", "--workspace", "--all-targets", "--quiet"];
    if !fuzz::has_cxx() {
        println!("fuzz targets: not checked, there is no C++ compiler for libFuzzer");
        clippy.extend(["--exclude", "fuzz"]);
    }
    clippy.extend(["--", "-D", "warnings"]);
    let mut steps = vec![
        ("format", cargo(&["fmt", "--all", "--", "--check"])),
        ("lints", cargo(&clippy)),
        ("docs", docs),
        ("fast tests", cargo(&["test", "--workspace", "--lib", "--bins", "--quiet"])),
        ("generated pages", cargo(&["test", "--package", "cli", "--test", "reference", "--quiet"])),
    ];
    if workspace::on_path("cargo-deny").is_some() {
        let deny = ["deny", "--offline", "check", "bans", "licenses", "sources"];
        steps.push(("licences and sources", cargo(&deny)));
    } else {
        println!("licences and sources: not checked, cargo-deny is not installed");
    }
    steps
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut failed = Vec::new();
    if !structure()? {
        failed.push("structure");
    }
    for (name, mut command) in steps() {
        if args.fail_fast && !failed.is_empty() {
            break;
        }
        println!("{name}: {}", workspace::shown(&command));
        if !command.status()?.success() {
            failed.push(name);
        }
    }
    if failed.is_empty() {
        println!("all green");
        return Ok(ExitCode::SUCCESS);
    }
    println!("failed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

fn structure() -> Result<bool> {
    println!("structure: tidy");
    let faults = tidy::faults(workspace::root())?;
    for fault in &faults {
        println!("  {fault}");
    }
    Ok(faults.is_empty())
}
