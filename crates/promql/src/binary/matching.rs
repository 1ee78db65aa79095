//! Arithmetic and comparison between vectors: series are matched by labels, one to one or many to
//! one, and combined step by step.

use std::collections::HashMap;
use std::sync::Arc;

use promql_parser::parser::{BinModifier, LabelModifier, VectorMatchCardinality};

use super::operator::Operator;
use crate::Labels;
use crate::error::{QueryError, failed};
use crate::keys::{Numbers, Part};
use crate::labels::{in_braces, only, without_name};
use crate::query::Query;
use crate::vector::{Columns, absent};

/// Evaluates an operator between two vectors.
pub(super) fn eval(
    query: &Query<'_>,
    op: Operator,
    a: Arc<Columns>,
    b: Arc<Columns>,
    modifier: &BinModifier,
) -> Result<Columns, QueryError> {
    let swapped = matches!(modifier.card, VectorMatchCardinality::OneToMany(_));
    let (many, one) = if swapped { (b, a) } else { (a, b) };
    let fill = &modifier.fill_values;
    let (fill_many, fill_one) = if swapped { (fill.rhs, fill.lhs) } else { (fill.lhs, fill.rhs) };
    let join = Join { op, modifier, swapped, fill_many, fill_one };
    let part = Part::of_match(modifier.matching.as_ref());
    let mut numbers = Numbers::default();
    let (mut many, mut one) =
        (Side::of(many, &part, &mut numbers), Side::of(one, &part, &mut numbers));
    join.unambiguous(&many, &one, &part, numbers.len())?;
    if fill_one.is_some() {
        one.complete(&many, &part, numbers.len());
    }
    if fill_many.is_some() {
        many.complete(&one, &part, numbers.len());
    }
    join.result(query, &many, &one, numbers.len())
}

/// One side, with the number of each series' key.
struct Side {
    columns: Arc<Columns>,
    keys: Vec<usize>,
}

impl Side {
    fn of(columns: Arc<Columns>, part: &Part<'_>, numbers: &mut Numbers) -> Self {
        let mut key = Vec::new();
        let mut number = |labels| {
            key.clear();
            part.write(labels, &mut key);
            numbers.of(&key)
        };
        let keys = columns.labels.iter().map(&mut number).collect();
        Self { columns, keys }
    }

    /// Adds an empty series for each key that only the other side has.
    fn complete(&mut self, other: &Self, part: &Part<'_>, keys: usize) {
        let columns = Arc::make_mut(&mut self.columns);
        let mut has = vec![false; keys];
        self.keys.iter().for_each(|key| has[*key] = true);
        for (key, labels) in other.keys.iter().zip(&other.columns.labels) {
            if !std::mem::replace(&mut has[*key], true) {
                columns.push(part.labels(labels), false);
                self.keys.push(*key);
            }
        }
    }

    /// The series of each key.
    fn by_key(&self, keys: usize) -> Vec<Vec<usize>> {
        let mut by_key = vec![Vec::new(); keys];
        self.keys.iter().enumerate().for_each(|(at, key)| by_key[*key].push(at));
        by_key
    }
}

fn duplicate<T>(key: &Labels, side: &str, x: &Labels, y: &Labels) -> Result<T, QueryError> {
    let (key, a, b) = (in_braces(key), in_braces(x.min(y)), in_braces(x.max(y)));
    failed(format!(
        "found duplicate series for the match group {key} on the {side} hand-side of the \
         operation: [{a}, {b}];many-to-many matching not allowed: matching labels must be unique \
         on one side"
    ))
}

struct Join<'a> {
    op: Operator,
    modifier: &'a BinModifier,
    swapped: bool,
    fill_many: Option<f64>,
    fill_one: Option<f64>,
}

impl Join<'_> {
    /// Two series of the "one" side may share a key, but never at the same step, be it matched or
    /// not, if the other side has anything there.
    fn unambiguous(
        &self,
        many: &Side,
        one: &Side,
        part: &Part<'_>,
        keys: usize,
    ) -> Result<(), QueryError> {
        let mut shared: Vec<_> = one.by_key(keys);
        shared.retain(|columns| columns.len() > 1);
        if shared.is_empty() {
            return Ok(());
        }
        let steps = one.columns.steps;
        let mut asked = vec![self.fill_many.is_some(); steps];
        for column in many.columns.values.chunks_exact(steps) {
            for (asked, value) in asked.iter_mut().zip(column) {
                *asked |= !absent(*value);
            }
        }
        shared.sort_by_cached_key(|columns| part.labels(&one.columns.labels[columns[0]]));
        for columns in shared {
            let mut taken: Vec<Option<usize>> = vec![None; steps];
            for &column in &columns {
                for (step, value) in one.columns.column(column).iter().enumerate() {
                    if absent(*value) || !asked[step] {
                        continue;
                    }
                    if let Some(other) = taken[step].replace(column) {
                        let (x, y) = (&one.columns.labels[other], &one.columns.labels[column]);
                        let side = if self.swapped { "left" } else { "right" };
                        return duplicate(&part.labels(x), side, x, y);
                    }
                }
            }
        }
        Ok(())
    }

    fn result(
        &self,
        query: &Query<'_>,
        many: &Side,
        one: &Side,
        keys: usize,
    ) -> Result<Columns, QueryError> {
        let steps = many.columns.steps;
        let ones = one.by_key(keys);
        let drop_name = self.modifier.return_bool || !self.op.compares();
        let mut results =
            Results::new(steps, self.modifier.card != VectorMatchCardinality::OneToOne);
        for (at, key) in many.keys.iter().enumerate() {
            query.budget.alive()?;
            for &other in &ones[*key] {
                let labels = self.labels(&many.columns.labels[at], &one.columns.labels[other]);
                query.budget.hold_values(1, steps)?;
                let pairs = many.columns.column(at).iter().zip(one.columns.column(other));
                results.add(
                    *key,
                    labels,
                    drop_name,
                    pairs.map(|(many, one)| self.met(*many, *one)),
                )?;
            }
        }
        Ok(results.columns)
    }

    /// What two values make; None where they do not meet.
    fn met(&self, many: f64, one: f64) -> Option<f64> {
        if absent(many) && absent(one) {
            return None;
        }
        let or = |value: f64, fill: Option<f64>| if absent(value) { fill } else { Some(value) };
        let (many, one) = (or(many, self.fill_many)?, or(one, self.fill_one)?);
        let (a, b) = if self.swapped { (one, many) } else { (many, one) };
        Some(self.op.element(a, b, a, self.modifier.return_bool))
    }

    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let nameless = !self.op.compares() || self.modifier.return_bool;
        let labels = if nameless { without_name(many) } else { many.clone() };
        match (&self.modifier.card, &self.modifier.matching) {
            (
                VectorMatchCardinality::ManyToOne(include)
                | VectorMatchCardinality::OneToMany(include),
                _,
            ) => {
                let with = |labels: Labels, name: &String| labels.with(name, one.get(name));
                include.labels.iter().fold(labels, with)
            }
            (_, Some(LabelModifier::Include(on))) => only(&labels, &on.labels),
            (_, Some(LabelModifier::Exclude(ignored))) => {
                labels.keep(|name| !ignored.labels.iter().any(|gone| gone == name))
            }
            _ => labels,
        }
    }
}

/// Results by labels, and the pairs that were met; two pairs of one group at one step are an error.
struct Results {
    columns: Columns,
    by_labels: HashMap<Labels, usize>,
    grouped: bool,
    /// By the key, and the labels too where several of the one side may have it.
    met: HashMap<(usize, usize), Vec<bool>>,
}

impl Results {
    fn new(steps: usize, grouped: bool) -> Self {
        let (by_labels, met) = Default::default();
        Self { columns: Columns::empty(steps), by_labels, grouped, met }
    }

    fn add(
        &mut self,
        key: usize,
        labels: Labels,
        drop_name: bool,
        pairs: impl Iterator<Item = Option<f64>>,
    ) -> Result<(), QueryError> {
        let row = *self.by_labels.entry(labels).or_insert_with_key(|labels| {
            self.columns.push(labels.clone(), drop_name);
            self.columns.len() - 1
        });
        let steps = self.columns.steps;
        let group = if self.grouped { (key, row) } else { (key, 0) };
        let met = self.met.entry(group).or_insert_with(|| vec![false; steps]);
        let column = self.columns.column_mut(row);
        for ((out, met), pair) in column.iter_mut().zip(met).zip(pairs) {
            let Some(value) = pair else { continue };
            if std::mem::replace(met, true) {
                return failed(if self.grouped {
                    "multiple matches for labels: grouping labels must ensure unique matches"
                } else {
                    "multiple matches for labels: many-to-one matching must be explicit \
                     (group_left/group_right)"
                });
            }
            if !absent(value) {
                *out = value;
            }
        }
        Ok(())
    }
}
