//! The devices of the newest pass, as far as ids need them: found by UUID, number or place.

use std::sync::Arc;

use gpu::GpuView;
use model::device::Device;

use super::ids::DeviceId;

/// One thing that device metrics are printed for: a GPU, or one of its GPU instances.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EntityKey {
    /// UUID of the physical GPU.
    pub(crate) gpu_uuid: String,
    /// GPU instance id.
    pub(crate) gpu_instance: Option<u32>,
}

/// What an id stands for on this machine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    /// What its samples are printed for.
    pub(super) entities: Vec<EntityKey>,
    /// What its processes sit on; none in a GPU instance without compute instance.
    pub(super) devices: Vec<Arc<Device>>,
}

/// The device that this id names; `None`: no such device here now.
pub(super) fn find(gpus: &[Arc<GpuView>], id: &str) -> Option<Target> {
    match DeviceId::read(id)? {
        DeviceId::Gpu(uuid) => whole(by_uuid(gpus, uuid)?),
        DeviceId::Mig(uuid) => part(gpus, |device| device.uuid() == uuid),
        DeviceId::Placed { gpu, gpu_instance, compute_instance } => part(gpus, |device| {
            let place = device.mig.as_ref().map(|mig| (mig.gpu_instance, mig.compute_instance));
            device.gpu_uuid == gpu && place == Some((gpu_instance, compute_instance))
        }),
        DeviceId::Numbered { number, gpu_instance } => {
            let gpu = gpus.iter().find(|gpu| gpu.minor.unwrap_or(gpu.index) == number)?;
            match gpu_instance {
                Some(id) => instance(gpu, id),
                None => whole(gpu),
            }
        }
    }
}

/// The entity that a batch system names by index and GPU instance.
pub(super) fn by_index(
    gpus: &[Arc<GpuView>],
    index: u32,
    gpu_instance: Option<u32>,
) -> Option<Target> {
    let gpu = gpus.iter().find(|gpu| gpu.index == index)?;
    match gpu_instance {
        Some(id) => instance(gpu, id),
        None => {
            whole(gpu).filter(|target| target.entities.iter().all(|e| e.gpu_instance.is_none()))
        }
    }
}

fn by_uuid<'a>(gpus: &'a [Arc<GpuView>], uuid: &str) -> Option<&'a Arc<GpuView>> {
    gpus.iter().find(|gpu| gpu.uuid == uuid)
}

/// A GPU with all its parts: who was given a partitioned one was given each.
fn whole(gpu: &Arc<GpuView>) -> Option<Target> {
    let entities = gpu.entities.iter().map(|entity| EntityKey {
        gpu_uuid: gpu.uuid.clone(),
        gpu_instance: entity.gpu_instance.as_ref().map(|(_, id)| *id),
    });
    let known = !gpu.uuid.is_empty();
    known.then(|| Target { entities: entities.collect(), devices: gpu.devices.clone() })
}

/// A GPU instance with its compute instances.
fn instance(gpu: &Arc<GpuView>, id: u32) -> Option<Target> {
    let mut target = whole(gpu)?;
    target.entities.retain(|entity| entity.gpu_instance == Some(id));
    target.devices.retain(|device| device.mig.as_ref().is_some_and(|mig| mig.gpu_instance == id));
    (!target.entities.is_empty()).then_some(target)
}

/// One MIG device, in the GPU instance that it lies in.
fn part(gpus: &[Arc<GpuView>], is_it: impl Fn(&Device) -> bool) -> Option<Target> {
    let mut devices = gpus.iter().flat_map(|gpu| &gpu.devices);
    let device = devices.find(|device| is_it(device))?;
    let entity = EntityKey {
        gpu_uuid: device.gpu_uuid.clone(),
        gpu_instance: device.mig.as_ref().map(|mig| mig.gpu_instance),
    };
    Some(Target { entities: vec![entity], devices: vec![Arc::clone(device)] })
}

/// Whether two views have the same devices under the same names.
pub(super) fn are_same(before: &[Arc<GpuView>], now: &[Arc<GpuView>]) -> bool {
    let same = |(a, b): (&Arc<GpuView>, &Arc<GpuView>)| Arc::ptr_eq(a, b) || is_same(a, b);
    before.len() == now.len() && before.iter().zip(now).all(same)
}

fn is_same(a: &GpuView, b: &GpuView) -> bool {
    let instances = |gpu: &GpuView| gpu.entities.len();
    a.index == b.index
        && a.minor == b.minor
        && a.uuid == b.uuid
        && instances(a) == instances(b)
        && a.entities.iter().zip(&b.entities).all(|(a, b)| a.gpu_instance == b.gpu_instance)
        && a.devices.len() == b.devices.len()
        && a.devices.iter().zip(&b.devices).all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
}
