//! The default table of `nvidia-smi`: where each process sits, the MIG devices with their
//! instance ids, and the versions in its head.
//!
//! Names in it are cut short; nothing else gives the instance ids of processes, as the UUID of
//! `--query-compute-apps` is the parent GPU's under MIG.

use model::observation::ContextKind;

use super::value;

/// What the table says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// Version of the kernel driver.
    pub(super) driver_version: Option<String>,
    /// CUDA version of the driver.
    pub(super) cuda_version: Option<String>,
    /// Index and PCI bus id of each GPU.
    pub(super) gpus: Vec<(u32, String)>,
    /// MIG devices.
    pub(super) mig: Vec<MigRow>,
    /// Processes.
    pub(super) processes: Vec<Process>,
}

/// One MIG device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MigRow {
    /// Index of its GPU.
    pub(super) gpu: u32,
    /// GPU instance id.
    pub(super) gpu_instance: u32,
    /// Compute instance id.
    pub(super) compute_instance: u32,
    /// Number of the MIG device.
    pub(super) number: u32,
    /// Memory in use and in total, in bytes, of the GPU instance.
    pub(super) memory: Option<(u64, u64)>,
}

/// One process, as the table or `-q` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    /// Index of its GPU.
    pub(super) gpu: u32,
    /// GPU instance and compute instance, under MIG.
    pub(super) instance: Option<(u32, u32)>,
    /// Host PID.
    pub(super) pid: u32,
    /// The kind of its context.
    pub(super) kind: ContextKind,
    /// Memory in bytes, if it can be read.
    pub(super) memory_bytes: Option<u64>,
}

/// The part of the table that a line belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Head,
    Gpus,
    Mig,
    Processes { with_instances: bool },
}

/// The table; `None` if the text has no head or no process part.
pub(super) fn parse(text: &str) -> Option<Table> {
    let mut table = Table::default();
    let mut part = Part::Head;
    let (mut has_head, mut has_processes) = (false, false);
    for line in text.lines().filter_map(inside) {
        if let Some(next) = part_of(line, part) {
            part = next;
            has_processes |= matches!(next, Part::Processes { .. });
        } else if line.contains("NVIDIA-SMI") {
            has_head = true;
            table.driver_version = version(line, &["KMD Version:", "Driver Version:"]);
            table.cuda_version = version(line, &["CUDA UMD Version:", "CUDA Version:"]);
        } else {
            add_line(&mut table, part, line);
        }
    }
    (has_head && has_processes).then_some(table)
}

/// Sentences that stand in place of a list, or beside it, and that are no list themselves.
pub(super) fn is_notice(line: &str) -> bool {
    const NOTICES: &[&str] = &[
        "No running processes found",
        "No running compute processes found",
        "No devices were found",
        "No devices found",
        "WARNING:",
        "Unable to determine the device handle",
    ];
    NOTICES.iter().any(|notice| line.contains(notice))
}

/// What stands between the bars of a line of the table.
fn inside(line: &str) -> Option<&str> {
    line.trim().strip_prefix('|').map(|rest| rest.strip_suffix('|').unwrap_or(rest))
}

fn part_of(line: &str, part: Part) -> Option<Part> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["GPU", "Name", ..] => Some(Part::Gpus),
        ["GPU", "GI", "CI", "MIG", ..] => Some(Part::Mig),
        ["Processes:", ..] => Some(Part::Processes { with_instances: false }),
        ["GPU", rest @ ..] if matches!(part, Part::Processes { .. }) => {
            Some(Part::Processes { with_instances: rest.contains(&"GI") })
        }
        _ => None,
    }
}

fn version(line: &str, labels: &[&str]) -> Option<String> {
    let after = labels.iter().find_map(|label| line.split_once(label))?.1;
    let word = after.split_whitespace().next()?;
    value::text(word).value().map(str::to_owned)
}

fn add_line(table: &mut Table, part: Part, line: &str) {
    match part {
        Part::Head => {}
        Part::Gpus => table.gpus.extend(gpu_row(line)),
        Part::Mig => table.mig.extend(mig_row(line)),
        Part::Processes { with_instances } => {
            table.processes.extend(process_row(line, with_instances));
        }
    }
}

fn gpu_row(line: &str) -> Option<(u32, String)> {
    let index = line.split_whitespace().next()?.parse().ok()?;
    let is_bus_id = |word: &&str| super::facts::bus_number(word).is_some();
    let bus_id = line.split('|').nth(1)?.split_whitespace().find(is_bus_id)?;
    Some((index, bus_id.to_owned()))
}

fn mig_row(line: &str) -> Option<MigRow> {
    let mut cells = line.split('|');
    let ids: Vec<u32> = cells.next()?.split_whitespace().map_while(|id| id.parse().ok()).collect();
    let &[gpu, gpu_instance, compute_instance, number] = ids.as_slice() else { return None };
    let memory = cells.next().and_then(used_and_total);
    Some(MigRow { gpu, gpu_instance, compute_instance, number, memory })
}

fn used_and_total(cell: &str) -> Option<(u64, u64)> {
    let (used, total) = cell.split_once('/')?;
    Some((value::mebibytes(used).value()?, value::mebibytes(total).value()?))
}

fn process_row(line: &str, with_instances: bool) -> Option<Process> {
    let mut words = line.split_whitespace();
    let gpu = words.next()?.parse().ok()?;
    let instance = if with_instances { instance(words.next()?, words.next()?) } else { None };
    let pid = words.next()?.parse().ok()?;
    let kind = kind(words.next()?)?;
    let memory_bytes = words.next_back().and_then(|word| value::mebibytes(word).value());
    Some(Process { gpu, instance, pid, kind, memory_bytes })
}

/// The two ids, or `None` where one is `N/A`.
pub(super) fn instance(gpu_instance: &str, compute_instance: &str) -> Option<(u32, u32)> {
    Some((gpu_instance.trim().parse().ok()?, compute_instance.trim().parse().ok()?))
}

/// `C`, `G`, `C+G`, `M+C`; a letter of a later driver beside `C` still counts as compute.
pub(super) fn kind(word: &str) -> Option<ContextKind> {
    let letters: Vec<&str> = word.trim().split('+').collect();
    let has = |letter: &str| letters.contains(&letter);
    match (has("M"), has("C"), has("G")) {
        (true, _, _) => Some(ContextKind::MpsClient),
        (false, true, true) => Some(ContextKind::ComputeGraphics),
        (false, true, false) => Some(ContextKind::Compute),
        (false, false, true) => Some(ContextKind::Graphics),
        (false, false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "\
Sat Apr 19 10:08:49 2014
+-----------------------------------------------------------------------------+
| NVIDIA-SMI 418.40       Driver Version: 418.40       CUDA Version: N/A      |
|-------------------------------+----------------------+----------------------+
| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |
|===============================+======================+======================|
|   0  Tesla T4            Off  | 0000:03:00.0     Off |                    0 |
| N/A   44C    P0    16W /  70W |     14MiB / 15079MiB |      0%      Default |
+-------------------------------+----------------------+----------------------+

+-----------------------------------------------------------------------------+
| Processes:                                                       GPU Memory |
|  GPU       PID   Type   Process name                             Usage      |
|=============================================================================|
|    0      1720    C+G   /opt/my app | with bars                     N/A     |
|    0      1721    M+C   x                                           173MiB  |
+-----------------------------------------------------------------------------+
";

    #[test]
    fn a_table_without_instance_columns_is_read_too() {
        let table = parse(OLD).unwrap();
        assert_eq!(table.driver_version.as_deref(), Some("418.40"));
        assert_eq!(table.cuda_version, None);
        assert_eq!(table.gpus, [(0, "0000:03:00.0".to_owned())]);
        let first = &table.processes[0];
        assert_eq!((first.pid, first.kind), (1720, ContextKind::ComputeGraphics));
        assert_eq!(first.memory_bytes, None);
        let second = &table.processes[1];
        assert_eq!((second.kind, second.memory_bytes), (ContextKind::MpsClient, Some(173 << 20)));
    }

    #[test]
    fn text_without_the_frame_is_no_table() {
        assert_eq!(parse("Failed to initialize NVML: Driver/library version mismatch\n"), None);
        assert_eq!(
            parse("| NVIDIA-SMI 1 |\n"),
            None,
            "a cut table does not say that nobody is there"
        );
    }
}
