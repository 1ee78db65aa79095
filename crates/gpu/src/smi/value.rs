//! One figure as `nvidia-smi` prints it, turned into a reading: the one place where its words for
//! "no value" are known.

use model::{ErrorKind, Reading};

/// What stands for "this GPU or driver does not have it".
const ABSENT: &[&str] = &[
    "",
    "-",
    "N/A",
    "NA",
    "Not Supported",
    "Not Available",
    "Function Not Found",
    "Requested functionality has been deprecated",
];

/// Words inside brackets that name a failure, and its kind.
const FAILURES: &[(&str, ErrorKind)] = &[
    ("GPU is lost", ErrorKind::Lost),
    ("GPU requires reset", ErrorKind::Lost),
    ("GPU access blocked", ErrorKind::NoPermission),
    ("Insufficient Permissions", ErrorKind::NoPermission),
    ("No Permission", ErrorKind::NoPermission),
    ("Timeout", ErrorKind::Timeout),
    ("Driver Not Loaded", ErrorKind::DriverGone),
    ("Uninitialized", ErrorKind::DriverGone),
    ("Unknown Error", ErrorKind::Other),
];

/// The text of a figure, blanks cut.
pub(super) fn text(raw: &str) -> Reading<&str> {
    let cut = raw.trim();
    let bracketed = cut.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let word = bracketed.unwrap_or(cut).trim();
    if ABSENT.iter().any(|absent| absent.eq_ignore_ascii_case(word)) {
        return Reading::NotSupported;
    }
    if let Some(kind) = failure(word) {
        return Reading::Failed(kind);
    }
    match bracketed {
        Some(_) => Reading::Failed(ErrorKind::Other),
        None if word.starts_with("ERR!") => Reading::Failed(ErrorKind::Other),
        None => Reading::Value(cut),
    }
}

/// The kind of failure that a message names, if it names one of the known ones.
pub(super) fn failure(message: &str) -> Option<ErrorKind> {
    let lower = message.to_ascii_lowercase();
    let named = |word: &str| lower.contains(&word.to_ascii_lowercase());
    FAILURES.iter().find(|(word, _)| named(word)).map(|(_, kind)| *kind)
}

/// A number with or without its unit: `38 %`, `815 MiB`, `0x1FF`, `98.14`.
pub(super) fn number(raw: &str) -> Reading {
    text(raw).and_then(|word| match parse_number(word) {
        Some(number) => Reading::Value(number),
        None => Reading::Failed(ErrorKind::BadAnswer),
    })
}

/// A whole number of mebibytes, given as bytes.
pub(super) fn mebibytes(raw: &str) -> Reading<u64> {
    text(raw).and_then(|word| match parse_mebibytes(word) {
        Some(bytes) => Reading::Value(bytes),
        None => Reading::Failed(ErrorKind::BadAnswer),
    })
}

#[expect(clippy::cast_precision_loss, reason = "bit masks and identifiers here stay below 2^53")]
fn parse_number(word: &str) -> Option<f64> {
    if let Some(hex) = word.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok().map(|bits| bits as f64);
    }
    let (digits, unit) = split_unit(word);
    let plausible = unit.len() <= 6 && !unit.contains(|c: char| c.is_ascii_digit() || c == ' ');
    plausible.then(|| digits.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

fn parse_mebibytes(word: &str) -> Option<u64> {
    let (digits, unit) = split_unit(word);
    let factor: u64 = match unit {
        "" | "MiB" | "MB" => 1 << 20,
        "KiB" => 1 << 10,
        "GiB" => 1 << 30,
        "B" => 1,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// The number and what follows it, blanks cut.
fn split_unit(word: &str) -> (&str, &str) {
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    let end = word.find(|c: char| !numeric(c)).unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    (digits, unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_cut_from_a_number() {
        for (raw, value) in [
            ("38 %", 38.0),
            ("98.14 W", 98.14),
            ("2296MiB", 2296.0),
            (" -8 C ", -8.0),
            ("16x", 16.0),
            ("0x00000000000001FF", 511.0),
            ("100.00%", 100.0),
            ("15820333506 us", 15_820_333_506.0),
        ] {
            assert_eq!(number(raw), Reading::Value(value), "{raw}");
        }
    }

    #[test]
    fn words_for_no_value_are_not_supported_and_never_zero() {
        for raw in [
            "[N/A]",
            "N/A",
            "-",
            "",
            "[Not Supported]",
            "[Requested functionality has been deprecated]",
        ] {
            assert_eq!(number(raw), Reading::NotSupported, "{raw}");
            assert_eq!(mebibytes(raw), Reading::NotSupported, "{raw}");
            assert_eq!(text(raw), Reading::NotSupported, "{raw}");
        }
    }

    #[test]
    fn words_for_a_failure_keep_their_kind() {
        assert_eq!(number("[GPU is lost]"), Reading::Failed(ErrorKind::Lost));
        assert_eq!(number("[Unknown Error]"), Reading::Failed(ErrorKind::Other));
        assert_eq!(number("ERR!"), Reading::Failed(ErrorKind::Other));
        assert_eq!(number("[Insufficient Permissions]"), Reading::Failed(ErrorKind::NoPermission));
        assert_eq!(number("[a word of a later driver]"), Reading::Failed(ErrorKind::Other));
    }

    #[test]
    fn what_is_no_number_is_a_bad_answer() {
        for raw in ["hello", "12 34", "1.2.3", "nan", "inf", "12 bananas of it", "--"] {
            assert_eq!(number(raw), Reading::Failed(ErrorKind::BadAnswer), "{raw}");
        }
        assert_eq!(mebibytes("99999999999999999999 MiB"), Reading::Failed(ErrorKind::BadAnswer));
        assert_eq!(mebibytes("-5 MiB"), Reading::Failed(ErrorKind::BadAnswer));
    }
}
