//! Figures of the page beside the vendor's: one table of what is the same thing under two names.
//!
//! A fixed figure must agree in every round. A moving one (power, use, clocks) is a sample of its
//! own on each side: it must agree in one round at least, and the report says in how many.

use std::collections::BTreeMap;

use super::page::Page;
use super::smi::{Answers, Process};

/// One figure under both of its names.
pub(super) struct Figure {
    /// Family or label on the page.
    pub ours: Ours,
    /// Field of `--query-gpu`.
    pub smi: &'static str,
    /// Largest difference that is still the same reading, in the page's unit.
    tolerance: f64,
    /// Whether it may change between two looks.
    moves: bool,
}

/// Where a figure stands on the page.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ours {
    /// The value of this family.
    Family(&'static str),
    /// This label of the device series.
    Label(&'static str),
}

const fn moving(family: &'static str, smi: &'static str, tolerance: f64) -> Figure {
    Figure { ours: Ours::Family(family), smi, tolerance, moves: true }
}

const fn fixed(family: &'static str, smi: &'static str) -> Figure {
    Figure { ours: Ours::Family(family), smi, tolerance: 0.0, moves: false }
}

const fn label(label: &'static str, smi: &'static str) -> Figure {
    Figure { ours: Ours::Label(label), smi, tolerance: 0.0, moves: false }
}

/// Tolerances: a clock step is 15 MHz, the memory figures are cut to MiB on both sides, power and
/// use may be one driver sample apart.
pub(super) const FIGURES: &[Figure] = &[
    label("modelName", "name"),
    label("DCGM_FI_DRIVER_VERSION", "driver_version"),
    label("DCGM_FI_DEV_SERIAL", "serial"),
    moving("DCGM_FI_DEV_SM_CLOCK", "clocks.current.sm", 15.0),
    moving("DCGM_FI_DEV_MEM_CLOCK", "clocks.current.memory", 15.0),
    moving("DCGM_FI_DEV_GPU_TEMP", "temperature.gpu", 1.0),
    moving("DCGM_FI_DEV_MEMORY_TEMP", "temperature.memory", 1.0),
    moving("DCGM_FI_DEV_POWER_USAGE", "power.draw", 5.0),
    moving("DCGM_FI_DEV_PSTATE", "pstate", 0.0),
    moving("DCGM_FI_DEV_GPU_UTIL", "utilization.gpu", 2.0),
    moving("DCGM_FI_DEV_MEM_COPY_UTIL", "utilization.memory", 2.0),
    moving("DCGM_FI_DEV_ENC_UTIL", "utilization.encoder", 2.0),
    moving("DCGM_FI_DEV_DEC_UTIL", "utilization.decoder", 2.0),
    fixed("DCGM_FI_DEV_FB_TOTAL", "memory.total"),
    moving("DCGM_FI_DEV_FB_FREE", "memory.free", 1.0),
    moving("DCGM_FI_DEV_FB_USED", "memory.used", 1.0),
    moving("DCGM_FI_DEV_FB_RESERVED", "memory.reserved", 1.0),
    fixed("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "ecc.errors.corrected.aggregate.total"),
    fixed("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "ecc.errors.uncorrected.aggregate.total"),
    fixed("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "remapped_rows.correctable"),
    fixed("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "remapped_rows.uncorrectable"),
];

/// Means of use over the same seconds may differ by that many points: the vendor looks once a second
/// at the newest window, which is shorter or longer than that.
const USE_TOLERANCE: f64 = 10.0;

/// GPU index, PID and SM use in per cent, of one look.
pub(super) type Use = (String, u32, f64);

/// Mean SM use of each process: looks of the vendor beside looks at the page, over the same time.
/// The vendor does not list a process without use: absent from its look is none in its mean. A
/// process that began or ended meanwhile is left out.
pub(super) fn mean_use(smi: &[Use], looks: usize, ours: &[Vec<Use>]) -> Vec<Verdict> {
    if smi.is_empty() {
        return Vec::new();
    }
    let mut means: BTreeMap<(String, u32), [f64; 2]> = BTreeMap::new();
    for (gpu, pid, percent) in smi {
        means.entry((gpu.clone(), *pid)).or_default()[0] += percent / count(looks);
    }
    for (gpu, pid, percent) in ours.iter().flatten() {
        means.entry((gpu.clone(), *pid)).or_default()[1] += percent / count(ours.len());
    }
    let verdict = |((gpu, pid), [smi, ours]): (&(String, u32), &[f64; 2])| {
        let agreed = usize::from((smi - ours).abs() <= USE_TOLERANCE);
        let last = format!("mean {smi:.1} there, {ours:.1} here");
        let what = format!("{gpu} mean SM use of PID {pid}");
        Verdict { what, agreed, rounds: 1, moves: true, last: Some(last) }
    };
    let stayed = |key: &(String, u32)| {
        let has =
            |look: &&Vec<Use>| look.iter().any(|(gpu, pid, _)| (gpu, pid) == (&key.0, &key.1));
        let looks = ours.iter().filter(has).count();
        looks == 0 || looks == ours.len()
    };
    means.iter().filter(|(key, _)| stayed(key)).map(verdict).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few looks")]
fn count(looks: usize) -> f64 {
    looks.max(1) as f64
}

/// What came of one figure on one GPU.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// `0 DCGM_FI_DEV_POWER_USAGE`.
    pub what: String,
    /// Rounds in which both sides said the same.
    pub agreed: usize,
    /// Rounds in which both could be asked.
    pub rounds: usize,
    /// Whether one round is enough.
    pub moves: bool,
    /// The last disagreement.
    pub last: Option<String>,
}

impl Verdict {
    /// Whether the figure holds.
    pub(super) fn agrees(&self) -> bool {
        if self.moves { self.agreed > 0 } else { self.agreed == self.rounds }
    }
}

/// Compare one round and add it to the verdicts.
pub(super) fn round(verdicts: &mut Vec<Verdict>, before: &Page, smi: &Answers, after: &Page) {
    for gpu in &smi.gpus {
        let (Some(index), Some(uuid)) = (gpu.get("index"), gpu.get("uuid")) else { continue };
        for figure in FIGURES {
            let Some(said) = gpu.get(figure.smi) else { continue };
            if mig_hides(figure, gpu.get("mig.mode.current")) {
                continue;
            }
            let ours = [before, after].map(|page| value(page, figure, uuid));
            let what = format!("{index} {}", figure.name());
            let fault = if is_absent(said) {
                ours.iter().any(Option::is_some).then(|| format!("{said} there, {ours:?} here"))
            } else {
                disagreement(figure, said, &ours)
            };
            add(verdicts, what, figure.moves, fault);
        }
    }
    let (before, after) = (before.processes(), after.processes());
    let fault = who_fault(&smi.processes, &before, &after);
    add(verdicts, "compute processes: GPU and PID".to_owned(), true, fault);
    let fault = memory_fault(&smi.processes, &before, &after);
    add(verdicts, "compute processes: memory".to_owned(), true, fault);
}

impl Figure {
    fn name(&self) -> &'static str {
        match self.ours {
            Ours::Family(name) | Ours::Label(name) => name,
        }
    }
}

/// Under MIG these are absent at GPU level, or stand per instance.
fn mig_hides(figure: &Figure, mode: Option<&String>) -> bool {
    let per_instance = ["memory.", "utilization."].iter().any(|part| figure.smi.starts_with(part));
    per_instance && mode.is_some_and(|mode| mode == "Enabled")
}

fn is_absent(said: &str) -> bool {
    said.starts_with('[') || said == "N/A" || said.is_empty()
}

fn value(page: &Page, figure: &Figure, uuid: &str) -> Option<String> {
    match figure.ours {
        Ours::Family(family) => {
            page.of_gpu(family, uuid).first().map(|sample| sample.value.to_string())
        }
        Ours::Label(label) => page.label_of_gpu(label, uuid),
    }
}

fn disagreement(figure: &Figure, said: &str, ours: &[Option<String>; 2]) -> Option<String> {
    let agree = match figure.ours {
        Ours::Label(_) => ours.iter().all(|ours| ours.as_deref() == Some(said)),
        Ours::Family(_) => between(figure.tolerance, said, ours),
    };
    let shown = |ours: &Option<String>| ours.clone().unwrap_or_else(|| "absent".to_owned());
    (!agree).then(|| format!("{said} there, {} and {} here", shown(&ours[0]), shown(&ours[1])))
}

fn between(tolerance: f64, said: &str, ours: &[Option<String>; 2]) -> bool {
    let number = |text: &str| text.trim_start_matches('P').parse::<f64>().ok();
    let ours: Vec<f64> = ours.iter().flatten().filter_map(|text| number(text)).collect();
    let (Some(said), [a, b]) = (number(said), ours.as_slice()) else { return false };
    said >= a.min(*b) - tolerance && said <= a.max(*b) + tolerance
}

/// Processes come and go: the vendor's list must be that of one of the two pages.
fn who_fault(smi: &[Process], before: &[Process], after: &[Process]) -> Option<String> {
    let who = |processes: &[Process]| -> Vec<(String, u32)> {
        processes.iter().map(|process| (process.gpu_uuid.clone(), process.pid)).collect()
    };
    let (smi, before, after) = (who(smi), who(before), who(after));
    (smi != before && smi != after).then(|| {
        let missing: Vec<_> = smi.iter().filter(|process| !after.contains(process)).collect();
        let extra: Vec<_> = after.iter().filter(|process| !smi.contains(process)).collect();
        format!("only there: {missing:?}; only here: {extra:?}")
    })
}

/// Memory of each process that both pages know, in MiB, one more or less for the cutting.
fn memory_fault(smi: &[Process], before: &[Process], after: &[Process]) -> Option<String> {
    let of = |processes: &[Process], wanted: &Process| {
        let same = |p: &&Process| p.pid == wanted.pid && p.gpu_uuid == wanted.gpu_uuid;
        processes.iter().find(same).map(|process| process.memory_mib)
    };
    smi.iter().find_map(|process| {
        let (Some(a), Some(b)) = (of(before, process), of(after, process)) else { return None };
        let agree = match (process.memory_mib, a, b) {
            (Some(said), Some(a), Some(b)) => {
                (a.min(b).saturating_sub(1)..=a.max(b) + 1).contains(&said)
            }
            (None, None, None) => true,
            _ => false,
        };
        let (pid, said) = (process.pid, process.memory_mib);
        (!agree).then(|| format!("PID {pid}: {said:?} there, {a:?} and {b:?} here"))
    })
}

fn add(verdicts: &mut Vec<Verdict>, what: String, moves: bool, fault: Option<String>) {
    let at = verdicts.iter().position(|verdict| verdict.what == what).unwrap_or_else(|| {
        verdicts.push(Verdict { what, agreed: 0, rounds: 0, moves, last: None });
        verdicts.len() - 1
    });
    let verdict = &mut verdicts[at];
    verdict.rounds += 1;
    match fault {
        None => verdict.agreed += 1,
        Some(fault) => verdict.last = Some(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(watts: &str) -> Page {
        let text = format!(
            "# TYPE DCGM_FI_DEV_POWER_USAGE gauge\n\
             DCGM_FI_DEV_POWER_USAGE{{gpu=\"0\",UUID=\"GPU-1\",modelName=\"M\"}} {watts}\n"
        );
        Page::of(&text).unwrap()
    }

    fn answers(fields: &[(&'static str, &str)]) -> Answers {
        let identity = [("index", "0"), ("uuid", "GPU-1")];
        let gpu: BTreeMap<&'static str, String> = identity
            .iter()
            .chain(fields)
            .map(|(field, value)| (*field, (*value).to_owned()))
            .collect();
        Answers { gpus: vec![gpu], processes: Vec::new() }
    }

    fn verdict(smi: &Answers, before: &Page, after: &Page, what: &str) -> Verdict {
        let mut verdicts = Vec::new();
        round(&mut verdicts, before, smi, after);
        verdicts.into_iter().find(|verdict| verdict.what == what).unwrap()
    }

    const POWER: &str = "0 DCGM_FI_DEV_POWER_USAGE";

    #[test]
    fn a_moving_figure_may_lie_between_two_looks() {
        let smi = answers(&[("power.draw", "350.20")]);
        assert!(verdict(&smi, &page("300"), &page("400"), POWER).agrees());
        let wrong = verdict(&smi, &page("100"), &page("120"), POWER);
        assert!(!wrong.agrees());
        assert_eq!(wrong.last.unwrap(), "350.20 there, 100 and 120 here");
    }

    #[test]
    fn what_the_vendor_cannot_read_must_be_absent_here() {
        let smi = answers(&[("power.draw", "[N/A]")]);
        assert!(!verdict(&smi, &page("0"), &page("0"), POWER).agrees());
        let empty = Page::of("").unwrap();
        assert!(verdict(&smi, &empty, &empty, POWER).agrees());
    }

    #[test]
    fn a_label_must_be_the_same_word() {
        let what = "0 modelName";
        assert!(verdict(&answers(&[("name", "M")]), &page("1"), &page("1"), what).agrees());
        assert!(!verdict(&answers(&[("name", "N")]), &page("1"), &page("1"), what).agrees());
    }

    #[test]
    fn figures_of_a_gpu_in_instances_are_not_compared_with_the_whole() {
        let smi = answers(&[("memory.total", "81559"), ("mig.mode.current", "Enabled")]);
        let mut verdicts = Vec::new();
        round(&mut verdicts, &page("1"), &smi, &page("1"));
        assert!(verdicts.iter().all(|verdict| !verdict.what.contains("FB_TOTAL")));
    }

    #[test]
    fn means_of_use_are_compared_over_the_same_time() {
        let of = |pid, percent| ("0".to_owned(), pid, percent);
        let smi = [of(7, 99.0), of(8, 80.0), of(8, 80.0)];
        let ours = [vec![of(7, 60.0)], vec![of(7, 50.0), of(9, 90.0)]];
        let verdicts = mean_use(&smi, 2, &ours);
        assert!(verdicts[0].agrees(), "49.5 and 55");
        assert!(!verdicts[1].agrees());
        assert_eq!(verdicts[1].last.as_deref(), Some("mean 80.0 there, 0.0 here"));
        assert_eq!(verdicts.len(), 2, "9 began meanwhile");
        assert!(mean_use(&[], 2, &ours).is_empty(), "the vendor cannot read use here");
    }

    fn process(pid: u32, memory_mib: Option<u64>) -> Process {
        Process { gpu_uuid: "GPU-1".to_owned(), pid, memory_mib }
    }

    #[test]
    fn a_process_that_only_one_side_lists_is_named() {
        let fault = who_fault(&[process(7, Some(1))], &[], &[]).unwrap();
        assert!(fault.contains('7'), "{fault}");
        assert!(who_fault(&[process(7, Some(1))], &[process(7, Some(9))], &[]).is_none());
    }

    #[test]
    fn memory_may_lie_between_two_looks_and_unknown_is_not_zero() {
        let fault =
            |said, a, b| memory_fault(&[process(7, said)], &[process(7, a)], &[process(7, b)]);
        assert!(fault(Some(150), Some(100), Some(200)).is_none());
        assert!(fault(Some(250), Some(100), Some(200)).is_some());
        assert!(fault(None, Some(0), Some(0)).is_some());
        assert!(fault(None, None, None).is_none());
    }
}
