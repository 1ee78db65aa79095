//! Time spans in configuration: `90s`, `5m`, `1h`, `500ms`, or a bare number of seconds.
//!
//! Used through `#[serde(with = "crate::span")]`. It knows one unit per value, no sums.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Units by falling length, in milliseconds: writing takes the first that divides the span.
const UNITS: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Write a span with the longest unit that fits it.
pub(crate) fn serialize<S: Serializer>(span: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&spell(*span))
}

/// Read a span.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    input.deserialize_any(SpanVisitor)
}

fn spell(span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let unit = UNITS.iter().find(|(_, size)| millis >= *size && millis.is_multiple_of(*size));
    unit.map_or_else(|| "0s".to_owned(), |(name, size)| format!("{}{name}", millis / size))
}

fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let size = match unit {
        "" => 1_000,
        _ => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<u64>().ok()?.checked_mul(size).map(Duration::from_millis)
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time span such as \"5m\", \"90s\" or \"1h\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse(text.trim()).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
        Ok(Duration::from_secs(seconds))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        u64::try_from(seconds)
            .map(Duration::from_secs)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(seconds), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_back_as_they_are_written() {
        for text in ["5m", "90s", "1h", "500ms", "2d", "0s"] {
            assert_eq!(spell(parse(text).unwrap()), text);
        }
        assert_eq!(parse("15"), Some(Duration::from_secs(15)));
        for wrong in ["", "m", "5 m", "-1s", "5x", "99999999999999999999s", "9999999999999999d"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
