//! A sorted set of labels. An absent label and an empty one are the same.

use std::fmt;
use std::sync::Arc;

/// The name of the label that holds the metric's name.
pub(crate) const NAME: &str = "__name__";

/// Bytes of a query's strings that are no UTF-8 stand as characters from here on, in a private plane.
pub(crate) const NO_TEXT: u32 = 0x0010_ff00;

/// A label name as Prometheus quotes it, if it cannot be one.
pub(crate) fn invalid_name(name: &str) -> Option<String> {
    let byte = |c: char| u32::from(c).checked_sub(NO_TEXT).filter(|byte| *byte <= 0xff);
    if !name.is_empty() && !name.chars().any(|c| byte(c).is_some()) {
        return None;
    }
    let quoted = name.chars().map(|c| match byte(c) {
        Some(byte) => format!("\\x{byte:02x}"),
        None => c.escape_debug().to_string(),
    });
    Some(format!("\"{}\"", quoted.collect::<String>()))
}

/// Labels sorted by name, each name once, no empty value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Vec<(Arc<str>, Arc<str>)>);

impl Labels {
    /// Sorts and drops empty values.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut all: Vec<_> = pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        all.retain(|(_, value): &(Arc<str>, Arc<str>)| !value.is_empty());
        all.sort();
        all.dedup_by(|a, b| a.0 == b.0);
        Self(all)
    }

    /// The value of a label; empty where it is absent.
    pub fn get(&self, name: &str) -> &str {
        match self.0.binary_search_by(|(n, _)| (**n).cmp(name)) {
            Ok(at) => &self.0[at].1,
            Err(_) => "",
        }
    }

    /// All labels by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (&**n, &**v))
    }

    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.0.binary_search_by(|(n, _)| (**n).cmp(name)) {
            Ok(at) if value.is_empty() => {
                self.0.remove(at);
            }
            Ok(at) => self.0[at].1 = value.into(),
            Err(_) if value.is_empty() => {}
            Err(at) => self.0.insert(at, (name.into(), value.into())),
        }
    }

    pub(crate) fn without_name(&self) -> Self {
        self.without(&[])
    }

    pub(crate) fn keep(&self, names: &[String]) -> Self {
        Self(self.0.iter().filter(|(n, _)| names.iter().any(|k| **k == **n)).cloned().collect())
    }

    /// All but these and the metric's name.
    pub(crate) fn without(&self, names: &[String]) -> Self {
        let dropped = |n: &str| n == NAME || names.iter().any(|k| k == n);
        Self(self.0.iter().filter(|(n, _)| !dropped(n)).cloned().collect())
    }

    pub(crate) fn remove(&mut self, names: &[String]) {
        self.0.retain(|(n, _)| !names.iter().any(|k| **k == **n));
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs: Vec<_> = self.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
        write!(f, "{{{}}}", pairs.join(", "))
    }
}
