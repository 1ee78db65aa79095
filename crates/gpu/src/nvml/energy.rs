//! Energy and power of one GPU, for the session engine.
//!
//! Taken from the rows where this pass has read them; else one batched call asks the counter and the
//! mean power together. Single calls are the way of drivers that do not have those fields.

use model::observation::EnergyReading;
use model::{ErrorKind, Reading};

use super::answer::{reading, refused};
use super::metered::Metered;
use super::probe::{TOTAL_ENERGY, unsigned, whole_gpu};
use super::values::Values;
use super::{FieldAnswer, FieldRequest, Handle, Result, Return};

/// `NVML_FI_DEV_POWER_AVERAGE`, mW over the last second.
const POWER_AVERAGE: u32 = 185;
/// DCGM_FI_DEV_POWER_USAGE.
const POWER_ROW: u16 = 155;
/// DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION.
const ENERGY_ROW: u16 = 156;
const REQUESTS: [FieldRequest; 2] = [whole_gpu(TOTAL_ENERGY), whole_gpu(POWER_AVERAGE)];

/// What is known of a GPU's ways to tell its energy.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meter {
    /// Neither field nor call gives a counter: only power is asked.
    without_counter: bool,
    /// Somebody was there in the pass before.
    occupied: bool,
}

impl Meter {
    /// Forget what was found out, for another driver or layout.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether this pass is to read it: when it asks for use, and in every pass while somebody is
    /// there, so that the energy of each second is known; a GPU without anybody is left in peace.
    pub(crate) fn is_due(&mut self, asked: bool, occupied: bool) -> bool {
        std::mem::replace(&mut self.occupied, occupied) || occupied || asked
    }

    /// What the rows of this pass hold.
    pub(crate) fn from_rows(values: &Values) -> Option<EnergyReading> {
        let millijoules = values.read_now(ENERGY_ROW)?.and_then(whole);
        let watts = values.read_now(POWER_ROW)?;
        Some(EnergyReading { millijoules, watts })
    }

    /// Ask the driver.
    pub(crate) fn read(&mut self, driver: &Metered, device: Handle) -> EnergyReading {
        if self.without_counter {
            return EnergyReading {
                millijoules: Reading::NotSupported,
                watts: power(driver, device),
            };
        }
        let answers = driver.field_values(device, &REQUESTS);
        let (counter, average) = (field(&answers, 0), field(&answers, 1));
        let millijoules = match counter {
            Reading::NotSupported => reading(driver.total_energy_consumption(device)),
            read => read,
        };
        self.without_counter = millijoules == Reading::NotSupported;
        let watts = average.map(watts);
        if self.without_counter && !watts.is_value() {
            return EnergyReading { millijoules, watts: power(driver, device) };
        }
        EnergyReading { millijoules, watts }
    }
}

fn power(driver: &Metered, device: Handle) -> Reading {
    reading(driver.power_usage(device)).map(|milliwatts| watts(milliwatts.into()))
}

fn field(answers: &Result<Vec<FieldAnswer>>, place: usize) -> Reading<u64> {
    let code = match answers.as_ref().map(|answers| answers.get(place)) {
        Ok(Some(FieldAnswer { value: Err(code), .. })) => *code,
        Ok(Some(answer)) => return unsigned(*answer),
        Ok(None) => return Reading::Failed(ErrorKind::BadAnswer),
        Err(code) => *code,
    };
    // An id that this driver does not know is an invalid argument to it.
    if code == Return::INVALID_ARGUMENT { Reading::NotSupported } else { refused(code) }
}

#[expect(clippy::cast_precision_loss, reason = "the power of no board needs more than 53 bits")]
fn watts(milliwatts: u64) -> f64 {
    milliwatts as f64 / 1000.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter of the driver, printed as a whole number"
)]
fn whole(value: f64) -> Reading<u64> {
    let fits = value.is_finite() && (0.0..1.8e19).contains(&value);
    if fits { Reading::Value(value as u64) } else { Reading::Failed(ErrorKind::BadAnswer) }
}
