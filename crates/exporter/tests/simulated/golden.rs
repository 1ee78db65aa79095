//! Golden pages: simulated machines at a fixed instant, byte for byte.
//!
//! `GPULSE_BLESS=1 cargo test -p exporter --test simulated golden` writes the files anew; the diff
//! is the review. What depends on the machine that runs the test (durations of calls, cost of the process,
//! the random name of the run) is left out or masked.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use exporter::page::{self, Style};
use exporter::{Parts, Snapshot};
use model::text::parse;

use crate::watched::Watched;

/// Families whose values no world determines.
const LEFT_OUT: [&str; 5] = [
    "gpulse_podresources_age_seconds",
    "gpulse_driver_calls_total",
    "gpulse_driver_call_seconds_total",
    "gpu_xid_last_time_seconds",
    "process_",
];

fn golden(scenario: &str, age: Duration) {
    let mut watched = Watched::new(scenario, age);
    let snapshot = watched.run(Duration::from_secs(40));
    compare(scenario, &snapshot, &Style::default());
}

/// The complete page of a snapshot against the file of that name.
pub(crate) fn compare(name: &str, snapshot: &Snapshot, style: &Style) {
    let page = page::render(snapshot, Parts::default(), style);
    let families = parse(&page).unwrap();
    assert!(!families.is_empty());
    let page = masked(&page);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.prom"));
    if std::env::var_os("GPULSE_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if let Some(line) = first_difference(&expected, &page) {
        let made = std::env::temp_dir().join(format!("gpulse-golden-{name}.prom"));
        fs::write(&made, &page).unwrap();
        panic!("{} differs from {}: {line}", path.display(), made.display());
    }
}

fn masked(page: &str) -> String {
    let about_left_out = |line: &str| {
        let line = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        LEFT_OUT.iter().any(|name| line.starts_with(name))
    };
    page.lines().filter(|line| !about_left_out(line)).map(|line| mask_run(line) + "\n").collect()
}

/// The run's name is random: six characters after `run="`.
fn mask_run(line: &str) -> String {
    let Some(at) = line.find("run=\"") else { return line.to_owned() };
    let (before, run) = line.split_at(at + 5);
    format!("{before}RUNRUN{}", &run[6..])
}

fn first_difference(expected: &str, page: &str) -> Option<String> {
    let (mut left, mut right) = (expected.lines(), page.lines());
    (1..).find_map(|number| match (left.next(), right.next()) {
        (None, None) => Some(None),
        (left, right) if left == right => None,
        (left, right) => Some(Some(format!("line {number}: {left:?} is now {right:?}"))),
    })?
}

/// World age of most goldens: long enough for temperatures and counters to be off zero.
const AGE: Duration = Duration::from_secs(900);

#[test]
fn eight_busy_gpus() {
    golden("h100x8-busy", AGE);
}

#[test]
fn s1_15_mig_instances_beside_whole_gpus() {
    golden("h100-mixed", AGE);
}

#[test]
fn a_workstation_with_graphics_and_encoder() {
    golden("rtx2080s-encode", AGE);
}

#[test]
fn s2_27_no_gpu() {
    golden("no-gpu", AGE);
}

#[test]
fn a_gpu_that_was_lost_while_it_was_watched() {
    // The scenario loses GPU 0 at 90 s.
    golden("fault-lost", Duration::from_secs(60));
}

#[test]
fn a_page_at_one_instant_is_the_same_twice() {
    let page =
        |snapshot: &Snapshot| masked(&page::render(snapshot, Parts::default(), &Style::default()));
    let once = page(&Watched::new("h100-mixed", AGE).run(Duration::from_secs(20)));
    let again = page(&Watched::new("h100-mixed", AGE).run(Duration::from_secs(20)));
    assert_eq!(first_difference(&once, &again), None);
}
