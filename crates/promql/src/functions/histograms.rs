//! Classic histograms: buckets by their label `le` into quantiles and fractions.

use std::collections::HashMap;

use promql_parser::parser::Call;

use super::numbers::{float, number};
use super::scalars;
use crate::Labels;
use crate::error::{QueryError, failed};
use crate::query::Query;
use crate::steps::Steps;
use crate::value::Evaluated;
use crate::vector::{ABSENT, Columns, absent};
use crate::workers;

/// Warns of each quantile outside of 0 to 1.
pub(crate) fn check_quantiles(query: &Query<'_>, function: &str, quantiles: &[f64]) {
    for q in quantiles.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
        let (at, q) = (query.argument(function, 0), number(*q));
        query.warn(&format!("quantile value should be between 0 and 1, got {q} {at}"));
    }
}

pub(super) fn quantile_of<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let quantiles = query.scalar(&call.args.args[0], steps)?;
    let columns = query.columns(&call.args.args[1], steps)?;
    let function = "histogram_quantile";
    check_quantiles(query, function, &quantiles);
    let all = Histograms::of(query, (function, 1), &columns);
    let kernel = |step: usize, buckets: &mut Buckets| quantile(quantiles[step], buckets);
    Ok(Evaluated::Vector(all.map(query, (function, 1), &kernel)?.into()))
}

/// One series per quantile, told apart by a label.
pub(super) fn quantiles_of<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let args = &call.args.args;
    let columns = query.columns(&args[0], steps)?;
    let label = query.text_of(&args[1], steps)?;
    let function = ("histogram_quantiles", 0);
    let all = Histograms::of(query, function, &columns);
    let mut result = Columns::empty(columns.steps);
    for arg in &args[2..] {
        let quantiles = query.scalar(arg, steps)?;
        check_quantiles(query, function.0, &quantiles);
        let q = float(quantiles.first().copied().unwrap_or(f64::NAN));
        let kernel = |step: usize, buckets: &mut Buckets| quantile(quantiles[step], buckets);
        let one = all.map(query, function, &kernel)?;
        for (at, labels) in one.labels.iter().enumerate() {
            if !labels.get(&label).is_empty() {
                return failed(format!("label {label:?} is already there"));
            }
            let out = result.push(labels.with(&label, &q), one.drop_name[at]);
            out.copy_from_slice(one.column(at));
        }
    }
    Ok(Evaluated::Vector(result.into()))
}

pub(super) fn fraction_of<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    let bounds = scalars(query, &call.args.args, Some(2), steps)?;
    let columns = query.columns(&call.args.args[2], steps)?;
    let function = ("histogram_fraction", 2);
    let kernel = |step: usize, buckets: &mut Buckets| {
        (fraction(bounds[0][step], bounds[1][step], buckets), false)
    };
    let all = Histograms::of(query, function, &columns);
    Ok(Evaluated::Vector(all.map(query, function, &kernel)?.into()))
}

/// Functions of native histograms skip floats, so of floats they make nothing.
pub(super) fn of_native<'q>(
    query: &Query<'q>,
    call: &'q Call,
    steps: Steps,
) -> Result<Evaluated<'q>, QueryError> {
    query.vector(&call.args.args[0], steps)?;
    Ok(Evaluated::Vector(Columns::empty(steps.count).into()))
}

/// One histogram at one step: upper bounds with cumulative counts.
type Buckets = Vec<(f64, f64)>;

/// A value of a histogram at a step, and whether its counts had to be mended for it.
type Kernel<'a> = &'a (dyn Fn(usize, &mut Buckets) -> (f64, bool) + Sync);

/// Buckets by the histogram they belong to.
struct Histograms<'a> {
    columns: &'a Columns,
    /// Labels without the bound, and the bound and column of each bucket, ascending.
    all: Vec<(Labels, Vec<(f64, usize)>)>,
}

impl<'a> Histograms<'a> {
    fn of(query: &Query<'_>, (function, argument): (&str, usize), columns: &'a Columns) -> Self {
        let mut by_labels: HashMap<Labels, usize> = HashMap::new();
        let mut all: Vec<(Labels, Vec<(f64, usize)>)> = Vec::new();
        for (at, labels) in columns.labels.iter().enumerate() {
            let le = labels.get("le");
            let Some(bound) = le.parse::<f64>().ok().filter(|bound| !bound.is_nan()) else {
                query.warn(&format!(
                    "bucket label \"le\" is missing or has a malformed value of {le:?}{} {}",
                    named(labels),
                    query.argument(function, argument)
                ));
                continue;
            };
            let row = *by_labels.entry(labels.with("le", "")).or_insert_with_key(|labels| {
                all.push((labels.clone(), Vec::new()));
                all.len() - 1
            });
            all[row].1.push((bound, at));
        }
        all.iter_mut().for_each(|(_, buckets)| buckets.sort_by(|a, b| a.0.total_cmp(&b.0)));
        Self { columns, all }
    }

    /// A value of each histogram and step.
    fn map(
        &self,
        query: &Query<'_>,
        (function, argument): (&str, usize),
        kernel: Kernel<'_>,
    ) -> Result<Columns, QueryError> {
        let steps = self.columns.steps;
        query.budget.hold_values(self.all.len(), steps)?;
        let mut values = vec![ABSENT; self.all.len() * steps];
        let work = self.all.iter().zip(values.chunks_exact_mut(steps));
        let forced = workers::run(query.budget, work, |((_, members), out), room| {
            let mut buckets = Vec::with_capacity(members.len());
            let mut forced = false;
            room.cost += steps * members.len() * 2;
            for (step, out) in out.iter_mut().enumerate() {
                buckets.clear();
                let all = members.iter().map(|(le, at)| (*le, self.columns.column(*at)[step]));
                buckets.extend(all.filter(|(_, count)| !absent(*count)));
                merge_equal_bounds(&mut buckets);
                if !buckets.is_empty() {
                    let (value, mended) = kernel(step, &mut buckets);
                    *out = value;
                    forced |= mended;
                }
            }
            Ok(forced)
        })?;
        for ((labels, _), _) in self.all.iter().zip(forced).filter(|(_, forced)| *forced) {
            query.info(&format!(
                "input to histogram_quantile needed to be fixed for monotonicity{} {}",
                named(labels),
                query.argument(function, argument)
            ));
        }
        let labels: Vec<Labels> = self.all.iter().map(|(labels, _)| labels.clone()).collect();
        Ok(Columns { drop_name: vec![true; labels.len()], labels, values, steps })
    }
}

fn named(labels: &Labels) -> String {
    match labels.name() {
        "" => String::new(),
        name => format!(" for metric name {name:?}"),
    }
}

fn merge_equal_bounds(buckets: &mut Buckets) {
    buckets.dedup_by(|next, kept| {
        #[expect(clippy::float_cmp, reason = "bounds are equal as numbers")]
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}

/// The quantile; whether counts had to be made monotonic.
fn quantile(q: f64, buckets: &mut Buckets) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    let complete = buckets.last().is_some_and(|last| last.0 == f64::INFINITY);
    if !complete {
        return (f64::NAN, false);
    }
    let forced = monotonic(buckets);
    let total = buckets[buckets.len() - 1].1;
    if buckets.len() < 2 || total == 0.0 || total.is_nan() {
        return (f64::NAN, false);
    }
    let mut rank = q * total;
    let last = buckets.len() - 1;
    let at = buckets[..last].iter().position(|bucket| bucket.1 >= rank).unwrap_or(last);
    if at == last {
        return (buckets[last - 1].0, forced);
    }
    let (end, mut count) = buckets[at];
    if at == 0 && end <= 0.0 {
        return (end, forced);
    }
    let mut start = 0.0;
    if at > 0 {
        start = buckets[at - 1].0;
        count -= buckets[at - 1].1;
        rank -= buckets[at - 1].1;
    }
    (start + (end - start) * (rank / count), forced)
}

/// Makes counts ascend; differences of float noise are mended without a word.
fn monotonic(buckets: &mut Buckets) -> bool {
    let mut forced = false;
    let mut previous = buckets[0].1;
    for bucket in &mut buckets[1..] {
        let current = bucket.1;
        let noise = (current - previous).abs() <= 1e-12 * current.abs().min(previous.abs());
        if noise {
            bucket.1 = previous;
        } else if current < previous {
            forced = true;
            bucket.1 = previous;
        } else {
            previous = current;
        }
    }
    forced
}

/// The share of observations between two bounds.
fn fraction(lower: f64, upper: f64, buckets: &mut Buckets) -> f64 {
    let complete = buckets.last().is_some_and(|last| last.0 == f64::INFINITY);
    if !complete {
        return f64::NAN;
    }
    monotonic(buckets);
    let total = buckets[buckets.len() - 1].1;
    if total == 0.0 || total.is_nan() || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    // The first bucket has no lower bound to interpolate from: a bound within it counts nothing of it.
    let (first, count) = buckets[0];
    let cuts_first = first <= 0.0 && lower > f64::NEG_INFINITY && lower < first;
    let below = if cuts_first { count } else { rank(lower, buckets) };
    (rank(upper, buckets) - below).max(0.0) / total
}

/// How many observations lie at or below a value.
fn rank(value: f64, buckets: &Buckets) -> f64 {
    let last = buckets.len() - 1;
    if value == f64::NEG_INFINITY {
        return 0.0;
    }
    let at = buckets.iter().position(|bucket| bucket.0 >= value).unwrap_or(last);
    let (end, count) = buckets[at];
    let (start, before) = match at.checked_sub(1) {
        Some(previous) => buckets[previous],
        None if end > 0.0 => (0.0, 0.0),
        None => (f64::NEG_INFINITY, 0.0),
    };
    if value >= end {
        return count;
    }
    if end.is_infinite() || value <= start || start.is_infinite() {
        return before;
    }
    before + (count - before) * ((value - start) / (end - start))
}
