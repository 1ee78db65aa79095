//! Process lists of rounds in which some forms failed.

use super::*;
use crate::smi::apps::App;
use crate::smi::facts::tests::{BUS, round};
use crate::smi::facts::{FrameBuffer, gpus};

fn app(gpu: &str, pid: u32) -> App {
    App { gpu: gpu.to_owned(), pid, memory_bytes: Some(1 << 20) }
}

fn pids(processes: Reading<Vec<DeviceProcess>>) -> Vec<u32> {
    processes.value().unwrap().iter().map(|process| process.pid).collect()
}

#[test]
fn the_queries_for_processes_alone_suffice_where_the_list_names_the_gpu() {
    let by_uuid = Some(Ok(vec![app("GPU-a", 7), app("GPU-b", 8)]));
    let round = Round { apps: Ok(vec![app(BUS, 7)]), apps_by_uuid: by_uuid, ..round() };
    let gpus = gpus(&round, &[]);
    assert_eq!((gpus[0].uuid.as_str(), gpus[0].bus_id.as_str()), ("GPU-a", ""));
    assert_eq!(pids(processes_of_gpu(&round, &gpus[0])), [7]);
}

#[test]
fn without_any_form_that_lists_processes_nobody_is_said_to_be_idle() {
    let round = round();
    let gpus = gpus(&round, &[]);
    let processes = processes_of_gpu(&round, &gpus[0]);
    assert_eq!(processes, Reading::Failed(ErrorKind::BadAnswer));
}

#[test]
fn a_mig_process_named_by_its_parent_only_is_placed_only_where_there_is_one_place() {
    let by_uuid = Some(Ok(vec![app("GPU-a", 7)]));
    let round = Round { apps_by_uuid: by_uuid, ..round() };
    let gpu = Gpu { uuid: "GPU-a".to_owned(), mig: Some(true), ..Gpu::default() };
    let instance = Instance {
        number: 0,
        gpu_instance: 7,
        compute_instance: 0,
        uuid: "MIG-x".to_owned(),
        profile: "1g.5gb".to_owned(),
        memory: FrameBuffer::default(),
    };
    assert_eq!(pids(processes_of_instance(&round, &gpu, &instance, 1)), [7]);
    let two = processes_of_instance(&round, &gpu, &instance, 2);
    assert_eq!(two, Reading::Failed(ErrorKind::BadAnswer));
}

#[test]
fn a_process_in_two_lists_is_one_with_the_larger_figure() {
    let row = |kind, memory_bytes| DeviceProcess { pid: 5, kind, memory_bytes };
    let rows = vec![row(ContextKind::Compute, Some(3)), row(ContextKind::Graphics, Some(9))];
    assert_eq!(unite(rows), [row(ContextKind::ComputeGraphics, Some(9))]);
    let rows = vec![row(ContextKind::MpsClient, None), row(ContextKind::Compute, Some(1))];
    assert_eq!(unite(rows), [row(ContextKind::MpsClient, Some(1))]);
}
