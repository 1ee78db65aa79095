//! How busy a device is, as the driver's own samples say.

use gpu::nvml::Driver as _;
use nvml_wrapper_sys::bindings::nvmlUtilization_t;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::Out;

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
        let device = device.get()?;
        utilization.put(driver.encoder_utilization(device)?)?;
        period_us.put(driver.sampling_period_us(device)?)
    }

    /// `nvmlDeviceGetDecoderUtilization`
    fn nvmlDeviceGetDecoderUtilization(
        driver, device: Opaque, utilization: Out<u32>, period_us: Out<u32>,
    ) {
        let device = device.get()?;
        utilization.put(driver.decoder_utilization(device)?)?;
        period_us.put(driver.sampling_period_us(device)?)
    }

    /// `nvmlDeviceGetJpgUtilization`
    fn nvmlDeviceGetJpgUtilization(
        driver, device: Opaque, utilization: Out<u32>, period_us: Out<u32>,
    ) {
        let device = device.get()?;
        utilization.put(driver.jpg_utilization(device)?)?;
        period_us.put(driver.sampling_period_us(device)?)
    }

    /// `nvmlDeviceGetOfaUtilization`
    fn nvmlDeviceGetOfaUtilization(
        driver, device: Opaque, utilization: Out<u32>, period_us: Out<u32>,
    ) {
        let device = device.get()?;
        utilization.put(driver.ofa_utilization(device)?)?;
        period_us.put(driver.sampling_period_us(device)?)
    }

    /// `nvmlDeviceGetEncoderStats`
    fn nvmlDeviceGetEncoderStats(
        driver, device: Opaque, sessions: Out<u32>, fps: Out<u32>, latency_us: Out<u32>,
    ) {
        let stats = driver.encoder_stats(device.get()?)?;
        sessions.put(stats.session_count)?;
        fps.put(stats.average_fps)?;
        latency_us.put(stats.average_latency)
    }
}
