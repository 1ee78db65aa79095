//! Kernels of the functions over ranges: what each makes of the windows of one series. Wherever the
//! result stays the same to the last bit, a sample is touched a fixed number of times however many
//! windows it lies in.

pub(crate) mod extremes;
pub(crate) mod order;
pub(crate) mod rate;
pub(crate) mod sums;
pub(crate) mod trend;
pub(crate) mod variance;

use crate::room::Scratch;
use crate::windows::Windows;

pub(crate) fn count(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    windows.spans(out, |from, to| (to - from) as f64);
}

pub(crate) fn present(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    windows.spans(out, |_, _| 1.0);
}

pub(crate) fn first(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    windows.spans(out, |from, _| windows.values[from]);
}

pub(crate) fn last(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    windows.spans(out, |_, to| windows.values[to - 1]);
}

pub(crate) fn time_of_first(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    windows.spans(out, |from, _| seconds(windows.times[from]));
}

pub(crate) fn time_of_last(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    windows.spans(out, |_, to| seconds(windows.times[to - 1]));
}

pub(crate) fn changes(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    #[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
    let changed = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
    pairs(windows, scratch, out, changed);
}

pub(crate) fn resets(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    pairs(windows, scratch, out, |a, b| b < a);
}

/// Counts neighbours in each window that something holds for.
fn pairs(
    windows: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut [f64],
    holds: impl Fn(f64, f64) -> bool,
) {
    // Up to and with each sample: how many pairs end at it or before.
    let counts = &mut scratch.counts;
    counts.clear();
    counts.push(0);
    let mut count = 0;
    counts.extend(windows.values.windows(2).map(|pair| {
        count += u32::from(holds(pair[0], pair[1]));
        count
    }));
    windows.spans(out, |from, to| f64::from(counts[to - 1] - counts[from]));
}

/// Milliseconds as seconds.
pub(crate) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
