//! Places for things that come and go: a thing keeps its place while it lives, and the place is
//! used again afterwards.

use std::collections::HashMap;

/// Things by place and by key.
#[derive(Debug)]
pub(super) struct Slots<T> {
    held: Vec<Option<(Box<str>, T)>>,
    by_key: HashMap<Box<str>, u32>,
    free: Vec<u32>,
    most: usize,
}

impl<T> Slots<T> {
    /// Holds at most that many.
    pub(super) fn new(most: usize) -> Self {
        Self { held: Vec::new(), by_key: HashMap::new(), free: Vec::new(), most }
    }

    /// Places in use or used before: every place is below this.
    pub(super) fn end(&self) -> usize {
        self.held.len()
    }

    pub(super) fn find(&self, key: &str) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// The place of a key, newly made if need be; `None` where all places are taken.
    pub(super) fn place(&mut self, key: &str, make: impl FnOnce() -> T) -> Option<u32> {
        if let Some(place) = self.find(key) {
            return Some(place);
        }
        let place = match self.free.pop() {
            Some(place) => place,
            None if self.held.len() < self.most => {
                self.held.push(None);
                u32::try_from(self.held.len() - 1).ok()?
            }
            None => return None,
        };
        self.held[place as usize] = Some((key.into(), make()));
        self.by_key.insert(key.into(), place);
        Some(place)
    }

    pub(super) fn get(&self, place: u32) -> Option<&T> {
        self.held.get(place as usize)?.as_ref().map(|(_, thing)| thing)
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.held.get_mut(place as usize)?.as_mut().map(|(_, thing)| thing)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.held).filter_map(|(place, held)| Some((place, &held.as_ref()?.1)))
    }

    pub(super) fn remove(&mut self, place: u32) {
        if let Some((key, _)) = self.held.get_mut(place as usize).and_then(Option::take) {
            self.by_key.remove(&key);
            self.free.push(place);
        }
    }
}
