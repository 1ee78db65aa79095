//! Trends of a window: least squares and smoothing. Both depend on the order of rounding, so each
//! window is gone through.

use super::sums::Sum;
use crate::room::Scratch;
use crate::vector::ABSENT;
use crate::windows::{Window, Windows};

pub(crate) fn deriv(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    windows.each(out, |window| match window.values.len() {
        1 => ABSENT,
        _ => regression(window, window.times[0]).0,
    });
}

pub(crate) fn predict_linear(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    windows.each(out, |window| {
        if window.values.len() == 1 {
            return ABSENT;
        }
        let (slope, intercept) = regression(window, window.now);
        slope * window.args[0] + intercept
    });
}

/// Least squares: slope per second, and the value at `zero`.
fn regression(window: &Window<'_>, zero: i64) -> (f64, f64) {
    let first = window.values[0];
    #[expect(clippy::float_cmp, reason = "a constant series is constant bit for bit")]
    if window.values[1..].iter().all(|value| *value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let [mut x, mut y, mut xy, mut x2] = [Sum::default(); 4];
    for (&time, &value) in window.times.iter().zip(window.values) {
        let at = (time - zero) as f64 / 1000.0;
        x.add(at);
        y.add(value);
        xy.add(at * value);
        x2.add(at * at);
    }
    let count = window.values.len() as f64;
    let covariance = xy.total() - x.total() * y.total() / count;
    let spread = x2.total() - x.total() * x.total() / count;
    let slope = covariance / spread;
    (slope, y.total() / count - slope * x.total() / count)
}

/// Smoothed twice, by the two arguments.
pub(crate) fn smoothed(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    windows.each(out, |window| {
        let [smoothing, trend_factor] = window.args;
        let [first, second, ..] = window.values else { return ABSENT };
        let (mut before, mut level, mut trend) = (0.0, *first, second - first);
        for (at, &value) in window.values[1..].iter().enumerate() {
            if at > 0 {
                trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
            }
            let next = smoothing * value + (1.0 - smoothing) * (level + trend);
            (before, level) = (level, next);
        }
        level
    });
}
