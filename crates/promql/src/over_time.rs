//! Kernels over the samples of one window, and the arithmetic that they share with aggregations.

/// One window: its samples, its bounds in ms, and the function's scalar arguments at this step.
pub(crate) struct Window<'a> {
    pub(crate) times: &'a [i64],
    pub(crate) values: &'a [f64],
    pub(crate) end: i64,
    pub(crate) range: i64,
    /// The time of the step itself, which `@` and `offset` do not move.
    pub(crate) now: i64,
    pub(crate) args: [f64; 2],
}

/// Kahan's summation as Neumaier improved it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let total = self.sum + value;
        self.lost += if total.is_infinite() {
            0.0
        } else if self.sum.abs() >= value.abs() {
            (self.sum - total) + value
        } else {
            (value - total) + self.sum
        };
        if total.is_infinite() {
            self.lost = 0.0;
        }
        self.sum = total;
    }

    pub(crate) fn total(self) -> f64 {
        if self.sum.is_infinite() { self.sum } else { self.sum + self.lost }
    }

    pub(crate) fn of(values: &[f64]) -> f64 {
        let mut sum = Self::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.total()
    }
}

/// An average that does not overflow where its sum would.
pub(crate) struct Mean;

impl Mean {
    pub(crate) fn of(values: &[f64]) -> f64 {
        let count = values.len() as f64;
        let sum = Sum::of(values);
        if sum.is_finite() || values.iter().any(|value| !value.is_finite()) {
            return sum / count;
        }
        let mut parts = Sum::default();
        values.iter().for_each(|value| parts.add(*value / count));
        parts.total()
    }
}

/// Population variance, by Welford with compensation.
pub(crate) fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    for (count, &value) in values.iter().enumerate() {
        let delta = value - mean.total();
        mean.add(delta / (count + 1) as f64);
        squares.add(delta * (value - mean.total()));
    }
    let result = squares.total() / values.len() as f64;
    if values.iter().any(|value| !value.is_finite()) { f64::NAN } else { result }
}

/// The φ-quantile with linear interpolation. Sorts its values.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    // NaN counts as the smallest, as in Prometheus.
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = q * (values.len() - 1) as f64;
    let lower = rank.floor().max(0.0);
    let upper = (lower as usize + 1).min(values.len() - 1);
    let weight = rank - lower;
    values[lower as usize] * (1.0 - weight) + values[upper] * weight
}

pub(crate) fn rate(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, true).map(|increase| increase / (window.range as f64 / 1000.0))
}

pub(crate) fn increase(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, true)
}

pub(crate) fn delta(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, false)
}

/// The change over the window, carried on to its ends where samples suggest that the series goes on.
fn extrapolated(window: &Window<'_>, counter: bool) -> Option<f64> {
    let (times, values) = (window.times, window.values);
    let last = values.len().checked_sub(1).filter(|last| *last > 0)?;
    let mut change = values[last] - values[0];
    if counter {
        let resets = values.windows(2).filter(|pair| pair[1] < pair[0]);
        change += resets.map(|pair| pair[0]).sum::<f64>();
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut to_start = seconds(times[0] - (window.end - window.range));
    let mut to_end = seconds(window.end - times[last]);
    let sampled = seconds(times[last] - times[0]);
    let between = sampled / last as f64;
    let threshold = between * 1.1;
    if to_start >= threshold {
        to_start = between / 2.0;
    }
    if counter {
        let to_zero = if change > 0.0 && values[0] >= 0.0 {
            sampled * (values[0] / change)
        } else {
            to_start
        };
        to_start = to_start.min(to_zero);
    }
    if to_end >= threshold {
        to_end = between / 2.0;
    }
    Some(change * ((sampled + to_start + to_end) / sampled))
}

pub(crate) fn irate(window: &Window<'_>) -> Option<f64> {
    let (change, ms) = last_two(window, true)?;
    (ms != 0).then(|| change / (ms as f64 / 1000.0))
}

pub(crate) fn idelta(window: &Window<'_>) -> Option<f64> {
    last_two(window, false).filter(|(_, ms)| *ms != 0).map(|(change, _)| change)
}

fn last_two(window: &Window<'_>, counter: bool) -> Option<(f64, i64)> {
    let [.., a, b] = window.values else { return None };
    let [.., from, to] = window.times else { return None };
    let change = if counter && b < a { *b } else { b - a };
    Some((change, to - from))
}

pub(crate) fn changes(window: &Window<'_>) -> Option<f64> {
    #[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
    let changed = |pair: &&[f64]| pair[0] != pair[1] && !(pair[0].is_nan() && pair[1].is_nan());
    (!window.values.is_empty()).then(|| window.values.windows(2).filter(changed).count() as f64)
}

pub(crate) fn resets(window: &Window<'_>) -> Option<f64> {
    let falls = |pair: &&[f64]| pair[1] < pair[0];
    (!window.values.is_empty()).then(|| window.values.windows(2).filter(falls).count() as f64)
}

pub(crate) fn deriv(window: &Window<'_>) -> Option<f64> {
    (window.values.len() > 1).then(|| regression(window, window.times[0]).0)
}

pub(crate) fn predict_linear(window: &Window<'_>) -> Option<f64> {
    (window.values.len() > 1).then(|| {
        let (slope, intercept) = regression(window, window.now);
        slope * window.args[0] + intercept
    })
}

/// Least squares: slope per second, and the value at `zero`.
fn regression(window: &Window<'_>, zero: i64) -> (f64, f64) {
    let (mut x, mut y, mut xy, mut x2) =
        (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    let first = window.values[0];
    #[expect(clippy::float_cmp, reason = "a constant series is constant bit for bit")]
    if window.values.iter().all(|value| *value == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
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

pub(crate) fn smoothed(window: &Window<'_>) -> Option<f64> {
    let [smoothing, trend_factor] = window.args;
    let (&first, rest) = window.values.split_first()?;
    let (&second, _) = rest.split_first()?;
    let (mut level, mut trend) = (first, second - first);
    for &value in rest {
        let before = level;
        level = smoothing * value + (1.0 - smoothing) * (before + trend);
        trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
    }
    Some(level)
}

pub(crate) fn extreme(window: &Window<'_>, better: fn(f64, f64) -> bool) -> Option<(i64, f64)> {
    let mut best = (*window.times.first()?, *window.values.first()?);
    for (&time, &value) in window.times.iter().zip(window.values) {
        if better(value, best.1) || best.1.is_nan() {
            best = (time, value);
        }
    }
    Some(best)
}

pub(crate) fn median_deviation(window: &Window<'_>) -> Option<f64> {
    if window.values.iter().any(|value| value.is_nan()) {
        return Some(f64::NAN);
    }
    let mut values = window.values.to_vec();
    (!values.is_empty()).then(|| {
        let median = quantile(0.5, &mut values);
        values.iter_mut().for_each(|value| *value = (*value - median).abs());
        quantile(0.5, &mut values)
    })
}
