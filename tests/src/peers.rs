//! A bench for comparing gpulse with programs that others wrote: one simulated machine at one
//! standing moment, seen through the simulated `libnvidia-ml.so.1` by all of them.
//!
//! nvitop and gpustat look every process up in the real `/proc`, so the scenario's processes are
//! real sleeping children. nvitop asks for the use of the last second by the machine's clock, so
//! the world's clock stands a little ahead of it. Neither program is changed.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use model::text::{Family, Sample};
use model::{Clock as _, Timestamp, clock::SystemClock};
use serde_json::Value;

use crate::child::Child;
use crate::environment::{self, GPULSE, PYTHON, SIM_NVML};
use crate::http;

/// How far the world stands ahead of the machine, and how old it is.
const AHEAD: Duration = Duration::from_secs(60);
const AGE: Duration = Duration::from_secs(600);
/// Bytes of a MiB.
pub const MIB: u64 = 1 << 20;

/// The programs that are needed.
#[derive(Debug)]
pub struct Programs {
    gpulse: PathBuf,
    library: PathBuf,
    python: PathBuf,
}

impl Programs {
    /// Find them.
    ///
    /// # Errors
    /// Which one is missing, as the reason of a skip.
    pub fn find() -> Result<Self, String> {
        Ok(Self {
            gpulse: environment::program(GPULSE)?,
            library: environment::program(SIM_NVML)?,
            python: environment::program(PYTHON)?,
        })
    }
}

/// One simulated machine at one moment.
#[derive(Debug)]
pub struct Bench {
    programs: Programs,
    folder: tempfile::TempDir,
    sleepers: Vec<Child>,
}

impl Bench {
    /// A machine from the text of a scenario, in which `{pid0}`, `{pid1}`, ... stand for the PIDs of
    /// as many sleeping children.
    ///
    /// # Errors
    /// A child, a link or a file cannot be made.
    pub fn new(programs: Programs, scenario: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut text = scenario.to_owned();
        let mut sleepers = Vec::new();
        while text.contains(&format!("{{pid{}}}", sleepers.len())) {
            let number = sleepers.len();
            let child = sleeper(number, folder.path())?;
            text = text.replace(&format!("{{pid{number}}}"), &child.id().to_string());
            sleepers.push(child);
        }
        let bench = Self { programs, folder, sleepers };
        std::fs::write(bench.scenario(), text)?;
        std::fs::write(bench.clock(), standing_clock())?;
        for name in ["libnvidia-ml.so.1", "libnvidia-ml.so"] {
            symlink(&bench.programs.library, bench.folder.path().join(name))?;
        }
        Ok(bench)
    }

    /// PID of a sleeping child, by its number in the scenario.
    #[must_use]
    pub fn pid(&self, number: usize) -> u64 {
        self.sleepers.get(number).map_or(0, |child| u64::from(child.id()))
    }

    fn scenario(&self) -> PathBuf {
        self.folder.path().join("scenario.toml")
    }

    fn clock(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// A command that finds the simulated library where it looks for NVIDIA's.
    fn command(&self, program: &Path) -> Command {
        #[expect(clippy::disallowed_methods, reason = "tests run programs")]
        let mut command = Command::new(program);
        command
            .env("LD_LIBRARY_PATH", self.folder.path())
            .env("NVML_SIM_SCENARIO", self.scenario())
            .env("NVML_SIM_CLOCK", self.clock())
            .env_remove("NVML_SIM_NODE");
        command
    }

    /// What a program in Python prints, as JSON.
    fn json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.command(&self.programs.python).args(arguments).output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&stdout).with_context(|| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            format!("{arguments:?} ended with {}: {stdout}\n{stderr}", output.status)
        })
    }

    /// What nvitop's API says.
    ///
    /// # Errors
    /// It fails or prints no JSON.
    pub fn nvitop(&self) -> Result<Value> {
        let script = environment::root().join("tests/python/nvitop_devices.py");
        self.json(&[&script.display().to_string()])
    }

    /// What `gpustat --json` says.
    ///
    /// # Errors
    /// As above.
    pub fn gpustat(&self) -> Result<Value> {
        self.json(&["-m", "gpustat", "--json"])
    }

    /// One screen of nvitop, as text.
    ///
    /// # Errors
    /// It fails; with what it said.
    pub fn nvitop_screen(&self) -> Result<String> {
        let mut command = self.command(&self.programs.python);
        let output = command.args(["-m", "nvitop", "-1", "--no-unicode"]).output()?;
        let screen = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("nvitop -1: {screen}\n{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(screen)
    }

    /// nvtop's screen, once it holds all the texts; it has no snapshot mode.
    ///
    /// # Errors
    /// It ends, or a text does not come; with what it had drawn.
    pub fn nvtop_screen(&self, nvtop: &Path, wanted: &[&str]) -> Result<String> {
        let script = environment::root().join("tests/python/screen_of.py");
        let mut command = self.command(&self.programs.python);
        command.arg(script).args(["20", &wanted.join(",")]).arg(nvtop).arg("-C");
        command.env("XDG_CONFIG_HOME", self.folder.path());
        let output = command.output()?;
        let screen = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            bail!("nvtop: not all of {wanted:?} on\n{screen}");
        }
        Ok(screen)
    }

    /// nvitop-exporter's page, once it has been round all devices.
    ///
    /// # Errors
    /// It does not answer, or its page has no GPU.
    pub fn nvitop_exporter(&self) -> Result<Vec<Sample>> {
        let port = http::free_port()?;
        let mut command = self.command(&self.programs.python);
        command.args(["-m", "nvitop_exporter", "--port", &port.to_string()]);
        command.args(["--hostname", "test", "--interval", "0.25"]);
        let mut child = Child::start("nvitop-exporter", &mut command, self.folder.path())?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        // Two rounds: a counter of its own appears with the first and grows with the second.
        child.until("its first round", |_| {
            let page = lenient_samples(&http::get(address, "/metrics")?);
            match page.iter().any(|sample| sample.name.starts_with("gpu_memory_used")) {
                true => Ok(page),
                false => bail!("no gpu_memory_used"),
            }
        })?;
        std::thread::sleep(Duration::from_millis(600));
        Ok(lenient_samples(&http::get(address, "/metrics")?))
    }

    /// gpulse's page.
    ///
    /// # Errors
    /// It does not answer, or its page breaks the text format.
    pub fn gpulse_page(&self) -> Result<Vec<Sample>> {
        let mut command = self.gpulse(&["exporter", "--listen", "127.0.0.1:0"]);
        let mut child = Child::start("gpulse", &mut command, self.folder.path())?;
        let address = child.address()?;
        child.until("its first pass", |_| http::get(address, "/readyz"))?;
        let families: Vec<Family> = model::text::parse(&http::get(address, "/metrics")?)?;
        Ok(families.into_iter().flat_map(|family| family.samples).collect())
    }

    /// What `gpulse who --json` says.
    ///
    /// # Errors
    /// It fails or prints no JSON.
    pub fn gpulse_who(&self) -> Result<Value> {
        let output = self.gpulse(&["who", "--json"]).output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&stdout).with_context(|| {
            format!("gpulse who: {stdout}\n{}", String::from_utf8_lossy(&output.stderr))
        })
    }

    fn gpulse(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.programs.gpulse);
        command.args(arguments).arg("--sim-library").arg(&self.programs.library);
        command.arg("--sim-clock").arg(self.clock());
        command.env("STATE_DIRECTORY", self.folder.path().join("state"));
        command
    }
}

/// A child that does nothing until it is killed.
fn sleeper(number: usize, folder: &Path) -> Result<Child> {
    #[expect(clippy::disallowed_methods, reason = "tests run programs")]
    let mut command = Command::new("sleep");
    Child::start(&format!("sleeper-{number}"), command.arg("3600"), folder)
}

/// The file of a clock that stands: see the module `clock` of the simulator for its record.
fn standing_clock() -> Vec<u8> {
    let machine = SystemClock.now();
    let world = machine.after(AHEAD);
    let moment = |at: Timestamp| at.0.to_le_bytes();
    let sequence = 1_u64.to_le_bytes();
    let origin = moment(world.before(AGE));
    [*b"GPLSCLK1", sequence, origin, moment(world), moment(machine), 0_f64.to_le_bytes(), sequence]
        .concat()
}

/// Samples of a page that need not keep the rules of ours: nvitop-exporter puts units into braces
/// and repeats families. Lines that are no sample are left out.
fn lenient_samples(page: &str) -> Vec<Sample> {
    page.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| model::text::parse(&format!("{line}\n")).ok())
        .flatten()
        .flat_map(|family| family.samples)
        .collect()
}
