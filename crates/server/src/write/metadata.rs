//! Type, help and unit of metrics as senders gave them, in memory: senders repeat them.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// Bytes of a help or unit that are kept.
const LONGEST: usize = 1024;

/// What is known of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) kind: &'static str,
    pub(crate) help: String,
    pub(crate) unit: String,
}

/// Metrics by name. Beyond the limit new ones are not kept.
#[derive(Debug)]
pub(crate) struct Metadata {
    most: usize,
    known: RwLock<BTreeMap<String, Described>>,
}

impl Metadata {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, known: RwLock::default() }
    }

    /// Keeps what is said about a metric; the newest word counts.
    pub(crate) fn describe(&self, name: &str, kind: &'static str, help: &str, unit: &str) {
        let same = |known: &Described| {
            (known.kind, known.help.as_str(), known.unit.as_str()) == (kind, cut(help), cut(unit))
        };
        let is_known = |known: &BTreeMap<_, _>| known.get(name).is_some_and(same);
        if name.len() > LONGEST
            || is_known(&self.known.read().unwrap_or_else(PoisonError::into_inner))
        {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < self.most || known.contains_key(name) {
            let described =
                Described { kind, help: cut(help).to_owned(), unit: cut(unit).to_owned() };
            known.insert(name.to_owned(), described);
        }
    }

    /// Keeps the type of a metric, as a page gives it.
    pub(crate) fn typed(&self, name: &str, kind: &'static str) {
        let known = self.one(name);
        let (help, unit) = known.map_or_else(Default::default, |known| (known.help, known.unit));
        self.describe(name, kind, &help, &unit);
    }

    /// Keeps the help of a metric, as a page gives it.
    pub(crate) fn helped(&self, name: &str, help: &str) {
        let known = self.one(name);
        let (kind, unit) =
            known.map_or(("unknown", String::new()), |known| (known.kind, known.unit));
        self.describe(name, kind, help, &unit);
    }

    fn one(&self, name: &str) -> Option<Described> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Up to `limit` metrics by name; one alone if it is named.
    pub(crate) fn list(&self, name: &str, limit: usize) -> Vec<(String, Described)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let chosen = known.iter().filter(|(known, _)| name.is_empty() || *known == name);
        chosen.take(limit).map(|(name, described)| (name.clone(), described.clone())).collect()
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// The word for a type: of the text format, or of remote write's enumeration in its order.
pub(crate) fn kind_named(name: &str) -> &'static str {
    KINDS.iter().find(|kind| **kind == name).copied().unwrap_or("unknown")
}

/// See [`kind_named`].
pub(crate) fn kind_numbered(number: i64) -> &'static str {
    usize::try_from(number).ok().and_then(|at| KINDS.get(at)).copied().unwrap_or("unknown")
}

/// `MetricMetadata.MetricType`, by number.
const KINDS: [&str; 8] =
    ["unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_word_counts_and_the_limit_holds() {
        let metadata = Metadata::new(2);
        metadata.describe("a", "gauge", "first", "");
        metadata.describe("b", "counter", &"가".repeat(LONGEST), "s");
        metadata.describe("c", "gauge", "one too many", "");
        metadata.describe("a", "gauge", "second", "");
        let all = metadata.list("", 10);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].1.help, "second");
        assert!(all[1].1.help.len() <= LONGEST);
        assert_eq!(metadata.list("b", 10).len(), 1);
        assert_eq!(metadata.list("", 1).len(), 1);
        assert_eq!(
            (kind_named("gauge"), kind_numbered(1), kind_numbered(99)),
            ("gauge", "counter", "unknown")
        );
    }
}
