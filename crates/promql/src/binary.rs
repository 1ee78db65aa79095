//! Binary operators: arithmetic, comparison and sets, with vector matching.

use std::collections::{HashMap, HashSet};

use promql_parser::parser::{BinModifier, BinaryExpr, LabelModifier, VectorMatchCardinality};

use crate::Labels;
use crate::error::{QueryError, failed};
use crate::eval::{Context, Steps};
use crate::labels::{in_braces, only, without, without_name};
use crate::value::{ABSENT, Column, Evaluated, absent};

/// Evaluates both sides and combines them.
pub(crate) fn eval(
    context: &Context<'_>,
    node: &BinaryExpr,
    steps: Steps,
) -> Result<Evaluated, QueryError> {
    let lhs = context.eval(&node.lhs, steps)?;
    let rhs = context.eval(&node.rhs, steps)?;
    let op = Operator::of(&node.op.to_string());
    let returns_bool = node.return_bool();
    Ok(match (lhs, rhs) {
        (Evaluated::Scalar(a), Evaluated::Scalar(b)) => {
            let both = a.iter().zip(&b);
            Evaluated::Scalar(both.map(|(a, b)| op.scalar(*a, *b)).collect())
        }
        (Evaluated::Vector(a), Evaluated::Scalar(b)) => {
            Evaluated::Vector(with_scalar(op, a, &b, returns_bool, false))
        }
        (Evaluated::Scalar(a), Evaluated::Vector(b)) => {
            Evaluated::Vector(with_scalar(op, b, &a, returns_bool, true))
        }
        (Evaluated::Vector(a), Evaluated::Vector(b)) => {
            let modifier = node.modifier.clone().unwrap_or_default();
            Evaluated::Vector(match op {
                Operator::And | Operator::Or | Operator::Unless => set(op, &a, &b, &modifier),
                _ => matched(op, a, b, &modifier)?,
            })
        }
        _ => return failed("a binary operator needs scalars or instant vectors"),
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Unless,
}

impl Operator {
    fn of(name: &str) -> Self {
        match name {
            "+" => Self::Add,
            "-" => Self::Sub,
            "*" => Self::Mul,
            "/" => Self::Div,
            "%" => Self::Mod,
            "^" => Self::Pow,
            "atan2" => Self::Atan2,
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterEqual,
            "and" => Self::And,
            "or" => Self::Or,
            _ => Self::Unless,
        }
    }

    fn compares(self) -> bool {
        self.holds(0.0, 0.0).is_some()
    }

    fn holds(self, a: f64, b: f64) -> Option<bool> {
        #[expect(clippy::float_cmp, reason = "PromQL compares exactly")]
        match self {
            Self::Equal => Some(a == b),
            Self::NotEqual => Some(a != b),
            Self::Less => Some(a < b),
            Self::LessEqual => Some(a <= b),
            Self::Greater => Some(a > b),
            Self::GreaterEqual => Some(a >= b),
            _ => None,
        }
    }

    fn scalar(self, a: f64, b: f64) -> f64 {
        if let Some(holds) = self.holds(a, b) {
            return f64::from(u8::from(holds));
        }
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Mod => a % b,
            Self::Pow => a.powf(b),
            _ => a.atan2(b),
        }
    }

    /// A comparison without `bool` keeps `kept` where it holds.
    fn element(self, a: f64, b: f64, kept: f64, returns_bool: bool) -> f64 {
        match self.holds(a, b) {
            Some(true) if !returns_bool => kept,
            Some(false) if !returns_bool => ABSENT,
            _ => self.scalar(a, b),
        }
    }
}

fn with_scalar(
    op: Operator,
    mut columns: Vec<Column>,
    scalar: &[f64],
    returns_bool: bool,
    swapped: bool,
) -> Vec<Column> {
    for column in &mut columns {
        column.drop_name |= !op.compares() || returns_bool;
        for (value, &scalar) in column.values.iter_mut().zip(scalar) {
            if !absent(*value) {
                let (a, b) = if swapped { (scalar, *value) } else { (*value, scalar) };
                *value = op.element(a, b, *value, returns_bool);
            }
        }
    }
    columns
}

/// What a series is matched by.
fn key(labels: &Labels, modifier: &BinModifier) -> Labels {
    match &modifier.matching {
        Some(LabelModifier::Include(on)) => only(labels, &on.labels),
        Some(LabelModifier::Exclude(ignored)) => without(labels, &ignored.labels),
        None => without_name(labels),
    }
}

fn set(op: Operator, a: &[Column], b: &[Column], modifier: &BinModifier) -> Vec<Column> {
    let (kept, other) = if op == Operator::Or { (b, a) } else { (a, b) };
    let mut there: HashMap<Labels, Vec<bool>> = HashMap::new();
    for column in other {
        let steps = there
            .entry(key(&column.labels, modifier))
            .or_insert_with(|| vec![false; column.values.len()]);
        for (there, value) in steps.iter_mut().zip(&column.values) {
            *there |= !absent(*value);
        }
    }
    let wanted = op == Operator::And;
    let filtered: Vec<Column> = kept
        .iter()
        .map(|column| {
            let mut column = column.clone();
            let steps = there.get(&key(&column.labels, modifier));
            for (at, value) in column.values.iter_mut().enumerate() {
                if steps.is_some_and(|steps| steps[at]) != wanted {
                    *value = ABSENT;
                }
            }
            column
        })
        .collect();
    if op == Operator::Or { a.iter().cloned().chain(filtered).collect() } else { filtered }
}

/// Arithmetic and comparison between vectors.
fn matched(
    op: Operator,
    a: Vec<Column>,
    b: Vec<Column>,
    modifier: &BinModifier,
) -> Result<Vec<Column>, QueryError> {
    let swapped = matches!(modifier.card, VectorMatchCardinality::OneToMany(_));
    let steps = a.first().or(b.first()).map_or(0, |column| column.values.len());
    let (mut many, mut one) = if swapped { (b, a) } else { (a, b) };
    let (fill_many, fill_one) = if swapped {
        (modifier.fill_values.rhs, modifier.fill_values.lhs)
    } else {
        (modifier.fill_values.lhs, modifier.fill_values.rhs)
    };
    let mut ones: HashMap<Labels, Vec<usize>> = HashMap::new();
    for (at, column) in one.iter().enumerate() {
        ones.entry(key(&column.labels, modifier)).or_default().push(at);
    }
    let manys: HashSet<Labels> = many.iter().map(|c| key(&c.labels, modifier)).collect();
    let side = if swapped { "left" } else { "right" };
    let asked =
        |step: usize| fill_many.is_some() || many.iter().any(|column| !absent(column.values[step]));
    unambiguous(&ones, &one, side, &(0..steps).map(asked).collect::<Vec<_>>())?;
    if fill_one.is_some() {
        for key in &manys {
            ones.entry(key.clone()).or_insert_with(|| {
                one.push(empty(key, steps));
                vec![one.len() - 1]
            });
        }
    }
    if fill_many.is_some() {
        let missing = ones.keys().filter(|key| !manys.contains(*key));
        many.extend(missing.map(|key| empty(key, steps)));
    }
    let joined = Join { op, modifier, swapped, fill_many, fill_one };
    let mut result = Results::default();
    for column in &many {
        let key = key(&column.labels, modifier);
        let Some(candidates) = ones.get(&key) else { continue };
        for &at in candidates {
            let labels = joined.labels(column, &one[at]);
            let drop_name = modifier.return_bool || !op.compares();
            let values = joined.values(column, &one[at]);
            let grouped = modifier.card != VectorMatchCardinality::OneToOne;
            let group = (key.clone(), grouped.then(|| labels.clone()));
            let met = (0..steps).map(|step| joined.meets(column, &one[at], step));
            result.meet(group, met, grouped)?;
            result.add(Column { labels, drop_name, values });
        }
    }
    Ok(result.columns)
}

fn empty(key: &Labels, steps: usize) -> Column {
    Column { labels: key.clone(), drop_name: false, values: vec![ABSENT; steps] }
}

/// Two series of the "one" side may share a key, but never at the same step, be it matched or not,
/// if the other side has anything there.
fn unambiguous(
    ones: &HashMap<Labels, Vec<usize>>,
    one: &[Column],
    side: &str,
    asked: &[bool],
) -> Result<(), QueryError> {
    let mut shared: Vec<_> = ones.iter().filter(|(_, columns)| columns.len() > 1).collect();
    shared.sort();
    let mut taken: Vec<Option<usize>> = Vec::new();
    for (key, columns) in shared {
        taken.clear();
        taken.resize(asked.len(), None);
        for &column in columns {
            for (step, value) in one[column].values.iter().enumerate() {
                if absent(*value) || !asked[step] {
                    continue;
                }
                if let Some(other) = taken[step].replace(column) {
                    return duplicate(key, side, &one[other].labels, &one[column].labels);
                }
            }
        }
    }
    Ok(())
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
    fn values(&self, many: &Column, one: &Column) -> Vec<f64> {
        let both = many.values.iter().zip(&one.values);
        both.map(|(&many, &one)| self.value(many, one)).collect()
    }

    fn value(&self, many: f64, one: f64) -> f64 {
        if absent(many) && absent(one) {
            return ABSENT;
        }
        let or = |value: f64, fill: Option<f64>| if absent(value) { fill } else { Some(value) };
        let (Some(many), Some(one)) = (or(many, self.fill_many), or(one, self.fill_one)) else {
            return ABSENT;
        };
        let (a, b) = if self.swapped { (one, many) } else { (many, one) };
        self.op.element(a, b, a, self.modifier.return_bool)
    }

    /// Do the two have a pair at this step, be it filtered away or not?
    fn meets(&self, many: &Column, one: &Column, step: usize) -> bool {
        let (many, one) = (many.values[step], one.values[step]);
        let there = |value: f64, fill: Option<f64>| !absent(value) || fill.is_some();
        !(absent(many) && absent(one)) && there(many, self.fill_many) && there(one, self.fill_one)
    }

    fn labels(&self, many: &Column, one: &Column) -> Labels {
        let mut labels = many.labels.clone();
        if !self.op.compares() || self.modifier.return_bool {
            labels = without_name(&labels);
        }
        match (&self.modifier.card, &self.modifier.matching) {
            (
                VectorMatchCardinality::ManyToOne(include)
                | VectorMatchCardinality::OneToMany(include),
                _,
            ) => {
                for name in &include.labels {
                    labels = labels.with(name, one.labels.get(name));
                }
            }
            (_, Some(LabelModifier::Include(on))) => labels = only(&labels, &on.labels),
            (_, Some(LabelModifier::Exclude(ignored))) => {
                labels = labels.keep(|name| !ignored.labels.iter().any(|gone| gone == name));
            }
            _ => {}
        }
        labels
    }
}

/// Results by labels, and the pairs that were met; two pairs of one group at one step are an error.
#[derive(Default)]
struct Results {
    columns: Vec<Column>,
    by_labels: HashMap<Labels, usize>,
    met: HashMap<(Labels, Option<Labels>), Vec<bool>>,
}

impl Results {
    fn meet(
        &mut self,
        group: (Labels, Option<Labels>),
        met: impl Iterator<Item = bool>,
        grouped: bool,
    ) -> Result<(), QueryError> {
        let before = self.met.entry(group).or_default();
        for (step, met) in met.enumerate() {
            if before.len() <= step {
                before.push(false);
            }
            if met && before[step] {
                return failed(if grouped {
                    "multiple matches for labels: grouping labels must ensure unique matches"
                } else {
                    "multiple matches for labels: many-to-one matching must be explicit \
                     (group_left/group_right)"
                });
            }
            before[step] |= met;
        }
        Ok(())
    }

    fn add(&mut self, column: Column) {
        let Some(&at) = self.by_labels.get(&column.labels) else {
            self.by_labels.insert(column.labels.clone(), self.columns.len());
            self.columns.push(column);
            return;
        };
        for (kept, new) in self.columns[at].values.iter_mut().zip(column.values) {
            if !absent(new) {
                *kept = new;
            }
        }
    }
}
