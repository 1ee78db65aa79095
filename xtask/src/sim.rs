//! `cargo xtask sim NAME -- COMMAND`: any program on the simulated NVML.
//!
//! Lays out the library under both of its names, a clock, a host tree kept by `gpulse-sim run`, and
//! a `nvidia-smi` over the same world; sets the environment for the command and returns its exit
//! code. A loaded library does nothing without that environment.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use ::tests::child::Child;
use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::workspace::{self, Built, Profile};

/// Packages that a simulated machine is built from.
pub(crate) const PACKAGES: &[&str] = &["sim", "sim-nvml"];

/// Options of `cargo xtask sim`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The simulated machine: a scenario's name, or a file.
    scenario: String,
    /// Which of the scenario's machines.
    #[arg(long)]
    node: Option<String>,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Run it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let built = workspace::build(Profile::Dev, PACKAGES)?;
    let node = args.node.as_deref();
    let machine = SimulatedMachine::start(&built, &args.scenario, node, Processes::Real)?;
    eprintln!("simulated machine: {}", args.scenario);
    eprintln!("its processes, for programs that take a folder: {}", machine.procfs().display());
    let (program, arguments) = args.command.split_first().context("no command")?;
    let status = Command::new(program)
        .args(arguments)
        .envs(machine.environment())
        .status()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Where the simulated processes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processes {
    /// In the host tree alone.
    Simulated,
    /// Those that do not repeat are sleeping children too, for programs that look into `/proc`.
    Real,
}

/// A simulated machine for programs that load `libnvidia-ml.so.1` or run `nvidia-smi`.
#[derive(Debug)]
pub(crate) struct SimulatedMachine {
    // Before the folder, so that it has ended when the folder goes.
    _keeper: Child,
    folder: TempDir,
    scenario: String,
    node: Option<String>,
}

impl SimulatedMachine {
    /// Lay it out and start the keeper of its host tree.
    pub(crate) fn start(
        built: &Built,
        scenario: &str,
        node: Option<&str>,
        processes: Processes,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut scenario = absolute(scenario)?;
        lay_out(built, folder.path())?;
        let mut command = Command::new(&built.simulator);
        command.arg("run").arg(&scenario).arg("--root").arg(folder.path().join("host"));
        command.arg("--clock").arg(folder.path().join("clock"));
        if let Some(node) = node {
            command.args(["--node", node]);
        }
        if processes == Processes::Real {
            command.arg("--spawn");
        }
        let mut keeper = Child::start("gpulse-sim", &mut command, folder.path())?;
        // The scenario it keeps: with real processes it is another, which has their PIDs.
        scenario = keeper.until("the simulated host", |log| {
            let line = log.lines().find_map(|line| line.strip_prefix("NVML_SIM_SCENARIO="));
            line.map(str::to_owned).context("it has not said its scenario")
        })?;
        Ok(Self { _keeper: keeper, folder, scenario, node: node.map(str::to_owned) })
    }

    /// What makes a program see this machine.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![
            ("LD_LIBRARY_PATH", before(&self.libraries(), "LD_LIBRARY_PATH")),
            ("PATH", before(&self.folder.path().join("bin"), "PATH")),
            ("NVML_SIM_SCENARIO", self.scenario.clone().into()),
            ("NVML_SIM_CLOCK", self.clock().into()),
        ];
        variables.extend(self.node.clone().map(|node| ("NVML_SIM_NODE", node.into())));
        variables
    }

    /// The simulated library.
    pub(crate) fn library(&self) -> PathBuf {
        self.libraries().join("libnvidia-ml.so.1")
    }

    /// Its `/proc`.
    pub(crate) fn procfs(&self) -> PathBuf {
        self.folder.path().join("host/proc")
    }

    /// Its `/sys`.
    pub(crate) fn sysfs(&self) -> PathBuf {
        self.folder.path().join("host/sys")
    }

    /// Its clock.
    pub(crate) fn clock(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// A folder for logs and state.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn libraries(&self) -> PathBuf {
        self.folder.path().join("lib")
    }
}

/// Some clients open the first name, some the second.
fn lay_out(built: &Built, folder: &Path) -> Result<()> {
    for name in ["lib/libnvidia-ml.so.1", "lib/libnvidia-ml.so"] {
        link(&built.library, &folder.join(name))?;
    }
    link(&built.simulator, &folder.join("bin/nvidia-smi"))
}

fn link(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to.parent().context("no folder")?)?;
    symlink(from, to).with_context(|| format!("cannot link {}", to.display()))
}

/// A scenario's file, wherever the command runs; a name stays a name.
fn absolute(scenario: &str) -> Result<String> {
    let path = Path::new(scenario);
    if !path.is_file() {
        return Ok(scenario.to_owned());
    }
    Ok(path.canonicalize()?.to_string_lossy().into_owned())
}

/// A list of folders with one more in front.
fn before(first: &Path, variable: &str) -> OsString {
    let old = std::env::var_os(variable).unwrap_or_default();
    let rest = std::env::split_paths(&old).filter(|path| !path.as_os_str().is_empty());
    let paths = std::iter::once(first.to_path_buf()).chain(rest);
    std::env::join_paths(paths).unwrap_or_else(|_| first.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_the_library_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let built = Built {
            gpulse: "/bin/true".into(),
            simulator: "/bin/true".into(),
            library: "/bin/true".into(),
        };
        lay_out(&built, folder.path()).unwrap();
        for name in ["lib/libnvidia-ml.so", "lib/libnvidia-ml.so.1", "bin/nvidia-smi"] {
            assert!(folder.path().join(name).is_file(), "{name}");
        }
    }

    #[test]
    fn the_simulated_folder_comes_before_the_machines_own() {
        let path = before(Path::new("/sim"), "PATH");
        assert!(path.to_string_lossy().starts_with("/sim:"));
        assert_eq!(before(Path::new("/sim"), "GPULSE_NO_SUCH_VARIABLE"), "/sim");
    }
}
