//! Reading the rows of one GPU in one pass: each call is made at most once, however many rows use it.

use std::sync::Arc;

use model::{Reading, Timestamp};

use super::answer::{reading, refused};
use super::metered::Metered;
use super::nvlink::LinkRates;
use super::{
    ClockType, EccCounterType, EccErrorType, FieldAnswer, FieldRequest, FieldValue, Handle,
    InforomObject, RemappedRows, Return, UtilizationRates,
};
use crate::metrics::{Memory, MetricRow, Source};

/// `NVML_FI_DEV_MEMORY_TEMP`.
const MEMORY_TEMP: u32 = 82;
/// `NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION`.
pub(super) const TOTAL_ENERGY: u32 = 83;
/// `NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX`, KiB.
const NVLINK_TX: u32 = 138;
/// `NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX`, KiB.
const NVLINK_RX: u32 = 139;
/// What the rows need of the batched call: one request per field, none twice.
pub(crate) fn requests<'a>(rows: impl Iterator<Item = &'a MetricRow>) -> Vec<FieldRequest> {
    let mut requests = Vec::new();
    for row in rows {
        match row.nvml {
            Source::Field(field, _) => requests.push(FieldRequest { field, scope: 0 }),
            Source::LinkRate(scope) => {
                requests.push(FieldRequest { field: NVLINK_TX, scope });
                requests.push(FieldRequest { field: NVLINK_RX, scope });
            }
            Source::Gpu(_) if row.field == MEMORY_TEMPERATURE => {
                requests.push(whole_gpu(MEMORY_TEMP));
            }
            Source::Gpu(_) if row.field == ENERGY => requests.push(whole_gpu(TOTAL_ENERGY)),
            _ => {}
        }
    }
    requests
}

/// DCGM_FI_DEV_MEMORY_TEMP.
const MEMORY_TEMPERATURE: u16 = 140;
/// DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION.
const ENERGY: u16 = 156;

pub(super) const fn whole_gpu(field: u32) -> FieldRequest {
    FieldRequest { field, scope: 0 }
}

/// One GPU, being read.
pub(crate) struct Probe<'a> {
    driver: &'a Metered,
    device: Handle,
    now: Timestamp,
    links: &'a mut LinkRates,
    requests: &'a [FieldRequest],
    fields: Option<super::Result<Vec<FieldAnswer>>>,
    utilization: Option<Reading<UtilizationRates>>,
    remapped: Option<Reading<RemappedRows>>,
    ecc_on: Option<Reading<bool>>,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(
        driver: &'a Metered,
        device: Handle,
        now: Timestamp,
        links: &'a mut LinkRates,
        requests: &'a [FieldRequest],
    ) -> Self {
        let (fields, utilization, remapped, ecc_on) = (None, None, None, None);
        Self { driver, device, now, links, requests, fields, utilization, remapped, ecc_on }
    }

    pub(crate) fn clock(&mut self, clock: ClockType) -> Reading<u32> {
        reading(self.driver.clock_info(self.device, clock))
    }

    pub(crate) fn temperature(&mut self) -> Reading<u32> {
        reading(self.driver.temperature(self.device))
    }

    /// The unsigned member counts, whatever the type word says.
    pub(crate) fn memory_temperature(&mut self) -> Reading<u32> {
        self.field(whole_gpu(MEMORY_TEMP)).map(|answer| {
            let raw = answer.raw.to_ne_bytes();
            u32::from_ne_bytes([raw[0], raw[1], raw[2], raw[3]])
        })
    }

    pub(crate) fn power_milliwatts(&mut self) -> Reading<u32> {
        reading(self.driver.power_usage(self.device))
    }

    /// By the batched field where the driver has it, else by the call of its own.
    pub(crate) fn energy_millijoules(&mut self) -> Reading<u64> {
        match self.field(whole_gpu(TOTAL_ENERGY)).and_then(unsigned) {
            Reading::NotSupported => reading(self.driver.total_energy_consumption(self.device)),
            read => read,
        }
    }

    pub(crate) fn enforced_power_limit_milliwatts(&mut self) -> Reading<u32> {
        reading(self.driver.enforced_power_limit(self.device))
    }

    pub(crate) fn clocks_event_reasons(&mut self) -> Reading<u64> {
        reading(self.driver.current_clocks_event_reasons(self.device))
    }

    pub(crate) fn brand(&mut self) -> Option<&'static str> {
        self.driver.brand(self.device).ok().and_then(brand)
    }

    pub(crate) fn vbios_version(&mut self) -> Option<Arc<str>> {
        named(self.driver.vbios_version(self.device))
    }

    pub(crate) fn inforom_image_version(&mut self) -> Option<Arc<str>> {
        named(self.driver.inforom_image_version(self.device))
    }

    pub(crate) fn inforom_version(&mut self, object: InforomObject) -> Option<Arc<str>> {
        named(self.driver.inforom_version(self.device, object))
    }

    pub(crate) fn performance_state(&mut self) -> Reading<u32> {
        reading(self.driver.performance_state(self.device))
    }

    pub(crate) fn pcie_replays(&mut self) -> Reading<u32> {
        reading(self.driver.pcie_replay_counter(self.device))
    }

    /// 0 where licensing is not supported, as dcgm-exporter shows on bare metal.
    pub(crate) fn vgpu_licence(&mut self) -> Reading {
        match reading(self.driver.vgpu_licensed(self.device)) {
            Reading::NotSupported => Reading::Value(0.0),
            read => read.map(|licensed| f64::from(u8::from(licensed))),
        }
    }

    pub(crate) fn utilization(&mut self) -> Reading<UtilizationRates> {
        let (driver, device) = (self.driver, self.device);
        *self.utilization.get_or_insert_with(|| reading(driver.utilization_rates(device)))
    }

    pub(crate) fn encoder(&mut self) -> Reading<u32> {
        reading(self.driver.encoder_utilization(self.device))
    }

    pub(crate) fn decoder(&mut self) -> Reading<u32> {
        reading(self.driver.decoder_utilization(self.device))
    }

    pub(crate) fn ecc_aggregate(&mut self, error: EccErrorType) -> Reading<u64> {
        self.ecc(error, EccCounterType::Aggregate)
    }

    pub(crate) fn ecc_volatile(&mut self, error: EccErrorType) -> Reading<u64> {
        self.ecc(error, EccCounterType::Volatile)
    }

    /// Absent where ECC is off: the driver's counters mean nothing then.
    fn ecc(&mut self, error: EccErrorType, counter: EccCounterType) -> Reading<u64> {
        let (driver, device) = (self.driver, self.device);
        let on =
            *self.ecc_on.get_or_insert_with(|| reading(driver.ecc_mode(device)).map(|m| m != 0));
        on.and_then(|on| match on {
            true => reading(driver.total_ecc_errors(device, error, counter)),
            false => Reading::NotSupported,
        })
    }

    pub(crate) fn remapped_rows(&mut self) -> Reading<RemappedRows> {
        let (driver, device) = (self.driver, self.device);
        *self.remapped.get_or_insert_with(|| reading(driver.remapped_rows(device)))
    }

    /// MB/s over a link, or all of them, in both directions, cut to a whole number.
    pub(crate) fn nvlink_rate(&mut self, scope: u32) -> Reading {
        let sent = self.field(FieldRequest { field: NVLINK_TX, scope }).and_then(unsigned);
        let received = self.field(FieldRequest { field: NVLINK_RX, scope }).and_then(unsigned);
        let now = self.now;
        sent.and_then(|sent| received.map(|received| sent.saturating_add(received)))
            .map(|kibibytes| self.links.rate(scope, now, kibibytes))
    }

    /// A whole number of the batched call.
    pub(crate) fn number(&mut self, field: u32) -> Reading<u64> {
        self.field(whole_gpu(field)).and_then(unsigned)
    }

    fn field(&mut self, request: FieldRequest) -> Reading<FieldAnswer> {
        let (driver, device, requests) = (self.driver, self.device, self.requests);
        let fields = self.fields.get_or_insert_with(|| driver.field_values(device, requests));
        let place = requests.iter().position(|asked| *asked == request);
        match fields {
            Err(code) => refused(*code),
            Ok(answers) => match place.and_then(|place| answers.get(place)) {
                // An id that this driver does not know is an invalid argument to it.
                Some(FieldAnswer { value: Err(Return::INVALID_ARGUMENT), .. }) | None => {
                    Reading::NotSupported
                }
                Some(FieldAnswer { value: Err(code), .. }) => refused(*code),
                Some(answer) => Reading::Value(*answer),
            },
        }
    }
}

fn named(text: super::Result<String>) -> Option<Arc<str>> {
    text.ok().filter(|text| !text.is_empty()).map(Arc::from)
}

/// `nvmlBrandType_t` as DCGM spells it.
const fn brand(number: u32) -> Option<&'static str> {
    Some(match number {
        1 => "Quadro",
        2 => "Tesla",
        3 => "NVS",
        4 => "Grid",
        5 => "GeForce",
        6 => "Titan",
        7 => "NvidiaVApps",
        8 => "NvidiaVPC",
        9 => "NvidiaVCS",
        10 => "NvidiaVWS",
        11 => "NvidiaCloudGaming",
        12 => "QuadroRTX",
        13 => "NvidiaRTX",
        14 => "Nvidia",
        15 => "GeForceRTX",
        16 => "TitanRTX",
        _ => return None,
    })
}

pub(super) fn unsigned(answer: FieldAnswer) -> Reading<u64> {
    let whole = match answer.value {
        Ok(FieldValue::UnsignedInt(value)) => Some(u64::from(value)),
        Ok(FieldValue::UnsignedLongLong(value)) => Some(value),
        Ok(FieldValue::SignedInt(value)) => u64::try_from(value).ok(),
        Ok(FieldValue::SignedLongLong(value)) => u64::try_from(value).ok(),
        Ok(FieldValue::Double(_)) | Err(_) => None,
    };
    whole.map_or(Reading::Failed(model::ErrorKind::BadAnswer), Reading::Value)
}

/// Memory of a GPU or MIG device: version 2 of the call where the driver has it.
pub(crate) fn memory(driver: &Metered, device: Handle) -> Reading<Memory> {
    match reading(driver.memory_info_v2(device)) {
        Reading::NotSupported => reading(driver.memory_info_v1(device)).map(|m| Memory {
            total: m.total,
            free: m.free,
            used: m.used,
            reserved: None,
        }),
        read => read.map(|m| Memory {
            total: m.total,
            free: m.free,
            used: m.used,
            reserved: Some(m.reserved),
        }),
    }
}
