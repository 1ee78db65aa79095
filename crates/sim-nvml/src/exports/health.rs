//! Errors of the memory and its repair.

use gpu::nvml::{Driver as _, EccCounterType, EccErrorType, Result, Return};

use nvml_wrapper_sys::bindings::{nvmlEccSramErrorStatus_v1_t, nvmlRowRemapperHistogramValues_t};
use sim::driver::SramEccErrorStatus;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::{InOut, Out, version_word};

/// `nvmlEccSramErrorStatus_v1`, 0x01000068.
const SRAM_V1: u32 = version_word::<nvmlEccSramErrorStatus_v1_t>(1);

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

    /// `nvmlDeviceGetMemoryErrorCounter`
    fn nvmlDeviceGetMemoryErrorCounter(
        driver, device: Opaque, error: u32, counter: u32, location: u32, count: Out<u64>,
    ) {
        let (error, counter) = (error_type(error)?, counter_type(counter)?);
        count.put(driver.memory_error_counter(device.get()?, error, counter, location)?)
    }

    /// `nvmlDeviceGetSramEccErrorStatus`
    fn nvmlDeviceGetSramEccErrorStatus(
        driver, device: Opaque, status: InOut<nvmlEccSramErrorStatus_v1_t>,
    ) {
        status.expect_version(SRAM_V1)?;
        status.out().put(sram_status(&driver.sram_ecc_error_status(device.get()?)?))
    }

    /// `nvmlDeviceGetRowRemapperHistogram`
    fn nvmlDeviceGetRowRemapperHistogram(
        driver, device: Opaque, banks: Out<nvmlRowRemapperHistogramValues_t>,
    ) {
        let found = driver.row_remapper_histogram(device.get()?)?;
        banks.put(nvmlRowRemapperHistogramValues_t {
            max: found.max,
            high: found.high,
            partial: found.partial,
            low: found.low,
            none: found.none,
        })
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

/// The buckets by unit are not counted apart.
const fn sram_status(found: &SramEccErrorStatus) -> nvmlEccSramErrorStatus_v1_t {
    nvmlEccSramErrorStatus_v1_t {
        version: SRAM_V1,
        aggregateUncParity: found.aggregate_unc_parity,
        aggregateUncSecDed: found.aggregate_unc_sec_ded,
        aggregateCor: found.aggregate_cor,
        volatileUncParity: found.volatile_unc_parity,
        volatileUncSecDed: found.volatile_unc_sec_ded,
        volatileCor: found.volatile_cor,
        aggregateUncBucketL2: 0,
        aggregateUncBucketSm: 0,
        aggregateUncBucketPcie: 0,
        aggregateUncBucketMcu: 0,
        aggregateUncBucketOther: 0,
        bThresholdExceeded: found.threshold_exceeded as u32,
    }
}
