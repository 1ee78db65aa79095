//! What nodes find wrong with sessions, allocations and devices: the series `gpu_*_finding`.
//!
//! A series' labels are read once; whether it still holds is asked with every tick. The sentence
//! and the remedy belong to whoever shows a finding.

use std::collections::{BTreeSet, HashMap};

use model::labels::Labels;

use super::dict::Dict;
use super::fleet::Fleet;
use super::known::Cell;

/// What one series says.
#[derive(Debug)]
pub(super) struct Finding {
    /// Its name, a number of the dictionary of findings.
    pub(super) kind: u32,
    /// The place of the GPU that it is about.
    pub(super) gpu: u32,
    /// Whose session or allocation; 0 where it is about the device.
    pub(super) holder: u32,
    /// Id of the session that it is about; empty where it is about none.
    session: Box<str>,
}

/// All series that say something, and which of them hold.
#[derive(Debug, Default)]
pub(super) struct Found {
    known: Vec<Finding>,
    /// Holders by allocation.
    holders: HashMap<Box<str>, u32>,
    /// Newest samples of this tick, by position in `known`.
    said: Vec<(u32, Cell)>,
    /// What holds now.
    now: Vec<u32>,
}

impl Found {
    /// How many were ever seen.
    pub(super) fn len(&self) -> usize {
        self.known.len().max(self.holders.len())
    }

    /// A tick begins.
    pub(super) fn begin(&mut self) {
        self.said.clear();
    }

    pub(super) fn say(&mut self, finding: u32, cell: Cell) {
        self.said.push((finding, cell));
    }

    pub(super) fn allocated(&mut self, allocation: &str, holder: u32) {
        self.holders.insert(allocation.into(), holder);
    }

    /// Those that hold now.
    pub(super) fn now(&self) -> impl Iterator<Item = &Finding> {
        self.now.iter().filter_map(|at| self.known.get(*at as usize))
    }
}

impl Fleet {
    /// The number of a finding, from the labels of its series.
    pub(super) fn finding(&mut self, gpu: u32, labels: &Labels) -> Option<u32> {
        let kind = self.dicts.number(Dict::Finding, labels.get("finding"));
        let session: Box<str> = labels.get("session").into();
        let of_session = self.sessions.find(&session).and_then(|place| self.sessions.get(place));
        let holder = match of_session {
            Some(session) => session.holder,
            None => self.found.holders.get(labels.get("allocation")).copied().unwrap_or(0),
        };
        self.found.known.push(Finding { kind, gpu, holder, session });
        u32::try_from(self.found.known.len() - 1).ok()
    }

    /// Keeps what holds now, and writes to each session what is found about it.
    pub(super) fn settle_findings(&mut self) {
        let said = std::mem::take(&mut self.found.said);
        let holds = said.iter().filter(|(_, cell)| self.current(*cell) == Some(1.0));
        self.found.now = holds.map(|(at, _)| *at).collect();
        let mut names: HashMap<u32, BTreeSet<&str>> = HashMap::new();
        for finding in self.found.now().filter(|of| !of.session.is_empty()) {
            if let Some(place) = self.sessions.find(&finding.session) {
                let name = self.dicts.text(Dict::Finding, finding.kind);
                names.entry(place).or_default().insert(name);
            }
        }
        let joined: HashMap<u32, String> = names
            .into_iter()
            .map(|(place, names)| (place, names.into_iter().collect::<Vec<_>>().join(",")))
            .collect();
        for place in 0..u32::try_from(self.sessions.end()).unwrap_or(u32::MAX) {
            let text = joined.get(&place).map_or("", String::as_str);
            let number = self.dicts.number(Dict::Finding, text);
            if let Some(session) = self.sessions.get_mut(place) {
                session.finding = number;
            }
        }
    }
}
