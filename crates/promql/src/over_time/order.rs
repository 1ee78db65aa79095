//! Kernels over the sorted samples of a window: quantiles and the median deviation.

use std::cmp::Ordering;

use crate::room::Scratch;
use crate::windows::Windows;

/// What is not a number counts as the least, as in Prometheus.
fn order(a: &f64, b: &f64) -> Ordering {
    b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b))
}

/// The φ-quantile with linear interpolation. Moves its values about.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    place(q, values.len(), |lower, upper| {
        let (_, &mut low, above) = values.select_nth_unstable_by(lower, order);
        let high = if upper == lower { Some(low) } else { above.iter().copied().min_by(order) };
        (low, high.unwrap_or(low))
    })
}

/// The quantile of `count` values, of which `at` gives two by their place.
fn place(q: f64, count: usize, at: impl FnOnce(usize, usize) -> (f64, f64)) -> f64 {
    if count == 0 || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let rank = q * (count - 1) as f64;
    let lower = rank.floor() as usize;
    let (low, high) = at(lower, (lower + 1).min(count - 1));
    let weight = rank - rank.floor();
    if weight == 0.0 {
        // Nothing of the other one, which may be infinite.
        return low;
    }
    low * (1.0 - weight) + high * weight
}

/// The quantile of each window. The samples stay sorted from window to window.
pub(crate) fn quantiles(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    let sorted = &mut scratch.sorted;
    sorted.clear();
    let (mut first, mut behind, mut step) = (0, 0, 0);
    let mut wanted = windows.args.iter().flatten();
    for (out, &(from, to)) in out.iter_mut().zip(windows.bounds) {
        let q = wanted.next().copied().unwrap_or(f64::NAN);
        let moved = (from - first) + (to - behind);
        // One move shifts half of the window, a sort looks at each sample some log2 times.
        if from >= behind || moved > 4 + (to - from) / 16 {
            sorted.clear();
            sorted.extend_from_slice(&windows.values[from..to]);
            sorted.sort_unstable_by(order);
        } else {
            windows.values[first..from].iter().for_each(|value| remove(sorted, *value));
            windows.values[behind..to].iter().for_each(|value| insert(sorted, *value));
        }
        (first, behind) = (from, to);
        step += 1;
        *out = if from == to {
            crate::vector::ABSENT
        } else {
            place(q, sorted.len(), |lower, upper| (sorted[lower], sorted[upper]))
        };
    }
    debug_assert_eq!(step, windows.bounds.len());
}

fn insert(sorted: &mut Vec<f64>, value: f64) {
    let at = sorted.partition_point(|other| order(other, &value).is_lt());
    sorted.insert(at, value);
}

fn remove(sorted: &mut Vec<f64>, value: f64) {
    let at = sorted.partition_point(|other| order(other, &value).is_lt());
    sorted.remove(at);
}

pub(crate) fn median_deviation(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    windows.each(out, |window| {
        if window.values.iter().any(|value| value.is_nan()) {
            return f64::NAN;
        }
        let values = &mut scratch.sorted;
        values.clear();
        values.extend_from_slice(window.values);
        let median = quantile(0.5, values);
        values.iter_mut().for_each(|value| *value = (*value - median).abs());
        quantile(0.5, values)
    });
}
