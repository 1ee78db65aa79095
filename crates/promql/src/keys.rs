//! What series are grouped and matched by: some of their labels, numbered as they are met. The key
//! is written from the labels as they are; no set of labels is made for it.

use std::collections::HashMap;

use model::labels::{Labels, NAME};
use promql_parser::parser::LabelModifier;

use crate::labels::{only, without};

/// Which labels are part of the key.
pub(crate) enum Part<'a> {
    /// None.
    Nothing,
    /// Those of these names.
    Only(&'a [String]),
    /// All but those of these names and the metric's name.
    Without(&'a [String]),
}

impl<'a> Part<'a> {
    /// By an aggregation's modifier: without one, all is one group.
    pub(crate) fn of_group(modifier: Option<&'a LabelModifier>) -> Self {
        match modifier {
            Some(LabelModifier::Include(by)) if by.labels.is_empty() => Self::Nothing,
            Some(LabelModifier::Include(by)) => Self::Only(&by.labels),
            Some(LabelModifier::Exclude(without)) => Self::Without(&without.labels),
            None => Self::Nothing,
        }
    }

    /// By a binary operator's modifier: without one, all labels.
    pub(crate) fn of_match(modifier: Option<&'a LabelModifier>) -> Self {
        match modifier {
            Some(LabelModifier::Include(on)) => Self::Only(&on.labels),
            Some(LabelModifier::Exclude(ignoring)) => Self::Without(&ignoring.labels),
            None => Self::Without(&[]),
        }
    }

    /// The labels that are part of the key.
    pub(crate) fn labels(&self, labels: &Labels) -> Labels {
        match self {
            Self::Nothing => Labels::default(),
            Self::Only(names) => only(labels, names),
            Self::Without(names) => without(labels, names),
        }
    }

    /// Appends the key: names and values behind their lengths, so that no two sets are written alike.
    pub(crate) fn write(&self, labels: &Labels, into: &mut Vec<u8>) {
        match self {
            Self::Nothing => {}
            Self::Only(names) => names.iter().for_each(|name| text(labels.get(name), into)),
            Self::Without(names) => {
                for (name, value) in labels {
                    if name != NAME && !names.iter().any(|gone| gone == name) {
                        text(name, into);
                        text(value, into);
                    }
                }
            }
        }
    }
}

fn text(text: &str, into: &mut Vec<u8>) {
    into.extend_from_slice(&(text.len() as u32).to_le_bytes());
    into.extend_from_slice(text.as_bytes());
}

/// Numbers for keys, from 0 on.
#[derive(Default)]
pub(crate) struct Numbers {
    by_key: HashMap<Vec<u8>, usize>,
}

impl Numbers {
    /// The number of a key; the next one for a key not met before.
    pub(crate) fn of(&mut self, key: &[u8]) -> usize {
        if let Some(number) = self.by_key.get(key) {
            return *number;
        }
        let number = self.by_key.len();
        self.by_key.insert(key.to_vec(), number);
        number
    }

    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }
}
