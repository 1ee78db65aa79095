//! The machine's `nvidia-smi` output as one file, in the form that tests replay: a header, then
//! sections, each with its state, its name and the command that gave it.

use super::Findings;
use super::mask::Mask;
use super::smi::Smi;

const RULE: &str =
    "################################################################################";

/// What is asked once.
const CAPABILITIES: &[(&str, &[&str])] = &[
    ("version", &["--version"]),
    ("help-query-gpu", &["--help-query-gpu"]),
    ("help-query-compute-apps", &["--help-query-compute-apps"]),
    ("list (-L)", &["-L"]),
    ("topo -m", &["topo", "-m"]),
    ("nvlink -s", &["nvlink", "-s"]),
];

const COMPUTE_APPS: &str = "--query-compute-apps=timestamp,gpu_name,gpu_bus_id,gpu_serial,gpu_uuid,\
                            pid,process_name,used_gpu_memory";

/// What the tool says in one state of the machine.
pub(super) fn sections(smi: &Smi, state: &str) -> String {
    let query = format!("--query-gpu={}", fields(smi).join(","));
    let commands: [(&str, Vec<&str>); 5] = [
        ("nvidia-smi (default table)", vec![]),
        ("query (-q)", vec!["-q"]),
        ("query-gpu (csv, what the exporter parses)", vec![&query, "--format=csv"]),
        ("query-compute-apps (per-process)", vec![COMPUTE_APPS, "--format=csv"]),
        ("pmon (per-process monitor)", vec!["pmon", "-c", "5"]),
    ];
    commands.iter().map(|(name, arguments)| section(smi, state, name, arguments)).collect()
}

/// The whole file, masked.
pub(super) fn file(smi: &Smi, findings: &Findings, states: &[String; 2]) -> String {
    let capabilities: String = CAPABILITIES
        .iter()
        .map(|(name, arguments)| section(smi, "capabilities", name, arguments))
        .collect();
    let text = format!("{}{capabilities}{}{}", header(findings), states[0], states[1]);
    Mask::default().text(&text, &serials(smi))
}

fn header(findings: &Findings) -> String {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let real = if findings.simulated { "no, simulated" } else { "yes" };
    format!(
        "{RULE}\n# gpulse GPU capture, by `cargo xtask gpu-check`\n{RULE}\n\
         real:           {real}\nmasked:         yes\nos:             {os}\n\
         arch:           {arch}\nload:           {}\n\n\n",
        findings.load
    )
}

fn section(smi: &Smi, state: &str, name: &str, arguments: &[&str]) -> String {
    let said = smi.run(arguments).unwrap_or_else(|error| format!("(not available: {error:#})"));
    let command = arguments.join(" ");
    format!("{RULE}\n# {state} :: {name}\n# $ nvidia-smi {command}\n{RULE}\n{said}\n\n\n")
}

/// Fields that this tool knows, by its own help: quoted names at the beginning of a line.
fn fields(smi: &Smi) -> Vec<String> {
    let help = smi.run(&["--help-query-gpu"]).unwrap_or_default();
    let found: Vec<String> = field_names(&help).collect();
    if found.is_empty() {
        // A tool without that help still answers what the comparison asks.
        let asked = super::compare::FIGURES.iter().map(|figure| figure.smi.to_owned());
        return ["index", "uuid", "pci.bus_id"]
            .map(str::to_owned)
            .into_iter()
            .chain(asked)
            .collect();
    }
    found
}

fn field_names(help: &str) -> impl Iterator<Item = String> {
    // `"utilization.gpu" or "old.name"`: the first name of each line.
    help.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix('"')?.split_once('"')?;
        Some(name.to_owned())
    })
}

fn serials(smi: &Smi) -> Vec<String> {
    let said = smi.run(&["--query-gpu=serial", "--format=csv,noheader"]).unwrap_or_default();
    let serials = said.lines().map(str::trim);
    serials
        .filter(|serial| serial.len() > 4 && !serial.starts_with('['))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_own_help_names_its_fields() {
        let help = "Section about clocks\n\"clocks.current.sm\" or \"clocks.sm\"\nCurrent clock.\n\n\
                    \"pstate\"\nThe state \"P0\".\n";
        assert_eq!(field_names(help).collect::<Vec<_>>(), ["clocks.current.sm", "pstate"]);
    }
}
