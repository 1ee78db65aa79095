//! The server beside Prometheus and VictoriaMetrics: the same samples by remote write, the same
//! queries over HTTP, in one run.
//!
//! Only ratios within a run count. The peers are started as their makers advise for a single node;
//! VictoriaMetrics is asked with `nocache=1`, so that it computes each answer. All three get bodies
//! that were made and compressed before, one at a time, on fresh connections.

mod data;
mod queries;
mod subject;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use model::Clock as _;
use model::clock::SystemClock;

use crate::setup;
use crate::workspace::{self, Profile};
use data::{Fleet, INTERVAL_MS};
use subject::{Kind, Subject};

/// Nodes of the warm fleet: 42 times 8 GPUs times 60 metrics are 20,160 series.
const WARM_NODES: usize = 42;
/// Nodes of the cold fleet: 100,800 series.
const COLD_NODES: usize = 210;
/// Rounds of scrapes that are sent cold.
const COLD_ROUNDS: i64 = 10;
/// Rounds sent one by one to a warm store.
const WARM_ROUNDS: i64 = 60;
/// Samples per series in a request that fills the past.
const FILL: i64 = 30;

/// What all three divide time by.
const WINDOW_MS: i64 = 2 * 3_600_000;
/// Samples so old are of windows that are over for all three.
const OVER_MS: i64 = 130 * 60_000;
/// How long a merge that was asked for gets.
const MERGE: Duration = Duration::from_secs(30);

/// Options of `cargo xtask bench store`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Hours of history; 5 for the range queries of the promised figures.
    #[arg(long, default_value_t = 5)]
    hours: i64,
    /// How often each query is asked.
    #[arg(long, default_value_t = 30)]
    times: usize,
    /// Seconds to wait before the size on disk is taken.
    #[arg(long, default_value_t = 120)]
    settle: u64,
    /// Only gpulse.
    #[arg(long)]
    alone: bool,
    /// Leave out the cold fleet.
    #[arg(long)]
    warm_only: bool,
}

/// What was measured of one subject.
#[derive(Debug, Default, Clone)]
struct Figures {
    rows: Vec<(String, f64)>,
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let [prometheus, victoria] = setup::stores()?;
    let built = workspace::build(Profile::Release, &["cli"])?;
    let mut kinds = vec![Kind::Gpulse(built.gpulse)];
    if !args.alone {
        for (kind, peer) in [
            (Kind::Prometheus as fn(_) -> Kind, prometheus),
            (Kind::VictoriaMetrics as fn(_) -> Kind, victoria),
        ] {
            match peer {
                Ok(program) => kinds.push(kind(program)),
                Err(reason) => println!("left out: {reason}"),
            }
        }
    }
    let folder = tempfile::tempdir()?;
    let mut all = Vec::new();
    for kind in &kinds {
        println!("\n{}: {}", kind.name(), kind.version()?);
        all.push((kind.name(), measure(kind, folder.path(), args)?));
    }
    print(&all);
    Ok(ExitCode::SUCCESS)
}

fn measure(kind: &Kind, folder: &Path, args: &Args) -> Result<Figures> {
    let mut figures = Figures::default();
    if !args.warm_only {
        cold(kind, folder, &mut figures)?;
    }
    warm(kind, folder, args, &mut figures)?;
    settled(kind, folder, args, &mut figures)?;
    Ok(figures)
}

/// The same history, over for so long that none of it has to stay in a log or be written again; a
/// few newer samples tell the store so.
fn settled(kind: &Kind, folder: &Path, args: &Args, figures: &mut Figures) -> Result<()> {
    let data = folder.join(format!("{}-settled", kind.name()));
    let subject = Subject::start(kind, &data)?;
    let fleet = Fleet::new(WARM_NODES);
    let end = (now() - OVER_MS) / WINDOW_MS * WINDOW_MS;
    let mut samples = 0;
    let mut at = end - args.hours * 3_600_000;
    while at < end {
        for body in fleet.bodies(at, FILL.min((end - at) / INTERVAL_MS)) {
            samples += subject.write(&body)?;
        }
        at += FILL * INTERVAL_MS;
    }
    for body in Fleet::new(1).bodies(now() / INTERVAL_MS * INTERVAL_MS, 1) {
        samples += subject.write(&body)?;
    }
    std::thread::sleep(Duration::from_secs(args.settle));
    if subject.merge()? {
        std::thread::sleep(MERGE);
    }
    figures.add("bytes per sample, settled", ratio(subject::size(&data)?, samples));
    subject.stop()
}

fn cold(kind: &Kind, folder: &Path, figures: &mut Figures) -> Result<()> {
    let subject = Subject::start(kind, &folder.join(format!("{}-cold", kind.name())))?;
    let fleet = Fleet::new(COLD_NODES);
    let end = now() / INTERVAL_MS * INTERVAL_MS;
    let before = subject.cost()?;
    let mut samples = 0;
    for round in 0..COLD_ROUNDS {
        let at = end - (COLD_ROUNDS - round) * INTERVAL_MS;
        for body in fleet.bodies(at, 1) {
            samples += subject.write(&body)?;
        }
    }
    let after = subject.cost()?;
    figures.add("CPU s per million, 100,800 series cold", per_million(&before, &after, samples));
    figures.add("memory, 100,800 series cold, MiB", mebibytes(after.resident_bytes));
    subject.stop()
}

fn warm(kind: &Kind, folder: &Path, args: &Args, figures: &mut Figures) -> Result<()> {
    let data = folder.join(format!("{}-warm", kind.name()));
    let subject = Subject::start(kind, &data)?;
    let fleet = Fleet::new(WARM_NODES);
    let end = now() / INTERVAL_MS * INTERVAL_MS;
    let start = end - args.hours * 3_600_000;
    let last = end - WARM_ROUNDS * INTERVAL_MS;
    let mut samples = 0;
    let mut at = start;
    while at < last {
        let rounds = FILL.min((last - at) / INTERVAL_MS).max(1);
        for body in fleet.bodies(at, rounds) {
            samples += subject.write(&body)?;
        }
        at += rounds * INTERVAL_MS;
    }
    let before = subject.cost()?;
    let mut warm = 0;
    for round in 0..WARM_ROUNDS {
        for body in fleet.bodies(last + round * INTERVAL_MS, 1) {
            warm += subject.write(&body)?;
        }
    }
    let after = subject.cost()?;
    samples += warm;
    println!("{samples} samples");
    figures.add("CPU s per million, 20,160 series warm", per_million(&before, &after, warm));
    figures.add("memory, 20,160 series, MiB", mebibytes(after.resident_bytes));
    std::thread::sleep(Duration::from_secs(args.settle));
    figures.add("bytes per sample", ratio(subject::size(&data)?, samples));
    subject::parts(kind, &data)?
        .iter()
        .for_each(|(part, bytes)| println!("    of these {part}: {:.3}", ratio(*bytes, samples)));
    figures.add("memory settled, MiB", mebibytes(subject.cost()?.resident_bytes));
    for query in queries::all(end) {
        let mut taken = Vec::with_capacity(args.times);
        for _ in 0..args.times {
            let began = Instant::now();
            let bytes = subject.ask(&query.path)?;
            taken.push(began.elapsed().as_secs_f64() * 1000.0);
            ensure!(bytes > query.least, "{}: the answer to {} is short", kind.name(), query.name);
        }
        taken.sort_by(f64::total_cmp);
        figures.add(&format!("{}, ms", query.name), taken[taken.len() / 2]);
    }
    let killed = subject.restart()?;
    figures.add("start after a kill, s", killed.as_secs_f64());
    Ok(())
}

impl Figures {
    fn add(&mut self, name: &str, value: f64) {
        println!("  {name}: {value:.3}");
        self.rows.push((name.to_owned(), value));
    }
}

fn print(all: &[(&str, Figures)]) {
    let heads: String = all.iter().map(|(name, _)| format!("{name:>17}")).collect();
    println!("\n{:<42}{heads}", "");
    let Some((_, first)) = all.first() else { return };
    for (at, (name, _)) in first.rows.iter().enumerate() {
        let cells: String = all
            .iter()
            .map(|(_, figures)| figures.rows.get(at).map_or(f64::NAN, |row| row.1))
            .map(|value| format!("{value:>17.3}"))
            .collect();
        println!("{name:<42}{cells}");
    }
}

fn now() -> i64 {
    SystemClock.now().0 / 1000
}

fn per_million(before: &crate::cost::Cost, after: &crate::cost::Cost, samples: u64) -> f64 {
    1e6 * after.cpu.saturating_sub(before.cpu).as_secs_f64() / ratio(samples, 1)
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other.max(1) as f64
}

fn mebibytes(bytes: u64) -> f64 {
    ratio(bytes, 1 << 20)
}
