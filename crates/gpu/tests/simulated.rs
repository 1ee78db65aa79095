//! The reader over the simulated driver: every row of the table has an answer somewhere, and the
//! shipped worlds are read as they are written.
#![cfg(test)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gpu::metrics::ROWS;
use gpu::nvml::Driver;
use gpu::{Ask, Health, Options, Pass, Reader, SourceState};
use model::{Clock, ErrorKind, Reading};
use sim::{Scenario, SimClock, SimDriver, World};

/// A shipped scenario with a clock that is moved by hand.
struct Bench {
    reader: Reader,
    clock: Arc<SimClock>,
}

impl Bench {
    fn new(scenario: &str) -> Self {
        let scenario = Scenario::load(scenario).unwrap();
        let world = Arc::new(World::new(&scenario));
        let clock = Arc::new(SimClock::manual(scenario.age()));
        let for_driver = Arc::clone(&clock);
        let open = Box::new(move || {
            let driver = SimDriver::new(Arc::clone(&world), 0, Arc::clone(&for_driver));
            Ok(Arc::new(driver) as Arc<dyn Driver>)
        });
        let patience = Duration::from_secs(5);
        let options = Options { patience, ..Options::default() };
        Self { reader: Reader::new(open, None, options), clock }
    }

    fn pass(&mut self) -> Pass {
        self.reader.pass(self.clock.now(), Ask::ALL)
    }

    fn run(&mut self, seconds: u32) -> Pass {
        for _ in 0..seconds {
            self.pass();
            self.clock.advance(Duration::from_secs(1)).unwrap();
        }
        self.pass()
    }
}

fn value(pass: &Pass, gpu: usize, entity: usize, name: &str) -> Option<f64> {
    pass.gpus[gpu].entities[entity].cell(name).unwrap().reading.value()
}

/// Rows without a reading of their own, and why.
const DEFERRED: &[(&str, &str)] = &[
    ("DCGM_FI_DEV_MIG_GI_INFO", "binary in DCGM"),
    ("DCGM_FI_DEV_MIG_CI_INFO", "binary in DCGM"),
    ("DCGM_FI_DEV_XID_ERRORS", "made from events by the exporter"),
    ("DCGM_FI_DEV_WEIGHTED_GPU_UTIL", "made from other rows by the exporter"),
];

#[test]
fn every_row_is_answered_by_the_simulated_driver_or_has_a_reason_not_to_be() {
    let pass = Bench::new("h100-mixed").run(17);
    let answered: BTreeSet<_> = pass
        .gpus
        .iter()
        .flat_map(|gpu| &gpu.entities)
        .flat_map(|entity| ROWS.iter().zip(&entity.values))
        .filter(|(_, cell)| cell.reading.is_value())
        .map(|(row, _)| row.metric.name)
        .collect();
    for row in ROWS.iter().filter(|row| row.built_in) {
        let name = row.metric.name;
        let deferred = DEFERRED.iter().any(|(deferred, _)| *deferred == name);
        assert_ne!(answered.contains(name), deferred, "{name}");
    }
}

#[test]
fn a_mixed_machine_is_read_as_it_is_cut() {
    let pass = Bench::new("h100-mixed").run(17);
    let labels: Vec<_> = pass.observations.iter().map(|seen| seen.device.label.as_str()).collect();
    assert_eq!(labels, ["0", "1", "2_0_0", "2_1_0", "2_2_0", "2_3_0"]);
    let places: Vec<_> = pass.gpus[2]
        .entities
        .iter()
        .map(|entity| entity.gpu_instance.as_ref().map(|(profile, _)| profile.as_str()).unwrap())
        .collect();
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), 3, "{places:?}");
    for (entity, place) in pass.gpus[2].entities.iter().zip(0..) {
        let total = value(&pass, 2, place, "DCGM_FI_DEV_FB_TOTAL").unwrap();
        assert!(total > 9000.0 && total < 41000.0, "{entity:?}");
        assert!(value(&pass, 2, place, "DCGM_FI_PROF_GR_ENGINE_ACTIVE").is_some());
        assert_eq!(value(&pass, 2, place, "DCGM_FI_DEV_GPU_UTIL"), None);
    }
    let slices: f64 = pass.observations[2..].iter().map(|seen| seen.device.share).sum();
    assert!((slices - 1.0).abs() < 1e-9, "{slices}");
}

#[test]
fn a_workstation_has_what_its_chip_has() {
    let pass = Bench::new("rtx2080s-encode").run(17);
    for absent in [
        "DCGM_FI_DEV_MEMORY_TEMP",
        "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL",
        "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    ] {
        let reading = pass.gpus[0].entities[0].cell(absent).unwrap().reading;
        assert_eq!(reading, Reading::NotSupported, "{absent}");
    }
    assert!(value(&pass, 0, 0, "DCGM_FI_DEV_GPU_TEMP").is_some());
    assert_eq!(pass.gpus[0].mig_enabled, None);
}

#[test]
fn a_machine_without_gpus_has_a_driver_and_no_gpu() {
    let pass = Bench::new("no-gpu").pass();
    assert!(pass.gpus.is_empty() && pass.observations.is_empty());
}

#[test]
fn use_samples_come_once_each() {
    let mut bench = Bench::new("h100x8-busy");
    let mut seen = BTreeSet::new();
    for _ in 0..6 {
        let pass = bench.run(5);
        for observed in &pass.observations {
            let Some(samples) = &observed.process_use else { continue };
            let Reading::Value(samples) = &samples.samples else { panic!("{observed:?}") };
            for sample in samples {
                let key = (observed.device.label.clone(), sample.pid, sample.at);
                assert!(seen.insert(key), "{sample:?} twice");
            }
        }
    }
    assert!(!seen.is_empty());
}

#[test]
fn a_gpu_that_falls_off_the_bus_is_lost_and_the_others_stay() {
    let mut bench = Bench::new("fault-lost");
    let mut lost = None;
    for _ in 0..90 {
        let pass = bench.run(20);
        if let Some(gpu) = pass.gpus.iter().find(|gpu| gpu.health == Health::Lost) {
            lost = Some((gpu.index, pass));
            break;
        }
    }
    let (index, pass) = lost.expect("no GPU was lost in half an hour");
    for observed in &pass.observations {
        let down = (observed.device.gpu_index == index).then_some(ErrorKind::Lost);
        assert_eq!(observed.down, down, "{}", observed.device.label);
    }
}

#[test]
fn a_pass_over_eight_gpus_and_256_processes_makes_few_calls() {
    let mut bench = Bench::new("bench-8x256");
    let pass = bench.run(16);
    assert_eq!(pass.source, SourceState::Nvml);
    let lists = pass.observations.iter().map(|seen| seen.processes.as_ref().value());
    let listed: usize = lists.map(|list| list.map_or(0, Vec::len)).sum();
    assert!(listed >= 250, "{listed} processes");
    // Waiting for events is one call each half second of the machine's time, whatever the world's.
    let made = |pass: &Pass| -> u64 {
        let calls = pass.calls.counts().filter(|(call, ..)| *call != "nvmlEventSetWait");
        calls.map(|(_, _, count)| count).sum()
    };
    let before = made(&pass);
    let ask = Ask { process_use: false, ..Ask::ALL };
    for second in 1..=60 {
        bench.clock.advance(Duration::from_secs(1)).unwrap();
        let ask = if second % 5 == 0 { Ask::ALL } else { ask };
        let pass = bench.reader.pass(bench.clock.now(), ask);
        assert!(pass.gpus.iter().all(|gpu| gpu.health == Health::Up));
    }
    // Per GPU and second: one batch, ten figures, three process lists; the rest is slow or rare.
    let each = (made(&bench.reader.pass(bench.clock.now(), Ask::default())) - before) / (60 * 8);
    assert!(each <= 20, "{each} calls per GPU and second");
}
