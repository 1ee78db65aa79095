//! The exporter beside nvitop-exporter: the same simulated driver, the same run, the same scrapes.
//!
//! Both load the library through the C ABI. One thing differs, in nvitop-exporter's favour: it takes
//! no other `/proc` than the machine's, where the simulated processes are not, so it reads nothing
//! about them beyond the driver, while gpulse reads the simulated host's.

mod cluster;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use ::tests::child::Child;
use ::tests::{http, wait};
use anyhow::{Context, Result, bail, ensure};

use super::{Promise, judge};
use crate::cost::Cost;
use crate::setup;
use crate::sim::{PACKAGES, Processes, SimulatedMachine};
use crate::workspace::{self, Built, Profile};
use cluster::Cluster;

/// How often Prometheus would ask.
const SCRAPE_EVERY: Duration = Duration::from_secs(15);
/// Clients that ask at once.
const CLIENTS: usize = 8;
/// Time from the start until costs are counted: caches are filled, baselines taken.
const WARM_UP: Duration = Duration::from_secs(10);

/// Options of `cargo xtask bench exporter`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Minutes of scraping every 15 s: 2 for a quick look, 10 for figures to quote.
    #[arg(long, default_value_t = 2)]
    minutes: u32,
    /// Scrapes made back to back.
    #[arg(long, default_value_t = 10_000)]
    scrapes: usize,
    /// The simulated machine: a scenario's name, or a file.
    #[arg(long, default_value = "bench-8x256")]
    scenario: String,
    /// Leave out nvitop-exporter.
    #[arg(long)]
    alone: bool,
    /// With a kubelet that gave each GPU to a pod and a real API server that knows the pods.
    #[arg(long)]
    kubernetes: bool,
}

/// A program under measurement.
struct Subject {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    page_bytes: usize,
}

/// What was measured of one.
#[derive(Debug, Clone, Copy, Default)]
struct Figures {
    cpu_percent: f64,
    megabytes: f64,
    plain_ms: f64,
    gzip_ms: Option<f64>,
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let python = if args.alone { Err("--alone".to_owned()) } else { setup::python()? };
    let mut packages = vec!["cli"];
    packages.extend(PACKAGES);
    let built = workspace::build(Profile::Release, &packages)?;
    let machine = SimulatedMachine::start(&built, &args.scenario, None, Processes::Simulated)?;

    let cluster = args.kubernetes.then(|| Cluster::start(machine.folder())).transpose()?;
    let mut subjects = vec![gpulse(&built, &machine, cluster.as_ref())?];
    if let Some(cluster) = &cluster {
        cluster.give_each_gpu_to_a_pod(subjects[0].address)?;
    }
    match &python {
        Ok(python) => subjects.push(nvitop_exporter(python, &machine)?),
        Err(reason) => println!("nvitop-exporter left out: {reason}"),
    }
    let figures = measure(&mut subjects, args)?;
    table(&subjects, &figures, args);
    promises(&figures)
}

fn gpulse(built: &Built, machine: &SimulatedMachine, cluster: Option<&Cluster>) -> Result<Subject> {
    let mut command = Command::new(&built.gpulse);
    command
        .args(["exporter", "--listen", "127.0.0.1:0", "--sim-library"])
        .arg(machine.library())
        .arg("--path.procfs")
        .arg(machine.procfs())
        .arg("--path.sysfs")
        .arg(machine.sysfs())
        .arg("--state")
        .arg(machine.folder().join("state"))
        .envs(machine.environment());
    if let Some(cluster) = cluster {
        cluster.tell(&mut command);
    }
    let mut child = Child::start("gpulse", &mut command, machine.folder())?;
    let address = child.address()?;
    subject("gpulse exporter", child, address)
}

fn nvitop_exporter(python: &Path, machine: &SimulatedMachine) -> Result<Subject> {
    let port = http::free_port()?;
    let mut command = Command::new(python);
    command
        .args(["-m", "nvitop_exporter"])
        .args(["--hostname", "gpu-a", "--bind-address", "127.0.0.1"])
        .args(["--port", &port.to_string(), "--interval", "1"])
        .envs(machine.environment());
    let child = Child::start("nvitop-exporter", &mut command, machine.folder())?;
    subject("nvitop-exporter", child, SocketAddr::from(([127, 0, 0, 1], port)))
}

fn subject(name: &'static str, mut child: Child, address: SocketAddr) -> Result<Subject> {
    let page = child.until("a page with GPUs", |_| {
        let page = http::get(address, "/metrics")?;
        ensure!(page.to_lowercase().contains("gpu"), "no GPU in it yet");
        Ok(page)
    })?;
    Ok(Subject { name, child, address, page_bytes: page.len() })
}

fn measure(subjects: &mut [Subject], args: &Args) -> Result<Vec<Figures>> {
    println!("warming up for {} s, then {} minutes of scrapes", WARM_UP.as_secs(), args.minutes);
    std::thread::sleep(WARM_UP);
    let before = costs(subjects)?;
    scrape_for(subjects, Duration::from_secs(60) * args.minutes)?;
    let after = costs(subjects)?;
    let mut all = Vec::new();
    for (subject, (before, after)) in subjects.iter_mut().zip(before.iter().zip(&after)) {
        subject.page_bytes = http::get(subject.address, "/metrics")?.len();
        let gzip = "Accept-Encoding: gzip\r\n";
        // nvitop-exporter takes a hundred times longer: fewer scrapes measure it as well.
        let scrapes =
            if subject.name == "gpulse exporter" { args.scrapes } else { args.scrapes / 50 };
        all.push(Figures {
            cpu_percent: after.percent_since(before),
            megabytes: after.megabytes(),
            plain_ms: cpu_per_scrape(subject, scrapes, "")?,
            gzip_ms: compresses(subject, gzip)?
                .then(|| cpu_per_scrape(subject, scrapes, gzip))
                .transpose()?,
        });
    }
    Ok(all)
}

fn costs(subjects: &[Subject]) -> Result<Vec<Cost>> {
    let cost = |subject: &Subject| {
        Cost::of(subject.child.id())
            .with_context(|| format!("{} has ended\n{}", subject.name, subject.child.log()))
    };
    subjects.iter().map(cost).collect()
}

fn scrape_for(subjects: &[Subject], span: Duration) -> Result<()> {
    let started = Instant::now();
    let mut next = started;
    while next <= started + span {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        for subject in subjects {
            http::get(subject.address, "/metrics").with_context(|| subject.name)?;
        }
        next += SCRAPE_EVERY;
    }
    std::thread::sleep((started + span).saturating_duration_since(Instant::now()));
    Ok(())
}

fn compresses(subject: &Subject, header: &str) -> Result<bool> {
    let answer = http::get_with(subject.address, "/metrics", header)?;
    Ok(answer.head.to_lowercase().contains("content-encoding: gzip"))
}

/// CPU milliseconds per scrape, with eight clients, less what the program costs in that time anyway.
fn cpu_per_scrape(subject: &Subject, scrapes: usize, header: &str) -> Result<f64> {
    let idle = share_while(subject, || std::thread::sleep(Duration::from_secs(5)))?;
    let before = Cost::of(subject.child.id())?;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| ask_often(subject.address, scrapes / CLIENTS, header)))
            .collect();
        clients
            .into_iter()
            .try_for_each(|client| client.join().unwrap_or_else(|_| bail!("a client ended early")))
    })?;
    let after = Cost::of(subject.child.id())?;
    let wall = after.at.duration_since(before.at).as_secs_f64();
    let used = after.cpu.saturating_sub(before.cpu).as_secs_f64() - idle * wall;
    #[expect(clippy::cast_precision_loss, reason = "a count of scrapes")]
    let made = (scrapes / CLIENTS * CLIENTS) as f64;
    Ok(1000.0 * used.max(0.0) / made)
}

fn ask_often(address: SocketAddr, times: usize, header: &str) -> Result<()> {
    for _ in 0..times {
        // A server that refuses the excess (503) or whose queue is full is asked again.
        wait::until("a scrape", wait::PATIENCE, || {
            let answer = http::get_with(address, "/metrics", header)?;
            ensure!(answer.status == 200, "status {}", answer.status);
            Ok(())
        })?;
    }
    Ok(())
}

/// CPU seconds per second while something else happens.
fn share_while(subject: &Subject, work: impl FnOnce()) -> Result<f64> {
    let before = Cost::of(subject.child.id())?;
    work();
    Ok(Cost::of(subject.child.id())?.percent_since(&before) / 100.0)
}

fn table(subjects: &[Subject], figures: &[Figures], args: &Args) {
    println!(
        "\n{} over {} minutes, scraped every 15 s; 8 clients back to back",
        args.scenario, args.minutes
    );
    println!(
        "{:<16} {:>9} {:>9} {:>13} {:>13} {:>10}",
        "", "CPU %", "RSS MB", "ms/scrape", "ms/scrape gz", "page kB"
    );
    for (subject, figures) in subjects.iter().zip(figures) {
        let gzip = figures.gzip_ms.map_or("-".to_owned(), |ms| format!("{ms:.3}"));
        println!(
            "{:<16} {:>9.3} {:>9.1} {:>13.3} {gzip:>13} {:>10}",
            subject.name,
            figures.cpu_percent,
            figures.megabytes,
            figures.plain_ms,
            subject.page_bytes / 1000,
        );
    }
    if let [ours, theirs] = figures {
        let ratio = |a: f64, b: f64| b / a.max(1e-9);
        println!(
            "nvitop-exporter / gpulse: CPU {:.1}, memory {:.1}, scrape {:.1}",
            ratio(ours.cpu_percent, theirs.cpu_percent),
            ratio(ours.megabytes, theirs.megabytes),
            ratio(ours.plain_ms, theirs.plain_ms),
        );
    }
    println!();
}

fn promises(figures: &[Figures]) -> Result<ExitCode> {
    let ours = figures.first().context("nothing was measured")?;
    let gzip = ours.gzip_ms.context("/metrics is not compressed when asked for gzip")?;
    let promise = |what, at_most, unit, measured| Promise { what, at_most, unit, measured };
    Ok(judge(&[
        promise("resident memory", 15.0, "MB", ours.megabytes),
        promise("CPU", 0.5, "% of a core", ours.cpu_percent),
        promise("CPU per scrape, plain", 1.0, "ms", ours.plain_ms),
        promise("CPU per scrape, gzip", 3.0, "ms", gzip),
    ]))
}
