//! Functions that rewrite labels: `label_replace` and `label_join`.

use std::collections::HashMap;

use promql_parser::parser::Call;
use regex::Regex;

use crate::Labels;
use crate::error::{QueryError, failed};
use crate::eval::{Context, Steps};
use crate::labels::invalid_name;
use crate::value::{Column, absent};
use model::labels::NAME;

/// A number as Prometheus prints it in a label.
pub(crate) fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    value.to_string()
}

/// A number as OpenMetrics writes it: always a float.
pub(crate) fn float(value: f64) -> String {
    let text = number(value);
    if value.is_finite() && !text.contains('.') { text + ".0" } else { text }
}

pub(crate) fn replace(
    context: &Context<'_>,
    call: &Call,
    steps: Steps,
) -> Result<Vec<Column>, QueryError> {
    let mut columns = context.vector(&call.args.args[0], steps)?;
    let text = |at: usize| context.text(&call.args.args[at], steps);
    let (target, template, from, pattern) = (text(1)?, text(2)?, text(3)?, text(4)?);
    let Ok(regex) = Regex::new(&format!("^(?s:{pattern})$")) else {
        return failed(format!("invalid regular expression in label_replace(): {pattern}"));
    };
    valid(&target, "label_replace")?;
    for column in &mut columns {
        let value = column.labels.get(&from).to_owned();
        if let Some(found) = regex.captures(&value) {
            let mut new = String::new();
            found.expand(&template, &mut new);
            set(column, &target, &new);
        }
    }
    merged(columns)
}

pub(crate) fn join(
    context: &Context<'_>,
    call: &Call,
    steps: Steps,
) -> Result<Vec<Column>, QueryError> {
    let args = &call.args.args;
    let mut columns = context.vector(&args[0], steps)?;
    let (target, separator) = (context.text(&args[1], steps)?, context.text(&args[2], steps)?);
    let sources: Vec<String> =
        args[3..].iter().map(|arg| context.text(arg, steps)).collect::<Result<_, _>>()?;
    valid(&target, "label_join")?;
    for column in &mut columns {
        let values: Vec<_> = sources.iter().map(|source| column.labels.get(source)).collect();
        let new = values.join(&separator);
        set(column, &target, &new);
    }
    merged(columns)
}

fn valid(label: &str, function: &str) -> Result<(), QueryError> {
    match invalid_name(label) {
        Some(quoted) => failed(format!("invalid destination label name in {function}(): {quoted}")),
        None => Ok(()),
    }
}

fn set(column: &mut Column, label: &str, value: &str) {
    column.labels = column.labels.with(label, value);
    if label == NAME {
        column.drop_name = false;
    }
}

/// Joins series that became one; two values at one step are an error.
fn merged(columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    let mut by_labels: HashMap<(Labels, bool), usize> = HashMap::new();
    let mut result: Vec<Column> = Vec::with_capacity(columns.len());
    for column in columns {
        let key = (column.labels.clone(), column.drop_name);
        let at = *by_labels.entry(key).or_insert(result.len());
        let Some(kept) = result.get_mut(at) else {
            result.push(column);
            continue;
        };
        for (kept, new) in kept.values.iter_mut().zip(column.values) {
            if absent(new) {
                continue;
            }
            if !absent(*kept) {
                return failed("vector cannot contain metrics with the same labelset");
            }
            *kept = new;
        }
    }
    Ok(result)
}
