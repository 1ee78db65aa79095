//! `cargo xtask bench`: figures, printed; no thresholds but those that the project promises.

mod build;
mod churn;
mod exporter;
mod store;

use std::process::ExitCode;

use anyhow::Result;

use crate::fuzz;

/// Options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The exporter beside nvitop-exporter, on one simulated driver in one run.
    Exporter(exporter::Args),
    /// 24 hours of starting and ending processes, accelerated: memory and series stay flat.
    Churn(churn::Args),
    /// Time of a cold release build, and the size of the program.
    Build,
    /// The server beside Prometheus and VictoriaMetrics, in one run.
    Store(store::Args),
    /// Every fuzz target for long.
    Fuzz(fuzz::Args),
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        What::Exporter(args) => exporter::run(args),
        What::Churn(args) => churn::run(args),
        What::Build => build::run(),
        What::Store(args) => store::run(args),
        What::Fuzz(args) => fuzz::bench(args),
    }
}

/// A promise and what was measured: printed, and counted if it was not kept.
#[derive(Debug)]
struct Promise {
    what: &'static str,
    at_most: f64,
    unit: &'static str,
    measured: f64,
}

/// Print promises with what was measured; failure if one was not kept.
fn judge(promises: &[Promise]) -> ExitCode {
    let mut kept = true;
    for Promise { what, at_most, unit, measured } in promises {
        let verdict = if measured <= at_most { "kept" } else { "BROKEN" };
        kept &= measured <= at_most;
        println!("{verdict:>6}  {what}: {measured:.3} {unit}, at most {at_most} {unit}");
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
