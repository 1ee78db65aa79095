//! Dictionaries of texts: a column holds the number of a text. They only grow, so that a number
//! once sent stays true.

use std::collections::HashMap;
use std::sync::Arc;

/// Which dictionary; the discriminant is its place in [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dict {
    Node,
    State,
    Model,
    Driver,
    Profile,
    Kind,
    Type,
    Problem,
    Holder,
    User,
    Namespace,
    Pod,
    Container,
    Workload,
    Command,
    SlurmJob,
    Finding,
}

/// Names in the snapshot.
pub(super) const NAMES: [&str; 17] = [
    "node",
    "state",
    "model",
    "driver",
    "profile",
    "kind",
    "type",
    "problem",
    "holder",
    "user",
    "namespace",
    "pod",
    "container",
    "workload",
    "command",
    "slurm_job",
    "finding",
];

/// From this one on, number 0 is the empty text.
const FIRST_WITH_EMPTY: usize = Dict::Problem as usize;

/// The texts of all dictionaries.
pub(super) type Texts = Arc<[Vec<Arc<str>>; NAMES.len()]>;

/// All dictionaries.
#[derive(Debug)]
pub(super) struct Dicts {
    texts: [Vec<Arc<str>>; NAMES.len()],
    numbers: [HashMap<Arc<str>, u32>; NAMES.len()],
}

impl Dicts {
    /// With the states known, and the empty text where there may be none.
    pub(super) fn new(states: &[&str]) -> Self {
        let mut dicts = Self {
            texts: std::array::from_fn(|_| Vec::new()),
            numbers: std::array::from_fn(|_| HashMap::new()),
        };
        for state in states {
            dicts.number(Dict::State, state);
        }
        for place in FIRST_WITH_EMPTY..NAMES.len() {
            dicts.intern(place, "");
        }
        dicts
    }

    /// The number of a text, which is added if it is new.
    pub(super) fn number(&mut self, dict: Dict, text: &str) -> u32 {
        self.intern(dict as usize, text)
    }

    fn intern(&mut self, place: usize, text: &str) -> u32 {
        if let Some(number) = self.numbers[place].get(text) {
            return *number;
        }
        let shared: Arc<str> = text.into();
        let number = u32::try_from(self.texts[place].len()).unwrap_or(u32::MAX);
        self.texts[place].push(Arc::clone(&shared));
        self.numbers[place].insert(shared, number);
        number
    }

    pub(super) fn text(&self, dict: Dict, number: u32) -> &str {
        self.texts[dict as usize].get(number as usize).map_or("", |text| text)
    }

    /// All texts for a frame: those of the frame before where nothing was added.
    pub(super) fn shared(&self, before: Option<&Texts>) -> Texts {
        let same = |before: &&Texts| {
            before.iter().zip(&self.texts).all(|(old, new)| old.len() == new.len())
        };
        before.filter(same).map_or_else(|| Arc::new(self.texts.clone()), Arc::clone)
    }

    /// How many texts the largest has.
    pub(super) fn largest(&self) -> usize {
        self.texts.iter().map(Vec::len).max().unwrap_or(0)
    }
}
