//! The `nvidia-smi` source over captures of real GPUs and over small hand-made ones.
//!
//! What is expected is read from the capture in another way than the source reads it: figures from
//! the columns of the whole captured CSV, processes and MIG layout from the `-q` section.
#![cfg(test)]

#[path = "smi_captures/expected.rs"]
mod expected;
#[path = "smi_captures/fake.rs"]
mod fake;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use expected::{Figure, GpuFacts};
use gpu::metrics::{Level, ROWS};
use gpu::{Ask, Cell, GpuView, Health, Pass, SourceState};
use model::Reading;
use model::metric::Kind;
use model::observation::{ContextKind, DeviceObservation};
use tests::capture::{self, Capture};

fn shared() -> Vec<PathBuf> {
    capture::files_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures"))
}

fn own() -> Vec<PathBuf> {
    capture::files_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures"))
}

fn own_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/captures").join(name)
}

#[test]
fn every_shared_capture_gives_its_own_figures_and_processes() {
    let files = shared();
    if files.is_empty() {
        tests::skip!("no folder ../shared/captures");
    }
    for file in files {
        check_file(&file);
    }
}

#[test]
fn every_hand_made_capture_gives_its_own_figures_and_processes() {
    let files = own();
    assert!(files.len() >= 4, "the hand-made captures are gone");
    for file in files {
        check_file(&file);
    }
}

/// Both phases, also with the line ends of another system.
fn check_file(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let capture = Capture::parse(&bytes);
    for phase in ["idle", "load"] {
        if !capture.sections.iter().any(|section| section.phase == phase) {
            continue;
        }
        let name = format!("{} {phase}", file.file_name().unwrap().display());
        check(&name, &capture, phase, &fake::pass(file, phase));
    }
    let windows = fake::file_with(String::from_utf8_lossy(&bytes).replace('\n', "\r\n"));
    let pass = fake::pass(windows.path(), "load");
    check(&format!("{} with CRLF", file.display()), &capture, "load", &pass);
}

fn check(name: &str, capture: &Capture, phase: &str, pass: &Pass) {
    let facts = expected::gpus(capture, phase);
    assert_eq!(pass.source, SourceState::NvidiaSmi, "{name}");
    assert_eq!(pass.gpus.len(), facts.len(), "{name}: number of GPUs");
    let mut figures = 0;
    for (view, facts) in pass.gpus.iter().zip(&facts) {
        check_identity(name, view, facts);
        if !facts.lost {
            figures += check_figures(name, view, facts);
            check_processes(name, pass, view, facts);
            check_use(name, pass, view, &expected::looks(capture, phase, facts.index, 2));
        }
    }
    println!("{name}: {figures} figures on {} GPUs agree", facts.len());
}

fn check_identity(name: &str, view: &GpuView, facts: &GpuFacts) {
    assert_eq!(view.index, facts.index, "{name}");
    assert_eq!(view.health == Health::Lost, facts.lost, "{name}: health of GPU {}", view.index);
    if facts.lost {
        return;
    }
    assert_eq!(Some(&view.uuid), facts.logged.get("GPU UUID"), "{name}");
    assert_eq!(Some(&view.model), facts.logged.get("Product Name"), "{name}");
    let bus_id = facts.logged.get("PCI/Bus Id").map(|id| format!("{:0>16}", id.to_uppercase()));
    assert_eq!(Some(&view.pci_bus_id), bus_id.as_ref(), "{name}");
    let minor = facts.logged.get("Minor Number").and_then(|minor| minor.parse().ok());
    assert_eq!(view.minor, minor, "{name}");
    let mig = match facts.logged.get("MIG Mode/Current").map(String::as_str) {
        Some("Enabled") => Some(true),
        Some("Disabled") => Some(false),
        _ => None,
    };
    assert_eq!(view.mig_enabled, mig, "{name}");
}

/// How many cells of the GPU are checked against a figure of the capture.
fn check_figures(name: &str, view: &GpuView, facts: &GpuFacts) -> usize {
    let mut checked = 0;
    assert_eq!(view.entities.len(), facts.gpu_instances().len().max(1), "{name}: entities");
    for entity in &view.entities {
        assert_eq!(entity.values.len(), ROWS.len(), "{name}");
        let instance = entity.gpu_instance.as_ref().map(|(_, id)| *id);
        for (row, cell) in ROWS.iter().zip(&entity.values) {
            let expected = match (row.level, instance) {
                (Level::WholeGpu, Some(_)) => Figure::Absent,
                (Level::GpuInstance, Some(id)) => facts.figure_of_instance(row.field, id),
                _ => facts.figure(row.field, row.smi),
            };
            check_cell(&format!("{name}: {} of {instance:?}", row.metric.name), cell, &expected);
            checked += usize::from(!matches!(expected, Figure::Absent | Figure::Unchecked));
            if row.metric.kind != Kind::Label {
                assert_eq!(cell.text, None, "{name}: {}", row.metric.name);
            }
        }
    }
    checked
}

fn check_cell(what: &str, cell: &Cell, expected: &Figure) {
    match expected {
        Figure::Number(number) => {
            let value = cell.reading.value().unwrap_or(f64::NAN);
            assert!((value - number).abs() < 1e-6, "{what}: {:?}, not {number}", cell.reading);
        }
        Figure::Text(text) => assert_eq!(cell.text.as_deref(), Some(text.as_str()), "{what}"),
        Figure::Absent => assert!(!cell.reading.is_value(), "{what}: {:?}", cell.reading),
        Figure::Unchecked => {}
    }
}

fn on_gpu<'a>(pass: &'a Pass, view: &'a GpuView) -> impl Iterator<Item = &'a DeviceObservation> {
    pass.observations.iter().filter(|seen| seen.device.gpu_index == view.index)
}

fn check_processes(name: &str, pass: &Pass, view: &GpuView, facts: &GpuFacts) {
    let mut seen = BTreeMap::new();
    for observation in on_gpu(pass, view) {
        assert_eq!(observation.down, None, "{name}");
        let place = observation.device.mig.as_ref().map(|m| (m.gpu_instance, m.compute_instance));
        let processes = observation.processes.as_ref().value();
        for process in processes.unwrap_or_else(|| panic!("{name}: processes are not known")) {
            let mebibytes = process.memory_bytes.map(|bytes| bytes >> 20);
            seen.insert(process.pid, (place, process.kind.as_str().to_owned(), mebibytes));
        }
    }
    assert_eq!(seen, facts.processes, "{name}: processes of GPU {}", view.index);
    let compute: BTreeSet<u32> = seen
        .iter()
        .filter(|(_, process)| process.1 != ContextKind::Graphics.as_str())
        .map(|(pid, _)| *pid)
        .collect();
    assert_eq!(compute, facts.apps, "{name}: PIDs of --query-compute-apps");
}

/// Samples of the first run of `pmon`, which looks twice.
fn check_use(name: &str, pass: &Pass, view: &GpuView, expected: &BTreeSet<expected::Use>) {
    for observation in on_gpu(pass, view) {
        let samples = &observation.process_use.as_ref().expect("use was asked for").samples;
        if view.mig_enabled == Some(true) {
            assert_eq!(*samples, Reading::NotSupported, "{name}: use under MIG");
            continue;
        }
        let samples = samples.as_ref().value().unwrap_or_else(|| panic!("{name}: no use"));
        let last = samples.iter().map(|sample| sample.at).max().unwrap_or_default();
        let seen: BTreeSet<expected::Use> = samples
            .iter()
            .map(|s| (last.since(s.at).as_secs(), s.pid, [s.sm, s.memory, s.encoder, s.decoder]))
            .collect();
        assert_eq!(seen, *expected, "{name}: use on GPU {}", view.index);
    }
}

#[test]
fn a_node_with_mig_on_one_gpu_lists_its_mig_devices_and_the_other_gpu() {
    let pass = fake::pass(&own_file("two-gpus-mixed-mig.txt"), "load");
    let labels: Vec<&str> = pass.observations.iter().map(|o| o.device.label.as_str()).collect();
    assert_eq!(labels, ["0_0_0", "0_1_0", "0_2_1", "1"]);
    let shares: Vec<f64> = pass.observations.iter().map(|o| o.device.share).collect();
    assert_eq!(shares, [3.0 / 7.0, 1.0 / 7.0, 1.0 / 7.0, 1.0]);
    let pids = |label: &str| -> Vec<u32> {
        let here = pass.observations.iter().find(|o| o.device.label == label).unwrap();
        here.processes.as_ref().value().unwrap().iter().map(|process| process.pid).collect()
    };
    assert_eq!(pids("0_2_1"), [5102], "two devices of one GPU instance are told apart");
    assert_eq!(pids("0_1_0"), [] as [u32; 0]);
    assert_eq!(pids("1"), [5201]);
    assert_eq!(pass.gpus[0].entities.len(), 2, "a GPU instance is one entity");
    let profile = pass.gpus[0].entities[1].gpu_instance.clone().unwrap();
    assert_eq!(profile, ("2g.10gb".to_owned(), 5));
}

#[test]
fn an_old_driver_costs_only_the_fields_it_does_not_know() {
    let pass = fake::pass(&own_file("old-driver.txt"), "load");
    let cell = |name: &str| pass.gpus[0].entities[0].cell(name).unwrap().reading;
    assert_eq!(cell("DCGM_FI_DEV_FB_RESERVED"), Reading::NotSupported);
    assert_eq!(cell("DCGM_FI_DEV_MEMORY_TEMP"), Reading::NotSupported);
    assert_eq!(cell("DCGM_FI_DEV_GPU_TEMP"), Reading::Value(61.0));
    assert_eq!(pass.driver_version.as_deref(), Some("418.226.00"));
    assert_eq!(pass.gpus[0].mig_enabled, None, "this driver knows no MIG");
}

#[test]
fn a_lost_gpu_is_lost_and_the_other_one_goes_on() {
    let pass = fake::pass(&own_file("lost-gpu.txt"), "load");
    assert_eq!(pass.gpus[0].health, Health::Up);
    assert_eq!(pass.gpus[1].health, Health::Lost);
    assert_eq!(pass.gpus[1].uuid, "GPU-22222222-0000-0000-0000-000000000000");
    let cells = &pass.gpus[1].entities[0].values;
    let numbers = ROWS.iter().zip(cells).filter(|(row, _)| row.metric.kind != Kind::Label);
    for (row, cell) in numbers {
        assert!(!cell.reading.is_value(), "{}: {:?}", row.metric.name, cell.reading);
    }
    assert_eq!(pass.observations[1].down, Some(model::ErrorKind::Lost));
}

#[test]
fn names_with_commas_quotes_and_odd_bytes_cost_nothing() {
    let mut bytes = std::fs::read(own_file("odd-names.txt")).unwrap();
    let marker = b"BYTE";
    while let Some(at) = bytes.windows(4).position(|window| window == marker) {
        bytes.splice(at..at + 4, [0xff, 0xfe]);
    }
    let file = fake::file_with(&bytes);
    let pass = fake::pass(file.path(), "load");
    let processes = pass.observations[0].processes.as_ref().value().unwrap().clone();
    let seen: Vec<(u32, Option<u64>)> =
        processes.iter().map(|p| (p.pid, p.memory_bytes.map(|bytes| bytes >> 20))).collect();
    assert_eq!(seen, [(31, Some(230)), (32, Some(370)), (33, None), (34, Some(3))]);
}

#[test]
fn a_capture_without_a_section_costs_that_sections_figures_only() {
    let file = own_file("two-gpus-mixed-mig.txt");
    let text = std::fs::read_to_string(&file).unwrap();
    for lacking in
        ["nvidia-smi\n", "nvidia-smi -q", "nvidia-smi --query-compute", "nvidia-smi pmon"]
    {
        let other = lacking.replace("nvidia-smi", "something-else");
        let cut = text.replace(&format!("# $ {lacking}"), &format!("# $ {other}"));
        assert_ne!(cut, text, "{lacking}");
        let file = fake::file_with(&cut);
        let pass = fake::pass(file.path(), "load");
        assert_eq!(pass.source, SourceState::NvidiaSmi, "without {lacking}");
        let lists: Vec<(&str, Option<usize>)> = pass
            .observations
            .iter()
            .map(|o| (o.device.label.as_str(), o.processes.as_ref().value().map(Vec::len)))
            .collect();
        let whole = [("0_0_0", Some(1)), ("0_1_0", Some(0)), ("0_2_1", Some(1)), ("1", Some(1))];
        assert_eq!(lists, whole, "without {lacking}");
        let clock = pass.gpus[1].entities[0].cell("DCGM_FI_DEV_SM_CLOCK").unwrap();
        assert_eq!(clock.reading, Reading::Value(1410.0), "without {lacking}");
    }
}

#[test]
fn mig_devices_without_a_name_are_not_made_up() {
    let text = std::fs::read_to_string(own_file("two-gpus-mixed-mig.txt")).unwrap();
    let file = fake::file_with(text.replace("# $ nvidia-smi -L", "# $ something-else"));
    let pass = fake::pass(file.path(), "load");
    let labels: Vec<&str> = pass.observations.iter().map(|o| o.device.label.as_str()).collect();
    assert_eq!(labels, ["1"]);
    assert_eq!(pass.gpus[0].mig_enabled, Some(true));
}

#[test]
fn without_the_figures_query_gpus_and_processes_are_still_known() {
    let text = std::fs::read_to_string(own_file("two-gpus-mixed-mig.txt")).unwrap();
    let cut = text.replace("# $ nvidia-smi --query-gpu", "# $ something-else ");
    let file = fake::file_with(&cut);
    let pass = fake::pass(file.path(), "load");
    assert_eq!(pass.gpus.len(), 2);
    assert_eq!(pass.gpus[1].uuid, "GPU-22222222-0000-0000-0000-000000000000");
    assert_eq!((pass.gpus[0].mig_enabled, pass.gpus[1].mig_enabled), (Some(true), Some(false)));
    assert_eq!(pass.observations.len(), 4);
    let clock = pass.gpus[1].entities[0].cell("DCGM_FI_DEV_SM_CLOCK").unwrap();
    assert!(matches!(clock.reading, Reading::Failed(_)), "{:?}", clock.reading);
}

#[test]
fn a_pass_that_asks_for_nothing_of_processes_has_no_observations() {
    let ask = Ask { device_values: true, ..Ask::default() };
    let pass = fake::pass_asking(&own_file("old-driver.txt"), "load", ask);
    assert!(pass.observations.is_empty());
    assert_eq!(pass.gpus.len(), 1);
}
