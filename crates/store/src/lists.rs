//! Names, values and label sets: what there is to ask for.

use std::collections::BTreeSet;

use model::labels::Labels;
use model::series::{Matcher, SourceError};

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
        self.gather(from_ms, to_ms, limit, |index, into| names(index, matchers, into))
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
        self.gather(from_ms, to_ms, limit, |index, into| values(index, name, matchers, into))
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
        let mut items: Vec<Labels> =
            self.find(matchers, from_ms, to_ms).iter().map(model::series::Series::labels).collect();
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
        mut each: impl FnMut(&dyn Index, &mut BTreeSet<String>),
    ) -> Result<Listing<String>, SourceError> {
        let held = self.hold(from, to);
        let mut all = BTreeSet::new();
        each(&*self.head.index(), &mut all);
        for index in held.indexes.iter().flatten() {
            each(&**index, &mut all);
        }
        let more = all.len() > limit;
        Ok(Listing { items: all.into_iter().take(limit).collect(), more })
    }
}

fn add(into: &mut BTreeSet<String>, text: &str) {
    if !into.contains(text) {
        into.insert(text.to_owned());
    }
}

fn names(index: &dyn Index, matchers: &[Matcher], into: &mut BTreeSet<String>) {
    let pairs = index.pairs();
    if matchers.is_empty() {
        return pairs.names().for_each(|(_, name)| add(into, name));
    }
    let mut seen = vec![false; pairs.name_room()];
    for series in matching::select(index, matchers) {
        for pair in index.pairs_of(series) {
            let name = pairs.name_of(*pair);
            if !std::mem::replace(&mut seen[name as usize], true) {
                add(into, pairs.texts(*pair).0);
            }
        }
    }
}

fn values(index: &dyn Index, name: &str, matchers: &[Matcher], into: &mut BTreeSet<String>) {
    let pairs = index.pairs();
    let Some(name) = pairs.name(name) else { return };
    if matchers.is_empty() {
        return pairs.of_name(name).iter().for_each(|pair| add(into, pairs.value(*pair)));
    }
    let mut seen = vec![false; pairs.room()];
    for series in matching::select(index, matchers) {
        let pair = index.pairs_of(series).iter().find(|pair| pairs.name_of(**pair) == name);
        if let Some(pair) = pair
            && !std::mem::replace(&mut seen[*pair as usize], true)
        {
            add(into, pairs.value(*pair));
        }
    }
}
