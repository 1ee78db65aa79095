//! Matchers against an index: which series pass all of them. Heads and blocks are the same here.
//!
//! An exact matcher is a list of the index. The others are asked once per value, of the series that
//! are left by then. An absent label has the empty value, as in Prometheus: a matcher that the empty
//! value passes lets series without the label through.

use hashbrown::HashMap;
use model::series::{Matcher, MatcherOp};
use regex_syntax::hir::literal::Extractor;

use crate::pairs::Pairs;

#[cfg(test)]
mod tests;

/// What matchers need of a head or a block. Series are numbers; lists are ascending.
pub(crate) trait Index {
    /// Names and values.
    fn pairs(&self) -> &Pairs;
    /// Series with a pair.
    fn with(&self, pair: u32) -> &[u32];
    /// Pairs of a series.
    fn pairs_of(&self, series: u32) -> &[u32];
    /// All series.
    fn all(&self) -> Vec<u32>;
}

/// Series that pass every matcher, ascending.
pub(crate) fn select(index: &(impl Index + ?Sized), matchers: &[Matcher]) -> Vec<u32> {
    let (exact, mut rest): (Vec<_>, Vec<_>) =
        matchers.iter().partition(|m| matches!(m.op, MatcherOp::Equal) && !m.value.is_empty());
    let mut found = match of_exact(index, &exact) {
        Some(found) => found,
        None => {
            let positive = rest.iter().position(|matcher| !matcher.accepts(""));
            positive.map_or_else(|| index.all(), |at| of_values(index, rest.remove(at)))
        }
    };
    for matcher in rest {
        if found.is_empty() {
            break;
        }
        keep(index, matcher, &mut found);
    }
    found
}

/// Of exact matchers alone; none where there is none.
fn of_exact(index: &(impl Index + ?Sized), exact: &[&Matcher]) -> Option<Vec<u32>> {
    let pairs = index.pairs();
    let list = |matcher: &&Matcher| {
        let pair = pairs.name(&matcher.name).and_then(|name| pairs.pair(name, &matcher.value));
        pair.map_or(&[][..], |pair| index.with(pair))
    };
    let mut lists: Vec<&[u32]> = exact.iter().map(list).collect();
    lists.sort_by_key(|list| list.len());
    let (first, others) = lists.split_first()?;
    let mut found = first.to_vec();
    for other in others {
        intersect(&mut found, other);
    }
    Some(found)
}

/// Keeps what is in the other list too, which is longer.
fn intersect(found: &mut Vec<u32>, other: &[u32]) {
    if found.len() * 16 < other.len() {
        return found.retain(|series| other.binary_search(series).is_ok());
    }
    let mut other = other.iter().copied().peekable();
    found.retain(|series| {
        while other.next_if(|next| next < series).is_some() {}
        other.peek() == Some(series)
    });
}

/// Series whose value of a label passes, of a matcher that the empty value does not pass.
fn of_values(index: &(impl Index + ?Sized), matcher: &Matcher) -> Vec<u32> {
    let pairs = index.pairs();
    let Some(name) = pairs.name(&matcher.name) else { return Vec::new() };
    let accepted: Vec<u32> = match literals(matcher) {
        Some(values) => values.iter().filter_map(|value| pairs.pair(name, value)).collect(),
        None => {
            let all = pairs.of_name(name).iter().copied();
            all.filter(|pair| matcher.accepts(pairs.value(*pair))).collect()
        }
    };
    // No series has two values of one label: the lists share nothing.
    let mut found: Vec<u32> = accepted.iter().flat_map(|pair| index.with(*pair)).copied().collect();
    if accepted.len() > 1 {
        found.sort_unstable();
    }
    found
}

/// The values that an expression accepts, where they are few and no others pass.
fn literals(matcher: &Matcher) -> Option<Vec<String>> {
    let MatcherOp::Matches(_) = matcher.op else { return None };
    let parsed = regex_syntax::Parser::new().parse(&matcher.value).ok()?;
    // An anchor or a word's end within is not part of a literal.
    if !parsed.properties().look_set().is_empty() {
        return None;
    }
    let found = Extractor::new().limit_total(1000).extract(&parsed);
    if !found.is_exact() {
        return None;
    }
    let texts = found.literals()?.iter();
    let mut values: Vec<String> = texts
        .map(|text| String::from_utf8(text.as_bytes().to_vec()).ok())
        .collect::<Option<_>>()?;
    values.sort_unstable();
    values.dedup();
    values.iter().all(|value| matcher.accepts(value)).then_some(values)
}

/// Keeps the series whose value passes.
fn keep(index: &(impl Index + ?Sized), matcher: &Matcher, found: &mut Vec<u32>) {
    let pairs = index.pairs();
    let empty = matcher.accepts("");
    let Some(name) = pairs.name(&matcher.name) else {
        if !empty {
            found.clear();
        }
        return;
    };
    let mut known: HashMap<u32, bool> = HashMap::new();
    found.retain(|series| {
        let pair = index.pairs_of(*series).iter().find(|pair| pairs.name_of(**pair) == name);
        pair.map_or(empty, |pair| {
            *known.entry(*pair).or_insert_with(|| matcher.accepts(pairs.value(*pair)))
        })
    });
}
