//! Variances of windows as Prometheus computes them, to the last bit: Welford's with compensation.
//! Each value waits for the one before, so windows are computed several at once.

use super::sums::{Sum, two_sum};
use crate::room::Scratch;
use crate::vector::ABSENT;
use crate::windows::Windows;

pub(crate) fn stdvar(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    variances(windows, out);
}

pub(crate) fn stddev(windows: &Windows<'_>, _: &mut Scratch, out: &mut [f64]) {
    variances(windows, out);
    // No sample has the bits of a number that is not one, which its root would not keep.
    out.iter_mut().filter(|value| !crate::vector::absent(**value)).for_each(|v| *v = v.sqrt());
}

/// Windows that are computed at once.
const LANES: usize = 4;

fn variances(windows: &Windows<'_>, out: &mut [f64]) {
    // Below this no square overflows, nor their sum.
    let small = windows.values.iter().all(|value| value.abs() < 1e140);
    for (out, bounds) in out.chunks_mut(LANES).zip(windows.bounds.chunks(LANES)) {
        let lanes: [&[f64]; LANES] = std::array::from_fn(|lane| {
            bounds.get(lane).map_or(&[][..], |(from, to)| &windows.values[*from..*to])
        });
        let mut states = [Welford::default(); LANES];
        if small {
            let common = lanes.iter().map(|lane| lane.len()).min().unwrap_or_default();
            states = together(lanes.map(|lane| &lane[..common]), common);
        }
        for ((out, state), lane) in out.iter_mut().zip(states).zip(lanes) {
            *out = state.finished(lane);
        }
    }
}

/// Population variance under way.
#[derive(Clone, Copy, Default)]
struct Welford {
    count: usize,
    mean: Sum,
    squares: Sum,
}

impl Welford {
    /// The variance of all values, of which the first ones are taken already.
    fn finished(mut self, values: &[f64]) -> f64 {
        if values.is_empty() {
            return ABSENT;
        }
        for &value in &values[self.count..] {
            self.count += 1;
            let delta = value - self.mean.total();
            self.mean.add(delta / self.count as f64);
            self.squares.add(delta * (value - self.mean.total()));
        }
        self.squares.total() / values.len() as f64
    }
}

/// All lanes, each of `count` values of which no square overflows.
fn together(lanes: [&[f64]; LANES], count: usize) -> [Welford; LANES] {
    let [mut mean, mut mean_lost, mut squares, mut squares_lost] = [[0.0; LANES]; 4];
    let [a, b, c, d] = lanes;
    for (at, (((a, b), c), d)) in a.iter().zip(b).zip(c).zip(d).enumerate() {
        let (counted, values) = ((at + 1) as f64, [*a, *b, *c, *d]);
        for (lane, value) in values.into_iter().enumerate() {
            let delta = value - (mean[lane] + mean_lost[lane]);
            let (sum, lost) = two_sum(mean[lane], delta / counted);
            mean[lane] = sum;
            mean_lost[lane] += lost;
            let square = delta * (value - (mean[lane] + mean_lost[lane]));
            let (sum, lost) = two_sum(squares[lane], square);
            squares[lane] = sum;
            squares_lost[lane] += lost;
        }
    }
    std::array::from_fn(|lane| Welford {
        count,
        mean: Sum { sum: mean[lane], lost: mean_lost[lane] },
        squares: Sum { sum: squares[lane], lost: squares_lost[lane] },
    })
}
