//! What a device is: names, numbers, place on the bus, modes.

use std::ffi::c_char;

use gpu::nvml::{Driver as _, PciInfo, Return};
use nvml_wrapper_sys::bindings::{nvmlGridLicensableFeatures_t, nvmlPciInfo_t};

use gpu::nvml::InforomObject;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::Out;

/// `NVML_GSP_FIRMWARE_VERSION_BUF_SIZE`.
const GSP_VERSION_BYTES: u32 = 64;
/// Words of the longest CPU mask that is filled: 4096 CPUs.
const MAX_CPU_WORDS: u32 = 64;

exports! {
    /// `nvmlDeviceGetName`
    fn nvmlDeviceGetName(driver, device: Opaque, name: Out<c_char>, length: u32) {
        name.put_text(length, &driver.name(device.get()?)?)
    }

    /// `nvmlDeviceGetUUID`
    fn nvmlDeviceGetUUID(driver, device: Opaque, uuid: Out<c_char>, length: u32) {
        uuid.put_text(length, &driver.uuid(device.get()?)?)
    }

    /// `nvmlDeviceGetSerial`
    fn nvmlDeviceGetSerial(driver, device: Opaque, serial: Out<c_char>, length: u32) {
        serial.put_text(length, &driver.serial(device.get()?)?)
    }

    /// `nvmlDeviceGetMinorNumber`
    fn nvmlDeviceGetMinorNumber(driver, device: Opaque, minor: Out<u32>) {
        minor.put(driver.minor_number(device.get()?)?)
    }

    /// `nvmlDeviceGetPciInfo`: 32 bytes, before the subsystem id was added.
    fn nvmlDeviceGetPciInfo(driver, device: Opaque, pci: Out<PciInfoV1>) {
        pci.put(pci_info_v1(&driver.pci_info(device.get()?)?))
    }

    /// `nvmlDeviceGetPciInfo_v2`: 36 bytes and 16 reserved ones that are not written.
    fn nvmlDeviceGetPciInfo_v2(driver, device: Opaque, pci: Out<PciInfoV2>) {
        let info = driver.pci_info(device.get()?)?;
        pci.put(PciInfoV2 { older: pci_info_v1(&info), pci_sub_system_id: info.pci_sub_system_id })
    }

    /// `nvmlDeviceGetPciInfo_v3`
    fn nvmlDeviceGetPciInfo_v3(driver, device: Opaque, pci: Out<nvmlPciInfo_t>) {
        let info = driver.pci_info(device.get()?)?;
        pci.put(nvmlPciInfo_t {
            busIdLegacy: chars(&legacy_bus_id(&info)),
            domain: info.domain,
            bus: info.bus,
            device: info.device,
            pciDeviceId: info.pci_device_id,
            pciSubSystemId: info.pci_sub_system_id,
            busId: chars(&info.bus_id),
        })
    }

    /// `nvmlDeviceGetArchitecture`
    fn nvmlDeviceGetArchitecture(driver, device: Opaque, architecture: Out<u32>) {
        architecture.put(driver.architecture(device.get()?)?)
    }

    /// `nvmlDeviceGetCudaComputeCapability`
    fn nvmlDeviceGetCudaComputeCapability(
        driver, device: Opaque, major: Out<i32>, minor: Out<i32>,
    ) {
        let found = driver.cuda_compute_capability(device.get()?)?;
        major.put(found.0)?;
        minor.put(found.1)
    }

    /// `nvmlDeviceGetBrand`
    fn nvmlDeviceGetBrand(driver, device: Opaque, brand: Out<u32>) {
        brand.put(driver.brand(device.get()?)?)
    }

    /// `nvmlDeviceGetVbiosVersion`
    fn nvmlDeviceGetVbiosVersion(driver, device: Opaque, version: Out<c_char>, length: u32) {
        version.put_text(length, &driver.vbios_version(device.get()?)?)
    }

    /// `nvmlDeviceGetBoardPartNumber`
    fn nvmlDeviceGetBoardPartNumber(driver, device: Opaque, number: Out<c_char>, length: u32) {
        number.put_text(length, &driver.board_part_number(device.get()?)?)
    }

    /// `nvmlDeviceGetBoardId`
    fn nvmlDeviceGetBoardId(driver, device: Opaque, id: Out<u32>) {
        id.put(driver.board_id(device.get()?)?)
    }

    /// `nvmlDeviceGetMultiGpuBoard`
    fn nvmlDeviceGetMultiGpuBoard(driver, device: Opaque, several: Out<u32>) {
        several.put(u32::from(driver.multi_gpu_board(device.get()?)?))
    }

    /// `nvmlDeviceGetInforomImageVersion`
    fn nvmlDeviceGetInforomImageVersion(
        driver, device: Opaque, version: Out<c_char>, length: u32,
    ) {
        version.put_text(length, &driver.inforom_image_version(device.get()?)?)
    }

    /// `nvmlDeviceGetInforomVersion`
    fn nvmlDeviceGetInforomVersion(
        driver, device: Opaque, object: u32, version: Out<c_char>, length: u32,
    ) {
        let object = match object {
            0 => InforomObject::Oem,
            1 => InforomObject::Ecc,
            2 => InforomObject::Power,
            _ => return Err(Return::INVALID_ARGUMENT),
        };
        version.put_text(length, &driver.inforom_version(device.get()?, object)?)
    }

    /// `nvmlDeviceGetGspFirmwareVersion`: the caller's buffer holds 64 bytes.
    fn nvmlDeviceGetGspFirmwareVersion(driver, device: Opaque, version: Out<c_char>) {
        version.put_text(GSP_VERSION_BYTES, &driver.gsp_firmware_version(device.get()?)?)
    }

    /// `nvmlDeviceGetGspFirmwareMode`
    fn nvmlDeviceGetGspFirmwareMode(
        driver, device: Opaque, enabled: Out<u32>, by_default: Out<u32>,
    ) {
        let (now, usually) = driver.gsp_firmware_mode(device.get()?)?;
        enabled.put(u32::from(now))?;
        by_default.put(u32::from(usually))
    }

    /// `nvmlDeviceGetDisplayActive`
    fn nvmlDeviceGetDisplayActive(driver, device: Opaque, active: Out<u32>) {
        active.put(driver.display_active(device.get()?)?)
    }

    /// `nvmlDeviceGetDisplayMode`
    fn nvmlDeviceGetDisplayMode(driver, device: Opaque, mode: Out<u32>) {
        mode.put(driver.display_mode(device.get()?)?)
    }

    /// `nvmlDeviceGetDriverModel_v2`
    fn nvmlDeviceGetDriverModel_v2(
        driver, device: Opaque, current: Out<u32>, pending: Out<u32>,
    ) {
        let (now, next) = driver.driver_model(device.get()?)?;
        current.put(now)?;
        pending.put(next)
    }

    /// `nvmlDeviceGetNumaNodeId`
    fn nvmlDeviceGetNumaNodeId(driver, device: Opaque, node: Out<u32>) {
        node.put(driver.numa_node_id(device.get()?)?)
    }

    /// `nvmlDeviceGetHostVgpuMode`
    fn nvmlDeviceGetHostVgpuMode(driver, device: Opaque, mode: Out<u32>) {
        mode.put(driver.host_vgpu_mode(device.get()?)?)
    }

    /// `nvmlDeviceGetCpuAffinity`: the mask has one word, further ones are zero.
    fn nvmlDeviceGetCpuAffinity(driver, device: Opaque, words: u32, mask: Out<u64>) {
        if words == 0 {
            return Err(Return::INVALID_ARGUMENT);
        }
        let first = driver.cpu_affinity(device.get()?)?;
        let more = words.min(MAX_CPU_WORDS) as usize - 1;
        mask.put_all(std::iter::once(first).chain(std::iter::repeat_n(0, more)))
    }

    /// `nvmlDeviceGetComputeMode`
    fn nvmlDeviceGetComputeMode(driver, device: Opaque, mode: Out<u32>) {
        mode.put(driver.compute_mode(device.get()?)?)
    }

    /// `nvmlDeviceGetPersistenceMode`
    fn nvmlDeviceGetPersistenceMode(driver, device: Opaque, mode: Out<u32>) {
        mode.put(driver.persistence_mode(device.get()?)?)
    }

    /// `nvmlDeviceGetVirtualizationMode`
    fn nvmlDeviceGetVirtualizationMode(driver, device: Opaque, mode: Out<u32>) {
        mode.put(driver.virtualization_mode(device.get()?)?)
    }

    /// `nvmlDeviceGetGridLicensableFeatures_v4`: one feature where one is licensed, else none.
    fn nvmlDeviceGetGridLicensableFeatures_v4(
        driver, device: Opaque, features: Out<nvmlGridLicensableFeatures_t>,
    ) {
        let licensed = driver.vgpu_licensed(device.get()?)?;
        features.put(licensable(licensed))
    }
}

/// What `nvmlDeviceGetPciInfo` writes.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct PciInfoV1 {
    bus_id: [c_char; 16],
    domain: u32,
    bus: u32,
    device: u32,
    pci_device_id: u32,
}

/// What `nvmlDeviceGetPciInfo_v2` writes.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct PciInfoV2 {
    older: PciInfoV1,
    pci_sub_system_id: u32,
}

fn pci_info_v1(info: &PciInfo) -> PciInfoV1 {
    PciInfoV1 {
        bus_id: chars(&legacy_bus_id(info)),
        domain: info.domain,
        bus: info.bus,
        device: info.device,
        pci_device_id: info.pci_device_id,
    }
}

/// The form with a domain of four digits.
fn legacy_bus_id(info: &PciInfo) -> String {
    format!("{:04X}:{:02X}:{:02X}.0", info.domain, info.bus, info.device)
}

/// A text in a fixed array, cut to leave room for its NUL.
pub(super) fn chars<const N: usize>(text: &str) -> [c_char; N] {
    let mut array = [0; N];
    for (slot, byte) in array.iter_mut().zip(text.bytes().take(N - 1)) {
        *slot = byte.cast_signed();
    }
    array
}

fn licensable(licensed: bool) -> nvmlGridLicensableFeatures_t {
    use nvml_wrapper_sys::bindings::{nvmlGridLicensableFeature_t, nvmlGridLicenseExpiry_st};
    let none = nvmlGridLicensableFeature_t {
        featureCode: 0,
        featureState: 0,
        licenseInfo: [0; 128],
        productName: [0; 128],
        featureEnabled: 0,
        licenseExpiry: nvmlGridLicenseExpiry_st {
            year: 0,
            month: 0,
            day: 0,
            hour: 0,
            min: 0,
            sec: 0,
            status: 0,
        },
    };
    let mut features = nvmlGridLicensableFeatures_t {
        isGridLicenseSupported: i32::from(licensed),
        licensableFeaturesCount: u32::from(licensed),
        gridLicensableFeatures: [none; 3],
    };
    if licensed {
        // NVML_GRID_LICENSE_FEATURE_CODE_VGPU, with a licence.
        let first = &mut features.gridLicensableFeatures[0];
        (first.featureCode, first.featureState, first.featureEnabled) = (1, 1, 1);
    }
    features
}
