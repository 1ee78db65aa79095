//! Device memory.

use gpu::nvml::Driver as _;
use nvml_wrapper_sys::bindings::{
    nvmlBAR1Memory_t, nvmlConfComputeMemSizeInfo_t, nvmlMemory_t, nvmlMemory_v2_t,
};

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::{InOut, Out, version_word};

/// `nvmlMemory_v2`, 0x02000028.
const MEMORY_V2: u32 = version_word::<nvmlMemory_v2_t>(2);

exports! {
    /// `nvmlDeviceGetMemoryInfo`: 24 bytes, `used` with the reserved part.
    fn nvmlDeviceGetMemoryInfo(driver, device: Opaque, memory: Out<nvmlMemory_t>) {
        let found = driver.memory_info_v1(device.get()?)?;
        memory.put(nvmlMemory_t { total: found.total, free: found.free, used: found.used })
    }

    /// `nvmlDeviceGetMemoryInfo_v2`
    fn nvmlDeviceGetMemoryInfo_v2(driver, device: Opaque, memory: InOut<nvmlMemory_v2_t>) {
        memory.expect_version(MEMORY_V2)?;
        let found = driver.memory_info_v2(device.get()?)?;
        memory.out().put(nvmlMemory_v2_t {
            version: MEMORY_V2,
            total: found.total,
            reserved: found.reserved,
            free: found.free,
            used: found.used,
        })
    }

    /// `nvmlDeviceGetBAR1MemoryInfo`
    fn nvmlDeviceGetBAR1MemoryInfo(driver, device: Opaque, memory: Out<nvmlBAR1Memory_t>) {
        let found = driver.bar1_memory_info(device.get()?)?;
        memory.put(nvmlBAR1Memory_t {
            bar1Total: found.total,
            bar1Free: found.free,
            bar1Used: found.used,
        })
    }

    /// `nvmlDeviceGetConfComputeMemSizeInfo`
    fn nvmlDeviceGetConfComputeMemSizeInfo(
        driver, device: Opaque, memory: Out<nvmlConfComputeMemSizeInfo_t>,
    ) {
        let (protected, unprotected) = driver.conf_compute_mem_size_info(device.get()?)?;
        memory.put(nvmlConfComputeMemSizeInfo_t {
            protectedMemSizeKib: protected,
            unprotectedMemSizeKib: unprotected,
        })
    }
}
