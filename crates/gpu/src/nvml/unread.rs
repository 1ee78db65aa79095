//! What can be said of a GPU before, or without, a reading of it.

use std::sync::Arc;

use model::device::Device;
use model::observation::{DeviceObservation, ProcessUse, Progress};
use model::{ErrorKind, Reading};

use super::topology::Topology;
use crate::{Ask, EntityView, GpuView, Health};

/// An observation without any reading; per-process use is left out while an answer is only late.
pub(crate) fn unanswered(
    device: Arc<Device>,
    down: Option<ErrorKind>,
    kind: ErrorKind,
    ask: Ask,
) -> DeviceObservation {
    let asked = ask.process_use && down.is_some();
    DeviceObservation {
        device,
        down,
        processes: Reading::Failed(kind),
        used_bytes: None,
        finished: Vec::new(),
        process_use: asked.then_some(ProcessUse { samples: Reading::Failed(kind) }),
        activity: asked.then_some(Reading::Failed(kind)),
        sm_activity: asked.then_some(Reading::Failed(kind)),
        energy: None,
        progress: asked.then_some(Progress::of(Reading::Failed(kind))),
    }
}

/// A GPU of which only the index is known.
pub(crate) fn unknown_gpu(index: u32) -> GpuView {
    GpuView {
        index,
        uuid: String::new(),
        pci_bus_id: String::new(),
        minor: None,
        model: String::new(),
        mig_enabled: None,
        health: Health::Stuck,
        power_limit_watts: None,
        memory_total_bytes: None,
        entities: Vec::new(),
        devices: Vec::new(),
        instances_without_ci: Vec::new(),
        peers: Vec::new(),
    }
}

pub(super) fn view_of(topology: &Topology) -> GpuView {
    let facts = &topology.facts;
    let owned = |text: &Arc<str>| text.as_ref().to_owned();
    let entities = topology.places.iter().map(|place| EntityView {
        gpu_instance: place.gpu_instance.as_ref().map(|(profile, id)| (owned(profile), *id)),
        mig_uuid: place.mig_uuid.as_ref().map(owned),
        slices: place.slices,
        ..EntityView::unread()
    });
    GpuView {
        uuid: owned(&facts.uuid),
        pci_bus_id: facts.pci_bus_id.clone(),
        minor: facts.minor,
        model: owned(&facts.model),
        mig_enabled: facts.mig_enabled,
        health: Health::Up,
        power_limit_watts: facts.power_limit_watts,
        memory_total_bytes: facts.memory_total_bytes,
        entities: entities.collect(),
        devices: topology.seats.iter().map(|seat| Arc::clone(&seat.device)).collect(),
        instances_without_ci: topology.without_ci.clone(),
        peers: Vec::new(),
        ..unknown_gpu(facts.index)
    }
}
