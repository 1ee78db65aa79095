//! Energy of sessions and GPUs against the counters of the simulated driver.

use std::time::Duration;

use exporter::page::{self, Style};
use exporter::{Parts, Snapshot};
use model::text::{Family, parse};

use crate::watched::Watched;

const TEN_MINUTES: u64 = 600;
/// Seconds are booked that much later.
const TRAILS: u64 = 11;

fn families(snapshot: &Snapshot) -> Vec<Family> {
    parse(&page::render(snapshot, Parts::default(), &Style::default())).unwrap()
}

/// The sum of a family on a GPU, whose instances' labels begin with its own.
fn sum(families: &[Family], name: &str, gpu: &str) -> f64 {
    let on_gpu = |label: &str| label == gpu || label.starts_with(&format!("{gpu}_"));
    let family = families.iter().find(|family| family.name == name);
    let samples = family.map(|family| family.samples.as_slice()).unwrap_or_default();
    let its = samples.iter().filter(|sample| sample.label("gpu").is_some_and(on_gpu));
    its.map(|sample| sample.value).sum()
}

/// Joules by the driver's counter, which each instance of a GPU repeats.
fn counted(snapshot: &Snapshot, gpu: &str) -> f64 {
    let families = families(snapshot);
    let name = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION";
    let family = families.iter().find(|family| family.name == name).unwrap();
    let its = family.samples.iter().find(|sample| sample.label("gpu") == Some(gpu));
    its.unwrap().value / 1000.0
}

/// Watch ten minutes that begin and end with a reading of all rows; joules by the driver's counter,
/// then the last page.
fn ten_minutes(scenario: &str, age: u64, gpu: &str) -> (f64, Vec<Family>) {
    let mut watched = Watched::new(scenario, Duration::from_secs(age));
    let first = counted(&watched.run(Duration::from_secs(1)), gpu);
    // Rows are read every 30 s, and the first pass fell somewhere in between.
    let mut last = watched.run(Duration::from_secs(TEN_MINUTES));
    let mut drawn = counted(&last, gpu);
    let before = drawn;
    for _ in 0..30 {
        last = watched.step();
        drawn = counted(&last, gpu);
        if drawn > before {
            break;
        }
    }
    for _ in 0..TRAILS {
        last = watched.step();
    }
    (drawn - first, families(&last))
}

fn is_near(got: f64, expected: f64, what: &str) {
    let off = (got - expected).abs() / expected;
    assert!(off < 0.005, "{what}: {got} J of {expected} J, {:.2} % off", off * 100.0);
}

#[test]
fn ten_minutes_of_a_busy_h100_are_its_counter_within_half_a_per_cent() {
    let (drawn, page) = ten_minutes("h100-load", 900, "0");
    assert!(drawn > 600.0 * 600.0, "{drawn}");
    is_near(sum(&page, "gpu_device_energy_joules_total", "0"), drawn, "the GPU");
    is_near(sum(&page, "gpu_session_energy_joules_total", "0"), drawn, "its sessions");
}

#[test]
fn sessions_of_mig_instances_get_no_more_than_their_gpu_and_most_of_it() {
    let (drawn, page) = ten_minutes("h100-mixed", 900, "2");
    let gpu = sum(&page, "gpu_device_energy_joules_total", "2");
    is_near(gpu, drawn, "the GPU");
    let sessions = sum(&page, "gpu_session_energy_joules_total", "2");
    assert!(sessions <= gpu + 0.001 && sessions > 0.9 * gpu, "{sessions} of {gpu}");
}

#[test]
fn an_idle_gpu_keeps_its_energy() {
    let (drawn, page) = ten_minutes("h100x8-busy", 900, "7");
    is_near(sum(&page, "gpu_device_energy_joules_total", "7"), drawn, "the GPU");
    assert_eq!(sum(&page, "gpu_session_energy_joules_total", "7"), 0.0);
}

#[test]
fn a_driver_that_is_loaded_again_adds_only_what_its_counter_tells() {
    let mut watched = Watched::new("fault-driver-unload", Duration::from_secs(60));
    let mut before = 0.0;
    for _ in 0..12 {
        let page = families(&watched.run(Duration::from_secs(15)));
        let gpu = sum(&page, "gpu_device_energy_joules_total", "0");
        let sessions = sum(&page, "gpu_session_energy_joules_total", "0");
        // No GPU draws more than 1 kW here, whatever the counter did.
        assert!(gpu >= before && gpu - before <= 15_000.0, "{before} then {gpu}");
        assert!(sessions <= gpu + 0.001, "{sessions} of {gpu}");
        before = gpu.max(before);
    }
    assert!(before > 0.0);
}
