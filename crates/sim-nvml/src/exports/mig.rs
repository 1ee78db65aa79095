//! How a GPU is cut: modes, MIG devices, GPU instances and their profiles.

use gpu::nvml::{Driver as _, GpuInstanceProfile, Result, Return};
use nvml_wrapper_sys::bindings::{
    nvmlComputeInstanceInfo_t, nvmlComputeInstancePlacement_t, nvmlDeviceAttributes_t,
    nvmlGpuInstanceInfo_t, nvmlGpuInstancePlacement_t, nvmlGpuInstanceProfileInfo_t,
    nvmlGpuInstanceProfileInfo_v2_t, nvmlGpuInstanceProfileInfo_v3_t,
};
use sim::SimDriver;
use sim::driver::ComputeInstance;

use super::identity::chars;
use crate::boundary::exports;
use crate::handle::{ComputeHandle, Opaque};
use crate::pointer::{InOut, Out, version_word};

/// Profiles are asked for by index; nvml.h knows about 15 of them.
const MAX_PROFILES: u32 = 32;

exports! {
    /// `nvmlDeviceGetMigMode`
    fn nvmlDeviceGetMigMode(driver, device: Opaque, current: Out<u32>, pending: Out<u32>) {
        let (now, next) = driver.mig_mode(device.get()?)?;
        current.put(now)?;
        pending.put(next)
    }

    /// `nvmlDeviceGetMaxMigDeviceCount`
    fn nvmlDeviceGetMaxMigDeviceCount(driver, device: Opaque, count: Out<u32>) {
        count.put(driver.max_mig_device_count(device.get()?)?)
    }

    /// `nvmlDeviceGetMigDeviceHandleByIndex`
    fn nvmlDeviceGetMigDeviceHandleByIndex(
        driver, device: Opaque, index: u32, mig_device: Out<Opaque>,
    ) {
        mig_device.put(Opaque::of(driver.mig_device_by_index(device.get()?, index)?))
    }

    /// `nvmlDeviceIsMigDeviceHandle`
    fn nvmlDeviceIsMigDeviceHandle(driver, device: Opaque, is_mig: Out<u32>) {
        is_mig.put(u32::from(driver.is_mig_device_handle(device.get()?)?))
    }

    /// `nvmlDeviceGetDeviceHandleFromMigDeviceHandle`
    fn nvmlDeviceGetDeviceHandleFromMigDeviceHandle(
        driver, mig_device: Opaque, device: Out<Opaque>,
    ) {
        device.put(Opaque::of(driver.device_handle_from_mig_device_handle(mig_device.get()?)?))
    }

    /// `nvmlDeviceGetGpuInstanceId`
    fn nvmlDeviceGetGpuInstanceId(driver, mig_device: Opaque, id: Out<u32>) {
        id.put(driver.gpu_instance_id(mig_device.get()?)?)
    }

    /// `nvmlDeviceGetComputeInstanceId`
    fn nvmlDeviceGetComputeInstanceId(driver, mig_device: Opaque, id: Out<u32>) {
        id.put(driver.compute_instance_id(mig_device.get()?)?)
    }

    /// `nvmlDeviceGetAttributes_v2`
    fn nvmlDeviceGetAttributes_v2(
        driver, mig_device: Opaque, attributes: Out<nvmlDeviceAttributes_t>,
    ) {
        let found = driver.attributes(mig_device.get()?)?;
        attributes.put(nvmlDeviceAttributes_t {
            multiprocessorCount: found.multiprocessor_count,
            sharedCopyEngineCount: found.shared_copy_engine_count,
            sharedDecoderCount: found.shared_decoder_count,
            sharedEncoderCount: found.shared_encoder_count,
            sharedJpegCount: found.shared_jpeg_count,
            sharedOfaCount: found.shared_ofa_count,
            gpuInstanceSliceCount: found.gpu_instance_slice_count,
            computeInstanceSliceCount: found.compute_instance_slice_count,
            memorySizeMB: found.memory_size_mb,
        })
    }

    /// `nvmlDeviceGetGpuInstanceProfileInfo`
    fn nvmlDeviceGetGpuInstanceProfileInfo(
        driver, device: Opaque, profile: u32, info: Out<nvmlGpuInstanceProfileInfo_t>,
    ) {
        info.put(profile_v1(&driver.gpu_instance_profile(device.get()?, profile)?))
    }

    /// `nvmlDeviceGetGpuInstanceProfileInfoV`: takes the version words of both structures.
    fn nvmlDeviceGetGpuInstanceProfileInfoV(
        driver, device: Opaque, profile: u32, info: InOut<nvmlGpuInstanceProfileInfo_v2_t>,
    ) {
        let version = info.version()?;
        if version != PROFILE_V2 && version != PROFILE_V3 {
            return Err(Return::ARGUMENT_VERSION_MISMATCH);
        }
        let found = driver.gpu_instance_profile(device.get()?, profile)?;
        if version == PROFILE_V2 {
            info.out().put(profile_v2(&found))
        } else {
            info.behind(0).out().put(profile_v3(&found))
        }
    }

    /// `nvmlDeviceGetGpuInstances`: the caller's array holds as many as the profile allows.
    fn nvmlDeviceGetGpuInstances(
        driver, device: Opaque, profile_id: u32, instances: Out<Opaque>, count: Out<u32>,
    ) {
        if instances.is_null() || count.is_null() {
            return Err(Return::INVALID_ARGUMENT);
        }
        let found = driver.gpu_instances(device.get()?, profile_id)?;
        instances.put_all(found.iter().map(|instance| Opaque::of(instance.handle)))?;
        count.put(u32::try_from(found.len()).map_err(|_| Return::UNKNOWN)?)
    }

    /// `nvmlDeviceGetGpuInstanceById`
    fn nvmlDeviceGetGpuInstanceById(driver, device: Opaque, id: u32, instance: Out<Opaque>) {
        if instance.is_null() {
            return Err(Return::INVALID_ARGUMENT);
        }
        instance.put(Opaque::of(driver.gpu_instance_by_id(device.get()?, id)?.handle))
    }

    /// `nvmlGpuInstanceGetInfo`
    fn nvmlGpuInstanceGetInfo(driver, instance: Opaque, info: Out<nvmlGpuInstanceInfo_t>) {
        let (gpu, found) = driver.gpu_instance_info(instance.get()?)?;
        info.put(nvmlGpuInstanceInfo_t {
            device: Opaque::of(gpu).as_pointer(),
            id: found.id,
            profileId: found.profile_id,
            placement: nvmlGpuInstancePlacement_t {
                start: found.placement_start,
                size: found.placement_size,
            },
        })
    }

    /// `nvmlGpuInstanceGetComputeInstances`: the caller's array holds as many as the profile
    /// allows.
    fn nvmlGpuInstanceGetComputeInstances(
        driver, instance: Opaque, profile_id: u32, instances: Out<Opaque>, count: Out<u32>,
    ) {
        let found = driver.compute_instances(instance.get()?)?;
        let of_profile: Vec<_> = found
            .iter()
            .filter(|compute| compute.profile_id == profile_id)
            .map(|compute| Opaque::of(ComputeHandle(compute.handle)))
            .collect();
        if instances.is_null() {
            return Err(Return::INVALID_ARGUMENT);
        }
        count.put(u32::try_from(of_profile.len()).map_err(|_| Return::UNKNOWN)?)?;
        instances.put_all(of_profile)
    }

    /// `nvmlComputeInstanceGetInfo_v2`
    fn nvmlComputeInstanceGetInfo_v2(
        driver, compute: Opaque, info: Out<nvmlComputeInstanceInfo_t>,
    ) {
        let found = find_compute_instance(driver, compute.get()?)?;
        info.put(nvmlComputeInstanceInfo_t {
            device: Opaque::of(found.device).as_pointer(),
            gpuInstance: Opaque::of(found.gpu_instance).as_pointer(),
            id: found.id,
            profileId: found.profile_id,
            placement: nvmlComputeInstancePlacement_t {
                start: found.placement_start,
                size: found.placement_size,
            },
        })
    }
}

/// Version words of the two structures of the V call.
const PROFILE_V2: u32 = version_word::<nvmlGpuInstanceProfileInfo_v2_t>(2);
const PROFILE_V3: u32 = version_word::<nvmlGpuInstanceProfileInfo_v3_t>(3);

/// The compute instance of that handle: handles do not say which GPU instance they lie in, and
/// there are at most seven per GPU.
fn find_compute_instance(driver: &SimDriver, wanted: ComputeHandle) -> Result<ComputeInstance> {
    let gpus =
        (0..driver.device_count()?).filter_map(|gpu| driver.device_handle_by_index(gpu).ok());
    let instances = gpus.flat_map(|gpu| {
        (0..MAX_PROFILES)
            .filter_map(move |profile| driver.gpu_instance_profile(gpu, profile).ok())
            .filter_map(move |profile| driver.gpu_instances(gpu, profile.id).ok())
            .flatten()
    });
    instances
        .filter_map(|instance| driver.compute_instances(instance.handle).ok())
        .flatten()
        .find(|compute| compute.handle == wanted.0)
        .ok_or(Return::NOT_FOUND)
}

fn profile_v1(profile: &GpuInstanceProfile) -> nvmlGpuInstanceProfileInfo_t {
    nvmlGpuInstanceProfileInfo_t {
        id: profile.id,
        isP2pSupported: 0,
        sliceCount: profile.slice_count,
        instanceCount: profile.instance_count,
        multiprocessorCount: 0,
        copyEngineCount: 0,
        decoderCount: 0,
        encoderCount: 0,
        jpegCount: 0,
        ofaCount: 0,
        memorySizeMB: profile.memory_size_mb,
    }
}

fn profile_v2(profile: &GpuInstanceProfile) -> nvmlGpuInstanceProfileInfo_v2_t {
    nvmlGpuInstanceProfileInfo_v2_t {
        version: PROFILE_V2,
        id: profile.id,
        isP2pSupported: 0,
        sliceCount: profile.slice_count,
        instanceCount: profile.instance_count,
        multiprocessorCount: 0,
        copyEngineCount: 0,
        decoderCount: 0,
        encoderCount: 0,
        jpegCount: 0,
        ofaCount: 0,
        memorySizeMB: profile.memory_size_mb,
        name: chars(&profile.name),
    }
}

fn profile_v3(profile: &GpuInstanceProfile) -> nvmlGpuInstanceProfileInfo_v3_t {
    nvmlGpuInstanceProfileInfo_v3_t {
        version: PROFILE_V3,
        id: profile.id,
        sliceCount: profile.slice_count,
        instanceCount: profile.instance_count,
        multiprocessorCount: 0,
        copyEngineCount: 0,
        decoderCount: 0,
        encoderCount: 0,
        jpegCount: 0,
        ofaCount: 0,
        memorySizeMB: profile.memory_size_mb,
        name: chars(&profile.name),
        capabilities: 0,
    }
}
