//! Lists that change while they are used.

use std::sync::Mutex;

use gpu::metrics::position_of_field;

use super::*;
use crate::testing::{NOW, snapshot, whole};

const POWER: &str = "DCGM_FI_DEV_POWER_USAGE, gauge, Power\n";
const TEMPERATURE: &str = "DCGM_FI_DEV_GPU_TEMP, gauge, Temperature\n";

struct Site {
    dir: tempfile::TempDir,
    source: FieldSource,
}

fn config(path: &Path, strict: bool) -> Config {
    Config { collectors: Some(path.to_owned()), strict_collectors: strict, ..Config::default() }
}

fn site(text: &str) -> Site {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fields.csv");
    fs::write(&path, text).unwrap();
    let source = FieldSource::open(&config(&path, false), None).unwrap();
    Site { dir, source }
}

impl Site {
    fn write(&self, text: &str) {
        fs::write(self.dir.path().join("fields.csv"), text).unwrap();
    }

    fn names(&self) -> Vec<String> {
        self.source.current().entries().iter().map(|entry| entry.name.to_string()).collect()
    }

    /// As two passes later, without the pause between two readings.
    fn look(&mut self) {
        for _ in 0..2 {
            self.source.read_at = None;
            self.source.look();
        }
    }
}

fn no_gpu() -> Pass {
    snapshot(Vec::new()).pass
}

#[test]
fn a_file_that_changes_is_read_again_when_it_stands_still() {
    let mut site = site(POWER);
    site.write(&format!("{POWER}{TEMPERATURE}"));
    site.source.look();
    assert_eq!(site.source.state().succeeded, 0, "it may still be written");
    site.source.look();
    assert_eq!(site.source.state().succeeded, 1);
    assert!(site.source.state().in_progress);
    assert_eq!(site.names().len(), 1, "the old one serves until the new one has values");
    site.source.settle(&no_gpu());
    assert_eq!(site.names(), ["DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE"]);
    assert!(!site.source.state().in_progress);
}

#[test]
fn it_is_read_at_most_once_in_two_seconds() {
    let mut site = site(POWER);
    site.write(TEMPERATURE);
    site.source.look();
    site.source.look();
    site.write(&format!("{POWER}{TEMPERATURE}"));
    for _ in 0..50 {
        site.source.switch().store(true, Ordering::Relaxed);
        site.source.look();
    }
    assert_eq!(site.source.state().succeeded, 1);
    site.look();
    assert_eq!(site.source.state().succeeded, 2, "asked for once more, and changed");
}

#[test]
fn a_swapped_link_of_a_mounted_config_map_is_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for (folder, text) in [("..1", POWER), ("..2", TEMPERATURE)] {
        fs::create_dir(at(folder)).unwrap();
        fs::write(at(folder).join("fields.csv"), text).unwrap();
    }
    std::os::unix::fs::symlink("..1", at("..data")).unwrap();
    std::os::unix::fs::symlink("..data/fields.csv", at("fields.csv")).unwrap();
    let source = FieldSource::open(&config(&at("fields.csv"), false), None).unwrap();
    let mut site = Site { dir, source };
    std::os::unix::fs::symlink("..2", site.dir.path().join("..new")).unwrap();
    fs::rename(site.dir.path().join("..new"), site.dir.path().join("..data")).unwrap();
    site.look();
    site.source.settle(&no_gpu());
    assert_eq!(site.names(), ["DCGM_FI_DEV_GPU_TEMP"]);
}

#[test]
fn a_list_that_cannot_be_read_leaves_the_last_good_one() {
    let mut site = site(POWER);
    fs::remove_file(site.dir.path().join("fields.csv")).unwrap();
    site.look();
    let state = site.source.state();
    assert_eq!((state.succeeded, state.failed), (0, 1));
    assert!(state.fault.unwrap().contains("the last good list serves"));
    assert_eq!(site.names(), ["DCGM_FI_DEV_POWER_USAGE"]);
    site.write(TEMPERATURE);
    site.look();
    assert!(site.source.state().fault.is_none());
}

#[test]
fn the_new_list_waits_for_the_values_of_every_gpu() {
    let mut site = site(POWER);
    site.write(TEMPERATURE);
    site.look();
    let place = position_of_field(150).unwrap();
    assert!(site.source.rows().contains(place), "read beside the old ones");
    let with = |at, reading| {
        let mut gpu = whole(0, "X", &[]);
        gpu.entities[0].values[place] = gpu::Cell::number(reading, at);
        let mut pass = snapshot(vec![gpu]).pass;
        pass.at = NOW;
        pass
    };
    site.source.settle(&with(NOW.before(Duration::from_secs(1)), Reading::NotSupported));
    assert!(site.source.state().in_progress, "it has not answered since");
    site.source.settle(&with(NOW, Reading::Failed(ErrorKind::NotYet)));
    assert!(site.source.state().in_progress, "the first interval is not over");
    site.source.settle(&with(NOW, Reading::Value(40.0)));
    assert_eq!(site.names(), ["DCGM_FI_DEV_GPU_TEMP"]);
}

#[test]
fn a_missing_file_or_a_fault_that_is_not_forgiven_ends_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fields.csv");
    let refused = |strict| FieldSource::open(&config(&path, strict), None).unwrap_err().to_string();
    assert!(refused(false).contains("cannot read the field list"));
    fs::write(&path, "DCGM_FI_DEV_GPU_TEMP, gauge, x\nwrong, gauge, x\n").unwrap();
    assert!(FieldSource::open(&config(&path, false), None).is_ok());
    assert!(refused(true).contains("line 2: no field of DCGM is called `wrong`"));
    fs::write(&path, vec![b'#'; 2 << 20]).unwrap();
    assert!(refused(false).contains("longer than"));
}

#[test]
fn a_config_map_goes_before_the_file_once_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fields.csv");
    fs::write(&path, POWER).unwrap();
    let answer: Arc<Mutex<MapAnswer>> = Arc::default();
    let given = Arc::clone(&answer);
    let map: ConfigMapText = Box::new(move || given.lock().unwrap().clone());
    let config = Config { configmap_data: Some("gpu:fields".to_owned()), ..config(&path, false) };
    let mut site = Site { dir, source: FieldSource::open(&config, Some(map)).unwrap() };
    assert!(site.source.state().is_unread);
    answer.lock().unwrap().lack = Some("forbidden".to_owned());
    site.look();
    assert_eq!(site.source.state().fault.as_deref(), Some("forbidden"));
    assert_eq!(site.names(), ["DCGM_FI_DEV_POWER_USAGE"], "the file serves meanwhile");
    *answer.lock().unwrap() =
        MapAnswer { text: Some(Arc::new(TEMPERATURE.to_owned())), lack: None };
    site.look();
    site.source.settle(&no_gpu());
    let state = site.source.state();
    assert!(!state.is_unread && state.fault.is_none());
    assert_eq!((state.succeeded, site.names()), (1, vec!["DCGM_FI_DEV_GPU_TEMP".to_owned()]));
}
