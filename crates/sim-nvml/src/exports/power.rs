//! Power, energy and temperature.

use gpu::nvml::{Driver as _, Return};
use nvml_wrapper_sys::bindings::nvmlTemperature_v1_t;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::{InOut, Out, version_word};

/// `NVML_TEMPERATURE_GPU`, the only sensor.
const SENSOR_GPU: u32 = 0;
/// `nvmlTemperature_v1`, 0x0100000c.
const TEMPERATURE_V1: u32 = version_word::<nvmlTemperature_v1_t>(1);

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
}
