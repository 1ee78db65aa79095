//! The PCIe link.

use gpu::nvml::Driver as _;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::Out;

exports! {
    /// `nvmlDeviceGetPcieReplayCounter`
    fn nvmlDeviceGetPcieReplayCounter(driver, device: Opaque, replays: Out<u32>) {
        replays.put(driver.pcie_replay_counter(device.get()?)?)
    }
}
