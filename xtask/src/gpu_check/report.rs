//! What a run found, for the terminal and for `docs/hardware.md`.

use std::fmt::Write as _;

use super::Findings;
use super::compare::Verdict;

/// Calls that a report lists.
const SLOWEST: usize = 12;

const TITLE: &str = "# On real hardware\n";
const INTRO: &str = "\
Written by `cargo xtask gpu-check`, one part per model and driver. Each figure of `gpulse exporter` was
compared with `nvidia-smi` of the same seconds; the output of `nvidia-smi` is kept in `captures/`.
";

/// The report of one machine.
pub(super) fn text(findings: &Findings) -> String {
    let mut text = heading(findings) + "\n";
    let kind = if findings.simulated {
        "the simulated driver: proves the path, not the driver"
    } else {
        "real hardware"
    };
    let _ = writeln!(text, "On {kind}. Load: {}.\n", findings.load);
    figures(&mut text, &findings.verdicts);
    let _ = writeln!(
        text,
        "Exporter: {:.2} % of a core, {:.1} MB resident.\n",
        findings.cpu_percent, findings.resident_megabytes
    );
    calls(&mut text, findings);
    text
}

fn heading(findings: &Findings) -> String {
    format!("## {}\n", findings.machine)
}

fn figures(text: &mut String, verdicts: &[Verdict]) {
    let wrong: Vec<_> = verdicts.iter().filter(|verdict| !verdict.agrees()).collect();
    let _ =
        writeln!(text, "{} figures agree, {} do not.\n", verdicts.len() - wrong.len(), wrong.len());
    text.push_str("| GPU, figure | rounds that agree | last difference |\n|---|---|---|\n");
    for verdict in verdicts {
        let mark = if verdict.agrees() { "" } else { " **no**" };
        let last = verdict.last.as_deref().unwrap_or("").replace('|', "/");
        let Verdict { what, agreed, rounds, .. } = verdict;
        let _ = writeln!(text, "| {what} | {agreed} of {rounds}{mark} | {last} |");
    }
    text.push('\n');
}

fn calls(text: &mut String, findings: &Findings) {
    text.push_str("| driver call | times | mean ms |\n|---|---|---|\n");
    for call in findings.calls.iter().take(SLOWEST) {
        let _ = writeln!(text, "| {} | {} | {:.3} |", call.name, call.times, call.mean_ms);
    }
}

/// The page with this machine's part put in or replaced. What said that nothing is confirmed yet
/// goes with the first real part.
pub(super) fn page(old: &str, findings: &Findings) -> String {
    let ours = heading(findings);
    let mut parts: Vec<String> = old
        .split("\n## ")
        .skip(1)
        .map(|part| format!("## {}\n", part.trim_end()))
        .filter(|part| !part.starts_with(ours.trim_end()))
        .collect();
    parts.push(text(findings).trim_end().to_owned() + "\n");
    format!("{TITLE}\n{INTRO}\n{}", parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu_check::page::Call;
    use crate::gpu_check::smi::Machine;

    fn findings(driver: &str) -> Findings {
        let what = "0 DCGM_FI_DEV_PSTATE".to_owned();
        Findings {
            machine: Machine { model: "M".to_owned(), driver: driver.to_owned(), gpus: 2 },
            simulated: false,
            load: "none".to_owned(),
            verdicts: vec![Verdict { what, agreed: 3, rounds: 3, moves: true, last: None }],
            calls: vec![Call { name: "f".to_owned(), times: 4.0, mean_ms: 0.25 }],
            cpu_percent: 0.2,
            resident_megabytes: 9.0,
        }
    }

    #[test]
    fn a_first_run_replaces_the_page_that_confirmed_nothing() {
        let page = page("# On real hardware\n\n**Still to be confirmed.** …\n", &findings("590"));
        assert!(!page.contains("Still to be confirmed"));
        assert!(page.contains("## 2 x M, driver 590\n"));
        assert!(page.contains("| 0 DCGM_FI_DEV_PSTATE | 3 of 3 |"));
    }

    #[test]
    fn a_second_run_replaces_its_own_part_and_keeps_others() {
        let first = page("", &findings("590"));
        let second = page(&first, &findings("610"));
        let third = page(&second, &findings("610"));
        assert_eq!(second, third);
        assert_eq!(third.matches("## 2 x M").count(), 2);
    }
}
