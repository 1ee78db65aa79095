//! The sections of a capture, and what each says.

use std::collections::HashMap;

/// Which half of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing runs.
    Idle,
    /// Under the capture's load.
    Load,
}

impl Phase {
    /// As the sections are named.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Load => "load",
        }
    }
}

/// A capture, cut into its sections.
#[derive(Debug)]
pub struct Capture<'a> {
    sections: Vec<Section<'a>>,
}

#[derive(Debug)]
struct Section<'a> {
    /// `idle`, `load`, `capabilities`.
    part: &'a str,
    /// The arguments of the command it shows.
    command: &'a str,
    lines: Vec<&'a str>,
}

/// One GPU's row of the query, by field.
#[derive(Debug, Clone)]
pub(super) struct GpuRow {
    cells: HashMap<String, String>,
}

impl GpuRow {
    /// A field's text; `None` for what is not there or not available.
    pub(super) fn text(&self, field: &str) -> Option<&str> {
        let cell = self.cells.get(field)?.as_str();
        let absent = cell.is_empty() || cell.starts_with('[') || cell == "N/A";
        (!absent).then_some(cell)
    }

    /// A field as it was printed.
    #[cfg(test)]
    pub(super) fn printed(&self, field: &str) -> Option<&str> {
        self.cells.get(field).map(String::as_str)
    }

    /// The number that a field's text begins with.
    pub(super) fn number(&self, field: &str) -> Option<f64> {
        self.text(field)?.split_whitespace().next()?.parse().ok()
    }
}

/// One process, as the table lists it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ListedProcess {
    pub(super) gpu: usize,
    /// GPU- and compute-instance id.
    pub(super) instance: Option<(u32, u32)>,
    pub(super) pid: u32,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) memory_mib: Option<f64>,
}

/// One MIG device, as the table lists it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MigRow {
    pub(super) number: u32,
    pub(super) ids: (u32, u32),
    pub(super) profile: String,
    pub(super) used_mib: f64,
    pub(super) total_mib: f64,
    pub(super) bar1_mib: f64,
    /// SMs, copy engines, encoders, decoders, OFA, JPEG.
    pub(super) counts: Vec<u32>,
}

impl<'a> Capture<'a> {
    /// Cut a text into sections: a line `# part :: name`, then `# $ nvidia-smi ...`.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut sections: Vec<Section<'a>> = Vec::new();
        let mut in_head = false;
        for line in text.lines() {
            if let Some((part, _)) =
                line.strip_prefix("# ").and_then(|line| line.split_once(" :: "))
            {
                sections.push(Section { part, command: "", lines: Vec::new() });
                in_head = true;
                continue;
            }
            let Some(section) = sections.last_mut() else { continue };
            if in_head && line.starts_with("# $ ") {
                section.command = line[4..].trim();
            } else if line.starts_with("#####") {
                in_head = false;
            } else if !in_head {
                section.lines.push(line);
            }
        }
        Self { sections }
    }

    /// A capture of one section alone: a printed table.
    #[cfg(test)]
    pub(super) fn parse_table(table: &'a str, phase: Phase) -> Self {
        let lines = table.lines().collect();
        Self { sections: vec![Section { part: phase.name(), command: "nvidia-smi", lines }] }
    }

    /// The lines of the section whose command's arguments begin so.
    fn section(&self, part: &str, arguments: &str) -> &[&'a str] {
        let found = self.sections.iter().find(|section| {
            let rest = section.command.split_once(' ').map_or("", |(_, rest)| rest.trim());
            let same =
                if arguments.is_empty() { rest.is_empty() } else { rest.starts_with(arguments) };
            section.part == part && section.command.starts_with("nvidia-smi") && same
        });
        found.map_or(&[], |section| &section.lines)
    }

    /// The rows of `--query-gpu`.
    pub(super) fn gpus(&self, phase: Phase) -> Vec<GpuRow> {
        rows(self.section(phase.name(), "--query-gpu="))
    }

    /// 13.1 is 13010.
    pub(super) fn cuda(&self, phase: Phase) -> Option<i32> {
        let line = self.section(phase.name(), "").iter().find(|line| line.contains("CUDA "))?;
        let version = line.rsplit_once("Version:")?.1.trim().trim_end_matches('|').trim();
        let (major, minor) = version.split_once('.')?;
        Some(major.parse::<i32>().ok()? * 1000 + minor.parse::<i32>().ok()? * 10)
    }

    /// Processes of the table, with whole names where the query has them.
    pub(super) fn processes(&self, phase: Phase) -> Vec<ListedProcess> {
        let lines = self.section(phase.name(), "");
        let from = lines.iter().position(|line| line.contains("Processes:")).unwrap_or(lines.len());
        let full = self.section(phase.name(), "--query-compute-apps=");
        let names: HashMap<u32, String> = rows(full)
            .iter()
            .filter_map(|row| {
                Some((row.text("pid")?.parse().ok()?, row.text("process_name")?.to_owned()))
            })
            .collect();
        let mut processes: Vec<ListedProcess> =
            lines[from..].iter().filter_map(|line| listed_process(line)).collect();
        for process in &mut processes {
            if let Some(name) = names.get(&process.pid) {
                process.name.clone_from(name);
            }
        }
        processes
    }

    /// MIG devices of a GPU.
    pub(super) fn mig(&self, phase: Phase, gpu: usize) -> Vec<MigRow> {
        let lines = self.section(phase.name(), "");
        let Some(from) = lines.iter().position(|line| line.contains("MIG devices:")) else {
            return Vec::new();
        };
        let profiles = self.profiles(gpu);
        let mut found = Vec::new();
        for pair in lines[from..].windows(2) {
            if pair[0].contains("Processes:") {
                break;
            }
            found.extend(mig_row(pair, gpu, &profiles));
        }
        found
    }

    /// Profiles by number of the MIG device, from `-L`.
    fn profiles(&self, gpu: usize) -> HashMap<u32, String> {
        let mut profiles = HashMap::new();
        let mut at = None;
        for line in self.section("capabilities", "-L") {
            if let Some(rest) = line.strip_prefix("GPU ") {
                at = rest.split(':').next().and_then(|index| index.trim().parse::<usize>().ok());
            } else if let Some(rest) = line.trim().strip_prefix("MIG ")
                && at == Some(gpu)
            {
                let mut words = rest.split_whitespace();
                let profile = words.next().unwrap_or_default();
                let number = words.find_map(|word| word.trim_end_matches(':').parse().ok());
                profiles.extend(number.map(|number| (number, profile.to_owned())));
            }
        }
        profiles
    }

    /// `Replays Since Reset` of a GPU.
    pub(super) fn replays(&self, phase: Phase, gpu: usize) -> Option<u32> {
        let lines = self.section(phase.name(), "-q");
        let mut found = lines.iter().filter(|line| line.trim().starts_with("Replays Since Reset"));
        found.nth(gpu)?.rsplit_once(':')?.1.trim().parse().ok()
    }

    /// A process's column of `pmon`, one entry per look.
    pub(super) fn looks(
        &self,
        phase: Phase,
        gpu: usize,
        pid: u32,
        column: &str,
    ) -> Vec<Option<u32>> {
        let lines = self.section(phase.name(), "pmon");
        let titles = lines.iter().find(|line| line.starts_with("# gpu"));
        let titles = titles.map_or("", |line| line.trim_start_matches('#'));
        let Some(place) = titles.split_whitespace().position(|title| title == column) else {
            return Vec::new();
        };
        lines
            .iter()
            .filter_map(|line| {
                let cells: Vec<&str> = line.split_whitespace().collect();
                let mine = cells.first()?.parse() == Ok(gpu) && cells.get(1)?.parse() == Ok(pid);
                mine.then(|| cells.get(place).and_then(|cell| cell.parse().ok()))
            })
            .collect()
    }
}

/// Rows under a header of field names; units in brackets are dropped from the names.
fn rows(lines: &[&str]) -> Vec<GpuRow> {
    let mut lines = lines.iter().filter(|line| !line.trim().is_empty());
    let Some(header) = lines.next() else { return Vec::new() };
    let names: Vec<&str> =
        header.split(',').map(|name| name.split('[').next().unwrap_or(name).trim()).collect();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(", ").map(str::trim).collect();
            let pairs = names.iter().zip(cells);
            let cells = pairs.map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect();
            GpuRow { cells }
        })
        .collect()
}

/// `|    0   N/A  N/A           11327      C   /root/tools/memhog      2566MiB |`
fn listed_process(line: &str) -> Option<ListedProcess> {
    let inside = line.strip_prefix('|')?.trim_end().strip_suffix('|')?;
    let (front, memory) = inside.trim_end().rsplit_once(char::is_whitespace)?;
    let mut words = front.split_whitespace();
    let gpu = words.next()?.parse().ok()?;
    let (instance, compute) = (words.next()?, words.next()?);
    let pid = words.next()?.parse().ok()?;
    let kind = words.next()?.to_owned();
    let name = words.collect::<Vec<_>>().join(" ");
    let ids = instance.parse().ok().zip(compute.parse().ok());
    let memory_mib = memory.strip_suffix("MiB").and_then(|number| number.parse().ok());
    Some(ListedProcess { gpu, instance: ids, pid, kind, name, memory_mib })
}

/// The two lines of a MIG device.
fn mig_row(pair: &[&str], gpu: usize, profiles: &HashMap<u32, String>) -> Option<MigRow> {
    let columns: Vec<&str> = pair[0].split('|').map(str::trim).collect();
    let ids: Vec<u32> =
        columns.get(1)?.split_whitespace().map(|id| id.parse().ok()).collect::<Option<_>>()?;
    let [index, instance, compute, number] = ids.as_slice() else { return None };
    if usize::try_from(*index) != Ok(gpu) {
        return None;
    }
    let (used_mib, total_mib) = used_and_total(columns.get(2)?)?;
    let below: Vec<&str> = pair[1].split('|').map(str::trim).collect();
    let (_, bar1_mib) = used_and_total(below.get(2)?)?;
    let mut counts: Vec<u32> =
        columns.get(3)?.split_whitespace().take(1).filter_map(|c| c.parse().ok()).collect();
    counts.extend(columns.get(4)?.split_whitespace().filter_map(|count| count.parse::<u32>().ok()));
    Some(MigRow {
        number: *number,
        ids: (*instance, *compute),
        profile: profiles.get(number)?.clone(),
        used_mib,
        total_mib,
        bar1_mib,
        counts,
    })
}

/// `26MiB / 40448MiB`.
fn used_and_total(text: &str) -> Option<(f64, f64)> {
    let (used, total) = text.split_once('/')?;
    let number = |text: &str| text.trim().strip_suffix("MiB")?.parse().ok();
    Some((number(used)?, number(total)?))
}
