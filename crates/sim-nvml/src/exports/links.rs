//! NVLink, the fabric, and how GPUs lie to each other.

use gpu::nvml::{Driver as _, Return};
use nvml_wrapper_sys::bindings::{nvmlGpuFabricInfo_v2_t, nvmlGpuFabricInfo_v3_t};
use sim::driver::FabricInfo;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::{InOut, Out, version_word};

/// Version words of the two structures of the V call.
const FABRIC_V2: u32 = version_word::<nvmlGpuFabricInfo_v2_t>(2);
const FABRIC_V3: u32 = version_word::<nvmlGpuFabricInfo_v3_t>(3);
/// `NVML_GPU_FABRIC_HEALTH_SUMMARY_HEALTHY`.
const HEALTHY: u8 = 1;

exports! {
    /// `nvmlDeviceGetNvLinkState`
    fn nvmlDeviceGetNvLinkState(driver, device: Opaque, link: u32, active: Out<u32>) {
        active.put(u32::from(driver.nvlink_state(device.get()?, link)?))
    }

    /// `nvmlDeviceGetNvLinkErrorCounter`
    fn nvmlDeviceGetNvLinkErrorCounter(
        driver, device: Opaque, link: u32, counter: u32, count: Out<u64>,
    ) {
        count.put(driver.nvlink_error_counter(device.get()?, link, counter)?)
    }

    /// `nvmlDeviceGetNvLinkRemoteDeviceType`
    fn nvmlDeviceGetNvLinkRemoteDeviceType(
        driver, device: Opaque, link: u32, kind: Out<u32>,
    ) {
        kind.put(driver.nvlink_remote_device_type(device.get()?, link)?)
    }

    /// `nvmlDeviceGetP2PStatus`: the same for every kind of access.
    fn nvmlDeviceGetP2PStatus(
        driver, device: Opaque, other: Opaque, _access: u32, status: Out<u32>,
    ) {
        status.put(driver.p2p_status(device.get()?, other.get()?)?)
    }

    /// `nvmlDeviceGetTopologyCommonAncestor`
    fn nvmlDeviceGetTopologyCommonAncestor(
        driver, device: Opaque, other: Opaque, level: Out<u32>,
    ) {
        level.put(driver.topology_common_ancestor(device.get()?, other.get()?)?)
    }

    /// `nvmlDeviceGetGpuFabricInfoV`: takes the version words of both structures.
    fn nvmlDeviceGetGpuFabricInfoV(
        driver, device: Opaque, info: InOut<nvmlGpuFabricInfo_v2_t>,
    ) {
        let version = info.version()?;
        if version != FABRIC_V2 && version != FABRIC_V3 {
            return Err(Return::ARGUMENT_VERSION_MISMATCH);
        }
        let found = driver.gpu_fabric_info(device.get()?)?;
        if version == FABRIC_V2 {
            info.out().put(fabric_v2(&found))
        } else {
            info.behind(0).out().put(fabric_v3(&found))
        }
    }
}

const fn fabric_v2(found: &FabricInfo) -> nvmlGpuFabricInfo_v2_t {
    nvmlGpuFabricInfo_v2_t {
        version: FABRIC_V2,
        clusterUuid: found.cluster_uuid,
        status: found.status,
        cliqueId: found.clique_id,
        state: found.state,
        healthMask: found.health_mask,
    }
}

const fn fabric_v3(found: &FabricInfo) -> nvmlGpuFabricInfo_v3_t {
    nvmlGpuFabricInfo_v3_t {
        version: FABRIC_V3,
        clusterUuid: found.cluster_uuid,
        status: found.status,
        cliqueId: found.clique_id,
        state: found.state,
        healthMask: found.health_mask,
        healthSummary: HEALTHY,
    }
}
