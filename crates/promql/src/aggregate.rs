//! Aggregations: series into groups, and groups into values.

mod fold;
mod gather;
mod rank;

pub(crate) use rank::{ascending, descending};

use std::collections::HashMap;

use model::labels::NAME;
use promql_parser::parser::AggregateExpr;

use crate::Labels;
use crate::error::{QueryError, failed};
use crate::functions::numbers::number;
use crate::keys::{Numbers, Part};
use crate::labels::invalid_name;
use crate::over_time::sums::Mean;
use crate::query::Query;
use crate::steps::Steps;
use crate::vector::{Columns, PER_SERIES, Vector, absent, batch, parts};
use crate::workers;

/// Evaluates an aggregation.
pub(crate) fn eval<'q>(
    query: &Query<'q>,
    node: &'q AggregateExpr,
    steps: Steps,
) -> Result<Vector<'q>, QueryError> {
    let op = node.op.to_string();
    let vector = query.vector(&node.expr, steps)?;
    let part = Part::of_group(node.modifier.as_ref());
    let Some(param) = node.param.as_deref() else {
        let result = match op.as_str() {
            "sum" => fold::eval::<fold::Sum>(query, &vector, &part),
            "avg" => fold::eval::<Mean>(query, &vector, &part),
            "count" => fold::eval::<fold::Count>(query, &vector, &part),
            "group" => fold::eval::<fold::One>(query, &vector, &part),
            "min" => fold::eval::<fold::Least>(query, &vector, &part),
            "max" => fold::eval::<fold::Greatest>(query, &vector, &part),
            "stddev" => {
                gather::eval(query, vector, &part, &|values, _| gather::variance(values).sqrt())
            }
            "stdvar" => gather::eval(query, vector, &part, &|values, _| gather::variance(values)),
            _ => failed(format!("unknown aggregation {op}")),
        };
        return result.map(Vector::from);
    };
    if op == "count_values" {
        let label = query.text_of(param, steps)?;
        return counted_values(query, vector, &part, &label).map(Vector::from);
    }
    let parameter = query.scalar(param, steps)?;
    match op.as_str() {
        "topk" | "bottomk" | "limitk" => rank::eval(query, &op, vector, &part, &parameter),
        "limit_ratio" => rank::by_ratio(query, vector, &parameter),
        "quantile" => {
            crate::functions::histograms::check_quantiles(query, "quantile", &parameter);
            let at = |step: usize| parameter[step];
            let reduce =
                |values: &mut [f64], step| crate::over_time::order::quantile(at(step), values);
            gather::eval(query, vector, &part, &reduce).map(Vector::from)
        }
        _ => failed(format!("unknown aggregation {op}")),
    }
}

/// Which group each series is in.
struct Groups {
    of: Vec<usize>,
    /// What each group is named.
    labels: Vec<Labels>,
    drop_name: Vec<bool>,
}

impl Groups {
    fn of(query: &Query<'_>, vector: &Vector<'_>, part: &Part<'_>) -> Result<Self, QueryError> {
        let count = vector.len();
        if matches!(part, Part::Nothing) {
            let any = count.min(1);
            let dropped = (0..count).any(|at| vector.drop_name(at));
            let labels = vec![Labels::default(); any];
            return Ok(Self { of: vec![0; count], labels, drop_name: vec![dropped; any] });
        }
        // Keys are written on all cores and numbered by one.
        let batch = batch(count, vector.steps()).max(64);
        let written = workers::run(query.budget, parts(count, batch), |part_of, room| {
            let (mut keys, mut ends) = (Vec::new(), Vec::with_capacity(part_of.len()));
            room.cost += part_of.len() * PER_SERIES;
            for at in part_of {
                part.write(&vector.names.labels(at), &mut keys);
                ends.push(keys.len());
            }
            Ok((keys, ends))
        })?;
        let mut numbers = Numbers::default();
        let (mut of, mut labels, mut drop_name) = (Vec::with_capacity(count), vec![], vec![]);
        for (keys, ends) in written {
            let mut start = 0;
            for end in ends {
                let (at, group) = (of.len(), numbers.of(&keys[start..end]));
                if group == labels.len() {
                    labels.push(part.labels(&vector.names.labels(at)));
                    drop_name.push(false);
                }
                drop_name[group] |= vector.drop_name(at);
                of.push(group);
                start = end;
            }
        }
        Ok(Self { of, labels, drop_name })
    }

    fn len(&self) -> usize {
        self.labels.len()
    }

    /// All series, group by group, and where each group begins; the last entry is the end.
    fn members(&self) -> (Vec<usize>, Vec<usize>) {
        let mut starts = vec![0; self.len() + 1];
        self.of.iter().for_each(|group| starts[group + 1] += 1);
        (0..self.len()).for_each(|group| starts[group + 1] += starts[group]);
        let (mut next, mut order) = (starts.clone(), vec![0; self.of.len()]);
        for (at, group) in self.of.iter().enumerate() {
            order[next[*group]] = at;
            next[*group] += 1;
        }
        (order, starts)
    }
}

fn counted_values<'q>(
    query: &Query<'q>,
    vector: Vector<'q>,
    part: &Part<'_>,
    label: &str,
) -> Result<Columns, QueryError> {
    if let Some(quoted) = invalid_name(label) {
        return failed(format!("invalid label name {quoted}"));
    }
    let columns = vector.columns(query.budget)?;
    let vector = Vector::from(columns.clone());
    let groups = Groups::of(query, &vector, part)?;
    let mut rows: HashMap<(usize, u64), usize> = HashMap::new();
    let mut by_labels: HashMap<Labels, usize> = HashMap::new();
    let mut result = Columns::empty(columns.steps);
    for at in 0..columns.len() {
        query.budget.alive()?;
        let group = groups.of[at];
        for (step, &value) in columns.column(at).iter().enumerate() {
            if absent(value) {
                continue;
            }
            let mut row = rows.get(&(group, value.to_bits())).copied();
            if row.is_none() {
                // Groups that differ by a label which the value takes the place of are one.
                let labels = groups.labels[group].with(label, &number(value));
                let next = by_labels.len();
                let of = *by_labels.entry(labels.clone()).or_insert(next);
                if of == next {
                    query.budget.hold_values(1, columns.steps)?;
                    result.push(labels, groups.drop_name[group] && label != NAME);
                }
                rows.insert((group, value.to_bits()), of);
                row = Some(of);
            }
            let count = &mut result.column_mut(row.unwrap_or_default())[step];
            *count = if absent(*count) { 1.0 } else { *count + 1.0 };
        }
    }
    Ok(result)
}
