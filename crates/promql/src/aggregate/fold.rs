//! Aggregations that take one value at a time: columns are folded into their group as they are
//! computed, on all cores, and are never held.

use std::ops::Range;

use super::Groups;
use crate::budget::Budget;
use crate::error::QueryError;
use crate::keys::Part;
use crate::over_time::sums::{Mean, Sum as Kahan};
use crate::query::Query;
use crate::room::Room;
use crate::vector::{ABSENT, Columns, Vector, absent, parts};
use crate::workers;

/// What is kept of the values of one group at one step.
pub(super) trait Fold: Copy + Send {
    fn first(value: f64) -> Self;
    fn add(&mut self, value: f64);
    /// Takes what another thread folded of the same group.
    fn join(&mut self, other: Self);
    fn result(self) -> f64;
}

/// A sum with compensation.
#[derive(Clone, Copy)]
pub(super) struct Sum(Kahan);

impl Fold for Sum {
    fn first(value: f64) -> Self {
        Self(Kahan { sum: value, lost: 0.0 })
    }

    fn add(&mut self, value: f64) {
        self.0.add(value);
    }

    fn join(&mut self, other: Self) {
        self.0.join(other.0);
    }

    fn result(self) -> f64 {
        self.0.total()
    }
}

impl Fold for Mean {
    fn first(value: f64) -> Self {
        let mut mean = Self::default();
        mean.add(value);
        mean
    }

    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }

    fn join(&mut self, other: Self) {
        Self::join(self, other);
    }

    fn result(self) -> f64 {
        self.total()
    }
}

#[derive(Clone, Copy)]
pub(super) struct Count(f64);

impl Fold for Count {
    fn first(_: f64) -> Self {
        Self(1.0)
    }

    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }

    fn join(&mut self, other: Self) {
        self.0 += other.0;
    }

    fn result(self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy)]
pub(super) struct One;

impl Fold for One {
    fn first(_: f64) -> Self {
        Self
    }

    fn add(&mut self, _: f64) {}

    fn join(&mut self, _: Self) {}

    fn result(self) -> f64 {
        1.0
    }
}

#[derive(Clone, Copy)]
pub(super) struct Least(f64);

impl Fold for Least {
    fn first(value: f64) -> Self {
        Self(value)
    }

    fn add(&mut self, value: f64) {
        if value < self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }

    fn join(&mut self, other: Self) {
        self.add(other.0);
    }

    fn result(self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy)]
pub(super) struct Greatest(f64);

impl Fold for Greatest {
    fn first(value: f64) -> Self {
        Self(value)
    }

    fn add(&mut self, value: f64) {
        if value > self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }

    fn join(&mut self, other: Self) {
        self.add(other.0);
    }

    fn result(self) -> f64 {
        self.0
    }
}

/// Part of a group: one state per step.
struct Folded<F> {
    group: usize,
    states: Vec<Option<F>>,
}

/// Folds each group of a vector.
pub(super) fn eval<F: Fold>(
    query: &Query<'_>,
    vector: &Vector<'_>,
    part: &Part<'_>,
) -> Result<Columns, QueryError> {
    let groups = Groups::of(query, vector, part)?;
    let (order, _) = groups.members();
    // The parts do not depend on the number of threads, so neither do sums.
    let size = (order.len() / 64).clamp(8, 256);
    let folded = workers::run(query.budget, parts(order.len(), size), |range, room| {
        fold_part::<F>(query.budget, vector, &groups, &order, range, room)
    })?;
    let mut result = Columns::empty(vector.steps());
    let mut last: Option<Folded<F>> = None;
    for next in folded.into_iter().flatten() {
        match &mut last {
            Some(last) if last.group == next.group => join(&mut last.states, next.states),
            _ => {
                last.replace(next).into_iter().for_each(|done| end(&groups, &mut result, done));
            }
        }
    }
    last.into_iter().for_each(|done| end(&groups, &mut result, done));
    Ok(result)
}

fn fold_part<F: Fold>(
    budget: &Budget<'_>,
    vector: &Vector<'_>,
    groups: &Groups,
    order: &[usize],
    range: Range<usize>,
    room: &mut Room,
) -> Result<Vec<Folded<F>>, QueryError> {
    let mut done: Vec<Folded<F>> = Vec::new();
    let mut buffer = std::mem::take(&mut room.column);
    for &at in &order[range] {
        let group = groups.of[at];
        if done.last().is_none_or(|folded| folded.group != group) {
            budget.hold(vector.steps() * size_of::<Option<F>>())?;
            done.push(Folded { group, states: vec![None; vector.steps()] });
        }
        let column = vector.column(at, room, &mut buffer)?;
        let Some(folded) = done.last_mut() else { continue };
        for (state, &value) in folded.states.iter_mut().zip(column) {
            match state {
                _ if absent(value) => {}
                Some(state) => state.add(value),
                None => *state = Some(F::first(value)),
            }
        }
    }
    room.column = buffer;
    Ok(done)
}

fn join<F: Fold>(states: &mut [Option<F>], others: Vec<Option<F>>) {
    for (state, other) in states.iter_mut().zip(others) {
        match (state.as_mut(), other) {
            (Some(state), Some(other)) => state.join(other),
            (None, other) => *state = other,
            (Some(_), None) => {}
        }
    }
}

fn end<F: Fold>(groups: &Groups, result: &mut Columns, done: Folded<F>) {
    if done.states.iter().any(Option::is_some) {
        let (labels, drop_name) = (&groups.labels[done.group], groups.drop_name[done.group]);
        let out = result.push(labels.clone(), drop_name);
        for (out, state) in out.iter_mut().zip(done.states) {
            *out = state.map_or(ABSENT, Fold::result);
        }
    }
}
