//! Power, energy and temperature.

use gpu::nvml::{Driver as _, Return};
use nvml_wrapper_sys::bindings::{nvmlMarginTemperature_v1_t, nvmlTemperature_v1_t};
use sim::driver::TemperatureThreshold;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::{InOut, Out, version_word};

/// `NVML_TEMPERATURE_GPU`, the only sensor.
const SENSOR_GPU: u32 = 0;
/// `nvmlTemperature_v1`, 0x0100000c.
const TEMPERATURE_V1: u32 = version_word::<nvmlTemperature_v1_t>(1);
/// `nvmlMarginTemperature_v1`, 0x01000008.
const MARGIN_V1: u32 = version_word::<nvmlMarginTemperature_v1_t>(1);

exports! {
    /// `nvmlDeviceGetPowerUsage`
    fn nvmlDeviceGetPowerUsage(driver, device: Opaque, milliwatts: Out<u32>) {
        milliwatts.put(driver.power_usage(device.get()?)?)
    }

    /// `nvmlDeviceGetEnforcedPowerLimit`
    fn nvmlDeviceGetEnforcedPowerLimit(driver, device: Opaque, milliwatts: Out<u32>) {
        milliwatts.put(driver.enforced_power_limit(device.get()?)?)
    }

    /// `nvmlDeviceGetTotalEnergyConsumption`
    fn nvmlDeviceGetTotalEnergyConsumption(driver, device: Opaque, millijoules: Out<u64>) {
        millijoules.put(driver.total_energy_consumption(device.get()?)?)
    }

    /// `nvmlDeviceGetTemperature`
    fn nvmlDeviceGetTemperature(driver, device: Opaque, sensor: u32, celsius: Out<u32>) {
        if sensor != SENSOR_GPU {
            return Err(Return::INVALID_ARGUMENT);
        }
        celsius.put(driver.temperature(device.get()?)?)
    }

    /// `nvmlDeviceGetTemperatureV`
    fn nvmlDeviceGetTemperatureV(driver, device: Opaque, question: InOut<nvmlTemperature_v1_t>) {
        question.expect_version(TEMPERATURE_V1)?;
        let mut answer = question.read()?;
        if answer.sensorType != SENSOR_GPU {
            return Err(Return::INVALID_ARGUMENT);
        }
        answer.temperature = driver.temperature(device.get()?)?.cast_signed();
        question.out().put(answer)
    }

    /// `nvmlDeviceGetMarginTemperature`
    fn nvmlDeviceGetMarginTemperature(
        driver, device: Opaque, margin: InOut<nvmlMarginTemperature_v1_t>,
    ) {
        margin.expect_version(MARGIN_V1)?;
        let celsius = driver.margin_temperature(device.get()?)?;
        margin
            .out()
            .put(nvmlMarginTemperature_v1_t { version: MARGIN_V1, marginTemperature: celsius })
    }

    /// `nvmlDeviceGetTemperatureThreshold`: there are acoustic thresholds too, which no simulated
    /// GPU has.
    fn nvmlDeviceGetTemperatureThreshold(
        driver, device: Opaque, threshold: u32, celsius: Out<u32>,
    ) {
        let threshold = match threshold {
            0 => TemperatureThreshold::Shutdown,
            1 => TemperatureThreshold::Slowdown,
            2 => TemperatureThreshold::MemoryMax,
            3 => TemperatureThreshold::GpuMax,
            4..=7 => return Err(Return::NOT_SUPPORTED),
            _ => return Err(Return::INVALID_ARGUMENT),
        };
        celsius.put(driver.temperature_threshold(device.get()?, threshold)?)
    }

    /// `nvmlDeviceGetFanSpeed`
    fn nvmlDeviceGetFanSpeed(driver, device: Opaque, percent: Out<u32>) {
        percent.put(driver.fan_speed(device.get()?)?)
    }

    /// `nvmlDeviceGetPowerManagementLimit`
    fn nvmlDeviceGetPowerManagementLimit(driver, device: Opaque, milliwatts: Out<u32>) {
        milliwatts.put(driver.power_management_limit(device.get()?)?)
    }

    /// `nvmlDeviceGetPowerManagementDefaultLimit`
    fn nvmlDeviceGetPowerManagementDefaultLimit(driver, device: Opaque, milliwatts: Out<u32>) {
        milliwatts.put(driver.power_management_default_limit(device.get()?)?)
    }

    /// `nvmlDeviceGetPowerManagementLimitConstraints`
    fn nvmlDeviceGetPowerManagementLimitConstraints(
        driver, device: Opaque, least: Out<u32>, most: Out<u32>,
    ) {
        let (low, high) = driver.power_management_limit_constraints(device.get()?)?;
        least.put(low)?;
        most.put(high)
    }
}
