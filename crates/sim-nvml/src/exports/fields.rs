//! `nvmlDeviceGetFieldValues`: many figures in one call, each with a return code of its own.

use gpu::nvml::{Driver as _, FieldAnswer, FieldRequest, FieldValue, Result, Return};
use nvml_wrapper_sys::bindings::{nvmlFieldValue_t, nvmlValue_t};

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::InOut;

/// Most entries of one call: real drivers know some 300 fields, of which a few per link.
const MAX_FIELDS: usize = 4096;

exports! {
    /// `nvmlDeviceGetFieldValues`: succeeds even if every single field fails.
    fn nvmlDeviceGetFieldValues(
        driver, device: Opaque, count: i32, values: InOut<nvmlFieldValue_t>,
    ) {
        let count = usize::try_from(count).unwrap_or(0);
        if !(1..=MAX_FIELDS).contains(&count) {
            return Err(Return::INVALID_ARGUMENT);
        }
        let entries = (0..count).map(|index| values.at(index)).collect::<Result<Vec<_>>>()?;
        let requests: Vec<_> = entries
            .iter()
            .map(|entry| FieldRequest { field: entry.fieldId, scope: entry.scopeId })
            .collect();
        let answers = driver.field_values(device.get()?, &requests)?;
        for (index, (entry, answer)) in entries.into_iter().zip(&answers).enumerate() {
            values.put_at(index, filled(entry, answer))?;
        }
        Ok(())
    }
}

fn filled(entry: nvmlFieldValue_t, answer: &FieldAnswer) -> nvmlFieldValue_t {
    let (code, kind) = match answer.value {
        Ok(value) => (0, value_type(value)),
        Err(code) => (code.0, entry.valueType),
    };
    nvmlFieldValue_t {
        timestamp: answer.timestamp_us,
        latencyUsec: 0,
        valueType: kind,
        nvmlReturn: code,
        value: nvmlValue_t { ullVal: answer.raw },
        ..entry
    }
}

/// `nvmlValueType_t`.
const fn value_type(value: FieldValue) -> u32 {
    match value {
        FieldValue::Double(_) => 0,
        FieldValue::UnsignedInt(_) => 1,
        FieldValue::UnsignedLongLong(_) => 3,
        FieldValue::SignedLongLong(_) => 4,
        FieldValue::SignedInt(_) => 5,
    }
}
