//! The moments of a query as people write them: `now-1h`, unix seconds, RFC 3339.

use std::time::Duration;

use model::Timestamp;

use crate::moment;

/// Most steps of a range where none is asked for: as many as a wide terminal can show.
const USUAL_STEPS: u64 = 240;
/// Steps that read well on an axis, in seconds.
const STEPS: [u64; 16] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];

/// What the options say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked<'a> {
    pub(crate) time: Option<&'a str>,
    pub(crate) start: Option<&'a str>,
    pub(crate) end: Option<&'a str>,
    pub(crate) step: Option<Duration>,
}

/// What is asked for, in ms since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moments {
    /// The newest, by the server's clock.
    Now,
    At(i64),
    Range {
        start: i64,
        end: i64,
        step_ms: u64,
    },
}

impl Moments {
    /// From the options.
    ///
    /// # Errors
    /// An option that is no time, or a range that ends before it begins.
    pub(crate) fn new(asked: Asked<'_>, now: Timestamp) -> Result<Self, String> {
        let now = now.0.div_euclid(1000);
        let Some(start) = asked.start else {
            return Ok(match asked.time {
                Some(time) => Self::At(read("--time", time, now)?),
                None => Self::Now,
            });
        };
        let start = read("--start", start, now)?;
        let end = asked.end.map_or(Ok(now), |end| read("--end", end, now))?;
        if end < start {
            return Err("--end is before --start".to_owned());
        }
        let step = match asked.step {
            Some(step) => u64::try_from(step.as_millis()).unwrap_or(u64::MAX),
            None => usual_step(end.abs_diff(start) / 1000) * 1000,
        };
        if step == 0 {
            return Err("--step must be longer than 0".to_owned());
        }
        Ok(Self::Range { start, end, step_ms: step })
    }
}

/// The shortest good step of which a range has no more than [`USUAL_STEPS`].
fn usual_step(seconds: u64) -> u64 {
    let enough = |step: &&u64| seconds / **step <= USUAL_STEPS;
    STEPS.iter().find(enough).copied().unwrap_or_else(|| seconds / USUAL_STEPS + 1)
}

/// Seconds as the API reads them: `1795323787.5`.
pub(crate) fn seconds(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let (whole, rest) = (ms.unsigned_abs() / 1000, ms.unsigned_abs() % 1000);
    if rest == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest:03}") }
}

fn read(option: &str, text: &str, now: i64) -> Result<i64, String> {
    let wrong = || {
        format!("{option}: {text:?} is no time: write now-1h, 1795323787 or 2026-11-22T05:03:07Z")
    };
    if let Some(offset) = text.strip_prefix("now") {
        return offset_from(now, offset).ok_or_else(wrong);
    }
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds.is_nan() || seconds.abs() >= 1e11 {
            return Err(wrong());
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked")]
        let ms = (seconds * 1000.0).round() as i64;
        return Ok(ms);
    }
    rfc3339(text).ok_or_else(wrong)
}

/// `now`, `now-1h`, `now+5m`.
fn offset_from(now: i64, offset: &str) -> Option<i64> {
    if offset.is_empty() {
        return Some(now);
    }
    let (sign, span) = (offset.get(..1)?, offset.get(1..)?);
    let span = i64::try_from(moment::read(span).ok()?.as_millis()).ok()?;
    match sign {
        "-" => now.checked_sub(span),
        "+" => now.checked_add(span),
        _ => None,
    }
}

/// `2026-11-22T05:03:07.5+09:00` in ms since the epoch.
pub(crate) fn rfc3339(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let zone = clock.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = clock.split_at(zone);
    let mut parts = clock.splitn(3, ':');
    let hour: i64 = parts.next()?.parse().ok()?;
    let minute: i64 = parts.next()?.parse().ok()?;
    let second: f64 = parts.next()?.parse().ok()?;
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && (0..24).contains(&hour);
    if !in_range || !(0..60).contains(&minute) || !(0.0..61.0).contains(&second) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    let ms = (second * 1000.0).round() as i64;
    let minutes = (day_number(year, month, day) * 24 + hour) * 60 + minute - zone_minutes(zone)?;
    Some(minutes * 60_000 + ms)
}

/// Minutes east of UTC.
fn zone_minutes(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let east = hours * 60 + minutes;
    Some(if zone.starts_with('-') { -east } else { east })
}

/// Days since the epoch, in the proleptic Gregorian calendar.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_323_787_000;

    fn at(text: &str) -> Result<i64, String> {
        read("--time", text, NOW)
    }

    #[test]
    fn a_time_is_relative_unix_or_rfc_3339() {
        assert_eq!(at("now"), Ok(NOW));
        assert_eq!(at("now-1h30m"), Ok(NOW - 5_400_000));
        assert_eq!(at("1795323787.25"), Ok(NOW + 250));
        assert_eq!(at("2026-11-22T05:03:07Z"), Ok(NOW));
        assert_eq!(at("2026-11-22 14:03:07.5+09:00"), Ok(NOW + 500));
        for wrong in ["", "yesterday", "now-", "now1h", "2026-13-01T00:00:00Z", "2026-01-01", "inf"]
        {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_range_has_a_step_that_a_terminal_can_show() {
        let range = |start, step| {
            let asked = Asked { start: Some(start), step, ..Asked::default() };
            Moments::new(asked, Timestamp(NOW * 1000))
        };
        let step = |start| match range(start, None) {
            Ok(Moments::Range { step_ms, .. }) => step_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!((step("now-1m"), step("now-1h"), step("now-30d")), (1000, 15_000, 21_600_000));
        assert_eq!(step("now-900d"), 324_001_000);
        assert!(range("now-1h", Some(Duration::ZERO)).is_err());
        let backwards = Asked { start: Some("now"), end: Some("now-1h"), ..Asked::default() };
        assert!(Moments::new(backwards, Timestamp(NOW * 1000)).is_err());
        assert_eq!(seconds(-1500), "-1.500");
    }
}
