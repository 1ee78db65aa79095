//! Functions that rewrite labels: `label_replace` and `label_join`.

use std::collections::HashSet;

use promql_parser::parser::Call;
use regex::Regex;

use crate::error::{QueryError, failed};
use crate::eval::{Context, Steps};
use crate::labels::NAME;
use crate::value::Column;

/// A number as Prometheus prints it in a label.
pub(crate) fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    value.to_string()
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
    distinct(&columns)?;
    Ok(columns)
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
    distinct(&columns)?;
    Ok(columns)
}

fn valid(label: &str, function: &str) -> Result<(), QueryError> {
    if label.is_empty() || label.contains('\u{fffd}') {
        return failed(format!("invalid destination label name in {function}(): {label}"));
    }
    Ok(())
}

fn set(column: &mut Column, label: &str, value: &str) {
    column.labels.set(label, value);
    if label == NAME {
        column.drop_name = false;
    }
}

fn distinct(columns: &[Column]) -> Result<(), QueryError> {
    let mut seen = HashSet::new();
    for column in columns {
        if !seen.insert((&column.labels, column.drop_name)) {
            return failed("vector cannot contain metrics with the same labelset");
        }
    }
    Ok(())
}
