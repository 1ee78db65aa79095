//! Times and durations as parameters of the HTTP API have them.

use crate::error::QueryError;
use crate::functions::calendar::days_of;

/// Times and durations beyond this many ms, some 36 million years, are refused.
const MOST_MS: f64 = (1_u64 << 60) as f64;

/// A time in ms since the epoch, from seconds since the epoch (`1700000000.5`) or RFC 3339
/// (`2026-05-01T10:00:00.5+02:00`).
///
/// # Errors
/// It is neither.
pub fn time(given: &str) -> Result<i64, QueryError> {
    let bad = || QueryError::Parse(format!("cannot parse {given:?} to a valid timestamp"));
    match given.parse::<f64>() {
        Ok(seconds) => ms(seconds).ok_or_else(bad),
        Err(_) => rfc3339(given).ok_or_else(bad),
    }
}

/// A duration in ms, from seconds (`15`, `0.5`) or as PromQL writes it (`1h30m`).
///
/// # Errors
/// It is neither, or negative.
pub fn duration(given: &str) -> Result<i64, QueryError> {
    let bad = || QueryError::Parse(format!("cannot parse {given:?} to a valid duration"));
    if let Ok(seconds) = given.parse::<f64>() {
        return ms(seconds).filter(|ms| *ms >= 0).ok_or_else(bad);
    }
    let duration = promql_parser::util::parse_duration(given).map_err(|_| bad())?;
    i64::try_from(duration.as_millis()).map_err(|_| bad())
}

fn ms(seconds: f64) -> Option<i64> {
    let ms = (seconds * 1000.0).round();
    (ms.abs() < MOST_MS).then_some(ms as i64)
}

fn rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = rest.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let days = days_of(year, month, day)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(digits) => {
            let end = digits.find(|c: char| !c.is_ascii_digit())?;
            let ms = format!("{:0<3}", &digits[..end.min(3)]).parse().ok().filter(|_| end > 0)?;
            (ms, &digits[end..])
        }
        None => (0, rest),
    };
    let ahead = if zone == "Z" || zone == "z" {
        0
    } else {
        let sign = if zone.starts_with('-') { -1 } else { 1 };
        let [hours, minutes] = numbers(zone.strip_prefix(['+', '-'])?, ':', [2, 2])?;
        (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))?
    };
    let seconds = ((days * 24 + hour) * 60 + minute - ahead) * 60 + second;
    Some(seconds * 1000 + fraction)
}

/// Numbers of fixed widths between separators.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut all = [0; N];
    for (number, width) in all.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width)?;
        *number = part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(all)
}
