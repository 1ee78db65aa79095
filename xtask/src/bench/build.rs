//! Time of a cold release build of the program, and its size.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

use crate::workspace;

/// Run it.
pub(super) fn run() -> Result<ExitCode> {
    let folder = tempfile::tempdir()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let started = Instant::now();
    let mut command = workspace::cargo(&["build", "--release", "--package", "cli"]);
    workspace::run(command.env("CARGO_TARGET_DIR", folder.path()))?;
    let seconds = started.elapsed().as_secs();
    let bytes = std::fs::metadata(folder.path().join("release/gpulse"))?.len();
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let megabytes = bytes as f64 / 1e6;
    println!("cold release build: {seconds} s on {cores} cores");
    println!("size of gpulse: {megabytes:.1} MB");
    Ok(ExitCode::SUCCESS)
}
