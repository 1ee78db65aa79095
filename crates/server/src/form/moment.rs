//! Times and durations as Prometheus's API takes them, in ms.

/// Earliest and latest time that Prometheus prints; clients send them for "everything".
const BOUNDS: [(&str, i64); 2] = [
    ("-292273086-05-16T16:47:06Z", crate::query::EARLIEST),
    ("292277025-08-18T07:12:54.999999999Z", crate::query::LATEST),
];

/// Unix seconds with a fraction, or RFC 3339.
pub(crate) fn time(text: &str) -> Result<i64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok(ms_of(seconds));
    }
    let bound = BOUNDS.iter().find(|(spelled, _)| *spelled == text).map(|(_, ms)| *ms);
    rfc3339(text).or(bound).ok_or_else(|| format!("cannot parse {text:?} to a valid timestamp"))
}

/// Seconds with a fraction, or Prometheus's units (`1h30m`); in ms.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    /// Go counts in nanoseconds.
    const LONGEST_SECONDS: f64 = 9_223_372_036.0;
    if let Ok(seconds) = text.parse::<f64>() {
        if !(-LONGEST_SECONDS..LONGEST_SECONDS).contains(&seconds) {
            return Err(format!("cannot parse {text:?} to a valid duration. It overflows int64"));
        }
        return Ok(cut(seconds * 1000.0));
    }
    units(text).ok_or_else(|| format!("cannot parse {text:?} to a valid duration"))
}

fn ms_of(seconds: f64) -> i64 {
    let whole = seconds.trunc();
    cut(whole).saturating_mul(1000).saturating_add(cut(((seconds - whole) * 1000.0).round()))
}

#[expect(clippy::cast_possible_truncation, reason = "out of range becomes the nearest end")]
fn cut(value: f64) -> i64 {
    value as i64
}

/// Each unit at most once, from the longest to the shortest.
fn units(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 31_536_000_000),
        ("w", 604_800_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let (mut rest, mut sum, mut next) = (text, 0_i64, 0);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let at = UNITS.iter().position(|(unit, _)| *unit == &rest[..letters])?;
        if at < next {
            return None;
        }
        next = at + 1;
        rest = &rest[letters..];
        sum = sum.checked_add(amount.checked_mul(UNITS[at].1)?)?;
    }
    // As long as Go's nanoseconds reach.
    (next > 0 && sum <= i64::MAX / 1_000_000).then_some(sum)
}

/// `2026-01-15T09:00:00.123+09:00`.
fn rfc3339(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let part = text.get(range)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if marks.iter().any(|(at, mark)| text.get(*at..*at + 1) != Some(*mark)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (ms, zone) = fraction(text.get(19..)?)?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some((seconds - offset(zone)?) * 1_000 + ms)
}

/// Milliseconds after a point, and what follows.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let three: i64 = format!("{:0<3}", &rest[..digits.min(3)]).parse().ok()?;
    Some((three, &rest[digits..]))
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60)
        .then(|| sign * (i64::from(hours) * 3_600 + i64::from(minutes) * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the epoch to a date of the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// A time as Go prints it in JSON: `2026-01-15T09:00:00.123Z`.
pub(crate) fn spelled(ms: i64) -> String {
    let (day, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // The inverse of `days`.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, rest) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_unix_seconds_or_rfc_3339() {
        let expected = [
            ("0", 0),
            ("1435781451.781", 1_435_781_451_781),
            ("-1.5", -1_500),
            ("1.4e9", 1_400_000_000_000),
            ("2015-06-03T13:21:58.555Z", 1_433_337_718_555),
            ("2015-06-03T14:21:58.555+01:00", 1_433_337_718_555),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("1969-12-31T23:59:59Z", -1_000),
        ];
        for (text, ms) in expected {
            assert_eq!(time(text), Ok(ms), "{text}");
        }
        for text in ["", "foo", "30s", "2015-02-29T00:00:00Z", "2015-06-03", "2015-06-03T13:21:58"]
        {
            let problem = format!("cannot parse {text:?} to a valid timestamp");
            assert_eq!(time(text), Err(problem));
        }
    }

    #[test]
    fn durations_are_seconds_or_units() {
        let expected = [
            ("15", 15_000),
            ("0.25", 250),
            ("1h30m", 5_400_000),
            ("1d", 86_400_000),
            ("5ms", 5),
            ("1w2d3h4m5s6ms", 788_645_006),
        ];
        for (text, ms) in expected {
            assert_eq!(duration(text), Ok(ms), "{text}");
        }
        for text in ["", "1", "foo", "30m1h", "1.5h", "h", "-5m", "1e400y"] {
            let good = text.parse::<f64>().is_ok();
            assert_eq!(duration(text).is_ok(), good, "{text}");
        }
        let problem = duration("1e99").unwrap_err();
        assert_eq!(problem, "cannot parse \"1e99\" to a valid duration. It overflows int64");
        assert!(duration("NaN").is_err());
    }

    proptest! {
        #[test]
        fn a_spelled_time_reads_back(ms in -62_135_596_800_000_i64..253_402_300_799_999) {
            prop_assert_eq!(time(&spelled(ms)), Ok(ms));
        }
    }
}
