//! How many GPUs there are, and the ways to a handle.

use gpu::nvml::{Driver as _, Return};

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
        device.put(Opaque::of(driver.handle_by_pci_bus_id(&bus_id.read()?)?))
    }

    /// `nvmlDeviceGetHandleByPciBusId_v2`
    fn nvmlDeviceGetHandleByPciBusId_v2(driver, bus_id: Text, device: Out<Opaque>) {
        device.put(Opaque::of(driver.handle_by_pci_bus_id(&bus_id.read()?)?))
    }

    /// `nvmlDeviceGetHandleByUUID`: of a GPU or of a MIG device.
    fn nvmlDeviceGetHandleByUUID(driver, uuid: Text, device: Out<Opaque>) {
        device.put(Opaque::of(driver.handle_by_uuid(&uuid.read()?)?))
    }

    /// `nvmlDeviceGetHandleBySerial`
    fn nvmlDeviceGetHandleBySerial(driver, serial: Text, device: Out<Opaque>) {
        let wanted = serial.read()?;
        let found = (0..driver.device_count()?)
            .filter_map(|index| driver.device_handle_by_index(index).ok())
            .find(|&gpu| driver.serial(gpu).is_ok_and(|serial| serial == wanted));
        device.put(Opaque::of(found.ok_or(Return::NOT_FOUND)?))
    }

    /// `nvmlDeviceGetIndex`: of a GPU among the GPUs, of a MIG device on its GPU.
    fn nvmlDeviceGetIndex(driver, device: Opaque, index: Out<u32>) {
        index.put(driver.index(device.get()?)?)
    }
}
