//! Values over time: what a scenario says a process does.
//!
//! A wave is a function of the time since its owner's start and of the step of the world's grid;
//! noise is a hash, so that the same step always has the same value.

use serde::Deserialize;
use serde::de::Error;

use crate::noise;
use crate::scenario::quantity::{Size, Span};

/// The grid on which the world is computed, in microseconds. Waves are read at its steps.
pub const STEP_US: i64 = 100_000;

/// A value over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Wave {
    form: Form,
    /// Half width of the noise.
    noise: f64,
    /// Added to the time before the form is read.
    phase_us: i64,
}

/// A time in microseconds and the value from then on, or at it.
type Point = (i64, f64);

#[derive(Debug, Clone, PartialEq)]
enum Form {
    Constant(f64),
    Square {
        low: f64,
        high: f64,
        period_us: i64,
        high_us: i64,
    },
    Sine {
        low: f64,
        high: f64,
        period_us: i64,
    },
    Ramp {
        from: f64,
        to: f64,
        over_us: i64,
    },
    /// (from this time, value), by time; starts again after `every_us` if that is above 0.
    Steps {
        points: Vec<Point>,
        every_us: i64,
    },
    /// As steps, with straight lines between the points.
    Trace {
        points: Vec<Point>,
        every_us: i64,
    },
}

impl Wave {
    /// Always the same value.
    #[must_use]
    pub const fn constant(value: f64) -> Self {
        Self { form: Form::Constant(value), noise: 0.0, phase_us: 0 }
    }

    /// The value at that time since the owner's start. `key` is the owner's, `step` the grid's.
    #[must_use]
    pub fn at(&self, since_us: i64, key: u64, step: i64) -> f64 {
        let value = self.form.at(since_us.saturating_add(self.phase_us));
        // What does nothing does nothing: noise is in what is done.
        if self.noise == 0.0 || value == 0.0 {
            return value;
        }
        (value + self.noise * noise::spread(noise::with(key, step.cast_unsigned()))).max(0.0)
    }

    /// The largest value it can have.
    #[must_use]
    pub fn ceiling(&self) -> f64 {
        let top = |points: &[Point]| points.iter().map(|point| point.1).fold(0.0, f64::max);
        self.noise
            + match &self.form {
                Form::Constant(value) => *value,
                Form::Square { low, high, .. } | Form::Sine { low, high, .. } => low.max(*high),
                Form::Ramp { from, to, .. } => from.max(*to),
                Form::Steps { points, .. } | Form::Trace { points, .. } => top(points),
            }
    }

    /// Whether it is 0 at all times.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.ceiling() <= 0.0
    }
}

impl Form {
    fn at(&self, t: i64) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Square { low, high, period_us, high_us } => {
                if t.rem_euclid(*period_us) < *high_us { *high } else { *low }
            }
            Self::Sine { low, high, period_us } => {
                let turn = ratio(t.rem_euclid(*period_us), *period_us);
                low + (high - low) * f64::midpoint(1.0, sine(turn))
            }
            Self::Ramp { from, to, over_us } => {
                from + (to - from) * ratio(t.clamp(0, *over_us), *over_us)
            }
            Self::Steps { points, every_us } => {
                let (before, _) = around(points, wrapped(t, *every_us));
                before.map_or(0.0, |point| point.1)
            }
            Self::Trace { points, every_us } => {
                let t = wrapped(t, *every_us);
                match around(points, t) {
                    (Some(a), Some(b)) if b.0 > a.0 => {
                        a.1 + (b.1 - a.1) * ratio(t - a.0, b.0 - a.0)
                    }
                    (Some(point), _) | (None, Some(point)) => point.1,
                    (None, None) => 0.0,
                }
            }
        }
    }
}

/// The sine of a turn in 0..1, within 0.001: two parabolas and a correction. Library functions
/// differ between machines in their last bits, and take a good part of a step's time.
fn sine(turn: f64) -> f64 {
    let x = turn - 0.5;
    let parabola = -8.0 * x * (1.0 - 2.0 * x.abs());
    parabola + 0.225 * (parabola * parabola.abs() - parabola)
}

fn wrapped(t: i64, every_us: i64) -> i64 {
    if every_us > 0 { t.rem_euclid(every_us) } else { t }
}

fn around(points: &[Point], t: i64) -> (Option<Point>, Option<Point>) {
    let next = points.partition_point(|point| point.0 <= t);
    (next.checked_sub(1).map(|at| points[at]), points.get(next).copied())
}

#[expect(clippy::cast_precision_loss, reason = "spans of a world fit 53 bits in microseconds")]
fn ratio(part: i64, whole: i64) -> f64 {
    part as f64 / whole as f64
}

/// A number, or a size for waves of memory.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Quantity {
    Number(f64),
    Size(Size),
}

impl Quantity {
    #[expect(clippy::cast_precision_loss, reason = "memory sizes fit 53 bits")]
    const fn value(self) -> f64 {
        match self {
            Self::Number(number) => number,
            Self::Size(size) => size.0 as f64,
        }
    }
}

/// The table form, as written.
#[derive(Debug, Deserialize)]
#[serde(tag = "wave", rename_all = "lowercase", deny_unknown_fields)]
enum Written {
    Constant {
        value: Quantity,
        noise: Option<Quantity>,
    },
    Square {
        low: Quantity,
        high: Quantity,
        period: Span,
        duty: Option<f64>,
        noise: Option<Quantity>,
        phase: Option<Span>,
    },
    Sine {
        low: Quantity,
        high: Quantity,
        period: Span,
        noise: Option<Quantity>,
        phase: Option<Span>,
    },
    Ramp {
        from: Quantity,
        to: Quantity,
        over: Span,
        noise: Option<Quantity>,
        phase: Option<Span>,
    },
    Steps {
        points: Vec<(Span, Quantity)>,
        every: Option<Span>,
        noise: Option<Quantity>,
        phase: Option<Span>,
    },
    Trace {
        /// A CSV of seconds and value, beside the scenario.
        file: Option<String>,
        points: Option<Vec<(Span, Quantity)>>,
        every: Option<Span>,
        noise: Option<Quantity>,
        phase: Option<Span>,
    },
}

impl<'de> Deserialize<'de> for Wave {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Takes a number, a size or a table.
struct Reader;

impl<'de> serde::de::Visitor<'de> for Reader {
    type Value = Wave;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number, a size or a table { wave = \"...\", ... }")
    }

    #[expect(clippy::cast_precision_loss, reason = "scenario values are small or sizes")]
    fn visit_i64<E: Error>(self, value: i64) -> Result<Wave, E> {
        self.visit_f64(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Wave, E> {
        if value.is_finite() && value >= 0.0 {
            return Ok(Wave::constant(value));
        }
        Err(E::custom("a wave cannot be below 0"))
    }

    #[expect(clippy::cast_precision_loss, reason = "memory sizes fit 53 bits")]
    fn visit_str<E: Error>(self, text: &str) -> Result<Wave, E> {
        crate::scenario::quantity::parse_size(text)
            .map(|bytes| Wave::constant(bytes as f64))
            .ok_or_else(|| E::custom(format_args!("`{text}` is not a size such as \"2GiB\"")))
    }

    fn visit_map<M: serde::de::MapAccess<'de>>(self, map: M) -> Result<Wave, M::Error> {
        let written = Written::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        written.compile().map_err(M::Error::custom)
    }
}

impl Written {
    fn compile(self) -> Result<Wave, String> {
        let (form, noise, phase) = match self {
            Self::Constant { value, noise } => (Form::Constant(value.value()), noise, None),
            Self::Square { low, high, period, duty, noise, phase } => {
                let period_us = period_of(period)?;
                let duty = duty.unwrap_or(0.5);
                if !(0.0..=1.0).contains(&duty) {
                    return Err("duty lies between 0 and 1".into());
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_precision_loss,
                    reason = "a part of the period"
                )]
                let high_us = (period_us as f64 * duty) as i64;
                let (low, high) = (low.value(), high.value());
                (Form::Square { low, high, period_us, high_us }, noise, phase)
            }
            Self::Sine { low, high, period, noise, phase } => {
                let period_us = period_of(period)?;
                (Form::Sine { low: low.value(), high: high.value(), period_us }, noise, phase)
            }
            Self::Ramp { from, to, over, noise, phase } => {
                let over_us = period_of(over)?;
                (Form::Ramp { from: from.value(), to: to.value(), over_us }, noise, phase)
            }
            Self::Steps { points, every, noise, phase } => {
                let form = Form::Steps { points: line(points)?, every_us: every_of(every) };
                (form, noise, phase)
            }
            Self::Trace { file, points, every, noise, phase } => {
                let points = match (file, points) {
                    (Some(file), None) => crate::scenario::trace_file(&file)?,
                    (None, Some(points)) => line(points)?,
                    _ => return Err("a trace has either a file or points".into()),
                };
                (Form::Trace { points, every_us: every_of(every) }, noise, phase)
            }
        };
        let noise = noise.map_or(0.0, Quantity::value);
        let wave = Wave { form, noise, phase_us: phase.map_or(0, Span::micros) };
        if wave.ceiling().is_finite() && noise >= 0.0 && wave.floor() >= 0.0 {
            return Ok(wave);
        }
        Err("a wave cannot be below 0".into())
    }
}

impl Wave {
    fn floor(&self) -> f64 {
        let bottom = |points: &[Point]| points.iter().map(|point| point.1).fold(0.0, f64::min);
        match &self.form {
            Form::Constant(value) => *value,
            Form::Square { low, high, .. } | Form::Sine { low, high, .. } => low.min(*high),
            Form::Ramp { from, to, .. } => from.min(*to),
            Form::Steps { points, .. } | Form::Trace { points, .. } => bottom(points),
        }
    }
}

fn period_of(span: Span) -> Result<i64, String> {
    if span.micros() < STEP_US {
        return Err("a wave's period is at least 100ms, the step of the world".into());
    }
    Ok(span.micros())
}

fn every_of(every: Option<Span>) -> i64 {
    every.map_or(0, Span::micros)
}

fn line(points: Vec<(Span, Quantity)>) -> Result<Vec<Point>, String> {
    let points: Vec<Point> =
        points.into_iter().map(|(at, value)| (at.micros(), value.value())).collect();
    if points.is_empty() || !points.is_sorted_by(|a, b| a.0 < b.0) {
        return Err("points are (time, value) in order of time, and at least one".into());
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(text: &str) -> Result<Wave, String> {
        #[derive(Deserialize)]
        struct Holder {
            w: Wave,
        }
        toml::from_str::<Holder>(text).map(|holder| holder.w).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn each_form_has_its_values() {
        let square =
            wave(r#"w = { wave = "square", low = 3, high = 97, period = "90s", duty = 0.7 }"#);
        let square = square.unwrap();
        assert_eq!((square.at(0, 1, 0), square.at(63_000_000, 1, 630)), (97.0, 3.0));
        let ramp =
            wave(r#"w = { wave = "ramp", from = "2GiB", to = "4GiB", over = "10s" }"#).unwrap();
        assert_eq!(ramp.at(5_000_000, 1, 50), f64::from(3 << 10) * 1_048_576.0);
        assert_eq!(ramp.at(99_000_000, 1, 990), f64::from(4 << 10) * 1_048_576.0);
        let sine = wave(r#"w = { wave = "sine", low = 10, high = 30, period = "4s" }"#).unwrap();
        assert!((sine.at(1_000_000, 1, 10) - 30.0).abs() < 1e-9);
        let steps =
            wave(r#"w = { wave = "steps", points = [["0s", 1], ["2s", 5]], every = "4s" }"#);
        let steps = steps.unwrap();
        assert_eq!((steps.at(1_900_000, 1, 19), steps.at(6_100_000, 1, 61)), (1.0, 5.0));
        let trace = wave(r#"w = { wave = "trace", points = [["0s", 0], ["10s", 20]] }"#).unwrap();
        assert!((trace.at(2_500_000, 1, 25) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn noise_is_the_same_for_the_same_step_and_another_for_the_next() {
        let wave = wave(r#"w = { wave = "constant", value = 50, noise = 2 }"#).unwrap();
        assert_eq!(wave.at(0, 9, 3).to_bits(), wave.at(0, 9, 3).to_bits());
        assert_ne!(wave.at(0, 9, 3).to_bits(), wave.at(0, 9, 4).to_bits());
        assert!((48.0..=52.0).contains(&wave.at(0, 9, 5)));
        assert_eq!(wave.ceiling(), 52.0);
    }

    #[test]
    fn the_sine_is_one() {
        for turn in (0..1000).map(|part| f64::from(part) / 1000.0) {
            let exact = (turn * std::f64::consts::TAU).sin();
            assert!((sine(turn) - exact).abs() < 0.0011, "{turn}");
        }
    }

    #[test]
    fn nothing_has_no_noise() {
        let wave = wave(r#"w = { wave = "constant", value = 0, noise = 2 }"#).unwrap();
        assert_eq!(wave.at(0, 9, 3).to_bits(), 0);
    }

    #[test]
    fn a_wave_that_cannot_be_is_refused_with_the_reason() {
        let bad = |text: &str| wave(text).unwrap_err();
        assert!(
            bad(r#"w = { wave = "sine", low = 1, high = 2, period = "1ms" }"#).contains("100ms")
        );
        assert!(
            bad(r#"w = { wave = "square", low = 1, high = 2, period = "1s", duty = 3 }"#)
                .contains("duty")
        );
        assert!(bad(r#"w = { wave = "steps", points = [] }"#).contains("points"));
        assert!(
            bad(r#"w = { wave = "ramp", from = 1, to = 2, over = "9s", colour = 1 }"#)
                .contains("colour")
        );
        assert!(bad("w = -1").contains("below 0"));
    }
}
