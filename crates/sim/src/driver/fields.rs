//! `nvmlDeviceGetFieldValues`: one table of the fields that are answered.
//!
//! Each entry has its own return code, as in NVML: the call succeeds while entries fail.

use gpu::nvml::{FieldAnswer, FieldRequest, FieldValue, Result, Return};

use super::{Seen, counter, whole_number};
use crate::world::Channel;

/// Scope that stands for all links.
const ALL_LINKS: u32 = u32::MAX;
/// NVLink counters are in KiB.
const KIBIBYTE: f64 = 1024.0;
/// Data and its protocol's share of a link.
const RAW_SHARE: f64 = 1.06;

impl Seen<'_> {
    /// One entry's answer.
    pub(super) fn field(&self, request: FieldRequest) -> FieldAnswer {
        let value = self.field_value(request);
        FieldAnswer { timestamp_us: self.now.0, raw: value.map_or(0, raw), value }
    }

    /// Numbers are those of `NVML_FI_DEV_*`.
    fn field_value(&self, request: FieldRequest) -> Result<FieldValue> {
        let power = &self.gpu.product.power;
        match request.field {
            1 | 2 => self.ecc(FieldValue::UnsignedInt(1)),
            3..=6 => self.ecc(FieldValue::UnsignedLongLong(0)),
            74 | 75 => Ok(self.violation_ns(request.field)),
            76..=79 => Ok(FieldValue::UnsignedLongLong(0)),
            38 | 45 | 52 | 59 => self.links().map(|_| FieldValue::UnsignedLongLong(0)),
            82 => self.memory_temperature_field(),
            83 => Ok(FieldValue::UnsignedLongLong(self.energy_millijoules())),
            91 => self.links().map(FieldValue::UnsignedInt),
            90 | 164 => {
                self.links()?;
                Ok(FieldValue::UnsignedInt(self.gpu.product.nvlink.megabytes_per_second))
            }
            94 => Ok(FieldValue::UnsignedInt(self.gpu.figures.pcie_replays.unwrap_or(0))),
            95 => Ok(FieldValue::UnsignedInt(0)),
            138 => self.link_bytes(Channel::NvLinkTx, request.scope, 1.0),
            139 => self.link_bytes(Channel::NvLinkRx, request.scope, 1.0),
            140 => self.link_bytes(Channel::NvLinkTx, request.scope, RAW_SHARE),
            141 => self.link_bytes(Channel::NvLinkRx, request.scope, RAW_SHARE),
            142..=145 => self.remapped(),
            185 if power.averaged => Ok(milliwatts(self.power_watts())),
            186 => Ok(milliwatts(self.instant_watts())),
            187 => Ok(milliwatts(power.limit_min)),
            188 => Ok(milliwatts(power.limit_max)),
            189 => Ok(milliwatts(power.limit)),
            190 | 192 => Ok(milliwatts(self.gpu.power_limit)),
            193..=196 => self.margin_limit(request.field),
            197 => Ok(self.bus_bytes(Channel::PcieTx)),
            198 => Ok(self.bus_bytes(Channel::PcieRx)),
            251..=253 => Ok(FieldValue::UnsignedLongLong(0)),
            _ => Err(Return::NOT_SUPPORTED),
        }
    }

    fn ecc(&self, value: FieldValue) -> Result<FieldValue> {
        if self.gpu.product.ecc { Ok(value) } else { Err(Return::NOT_SUPPORTED) }
    }

    /// Time under a cap, in nanoseconds.
    fn violation_ns(&self, field: u32) -> FieldValue {
        let seconds = self.state(|state| match field {
            74 => state.power_capped_seconds,
            _ => state.heat_capped_seconds,
        });
        FieldValue::UnsignedLongLong(counter(seconds * 1e9))
    }

    fn memory_temperature_field(&self) -> Result<FieldValue> {
        let degrees = self.memory_temperature().ok_or(Return::NOT_SUPPORTED)?;
        Ok(FieldValue::UnsignedInt(whole_number(degrees)))
    }

    /// How many links; none while MIG is on.
    fn links(&self) -> Result<u32> {
        self.uncut()?;
        match self.gpu.product.nvlink.links {
            0 => Err(Return::NOT_SUPPORTED),
            links => Ok(links),
        }
    }

    fn link_bytes(&self, channel: Channel, scope: u32, factor: f64) -> Result<FieldValue> {
        let links = self.links()?;
        if scope != ALL_LINKS && scope >= links {
            return Err(Return::INVALID_ARGUMENT);
        }
        let all = self.state(|state| state.sums_at(self.age_us, None).get(channel));
        let part = if scope == ALL_LINKS { 1.0 } else { 1.0 / f64::from(links) };
        Ok(FieldValue::UnsignedLongLong(counter(all * part * factor / KIBIBYTE)))
    }

    fn bus_bytes(&self, channel: Channel) -> FieldValue {
        let bytes = self.state(|state| state.sums_at(self.age_us, None).get(channel));
        FieldValue::UnsignedLongLong(counter(bytes))
    }

    fn remapped(&self) -> Result<FieldValue> {
        self.uncut()?;
        if self.gpu.product.remapped_rows {
            Ok(FieldValue::UnsignedInt(0))
        } else {
            Err(Return::NOT_SUPPORTED)
        }
    }

    /// Limits as distances from the core's, where there is a margin.
    fn margin_limit(&self, field: u32) -> Result<FieldValue> {
        self.gpu.product.temperature.limit.ok_or(Return::NOT_SUPPORTED)?;
        let degrees = match field {
            193 => -8,
            194 => -2,
            195 if self.gpu.product.temperature.memory_idle.is_none() => {
                return Err(Return::NOT_SUPPORTED);
            }
            _ => 0,
        };
        Ok(FieldValue::SignedInt(degrees))
    }
}

fn milliwatts(watts: f64) -> FieldValue {
    FieldValue::UnsignedInt(whole_number(watts * 1000.0))
}

/// First eight bytes of the value union.
fn raw(value: FieldValue) -> u64 {
    match value {
        FieldValue::Double(value) => value.to_bits(),
        FieldValue::UnsignedInt(value) => u64::from(value),
        FieldValue::UnsignedLongLong(value) => value,
        FieldValue::SignedInt(value) => u64::from(value.cast_unsigned()),
        FieldValue::SignedLongLong(value) => value.cast_unsigned(),
    }
}
