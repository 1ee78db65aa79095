//! Least and greatest of each window, by a queue of the samples that may still become one.

use super::seconds;
use crate::room::Scratch;
use crate::windows::Windows;

pub(crate) fn max(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    best(windows, scratch, out, |a, b| a > b, |at| windows.values[at]);
}

pub(crate) fn min(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    best(windows, scratch, out, |a, b| a < b, |at| windows.values[at]);
}

/// Of equal ones the last.
pub(crate) fn time_of_max(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    best(windows, scratch, out, |a, b| a >= b, |at| seconds(windows.times[at]));
}

/// Of equal ones the last.
pub(crate) fn time_of_min(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    best(windows, scratch, out, |a, b| a <= b, |at| seconds(windows.times[at]));
}

/// `of` the sample of each window that no later one beats. What is not a number counts only where
/// there is nothing else, and then the last of it.
fn best(
    windows: &Windows<'_>,
    scratch: &mut Scratch,
    out: &mut [f64],
    beats: impl Fn(f64, f64) -> bool,
    of: impl Fn(usize) -> f64,
) {
    let (values, queue) = (windows.values, &mut scratch.queue);
    queue.clear();
    let mut next = 0;
    windows.spans(out, |from, to| {
        next = next.max(from);
        for at in next..to {
            if values[at].is_nan() {
                continue;
            }
            while queue.back().is_some_and(|last| beats(values[at], values[*last])) {
                queue.pop_back();
            }
            queue.push_back(at);
        }
        next = next.max(to);
        while queue.front().is_some_and(|first| *first < from) {
            queue.pop_front();
        }
        of(queue.front().copied().unwrap_or(to - 1))
    });
}
