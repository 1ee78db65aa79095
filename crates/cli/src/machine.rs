//! Which machine a command looks at: this one, one whose trees are mounted elsewhere, or a
//! simulated one. Only `--sim` turns simulation on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use exporter::Machine;
use host::Host;
use model::Clock;
use model::clock::SystemClock;
use sim::SimClock;
use tracing::Level;

use crate::config::{self, FileConfig};
use crate::data_folder;
use crate::fault::Fault;
use crate::log::{Log, LogArgs};

/// The options of every command that looks at a machine.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Machine")]
pub(crate) struct MachineArgs {
    /// Settings in YAML; flags and environment win over it.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The host's /proc, where it is mounted elsewhere. Default: /proc.
    #[arg(long = "path.procfs", value_name = "DIR")]
    procfs: Option<PathBuf>,
    /// The host's /sys, where it is mounted elsewhere. Default: /sys.
    #[arg(long = "path.sysfs", value_name = "DIR")]
    sysfs: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    sim: SimArgs,
}

/// Where state lies, for the commands that keep or read it; `collect` has its own beside its file.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Machine")]
pub(crate) struct StateArgs {
    /// Folder with the state file, by which sessions outlive a restart. Default:
    /// $STATE_DIRECTORY, else /var/lib/gpulse if it can be written, else a folder of the user.
    /// Simulated machines have none unless it is given.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl StateArgs {
    /// The place that the settings name, unless the flag does.
    pub(crate) fn place(&self, settings: StatePlace) -> StatePlace {
        StatePlace { asked: self.state.clone().or(settings.asked), ..settings }
    }
}

/// Simulation.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Simulation")]
struct SimArgs {
    /// Look at a simulated machine: a scenario that ships with gpulse, or a scenario file.
    #[arg(long, value_name = "NAME|FILE", group = "simulation")]
    sim: Option<String>,
    /// The simulated machine's clock, shared with other programs.
    #[arg(long, value_name = "FILE", requires = "simulation")]
    sim_clock: Option<PathBuf>,
    /// Accept this simulated driver library in place of NVIDIA's.
    #[arg(long, value_name = "PATH", group = "simulation")]
    sim_library: Option<PathBuf>,
}

impl SimArgs {
    /// The simulated library, as a name for people: what it is, though not yet looked at.
    fn library(&self) -> Option<String> {
        self.sim_library.as_ref().map(|path| format!("driver library {}", path.display()))
    }

    /// The clock's file, which whoever drives the simulated machine has made.
    fn clock(&self) -> Result<Option<&Path>, Fault> {
        let Some(path) = self.sim_clock.as_deref() else { return Ok(None) };
        if std::fs::metadata(path).is_ok_and(|facts| facts.is_file()) {
            return Ok(Some(path));
        }
        let problem = format!(
            "--sim-clock {}: there is no such file: name the clock of a running simulation, or leave \
             it out for a clock of its own",
            path.display()
        );
        Err(Fault::usage(anyhow::anyhow!(problem)))
    }
}

/// A machine and the settings to look at it with.
pub(crate) struct Opened {
    /// Settings of the exporter role, from file and defaults.
    pub(crate) config: exporter::Config,
    /// The machine.
    pub(crate) machine: Machine,
    /// Name of the scenario, if it is a simulated one.
    pub(crate) simulated: Option<String>,
    /// Where its state lies.
    pub(crate) state: StatePlace,
}

/// Where a machine's state lies.
pub(crate) struct StatePlace {
    asked: Option<PathBuf>,
    simulated: bool,
}

impl StatePlace {
    /// The state file of that name, if an earlier process left one.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        if self.simulated && self.asked.is_none() {
            return None;
        }
        data_folder::find(self.asked.as_deref(), name)
    }

    /// The folder that state would be kept in; nothing is made.
    pub(crate) fn planned(&self) -> Option<PathBuf> {
        if self.simulated && self.asked.is_none() {
            return None;
        }
        data_folder::planned(self.asked.as_deref())
    }

    /// The folder to keep state in.
    pub(crate) fn to_write(&self) -> Option<PathBuf> {
        if self.simulated && self.asked.is_none() {
            return None;
        }
        data_folder::to_write(self.asked.as_deref())
    }
}

impl MachineArgs {
    /// Start the log: by the flag, else by the file, else at the level `usual`. A file that cannot
    /// be read is refused later, when the command reads it.
    pub(crate) fn start_log(&self, usual: Level) {
        let file = config::load(self.config.as_deref()).ok();
        self.log.start(file.and_then(|file| file.log), usual);
    }

    /// The same, with a level and a form that count where `--log` says nothing.
    pub(crate) fn start_log_or(&self, usual: Level, level: Option<Level>, json: Option<bool>) {
        let file = config::load(self.config.as_deref()).ok().and_then(|file| file.log);
        let said = file.unwrap_or_else(|| Log::usual(usual));
        self.log.start(Some(said.with(level, json)), usual);
    }

    /// Read the settings and get the machine ready; no driver is touched yet.
    pub(crate) fn open(&self) -> Result<Opened, Fault> {
        let file = config::load(self.config.as_deref())?;
        let state = StatePlace {
            asked: file.exporter.state_dir.clone(),
            simulated: self.sim.sim.is_some() || self.sim.sim_library.is_some(),
        };
        let mut config = file.exporter.clone();
        if config.hostname.is_none() {
            config.hostname = std::env::var("NODE_NAME").ok().filter(|name| !name.is_empty());
        }
        let (machine, simulated) = match &self.sim.sim {
            Some(name) => (self.simulated(name, &file)?, Some(name.clone())),
            None => (self.real(&file)?, self.sim.library()),
        };
        Ok(Opened { config, machine, simulated, state })
    }

    /// The procfs that was asked for.
    fn procfs(&self, file: &FileConfig) -> PathBuf {
        or(&self.procfs, &file.path.procfs, Path::new("/proc"))
    }

    /// This machine; with `--sim-library` its driver is the simulated library, and with a clock
    /// beside it the time is that of the library's world.
    fn real(&self, file: &FileConfig) -> Result<Machine, Fault> {
        let clock: Arc<dyn Clock> = match self.sim.clock()? {
            Some(path) => Arc::new(SimClock::open(path).map_err(Fault::usage)?),
            None => Arc::new(SystemClock),
        };
        Ok(Machine {
            open_driver: gpu::nvml::opener(self.sim.sim_library.clone()),
            smi: Some(gpu::smi::Config::default()),
            host: Host::new(
                self.procfs(file),
                or(&self.sysfs, &file.path.sysfs, Path::new("/sys")),
            ),
            clock,
            hostname: None,
            before_tick: None,
            simulated: self.sim.sim_library.is_some(),
            told: None,
        })
    }

    fn simulated(&self, name: &str, file: &FileConfig) -> Result<Machine, Fault> {
        let simulation = sim::simulate(name, self.sim.clock()?).map_err(Fault::usage)?;
        let (procfs, sysfs) = (simulation.procfs(), simulation.sysfs());
        Ok(Machine {
            open_driver: simulation.driver_opener(),
            smi: None,
            host: Host::new(
                or(&self.procfs, &file.path.procfs, &procfs),
                or(&self.sysfs, &file.path.sysfs, &sysfs),
            ),
            clock: simulation.clock(),
            hostname: Some(simulation.hostname().to_owned()),
            // The simulated host lives as long as what calls this.
            before_tick: Some(Box::new(move |_| {
                if let Err(cause) = simulation.refresh() {
                    tracing::warn!(%cause, "the simulated host is not up to date");
                }
            })),
            simulated: true,
            told: None,
        })
    }
}

fn or(flag: &Option<PathBuf>, file: &Option<PathBuf>, default: &Path) -> PathBuf {
    flag.clone().or_else(|| file.clone()).unwrap_or_else(|| default.to_owned())
}
