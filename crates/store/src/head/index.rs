//! Which series the head has: by their labels, by the raw bytes that they came as, by label pair.

use hashbrown::HashTable;
use model::labels::{Builder, Labels};

use crate::hash::Key;
use crate::matching;
use crate::pairs::Pairs;

/// The series of the head. A series is known by its slot, which is given to another one after it
/// left, and by its id, which is not.
#[derive(Debug)]
pub(crate) struct Index {
    pairs: Pairs,
    /// Slots by pair, ascending.
    lists: Vec<Vec<u32>>,
    series: Vec<Entry>,
    free: Vec<u32>,
    by_labels: HashTable<u32>,
    by_raw: HashTable<u32>,
    next_id: u64,
}

#[derive(Debug)]
struct Entry {
    /// 0: the slot is free.
    id: u64,
    labels_hash: u128,
    /// Of the raw bytes that this series was last added by; 0: of none.
    raw_hash: u128,
    /// In order of the names.
    pairs: Box<[u32]>,
}

/// The part of a hash that a table wants.
#[expect(clippy::cast_possible_truncation, reason = "any 64 bits of it will do")]
fn narrow(hash: u128) -> u64 {
    hash as u64
}

impl Index {
    pub(crate) fn new(key: Key) -> Self {
        Self {
            pairs: Pairs::new(key),
            lists: Vec::new(),
            series: Vec::new(),
            free: Vec::new(),
            by_labels: HashTable::new(),
            by_raw: HashTable::new(),
            next_id: 1,
        }
    }

    /// The slot of the series with these labels.
    pub(crate) fn by_labels(&self, hash: u128) -> Option<u32> {
        let same = |slot: &u32| self.series[*slot as usize].labels_hash == hash;
        self.by_labels.find(narrow(hash), same).copied()
    }

    /// The slot of the series that came as these raw bytes.
    pub(crate) fn by_raw(&self, hash: u128) -> Option<u32> {
        let same = |slot: &u32| self.series[*slot as usize].raw_hash == hash;
        self.by_raw.find(narrow(hash), same).copied()
    }

    /// From now on these raw bytes mean this series.
    pub(crate) fn name_raw(&mut self, slot: u32, hash: u128) {
        self.unname_raw(slot);
        self.series[slot as usize].raw_hash = hash;
        let series = &self.series;
        let again = |slot: &u32| narrow(series[*slot as usize].raw_hash);
        self.by_raw.insert_unique(narrow(hash), slot, again);
    }

    fn unname_raw(&mut self, slot: u32) {
        let old = self.series[slot as usize].raw_hash;
        if old != 0
            && let Ok(entry) = self.by_raw.find_entry(narrow(old), |other| *other == slot)
        {
            entry.remove();
        }
        self.series[slot as usize].raw_hash = 0;
    }

    /// Adds a series by its labels, in order of their names, each once, none empty.
    pub(crate) fn add<'a>(
        &mut self,
        hash: u128,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> u32 {
        let pairs: Box<[u32]> =
            labels.into_iter().map(|(name, value)| self.pairs.intern(name, value)).collect();
        self.lists.resize_with(self.pairs.room(), Vec::new);
        let id = self.next_id;
        self.next_id += 1;
        let entry = Entry { id, labels_hash: hash, raw_hash: 0, pairs };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.series.push(Entry { id: 0, labels_hash: 0, raw_hash: 0, pairs: Box::default() });
            u32::try_from(self.series.len() - 1).unwrap_or(u32::MAX)
        });
        for &pair in &entry.pairs {
            let list = &mut self.lists[pair as usize];
            if list.last().is_none_or(|last| *last < slot) {
                list.push(slot);
            } else if let Err(at) = list.binary_search(&slot) {
                list.insert(at, slot);
            }
        }
        self.series[slot as usize] = entry;
        let series = &self.series;
        let again = |slot: &u32| narrow(series[*slot as usize].labels_hash);
        self.by_labels.insert_unique(narrow(hash), slot, again);
        slot
    }

    /// Removes series by slot, ascending; returns the pairs that went with them.
    pub(crate) fn remove(&mut self, slots: &[u32]) -> Vec<u32> {
        let mut touched: Vec<u32> = Vec::new();
        for &slot in slots {
            self.unname_raw(slot);
            let entry = &mut self.series[slot as usize];
            entry.id = 0;
            touched.extend_from_slice(&std::mem::take(&mut entry.pairs));
            let hash = narrow(entry.labels_hash);
            if let Ok(found) = self.by_labels.find_entry(hash, |other| *other == slot) {
                found.remove();
            }
            self.free.push(slot);
        }
        touched.sort_unstable();
        touched.dedup();
        for &pair in &touched {
            let list = &mut self.lists[pair as usize];
            list.retain(|slot| slots.binary_search(slot).is_err());
            if list.is_empty() {
                *list = Vec::new();
            }
        }
        touched.retain(|pair| self.lists[*pair as usize].is_empty());
        self.pairs.remove(&touched);
        touched
    }

    /// The labels of the series in a slot.
    pub(crate) fn labels(&self, slot: u32) -> Labels {
        let mut builder = Builder::default();
        for (name, value) in self.label_texts(slot) {
            builder.push(name, value);
        }
        builder.finish()
    }

    /// The labels of the series in a slot, by name.
    pub(crate) fn label_texts(&self, slot: u32) -> impl Iterator<Item = (&str, &str)> {
        self.series[slot as usize].pairs.iter().map(|pair| self.pairs.texts(*pair))
    }

    /// What the series in a slot is known by; 0 where there is none.
    pub(crate) fn id(&self, slot: u32) -> u64 {
        self.series.get(slot as usize).map_or(0, |entry| entry.id)
    }

    /// The hash of the labels of the series in a slot.
    pub(crate) fn hash(&self, slot: u32) -> u128 {
        self.series[slot as usize].labels_hash
    }

    /// Pairs of the series in a slot, by name.
    pub(crate) fn pairs_in(&self, slot: u32) -> &[u32] {
        &self.series[slot as usize].pairs
    }

    /// Name and value of a pair.
    pub(crate) fn texts(&self, pair: u32) -> (&str, &str) {
        self.pairs.texts(pair)
    }

    /// Numbers that pairs have, free ones among them.
    pub(crate) fn pair_room(&self) -> usize {
        self.pairs.room()
    }

    /// How many pairs.
    pub(crate) fn pair_count(&self) -> usize {
        self.pairs.len()
    }

    /// Series in it.
    pub(crate) fn len(&self) -> usize {
        self.series.len() - self.free.len()
    }

    /// Slots given so far, free ones among them.
    pub(crate) fn room(&self) -> usize {
        self.series.len()
    }

    /// Slots that hold a series, ascending.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> {
        (0u32..).zip(&self.series).filter(|(_, entry)| entry.id != 0).map(|(slot, _)| slot)
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let lists: usize = self.lists.iter().map(|list| list.capacity() * 4 + 24).sum();
        let series: usize = self.series.iter().map(|entry| entry.pairs.len() * 4 + 16).sum();
        self.pairs.bytes() + lists + series + self.series.capacity() * (size_of::<Entry>() + 10)
    }
}

impl matching::Index for Index {
    fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    fn with(&self, pair: u32) -> &[u32] {
        &self.lists[pair as usize]
    }

    fn pairs_of(&self, series: u32) -> &[u32] {
        &self.series[series as usize].pairs
    }

    fn all(&self) -> Vec<u32> {
        self.slots().collect()
    }
}
