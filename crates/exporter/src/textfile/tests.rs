//! Collections without a driver, and what the file says in each case.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;

use model::ErrorKind;
use model::device::Device;
use model::text::{Family, parse};
use session::DeviceView;

use super::*;
use crate::testing::{NOW, machine, snapshot, whole, without_driver};

fn settings(dir: &Path) -> Settings {
    Settings { output: dir.join("out/gpu_sessions.prom"), create_dir: true }
}

fn file(dir: &Path) -> Vec<Family> {
    parse(&fs::read_to_string(dir.join("out/gpu_sessions.prom")).unwrap()).unwrap()
}

fn value(families: &[Family], name: &str) -> Option<f64> {
    families.iter().find(|family| family.name == name).map(|family| family.samples[0].value)
}

fn reasons(families: &[Family]) -> Vec<&str> {
    let errors = families.iter().find(|family| family.name == "gpu_sessions_collect_error");
    errors.map_or_else(Vec::new, |family| {
        family.samples.iter().map(|sample| sample.label("reason").unwrap()).collect()
    })
}

fn device(label: &str, processes_known: bool, down: Option<ErrorKind>) -> DeviceView {
    let device = Device {
        label: label.to_owned(),
        gpu_index: 0,
        gpu_uuid: format!("GPU-{label}"),
        mig: None,
        model: "X".to_owned(),
        share: 1.0,
        memory_total_bytes: None,
    };
    DeviceView {
        device: Arc::new(device),
        down,
        processes_known,
        state: None,
        minute_micros: Default::default(),
        unattributed_bytes: None,
        counters: session::DeviceCounters::default(),
    }
}

/// The file for a machine with these devices.
fn written(devices: Vec<DeviceView>, gpus: usize) -> Vec<Family> {
    let mut snapshot = snapshot((0..gpus).map(|_| whole(0, "X", &[])).collect());
    snapshot.view.devices = devices;
    parse(&content::collected(&snapshot, Duration::from_millis(250)).text).unwrap()
}

#[test]
fn s1_5_no_driver_is_a_result_with_success_0_and_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = collect_once(
        &Config::default(),
        machine(dir.path()),
        &settings(dir.path()),
        &Stop::default(),
    );
    let Outcome::Written(found) = outcome.unwrap() else { panic!("not written") };
    assert!(!found.verdict.success);
    assert!(found.reason.is_some());
    let families = file(dir.path());
    assert_eq!(value(&families, "gpu_sessions_collect_success"), Some(0.0));
    assert!(value(&families, "gpu_sessions_collect_timestamp_seconds").unwrap() > 1.7e9);
    assert_eq!(reasons(&families), ["no_driver"]);
    assert!(!families.iter().any(|family| family.name.starts_with("gpu_process")));
    let state = fs::metadata(dir.path().join("out/.gpu_sessions.state")).unwrap();
    assert_eq!(state.mode() & 0o777, 0o600);
}

#[test]
fn s1_27_a_failed_collection_leaves_no_process_rows_and_says_why() {
    let unreadable = written(vec![device("0", false, None)], 1);
    assert_eq!(value(&unreadable, "gpu_sessions_collect_success"), Some(0.0));
    assert_eq!(reasons(&unreadable), ["processes_unreadable"]);
    assert!(unreadable.iter().all(|family| family.name.starts_with("gpu_sessions_collect_")));
    let none = content::collected(&without_driver(), Duration::ZERO);
    assert_eq!(none.found.reason.as_deref(), Some("no library; install it"));
    assert_eq!(reasons(&parse(&none.text).unwrap()), ["no_driver"]);
    assert_eq!(reasons(&written(Vec::new(), 0)), ["no_gpu"]);
}

#[test]
fn one_lost_gpu_is_told_and_does_not_hide_the_others() {
    let partly =
        written(vec![device("0", true, None), device("1", false, Some(ErrorKind::Lost))], 2);
    assert_eq!(value(&partly, "gpu_sessions_collect_success"), Some(1.0));
    assert_eq!(reasons(&partly), ["lost"]);
    let all = written(vec![device("0", true, None)], 1);
    assert_eq!(value(&all, "gpu_sessions_collect_success"), Some(1.0));
    assert_eq!(value(&all, "gpu_sessions_collect_duration_seconds"), Some(0.25));
    assert!(reasons(&all).is_empty());
}

#[test]
fn mig_without_any_compute_instance_is_a_success_without_sessions() {
    let mut gpu = whole(0, "X", &[]);
    gpu.mig_enabled = Some(true);
    let collected = content::collected(&snapshot(vec![gpu]), Duration::ZERO);
    assert!(collected.found.verdict.success);
}

#[test]
fn a_missing_folder_ends_the_run_before_anything_is_collected() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { create_dir: false, ..settings(dir.path()) };
    let stop = Stop::default();
    let result = collect_once(&Config::default(), machine(dir.path()), &settings, &stop);
    assert!(matches!(result, Err(PlaceError::NoFolder { .. })));
    let every = Duration::from_secs(1);
    let result = collect_every(&Config::default(), machine(dir.path()), &settings, every, &stop);
    assert!(matches!(result, Err(PlaceError::NoFolder { .. })));
}

#[test]
fn a_folder_that_cannot_be_written_ends_a_watch_too() {
    let dir = tempfile::tempdir().unwrap();
    let settings =
        Settings { output: Path::new("/proc/gpu_sessions.prom").to_owned(), create_dir: false };
    let every = Duration::from_secs(1);
    let result =
        collect_every(&Config::default(), machine(dir.path()), &settings, every, &Stop::default());
    assert!(matches!(result, Err(PlaceError::FolderNotWritable { .. })));
}

#[test]
fn while_another_run_holds_the_lock_nothing_is_collected() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let place = Place::of(&settings.output, true).unwrap();
    let stop = Stop::default();
    let _held = place.lock(Duration::ZERO, &stop).unwrap();
    // A stop ends the wait at once; the outcome is that of a wait that ran out.
    stop.stop();
    let outcome = collect_once(&Config::default(), machine(dir.path()), &settings, &stop).unwrap();
    assert_eq!(outcome, Outcome::AnotherRuns { lock: place.lock_file() });
    assert!(!settings.output.exists());
}

#[test]
fn a_watch_keeps_the_file_fresh_and_a_single_run_leaves_it_alone_until_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let stop = Arc::new(Stop::default());
    let watch = {
        let (machine, settings, stop) = (machine(dir.path()), settings.clone(), Arc::clone(&stop));
        let every = Duration::from_secs(30);
        thread::spawn(move || collect_every(&Config::default(), machine, &settings, every, &stop))
    };
    wait_for(&settings.output);
    let before = fs::read(&settings.output).unwrap();
    let single = |stop: &Stop| {
        collect_once(&Config::default(), machine(dir.path()), &settings, stop).unwrap()
    };
    let outcome = single(&Stop::default());
    let own = std::process::id();
    assert!(matches!(&outcome, Outcome::KeptFresh { pid, .. } if *pid == own), "{outcome:?}");
    assert_eq!(fs::read(&settings.output).unwrap(), before);
    stop.stop();
    assert_eq!(watch.join().unwrap().unwrap(), Outcome::Stopped);
    assert_eq!(reasons(&file(dir.path())), ["stopped"]);
    assert!(matches!(single(&Stop::default()), Outcome::Written(_)));
}

fn wait_for(path: &Path) {
    for _ in 0..1000 {
        if path.exists() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{} does not appear", path.display());
}

#[test]
fn a_stopped_file_has_a_time_and_no_sessions() {
    let families = parse(&content::stopped(NOW)).unwrap();
    let names: Vec<&str> = families.iter().map(|family| family.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "gpu_sessions_collect_timestamp_seconds",
            "gpu_sessions_collect_success",
            "gpu_sessions_collect_error"
        ]
    );
    assert_eq!(families[0].samples[0].value, NOW.as_secs_f64());
}

#[test]
fn what_is_no_plain_file_is_never_replaced() {
    for path in ["/dev/null", "/dev/full", "/tmp"] {
        let refused = Place::of(Path::new(path), false).unwrap_err();
        assert!(refused.to_string().starts_with(path), "{refused}");
        assert!(refused.to_string().contains("name another with --output"), "{refused}");
    }
}
