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
    let sorted = &mut scratch.keys;
    sorted.clear();
    let keys = |from: usize, to: usize| windows.values[from..to].iter().copied().map(key);
    let (mut first, mut behind) = (0, 0);
    let mut wanted = windows.args.iter().flatten();
    for (out, &(from, to)) in out.iter_mut().zip(windows.bounds) {
        let q = wanted.next().copied().unwrap_or(f64::NAN);
        let moved = (from - first) + (to - behind);
        // One move shifts some of the window, a sort looks at each sample some log2 times.
        if from >= behind || moved > 4 + (to - from) / 8 {
            sorted.clear();
            sorted.extend(keys(from, to));
            sorted.sort_unstable();
        } else {
            let (mut gone, mut new) = (keys(first, from), keys(behind, to));
            loop {
                match (gone.next(), new.next()) {
                    (Some(gone), Some(new)) => replace(sorted, gone, new),
                    (Some(gone), None) => {
                        sorted.remove(place_of(sorted, gone));
                    }
                    (None, Some(new)) => sorted.insert(place_of(sorted, new), new),
                    (None, None) => break,
                }
            }
        }
        (first, behind) = (from, to);
        *out = if from == to {
            crate::vector::ABSENT
        } else {
            place(q, sorted.len(), |lower, upper| (value(sorted[lower]), value(sorted[upper])))
        };
    }
}

/// A number whose order is that of the values: what is not a number first, then all from the least.
fn key(value: f64) -> u64 {
    const NEGATIVE: u64 = 1 << 63;
    let bits = value.to_bits();
    match () {
        () if value.is_nan() => 0,
        () if bits & NEGATIVE != 0 => !bits,
        () => bits | NEGATIVE,
    }
}

/// The value of a key.
fn value(key: u64) -> f64 {
    const NEGATIVE: u64 = 1 << 63;
    match key {
        0 => f64::NAN,
        key if key & NEGATIVE != 0 => f64::from_bits(key & !NEGATIVE),
        key => f64::from_bits(!key),
    }
}

fn place_of(sorted: &[u64], key: u64) -> usize {
    sorted.partition_point(|other| *other < key)
}

/// Puts a key in the place of another one; only what lies between moves.
fn replace(sorted: &mut [u64], gone: u64, new: u64) {
    let (from, to) = (place_of(sorted, gone), place_of(sorted, new));
    if from < to {
        sorted.copy_within(from + 1..to, from);
        sorted[to - 1] = new;
    } else {
        sorted.copy_within(to..from, to + 1);
        sorted[to] = new;
    }
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
