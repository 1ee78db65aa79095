//! Clocks and the performance state.

use gpu::nvml::{ClockType, Driver as _, Result, Return};

use nvml_wrapper_sys::bindings::nvmlViolationTime_t;
use sim::driver::PerfPolicy;

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

    /// `nvmlDeviceGetMaxClockInfo`
    fn nvmlDeviceGetMaxClockInfo(driver, device: Opaque, clock: u32, megahertz: Out<u32>) {
        megahertz.put(driver.max_clock_info(device.get()?, clock_type(clock)?)?)
    }

    /// `nvmlDeviceGetClock`
    fn nvmlDeviceGetClock(driver, device: Opaque, clock: u32, id: u32, megahertz: Out<u32>) {
        megahertz.put(driver.clock(device.get()?, clock_type(clock)?, id)?)
    }

    /// `nvmlDeviceGetMaxCustomerBoostClock`
    fn nvmlDeviceGetMaxCustomerBoostClock(
        driver, device: Opaque, clock: u32, megahertz: Out<u32>,
    ) {
        megahertz.put(driver.max_customer_boost_clock(device.get()?, clock_type(clock)?)?)
    }

    /// `nvmlDeviceGetApplicationsClock`
    fn nvmlDeviceGetApplicationsClock(driver, device: Opaque, clock: u32, megahertz: Out<u32>) {
        megahertz.put(driver.applications_clock(device.get()?, clock_type(clock)?)?)
    }

    /// `nvmlDeviceGetCurrentClocksEventReasons`
    fn nvmlDeviceGetCurrentClocksEventReasons(driver, device: Opaque, reasons: Out<u64>) {
        reasons.put(driver.current_clocks_event_reasons(device.get()?)?)
    }

    /// `nvmlDeviceGetCurrentClocksThrottleReasons`: the older name.
    fn nvmlDeviceGetCurrentClocksThrottleReasons(driver, device: Opaque, reasons: Out<u64>) {
        reasons.put(driver.current_clocks_event_reasons(device.get()?)?)
    }

    /// `nvmlDeviceGetSupportedClocksEventReasons`
    fn nvmlDeviceGetSupportedClocksEventReasons(driver, device: Opaque, reasons: Out<u64>) {
        reasons.put(driver.supported_clocks_event_reasons(device.get()?)?)
    }

    /// `nvmlDeviceGetSupportedClocksThrottleReasons`: the older name.
    fn nvmlDeviceGetSupportedClocksThrottleReasons(driver, device: Opaque, reasons: Out<u64>) {
        reasons.put(driver.supported_clocks_event_reasons(device.get()?)?)
    }

    /// `nvmlDeviceGetViolationStatus`
    fn nvmlDeviceGetViolationStatus(
        driver, device: Opaque, policy: u32, time: Out<nvmlViolationTime_t>,
    ) {
        let found = driver.violation_status(device.get()?, perf_policy(policy)?)?;
        time.put(nvmlViolationTime_t {
            referenceTime: found.reference_time_us,
            violationTime: found.violation_time_ns,
        })
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

/// `nvmlPerfPolicyType_t`; the two totals beyond are not counted here.
const fn perf_policy(number: u32) -> Result<PerfPolicy> {
    match number {
        0 => Ok(PerfPolicy::Power),
        1 => Ok(PerfPolicy::Thermal),
        2 => Ok(PerfPolicy::SyncBoost),
        3 => Ok(PerfPolicy::BoardLimit),
        4 => Ok(PerfPolicy::LowUtilization),
        5 => Ok(PerfPolicy::Reliability),
        10 | 11 => Err(Return::NOT_SUPPORTED),
        _ => Err(Return::INVALID_ARGUMENT),
    }
}
