//! `info`: series with the labels of the info series of the same target, `target_info` unless the
//! second argument chooses others. A target is what has the same `instance` and `job`.

use std::collections::HashMap;
use std::sync::Arc;

use model::labels::NAME;
use model::series::{Matcher, MatcherOp};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{Call, Expr, SubqueryExpr};
use regex::Regex;

use crate::Labels;
use crate::error::{QueryError, failed};
use crate::query::Query;
use crate::repeated::children;
use crate::select::{Take, matchers, offset_ms};
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::vector::{Columns, absent};

pub(super) fn eval<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let args = &call.args.args;
    let base = query.columns(&args[0], steps)?;
    let wanted = Wanted::of(args.get(1).map(|arg| &**arg))?;
    let all: Vec<Matcher> = wanted.names.iter().chain(&wanted.data).cloned().collect();
    // The times of the samples: of two info series the newer one counts.
    let (at, offset) = shared_reference(query, &args[0]);
    let info = query.newest_by(&all, steps.moved(at, offset), Take::Time)?.columns(query.budget)?;
    let mut enriched =
        Enriched { wanted, info, result: Columns::empty(steps.count), rows: HashMap::new() };
    let targets = enriched.targets();
    for at in 0..base.len() {
        query.budget.alive()?;
        query.budget.hold_values(1, steps.count)?;
        enriched.add(&base, at, &targets)?;
    }
    Ok(Evaluated::Vector(enriched.result.into()))
}

/// Which info series and which of their labels are asked for.
struct Wanted {
    names: Vec<Matcher>,
    /// Conditions on their other labels, which are then the only ones taken.
    data: Vec<Matcher>,
}

impl Wanted {
    fn of(selector: Option<&Expr>) -> Result<Self, QueryError> {
        let all = match selector {
            None => Vec::new(),
            Some(Expr::VectorSelector(selector)) => matchers(selector),
            Some(_) => {
                return failed("the second argument of info() has to be a selector of labels");
            }
        };
        let (mut names, data): (Vec<_>, Vec<_>) = all.into_iter().partition(|m| m.name == NAME);
        let chooses = |m: &Matcher| matches!(m.op, MatcherOp::Equal | MatcherOp::Matches(_));
        if names.is_empty() {
            let (name, value) = (NAME.to_owned(), "target_info".to_owned());
            names.push(Matcher { name, op: MatcherOp::Equal, value });
        } else if !names.iter().any(chooses) {
            // Names that are only ruled out are ruled out of all info series.
            let Ok(regex) = Regex::new("^(?s:.+_info)$") else {
                return failed("no such expression");
            };
            let (name, value) = (NAME.to_owned(), ".+_info".to_owned());
            names.push(Matcher { name, op: MatcherOp::Matches(regex), value });
        }
        Ok(Self { names, data })
    }

    /// Is this an info series itself?
    fn is_info(&self, labels: &Labels) -> bool {
        self.names.iter().all(|matcher| matcher.accepts(labels.name()))
    }

    fn takes(&self, label: &str) -> bool {
        label != NAME && (self.data.is_empty() || self.data.iter().any(|m| m.name == label))
    }

    /// May a series stay that has no info series?
    fn optional(&self) -> bool {
        self.data.iter().all(|matcher| matcher.accepts(""))
    }
}

/// `instance` and `job`.
type Target = (String, String);

fn target(labels: &Labels) -> Target {
    (labels.get("instance").to_owned(), labels.get("job").to_owned())
}

struct Enriched {
    wanted: Wanted,
    /// Info series, with the times of their samples for values.
    info: Arc<Columns>,
    result: Columns,
    rows: HashMap<(Labels, bool), usize>,
}

impl Enriched {
    /// The info series of each target, by their names.
    fn targets(&self) -> HashMap<Target, Vec<usize>> {
        let mut targets: HashMap<Target, Vec<usize>> = HashMap::new();
        for (at, labels) in self.info.labels.iter().enumerate() {
            targets.entry(target(labels)).or_default().push(at);
        }
        targets.remove(&Target::default());
        for all in targets.values_mut() {
            all.sort_by(|a, b| self.info.labels[*a].name().cmp(self.info.labels[*b].name()));
        }
        targets
    }

    fn add(
        &mut self,
        base: &Columns,
        at: usize,
        targets: &HashMap<Target, Vec<usize>>,
    ) -> Result<(), QueryError> {
        let labels = &base.labels[at];
        let ignored = self.wanted.is_info(labels);
        let none = Vec::new();
        let of_target = if ignored { &none } else { targets.get(&target(labels)).unwrap_or(&none) };
        // What was made of the same info series at the step before is made again.
        let mut before: Option<(Vec<usize>, usize)> = None;
        for (step, &value) in base.column(at).iter().enumerate() {
            if absent(value) {
                continue;
            }
            let newest = self.newest(of_target, step)?;
            if newest.is_empty() && !ignored && !self.wanted.optional() {
                continue;
            }
            let row = match &before {
                Some((same, row)) if *same == newest => *row,
                _ => self.row(labels, base.drop_name[at], &newest)?,
            };
            let out = &mut self.result.column_mut(row)[step];
            if !absent(*out) {
                return failed("vector cannot contain metrics with the same labelset");
            }
            *out = value;
            before = Some((newest, row));
        }
        Ok(())
    }

    /// Of each name the info series with the newest sample.
    fn newest(&self, all: &[usize], step: usize) -> Result<Vec<usize>, QueryError> {
        let time = |at: usize| self.info.column(at)[step];
        let mut newest: Vec<usize> = Vec::new();
        for &at in all.iter().filter(|at| !absent(time(**at))) {
            let labels = &self.info.labels[at];
            match newest.last().copied() {
                Some(other) if self.info.labels[other].name() == labels.name() => {
                    if time(other).total_cmp(&time(at)).is_eq() {
                        let other = &self.info.labels[other];
                        return failed(format!(
                            "found duplicate series for info metric: existing {other}, new {labels}"
                        ));
                    }
                    if time(other) < time(at) {
                        newest.pop();
                        newest.push(at);
                    }
                }
                _ => newest.push(at),
            }
        }
        Ok(newest)
    }

    /// The row of a series with the labels of these info series.
    fn row(&mut self, base: &Labels, drop_name: bool, info: &[usize]) -> Result<usize, QueryError> {
        let mut added: Vec<(&str, &str)> = Vec::new();
        for (name, value) in info.iter().flat_map(|at| self.info.labels[*at].iter()) {
            if !self.wanted.takes(name) {
                continue;
            }
            if added.iter().any(|(other, given)| *other == name && *given != value) {
                return failed(format!("conflicting label: {name}"));
            }
            if base.get(name).is_empty() {
                added.push((name, value));
            }
        }
        let labels = Labels::new(base.iter().chain(added));
        let next = self.result.len();
        let row = *self.rows.entry((labels.clone(), drop_name)).or_insert(next);
        if row == next {
            self.result.push(labels, drop_name);
        }
        Ok(row)
    }
}

/// When a selector looks: at a time (ms) or at that of the step, and so many ms before.
type Reference = (Option<i64>, i64);

/// What all selectors within look at, if it is the same: info series are looked at there too.
/// Otherwise they are looked at at the time of the step.
fn shared_reference(query: &Query<'_>, expr: &Expr) -> Reference {
    let mut all = Vec::new();
    references(query, expr, &mut Vec::new(), &mut all);
    let looked_at =
        |(at, offset): Reference| at.map_or((None, offset), |at| (Some(at - offset), 0));
    match all.first().copied().flatten() {
        Some(first) if all.iter().all(|other| other.map(looked_at) == Some(looked_at(first))) => {
            first
        }
        _ => (None, 0),
    }
}

/// Collects when each selector looks; None for a vector that is made of none. Tells if any was found.
fn references<'e>(
    query: &Query<'_>,
    expr: &'e Expr,
    around: &mut Vec<&'e SubqueryExpr>,
    into: &mut Vec<Option<Reference>>,
) -> bool {
    if !matches!(expr.value_type(), ValueType::Vector | ValueType::Matrix) {
        return false;
    }
    let selector = match expr {
        Expr::VectorSelector(selector) => Some(selector),
        Expr::MatrixSelector(matrix) => Some(&matrix.vs),
        _ => None,
    };
    if let Some(selector) = selector {
        let mut offset = offset_ms(selector.offset.as_ref());
        let mut at = query.pinned(selector.at.as_ref());
        // Subqueries around move it, up to the first that pins it.
        for subquery in around.iter().rev() {
            if at.is_none() {
                offset += offset_ms(subquery.offset.as_ref());
                at = query.pinned(subquery.at.as_ref());
            }
        }
        into.push(Some((at, offset)));
        return true;
    }
    let within = match expr {
        Expr::Call(call) if call.func.name == "info" => vec![&*call.args.args[0]],
        _ => children(expr),
    };
    let subquery = if let Expr::Subquery(subquery) = expr { Some(subquery) } else { None };
    around.extend(subquery);
    let found = within.into_iter().filter(|child| references(query, child, around, into)).count();
    around.truncate(around.len() - usize::from(subquery.is_some()));
    if found == 0 {
        into.push(None);
    }
    found > 0
}
