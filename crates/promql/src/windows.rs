//! Range vectors: samples of each series, and one window over them per step, which slides.

use model::series::{Samples, is_stale};

use crate::budget::Budget;
use crate::error::QueryError;
use crate::room::{Room, Scratch};
use crate::steps::Steps;
use crate::vector::{Columns, Names, Selection, Vector, absent};

use std::ops::Range;
use std::sync::Arc;

/// Where the samples of a range vector come from.
#[derive(Clone)]
enum From<'q> {
    /// Series, from and to these times (ms, both included).
    Series(Selection<'q>, i64, i64),
    /// A subquery: columns over these steps.
    Columns(Arc<Columns>, Steps),
}

/// A range vector: samples without markers, and one window (open left, closed right) per step.
#[derive(Clone)]
pub(crate) struct Ranges<'q> {
    budget: &'q Budget<'q>,
    from: From<'q>,
    /// Length of the windows in ms.
    pub(crate) range: i64,
    /// Their ends.
    pub(crate) ends: Steps,
}

impl<'q> Ranges<'q> {
    pub(crate) fn of_series(
        budget: &'q Budget<'q>,
        series: Selection<'q>,
        (from, to): (i64, i64),
        range: i64,
        ends: Steps,
    ) -> Self {
        Self { budget, from: From::Series(series, from, to), range, ends }
    }

    pub(crate) fn of_columns(
        budget: &'q Budget<'q>,
        columns: Arc<Columns>,
        at: Steps,
        range: i64,
        ends: Steps,
    ) -> Self {
        Self { budget, from: From::Columns(columns, at), range, ends }
    }

    pub(crate) fn names(&self) -> Names<'q> {
        match &self.from {
            From::Series(series, ..) => Names::Of(Arc::clone(series)),
            From::Columns(columns, _) => Names::Known(Arc::clone(columns)),
        }
    }

    /// The samples of a series, into the room.
    pub(crate) fn read(&self, at: usize, room: &mut Room) -> Result<(), QueryError> {
        room.samples.clear();
        match &self.from {
            From::Series(series, from, to) => {
                series[at].read(*from, *to, &mut room.samples)?;
                room.touch(room.samples.len());
                without_markers(&mut room.samples);
            }
            From::Columns(columns, steps) => {
                for (time, &value) in steps.times().zip(columns.column(at)) {
                    if !absent(value) {
                        room.samples.push(time, value);
                    }
                }
                room.touch(room.samples.len());
            }
        }
        Ok(())
    }

    /// A vector of what `kernel` makes of the windows of each series. `args` are the scalar arguments
    /// of the function, `now` the times of the steps, which `@` and `offset` do not move.
    pub(crate) fn over(self, kernel: Kernel, args: Vec<Vec<f64>>, now: Steps) -> Vector<'q> {
        // With `@` all windows are one and, without arguments, so are all results.
        let once = self.ends.step == 0 && args.is_empty();
        let ends = if once { Steps { count: 1, ..self.ends } } else { self.ends };
        Vector::computed(self.names(), now.count, move |at, room, out| {
            self.read(at, room)?;
            let Room { samples: Samples { times, values }, bounds, scratch, .. } = room;
            let found = bounds.of(times, ends, self.range);
            let windows =
                Windows { times, values, bounds: found, ends, range: self.range, now, args: &args };
            let filled = if once { 1 } else { out.len() };
            windows.in_slices(self.budget, kernel, scratch, &mut out[..filled])?;
            if once {
                let first = out[0];
                out.fill(first);
            }
            let seen = room.bounds.total();
            room.see(if once { seen.saturating_mul(out.len()) } else { seen });
            Ok(())
        })
    }

    /// All samples in the window of the only step, series by series.
    pub(crate) fn samples(
        &self,
        budget: &Budget<'_>,
    ) -> Result<Vec<(crate::Labels, Samples)>, QueryError> {
        let names = self.names();
        let mut room = budget.room();
        let mut all = Vec::new();
        for at in 0..names.len() {
            self.read(at, &mut room)?;
            let (from, to) = room.bounds.of(&room.samples.times, self.ends, self.range)[0];
            room.see(to - from);
            if from < to {
                budget.hold((to - from) * size_of::<(i64, f64)>())?;
                let times = room.samples.times[from..to].to_vec();
                let values = room.samples.values[from..to].to_vec();
                all.push((names.labels(at), Samples { times, values }));
            }
            budget.settle(&mut room)?;
        }
        budget.leave(room);
        Ok(all)
    }
}

fn without_markers(samples: &mut Samples) {
    let Some(first) = samples.values.iter().position(|value| is_stale(*value)) else { return };
    let mut kept = first;
    for at in first..samples.values.len() {
        if !is_stale(samples.values[at]) {
            samples.values[kept] = samples.values[at];
            samples.times[kept] = samples.times[at];
            kept += 1;
        }
    }
    samples.values.truncate(kept);
    samples.times.truncate(kept);
}

/// Makes one value per step of the windows of one series; [`ABSENT`](crate::vector::ABSENT) where
/// there is none.
pub(crate) type Kernel = fn(&Windows<'_>, &mut Scratch, &mut [f64]);

/// All windows over one series.
pub(crate) struct Windows<'a> {
    pub(crate) times: &'a [i64],
    pub(crate) values: &'a [f64],
    /// Per step the first index of its window and the one behind its last.
    pub(crate) bounds: &'a [(usize, usize)],
    pub(crate) ends: Steps,
    pub(crate) range: i64,
    pub(crate) now: Steps,
    pub(crate) args: &'a [Vec<f64>],
}

/// The window of one step.
pub(crate) struct Window<'a> {
    pub(crate) times: &'a [i64],
    pub(crate) values: &'a [f64],
    /// The time of the step itself.
    pub(crate) now: i64,
    pub(crate) args: [f64; 2],
}

/// Samples in windows after which it is asked whether somebody still waits: some tens of ms of the
/// slowest kernel.
const SLICE: usize = 1 << 20;

impl Windows<'_> {
    /// Calls the kernel for all steps: for some at a time where the windows of one series are a lot,
    /// so that a query ends in time within it.
    fn in_slices(
        &self,
        budget: &Budget<'_>,
        kernel: Kernel,
        scratch: &mut Scratch,
        out: &mut [f64],
    ) -> Result<(), QueryError> {
        let all = self.bounds.len();
        let mut first = 0;
        while first < all {
            let mut samples = 0;
            let within = |(from, to): &&(usize, usize)| {
                samples += to - from;
                samples <= SLICE
            };
            let next = first + self.bounds[first..].iter().take_while(within).count().max(1);
            if next - first == all {
                kernel(self, scratch, out);
                return Ok(());
            }
            self.slice(first..next, kernel, scratch, &mut out[first..next]);
            budget.alive()?;
            first = next;
        }
        Ok(())
    }

    /// Calls the kernel for some steps, with the samples of their windows only.
    fn slice(&self, of: Range<usize>, kernel: Kernel, scratch: &mut Scratch, out: &mut [f64]) {
        let found = &self.bounds[of.clone()];
        let (Some(&(low, _)), Some(&(_, high))) = (found.first(), found.last()) else { return };
        let bounds: Vec<_> = found.iter().map(|(from, to)| (from - low, to - low)).collect();
        let args: Vec<Vec<f64>> = self.args.iter().map(|arg| arg[of.clone()].to_vec()).collect();
        let part = |steps: Steps| Steps { start: steps.at(of.start), count: of.len(), ..steps };
        let windows = Windows {
            times: &self.times[low..high],
            values: &self.values[low..high],
            bounds: &bounds,
            ends: part(self.ends),
            range: self.range,
            now: part(self.now),
            args: &args,
        };
        kernel(&windows, scratch, out);
    }

    /// Window by window, for kernels that have to see all of each.
    pub(crate) fn each(&self, out: &mut [f64], mut of: impl FnMut(&Window<'_>) -> f64) {
        for (step, (out, &(from, to))) in out.iter_mut().zip(self.bounds).enumerate() {
            *out = crate::vector::ABSENT;
            if from < to {
                let arg = |at: usize| self.args.get(at).map_or(0.0, |values| values[step]);
                *out = of(&Window {
                    times: &self.times[from..to],
                    values: &self.values[from..to],
                    now: self.now.at(step),
                    args: [arg(0), arg(1)],
                });
            }
        }
    }

    /// By the indexes of each window that is not empty: first, and behind the last.
    pub(crate) fn spans(&self, out: &mut [f64], mut of: impl FnMut(usize, usize) -> f64) {
        for (out, &(from, to)) in out.iter_mut().zip(self.bounds) {
            *out = if from < to { of(from, to) } else { crate::vector::ABSENT };
        }
    }
}
