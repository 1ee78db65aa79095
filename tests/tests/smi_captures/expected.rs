//! What a capture says, read without any code of the source under test.

use std::collections::{BTreeMap, BTreeSet};

use tests::capture::Capture;

/// Seconds before the last look, PID, and SM, memory, encoder, decoder.
pub(super) type Use = (u64, u32, [u8; 4]);
/// GPU and compute instance, type, MiB.
type Process = (Option<(u32, u32)>, String, Option<u64>);

/// What is expected of one cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Figure {
    Number(f64),
    Text(String),
    Absent,
    /// The capture says nothing exact.
    Unchecked,
}

/// One GPU of a capture.
#[derive(Debug, Default)]
pub(super) struct GpuFacts {
    pub(super) index: u32,
    pub(super) lost: bool,
    /// Columns of the CSV by the name they were asked by and by that of the header.
    csv: BTreeMap<String, String>,
    /// Entries of `-q` by path, the first of each.
    pub(super) logged: BTreeMap<String, String>,
    /// GPU instance, number and entries of each MIG device of `-q`.
    mig: Vec<(u32, u32, BTreeMap<String, String>)>,
    /// MIG UUIDs and profiles of `-L`, by number.
    listed: BTreeMap<u32, (String, String)>,
    pub(super) processes: BTreeMap<u32, Process>,
    pub(super) apps: BTreeSet<u32>,
}

pub(super) fn gpus(capture: &Capture, phase: &str) -> Vec<GpuFacts> {
    let csv = capture.section(phase, "--query-gpu=").expect("a capture has figures");
    let text = csv.text();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(", ").collect();
    let asked = csv.arguments.clone().unwrap_or_default();
    let asked = asked.trim_start_matches("--query-gpu=").split(' ').next().unwrap().to_owned();
    let asked: Vec<&str> = asked.split(',').collect();
    let logs = logs(&capture.text(phase, "-q").unwrap_or_default());
    let mut gpus = Vec::new();
    for (line, index) in lines.filter(|line| !line.is_empty()).zip(0..) {
        let cells: Vec<&str> = line.split(", ").collect();
        assert_eq!(cells.len(), header.len(), "the test reads only names without a comma");
        let mut facts =
            GpuFacts { index, lost: line.contains("[GPU is lost]"), ..GpuFacts::default() };
        for ((cell, title), field) in cells.iter().zip(&header).zip(&asked) {
            let title = title.split(" [").next().unwrap();
            facts.csv.insert(title.to_owned(), (*cell).to_owned());
            facts.csv.insert((*field).to_owned(), (*cell).to_owned());
        }
        let bus_id = facts.csv["pci.bus_id"].clone();
        if let Some((_, lines)) = logs.iter().find(|(id, _)| *id == bus_id) {
            add_log(&mut facts, lines);
        }
        add_list(&mut facts, &capture.text(phase, "-L").unwrap_or_default());
        add_apps(
            &mut facts,
            &bus_id,
            &capture.text(phase, "--query-compute-apps").unwrap_or_default(),
        );
        gpus.push(facts);
    }
    gpus
}

/// The lines of `-q` below each GPU's heading.
fn logs(text: &str) -> Vec<(String, Vec<String>)> {
    let mut logs: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("GPU ") {
            Some(bus_id) => logs.push((bus_id.trim().to_owned(), Vec::new())),
            None => {
                if let Some((_, lines)) = logs.last_mut() {
                    lines.push(line.to_owned());
                }
            }
        }
    }
    logs
}

/// Two levels of headings are enough here, apart from processes and MIG devices.
fn add_log(facts: &mut GpuFacts, lines: &[String]) {
    let mut above = [String::new(), String::new(), String::new()];
    let (mut place, mut pid) = ((None, None), None);
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        let depth = (line.len() - line.trim_start().len()) / 4;
        let (key, value) = match line.split_once(" : ") {
            Some((key, value)) => (key.trim(), value.trim()),
            None => (line.trim(), ""),
        };
        if (1..=3).contains(&depth) {
            key.clone_into(&mut above[depth - 1]);
        }
        match above[0].as_str() {
            "MIG Device" => add_mig_line(facts, depth, key, value, &above),
            "Processes" => match key {
                "GPU instance ID" => place.0 = value.parse().ok(),
                "Compute instance ID" => place.1 = value.parse().ok(),
                "Process ID" => {
                    pid = value.parse().ok();
                    let at = place.0.zip(place.1);
                    facts.processes.insert(pid.unwrap(), (at, String::new(), None));
                }
                "Type" => value.clone_into(&mut facts.processes.get_mut(&pid.unwrap()).unwrap().1),
                "Used GPU Memory" => {
                    let memory = value.split(' ').next().and_then(|number| number.parse().ok());
                    facts.processes.get_mut(&pid.unwrap()).unwrap().2 = memory;
                }
                _ => {}
            },
            _ if depth == 1 || depth == 2 => {
                let path = above[..depth].join("/");
                facts.logged.entry(path).or_insert_with(|| value.to_owned());
            }
            _ => {}
        }
    }
}

fn add_mig_line(facts: &mut GpuFacts, depth: usize, key: &str, value: &str, above: &[String; 3]) {
    match key {
        "Index" => facts.mig.push((u32::MAX, value.parse().unwrap(), BTreeMap::new())),
        "GPU Instance ID" => facts.mig.last_mut().unwrap().0 = value.parse().unwrap(),
        _ if depth == 3 => {
            let path = format!("{}/{key}", above[1]);
            facts.mig.last_mut().unwrap().2.insert(path, value.to_owned());
        }
        _ => {}
    }
}

fn add_list(facts: &mut GpuFacts, text: &str) {
    let mut gpu = u32::MAX;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("GPU ") {
            gpu = rest.split(':').next().unwrap().parse().unwrap();
        } else if gpu == facts.index {
            let words: Vec<&str> = line.split_whitespace().collect();
            let ["MIG", profile, "Device", number, "(UUID:", uuid] = words.as_slice() else {
                continue;
            };
            let number = number.trim_end_matches(':').parse().unwrap();
            let uuid = uuid.trim_end_matches(')').to_owned();
            facts.listed.insert(number, ((*profile).to_owned(), uuid));
        }
    }
}

fn add_apps(facts: &mut GpuFacts, bus_id: &str, text: &str) {
    let header: Vec<&str> = text.lines().next().unwrap_or("").split(", ").collect();
    let Some(column) = header.iter().position(|cell| *cell == "pid") else { return };
    for line in text.lines().skip(1).filter(|line| line.contains(bus_id)) {
        facts.apps.extend(line.split(", ").nth(column).and_then(|pid| pid.parse::<u32>().ok()));
    }
}

impl GpuFacts {
    /// GPU instance ids.
    pub(super) fn gpu_instances(&self) -> BTreeSet<u32> {
        self.mig.iter().map(|(id, ..)| *id).collect()
    }

    /// What a row shows for the GPU: by its column, and for some by `-q`.
    pub(super) fn figure(&self, field: u16, column: Option<&str>) -> Figure {
        let logged = |path: &str| self.logged.get(path).map_or(Figure::Absent, |raw| plain(raw));
        match field {
            202 => logged("PCI/Replays Since Reset"),
            254 => self.used_ratio(),
            500 => match self.logged.get("GPU Virtualization Mode/Virtualization Mode") {
                Some(mode) if mode == "None" => Figure::Text("0".to_owned()),
                Some(mode) if mode == "Pass-Through" => Figure::Text("1".to_owned()),
                _ => Figure::Absent,
            },
            50 | 53 | 54 => self.text(column.unwrap()),
            1 => Figure::Text(self.csv["driver_version"].clone()),
            65..=67 => match self.csv.get(column.unwrap()).map(String::as_str) {
                Some("Enabled" | "Prohibited") => Figure::Text("1".to_owned()),
                Some("Disabled" | "Default") => Figure::Text("0".to_owned()),
                Some("Exclusive_Process") => Figure::Text("2".to_owned()),
                _ => Figure::Absent,
            },
            69 | 526 => Figure::Unchecked,
            _ => column.map_or(Figure::Absent, |column| {
                self.csv.get(printed_name(column)).map_or(Figure::Absent, |raw| plain(raw))
            }),
        }
    }

    fn text(&self, column: &str) -> Figure {
        match self.csv.get(column) {
            Some(text) if !text.starts_with('[') => Figure::Text(text.clone()),
            _ => Figure::Absent,
        }
    }

    fn used_ratio(&self) -> Figure {
        let part = |column: &str| match self.csv.get(column).map(|raw| plain(raw)) {
            Some(Figure::Number(number)) => number,
            _ => 0.0,
        };
        let usable = part("memory.total") - part("memory.reserved");
        Figure::Number(part("memory.used") / usable)
    }

    /// What a row of a GPU instance shows: by `-q` and `-L`.
    pub(super) fn figure_of_instance(&self, field: u16, id: u32) -> Figure {
        let (_, number, entries) = self.mig.iter().find(|(gi, ..)| *gi == id).unwrap();
        let memory = |name: &str| {
            let path = format!("Shared FB Memory Usage/{name}");
            entries.get(&path).map_or(Figure::Absent, |raw| plain(raw))
        };
        let listed = &self.listed[number];
        match field {
            50 => Figure::Text(listed.0.rsplit("c.").next().unwrap().to_owned()),
            54 => Figure::Text(listed.1.clone()),
            250 => memory("Total"),
            251 => memory("Free"),
            252 => memory("Used"),
            253 => memory("Reserved"),
            254 => match (memory("Used"), memory("Total"), memory("Reserved")) {
                (Figure::Number(used), Figure::Number(total), Figure::Number(reserved)) => {
                    Figure::Number(used / (total - reserved))
                }
                _ => Figure::Unchecked,
            },
            _ => Figure::Absent,
        }
    }
}

/// The name in the header of a field that comes back under another name.
fn printed_name(field: &str) -> &str {
    match field {
        "clocks.sm" => "clocks.current.sm",
        "clocks.mem" => "clocks.current.memory",
        field => field,
    }
}

/// The number at the start of a figure (after `P` for a performance state), or no figure.
fn plain(raw: &str) -> Figure {
    match raw {
        "No" => return Figure::Number(0.0),
        "Yes" => return Figure::Number(1.0),
        _ => {}
    }
    let word = raw.split(' ').next().unwrap_or("").trim_start_matches('P');
    word.parse().map_or(Figure::Absent, Figure::Number)
}

/// The samples of the last `count` looks, repeated from the start if there are fewer.
pub(super) fn looks(capture: &Capture, phase: &str, gpu: u32, count: usize) -> BTreeSet<Use> {
    let text = capture.text(phase, "pmon").unwrap_or_default();
    let header = text.lines().find(|line| line.contains(" pid ")).unwrap_or("");
    let names: Vec<&str> = header.trim_start_matches('#').split_whitespace().collect();
    let at = |name: &str| names.iter().position(|n| *n == name);
    let mut looks: Vec<Vec<(u32, u32, [u8; 4])>> = Vec::new();
    let mut first = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let Some(who) = cells.get(..2) else { continue };
        let who = (who[0].to_owned(), who[1].to_owned());
        // Every look lists the same processes here, so each begins with the first of them.
        if *first.get_or_insert_with(|| who.clone()) == who {
            looks.push(Vec::new());
        }
        let share = |name: &str| at(name).and_then(|at| cells.get(at)?.parse::<u8>().ok());
        let shares = ["sm", "mem", "enc", "dec"].map(share);
        if let (Ok(pid), true) = (who.1.parse(), shares.iter().any(Option::is_some)) {
            let row = (who.0.parse().unwrap(), pid, shares.map(|share| share.unwrap_or(0)));
            looks.last_mut().unwrap().push(row);
        }
    }
    let mut seen: Vec<Use> = Vec::new();
    for (order, look) in looks.iter().cycle().take(count.min(looks.len() * count)).enumerate() {
        let ago = (count - 1 - order) as u64;
        seen.extend(look.iter().filter(|row| row.0 == gpu).map(|row| (ago, row.1, row.2)));
    }
    // Seconds are counted from the last sample, as the source's own times are not known here.
    let last = seen.iter().map(|row| row.0).min().unwrap_or(0);
    seen.into_iter().map(|(ago, pid, shares)| (ago - last, pid, shares)).collect()
}
