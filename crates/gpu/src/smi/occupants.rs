//! Who is on which device, from the process lists of one round.
//!
//! Compute processes are those that `--query-compute-apps` lists; the table, or `-q` in its place,
//! adds their kinds, the graphics processes, and under MIG the only word on where each one sits.

use std::collections::BTreeMap;

use model::observation::{ContextKind, DeviceProcess};
use model::{ErrorKind, Reading};

use super::facts::{Gpu, Instance, bus_number};
use super::round::Round;
use super::table::Process;

/// Who is on a GPU without MIG: the compute processes that `--query-compute-apps` lists, and the
/// others of the table.
pub(super) fn processes_of_gpu(round: &Round, gpu: &Gpu<'_>) -> Reading<Vec<DeviceProcess>> {
    let listed = listed_processes(round, gpu);
    let Some(apps) = apps_of(round, gpu) else {
        let kind = round.apps.as_ref().err().map_or(ErrorKind::Other, |error| error.kind());
        return listed.map_or(Reading::Failed(kind), |listed| Reading::Value(merge(&listed)));
    };
    let listed = listed.unwrap_or_default();
    let is_app = |pid: u32| apps.iter().any(|(app, _)| *app == pid);
    let mut rows: Vec<DeviceProcess> = listed
        .iter()
        .filter(|process| process.kind == ContextKind::Graphics || is_app(process.pid))
        .map(device_process)
        .collect();
    rows.extend(apps.iter().map(|&(pid, memory_bytes)| {
        let of_pid = |process: &&Process| process.pid == pid && process.kind.is_compute();
        let kind = listed.iter().find(of_pid).map_or(ContextKind::Compute, |process| process.kind);
        DeviceProcess { pid, kind, memory_bytes }
    }));
    Reading::Value(unite(rows))
}

/// PID and memory of the compute processes of a GPU; `None` if neither query told. The query by bus
/// id counts, unless the GPU's bus id is unknown.
fn apps_of(round: &Round, gpu: &Gpu<'_>) -> Option<Vec<(u32, Option<u64>)>> {
    let bus = bus_number(&gpu.bus_id);
    let by_uuid = round.apps_by_uuid.as_ref().and_then(|part| part.as_ref().ok());
    let apps = match &round.apps {
        Ok(apps) if bus.is_some() || apps.is_empty() => apps,
        _ => by_uuid?,
    };
    let here = |name: &str| match bus_number(name) {
        Some(other) => bus == Some(other),
        None => !gpu.uuid.is_empty() && name == gpu.uuid,
    };
    let mine = apps.iter().filter(|app| here(&app.gpu));
    Some(mine.map(|app| (app.pid, app.memory_bytes)).collect())
}

/// The processes of a GPU by the table, else by `-q`; `None` if neither tells.
fn listed_processes(round: &Round, gpu: &Gpu<'_>) -> Option<Vec<Process>> {
    match &round.table {
        Ok(table) => {
            let here = table.processes.iter().filter(|process| process.gpu == gpu.index);
            Some(here.cloned().collect())
        }
        Err(_) => gpu.log?.processes(gpu.index),
    }
}

/// Who is on one MIG device.
pub(super) fn processes_of_instance(
    round: &Round,
    gpu: &Gpu<'_>,
    instance: &Instance,
    of_gpu: usize,
) -> Reading<Vec<DeviceProcess>> {
    let ids = Some((instance.gpu_instance, instance.compute_instance));
    if let Some(listed) = listed_processes(round, gpu) {
        let here: Vec<Process> = listed.into_iter().filter(|p| p.instance == ids).collect();
        return Reading::Value(merge(&here));
    }
    let kind = round.table.as_ref().err().map_or(ErrorKind::Other, |error| error.kind());
    let Some(Ok(apps)) = &round.apps_by_uuid else { return Reading::Failed(kind) };
    // Under MIG the query names the parent: that places a process only if there is one device.
    let parent = apps.iter().any(|app| app.gpu == gpu.uuid);
    if parent && of_gpu > 1 {
        return Reading::Failed(kind);
    }
    let here = apps.iter().filter(|app| app.gpu == instance.uuid || app.gpu == gpu.uuid);
    Reading::Value(unite(
        here.map(|app| DeviceProcess {
            pid: app.pid,
            kind: ContextKind::Compute,
            memory_bytes: app.memory_bytes,
        })
        .collect(),
    ))
}

fn device_process(process: &Process) -> DeviceProcess {
    DeviceProcess { pid: process.pid, kind: process.kind, memory_bytes: process.memory_bytes }
}

fn merge(processes: &[Process]) -> Vec<DeviceProcess> {
    unite(processes.iter().map(device_process).collect())
}

/// One row per PID, in order of PID: in two lists it is one process, with the larger figure.
fn unite(rows: Vec<DeviceProcess>) -> Vec<DeviceProcess> {
    let mut by_pid: BTreeMap<u32, DeviceProcess> = BTreeMap::new();
    for row in rows {
        by_pid
            .entry(row.pid)
            .and_modify(|seen| {
                seen.kind = both(seen.kind, row.kind);
                seen.memory_bytes = seen.memory_bytes.max(row.memory_bytes);
            })
            .or_insert(row);
    }
    by_pid.into_values().collect()
}

fn both(one: ContextKind, other: ContextKind) -> ContextKind {
    use ContextKind::{Compute, ComputeGraphics, Graphics, MpsClient};
    match (one, other) {
        (MpsClient, _) | (_, MpsClient) => MpsClient,
        (Graphics, Graphics) => Graphics,
        (Compute, Compute) => Compute,
        _ => ComputeGraphics,
    }
}

#[cfg(test)]
mod tests;
