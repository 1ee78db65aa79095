//! `cargo xtask`: the one entry point for building, showing, testing and measuring gpulse.
//!
//! Each command is one file; the structure of the code is checked by [`tidy`]. No product code.

#![expect(clippy::print_stdout, reason = "a build tool talks on its terminal")]
#![expect(clippy::print_stderr, reason = "a build tool talks on its terminal")]
#![expect(clippy::disallowed_methods, reason = "a build tool runs programs")]

mod bench;
mod check;
mod cost;
mod demo;
mod fuzz;
mod gpu_check;
mod libtest;
mod setup;
mod sim;
mod test;
mod tidy;
mod ui;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, show, test and measure gpulse.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build gpulse and show it on a simulated machine.
    Demo(demo::Args),
    /// Set up what the tests need, run all of them, and say what passed, failed and was skipped.
    Test(test::Args),
    /// Format, lints, docs, structure, fast tests and generated pages: green before a commit.
    Check(check::Args),
    /// Print figures: cost beside nvitop-exporter, 24 hours of churn, build time and size, long fuzzing.
    Bench(bench::Args),
    /// Build the web pages, serve them while they are written, or test them in a browser.
    Ui(ui::Args),
    /// Run a program on the simulated NVML.
    Sim(sim::Args),
    /// On a machine with a GPU: compare every figure with nvidia-smi and measure the cost.
    GpuCheck(gpu_check::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Ui(args) => ui::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::GpuCheck(args) => gpu_check::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
