//! JSON written straight into a buffer, in the spelling of Prometheus's API: samples as strings in
//! the digits that Go prints, times as seconds with exactly three decimals or none.
//!
//! Answers of queries are mostly numbers and the same labels again; a tree of values in between
//! would cost more than the query.

use std::io::Write as _;

use model::labels::Labels;

/// Appends a quoted string.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// Appends `["a","b"]`.
pub(crate) fn strings<S: AsRef<str>>(out: &mut Vec<u8>, all: impl IntoIterator<Item = S>) {
    list(out, all, |out, text| string(out, text.as_ref()));
}

/// Appends a list of what `one` writes.
pub(crate) fn list<T>(
    out: &mut Vec<u8>,
    all: impl IntoIterator<Item = T>,
    mut one: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, item) in all.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        one(out, item);
    }
    out.push(b']');
}

/// Appends `{"name":"value"}`.
pub(crate) fn labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        string(out, name);
        out.push(b':');
        string(out, value);
    }
    out.push(b'}');
}

/// Appends `[1435781451.781,"1"]`.
pub(crate) fn point(out: &mut Vec<u8>, time_ms: i64, value: f64) {
    out.push(b'[');
    seconds(out, time_ms);
    out.extend_from_slice(b",\"");
    number(out, value);
    out.extend_from_slice(b"\"]");
}

/// Appends a time in seconds: whole, or with three decimals.
pub(crate) fn seconds(out: &mut Vec<u8>, time_ms: i64) {
    if time_ms < 0 {
        out.push(b'-');
    }
    let ms = time_ms.unsigned_abs();
    integer(out, ms / 1000);
    let rest = ms % 1000;
    if rest > 0 {
        out.push(b'.');
        out.extend([rest / 100, rest / 10 % 10, rest % 10].map(digit));
    }
}

/// Appends a whole number.
pub(crate) fn integer(out: &mut Vec<u8>, mut value: u64) {
    // The largest one has 20 digits.
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = digit(value % 10);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

#[expect(clippy::cast_possible_truncation, reason = "a decimal digit")]
fn digit(value: u64) -> u8 {
    b'0' + value as u8
}

/// Appends a sample's value without quotes, as Go prints it: shortest decimal that reads back as
/// the same number; with an exponent below 1e-6 and from 1e21 on.
pub(crate) fn number(out: &mut Vec<u8>, value: f64) {
    // Above 2^53 not every whole number is a float.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    let size = value.abs();
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if size < WHOLE && value.trunc() == value {
        if value.is_sign_negative() {
            out.push(b'-');
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        integer(out, size as u64);
    } else if (1e-5..1e16).contains(&size) {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    } else if (1e-6..1e21).contains(&size) {
        let _ = write!(out, "{value}");
    } else {
        exponent(out, value);
    }
}

/// `1e+21`, `5e-324`, `1e-07`: sign and at least two digits.
fn exponent(out: &mut Vec<u8>, value: f64) {
    let text = format!("{value:e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = power.strip_prefix('-').map_or(('+', power), |digits| ('-', digits));
    let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_spelled_as_go_spells_them() {
        let expected = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (1e15, "1000000000000000"),
            (123_456_789_012_345_680.0, "123456789012345680"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (0.000_001, "0.000001"),
            (0.000_001_5, "0.0000015"),
            (0.000_000_1, "1e-07"),
            (5e-324, "5e-324"),
            (33.333_333_333_333_336, "33.333333333333336"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (9_007_199_254_740_993.0, "9007199254740992"),
        ];
        for (value, spelled) in expected {
            assert_eq!(text(|out| number(out, value)), spelled);
        }
    }

    #[test]
    fn times_have_three_decimals_or_none() {
        let expected =
            [(0, "0"), (1_435_781_451_781, "1435781451.781"), (1_005, "1.005"), (-1_500, "-1.500")];
        for (time, spelled) in expected {
            assert_eq!(text(|out| seconds(out, time)), spelled);
        }
    }

    proptest! {
        #[test]
        fn a_number_reads_back_as_the_same(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            let spelled = text(|out| number(out, value));
            prop_assert!(value.is_nan() || spelled.parse::<f64>().unwrap().to_bits() == bits, "{}", spelled);
        }

        #[test]
        fn a_string_is_valid_json(any in any::<String>()) {
            let read: String = serde_json::from_str(&text(|out| string(out, &any))).unwrap();
            prop_assert_eq!(read, any);
        }
    }
}
