//! Names, values and label sets: what there is to ask for.
//!
//! A series of the head is listed where one of its chunks, or its tail, reaches into the range. A
//! block's names and values are listed whole, as Prometheus does; of its series, those with a sample.

use std::cell::RefCell;
use std::collections::BTreeSet;

use model::labels::Labels;
use model::series::{Matcher, SourceError};

use crate::head::Head;
use crate::matching::{self, Index};
use crate::outcome::Listing;
use crate::store::Store;

impl Store {
    /// Names of labels of the series that pass every matcher (none: of all) and may have samples
    /// from `from_ms` to `to_ms`.
    ///
    /// # Errors
    /// None so far: what is damaged is missing, and named by [`Store::maintain`].
    pub fn label_names(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Listing<String>, SourceError> {
        self.gather(from_ms, to_ms, limit, |index, has, into| names(index, has, matchers, into))
    }

    /// Values of a label, as [`Store::label_names`].
    ///
    /// # Errors
    /// None so far: what is damaged is missing, and named by [`Store::maintain`].
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Listing<String>, SourceError> {
        self.gather(from_ms, to_ms, limit, |index, has, into| {
            values(index, has, name, matchers, into);
        })
    }

    /// Label sets of series, as [`Store::label_names`].
    ///
    /// # Errors
    /// None so far: what is damaged is missing, and named by [`Store::maintain`].
    pub fn series(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Listing<Labels>, SourceError> {
        let found = self.find(matchers, from_ms, to_ms);
        let within = found.iter().filter(|series| series.within(from_ms, to_ms));
        let mut items: Vec<Labels> = within.map(model::series::Series::labels).collect();
        items.sort_unstable();
        let more = items.len() > limit;
        items.truncate(limit);
        Ok(Listing { items, more })
    }

    fn gather(
        &self,
        from: i64,
        to: i64,
        limit: usize,
        mut each: impl FnMut(&dyn Index, &dyn Fn(u32) -> bool, &mut BTreeSet<String>),
    ) -> Result<Listing<String>, SourceError> {
        let held = self.hold(from, to);
        let mut all = BTreeSet::new();
        {
            let index = self.head.index();
            let within = Within::new(&self.head, index.room(), (from, to));
            each(&*index, &|slot| within.has(slot), &mut all);
        }
        for index in held.indexes.iter().flatten() {
            each(&**index, &|_| true, &mut all);
        }
        let more = all.len() > limit;
        Ok(Listing { items: all.into_iter().take(limit).collect(), more })
    }
}

/// Which series of the head reach into a range; each is looked at once.
struct Within<'a> {
    head: &'a Head,
    range: (i64, i64),
    known: RefCell<Vec<Option<bool>>>,
}

impl<'a> Within<'a> {
    fn new(head: &'a Head, room: usize, range: (i64, i64)) -> Self {
        Self { head, range, known: RefCell::new(vec![None; room]) }
    }

    fn has(&self, slot: u32) -> bool {
        let look = || self.head.with(slot, |data| data.reaches(self.range)) == Some(true);
        match self.known.borrow_mut().get_mut(slot as usize) {
            Some(known) => *known.get_or_insert_with(look),
            None => false,
        }
    }
}

fn add(into: &mut BTreeSet<String>, text: &str) {
    if !into.contains(text) {
        into.insert(text.to_owned());
    }
}

fn names(
    index: &dyn Index,
    has: &dyn Fn(u32) -> bool,
    matchers: &[Matcher],
    into: &mut BTreeSet<String>,
) {
    let pairs = index.pairs();
    let some = |pair: &u32| index.with(*pair).iter().any(|series| has(*series));
    if matchers.is_empty() {
        let held = pairs.names().filter(|(name, _)| pairs.of_name(*name).iter().any(some));
        return held.for_each(|(_, name)| add(into, name));
    }
    let mut seen = vec![false; pairs.name_room()];
    for series in matching::select(index, matchers).into_iter().filter(|series| has(*series)) {
        for pair in index.pairs_of(series) {
            let name = pairs.name_of(*pair);
            if !std::mem::replace(&mut seen[name as usize], true) {
                add(into, pairs.texts(*pair).0);
            }
        }
    }
}

fn values(
    index: &dyn Index,
    has: &dyn Fn(u32) -> bool,
    name: &str,
    matchers: &[Matcher],
    into: &mut BTreeSet<String>,
) {
    let pairs = index.pairs();
    let Some(name) = pairs.name(name) else { return };
    let some = |pair: &&u32| index.with(**pair).iter().any(|series| has(*series));
    if matchers.is_empty() {
        let held = pairs.of_name(name).iter().filter(some);
        return held.for_each(|pair| add(into, pairs.value(*pair)));
    }
    let mut seen = vec![false; pairs.room()];
    for series in matching::select(index, matchers).into_iter().filter(|series| has(*series)) {
        let pair = index.pairs_of(series).iter().find(|pair| pairs.name_of(**pair) == name);
        if let Some(pair) = pair
            && !std::mem::replace(&mut seen[*pair as usize], true)
        {
            add(into, pairs.value(*pair));
        }
    }
}

#[cfg(test)]
mod tests;
