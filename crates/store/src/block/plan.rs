//! Which series a block will have, in the order in which it has them: by metric, then by the other
//! labels, so that what is alike lies together and packs well.

use crate::hash::Key;
use crate::pairs::Pairs;
use model::labels::NAME;

/// Series of a block to be written.
#[derive(Debug)]
pub(crate) struct Plan<K> {
    pairs: Pairs,
    rows: Vec<Row<K>>,
}

#[derive(Debug)]
pub(crate) struct Row<K> {
    /// Numbers of pairs, by name; after [`Plan::finish`] places in its list of pairs.
    pub pairs: Box<[u32]>,
    /// What the writer asks for its samples by.
    pub key: K,
}

/// What a plan comes to: pairs grouped by name, names with the metric's first, values in order.
#[derive(Debug)]
pub(crate) struct Planned<K> {
    pub names: Vec<(String, Vec<String>)>,
    pub rows: Vec<Row<K>>,
}

impl<K> Plan<K> {
    pub(crate) fn new(key: Key) -> Self {
        Self { pairs: Pairs::new(key), rows: Vec::new() }
    }

    /// Adds a series.
    pub(crate) fn add<'a>(&mut self, labels: impl Iterator<Item = (&'a str, &'a str)>, key: K) {
        let pairs = labels.map(|(name, value)| self.pairs.intern(name, value)).collect();
        self.rows.push(Row { pairs, key });
    }

    /// Puts pairs and series in order.
    pub(crate) fn finish(mut self) -> Planned<K> {
        let mut names: Vec<(u32, &str)> = self.pairs.names().collect();
        names.sort_unstable_by_key(|(_, name)| (*name != NAME, *name));
        let mut ranks = vec![0u32; self.pairs.room()];
        let mut rank = 0;
        let mut texts = Vec::with_capacity(names.len());
        for (name, text) in names {
            let mut pairs = self.pairs.of_name(name).to_vec();
            pairs.sort_unstable_by_key(|pair| self.pairs.value(*pair));
            for pair in &pairs {
                ranks[*pair as usize] = rank;
                rank += 1;
            }
            let values = pairs.iter().map(|pair| self.pairs.value(*pair).to_owned()).collect();
            texts.push((text.to_owned(), values));
        }
        for row in &mut self.rows {
            row.pairs.iter_mut().for_each(|pair| *pair = ranks[*pair as usize]);
            row.pairs.sort_unstable();
        }
        self.rows.sort_unstable_by(|a, b| a.pairs.cmp(&b.pairs));
        Planned { names: texts, rows: self.rows }
    }
}
