//! What was read of blocks and may be asked for again: indexes, groups of series, columns of times,
//! unpacked. Bounded by bytes; what was not used for longest goes first.

use std::sync::{Arc, Mutex};

use hashbrown::HashMap;

use crate::block::{BlockIndex, Group};
use crate::lock::lock;

/// What is kept, and of which part of which block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Index,
    Group(u32),
    Times(u32),
}

/// One thing that is kept.
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    Index(Arc<BlockIndex>),
    Group(Arc<Group>),
    Times(Arc<Vec<Vec<i64>>>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Cache {
    most: usize,
    kept: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    entries: HashMap<(u64, What), Entry>,
    bytes: usize,
    tick: u64,
}

#[derive(Debug)]
struct Entry {
    kept: Kept,
    bytes: usize,
    used: u64,
}

impl Cache {
    /// Keeps at most so many bytes, and the one thing that was asked for last.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// What is kept of a block.
    pub(crate) fn get(&self, block: u64, what: What) -> Option<Kept> {
        let mut shelf = lock(&self.kept);
        shelf.tick += 1;
        let tick = shelf.tick;
        let entry = shelf.entries.get_mut(&(block, what))?;
        entry.used = tick;
        Some(entry.kept.clone())
    }

    /// Keeps something.
    pub(crate) fn put(&self, block: u64, what: What, kept: Kept, bytes: usize) {
        let mut shelf = lock(&self.kept);
        shelf.tick += 1;
        let entry = Entry { kept, bytes, used: shelf.tick };
        shelf.bytes += bytes;
        if let Some(old) = shelf.entries.insert((block, what), entry) {
            shelf.bytes -= old.bytes;
        }
        if shelf.bytes > self.most {
            shelf.make_room(self.most);
        }
    }

    /// Forgets a block.
    pub(crate) fn forget(&self, block: u64) {
        let mut shelf = lock(&self.kept);
        shelf.entries.retain(|(of, _), _| *of != block);
        shelf.bytes = shelf.entries.values().map(|entry| entry.bytes).sum();
    }

    /// Bytes kept.
    pub(crate) fn bytes(&self) -> usize {
        lock(&self.kept).bytes
    }
}

impl Shelf {
    /// Drops the older part, a quarter more than has to go, so that this is rare.
    fn make_room(&mut self, most: usize) {
        let mut by_age: Vec<_> = self.entries.iter().map(|(at, e)| (e.used, *at)).collect();
        by_age.sort_unstable_by_key(|(used, _)| *used);
        by_age.pop();
        for (_, at) in by_age {
            if self.bytes <= most / 4 * 3 {
                break;
            }
            if let Some(entry) = self.entries.remove(&at) {
                self.bytes -= entry.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Cache, Kept, What};

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let cache = Cache::new(100);
        let empty = || Kept::Times(Arc::new(Vec::new()));
        for block in 0..4 {
            cache.put(block, What::Index, empty(), 25);
        }
        assert!(cache.get(0, What::Index).is_some());
        cache.put(9, What::Index, empty(), 25);
        assert!(cache.get(0, What::Index).is_some());
        assert!(cache.get(1, What::Index).is_none());
        assert!(cache.bytes() <= 75);
        cache.forget(0);
        assert!(cache.get(0, What::Index).is_none());
    }
}
