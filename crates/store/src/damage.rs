//! Damage that reading came upon. It costs the part that is damaged; it is counted, and named once,
//! in the log of who calls [`crate::Store::maintain`].

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::lock::lock;

/// Places that are told apart; what is beyond is counted only.
const MOST: usize = 1000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Damage(Mutex<Found>);

#[derive(Debug, Default)]
struct Found {
    known: BTreeSet<String>,
    fresh: Vec<String>,
}

impl Damage {
    /// Notes a damaged place, in a sentence.
    pub(crate) fn note(&self, place: String) {
        let mut found = lock(&self.0);
        if found.known.len() < MOST && found.known.insert(place.clone()) {
            found.fresh.push(place);
        }
    }

    /// What was noted since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.0).fresh)
    }

    /// How many places.
    pub(crate) fn places(&self) -> u64 {
        lock(&self.0).known.len() as u64
    }
}
