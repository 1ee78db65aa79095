//! Chance by seed: the same questions in the same order have the same answers.

use crate::noise;

/// A row of draws.
#[derive(Debug, Clone)]
pub(super) struct Dice {
    key: u64,
    drawn: u64,
}

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self { key: seed, drawn: 0 }
    }

    /// The dice of a part, which other parts do not disturb.
    pub(super) const fn of(&self, part: u64) -> Self {
        Self { key: noise::with(self.key, part), drawn: 0 }
    }

    const fn word(&mut self) -> u64 {
        self.drawn += 1;
        noise::with(self.key, self.drawn)
    }

    /// From `low` up to and with `high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(0).cast_unsigned().saturating_add(1);
        low.saturating_add((self.word() % width).cast_signed())
    }

    /// True that often, in per cent.
    pub(super) fn chance(&mut self, per_cent: i64) -> bool {
        self.between(0, 99) < per_cent
    }

    /// One of these.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let last = i64::try_from(of.len()).unwrap_or(1) - 1;
        &of[usize::try_from(self.between(0, last)).unwrap_or(0)]
    }

    /// Letters and digits as Kubernetes makes names of: no vowels, no digits that look like them.
    pub(super) fn suffix(&mut self, length: usize) -> String {
        const OF: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length).map(|_| char::from(*self.pick(OF))).collect()
    }
}
