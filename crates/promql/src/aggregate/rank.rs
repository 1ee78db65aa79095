//! Aggregations that keep some series with their own labels: `topk`, `bottomk`, `limitk` and
//! `limit_ratio`.

use std::cmp::Ordering;

use super::Groups;
use crate::Labels;
use crate::error::{QueryError, failed};
use crate::keys::Part;
use crate::query::Query;
use crate::vector::{ABSENT, Columns, Vector, absent};

/// Larger first, NaN last.
pub(crate) fn descending(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(b.total_cmp(&a))
}

/// Smaller first, NaN last.
pub(crate) fn ascending(a: f64, b: f64) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(&b))
}

/// The first so many of each group by the order of `op`, step by step.
pub(super) fn eval<'q>(
    query: &Query<'q>,
    op: &str,
    vector: Vector<'q>,
    part: &Part<'_>,
    counts: &[f64],
) -> Result<Vector<'q>, QueryError> {
    valid(counts)?;
    let columns = vector.columns(query.budget)?;
    let vector = Vector::from(columns.clone());
    let groups = Groups::of(query, &vector, part)?;
    let (members, starts) = groups.members();
    query.budget.hold_values(columns.len(), columns.steps)?;
    let mut kept =
        Columns { values: vec![ABSENT; columns.values.len()], ..Columns::clone(&columns) };
    let mut order = Vec::new();
    let mut candidates = Vec::new();
    for group in 0..groups.len() {
        query.budget.alive()?;
        for (step, count) in counts.iter().enumerate() {
            let value = |member: &usize| columns.values[*member * columns.steps + step];
            candidates.clear();
            let all = members[starts[group]..starts[group + 1]].iter();
            candidates.extend(all.filter(|member| !absent(value(member))));
            let by_value = |a: &usize, b: &usize| match op {
                "topk" => descending(value(a), value(b)).then(a.cmp(b)),
                "bottomk" => ascending(value(a), value(b)).then(a.cmp(b)),
                _ => a.cmp(b),
            };
            best(&mut candidates, count.max(0.0) as usize, by_value);
            for member in &candidates {
                kept.column_mut(*member)[step] = value(member);
            }
            if step == 0 {
                order.extend_from_slice(&candidates);
            }
        }
    }
    let later =
        |at: &usize| absent(kept.column(*at)[0]) && !kept.column(*at).iter().all(|v| absent(*v));
    order.extend((0..columns.len()).filter(later));
    Ok(Vector::from(kept.in_order(&order)))
}

/// The first so many, in order.
fn best(all: &mut Vec<usize>, count: usize, order: impl Fn(&usize, &usize) -> Ordering) {
    if count == 0 {
        all.clear();
    } else if count < all.len() {
        all.select_nth_unstable_by(count - 1, &order);
        all.truncate(count);
    }
    all.sort_unstable_by(order);
}

fn valid(counts: &[f64]) -> Result<(), QueryError> {
    for k in counts {
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

/// The share of all series that a ratio asks for, the same ones every time; below 0 the other ones.
pub(super) fn by_ratio<'q>(
    query: &Query<'q>,
    vector: Vector<'q>,
    ratios: &[f64],
) -> Result<Vector<'q>, QueryError> {
    let mut bounded = Vec::with_capacity(ratios.len());
    for &ratio in ratios {
        if ratio.is_nan() {
            return failed("Ratio value is NaN");
        }
        let capped = ratio.clamp(-1.0, 1.0);
        if capped.to_bits() != ratio.to_bits() {
            let at = query.argument("limit_ratio", 0);
            query.warn(&format!(
                "ratio value should be between -1 and 1, got {ratio}, capping to {capped} {at}"
            ));
        }
        bounded.push(capped);
    }
    let mut columns = Columns::clone(&*vector.columns(query.budget)?);
    for at in 0..columns.len() {
        let offset = hash(&columns.labels[at]) as f64 / u64::MAX as f64;
        for (value, &ratio) in columns.column_mut(at).iter_mut().zip(&bounded) {
            let kept = if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio };
            if !kept {
                *value = ABSENT;
            }
        }
    }
    Ok(Vector::from(columns))
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
