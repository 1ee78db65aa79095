//! One round as the rest of the program sees it: GPU views and observations.

use std::collections::HashMap;
use std::sync::Arc;

use model::device::{Device, MigDevice};
use model::observation::{DeviceObservation, DeviceProcess, EnergyReading};
use model::{ErrorKind, Reading, Timestamp};

use super::facts::{self, FrameBuffer, Gpu, Instance};
use super::figures::Entity;
use super::occupants;
use super::partition;
use super::round::Round;
use super::run::RunError;
use crate::{EntityView, GpuView, Health};

/// What a round shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) driver_version: Option<String>,
    pub(super) cuda_version: Option<String>,
    pub(super) gpus: Vec<Shape>,
}

/// One GPU of it.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) view: Arc<GpuView>,
    /// Who is on each device of the view.
    pub(super) processes: Vec<Reading<Vec<DeviceProcess>>>,
    /// Memory in use on each, without the reserved part.
    used_bytes: Vec<Option<u64>>,
    /// The driver's utilisation of the GPU, 0..1.
    pub(super) activity: Reading,
    /// The power that the GPU draws, in W.
    power: Reading,
    /// What is known of it, for later rounds.
    pub(super) known: Gpu<'static>,
}

impl Shown {
    /// Show a round; facts of devices that did not change keep their place.
    pub(super) fn of(round: &Round, at: Timestamp, earlier: &Self) -> Self {
        let known: Vec<Gpu<'static>> =
            earlier.gpus.iter().map(|shape| shape.known.clone()).collect();
        let mut old: HashMap<String, Arc<Device>> = earlier
            .gpus
            .iter()
            .flat_map(|shape| &shape.view.devices)
            .map(|device| (device.uuid().to_owned(), Arc::clone(device)))
            .collect();
        let hangs = |error: &RunError| error.kind() == ErrorKind::Timeout;
        let stuck = round.silence().is_some_and(hangs) && round.table.is_err();
        let gpus = facts::gpus(round, &known);
        let shape = |gpu: &Gpu<'_>| shape(round, gpu, at, stuck, &mut old);
        Self {
            driver_version: round.driver_version().or_else(|| earlier.driver_version.clone()),
            cuda_version: round.cuda_version().or_else(|| earlier.cuda_version.clone()),
            gpus: gpus.iter().map(shape).collect(),
        }
    }

    /// What the devices of all GPUs show now.
    pub(super) fn observations(&self) -> Vec<DeviceObservation> {
        self.gpus.iter().flat_map(Shape::observations).collect()
    }
}

impl Shape {
    fn observations(&self) -> impl Iterator<Item = DeviceObservation> + '_ {
        let down = self.view.health.down();
        let seen = self.view.devices.iter().zip(&self.processes).zip(&self.used_bytes);
        seen.map(move |((device, processes), used_bytes)| DeviceObservation {
            device: Arc::clone(device),
            down,
            processes: down.map_or_else(|| processes.clone(), Reading::Failed),
            used_bytes: used_bytes.filter(|_| down.is_none()),
            finished: Vec::new(),
            process_use: None,
            activity: None,
            sm_activity: None,
            progress: None,
            energy: self
                .power
                .is_value()
                .then_some(EnergyReading { millijoules: Reading::NotSupported, watts: self.power }),
        })
    }
}

fn shape(
    round: &Round,
    gpu: &Gpu<'_>,
    at: Timestamp,
    stuck: bool,
    old: &mut HashMap<String, Arc<Device>>,
) -> Shape {
    let instances = facts::instances(round, gpu);
    let entity = Entity { round, gpu, instance: None, at };
    let memory_total = entity.memory().total.value();
    let keep =
        |device: Device, old: &mut HashMap<String, Arc<Device>>| match old.remove(device.uuid()) {
            Some(same) if *same == device => same,
            _ => Arc::new(device),
        };
    let devices: Vec<Arc<Device>> = devices(gpu, &instances, memory_total)
        .into_iter()
        .map(|device| keep(device, old))
        .collect();
    let processes = processes(round, gpu, &instances);
    let used_bytes = used_bytes(&entity, &instances);
    let view = GpuView {
        index: gpu.index,
        uuid: gpu.uuid.clone(),
        pci_bus_id: gpu.bus_id.clone(),
        minor: gpu.log.and_then(|log| log.value("Minor Number")?.parse().ok()),
        model: gpu.model.clone(),
        mig_enabled: gpu.mig,
        health: health(gpu, stuck),
        power_limit_watts: entity.power_limit(),
        memory_total_bytes: memory_total,
        entities: entities(&entity, &instances),
        devices,
        instances_without_ci: Vec::new(),
        peers: Vec::new(),
    };
    Shape {
        activity: activity(&view),
        power: first_cell(&view, "DCGM_FI_DEV_POWER_USAGE"),
        view: Arc::new(view),
        processes,
        used_bytes,
        known: known(gpu),
    }
}

fn health(gpu: &Gpu<'_>, stuck: bool) -> Health {
    match (gpu.lost, stuck) {
        (true, _) => Health::Lost,
        (false, true) => Health::Stuck,
        (false, false) => Health::Up,
    }
}

fn known(gpu: &Gpu<'_>) -> Gpu<'static> {
    Gpu {
        index: gpu.index,
        uuid: gpu.uuid.clone(),
        bus_id: gpu.bus_id.clone(),
        model: gpu.model.clone(),
        mig: gpu.mig,
        ..Gpu::default()
    }
}

/// The GPU's utilisation row, as a part of one.
fn activity(view: &GpuView) -> Reading {
    first_cell(view, "DCGM_FI_DEV_GPU_UTIL").map(|share| share / 100.0)
}

/// A row that is the whole GPU's.
fn first_cell(view: &GpuView, row: &str) -> Reading {
    let cell = view.entities.first().and_then(|entity| entity.cell(row));
    cell.map_or(Reading::NotSupported, |cell| cell.reading)
}

/// The GPU, or the GPU instances of its MIG devices.
fn entities(gpu: &Entity<'_>, instances: &[Instance]) -> Vec<EntityView> {
    let whole =
        || EntityView { gpu_instance: None, mig_uuid: None, slices: None, values: gpu.cells() };
    if gpu.gpu.mig != Some(true) || instances.is_empty() {
        return vec![whole()];
    }
    let mut entities: Vec<EntityView> = Vec::new();
    for instance in instances {
        let id = instance.gpu_instance;
        let seen = |entity: &EntityView| entity.gpu_instance.as_ref().is_some_and(|gi| gi.1 == id);
        if !entities.iter().any(seen) {
            entities.push(entity_of_instance(gpu, instance));
        }
    }
    entities
}

fn entity_of_instance(gpu: &Entity<'_>, instance: &Instance) -> EntityView {
    let profile = partition::gpu_instance_profile(&instance.profile);
    let entity = Entity { instance: Some(instance), ..*gpu };
    EntityView {
        gpu_instance: Some((profile.to_owned(), instance.gpu_instance)),
        mig_uuid: Some(instance.uuid.clone()),
        slices: partition::slices_of_gpu_instance(profile),
        values: entity.cells(),
    }
}

/// What a process can sit on. A GPU that nobody can name is nothing to hang a session on.
fn devices(gpu: &Gpu<'_>, instances: &[Instance], memory_total: Option<u64>) -> Vec<Device> {
    let whole = Device {
        label: gpu.index.to_string(),
        gpu_index: gpu.index,
        gpu_uuid: gpu.uuid.clone(),
        mig: None,
        model: gpu.model.clone(),
        share: 1.0,
        memory_total_bytes: memory_total,
    };
    match gpu.mig {
        _ if gpu.uuid.is_empty() => Vec::new(),
        Some(true) => instances.iter().map(|instance| mig_device(&whole, instance)).collect(),
        _ => vec![whole],
    }
}

/// Memory in use on each device; none where the reserved part is not known to be left out of it.
fn used_bytes(gpu: &Entity<'_>, instances: &[Instance]) -> Vec<Option<u64>> {
    let used =
        |memory: FrameBuffer| memory.used.value().filter(|_| memory.reserved.value().is_some());
    match gpu.gpu.mig {
        Some(true) => instances.iter().map(|instance| used(instance.memory)).collect(),
        _ => vec![used(gpu.memory())],
    }
}

fn mig_device(gpu: &Device, instance: &Instance) -> Device {
    let slices = partition::slices_of_compute_instance(&instance.profile);
    let of_gpu = f64::from(partition::slices_of_gpu(&gpu.model));
    Device {
        label: format!("{}_{}_{}", gpu.gpu_index, instance.number, instance.compute_instance),
        mig: Some(MigDevice {
            number: instance.number,
            gpu_instance: instance.gpu_instance,
            compute_instance: instance.compute_instance,
            uuid: instance.uuid.clone(),
            profile: partition::gpu_instance_profile(&instance.profile).to_owned(),
        }),
        share: slices.map_or(1.0 / of_gpu, |slices| (f64::from(slices) / of_gpu).min(1.0)),
        memory_total_bytes: instance.memory.total.value(),
        ..gpu.clone()
    }
}

fn processes(
    round: &Round,
    gpu: &Gpu<'_>,
    instances: &[Instance],
) -> Vec<Reading<Vec<DeviceProcess>>> {
    if gpu.mig != Some(true) {
        return vec![occupants::processes_of_gpu(round, gpu)];
    }
    let of = |instance| occupants::processes_of_instance(round, gpu, instance, instances.len());
    instances.iter().map(of).collect()
}
