//! The head: the series that get samples now, and their samples of the last hours, in memory.
//!
//! One writer changes it (it holds the store's writer lock); readers come from any thread. The index
//! and each group of series have a lock of their own, held for the time of a lookup or of one
//! series, so that neither side waits for long.

mod chunk;
mod data;
mod frame;
mod index;
#[cfg(test)]
mod tests;

use std::sync::{Arc, RwLock, RwLockReadGuard};

use model::labels::Labels;
use model::series::Samples;

pub(crate) use chunk::Scratch;
pub(crate) use data::Data;
pub(crate) use index::Index;

use crate::hash::Key;
use crate::lock::{read, write};

/// Series of one lock: neighbours come in one body, so a batch takes few locks.
const GROUP: usize = 64;

type Group = Arc<RwLock<Vec<Data>>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Head {
    index: RwLock<Index>,
    groups: RwLock<Vec<Group>>,
}

impl Head {
    pub(crate) fn new(key: Key) -> Self {
        Self { index: RwLock::new(Index::new(key)), groups: RwLock::default() }
    }

    /// Its index, to look something up.
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        read(&self.index)
    }

    /// Adds a series; the caller is the writer, and knows that it is not there.
    pub(crate) fn add(&self, hash: u128, labels: &[(&str, &str)]) -> u32 {
        let labels = labels.iter().copied().filter(|(_, value)| !value.is_empty());
        let slot = write(&self.index).add(hash, labels);
        let wanted = slot as usize / GROUP + 1;
        if read(&self.groups).len() < wanted {
            let empty = || {
                let mut group = Vec::new();
                group.resize_with(GROUP, Data::default);
                Arc::new(RwLock::new(group))
            };
            write(&self.groups).resize_with(wanted, empty);
        }
        slot
    }

    /// From now on these raw bytes mean this series.
    pub(crate) fn name_raw(&self, slot: u32, hash: u128) {
        write(&self.index).name_raw(slot, hash);
    }

    /// Calls `f` with the samples of a slot.
    pub(crate) fn with<T>(&self, slot: u32, f: impl FnOnce(&Data) -> T) -> Option<T> {
        let groups = read(&self.groups);
        let group = read(groups.get(slot as usize / GROUP)?);
        group.get(slot as usize % GROUP).map(f)
    }

    /// Calls `f` for each group with the slot of its first series, to change samples.
    pub(crate) fn change_all(&self, mut f: impl FnMut(u32, &mut [Data])) {
        let groups = read(&self.groups);
        for (first, group) in (0u32..).step_by(GROUP).zip(groups.iter()) {
            f(first, &mut write(group));
        }
    }

    /// To change samples of slots as they come.
    pub(crate) fn changer<'a>(&self, groups: &'a Groups<'_>) -> Changer<'a> {
        Changer { groups: &groups.0, held: None }
    }

    /// All groups, as they are now; none is added meanwhile, since the caller is the writer.
    pub(crate) fn groups(&self) -> Groups<'_> {
        Groups(read(&self.groups))
    }

    /// Reads the samples of a range that no cut up to `cut` has written, of the series that had this
    /// id in its slot; nothing where it left.
    pub(crate) fn read(
        &self,
        (slot, id): (u32, u64),
        range: (i64, i64),
        cut: u32,
        scratch: &mut Scratch,
        into: &mut Samples,
    ) {
        // The index is held, so that the slot is not given away meanwhile.
        let index = self.index();
        if index.id(slot) == id {
            self.with(slot, |data| data.read(range, cut, scratch, into));
        }
    }

    /// The newest sample of a range of the series that had this id in its slot; none where it left.
    pub(crate) fn newest(
        &self,
        (slot, id): (u32, u64),
        range: (i64, i64),
        scratch: &mut Scratch,
    ) -> Option<(i64, f64)> {
        let index = self.index();
        let there = index.id(slot) == id;
        there.then(|| self.with(slot, |data| data.newest_in(range, scratch))).flatten().flatten()
    }

    /// Does the series that had this id in its slot reach into a range? Not where it left.
    pub(crate) fn reaches(&self, (slot, id): (u32, u64), range: (i64, i64)) -> bool {
        let index = self.index();
        index.id(slot) == id && self.with(slot, |data| data.reaches(range)) == Some(true)
    }

    /// The labels of the series that had this id in its slot; none where it left.
    pub(crate) fn labels(&self, slot: u32, id: u64) -> Option<Labels> {
        let index = self.index();
        (index.id(slot) == id).then(|| index.labels(slot))
    }

    /// Removes series, by slot, ascending; returns the pairs that went with them.
    pub(crate) fn remove(&self, slots: &[u32]) -> Vec<u32> {
        write(&self.index).remove(slots)
    }
}

/// See [`Head::groups`].
#[derive(Debug)]
pub(crate) struct Groups<'a>(RwLockReadGuard<'a, Vec<Group>>);

/// Holds the lock of the group that was asked for last.
#[derive(Debug)]
pub(crate) struct Changer<'a> {
    groups: &'a [Group],
    held: Option<(usize, std::sync::RwLockWriteGuard<'a, Vec<Data>>)>,
}

impl Changer<'_> {
    /// The samples of a slot.
    #[inline]
    pub(crate) fn data(&mut self, slot: u32) -> Option<&mut Data> {
        let at = slot as usize / GROUP;
        if self.held.as_ref().is_none_or(|(held, _)| *held != at) {
            // The one before is let go first: two at a time could block another in the other order.
            self.held = None;
            self.held = Some((at, write(self.groups.get(at)?)));
        }
        self.held.as_mut()?.1.get_mut(slot as usize % GROUP)
    }
}
