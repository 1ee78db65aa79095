//! `nvidia-smi -q`: the long listing, read by the path of its indented headings.
//!
//! Used for what the other forms do not have (minor number, BAR1, replays, the reserved memory of
//! MIG devices), and in their place where one of them fails.

use super::table::{self, Process};
use super::value;

/// The whole listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// Version of the kernel driver.
    pub(super) driver_version: Option<String>,
    /// CUDA version of the driver.
    pub(super) cuda_version: Option<String>,
    /// The GPUs, in order of index.
    pub(super) gpus: Vec<GpuLog>,
}

/// One GPU's part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GpuLog {
    /// PCI bus id, from the heading.
    pub(super) bus_id: String,
    /// Path of headings, joined by `/`, and value, in order of printing. Repeated groups (MIG
    /// devices, processes) repeat their paths.
    entries: Vec<(String, String)>,
}

/// One MIG device's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MigLog {
    /// Number of the MIG device.
    pub(super) number: u32,
    /// GPU instance id.
    pub(super) gpu_instance: u32,
    /// Compute instance id.
    pub(super) compute_instance: u32,
    /// The rest of its entries, paths without `MIG Device/`.
    entries: Vec<(String, String)>,
}

impl GpuLog {
    /// The value under a path of headings, the first if there are several.
    pub(super) fn value(&self, path: &str) -> Option<&str> {
        find(&self.entries, path)
    }

    /// Its MIG devices.
    pub(super) fn mig(&self) -> Vec<MigLog> {
        self.groups("MIG Device/", "Index").iter().filter_map(|group| mig_of(group)).collect()
    }

    /// Its processes; `None` if the listing has no such part.
    pub(super) fn processes(&self, gpu: u32) -> Option<Vec<Process>> {
        self.entries.iter().find(|(path, _)| path.starts_with("Processes"))?;
        let mut instance: (Option<&str>, Option<&str>) = (None, None);
        let mut processes: Vec<Process> = Vec::new();
        for (path, value) in &self.entries {
            match path.as_str() {
                "Processes/GPU instance ID" => instance = (Some(value), None),
                "Processes/Compute instance ID" => instance.1 = Some(value),
                "Processes/Process ID" => processes.extend(value.parse().ok().map(|pid| Process {
                    gpu,
                    instance: instance.0.zip(instance.1).and_then(|(g, c)| table::instance(g, c)),
                    pid,
                    kind: model::observation::ContextKind::Compute,
                    memory_bytes: None,
                })),
                "Processes/Process ID/Type" => {
                    if let Some((process, kind)) = processes.last_mut().zip(table::kind(value)) {
                        process.kind = kind;
                    }
                }
                "Processes/Process ID/Used GPU Memory" => {
                    if let Some(process) = processes.last_mut() {
                        process.memory_bytes = value::mebibytes(value).value();
                    }
                }
                _ => {}
            }
        }
        Some(processes)
    }

    /// Entries below a heading, cut into groups that each begin with the entry `first`.
    fn groups(&self, heading: &str, first: &str) -> Vec<Vec<(String, String)>> {
        let mut groups: Vec<Vec<(String, String)>> = Vec::new();
        for (path, value) in &self.entries {
            let Some(rest) = path.strip_prefix(heading) else { continue };
            if rest == first {
                groups.push(Vec::new());
            }
            if let Some(group) = groups.last_mut() {
                group.push((rest.to_owned(), value.clone()));
            }
        }
        groups
    }
}

impl MigLog {
    /// The value under a path of headings.
    pub(super) fn value(&self, path: &str) -> Option<&str> {
        find(&self.entries, path)
    }
}

fn mig_of(entries: &[(String, String)]) -> Option<MigLog> {
    let id = |path: &str| find(entries, path)?.parse().ok();
    Some(MigLog {
        number: id("Index")?,
        gpu_instance: id("GPU Instance ID")?,
        compute_instance: id("Compute Instance ID")?,
        entries: entries.to_vec(),
    })
}

fn find<'a>(entries: &'a [(String, String)], path: &str) -> Option<&'a str> {
    entries.iter().find(|(at, _)| at == path).map(|(_, value)| value.as_str())
}

/// The listing; `None` if the text is none.
pub(super) fn parse(text: &str) -> Option<Log> {
    let mut log = Log::default();
    let mut headings: Vec<(usize, &str)> = Vec::new();
    let mut is_log = false;
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        is_log |= line.contains("NVSMI LOG");
        let indent = line.len() - line.trim_start().len();
        let (key, value) = split(line.trim_start());
        if let Some(bus_id) = gpu_heading(indent, key, value) {
            log.gpus.push(GpuLog { bus_id: bus_id.to_owned(), entries: Vec::new() });
            headings.clear();
            continue;
        }
        headings.retain(|(above, _)| *above < indent);
        headings.push((indent, key));
        if let Some(value) = value {
            add(&mut log, &headings, value);
        }
    }
    is_log.then_some(log)
}

/// Key and value of a line; a heading has none. Keys are padded, so the first ` : ` parts them.
fn split(line: &str) -> (&str, Option<&str>) {
    match line.split_once(" : ") {
        Some((key, value)) => (key.trim(), Some(value.trim())),
        None => (line.strip_suffix(" :").unwrap_or(line).trim(), None),
    }
}

fn gpu_heading<'a>(indent: usize, key: &'a str, value: Option<&str>) -> Option<&'a str> {
    let bus_id = key.strip_prefix("GPU ").filter(|_| indent == 0 && value.is_none())?;
    super::facts::bus_number(bus_id).map(|_| bus_id)
}

fn add(log: &mut Log, headings: &[(usize, &str)], value: &str) {
    if let Some(gpu) = log.gpus.last_mut() {
        let path: Vec<&str> = headings.iter().map(|(_, key)| *key).collect();
        gpu.entries.push((path.join("/"), value.to_owned()));
        return;
    }
    // `610.57.04 [Deprecated; use ... instead]`
    let plain = value.split(" [").next().and_then(|word| value::text(word).value());
    let version = plain.map(str::to_owned);
    match headings.last().map(|(_, key)| *key) {
        Some("KMD Version" | "Driver Version") => log.driver_version = version,
        Some("CUDA UMD Version" | "CUDA Version") => log.cuda_version = version,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::observation::ContextKind;

    const TWO: &str = "
==============NVSMI LOG==============

Driver Version                                         : 610.57.04 [Deprecated; use KMD]
CUDA Version                                           : 13.3
Attached GPUs                                          : 2
GPU 00000000:0C:00.0
    Minor Number                                       : 3
    MIG Device
        Index                                          : 0
        GPU Instance ID                                : 2
        Compute Instance ID                            : 0
        Shared FB Memory Usage
            Used                                       : 17 MiB
    MIG Device
        Index                                          : 1
        GPU Instance ID                                : 9
        Compute Instance ID                            : 1
    Processes
        GPU instance ID                   : 9
        Compute instance ID               : 1
        Process ID                        : 4556
            Type                          : M+C
            Name                          : a : b
            Used GPU Memory               : 3 MiB
        Process ID                        : 4557
            Type                          : G
            Used GPU Memory               : N/A
GPU 00000000:0D:00.0
    Processes                             : None
";

    #[test]
    fn headings_give_values_their_path() {
        let log = parse(TWO).unwrap();
        assert_eq!(log.driver_version.as_deref(), Some("610.57.04"));
        assert_eq!(log.gpus.len(), 2);
        assert_eq!(log.gpus[0].value("Minor Number"), Some("3"));
        let mig = log.gpus[0].mig();
        let ids: Vec<_> =
            mig.iter().map(|m| (m.number, m.gpu_instance, m.compute_instance)).collect();
        assert_eq!(ids, [(0, 2, 0), (1, 9, 1)]);
        assert_eq!(mig[0].value("Shared FB Memory Usage/Used"), Some("17 MiB"));
        assert_eq!(mig[1].value("Shared FB Memory Usage/Used"), None);
    }

    #[test]
    fn processes_carry_the_instance_named_above_them() {
        let log = parse(TWO).unwrap();
        let processes = log.gpus[0].processes(0).unwrap();
        assert_eq!(processes[0].instance, Some((9, 1)));
        assert_eq!(processes[0].kind, ContextKind::MpsClient);
        assert_eq!(processes[0].memory_bytes, Some(3 << 20));
        assert_eq!((processes[1].kind, processes[1].memory_bytes), (ContextKind::Graphics, None));
        assert_eq!(log.gpus[1].processes(1), Some(vec![]));
    }
}
