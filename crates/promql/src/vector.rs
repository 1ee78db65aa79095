//! Instant vectors over all steps: columns that are computed when they are asked for, by whoever
//! asks and on its thread, and columns that are held.

use std::ops::Range;
use std::sync::Arc;

use model::series::{STALE_NAN, Series, is_stale};

use crate::Labels;
use crate::budget::Budget;
use crate::error::QueryError;
use crate::labels::without_name;
use crate::room::Room;
use crate::workers;

/// No sample at this step. The bits of a staleness marker never are a result, so they are free.
pub(crate) const ABSENT: f64 = STALE_NAN;

/// Is there no sample?
pub(crate) fn absent(value: f64) -> bool {
    is_stale(value)
}

/// Series over all steps, one value per series and step in one table.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) labels: Vec<Labels>,
    /// The name goes when the query is done, unless something still asks for it.
    pub(crate) drop_name: Vec<bool>,
    pub(crate) values: Vec<f64>,
    /// Values per series, at least one.
    pub(crate) steps: usize,
}

impl Columns {
    pub(crate) fn empty(steps: usize) -> Self {
        Self { labels: Vec::new(), drop_name: Vec::new(), values: Vec::new(), steps }
    }

    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    pub(crate) fn column(&self, at: usize) -> &[f64] {
        &self.values[at * self.steps..(at + 1) * self.steps]
    }

    pub(crate) fn column_mut(&mut self, at: usize) -> &mut [f64] {
        &mut self.values[at * self.steps..(at + 1) * self.steps]
    }

    /// Appends a series and gives its column, without a sample yet.
    pub(crate) fn push(&mut self, labels: Labels, drop_name: bool) -> &mut [f64] {
        self.labels.push(labels);
        self.drop_name.push(drop_name);
        self.values.resize(self.values.len() + self.steps, ABSENT);
        self.column_mut(self.labels.len() - 1)
    }

    /// The labels that the result will have.
    pub(crate) fn final_labels(&self, at: usize) -> Labels {
        if self.drop_name[at] { without_name(&self.labels[at]) } else { self.labels[at].clone() }
    }

    /// In this order; what is not named is gone.
    pub(crate) fn in_order(&self, order: &[usize]) -> Self {
        let mut values = Vec::with_capacity(order.len() * self.steps);
        order.iter().for_each(|at| values.extend_from_slice(self.column(*at)));
        Self {
            labels: order.iter().map(|at| self.labels[*at].clone()).collect(),
            drop_name: order.iter().map(|at| self.drop_name[*at]).collect(),
            values,
            steps: self.steps,
        }
    }
}

/// Series whose samples are read by whoever needs them.
pub(crate) type Selection<'q> = Arc<Vec<Box<dyn Series + 'q>>>;

/// The labels of a vector.
#[derive(Clone)]
pub(crate) enum Names<'q> {
    /// Those of a selection, whose names are kept.
    Of(Selection<'q>),
    /// Labels, and whether the name goes.
    Known(Arc<Columns>),
}

impl Names<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Of(series) => series.len(),
            Self::Known(columns) => columns.len(),
        }
    }

    pub(crate) fn labels(&self, at: usize) -> Labels {
        match self {
            Self::Of(series) => series[at].labels(),
            Self::Known(columns) => columns.labels[at].clone(),
        }
    }

    pub(crate) fn drop_name(&self, at: usize) -> bool {
        matches!(self, Self::Known(columns) if columns.drop_name[at])
    }
}

/// Computes the column of a series.
type Fill<'q> =
    Box<dyn Fn(usize, &mut Room, &mut [f64]) -> Result<(), QueryError> + Send + Sync + 'q>;

/// A vector over all steps.
pub(crate) struct Vector<'q> {
    pub(crate) names: Names<'q>,
    /// All names go.
    drop_names: bool,
    steps: usize,
    /// None: the columns are those of the names.
    fill: Option<Fill<'q>>,
}

impl From<Columns> for Vector<'_> {
    fn from(columns: Columns) -> Self {
        Self::from(Arc::new(columns))
    }
}

impl From<Arc<Columns>> for Vector<'_> {
    fn from(columns: Arc<Columns>) -> Self {
        let steps = columns.steps;
        Self { names: Names::Known(columns), drop_names: false, steps, fill: None }
    }
}

impl<'q> Vector<'q> {
    /// A vector whose columns are computed when they are asked for.
    pub(crate) fn computed(
        names: Names<'q>,
        steps: usize,
        fill: impl Fn(usize, &mut Room, &mut [f64]) -> Result<(), QueryError> + Send + Sync + 'q,
    ) -> Self {
        Self { names, drop_names: false, steps, fill: Some(Box::new(fill)) }
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn steps(&self) -> usize {
        self.steps
    }

    pub(crate) fn drop_name(&self, at: usize) -> bool {
        self.drop_names || self.names.drop_name(at)
    }

    /// Without names.
    pub(crate) fn nameless(mut self, drop_names: bool) -> Self {
        self.drop_names |= drop_names;
        self
    }

    /// The column of a series; `buffer` is for one that has to be computed.
    pub(crate) fn column<'a>(
        &'a self,
        at: usize,
        room: &mut Room,
        buffer: &'a mut Vec<f64>,
    ) -> Result<&'a [f64], QueryError> {
        match (&self.fill, &self.names) {
            (None, Names::Known(columns)) => Ok(columns.column(at)),
            _ => {
                buffer.resize(self.steps, ABSENT);
                self.fill(at, room, buffer)?;
                Ok(buffer)
            }
        }
    }

    fn fill(&self, at: usize, room: &mut Room, out: &mut [f64]) -> Result<(), QueryError> {
        room.cost += PER_SERIES + self.steps;
        match (&self.fill, &self.names) {
            (Some(fill), _) => fill(at, room, out)?,
            (None, Names::Known(columns)) => out.copy_from_slice(columns.column(at)),
            (None, Names::Of(_)) => out.fill(ABSENT),
        }
        Ok(())
    }

    /// The same series with each value mapped; `f` takes the step and the value.
    pub(crate) fn map(self, f: impl Fn(usize, f64) -> f64 + Send + Sync + 'q) -> Self {
        let (names, drop_names, steps) = (self.names.clone(), self.drop_names, self.steps);
        let mapped = Self::computed(names, steps, move |at, room, out| {
            self.fill(at, room, out)?;
            for (step, value) in out.iter_mut().enumerate() {
                if !absent(*value) {
                    *value = f(step, *value);
                }
            }
            Ok(())
        });
        mapped.nameless(drop_names)
    }

    /// All columns, computed on all cores; series without any sample are gone.
    pub(crate) fn columns(self, budget: &Budget<'_>) -> Result<Arc<Columns>, QueryError> {
        if let (None, false, Names::Known(columns)) = (&self.fill, self.drop_names, &self.names) {
            return Ok(Arc::clone(columns));
        }
        let (count, steps) = (self.len(), self.steps);
        budget.hold_values(count, steps)?;
        let mut values = vec![0.0; count * steps];
        let batch = batch(count, steps);
        let parts = values.chunks_mut(batch * steps).enumerate();
        let present = workers::run(budget, parts, |(part, values), room| {
            let mut present = Vec::with_capacity(batch);
            for (row, out) in values.chunks_exact_mut(steps).enumerate() {
                let at = part * batch + row;
                self.fill(at, room, out)?;
                let there = out.iter().any(|value| !absent(*value));
                present.push(there.then(|| (at, self.names.labels(at))));
            }
            Ok(present)
        })?;
        let present = present.into_iter().flatten().flatten();
        Ok(Arc::new(self.compacted(values, present)))
    }

    fn compacted(
        &self,
        mut values: Vec<f64>,
        present: impl Iterator<Item = (usize, Labels)>,
    ) -> Columns {
        let steps = self.steps;
        let (mut labels, mut drop_name) = (Vec::new(), Vec::new());
        for (row, (at, of)) in present.enumerate() {
            if row < at {
                values.copy_within(at * steps..(at + 1) * steps, row * steps);
            }
            labels.push(of);
            drop_name.push(self.drop_name(at));
        }
        values.truncate(labels.len() * steps);
        Columns { labels, drop_name, values, steps }
    }
}

/// What a series costs besides its samples: to find it, to name it.
pub(crate) const PER_SERIES: usize = 100;

/// Series that are handed to a thread at once: few of long ones, many of short ones, and the same
/// however many threads there are, so that sums do not depend on them.
pub(crate) fn batch(count: usize, steps: usize) -> usize {
    let most = if steps > 8 { 64 } else { 256 };
    (count / 256).clamp(4, most)
}

/// Parts of a count.
pub(crate) fn parts(
    count: usize,
    size: usize,
) -> impl ExactSizeIterator<Item = Range<usize>> + Send {
    (0..count.div_ceil(size)).map(move |part| part * size..((part + 1) * size).min(count))
}
