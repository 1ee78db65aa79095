//! Spans and sizes as scenarios write them: `1m30s`, `61GiB`.

use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};

/// A length of time: `500us`, `250ms`, `30s`, `5m`, `4h`, `2d`, or several in a row: `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Duration);

impl Span {
    /// In microseconds, the unit of world time.
    #[must_use]
    pub fn micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

/// Bytes: `512MiB`, `61GiB`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

const SPAN_UNITS: [(&str, u64); 6] = [
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

const SIZE_UNITS: [(&str, u64); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// The span that a text means, if any.
#[must_use]
pub fn parse_span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut micros = 0_f64;
    while !rest.is_empty() {
        let (number, after) = leading_number(rest)?;
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        micros += number * unit_of(unit, &SPAN_UNITS)?;
        rest = next.trim_start();
    }
    (!text.trim().is_empty()).then(|| Duration::try_from_secs_f64(micros / 1e6).ok())?
}

/// The bytes that a text means, if any.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = leading_number(text.trim())?;
    let bytes = number * unit_of(unit.trim(), &SIZE_UNITS)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    (0.0..9e18).contains(&bytes).then_some(bytes.round() as u64)
}

fn leading_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

fn unit_of(unit: &str, units: &[(&str, u64)]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "the units are below 2^53")]
    units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor as f64)
}

/// Reads a text with one of the two parsers, and numbers where a plain one is allowed.
struct Reads<T> {
    expecting: &'static str,
    text: fn(&str) -> Option<T>,
    number: Option<fn(u64) -> T>,
}

impl<T> Visitor<'_> for Reads<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.text)(text)
            .ok_or_else(|| E::custom(format_args!("`{text}` is not {}", self.expecting)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        match (self.number, u64::try_from(number)) {
            (Some(make), Ok(number)) => Ok(make(number)),
            _ => Err(E::custom(format_args!("`{number}` is not {}", self.expecting))),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reads {
            expecting: "a span such as \"90s\" or \"1m30s\"",
            text: |text| parse_span(text).map(Span),
            number: None,
        })
    }
}

impl<'de> serde::Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reads {
            expecting: "a size such as \"2GiB\"",
            text: |text| parse_size(text).map(Size),
            number: Some(Size),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_read_as_people_write_them() {
        assert_eq!(parse_span("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_span("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_span("1.5h"), Some(Duration::from_secs(5400)));
        assert_eq!(parse_size("61GiB"), Some(61 << 30));
        assert_eq!(parse_size("478.5MiB"), Some(501_743_616));
        for bad in ["", "5", "5 parsecs", "m", "-3s", "1e9s"] {
            assert_eq!(parse_span(bad), None, "{bad}");
        }
        assert_eq!(parse_size("2GB"), None);
    }
}
