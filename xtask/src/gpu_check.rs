//! `cargo xtask gpu-check`: is every figure what the vendor's own tool says, on this machine?
//!
//! Takes pages of `gpulse exporter` and answers of `nvidia-smi` in the same seconds, idle and under
//! a CUDA load, compares them figure by figure, measures the driver's calls and the exporter's own
//! cost, keeps the machine's `nvidia-smi` output as a capture, and writes `docs/hardware.md`. With
//! `--sim` everything runs on the simulated driver, and nothing is written into the project.

mod capture;
mod compare;
mod load;
mod mask;
mod page;
mod report;
mod smi;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use ::tests::child::Child;
use ::tests::http;
use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::cost::Cost;
use crate::sim::{PACKAGES, Processes, SimulatedMachine};
use crate::workspace::{self, Built, Profile};
use compare::Verdict;
use load::Load;
use page::Page;
use smi::Smi;

/// Pairs of a page and the vendor's answers; a moving figure has that many chances to agree.
const ROUNDS: usize = 8;
/// Time between two of them: longer than one sample of the driver.
const BETWEEN: Duration = Duration::from_millis(1_500);
/// Seconds over which the use of processes is averaged on both sides.
const USE_SECONDS: usize = 30;
/// The exporter asks for use every 5 s: its figure is that much behind, on average half as much.
const LAG: Duration = Duration::from_secs(4);
/// Until a load shows in the driver's means.
const SETTLING: Duration = Duration::from_secs(5);

/// Options of `cargo xtask gpu-check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run on this simulated machine instead of the real one.
    #[arg(long, value_name = "NAME|FILE")]
    sim: Option<String>,
    /// Program that loads the GPU meanwhile; by default PyTorch or CuPy if Python has one.
    #[arg(long, value_name = "COMMAND")]
    load: Option<String>,
}

/// Everything one run found.
#[derive(Debug)]
struct Findings {
    machine: smi::Machine,
    simulated: bool,
    load: String,
    verdicts: Vec<Verdict>,
    calls: Vec<page::Call>,
    cpu_percent: f64,
    resident_megabytes: f64,
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut packages = vec!["cli"];
    packages.extend(PACKAGES);
    let built = workspace::build(Profile::Release, &packages)?;
    let simulated = args
        .sim
        .as_deref()
        .map(|scenario| SimulatedMachine::start(&built, scenario, None, Processes::Simulated))
        .transpose()?;
    let smi = Smi::new(simulated.as_ref());
    let machine = smi.machine().context(
        "nvidia-smi of a real driver is needed: run this on a machine with an NVIDIA GPU, or with \
         `--sim NAME` on a simulated one",
    )?;
    let folder = tempfile::tempdir()?;
    let mut exporter = exporter(&built, simulated.as_ref(), folder.path())?;
    let address = exporter.address()?;
    exporter.until("a first pass", |_| http::get(address, "/readyz"))?;

    println!("{machine}");
    println!("idle: taking the vendor's output");
    let idle = capture::sections(&smi, "idle");
    let load = Load::start(args.load.as_deref(), folder.path())?;
    println!("load: {load}");
    std::thread::sleep(SETTLING);
    let before = Cost::of(exporter.id())?;
    let mut verdicts = rounds(&smi, &mut exporter)?;
    verdicts.extend(use_of_processes(&smi, address)?);
    let after = Cost::of(exporter.id())?;
    let loaded = capture::sections(&smi, "load");
    let page = Page::of(&http::get(address, "/metrics")?)?;

    let findings = Findings {
        simulated: simulated.is_some(),
        load: load.to_string(),
        verdicts,
        calls: page.calls(),
        cpu_percent: after.percent_since(&before),
        resident_megabytes: after.megabytes(),
        machine,
    };
    println!("\n{}", report::text(&findings));
    let text = capture::file(&smi, &findings, &[idle, loaded]);
    keep(&findings, &text)?;
    Ok(if findings.agrees() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Findings {
    fn agrees(&self) -> bool {
        self.verdicts.iter().all(Verdict::agrees)
    }
}

fn exporter(built: &Built, machine: Option<&SimulatedMachine>, folder: &Path) -> Result<Child> {
    let mut command = Command::new(&built.gpulse);
    command.args(["exporter", "--listen", "127.0.0.1:0", "--state"]).arg(folder.join("state"));
    if let Some(machine) = machine {
        command
            .arg("--sim-library")
            .arg(machine.library())
            .arg("--path.procfs")
            .arg(machine.procfs())
            .arg("--path.sysfs")
            .arg(machine.sysfs())
            .envs(machine.environment());
    }
    Child::start("gpulse", &mut command, folder)
}

/// Page, vendor, page: a figure agrees if the vendor's lies between the two, within its tolerance.
fn rounds(smi: &Smi, exporter: &mut Child) -> Result<Vec<Verdict>> {
    let address = exporter.address()?;
    let take = || Page::of(&http::get(address, "/metrics")?);
    let mut verdicts = Vec::new();
    for round in 1..=ROUNDS {
        let before = take()?;
        let answers = smi.answers()?;
        std::thread::sleep(BETWEEN);
        let after = take()?;
        ensure!(before.devices() > 0, "gpulse shows no device; its log:\n{}", exporter.log());
        compare::round(&mut verdicts, &before, &answers, &after);
        println!("round {round} of {ROUNDS}: {} figures", verdicts.len());
    }
    if verdicts.is_empty() {
        bail!("nothing could be compared: nvidia-smi answered none of the figures");
    }
    Ok(verdicts)
}

/// The vendor's process monitor and the page over the same seconds. The page shows the mean of the
/// span that has just passed, so its looks begin that much later.
fn use_of_processes(smi: &Smi, address: SocketAddr) -> Result<Vec<Verdict>> {
    println!("use of processes: {USE_SECONDS} s beside the process monitor");
    std::thread::scope(|scope| {
        let vendor = scope.spawn(|| smi.uses(USE_SECONDS));
        std::thread::sleep(LAG);
        let mut ours = Vec::new();
        for _ in 0..USE_SECONDS {
            ours.push(Page::of(&http::get(address, "/metrics")?)?.uses());
            std::thread::sleep(Duration::from_secs(1));
        }
        let vendor = vendor.join().map_err(|_| anyhow!("the process monitor's thread ended"))?;
        Ok(compare::mean_use(&vendor, USE_SECONDS, &ours))
    })
}

/// Real hardware goes into the project; a simulated machine into the build folder.
fn keep(findings: &Findings, capture: &str) -> Result<()> {
    let (captures, page) = if findings.simulated {
        let folder = workspace::target().join("gpu-check");
        (folder.clone(), folder.join("hardware.md"))
    } else {
        let root = workspace::root();
        (root.join("captures"), root.join("docs/hardware.md"))
    };
    let file = captures.join(findings.machine.capture_name());
    write(&file, capture)?;
    let old = std::fs::read_to_string(&page).unwrap_or_default();
    write(&page, &report::page(&old, findings))
}

fn write(file: &PathBuf, text: &str) -> Result<()> {
    let folder = file.parent().context("no folder")?;
    std::fs::create_dir_all(folder)?;
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    println!("wrote {}", file.display());
    Ok(())
}
