//! Collections over simulated machines: what node_exporter would serve.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use exporter::textfile::{Outcome, Settings, collect_every, collect_once, collect_text};
use model::Stop;
use model::text::{Family, Sample, parse};

use crate::watched::{machine, patient};

const AGE: Duration = Duration::from_secs(900);

/// One collection of a scenario.
fn collected(scenario: &str) -> Vec<Family> {
    let (machine, _clock) = machine(scenario, AGE);
    let collected = collect_text(&patient(), machine, &Stop::default());
    assert!(collected.found.verdict.success, "{:?}", collected.found);
    parse(&collected.text).unwrap()
}

fn samples<'a>(families: &'a [Family], name: &str) -> &'a [Sample] {
    families.iter().find(|family| family.name == name).map_or(&[], |family| &family.samples)
}

fn by_gpu(samples: &[Sample]) -> BTreeMap<String, f64> {
    samples.iter().map(|s| (s.label("gpu").unwrap().to_owned(), s.value)).collect()
}

#[test]
fn s1_8_process_rows_have_exactly_the_seeds_labels() {
    let families = collected("h100x8-busy");
    let rows = samples(&families, "gpu_process_info");
    assert!(!rows.is_empty());
    for row in rows {
        let names: Vec<&str> = row.labels.iter().map(|(name, _)| name.as_str()).collect();
        let seed =
            ["gpu", "pid", "command", "pod", "namespace", "container", "status", "gpu_memory"];
        assert_eq!(names, seed);
        let memory = row.label("gpu_memory").unwrap();
        assert!(memory.ends_with("MiB") || memory == "unknown", "{memory}");
        match row.label("status") {
            Some("active") => assert_eq!(row.value, 1.0),
            Some("idle") => {
                assert_eq!((row.value, row.label("pid"), memory), (0.0, Some("none"), "0MiB"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn s1_10_counts_equal_the_active_rows_and_s1_11_the_total_is_their_sum() {
    for scenario in ["h100x8-busy", "h100-mixed", "h100-mig", "rtx2080s-encode", "h100-idle"] {
        let families = collected(scenario);
        let counts = by_gpu(samples(&families, "gpu_session_count"));
        let mut active: BTreeMap<String, f64> =
            counts.keys().map(|gpu| (gpu.clone(), 0.0)).collect();
        for row in samples(&families, "gpu_process_info") {
            if row.label("status") == Some("active") {
                *active.get_mut(row.label("gpu").unwrap()).unwrap() += 1.0;
            }
        }
        assert!(!counts.is_empty());
        assert_eq!(counts, active, "{scenario}");
        let total = samples(&families, "gpu_total_sessions");
        assert_eq!(total.len(), 1);
        assert!(total[0].labels.is_empty());
        assert_eq!(total[0].value, counts.values().sum::<f64>(), "{scenario}");
    }
}

#[test]
fn s1_16_mig_devices_are_labelled_by_gpu_number_and_compute_instance() {
    let families = collected("h100-mixed");
    let counts = by_gpu(samples(&families, "gpu_session_count"));
    let labels: Vec<&str> = counts.keys().map(String::as_str).collect();
    assert_eq!(&labels[..2], ["0", "1"]);
    assert!(labels[2..].iter().all(|label| label.starts_with("2_")), "{labels:?}");
    let use_under_mig = samples(&families, "gpu_process_utilization");
    assert!(use_under_mig.iter().all(|row| !row.label("gpu").unwrap().contains('_')));
}

#[test]
fn a_single_run_has_no_counters_and_a_watch_has_them() {
    let single = collected("h100x8-busy");
    assert!(single.iter().all(|family| family.kind == "gauge"), "{:?}", kinds(&single));
    assert!(!samples(&single, "gpu_session_info").is_empty());
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("gpu_sessions.prom");
    let settings = Settings { output: output.clone(), create_dir: false };
    let (machine, clock) = machine("h100x8-busy", AGE);
    let stop = Arc::new(Stop::default());
    let watch = {
        let stop = Arc::clone(&stop);
        let every = Duration::from_secs(5);
        std::thread::spawn(move || collect_every(&patient(), machine, &settings, every, &stop))
    };
    let mut last = Vec::new();
    for _ in 0..2000 {
        clock.advance(Duration::from_secs(1)).unwrap();
        std::thread::sleep(Duration::from_millis(10));
        last = read(&output);
        if samples(&last, "gpu_session_gpu_seconds_total").iter().any(|row| row.value > 0.0) {
            break;
        }
    }
    stop.stop();
    assert_eq!(watch.join().unwrap().unwrap(), Outcome::Stopped);
    assert!(kinds(&last).contains(&"counter"), "{:?}", kinds(&last));
    let stopped = read(&output);
    assert!(samples(&stopped, "gpu_process_info").is_empty());
    assert_eq!(samples(&stopped, "gpu_sessions_collect_success")[0].value, 0.0);
}

fn kinds(families: &[Family]) -> Vec<&str> {
    families.iter().map(|family| family.kind.as_str()).collect()
}

/// The file as a reader finds it at any moment: absent at first, and always whole.
fn read(path: &Path) -> Vec<Family> {
    fs::read_to_string(path).map_or_else(|_| Vec::new(), |page| parse(&page).unwrap())
}

#[test]
fn s1_27_a_process_that_ended_is_gone_at_the_next_collection() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { output: dir.path().join("gpu_sessions.prom"), create_dir: false };
    let run = |age: u64| {
        let (machine, _clock) = machine("bench-8x256", Duration::from_secs(age));
        let outcome = collect_once(&patient(), machine, &settings, &Stop::default()).unwrap();
        assert!(matches!(outcome, Outcome::Written(_)), "{outcome:?}");
        let families = read(&settings.output);
        let rows = samples(&families, "gpu_process_info");
        let pids: Vec<String> = rows.iter().map(|r| r.label("pid").unwrap().to_owned()).collect();
        let ended = samples(&families, "gpu_session_end_time_seconds").len();
        (pids, ended)
    };
    let (first, _) = run(900);
    let (second, ended) = run(960);
    assert!(first.len() > 200);
    let gone = first.iter().filter(|pid| !second.contains(pid)).count();
    assert!(gone > 0, "a process ends every second in this scenario");
    assert!(ended > 0, "what ended between two runs is told by the second");
}

#[test]
fn s1_22_a_single_look_at_many_processes_is_complete() {
    let families = collected("bench-8x256");
    assert_eq!(samples(&families, "gpu_total_sessions")[0].value, 256.0);
}

#[test]
fn awkward_command_names_do_not_break_the_page() {
    let families = collected("awkward-names");
    assert!(!samples(&families, "gpu_process_info").is_empty());
}
