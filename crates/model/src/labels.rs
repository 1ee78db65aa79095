//! A set of labels in one allocation: what identifies a series, from the body it came in to the
//! answer it stands in.

use std::fmt;
use std::sync::Arc;

/// The name of the label that holds the metric's name.
pub const NAME: &str = "__name__";

/// Longest name of a label, in bytes: its length is stored in two characters of seven bits.
pub const MAX_NAME: usize = (1 << 14) - 1;
/// Longest value of a label, in bytes: its length is stored in three characters of seven bits.
pub const MAX_VALUE: usize = (1 << 21) - 1;

/// Labels sorted by name, each name once, none with an empty value: absent and empty are the same.
///
/// Cheap to clone, to hash and to compare for equality. The order is Prometheus's: pair by pair,
/// name before value.
// One `str`: per label two characters of length and the name, three of length and the value. Seven
// bits to a character keep it text, so that no reading of it has to be checked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<str>);

impl Default for Labels {
    fn default() -> Self {
        Self("".into())
    }
}

impl Labels {
    /// Sorts; drops empty values; of a name given twice the last value stays. Names and values
    /// longer than [`MAX_NAME`] and [`MAX_VALUE`] are cut at a character.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut all: Vec<(N, V)> = pairs.into_iter().collect();
        all.sort_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
        let mut builder = Builder::default();
        for (at, (name, value)) in all.iter().enumerate() {
            let again = all.get(at + 1).is_some_and(|next| next.0.as_ref() == name.as_ref());
            if !again {
                builder.push(name.as_ref(), value.as_ref());
            }
        }
        builder.finish()
    }

    /// The value of a label; empty where it is absent.
    pub fn get(&self, name: &str) -> &str {
        // Asked of every series of a query: only lengths are read of the labels that are passed over.
        let bytes = self.0.as_bytes();
        let length = |at: usize, characters: usize| {
            let all = bytes[at..at + characters].iter().rev();
            all.fold(0, |sum, byte| sum << 7 | usize::from(*byte))
        };
        let mut at = 0;
        while at < bytes.len() {
            let value = at + 2 + length(at, 2);
            let end = value + 3 + length(value, 3);
            if bytes[at + 2..value] == *name.as_bytes() {
                return &self.0[value + 3..end];
            }
            at = end;
        }
        ""
    }

    /// The metric's name; empty where there is none.
    pub fn name(&self) -> &str {
        self.get(NAME)
    }

    /// All labels by name.
    pub fn iter(&self) -> Iter<'_> {
        Iter(&self.0)
    }

    /// How many labels.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Is there no label?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With this label; without it where the value is empty.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        Self::new(self.iter().chain([(name, value)]))
    }

    /// Those whose name passes.
    #[must_use]
    pub fn keep(&self, passes: impl Fn(&str) -> bool) -> Self {
        let mut builder = Builder::default();
        self.iter().filter(|(name, _)| passes(name)).for_each(|(n, v)| builder.push(n, v));
        builder.finish()
    }

    /// Bytes that this set holds on the heap.
    pub fn bytes(&self) -> usize {
        self.0.len() + 2 * size_of::<usize>()
    }
}

/// Builds [`Labels`] from pairs that come in order of their names, without sorting.
#[derive(Debug, Default)]
pub struct Builder(String);

impl Builder {
    /// Appends a label. Its name has to be greater than that of the label before: that is the
    /// caller's part. An empty value appends nothing.
    pub fn push(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let (name, value) = (cut(name, MAX_NAME), cut(value, MAX_VALUE));
        self.0.reserve(name.len() + value.len() + 5);
        length(&mut self.0, name.len(), 2);
        self.0.push_str(name);
        length(&mut self.0, value.len(), 3);
        self.0.push_str(value);
    }

    /// The labels so far; the builder is empty again and keeps its room.
    pub fn take(&mut self) -> Labels {
        let labels = Labels(self.0.as_str().into());
        self.0.clear();
        labels
    }

    /// The labels.
    pub fn finish(self) -> Labels {
        Labels(self.0.into())
    }
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// A length as `characters` of seven bits each, least first.
fn length(into: &mut String, length: usize, characters: u32) {
    for at in 0..characters {
        into.push(char::from(u8::try_from(length >> (7 * at) & 0x7f).unwrap_or(0)));
    }
}

/// Labels by name, see [`Labels::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a>(&'a str);

impl<'a> Iter<'a> {
    fn part(&mut self, characters: usize) -> Option<&'a str> {
        let bytes = self.0.as_bytes().get(..characters)?;
        let length = bytes.iter().rev().fold(0, |sum, byte| sum << 7 | usize::from(*byte));
        let part = self.0.get(characters..characters + length)?;
        self.0 = &self.0[characters + length..];
        Some(part)
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.part(2)?, self.part(3)?))
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // Labels of one metric begin alike: skip the pairs that are the same byte for byte.
        let alike = self.0.bytes().zip(other.0.bytes()).take_while(|(a, b)| a == b).count();
        let (mut rest, mut at) = (self.iter(), 0);
        while rest.next().is_some() && self.0.len() - rest.0.len() <= alike {
            at = self.0.len() - rest.0.len();
        }
        Iter(&self.0[at..]).cmp(Iter(&other.0[at..]))
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// As PromQL writes a series: `name{label="value"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let rest: Vec<_> = self.iter().filter(|(name, _)| *name != NAME).collect();
        if rest.is_empty() && !self.name().is_empty() {
            return Ok(());
        }
        let pairs: Vec<_> = rest.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
        write!(f, "{{{}}}", pairs.join(", "))
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Labels, MAX_VALUE};

    #[test]
    fn labels_are_sorted_and_empty_ones_dropped() {
        let labels = Labels::new([("gpu", "0"), ("__name__", "up"), ("pod", ""), ("gpu", "1")]);
        assert_eq!(labels.to_string(), r#"up{gpu="1"}"#);
        assert_eq!((labels.get("gpu"), labels.get("pod"), labels.get("zz")), ("1", "", ""));
        assert_eq!(labels.with("gpu", "").to_string(), "up");
        assert_eq!(Labels::default().to_string(), "{}");
    }

    #[test]
    fn an_overlong_value_is_cut_at_a_character() {
        let labels = Labels::new([("a", "가".repeat(MAX_VALUE / 3 + 1))]);
        assert_eq!(labels.get("a").len(), MAX_VALUE / 3 * 3);
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order(pairs in prop::collection::btree_map(".{0,40}", ".{1,300}", 0..9)) {
            let labels = Labels::new(&pairs);
            let out: Vec<_> = labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
            for (name, value) in &pairs {
                prop_assert_eq!(labels.get(name), value.as_str());
            }
            prop_assert_eq!(labels.get("no such label, longer than forty characters"), "");
            prop_assert_eq!(out, pairs.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn the_order_is_that_of_the_pairs(a in prop::collection::btree_map("[a-c]{1,2}", "[a-c]{1,2}", 0..3),
                                          b in prop::collection::btree_map("[a-c]{1,2}", "[a-c]{1,2}", 0..3)) {
            let (left, right) = (Labels::new(&a), Labels::new(&b));
            prop_assert_eq!(left.cmp(&right), a.iter().cmp(b.iter()));
            prop_assert_eq!(left == right, a == b);
        }
    }
}
