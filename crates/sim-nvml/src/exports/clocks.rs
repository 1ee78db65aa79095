//! Clocks and the performance state.

use gpu::nvml::{ClockType, Driver as _, Result, Return};

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::Out;

exports! {
    /// `nvmlDeviceGetClockInfo`
    fn nvmlDeviceGetClockInfo(driver, device: Opaque, clock: u32, megahertz: Out<u32>) {
        megahertz.put(driver.clock_info(device.get()?, clock_type(clock)?)?)
    }

    /// `nvmlDeviceGetPerformanceState`
    fn nvmlDeviceGetPerformanceState(driver, device: Opaque, state: Out<u32>) {
        state.put(driver.performance_state(device.get()?)?)
    }
}

/// `nvmlClockType_t`.
pub(super) const fn clock_type(number: u32) -> Result<ClockType> {
    match number {
        0 => Ok(ClockType::Graphics),
        1 => Ok(ClockType::Sm),
        2 => Ok(ClockType::Memory),
        3 => Ok(ClockType::Video),
        _ => Err(Return::INVALID_ARGUMENT),
    }
}
