//! Aggregations: series into groups, and groups into values, column by column.

use std::collections::HashMap;

use promql_parser::parser::{AggregateExpr, LabelModifier};

use crate::Labels;
use crate::error::{QueryError, failed};
use crate::eval::{Context, Steps};
use crate::labels::{invalid_name, only, without};
use crate::over_time::{Mean, Sum, quantile, variance};
use crate::value::{ABSENT, Column, absent};

/// Evaluates an aggregation.
pub(crate) fn eval(
    context: &Context<'_>,
    node: &AggregateExpr,
    steps: Steps,
) -> Result<Vec<Column>, QueryError> {
    let op = node.op.to_string();
    let columns = context.vector(&node.expr, steps)?;
    let groups = groups(&columns, node.modifier.as_ref());
    let mut parameter = Vec::new();
    if let Some(param) = node.param.as_ref() {
        if op == "count_values" {
            let label = context.text(param, steps)?;
            return counted_values(&columns, groups, &label);
        }
        parameter = context.scalar(param, steps)?;
    }
    match op.as_str() {
        "topk" | "bottomk" | "limitk" => {
            limits(&parameter)?;
            Ok(ranked(&op, &columns, &groups, &parameter))
        }
        "limit_ratio" => limit_ratio(context, columns, &parameter),
        _ => {
            let reduce = Reducer::of(&op, context, &parameter)?;
            Ok(groups.into_iter().map(|group| reduce.column(&columns, group)).collect())
        }
    }
}

struct Group {
    labels: Labels,
    drop_name: bool,
    members: Vec<usize>,
}

fn groups(columns: &[Column], modifier: Option<&LabelModifier>) -> Vec<Group> {
    let mut by_labels: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let labels = match modifier {
            Some(LabelModifier::Include(by)) => only(&column.labels, &by.labels),
            Some(LabelModifier::Exclude(modifier)) => without(&column.labels, &modifier.labels),
            None => Labels::default(),
        };
        let group = *by_labels.entry(labels).or_insert_with_key(|labels| {
            let (labels, drop_name) = (labels.clone(), column.drop_name);
            groups.push(Group { labels, drop_name, members: Vec::new() });
            groups.len() - 1
        });
        groups[group].members.push(at);
        groups[group].drop_name |= column.drop_name;
    }
    groups
}

/// The values of a group at one step, none absent, and the parameter, to one value.
type Reduce = fn(&[f64], f64) -> f64;

/// An aggregation that makes one value of many.
struct Reducer<'a> {
    reduce: Reduce,
    parameter: &'a [f64],
}

/// What each aggregation does with the values of one group at one step.
const REDUCERS: &[(&str, Reduce)] = &[
    ("sum", |values, _| Sum::of(values)),
    ("avg", |values, _| Mean::of(values)),
    ("count", |values, _| values.len() as f64),
    ("group", |_, _| 1.0),
    ("min", |values, _| values.iter().copied().fold(f64::NAN, lower)),
    ("max", |values, _| values.iter().copied().fold(f64::NAN, higher)),
    ("stddev", |values, _| variance(values).sqrt()),
    ("stdvar", |values, _| variance(values)),
    ("quantile", |values, q| quantile(q, &mut values.to_vec())),
];

fn lower(a: f64, b: f64) -> f64 {
    if b < a || a.is_nan() { b } else { a }
}

fn higher(a: f64, b: f64) -> f64 {
    if b > a || a.is_nan() { b } else { a }
}

impl<'a> Reducer<'a> {
    fn of(op: &str, context: &Context<'_>, parameter: &'a [f64]) -> Result<Self, QueryError> {
        if op == "quantile" {
            crate::functions::check_quantiles(context, "quantile", parameter);
        }
        let Some(row) = REDUCERS.iter().find(|row| row.0 == op) else {
            return failed(format!("unknown aggregation {op}"));
        };
        Ok(Self { reduce: row.1, parameter })
    }

    fn column(&self, columns: &[Column], group: Group) -> Column {
        let steps = columns[group.members[0]].values.len();
        let mut present = Vec::with_capacity(group.members.len());
        let mut values = Vec::with_capacity(steps);
        for step in 0..steps {
            present.clear();
            let at_step = group.members.iter().map(|member| columns[*member].values[step]);
            present.extend(at_step.filter(|value| !absent(*value)));
            values.push(if present.is_empty() {
                ABSENT
            } else {
                (self.reduce)(&present, self.parameter.get(step).copied().unwrap_or_default())
            });
        }
        Column { labels: group.labels, drop_name: group.drop_name, values }
    }
}

fn limits(parameter: &[f64]) -> Result<(), QueryError> {
    for k in parameter {
        if k.is_nan() {
            return failed("Parameter value is NaN");
        }
        if *k >= i64::MAX as f64 {
            return failed(format!("Scalar value {k} overflows int64"));
        }
        if *k <= i64::MIN as f64 {
            return failed(format!("Scalar value {k} underflows int64"));
        }
    }
    Ok(())
}

/// `topk`, `bottomk` and `limitk`: some series of each group, with their own labels.
fn ranked(op: &str, columns: &[Column], groups: &[Group], k: &[f64]) -> Vec<Column> {
    let mut kept: Vec<Column> = columns
        .iter()
        .map(|column| Column { values: vec![ABSENT; column.values.len()], ..column.clone() })
        .collect();
    let mut order = Vec::with_capacity(columns.len());
    for group in groups {
        let mut members = Vec::with_capacity(group.members.len());
        for (step, k) in k.iter().enumerate() {
            members.clear();
            let present = |member: &&usize| !absent(columns[**member].values[step]);
            members.extend(group.members.iter().filter(present).copied());
            let value = |member: &usize| columns[*member].values[step];
            match op {
                "topk" => members.sort_by(|a, b| descending(value(a), value(b))),
                "bottomk" => members.sort_by(|a, b| ascending(value(a), value(b))),
                _ => {}
            }
            members.truncate(k.max(0.0) as usize);
            for &member in &members {
                kept[member].values[step] = columns[member].values[step];
                if step == 0 {
                    order.push(member);
                }
            }
        }
    }
    let rest = (0..columns.len()).filter(|at| absent(kept[*at].values[0]));
    order.extend(rest);
    order.into_iter().map(|at| kept[at].clone()).collect()
}

/// Larger first, NaN last.
pub(crate) fn descending(a: f64, b: f64) -> std::cmp::Ordering {
    a.is_nan().cmp(&b.is_nan()).then(b.total_cmp(&a))
}

/// Smaller first, NaN last.
pub(crate) fn ascending(a: f64, b: f64) -> std::cmp::Ordering {
    a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(&b))
}

fn limit_ratio(
    context: &Context<'_>,
    mut columns: Vec<Column>,
    ratios: &[f64],
) -> Result<Vec<Column>, QueryError> {
    let mut bounded = Vec::with_capacity(ratios.len());
    for &ratio in ratios {
        if ratio.is_nan() {
            return failed("Ratio value is NaN");
        }
        let capped = ratio.clamp(-1.0, 1.0);
        if capped.to_bits() != ratio.to_bits() {
            let at = context.argument("limit_ratio", 0);
            context.warn(&format!(
                "ratio value should be between -1 and 1, got {ratio}, capping to {capped} {at}"
            ));
        }
        bounded.push(capped);
    }
    for column in &mut columns {
        let offset = hash(&column.labels) as f64 / u64::MAX as f64;
        for (value, &ratio) in column.values.iter_mut().zip(&bounded) {
            let kept = if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio };
            if !kept {
                *value = ABSENT;
            }
        }
    }
    Ok(columns)
}

/// A stable hash of labels (FNV-1a with a final mix), so that the same series are kept every time.
fn hash(labels: &Labels) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for (name, value) in labels.iter() {
        for byte in name.bytes().chain([0xff]).chain(value.bytes()).chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
}

fn counted_values(
    columns: &[Column],
    groups: Vec<Group>,
    label: &str,
) -> Result<Vec<Column>, QueryError> {
    if let Some(quoted) = invalid_name(label) {
        return failed(format!("invalid label name {quoted}"));
    }
    let mut result: Vec<Column> = Vec::new();
    let mut by_labels: HashMap<Labels, usize> = HashMap::new();
    for group in groups {
        for member in group.members {
            for (step, &value) in columns[member].values.iter().enumerate() {
                if absent(value) {
                    continue;
                }
                let labels = group.labels.with(label, &crate::label_functions::number(value));
                let at = *by_labels.entry(labels).or_insert_with_key(|labels| {
                    let values = vec![ABSENT; columns[member].values.len()];
                    let drop_name = group.drop_name && label != model::labels::NAME;
                    result.push(Column { labels: labels.clone(), drop_name, values });
                    result.len() - 1
                });
                let count = &mut result[at].values[step];
                *count = if absent(*count) { 1.0 } else { *count + 1.0 };
            }
        }
    }
    Ok(result)
}
