//! Times as they are written: ISO 8601 for machines, short spans for people.

use std::time::Duration;

use model::Timestamp;

const DAY: u64 = 86_400;

/// `2026-11-22T05:03:07Z`.
pub(crate) fn iso(at: Timestamp) -> String {
    let second = at.second();
    let (days, rest) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day number since the epoch, in the proleptic Gregorian calendar.
/// Years are counted from March in eras of 400, so that the leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// A span in at most six cells: `42s`, `5m07`, `3h12`, `2d04h`, `400d`.
pub(crate) fn short(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}", seconds / 60, seconds % 60),
        3600..DAY => format!("{}h{:02}", seconds / 3600, seconds / 60 % 60),
        _ if seconds < 100 * DAY => format!("{}d{:02}h", seconds / DAY, seconds / 3600 % 24),
        _ => format!("{}d", seconds / DAY),
    }
}

/// Read a span as people write it: `500ms`, `30s`, `5m`, `2h`, `1m30s`; a bare number is seconds.
pub(crate) fn read(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration: write 30s, 5m or 1h30m");
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|char: char| !char.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|char: char| char.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let span = number.checked_mul(milliseconds).ok_or_else(wrong)?;
        total = total.checked_add(Duration::from_millis(span)).ok_or_else(wrong)?;
        rest = next;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let of = |second| iso(Timestamp::from_secs(second));
        assert_eq!(of(0), "1970-01-01T00:00:00Z");
        assert_eq!(of(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(of(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(of(1_795_323_787), "2026-11-22T05:03:07Z");
        assert_eq!(of(-1), "1969-12-31T23:59:59Z");
        assert_eq!(of(4_107_542_400), "2100-03-01T00:00:00Z");
    }

    #[test]
    fn spans_are_short_and_never_wider_than_six() {
        let of = |seconds| short(Duration::from_secs(seconds));
        assert_eq!(of(0), "0s");
        assert_eq!(of(307), "5m07");
        assert_eq!(of(11_520), "3h12");
        assert_eq!(of(188_000), "2d04h");
        assert_eq!(of(400 * DAY), "400d");
    }

    #[test]
    fn durations_are_read_as_written_and_nothing_is_guessed() {
        assert_eq!(read("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(read("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(read("2"), Ok(Duration::from_secs(2)));
        for wrong in ["", "s", "5x", "-1s", "1.5s", "99999999999999999999s", "1m 3s"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
