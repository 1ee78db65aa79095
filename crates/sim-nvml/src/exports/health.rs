//! Errors of the memory and its repair.

use gpu::nvml::{Driver as _, EccCounterType, EccErrorType, Result, Return};

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::Out;

exports! {
    /// `nvmlDeviceGetEccMode`: a change of mode is never pending here.
    fn nvmlDeviceGetEccMode(driver, device: Opaque, current: Out<u32>, pending: Out<u32>) {
        let mode = driver.ecc_mode(device.get()?)?;
        current.put(mode)?;
        pending.put(mode)
    }

    /// `nvmlDeviceGetTotalEccErrors`
    fn nvmlDeviceGetTotalEccErrors(
        driver, device: Opaque, error: u32, counter: u32, count: Out<u64>,
    ) {
        let device = device.get()?;
        count.put(driver.total_ecc_errors(device, error_type(error)?, counter_type(counter)?)?)
    }

    /// `nvmlDeviceGetRemappedRows`
    fn nvmlDeviceGetRemappedRows(
        driver,
        device: Opaque,
        correctable: Out<u32>,
        uncorrectable: Out<u32>,
        pending: Out<u32>,
        failure: Out<u32>,
    ) {
        let rows = driver.remapped_rows(device.get()?)?;
        correctable.put(rows.correctable)?;
        uncorrectable.put(rows.uncorrectable)?;
        pending.put(u32::from(rows.pending))?;
        failure.put(u32::from(rows.failure))
    }
}

/// `nvmlMemoryErrorType_t`.
const fn error_type(number: u32) -> Result<EccErrorType> {
    match number {
        0 => Ok(EccErrorType::Corrected),
        1 => Ok(EccErrorType::Uncorrected),
        _ => Err(Return::INVALID_ARGUMENT),
    }
}

/// `nvmlEccCounterType_t`.
const fn counter_type(number: u32) -> Result<EccCounterType> {
    match number {
        0 => Ok(EccCounterType::Volatile),
        1 => Ok(EccCounterType::Aggregate),
        _ => Err(Return::INVALID_ARGUMENT),
    }
}
