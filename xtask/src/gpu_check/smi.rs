//! `nvidia-smi`: asking it, and its CSV as tables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::process::Command;

use anyhow::{Context, Result};

use super::compare::FIGURES;
use crate::sim::SimulatedMachine;
use crate::workspace;

/// The vendor's tool, on this machine or on a simulated one.
pub(super) struct Smi {
    environment: Vec<(&'static str, OsString)>,
}

/// What stands in a capture's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Machine {
    /// Product name of the first GPU.
    pub model: String,
    /// Driver version.
    pub driver: String,
    /// How many GPUs.
    pub gpus: usize,
}

/// Its answers of one moment.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Per GPU: field and what was printed.
    pub gpus: Vec<BTreeMap<&'static str, String>>,
    /// Compute processes.
    pub processes: Vec<Process>,
}

/// One line of the compute processes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process {
    /// UUID of the physical GPU.
    pub gpu_uuid: String,
    /// Host PID.
    pub pid: u32,
    /// MiB; `None` where it prints `[N/A]`.
    pub memory_mib: Option<u64>,
}

/// Fields that say which GPU a row is, and whether its figures stand per instance.
const IDENTITY: [&str; 4] = ["index", "uuid", "pci.bus_id", "mig.mode.current"];

impl Smi {
    /// The one that a simulated machine brings, else the one on PATH.
    pub(super) fn new(simulated: Option<&SimulatedMachine>) -> Self {
        Self { environment: simulated.map(SimulatedMachine::environment).unwrap_or_default() }
    }

    /// What it prints, if it succeeds.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String> {
        let program = self.path_of("nvidia-smi").unwrap_or_else(|| "nvidia-smi".into());
        let mut command = Command::new(program);
        command.args(arguments).envs(self.environment.iter().map(|(k, v)| (*k, v.clone())));
        workspace::output(&mut command)
    }

    /// The program that the environment's own PATH means.
    fn path_of(&self, name: &str) -> Option<OsString> {
        let (_, path) = self.environment.iter().find(|(variable, _)| *variable == "PATH")?;
        let found = std::env::split_paths(path).map(|folder| folder.join(name));
        found.into_iter().find(|file| file.is_file()).map(Into::into)
    }

    /// The machine it runs on.
    pub(super) fn machine(&self) -> Result<Machine> {
        let rows = self.csv("--query-gpu=", &["name", "driver_version"])?;
        let first = rows.first().context("nvidia-smi lists no GPU")?;
        let [model, driver] = first.as_slice() else {
            anyhow::bail!("nvidia-smi answered {first:?} when asked for name and driver");
        };
        Ok(Machine { model: model.clone(), driver: driver.clone(), gpus: rows.len() })
    }

    /// Everything that is compared, now.
    pub(super) fn answers(&self) -> Result<Answers> {
        Ok(Answers { gpus: self.gpus()?, processes: self.processes()? })
    }

    /// What the process monitor saw in that many seconds, a look each second: GPU index, PID and SM
    /// use in per cent. A driver that has no use per process (MIG, vGPU) refuses or prints dashes.
    pub(super) fn uses(&self, seconds: usize) -> Vec<(String, u32, f64)> {
        uses(&self.run(&["pmon", "-c", &seconds.to_string()]).unwrap_or_default())
    }

    fn gpus(&self) -> Result<Vec<BTreeMap<&'static str, String>>> {
        let fields: Vec<&'static str> =
            IDENTITY.into_iter().chain(FIGURES.iter().map(|figure| figure.smi)).collect();
        match self.table(&fields) {
            Ok(rows) => Ok(rows),
            // An older driver refuses the whole query for one unknown field: ask one by one.
            Err(_) => self.field_by_field(&fields),
        }
    }

    fn table(&self, fields: &[&'static str]) -> Result<Vec<BTreeMap<&'static str, String>>> {
        let rows = self.csv("--query-gpu=", fields)?;
        Ok(rows.into_iter().map(|row| fields.iter().copied().zip(row).collect()).collect())
    }

    fn field_by_field(
        &self,
        fields: &[&'static str],
    ) -> Result<Vec<BTreeMap<&'static str, String>>> {
        let mut gpus = self.table(&IDENTITY)?;
        for field in fields.iter().filter(|field| !IDENTITY.contains(field)) {
            let Ok(rows) = self.table(&[field]) else { continue };
            for (gpu, row) in gpus.iter_mut().zip(rows) {
                gpu.extend(row);
            }
        }
        Ok(gpus)
    }

    fn processes(&self) -> Result<Vec<Process>> {
        let rows = self.csv("--query-compute-apps=", &["gpu_uuid", "pid", "used_gpu_memory"])?;
        let mut processes: Vec<Process> = rows.iter().filter_map(|row| process(row)).collect();
        processes.sort();
        Ok(processes)
    }

    fn csv(&self, option: &str, fields: &[&str]) -> Result<Vec<Vec<String>>> {
        let query = format!("{option}{}", fields.join(","));
        let text = self.run(&[&query, "--format=csv,noheader,nounits"])?;
        Ok(text.lines().filter(|line| !line.is_empty()).map(cells).collect())
    }
}

fn cells(line: &str) -> Vec<String> {
    line.split(", ").map(|cell| cell.trim().to_owned()).collect()
}

/// GPU, PID and SM use from the process monitor; its header says which column is which.
fn uses(pmon: &str) -> Vec<(String, u32, f64)> {
    let header = pmon.lines().find_map(|line| line.strip_prefix("# gpu"));
    let sm = header.and_then(|names| names.split_whitespace().position(|name| name == "sm"));
    let Some(sm) = sm else { return Vec::new() };
    let rows = pmon.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        // The header's names begin after the GPU's.
        let (gpu, pid, use_percent) = (cells.first()?, cells.get(1)?, cells.get(sm + 1)?);
        Some(((*gpu).to_owned(), pid.parse().ok()?, use_percent.parse().ok()?))
    })
    .collect()
}

fn process(row: &[String]) -> Option<Process> {
    let [uuid, pid, memory] = row else { return None };
    Some(Process {
        gpu_uuid: uuid.clone(),
        pid: pid.parse().ok()?,
        memory_mib: memory.parse().ok(),
    })
}

impl Machine {
    /// `linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01.txt`.
    pub(super) fn capture_name(&self) -> String {
        let model: String =
            self.model.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-");
        let model: String =
            model.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
        format!("{system}-{machine}__{model}__{}.txt", self.driver)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}, driver {}", self.gpus, self.model, self.driver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_is_named_after_system_model_and_driver() {
        let model = "NVIDIA H100 80GB HBM3".to_owned();
        let machine = Machine { model, driver: "590.48.01".to_owned(), gpus: 1 };
        assert!(machine.capture_name().ends_with("__nvidia-h100-80gb-hbm3__590.48.01.txt"));
    }

    #[test]
    fn memory_that_cannot_be_read_is_not_zero() {
        let row = ["GPU-1", "77", "[N/A]"].map(str::to_owned);
        assert_eq!(process(&row).unwrap().memory_mib, None);
        assert_eq!(process(&row[..2]), None);
    }

    #[test]
    fn use_is_read_by_the_header_and_a_dash_is_none() {
        let pmon = "# gpu         pid   type     sm    mem    enc    dec    jpg    ofa    command \n\
                    # Idx           #    C/G      %      %      %      %      %      %    name \n    \
                    0       4711     C     99     10      -      -      -      -    python3 \n    \
                    1          -     -      -      -      -      -      -      -    -       \n";
        assert_eq!(uses(pmon), [("0".to_owned(), 4711, 99.0)]);
        assert!(uses("pmon is not supported").is_empty());
    }
}
