//! Classic histograms: buckets by their label `le` into quantiles and fractions.

use std::collections::HashMap;

use crate::Labels;
use crate::eval::Context;
use crate::value::{ABSENT, Column, absent};

/// One histogram at one step: upper bounds with cumulative counts.
type Buckets = Vec<(f64, f64)>;

/// Evaluates `kernel` for each histogram of a vector and each step.
pub(crate) fn over_buckets(
    context: &Context<'_>,
    (function, argument): (&str, usize),
    columns: &[Column],
    mut kernel: impl FnMut(usize, &mut Buckets, &Labels) -> f64,
) -> Vec<Column> {
    let mut groups: HashMap<Labels, (bool, Vec<(f64, usize)>)> = HashMap::new();
    for (at, column) in columns.iter().enumerate() {
        let le = column.labels.get("le");
        let Ok(bound) = le.parse::<f64>() else {
            context.warn(&format!(
                "bucket label \"le\" is missing or has a malformed value of {le:?}{} {}",
                named(&column.labels),
                context.argument(function, argument)
            ));
            continue;
        };
        let labels = column.labels.with("le", "");
        let group = groups.entry(labels).or_insert((true, Vec::new()));
        group.1.push((bound, at));
    }
    let mut result = Vec::new();
    for (labels, (drop_name, mut members)) in groups {
        members.sort_by(|a, b| a.0.total_cmp(&b.0));
        let steps = columns[members[0].1].values.len();
        let mut buckets = Vec::with_capacity(members.len());
        let mut values = Vec::with_capacity(steps);
        for step in 0..steps {
            buckets.clear();
            let all = members.iter().map(|(bound, at)| (*bound, columns[*at].values[step]));
            buckets.extend(all.filter(|(_, count)| !absent(*count)));
            merge_equal_bounds(&mut buckets);
            let there = !buckets.is_empty();
            values.push(if there { kernel(step, &mut buckets, &labels) } else { ABSENT });
        }
        result.push(Column { labels, drop_name, values });
    }
    result.sort_by(|a, b| a.labels.cmp(&b.labels));
    result
}

pub(crate) fn named(labels: &Labels) -> String {
    match labels.get("__name__") {
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
pub(crate) fn quantile(q: f64, buckets: &mut Buckets) -> (f64, bool) {
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
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &mut Buckets) -> f64 {
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
