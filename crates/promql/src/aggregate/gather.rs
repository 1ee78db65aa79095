//! Aggregations that need all values of a group at once: columns are held, and blocks of steps are
//! turned into rows on all cores.

use super::Groups;
use crate::error::QueryError;
use crate::keys::Part;
use crate::query::Query;
use crate::vector::{ABSENT, Columns, Vector, absent};
use crate::workers;

/// Steps that are gathered at once: two cache lines of each column.
const BLOCK: usize = 16;

/// Reduces the values of each group at each step, none absent and in any order.
pub(super) fn eval<'q>(
    query: &Query<'q>,
    vector: Vector<'q>,
    part: &Part<'_>,
    reduce: &(dyn Fn(&mut [f64], usize) -> f64 + Sync),
) -> Result<Columns, QueryError> {
    let columns = vector.columns(query.budget)?;
    let vector = Vector::from(columns.clone());
    let groups = Groups::of(query, &vector, part)?;
    let (order, starts) = groups.members();
    let steps = columns.steps;
    query.budget.hold_values(groups.len(), steps)?;
    let mut values = vec![ABSENT; groups.len() * steps];
    let blocks: Vec<(usize, usize, &mut [f64])> = values
        .chunks_exact_mut(steps)
        .enumerate()
        .flat_map(|(group, column)| {
            let blocks = column.chunks_mut(BLOCK).enumerate();
            blocks.map(move |(block, out)| (group, block * BLOCK, out))
        })
        .collect();
    workers::run(query.budget, blocks.into_iter(), |(group, first, out), room| {
        let members = &order[starts[group]..starts[group + 1]];
        let mut rows = vec![Vec::with_capacity(members.len()); out.len()];
        for &member in members {
            let column = &columns.column(member)[first..first + out.len()];
            for (row, &value) in rows.iter_mut().zip(column) {
                if !absent(value) {
                    row.push(value);
                }
            }
        }
        // Some ten times the cost of reading a sample.
        room.cost += members.len() * out.len() * 10;
        for (at, (out, row)) in out.iter_mut().zip(&mut rows).enumerate() {
            if !row.is_empty() {
                *out = reduce(row, first + at);
            }
        }
        Ok(())
    })?;
    Ok(Columns { labels: groups.labels, drop_name: groups.drop_name, values, steps })
}

/// Population variance as Prometheus's aggregations have it: Welford without compensation.
pub(super) fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares, mut count) = (0.0, 0.0, 0.0);
    for &value in values {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    squares / count
}
