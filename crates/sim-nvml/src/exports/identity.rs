//! What a device is: names, numbers, place on the bus, modes.

use std::ffi::c_char;

use gpu::nvml::{Driver as _, PciInfo, Return};
use nvml_wrapper_sys::bindings::{nvmlGridLicensableFeatures_t, nvmlPciInfo_t};

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::Out;

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
        let (a, b) = compute_capability(driver.architecture(device.get()?)?)
            .ok_or(Return::NOT_SUPPORTED)?;
        major.put(a)?;
        minor.put(b)
    }

    /// `nvmlDeviceGetBrand`
    fn nvmlDeviceGetBrand(driver, device: Opaque, brand: Out<u32>) {
        brand.put(brand_of(&driver.name(device.get()?)?))
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

/// By `NVML_DEVICE_ARCH_*`; for a generation with several, that of its data centre chip.
const fn compute_capability(architecture: u32) -> Option<(i32, i32)> {
    match architecture {
        5 => Some((7, 0)),
        6 => Some((7, 5)),
        7 => Some((8, 0)),
        8 => Some((8, 9)),
        9 => Some((9, 0)),
        10 => Some((10, 0)),
        _ => None,
    }
}

/// `NVML_BRAND_*`: GeForce is 5, Titan 6, and boards without an older brand are NVIDIA, 14.
fn brand_of(name: &str) -> u32 {
    if name.contains("GeForce") {
        5
    } else if name.contains("TITAN") {
        6
    } else {
        14
    }
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
