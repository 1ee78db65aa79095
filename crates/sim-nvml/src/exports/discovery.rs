//! How many GPUs there are, and the ways to a handle.

use gpu::nvml::{Driver, Handle, PciInfo, Result, Return};

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::{Out, Text};

exports! {
    /// `nvmlDeviceGetCount`
    fn nvmlDeviceGetCount(driver, count: Out<u32>) { count.put(driver.device_count()?) }

    /// `nvmlDeviceGetCount_v2`
    fn nvmlDeviceGetCount_v2(driver, count: Out<u32>) { count.put(driver.device_count()?) }

    /// `nvmlDeviceGetHandleByIndex`
    fn nvmlDeviceGetHandleByIndex(driver, index: u32, device: Out<Opaque>) {
        device.put(Opaque::of(driver.device_handle_by_index(index)?))
    }

    /// `nvmlDeviceGetHandleByIndex_v2`
    fn nvmlDeviceGetHandleByIndex_v2(driver, index: u32, device: Out<Opaque>) {
        device.put(Opaque::of(driver.device_handle_by_index(index)?))
    }

    /// `nvmlDeviceGetHandleByPciBusId`
    fn nvmlDeviceGetHandleByPciBusId(driver, bus_id: Text, device: Out<Opaque>) {
        device.put(Opaque::of(by_pci(driver, &bus_id.read()?)?))
    }

    /// `nvmlDeviceGetHandleByPciBusId_v2`
    fn nvmlDeviceGetHandleByPciBusId_v2(driver, bus_id: Text, device: Out<Opaque>) {
        device.put(Opaque::of(by_pci(driver, &bus_id.read()?)?))
    }

    /// `nvmlDeviceGetHandleByUUID`: of a GPU or of a MIG device.
    fn nvmlDeviceGetHandleByUUID(driver, uuid: Text, device: Out<Opaque>) {
        let wanted = uuid.read()?;
        let found = gpus(driver)
            .flat_map(|gpu| std::iter::once(gpu).chain(mig_devices(driver, gpu)))
            .find(|&device| driver.uuid(device).is_ok_and(|uuid| uuid == wanted));
        device.put(Opaque::of(found.ok_or(Return::NOT_FOUND)?))
    }

    /// `nvmlDeviceGetHandleBySerial`
    fn nvmlDeviceGetHandleBySerial(driver, serial: Text, device: Out<Opaque>) {
        let wanted = serial.read()?;
        let found =
            gpus(driver).find(|&gpu| driver.serial(gpu).is_ok_and(|serial| serial == wanted));
        device.put(Opaque::of(found.ok_or(Return::NOT_FOUND)?))
    }

    /// `nvmlDeviceGetIndex`: of a GPU among the GPUs, of a MIG device on its GPU.
    fn nvmlDeviceGetIndex(driver, device: Opaque, index: Out<u32>) {
        let wanted = device.get()?;
        // A GPU that is lost says so; its place in the list is then not asked for.
        driver.uuid(wanted)?;
        index.put(index_of(driver, wanted).ok_or(Return::INVALID_ARGUMENT)?)
    }
}

/// The GPUs that answer, in the driver's order.
pub(super) fn gpus(driver: &impl Driver) -> impl Iterator<Item = Handle> {
    (0..driver.device_count().unwrap_or(0))
        .filter_map(move |index| driver.device_handle_by_index(index).ok())
}

/// The MIG devices of a GPU; numbers may have holes.
pub(super) fn mig_devices(driver: &impl Driver, gpu: Handle) -> impl Iterator<Item = Handle> {
    (0..driver.max_mig_device_count(gpu).unwrap_or(0))
        .filter_map(move |index| driver.mig_device_by_index(gpu, index).ok())
}

fn index_of(driver: &impl Driver, wanted: Handle) -> Option<u32> {
    let count = driver.device_count().ok()?;
    let is_it = |handle: Result<Handle>| handle == Ok(wanted);
    (0..count).find(|&index| is_it(driver.device_handle_by_index(index))).or_else(|| {
        gpus(driver).find_map(|gpu| {
            let most = driver.max_mig_device_count(gpu).unwrap_or(0);
            (0..most).find(|&index| is_it(driver.mig_device_by_index(gpu, index)))
        })
    })
}

fn by_pci(driver: &impl Driver, bus_id: &str) -> Result<Handle> {
    let wanted = parse_bus_id(bus_id).ok_or(Return::INVALID_ARGUMENT)?;
    gpus(driver)
        .find(|&gpu| driver.pci_info(gpu).is_ok_and(|pci| address(&pci) == wanted))
        .ok_or(Return::NOT_FOUND)
}

const fn address(pci: &PciInfo) -> (u32, u32, u32) {
    (pci.domain, pci.bus, pci.device)
}

/// Domain, bus and device of `0000:1B:00.0`, in either length of the domain.
fn parse_bus_id(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts =
        text.split(':').map(|part| u32::from_str_radix(part.split('.').next()?, 16).ok());
    let address = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(address)
}

#[cfg(test)]
mod tests {
    use super::parse_bus_id;

    #[test]
    fn a_bus_id_is_read_with_a_domain_of_four_and_of_eight_digits() {
        assert_eq!(parse_bus_id("0000:1B:00.0"), Some((0, 0x1b, 0)));
        assert_eq!(parse_bus_id("00000001:1b:0a.0"), Some((1, 0x1b, 10)));
        assert_eq!(parse_bus_id("1b:00.0"), None);
        assert_eq!(parse_bus_id("0:0:0:0"), None);
    }
}
