//! 24 hours of starting and ending processes, accelerated: is memory flat, are series bounded?
//!
//! The scenario's clock is scaled, so every timer of the exporter runs as often as in 24 hours.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use ::tests::child::Child;
use ::tests::{http, wait};
use anyhow::{Context, Result, ensure};

use super::{Promise, judge};
use crate::cost::Cost;
use crate::workspace::{self, Profile};

/// Options of `cargo xtask bench churn`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Simulated hours.
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// Simulated seconds per second.
    #[arg(long, default_value_t = 120)]
    factor: u32,
    /// The scenario: one of `crates/sim/scenarios`, or a file.
    #[arg(long, default_value = "bench-8x256")]
    scenario: String,
}

/// One look at the exporter.
#[derive(Debug, Clone, Copy)]
struct Look {
    hour: f64,
    megabytes: f64,
    series: usize,
    sessions: f64,
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let gpulse = workspace::build(Profile::Release, &["cli"])?.gpulse;
    let folder = tempfile::tempdir()?;
    let scenario = scaled(&args.scenario, args.factor, folder.path())?;
    let mut command = Command::new(gpulse);
    command
        .args(["exporter", "--listen", "127.0.0.1:0", "--sim"])
        .arg(&scenario)
        .arg("--state")
        .arg(folder.path().join("state"));
    let mut child = Child::start("gpulse", &mut command, folder.path())?;
    let looks = watch(&mut child, args)?;
    verdict(&looks)
}

/// The scenario's text with a scaled clock.
fn scaled(scenario: &str, factor: u32, folder: &Path) -> Result<PathBuf> {
    let shipped = workspace::root().join(format!("crates/sim/scenarios/{scenario}.toml"));
    let from = if shipped.is_file() { shipped } else { PathBuf::from(scenario) };
    let text = std::fs::read_to_string(&from)
        .with_context(|| format!("cannot read {}", from.display()))?;
    let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with("clock")).collect();
    let file = folder.join("churn.toml");
    let text = format!("clock = \"scaled\"\nfactor = {factor}.0\n{}\n", rest.join("\n"));
    std::fs::write(&file, text)?;
    Ok(file)
}

fn watch(child: &mut Child, args: &Args) -> Result<Vec<Look>> {
    let address = child.address()?;
    let span = Duration::from_secs(u64::from(args.hours) * 3600 / u64::from(args.factor.max(1)));
    println!(
        "{} hours in {} s; a look about every simulated half hour",
        args.hours,
        span.as_secs()
    );
    println!("{:>6} {:>8} {:>8} {:>12}", "hour", "RSS MB", "series", "sessions");
    let (started, mut looks) = (Instant::now(), Vec::new());
    let every = span / (args.hours * 2).max(1);
    while started.elapsed() < span {
        std::thread::sleep(every);
        let page = wait::until("a page", wait::PATIENCE, || http::get(address, "/metrics"))?;
        let look = look(&page, child.id(), started.elapsed(), args.factor)?;
        println!(
            "{:>6.1} {:>8.1} {:>8} {:>12}",
            look.hour, look.megabytes, look.series, look.sessions
        );
        looks.push(look);
    }
    Ok(looks)
}

fn look(page: &str, pid: u32, elapsed: Duration, factor: u32) -> Result<Look> {
    let families = model::text::parse(page)?;
    let total = families.iter().find(|family| family.name == "gpu_total_sessions");
    let sessions = total.and_then(|family| family.samples.first()).map_or(f64::NAN, |s| s.value);
    Ok(Look {
        hour: elapsed.as_secs_f64() * f64::from(factor) / 3600.0,
        megabytes: Cost::of(pid)?.megabytes(),
        series: families.iter().map(|family| family.samples.len()).sum(),
        sessions,
    })
}

/// Flat: the last quarter is at most a tenth above the second; the first fills caches.
fn verdict(looks: &[Look]) -> Result<ExitCode> {
    ensure!(looks.len() >= 8, "only {} looks: too few to judge", looks.len());
    let quarter = looks.len() / 4;
    let most = |looks: &[Look]| looks.iter().map(|look| look.megabytes).fold(0.0, f64::max);
    let early = most(&looks[quarter..2 * quarter]);
    let late = most(&looks[looks.len() - quarter..]);
    #[expect(clippy::cast_precision_loss, reason = "a count of series")]
    let series = looks.iter().map(|look| look.series).max().unwrap_or(0) as f64;
    Ok(judge(&[
        Promise {
            what: "growth after the first quarter",
            at_most: 1.1,
            unit: "times",
            measured: late / early,
        },
        Promise {
            what: "series on the page",
            at_most: MOST_SERIES,
            unit: "series",
            measured: series,
        },
    ]))
}

/// 256 live sessions of about 27 series, 128 ended ones of about 21, and the devices' own.
const MOST_SERIES: f64 = 256.0 * 27.0 + 128.0 * 21.0 + 4096.0;
