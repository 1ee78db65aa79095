//! Each capture at hand: scenario, then readings, equal what the capture says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::SimClock;
use crate::driver::SimDriver;
use crate::scenario::Scenario;
use crate::smi;
use crate::world::World;

/// Fields that are compared as printed.
const COMPARED: &str = "driver_version,count,name,serial,uuid,pci.bus_id,pci.device_id,\
     pci.sub_device_id,pcie.link.gen.current,pcie.link.gen.max,pcie.link.width.current,index,\
     display_mode,display_active,persistence_mode,accounting.mode,accounting.buffer_size,\
     vbios_version,inforom.img,fan.speed,pstate,clocks_event_reasons.supported,\
     clocks_event_reasons.active,memory.total,memory.reserved,memory.used,memory.free,compute_mode,\
     compute_cap,utilization.gpu,utilization.memory,utilization.encoder,utilization.decoder,\
     utilization.jpeg,utilization.ofa,ecc.mode.current,ecc.errors.corrected.volatile.total,\
     ecc.errors.uncorrected.aggregate.total,retired_pages.pending,remapped_rows.correctable,\
     remapped_rows.pending,temperature.gpu,temperature.gpu.tlimit,temperature.memory,power.draw,\
     power.draw.average,power.draw.instant,power.limit,enforced.power.limit,power.default_limit,\
     power.min_limit,power.max_limit,clocks.current.graphics,clocks.current.sm,\
     clocks.current.memory,clocks.current.video,clocks.applications.graphics,clocks.max.sm,\
     clocks.max.memory,mig.mode.current,mig.mode.pending";

fn captures() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no captures in ../shared/captures");
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<(String, String)> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    found.sort();
    found
}

fn driver(scenario: &str) -> SimDriver {
    let scenario = Scenario::from_text("captured.toml", scenario)
        .unwrap_or_else(|error| panic!("{error}\n{scenario}"));
    let clock = Arc::new(SimClock::manual(Duration::from_secs(600)));
    SimDriver::new(Arc::new(World::new(&scenario)), 0, clock)
}

fn compare(name: &str, text: &str, phase: Phase) {
    let made = scenario(text, phase).unwrap_or_else(|error| panic!("{name}: {error}"));
    let driver = driver(&made);
    let capture = Capture::parse(text);
    let query = format!("--query-gpu={COMPARED}");
    let answer = smi::answer(&driver, &[&query, "--format=csv,noheader"]);
    for (gpu, line) in capture.gpus(phase).iter().zip(answer.text.lines()) {
        for (field, cell) in COMPARED.split(',').map(str::trim).zip(line.split(", ")) {
            assert_eq!(Some(cell), gpu.printed(field), "{name}, {}: {field}", phase.name());
        }
    }
    let table = smi::answer(&driver, &[]).text;
    let printed = Capture::parse_table(&table, phase);
    let mut captured = capture.processes(phase);
    captured.sort_by_key(|process| (process.gpu, process.pid));
    assert_eq!(printed.processes(phase).len(), captured.len(), "{name}");
    for (ours, theirs) in printed.processes(phase).iter().zip(&captured) {
        assert_eq!(
            (ours.pid, &ours.kind, ours.instance),
            (theirs.pid, &theirs.kind, theirs.instance)
        );
        assert_eq!(ours.memory_mib, theirs.memory_mib, "{name}");
    }
    let of_mig = |capture: &Capture<'_>| -> Vec<((u32, u32), f64, f64)> {
        capture.mig(phase, 0).iter().map(|row| (row.ids, row.used_mib, row.total_mib)).collect()
    };
    let theirs = of_mig(&capture);
    let ours: Vec<((u32, u32), f64, f64)> = table_mig(&table);
    assert_eq!(ours, theirs, "{name}, {}", phase.name());
    let wanted: Vec<u32> = captured.iter().map(|process| process.pid).collect();
    let apps = smi::answer(&driver, &["--query-compute-apps=pid", "--format=csv,noheader"]);
    for pid in apps.text.lines() {
        assert!(wanted.contains(&pid.parse().unwrap()), "{name}: {pid}");
    }
}

/// Ids, memory in use and in total of the MIG devices in a printed table.
fn table_mig(table: &str) -> Vec<((u32, u32), f64, f64)> {
    let lines: Vec<&str> = table.lines().collect();
    let from = lines.iter().position(|line| line.contains("MIG devices:")).unwrap_or(lines.len());
    let mut found = Vec::new();
    for line in lines[from..].iter().take_while(|line| !line.contains("Processes:")) {
        let columns: Vec<&str> = line.split('|').collect();
        let ids: Vec<u32> = columns.get(1).map_or(Vec::new(), |ids| {
            ids.split_whitespace().filter_map(|id| id.parse().ok()).collect()
        });
        if let (4, Some((used, total))) =
            (ids.len(), columns.get(2).and_then(|column| column.split_once('/')))
        {
            let mib = |text: &str| text.trim().trim_end_matches("MiB").parse::<f64>().unwrap();
            found.push(((ids[1], ids[2]), mib(used), mib(total)));
        }
    }
    found
}

#[test]
fn every_capture_comes_back_idle_and_under_load() {
    for (name, text) in captures() {
        compare(&name, &text, Phase::Idle);
        compare(&name, &text, Phase::Load);
    }
}

#[test]
fn a_model_that_does_not_ship_comes_back_too() {
    for (name, text) in captures() {
        let other = text.replace("NVIDIA H100 80GB HBM3", "NVIDIA X900 96GB HBM9");
        let other = other.replace("NVIDIA GeForce RTX 2080 SUPER", "NVIDIA GeForce RTX 9999");
        if other != text {
            compare(&name, &other, Phase::Idle);
            compare(&name, &other, Phase::Load);
        }
    }
}

#[test]
fn pmon_shows_the_captured_use() {
    for (name, text) in captures() {
        let capture = Capture::parse(&text);
        let driver = driver(&scenario(&text, Phase::Load).unwrap());
        let age = driver.sim_clock();
        let printed: Vec<String> = (0..5)
            .map(|_| {
                age.advance(Duration::from_secs(1)).unwrap();
                smi::answer(&driver, &["pmon", "-c", "1"]).text
            })
            .collect();
        for process in capture.processes(Phase::Load) {
            let mut theirs = capture.looks(Phase::Load, process.gpu, process.pid, "sm");
            let mut ours: Vec<Option<u32>> = printed
                .iter()
                .flat_map(|text| text.lines())
                .map(|line| line.split_whitespace().collect::<Vec<_>>())
                .filter(|cells| cells.get(1) == Some(&process.pid.to_string().as_str()))
                .map(|cells| cells[3].parse().ok())
                .collect();
            ours.sort_unstable();
            theirs.sort_unstable();
            assert_eq!(ours, theirs, "{name}: {}", process.pid);
        }
    }
}

#[test]
fn a_text_that_is_no_capture_is_refused_with_what_it_lacks() {
    let error = scenario("hello\n# idle :: query-gpu\n", Phase::Idle).unwrap_err().to_string();
    assert!(error.contains("no `idle :: query-gpu` section"), "{error}");
    let short = "# idle :: query-gpu (csv)\n# $ nvidia-smi --query-gpu=name --format=csv\n\
                 ########\nname\nNVIDIA X\n";
    let error = scenario(short, Phase::Idle).unwrap_err().to_string();
    assert!(error.contains("memory.total"), "{error}");
}
