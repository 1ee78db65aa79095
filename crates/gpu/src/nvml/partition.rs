//! How a GPU with MIG on is cut: its GPU instances and the MIG devices in them.
//!
//! MIG devices (GPU instance and compute instance together) can be listed by anyone who may use
//! them. GPU instances can be listed with privilege only; without it, those that hold no compute
//! instance stay unseen.

use std::sync::Arc;

use super::metered::Metered;
use super::probe;
use super::{GpuInstanceProfile, Handle, Return};
use crate::IdleInstance;

/// Profile numbers that are asked for; `NVML_GPU_INSTANCE_PROFILE_COUNT` is 17 in the headers of
/// NVML 13 and has grown with every generation.
const PROFILES: u32 = 32;
/// MIG devices of one GPU, should a driver not say how many it can hold.
const MIG_DEVICES: u32 = 8;

/// The instances of one GPU.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    /// By instance id.
    pub(crate) instances: Vec<Instance>,
    /// By number.
    pub(crate) devices: Vec<MigHandle>,
    /// Compute slices of the whole GPU.
    pub(crate) max_slices: u32,
}

/// A GPU instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Instance {
    pub(crate) id: u32,
    /// `1g.10gb`, `1g.10gb+me`.
    pub(crate) profile: Arc<str>,
    pub(crate) slices: Option<u32>,
}

/// A MIG device: a compute instance in a GPU instance.
#[derive(Debug)]
pub(crate) struct MigHandle {
    pub(crate) handle: Handle,
    /// As `nvidia-smi -L` prints it: its place in the driver's own list.
    pub(crate) number: u32,
    pub(crate) gpu_instance: u32,
    pub(crate) compute_instance: u32,
    pub(crate) uuid: Arc<str>,
    pub(crate) slices: Option<u32>,
    pub(crate) memory_bytes: Option<u64>,
    instance: Instance,
}

impl Partition {
    pub(crate) fn read(driver: &Metered, device: Handle) -> Self {
        let most = driver.max_mig_device_count(device).unwrap_or(MIG_DEVICES);
        let profiles = profiles(driver, device);
        let slices = profiles.iter().map(|profile| profile.slice_count).max();
        let devices: Vec<_> =
            (0..most).filter_map(|number| mig_handle(driver, device, number)).collect();
        let mut instances = instances(driver, device, &profiles);
        for mig in &devices {
            if !instances.iter().any(|known| known.id == mig.gpu_instance) {
                instances.push(mig.instance.clone());
            }
        }
        instances.sort_by_key(|instance| instance.id);
        Self { instances, devices, max_slices: slices.unwrap_or(most) }
    }

    /// GPU instances that nothing can run in.
    pub(crate) fn without_ci(&self) -> Vec<IdleInstance> {
        let used = |id| self.devices.iter().any(|mig| mig.gpu_instance == id);
        let idle = self.instances.iter().filter(|instance| !used(instance.id));
        idle.map(|i| IdleInstance { gpu_instance: i.id, profile: i.profile.as_ref().into() })
            .collect()
    }
}

fn profiles(driver: &Metered, device: Handle) -> Vec<GpuInstanceProfile> {
    let mut found: Vec<GpuInstanceProfile> = Vec::new();
    for profile in 0..PROFILES {
        match driver.gpu_instance_profile(device, profile) {
            // Two numbers can stand for one profile on a chip: the id counts.
            Ok(profile) if found.iter().all(|known| known.id != profile.id) => found.push(profile),
            Err(Return::INVALID_ARGUMENT | Return::FUNCTION_NOT_FOUND) => break,
            Ok(_) | Err(_) => {}
        }
    }
    found
}

fn instances(driver: &Metered, device: Handle, profiles: &[GpuInstanceProfile]) -> Vec<Instance> {
    let mut found: Vec<Instance> = Vec::new();
    for profile in profiles {
        for instance in driver.gpu_instances(device, profile.id).unwrap_or_default() {
            if found.iter().all(|known| known.id != instance.id) {
                let (profile, slices) = (profile_name(profile).into(), Some(profile.slice_count));
                found.push(Instance { id: instance.id, profile, slices });
            }
        }
    }
    found
}

/// Old drivers give no name: it is made as theirs are, slices and memory rounded up to GB.
fn profile_name(profile: &GpuInstanceProfile) -> String {
    let named = profile.name.trim_start_matches("MIG ");
    if named.is_empty() {
        format!("{}g.{}gb", profile.slice_count, profile.memory_size_mb.div_ceil(1024))
    } else {
        named.to_owned()
    }
}

fn mig_handle(driver: &Metered, device: Handle, number: u32) -> Option<MigHandle> {
    let handle = driver.mig_device_by_index(device, number).ok()?;
    let gpu_instance = driver.gpu_instance_id(handle).ok()?;
    let compute_instance = driver.compute_instance_id(handle).ok()?;
    let uuid = driver.uuid(handle).ok()?.into();
    let name = driver.name(handle).unwrap_or_default();
    let profile = profile_of(&name);
    let attributes = driver.attributes(handle).ok();
    let memory = probe::memory(driver, handle).value().map(|memory| memory.total);
    let slices_of_instance =
        attributes.map(|a| a.gpu_instance_slice_count).or_else(|| leading(profile, 'g'));
    let slices = attributes
        .map(|a| a.compute_instance_slice_count)
        .or_else(|| leading(after_mig(&name), 'c'))
        .or(slices_of_instance);
    Some(MigHandle {
        handle,
        number,
        gpu_instance,
        compute_instance,
        uuid,
        slices,
        memory_bytes: memory.or_else(|| attributes.map(|a| a.memory_size_mb << 20)),
        instance: Instance {
            id: gpu_instance,
            profile: profile.into(),
            slices: slices_of_instance,
        },
    })
}

/// `1c.3g.40gb` in `NVIDIA H100 80GB HBM3 MIG 1c.3g.40gb`.
fn after_mig(name: &str) -> &str {
    name.rsplit_once("MIG ").map_or("", |(_, profile)| profile.trim())
}

/// The GPU instance's profile: what stands after `MIG`, without the compute instance's part `1c.`.
fn profile_of(name: &str) -> &str {
    let profile = after_mig(name);
    match profile.split_once('.') {
        Some((part, rest)) if leading(part, 'c').is_some() => rest,
        _ => profile,
    }
}

/// The number before a letter at the start: 3 of `3g.40gb`.
fn leading(text: &str, letter: char) -> Option<u32> {
    let first = text.split('.').next()?;
    first.strip_suffix(letter)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_from_the_name_without_the_compute_instance() {
        assert_eq!(profile_of("NVIDIA H100 80GB HBM3 MIG 1c.3g.40gb"), "3g.40gb");
        assert_eq!(profile_of("NVIDIA H100 80GB HBM3 MIG 1g.10gb+me"), "1g.10gb+me");
        assert_eq!(profile_of("NVIDIA A30"), "");
        assert_eq!(leading("1c.3g.40gb", 'c'), Some(1));
        assert_eq!(leading("3g.40gb", 'g'), Some(3));
        assert_eq!(leading("cg", 'g'), None);
    }

    #[test]
    fn a_profile_without_name_is_named_by_slices_and_memory() {
        let profile = |slice_count, memory_size_mb| GpuInstanceProfile {
            slice_count,
            memory_size_mb,
            ..GpuInstanceProfile::default()
        };
        assert_eq!(profile_name(&profile(1, 9984)), "1g.10gb");
        assert_eq!(profile_name(&profile(3, 40448)), "3g.40gb");
        let named = GpuInstanceProfile { name: "MIG 1g.10gb+me".into(), ..profile(1, 9984) };
        assert_eq!(profile_name(&named), "1g.10gb+me");
    }
}
