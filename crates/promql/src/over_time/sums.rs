//! Sums and averages as Prometheus computes them, to the last bit: it sums each window
//! from its start with Neumaier's compensation, which all but always is the exact sum rounded once.
//! Running sums of twice the precision give that for any window from two samples; where they cannot,
//! the window is summed itself.

use crate::room::Scratch;
use crate::windows::Windows;

/// Kahan's summation as Neumaier improved it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    pub(crate) sum: f64,
    pub(crate) lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let total = self.sum + value;
        self.lost = if total.is_infinite() {
            0.0
        } else if self.sum.abs() >= value.abs() {
            self.lost + ((self.sum - total) + value)
        } else {
            self.lost + ((value - total) + self.sum)
        };
        self.sum = total;
    }

    /// Takes another sum.
    pub(crate) fn join(&mut self, other: Self) {
        self.add(other.sum);
        if !self.sum.is_infinite() {
            self.lost += other.lost;
        }
    }

    pub(crate) fn total(self) -> f64 {
        self.sum + self.lost
    }

    pub(crate) fn of(values: &[f64]) -> f64 {
        let mut sum = Self::default();
        values.iter().for_each(|value| sum.add(*value));
        sum.total()
    }
}

/// The average: of the sum, or, from where that would overflow, of what it grows by.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    sum: Sum,
    count: f64,
    /// The sum is the mean of all so far.
    incremental: bool,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.incremental {
            let mut sum = self.sum;
            sum.add(value);
            if self.count < 1.5 {
                sum = Sum { sum: value, lost: 0.0 };
            }
            if !sum.sum.is_infinite() || self.count < 1.5 {
                self.sum = sum;
                return;
            }
            self.incremental = true;
            let before = self.count - 1.0;
            self.sum = Sum { sum: self.sum.sum / before, lost: self.sum.lost / before };
        }
        let share = (self.count - 1.0) / self.count;
        self.sum = Sum { sum: share * self.sum.sum, lost: share * self.sum.lost };
        self.sum.add(value / self.count);
    }

    /// Takes another average.
    pub(crate) fn join(&mut self, other: Self) {
        let count = self.count + other.count;
        let mut sum = self.sum;
        sum.join(other.sum);
        if self.incremental || other.incremental || sum.sum.is_infinite() {
            let of = |mean: Self| mean.total() * (mean.count / count);
            sum = Sum { sum: of(*self), lost: 0.0 };
            sum.add(of(other));
            self.incremental = true;
        }
        (self.sum, self.count) = (sum, count);
    }

    pub(crate) fn total(self) -> f64 {
        if self.incremental {
            return self.sum.total();
        }
        self.sum.sum / self.count + self.sum.lost / self.count
    }

    pub(crate) fn of(values: &[f64]) -> f64 {
        let mut mean = Self::default();
        values.iter().for_each(|value| mean.add(*value));
        mean.total()
    }
}

pub(crate) fn sum(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    match Running::of(windows.values, scratch) {
        Some(running) => windows.spans(out, |from, to| {
            let sum = running.between(from, to).map(|(high, low)| high + low);
            sum.unwrap_or_else(|| Sum::of(&windows.values[from..to]))
        }),
        None => windows.spans(out, |from, to| Sum::of(&windows.values[from..to])),
    }
}

pub(crate) fn avg(windows: &Windows<'_>, scratch: &mut Scratch, out: &mut [f64]) {
    let values = windows.values;
    let Some(running) = Running::of(values, scratch) else {
        return windows.spans(out, |from, to| Mean::of(&values[from..to]));
    };
    if running.exact {
        return windows
            .spans(out, |from, to| (running.high[to] - running.high[from]) / (to - from) as f64);
    }
    for (out, bounds) in out.chunks_mut(LANES).zip(windows.bounds.chunks(LANES)) {
        for ((out, &(from, to)), plain) in
            out.iter_mut().zip(bounds).zip(plain_sums(values, bounds))
        {
            let count = (to - from) as f64;
            // Prometheus divides the plain sum and what it lost apart.
            *out = match running.between(from, to) {
                _ if from == to => crate::vector::ABSENT,
                Some((high, low)) => plain / count + ((high - plain) + low) / count,
                None => Mean::of(&values[from..to]),
            };
        }
    }
}

/// Windows that are summed at once: one addition waits four cycles for the one before, so eight
/// sums take hardly longer than one.
const LANES: usize = 8;

/// The plain sum of each window, from its first sample on.
fn plain_sums(values: &[f64], bounds: &[(usize, usize)]) -> [f64; LANES] {
    let mut sums = [0.0; LANES];
    let at = |lane: usize| bounds.get(lane).copied().unwrap_or((0, 0));
    let common = (0..LANES).map(|lane| at(lane).1 - at(lane).0).min().unwrap_or(0);
    let lane = |lane: usize| &values[at(lane).0..at(lane).0 + common];
    let lower = lane(0).iter().zip(lane(1)).zip(lane(2).iter().zip(lane(3)));
    let upper = lane(4).iter().zip(lane(5)).zip(lane(6).iter().zip(lane(7)));
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = sums;
    for (((va, vb), (vc, vd)), ((ve, vf), (vg, vh))) in lower.zip(upper) {
        a += va;
        b += vb;
        c += vc;
        d += vd;
        e += ve;
        f += vf;
        g += vg;
        h += vh;
    }
    for (lane, (sum, common_sum)) in sums.iter_mut().zip([a, b, c, d, e, f, g, h]).enumerate() {
        let (from, to) = at(lane);
        *sum = values[from + common..to].iter().fold(common_sum, |sum, value| sum + value);
    }
    sums
}

/// Sums of all samples before each, in two parts of which the second is what the first lost.
struct Running<'a> {
    high: &'a [f64],
    low: &'a [f64],
    /// No sum rounds: whole numbers whose sums stay below 2^53.
    exact: bool,
    /// A window's sum has to be as large as this to have all of its bits.
    least: f64,
}

impl<'a> Running<'a> {
    /// None where sums would overflow or samples are no numbers.
    fn of(values: &[f64], scratch: &'a mut Scratch) -> Option<Self> {
        let size: f64 = values.iter().map(|value| value.abs()).sum();
        if size.is_nan() || size > f64::MAX / 4.0 {
            return None;
        }
        let whole = size < 9_007_199_254_740_992.0 && values.iter().all(|v| v.trunc() == *v);
        let (high, low) = (&mut scratch.high, &mut scratch.low);
        high.clear();
        low.clear();
        high.push(0.0);
        if whole {
            let mut sum = 0.0;
            high.extend(values.iter().map(|value| {
                sum += value;
                sum
            }));
        } else {
            low.push(0.0);
            let mut sum = (0.0, 0.0);
            for &value in values {
                let (total, lost) = two_sum(sum.0, value);
                sum = two_sum(total, lost + sum.1);
                high.push(sum.0);
                low.push(sum.1);
            }
        }
        // 106 bits hold the running sums; what is left for a window 2^20 times smaller is plenty.
        Some(Self { high, low, exact: whole, least: size / 1_048_576.0 })
    }

    /// The sum of a window in two parts; None where too few bits of it are left.
    fn between(&self, from: usize, to: usize) -> Option<(f64, f64)> {
        let (sum, lost) = two_sum(self.high[to], -self.high[from]);
        if self.exact {
            return Some((sum, 0.0));
        }
        let parts = two_sum(sum, lost + (self.low[to] - self.low[from]));
        (parts.0.abs() >= self.least).then_some(parts)
    }
}

/// A sum and what it lost to rounding, exactly (Knuth).
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}
