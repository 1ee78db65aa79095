//! How busy a device is, as the driver's own samples say.

use gpu::nvml::Driver as _;
use nvml_wrapper_sys::bindings::nvmlUtilization_t;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::Out;

/// Sampling period that the encoder and decoder calls report, in microseconds: 1/6 s, as drivers
/// report it on idle and on busy GPUs alike.
const SAMPLING_PERIOD_US: u32 = 166_667;

exports! {
    /// `nvmlDeviceGetUtilizationRates`
    fn nvmlDeviceGetUtilizationRates(driver, device: Opaque, rates: Out<nvmlUtilization_t>) {
        let found = driver.utilization_rates(device.get()?)?;
        rates.put(nvmlUtilization_t { gpu: found.gpu, memory: found.memory })
    }

    /// `nvmlDeviceGetEncoderUtilization`
    fn nvmlDeviceGetEncoderUtilization(
        driver, device: Opaque, utilization: Out<u32>, period_us: Out<u32>,
    ) {
        utilization.put(driver.encoder_utilization(device.get()?)?)?;
        period_us.put(SAMPLING_PERIOD_US)
    }

    /// `nvmlDeviceGetDecoderUtilization`
    fn nvmlDeviceGetDecoderUtilization(
        driver, device: Opaque, utilization: Out<u32>, period_us: Out<u32>,
    ) {
        utilization.put(driver.decoder_utilization(device.get()?)?)?;
        period_us.put(SAMPLING_PERIOD_US)
    }
}
