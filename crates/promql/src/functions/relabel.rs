//! Functions that rewrite labels: `label_replace` and `label_join`.

use std::collections::HashMap;

use promql_parser::parser::Call;
use regex::Regex;

use crate::Labels;
use crate::error::{QueryError, failed};
use crate::labels::invalid_name;
use crate::query::Query;
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::vector::{Columns, absent};
use model::labels::NAME;

pub(crate) fn replace<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let mut columns = Columns::clone(&*query.columns(&call.args.args[0], steps)?);
    let text = |at: usize| query.text_of(&call.args.args[at], steps);
    let (target, template, from, pattern) = (text(1)?, text(2)?, text(3)?, text(4)?);
    let Ok(regex) = Regex::new(&format!("^(?s:{pattern})$")) else {
        return failed(format!("invalid regular expression in label_replace(): {pattern}"));
    };
    valid(&target, "label_replace")?;
    for at in 0..columns.len() {
        if let Some(found) = regex.captures(columns.labels[at].get(&from)) {
            let mut new = String::new();
            found.expand(&template, &mut new);
            set(&mut columns, at, &target, &new);
        }
    }
    merged(query, &columns)
}

pub(crate) fn join<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let args = &call.args.args;
    let mut columns = Columns::clone(&*query.columns(&args[0], steps)?);
    let (target, separator) = (query.text_of(&args[1], steps)?, query.text_of(&args[2], steps)?);
    let sources: Vec<String> =
        args[3..].iter().map(|arg| query.text_of(arg, steps)).collect::<Result<_, _>>()?;
    valid(&target, "label_join")?;
    for at in 0..columns.len() {
        let values: Vec<_> = sources.iter().map(|name| columns.labels[at].get(name)).collect();
        let new = values.join(&separator);
        set(&mut columns, at, &target, &new);
    }
    merged(query, &columns)
}

fn valid(label: &str, function: &str) -> Result<(), QueryError> {
    match invalid_name(label) {
        Some(quoted) => failed(format!("invalid destination label name in {function}(): {quoted}")),
        None => Ok(()),
    }
}

fn set(columns: &mut Columns, at: usize, label: &str, value: &str) {
    columns.labels[at] = columns.labels[at].with(label, value);
    if label == NAME {
        columns.drop_name[at] = false;
    }
}

/// Joins series that became one; two values at one step are an error.
fn merged<'q>(query: &Query<'q>, columns: &Columns) -> Result<Evaluated<'q>, QueryError> {
    query.budget.hold_values(columns.len(), columns.steps)?;
    let mut by_labels: HashMap<(Labels, bool), usize> = HashMap::new();
    let mut result = Columns::empty(columns.steps);
    for at in 0..columns.len() {
        let (labels, drop_name) = (columns.labels[at].clone(), columns.drop_name[at]);
        let row =
            *by_labels.entry((labels, drop_name)).or_insert_with_key(|(labels, drop_name)| {
                result.push(labels.clone(), *drop_name);
                result.len() - 1
            });
        for (kept, &new) in result.column_mut(row).iter_mut().zip(columns.column(at)) {
            if absent(new) {
                continue;
            }
            if !absent(*kept) {
                return failed("vector cannot contain metrics with the same labelset");
            }
            *kept = new;
        }
    }
    Ok(Evaluated::Vector(result.into()))
}
