//! What a label set is known by: 128 bits of a keyed hash. With a key that nobody outside knows, two
//! sets that share them do not occur: at a million series the odds are below 1 in 10^26. Labels are
//! therefore not compared again.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use xxhash_rust::xxh3::{xxh3_64_with_secret, xxh3_128_with_secret};

/// Ends a name and a value: no byte of UTF-8.
const END: u8 = 0xff;

/// The key of one store, chosen when it is opened; no hash of it is ever written.
#[derive(Debug, Clone)]
pub(crate) struct Key(Arc<[u8; 192]>);

impl Key {
    /// A key from the system's randomness.
    pub(crate) fn random() -> Self {
        let mut key = [0; 192];
        for part in key.chunks_mut(8) {
            // Each state has keys of its own.
            let word = RandomState::new().hash_one(0u8).to_le_bytes();
            part.copy_from_slice(&word[..part.len()]);
        }
        Self(Arc::new(key))
    }

    /// Of any bytes.
    #[inline]
    pub(crate) fn wide(&self, bytes: &[u8]) -> u128 {
        xxh3_128_with_secret(bytes, &*self.0)
    }

    /// Of any bytes, for tables that compare as well.
    #[inline]
    pub(crate) fn narrow(&self, bytes: &[u8]) -> u64 {
        xxh3_64_with_secret(bytes, &*self.0)
    }

    /// Of labels in order of their names; those with an empty value do not count.
    pub(crate) fn labels<'a>(
        &self,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        scratch: &mut Vec<u8>,
    ) -> u128 {
        scratch.clear();
        for (name, value) in labels.into_iter().filter(|(_, value)| !value.is_empty()) {
            scratch.extend_from_slice(name.as_bytes());
            scratch.push(END);
            scratch.extend_from_slice(value.as_bytes());
            scratch.push(END);
        }
        self.wide(scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn where_a_name_ends_counts() {
        let (key, mut scratch) = (Key::random(), Vec::new());
        let mut of = |labels: &[(&str, &str)]| key.labels(labels.iter().copied(), &mut scratch);
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_eq!(of(&[("a", "b"), ("c", "")]), of(&[("a", "b")]));
    }
}
