//! Functions over ranges and aggregations, computed the plain way from one window or group at a time.

/// One window, cut out.
pub(crate) struct Window {
    times: Vec<i64>,
    values: Vec<f64>,
    end: i64,
    range: i64,
    now: i64,
    q: f64,
}

impl Window {
    /// The window of a step (ms).
    pub(crate) fn of(samples: &[(i64, f64)], now: i64, offset: i64, range: i64, q: f64) -> Self {
        let end = now - offset;
        let within = samples.iter().filter(|(time, _)| *time > end - range && *time <= end);
        let (times, values) = within.copied().unzip();
        Self { times, values, end, range, now, q }
    }

    fn some(&self) -> Option<&[f64]> {
        (!self.values.is_empty()).then_some(&self.values)
    }
}

type Reduce = fn(&[f64]) -> f64;
type Plain = fn(&Window) -> Option<f64>;

/// Queries, with S for the selector and Q for a quantile, and what they give.
pub(crate) const FUNCTIONS: &[(&str, Plain)] = &[
    ("rate(S)", |w| change(w, true).map(|(c, f)| c * (f / (w.range as f64 / 1000.0)))),
    ("increase(S)", |w| change(w, true).map(|(c, f)| c * f)),
    ("delta(S)", |w| change(w, false).map(|(c, f)| c * f)),
    ("irate(S)", |w| last_two(w).map(|(a, b, s)| if b < a { b / s } else { (b - a) / s })),
    ("idelta(S)", |w| last_two(w).map(|(a, b, _)| b - a)),
    ("sum_over_time(S)", |w| w.some().map(|v| compensated(v).0 + compensated(v).1)),
    ("avg_over_time(S)", |w| w.some().map(mean)),
    ("count_over_time(S)", |w| w.some().map(|v| v.len() as f64)),
    ("present_over_time(S)", |w| w.some().map(|_| 1.0)),
    ("last_over_time(S)", |w| w.values.last().copied()),
    ("first_over_time(S)", |w| w.values.first().copied()),
    ("min_over_time(S)", |w| best(w, |a, b| a < b).map(|at| w.values[at])),
    ("max_over_time(S)", |w| best(w, |a, b| a > b).map(|at| w.values[at])),
    ("ts_of_min_over_time(S)", |w| best(w, |a, b| a <= b).map(|at| w.times[at] as f64 / 1000.0)),
    ("ts_of_max_over_time(S)", |w| best(w, |a, b| a >= b).map(|at| w.times[at] as f64 / 1000.0)),
    ("ts_of_first_over_time(S)", |w| w.times.first().map(|t| *t as f64 / 1000.0)),
    ("ts_of_last_over_time(S)", |w| w.times.last().map(|t| *t as f64 / 1000.0)),
    ("stdvar_over_time(S)", |w| w.some().map(variance)),
    ("stddev_over_time(S)", |w| w.some().map(|v| variance(v).sqrt())),
    ("quantile_over_time(Q, S)", |w| w.some().map(|v| quantile(w.q, v))),
    ("changes(S)", |w| pairs(w, |a, b| a != b && !(a.is_nan() && b.is_nan()))),
    ("resets(S)", |w| pairs(w, |a, b| b < a)),
    ("deriv(S)", |w| regression(w, *w.times.first()?).map(|r| r.0)),
    ("predict_linear(S, 60)", |w| regression(w, w.now).map(|(slope, at)| slope * 60.0 + at)),
];

/// Aggregations up to the vector, and what they give of a group's values.
pub(crate) const AGGREGATIONS: &[(&str, Reduce)] = &[
    ("sum by (__name__) (", |v| compensated(v).0 + compensated(v).1),
    ("avg by (__name__) (", mean),
    ("count by (__name__) (", |v| v.len() as f64),
    ("min by (__name__) (", |v| v.iter().copied().fold(f64::NAN, f64::min)),
    ("max by (__name__) (", |v| v.iter().copied().fold(f64::NAN, f64::max)),
    ("quantile by (__name__) (0.3, ", |v| quantile(0.3, v)),
    ("stdvar by (__name__) (", |v| {
        let (mut mean, mut squares) = (0.0, 0.0);
        for (at, value) in v.iter().enumerate() {
            let delta = value - mean;
            mean += delta / (at + 1) as f64;
            squares += delta * (value - mean);
        }
        squares / v.len() as f64
    }),
];

fn change(w: &Window, counter: bool) -> Option<(f64, f64)> {
    let last = w.values.len().checked_sub(1).filter(|last| *last > 0)?;
    let mut change = w.values[last] - w.values[0];
    for pair in w.values.windows(2).filter(|pair| counter && pair[1] < pair[0]) {
        change += pair[0];
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut to_start = seconds(w.times[0] - (w.end - w.range));
    let mut to_end = seconds(w.end - w.times[last]);
    let sampled = seconds(w.times[last] - w.times[0]);
    let between = sampled / last as f64;
    if to_start >= between * 1.1 {
        to_start = between / 2.0;
    }
    if counter && change > 0.0 && w.values[0] >= 0.0 {
        let to_zero = sampled * (w.values[0] / change);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= between * 1.1 {
        to_end = between / 2.0;
    }
    Some((change, (sampled + to_start + to_end) / sampled))
}

fn last_two(w: &Window) -> Option<(f64, f64, f64)> {
    let [.., a, b] = w.values[..] else { return None };
    let [.., from, to] = w.times[..] else { return None };
    Some((a, b, (to - from) as f64 / 1000.0))
}

/// Neumaier's sum and what it lost.
fn compensated(values: &[f64]) -> (f64, f64) {
    values.iter().fold((0.0, 0.0), |(sum, lost), value| step(sum, lost, *value))
}

fn step(sum: f64, lost: f64, value: f64) -> (f64, f64) {
    let total: f64 = sum + value;
    if total.is_infinite() {
        (total, 0.0)
    } else if sum.abs() >= value.abs() {
        (total, lost + ((sum - total) + value))
    } else {
        (total, lost + ((value - total) + sum))
    }
}

fn mean(values: &[f64]) -> f64 {
    let (mut sum, mut lost, mut mean) = (values[0], 0.0, None);
    for (at, &value) in values.iter().enumerate().skip(1) {
        let count = (at + 1) as f64;
        if mean.is_none() {
            let next = step(sum, lost, value);
            if !next.0.is_infinite() {
                (sum, lost) = next;
                continue;
            }
            mean = Some(sum / (count - 1.0));
            lost /= count - 1.0;
        }
        let share = (count - 1.0) / count;
        let (next, rest) = step(share * mean.unwrap(), share * lost, value / count);
        (mean, lost) = (Some(next), rest);
    }
    let count = values.len() as f64;
    mean.map_or(sum / count + lost / count, |mean| mean + lost)
}

fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = ((0.0, 0.0), (0.0, 0.0));
    for (at, value) in values.iter().enumerate() {
        let delta = value - (mean.0 + mean.1);
        mean = step(mean.0, mean.1, delta / (at + 1) as f64);
        squares = step(squares.0, squares.1, delta * (value - (mean.0 + mean.1)));
    }
    (squares.0 + squares.1) / values.len() as f64
}

fn best(w: &Window, better: fn(f64, f64) -> bool) -> Option<usize> {
    let mut best = 0;
    w.some()?;
    for (at, value) in w.values.iter().enumerate() {
        if better(*value, w.values[best]) || w.values[best].is_nan() {
            best = at;
        }
    }
    Some(best)
}

fn quantile(q: f64, values: &[f64]) -> f64 {
    match q {
        q if q < 0.0 => return f64::NEG_INFINITY,
        q if q > 1.0 => return f64::INFINITY,
        _ => {}
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = q * (sorted.len() - 1) as f64;
    let weight = rank - rank.floor();
    let upper = (rank as usize + 1).min(sorted.len() - 1);
    if weight == 0.0 {
        return sorted[rank as usize];
    }
    sorted[rank as usize] * (1.0 - weight) + sorted[upper] * weight
}

fn pairs(w: &Window, holds: fn(f64, f64) -> bool) -> Option<f64> {
    let count = w.values.windows(2).filter(|pair| holds(pair[0], pair[1])).count();
    w.some().map(|_| count as f64)
}

fn regression(w: &Window, zero: i64) -> Option<(f64, f64)> {
    let first = *w.values.first().filter(|_| w.values.len() > 1)?;
    if w.values.iter().skip(1).all(|value| *value == first) {
        return Some(if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) });
    }
    let mut sums = [(0.0, 0.0); 4];
    for (time, y) in w.times.iter().zip(&w.values) {
        let x = (time - zero) as f64 / 1000.0;
        for (sum, value) in sums.iter_mut().zip([x, *y, x * y, x * x]) {
            *sum = step(sum.0, sum.1, value);
        }
    }
    let [x, y, xy, x2] = sums.map(|sum| sum.0 + sum.1);
    let n = w.values.len() as f64;
    let slope = (xy - x * y / n) / (x2 - x * x / n);
    Some((slope, y / n - slope * x / n))
}
