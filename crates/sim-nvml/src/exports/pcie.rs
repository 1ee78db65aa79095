//! The PCIe link.

use gpu::nvml::{Driver as _, Return};

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::Out;

exports! {
    /// `nvmlDeviceGetPcieReplayCounter`
    fn nvmlDeviceGetPcieReplayCounter(driver, device: Opaque, replays: Out<u32>) {
        replays.put(driver.pcie_replay_counter(device.get()?)?)
    }

    /// `nvmlDeviceGetPcieThroughput`: KB/s; counter 0 is what is sent, 1 what is received.
    fn nvmlDeviceGetPcieThroughput(driver, device: Opaque, counter: u32, rate: Out<u32>) {
        if counter > 1 {
            return Err(Return::INVALID_ARGUMENT);
        }
        rate.put(driver.pcie_throughput(device.get()?, counter == 1)?)
    }

    /// `nvmlDeviceGetCurrPcieLinkGeneration`
    fn nvmlDeviceGetCurrPcieLinkGeneration(driver, device: Opaque, generation: Out<u32>) {
        generation.put(driver.curr_pcie_link_generation(device.get()?)?)
    }

    /// `nvmlDeviceGetCurrPcieLinkWidth`
    fn nvmlDeviceGetCurrPcieLinkWidth(driver, device: Opaque, lanes: Out<u32>) {
        lanes.put(driver.curr_pcie_link_width(device.get()?)?)
    }

    /// `nvmlDeviceGetMaxPcieLinkGeneration`
    fn nvmlDeviceGetMaxPcieLinkGeneration(driver, device: Opaque, generation: Out<u32>) {
        generation.put(driver.max_pcie_link_generation(device.get()?)?)
    }

    /// `nvmlDeviceGetMaxPcieLinkWidth`
    fn nvmlDeviceGetMaxPcieLinkWidth(driver, device: Opaque, lanes: Out<u32>) {
        lanes.put(driver.max_pcie_link_width(device.get()?)?)
    }
}
