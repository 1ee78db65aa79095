//! Change over a window: `rate`, `increase`, `delta` and their instant kin.

use super::seconds;
use crate::room::Scratch;
use crate::vector::ABSENT;
use crate::windows::Windows;

pub(crate) fn rate(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    extrapolated(windows, scratch, out, true, Some(seconds(windows.range)));
}

pub(crate) fn increase(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    extrapolated(windows, scratch, out, true, None);
}

pub(crate) fn delta(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    extrapolated(windows, scratch, out, false, None);
}

/// The change over each window, carried on to its ends where samples suggest that the series goes on.
fn extrapolated(
    windows: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut [f64],
    counter: bool,
    per: Option<f64>,
) {
    let values = windows.values;
    let drops = &mut scratch.queue;
    drops.clear();
    if counter {
        // Where the counter fell, which is rare: only these are looked at again per window.
        drops.extend((1..values.len()).filter(|at| values[*at] < values[*at - 1]));
    }
    let drops = drops.make_contiguous();
    let mut passed = 0;
    for (out, (&(from, to), end)) in
        out.iter_mut().zip(windows.bounds.iter().zip(windows.ends.times()))
    {
        *out = ABSENT;
        if to - from < 2 {
            continue;
        }
        while drops.get(passed).is_some_and(|at| *at <= from) {
            passed += 1;
        }
        let inside = drops[passed..].iter().take_while(|at| **at < to);
        // One by one, in order: another order would round otherwise.
        let change =
            inside.fold(values[to - 1] - values[from], |change, at| change + values[*at - 1]);
        *out = change * factor(windows, (from, to), end, counter.then_some(change), per);
    }
}

/// What the change between first and last sample is multiplied by. `increase` is that of a counter,
/// which cannot have been below zero.
fn factor(
    windows: &Windows<'_>,
    (from, to): (usize, usize),
    end: i64,
    increase: Option<f64>,
    per: Option<f64>,
) -> f64 {
    let (first, last) = (windows.times[from], windows.times[to - 1]);
    let sampled = seconds(last - first);
    let between = sampled / (to - 1 - from) as f64;
    // Nearer to the end of the window than this, the series is taken to go on up to there.
    let near = between * 1.1;
    let mut to_start = seconds(first - (end - windows.range));
    let mut to_end = seconds(end - last);
    if to_start >= near {
        to_start = between / 2.0;
    }
    if let Some(increase) = increase
        && increase > 0.0
        && windows.values[from] >= 0.0
    {
        let to_zero = sampled * (windows.values[from] / increase);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    if to_end >= near {
        to_end = between / 2.0;
    }
    let factor = (sampled + to_start + to_end) / sampled;
    per.map_or(factor, |seconds| factor / seconds)
}

pub(crate) fn irate(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    last_two(windows, out, |before, value, ms| {
        let change = if value < before { value } else { value - before };
        change / seconds(ms)
    });
}

pub(crate) fn idelta(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    last_two(windows, out, |before, value, _| value - before);
}

fn last_two(windows: &Windows<'_>, out: &mut [f64], of: impl Fn(f64, f64, i64) -> f64) {
    windows.spans(out, |from, to| {
        let Some(before) = (to - 1).checked_sub(1).filter(|before| *before >= from) else {
            return ABSENT;
        };
        let ms = windows.times[to - 1] - windows.times[before];
        if ms == 0 { ABSENT } else { of(windows.values[before], windows.values[to - 1], ms) }
    });
}
