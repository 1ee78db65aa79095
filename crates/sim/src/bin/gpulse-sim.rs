//! `gpulse-sim`: the simulated world for other programs and for tests.
//!
//! Lists, checks and shows scenarios, makes them from captures, keeps a host tree, moves clocks.
//! Started under the name `nvidia-smi` it answers as that program does, from the world that
//! `NVML_SIM_SCENARIO`, `NVML_SIM_NODE` and `NVML_SIM_CLOCK` name. It is no part of gpulse itself.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use model::Timestamp;
use sim::capture::Phase;
use sim::scenario::embedded;
use sim::scenario::quantity::parse_span;
use sim::{Scenario, SimClock, SimDriver, World};

#[path = "gpulse-sim/run.rs"]
mod run;

/// The simulated GPU world: scenarios, host trees, clocks.
#[derive(Debug, Parser)]
#[command(name = "gpulse-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the scenarios that ship.
    List,
    /// Check scenarios; what is wrong is said with file and line.
    Check {
        /// Names or files.
        #[arg(required = true)]
        scenarios: Vec<String>,
    },
    /// Print the text of a scenario that ships, to start an own one from.
    Show {
        /// Its name.
        name: String,
    },
    /// Make a scenario from a capture of a real GPU, on stdout.
    FromCapture {
        /// The capture.
        file: PathBuf,
        /// Which half of it.
        #[arg(long, value_enum)]
        phase: PhaseArgument,
    },
    /// Look at a clock file, or move it. Prints the moment and the world's age.
    Clock(ClockArguments),
    /// Keep the host tree of a scenario's node until stopped.
    Run(run::Arguments),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PhaseArgument {
    Idle,
    Load,
}

#[derive(Debug, clap::Args)]
struct ClockArguments {
    /// The clock file.
    file: PathBuf,
    /// Move it forward: `5s`, `1h30m`.
    #[arg(long, value_name = "SPAN", conflicts_with_all = ["set", "age"])]
    advance: Option<String>,
    /// Set it to a moment, in seconds since the epoch.
    #[arg(long, value_name = "SECONDS", conflicts_with = "age")]
    set: Option<f64>,
    /// Set the world's age: `10m`.
    #[arg(long, value_name = "SPAN")]
    age: Option<String>,
}

fn main() -> ExitCode {
    if run::is_a_sleeper() {
        return run::sleep();
    }
    let result = match std::env::args_os().next().map(PathBuf::from) {
        Some(path) if path.file_name().is_some_and(|name| name == "nvidia-smi") => nvidia_smi(),
        _ => command(Cli::parse().command),
    };
    result.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "gpulse-sim: {error:#}");
        ExitCode::FAILURE
    })
}

fn command(command: Command) -> Result<ExitCode> {
    match command {
        Command::List => list(),
        Command::Check { scenarios } => return Ok(check(&scenarios)),
        Command::Show { name } => say(shown(&name)?),
        Command::FromCapture { file, phase } => {
            let bytes =
                std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let phase = match phase {
                PhaseArgument::Idle => Phase::Idle,
                PhaseArgument::Load => Phase::Load,
            };
            say(&sim::capture::scenario(&String::from_utf8_lossy(&bytes), phase)?);
        }
        Command::Clock(arguments) => clock(&arguments)?,
        Command::Run(arguments) => run::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Print; a reader that went away is no fault.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn list() {
    let width = embedded::names().map(str::len).max().unwrap_or(0);
    for name in embedded::names() {
        let about = Scenario::load(name).map(|scenario| scenario.about().to_owned());
        say(&format!("{name:<width$}  {}\n", about.unwrap_or_default()));
    }
}

fn check(scenarios: &[String]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for name in scenarios {
        match Scenario::load(name) {
            Ok(scenario) => {
                let world = World::new(&scenario);
                let gpus: usize = world.nodes().iter().map(|node| node.gpus.len()).sum();
                say(&format!("{name}: {} nodes, {gpus} GPUs\n", world.nodes().len()));
            }
            Err(error) => {
                let error = anyhow::Error::new(error);
                let _ = writeln!(std::io::stderr(), "{error:#}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn shown(name: &str) -> Result<&'static str> {
    if let Some(text) = embedded::scenario(name) {
        return Ok(text);
    }
    let known: Vec<&str> = embedded::names().collect();
    bail!("no scenario is named `{name}`; there are: {}", known.join(", "))
}

fn clock(arguments: &ClockArguments) -> Result<()> {
    let clock = SimClock::open(&arguments.file)?;
    let span = |text: &str| {
        parse_span(text).with_context(|| format!("`{text}` is not a span such as 5s or 1h30m"))
    };
    if let Some(text) = &arguments.advance {
        clock.advance(span(text)?)?;
    }
    if let Some(seconds) = arguments.set {
        if !(0.0..9e12).contains(&seconds) {
            bail!("{seconds} is not a moment");
        }
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        let micros = (seconds * 1e6) as i64;
        clock.set(Timestamp(micros))?;
    }
    if let Some(text) = &arguments.age {
        clock.set_age(span(text)?)?;
    }
    let (now, age_us) = clock.look();
    say(&format!("{now} age {:.3} s\n", Timestamp(age_us).as_secs_f64()));
    Ok(())
}

/// As `nvidia-smi`, from the environment's world.
fn nvidia_smi() -> Result<ExitCode> {
    let scenario = std::env::var("NVML_SIM_SCENARIO").ok().filter(|name| !name.is_empty());
    let scenario = scenario.context("NVML_SIM_SCENARIO does not name a scenario")?;
    let scenario = Scenario::load(&scenario)?;
    let (pace, age) = (scenario.pace(), scenario.age());
    let world = Arc::new(World::new(&scenario));
    let node = match std::env::var("NVML_SIM_NODE").ok().filter(|name| !name.is_empty()) {
        Some(name) => {
            world.node_named(&name).with_context(|| format!("the scenario has no node `{name}`"))?
        }
        None => 0,
    };
    let clock = match std::env::var_os("NVML_SIM_CLOCK").filter(|path| !path.is_empty()) {
        Some(path) => SimClock::open_or_create(&PathBuf::from(path), pace, age)?,
        None => SimClock::in_memory(pace, age),
    };
    let driver = SimDriver::new(world, node, Arc::new(clock));
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    Ok(ExitCode::from(sim::smi::run(&driver, &arguments, &mut say)))
}
