//! Labels interned: every pair of a name and a value is held once and known by a number, so that a
//! series is a row of numbers and an index is a list per number.

use hashbrown::HashTable;

use crate::hash::Key;

/// Names and values of labels by number.
#[derive(Debug)]
pub(crate) struct Pairs {
    key: Key,
    names: Vec<Name>,
    by_name: HashTable<u32>,
    pairs: Vec<Pair>,
    by_pair: HashTable<u32>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Name {
    text: Box<str>,
    /// Its pairs, in no order.
    pairs: Vec<u32>,
}

#[derive(Debug)]
struct Pair {
    name: u32,
    value: Box<str>,
}

impl Pairs {
    pub(crate) fn new(key: Key) -> Self {
        Self {
            key,
            names: Vec::new(),
            by_name: HashTable::new(),
            pairs: Vec::new(),
            by_pair: HashTable::new(),
            free: Vec::new(),
        }
    }

    fn hash(&self, name: u32, value: &str) -> u64 {
        self.key.narrow(value.as_bytes()) ^ u64::from(name).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// The number of a name.
    pub(crate) fn name(&self, text: &str) -> Option<u32> {
        let hash = self.key.narrow(text.as_bytes());
        self.by_name.find(hash, |name| &*self.names[*name as usize].text == text).copied()
    }

    /// The number of a pair.
    pub(crate) fn pair(&self, name: u32, value: &str) -> Option<u32> {
        let same = |pair: &u32| {
            let pair = &self.pairs[*pair as usize];
            pair.name == name && &*pair.value == value
        };
        self.by_pair.find(self.hash(name, value), same).copied()
    }

    /// The number of a pair, which is made if there is none.
    pub(crate) fn intern(&mut self, name: &str, value: &str) -> u32 {
        let name = self.intern_name(name);
        if let Some(pair) = self.pair(name, value) {
            return pair;
        }
        let new = Pair { name, value: value.into() };
        let number = if let Some(number) = self.free.pop() {
            self.pairs[number as usize] = new;
            number
        } else {
            self.pairs.push(new);
            number(self.pairs.len() - 1)
        };
        self.names[name as usize].pairs.push(number);
        let hash = self.hash(name, value);
        let Self { by_pair, pairs, key, .. } = self;
        let again = |pair: &u32| {
            let pair = &pairs[*pair as usize];
            let name = u64::from(pair.name).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            key.narrow(pair.value.as_bytes()) ^ name
        };
        by_pair.insert_unique(hash, number, again);
        number
    }

    fn intern_name(&mut self, text: &str) -> u32 {
        if let Some(name) = self.name(text) {
            return name;
        }
        self.names.push(Name { text: text.into(), pairs: Vec::new() });
        let name = number(self.names.len() - 1);
        let hash = self.key.narrow(text.as_bytes());
        let Self { by_name, names, key, .. } = self;
        by_name.insert_unique(hash, name, |name| key.narrow(names[*name as usize].text.as_bytes()));
        name
    }

    /// Forgets pairs (ascending) that no series has.
    pub(crate) fn remove(&mut self, gone: &[u32]) {
        for &pair in gone {
            let name = self.pairs[pair as usize].name;
            let hash = self.hash(name, &self.pairs[pair as usize].value);
            if let Ok(entry) = self.by_pair.find_entry(hash, |other| *other == pair) {
                entry.remove();
            }
            self.pairs[pair as usize].value = "".into();
            self.free.push(pair);
        }
        for name in &mut self.names {
            name.pairs.retain(|pair| gone.binary_search(pair).is_err());
        }
    }

    /// Name and value of a pair.
    pub(crate) fn texts(&self, pair: u32) -> (&str, &str) {
        let Pair { name, value } = &self.pairs[pair as usize];
        (&self.names[*name as usize].text, value)
    }

    /// The value of a pair.
    pub(crate) fn value(&self, pair: u32) -> &str {
        &self.pairs[pair as usize].value
    }

    /// The number of a pair's name.
    pub(crate) fn name_of(&self, pair: u32) -> u32 {
        self.pairs[pair as usize].name
    }

    /// All pairs of a name, in no order.
    pub(crate) fn of_name(&self, name: u32) -> &[u32] {
        &self.names[name as usize].pairs
    }

    /// The texts of names that have a pair.
    pub(crate) fn names(&self) -> impl Iterator<Item = (u32, &str)> {
        let some = self.names.iter().enumerate().filter(|(_, name)| !name.pairs.is_empty());
        some.map(|(at, name)| (number(at), &*name.text))
    }

    /// Numbers that names have.
    pub(crate) fn name_room(&self) -> usize {
        self.names.len()
    }

    /// Numbers given so far, free ones among them.
    pub(crate) fn room(&self) -> usize {
        self.pairs.len()
    }

    /// How many pairs.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len() - self.free.len()
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let pairs: usize = self.pairs.iter().map(|pair| pair.value.len() + 16).sum();
        pairs + self.pairs.capacity() * (size_of::<Pair>() + 12)
    }
}

/// A place in a table that has fewer than 2^32.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Pairs;
    use crate::hash::Key;

    #[test]
    fn a_pair_has_one_number_until_it_is_removed() {
        let mut pairs = Pairs::new(Key::random());
        let (a, b, c) = (pairs.intern("x", "1"), pairs.intern("x", "2"), pairs.intern("y", "1"));
        assert_eq!(pairs.intern("x", "2"), b);
        assert_eq!(pairs.texts(c), ("y", "1"));
        pairs.remove(&[b]);
        let x = pairs.name("x").unwrap();
        assert_eq!((pairs.pair(x, "2"), pairs.pair(x, "1")), (None, Some(a)));
        assert_eq!(pairs.of_name(x), [a]);
        assert_eq!((pairs.intern("z", "9"), pairs.len()), (b, 3));
        assert_eq!(pairs.names().map(|(_, name)| name).collect::<Vec<_>>(), ["x", "y", "z"]);
    }
}
