//! The scenario `fleet-demo`: a fleet of any size, written as a scenario file's text.
//!
//! The first eight machines are always the same and hold every state and everything that can go
//! wrong; further ones are drawn by seed in the proportions of a real fleet, where most things
//! work. Times are set so that the stories are under way when the world has the given age. The
//! text is an ordinary scenario and is checked as one; nothing here knows how it is run.

mod contents;
mod dice;
mod machine;
mod stories;
mod work;

use std::time::Duration;

use dice::Dice;
use machine::Machine;

/// Name of the scenario.
pub const NAME: &str = "fleet-demo";

/// What it shows, in one line.
const ABOUT: &str = "a fleet: 8 machines with 64 GPUs, or more; every state and finding";

/// A fleet to write down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fleet {
    /// How many machines, of eight GPUs each.
    pub nodes: u32,
    /// Seed of every choice and all noise.
    pub seed: u64,
    /// Age of the world at which it is first looked at.
    pub age: Duration,
}

/// The youngest age at which all stories are under way: what is stale was held for an hour.
pub const YOUNGEST: Duration = Duration::from_secs(90 * 60);

impl Default for Fleet {
    fn default() -> Self {
        Self { nodes: 8, seed: 42, age: Duration::from_secs(140 * 60) }
    }
}

impl Fleet {
    /// The scenario's text.
    #[must_use]
    pub fn text(&self) -> String {
        let age = i64::try_from(self.age.max(YOUNGEST).as_secs()).unwrap_or(i64::MAX / 2);
        let mut text = format!(
            "about = \"{ABOUT}\"\nseed = {}\nage = \"{age}s\"\ngrid = \"1s\"\n\n[users]\n",
            // TOML's integers are signed.
            self.seed & u64::MAX >> 1,
        );
        for (uid, (name, _)) in (1001..).zip(contents::people()) {
            text.push_str(&format!("{name} = {uid}\n"));
        }
        let mut numbers = contents::Numbers::default();
        for place in 0..self.nodes {
            let mut dice = Dice::new(self.seed).of(u64::from(place));
            let kind = stories::kind(place).unwrap_or_else(|| contents::draw_kind(&mut dice));
            let number = numbers.next(kind);
            let mut machine = Machine::new(kind, number, age, dice);
            if !stories::tell(place, &mut machine) {
                contents::fill(&mut machine);
            }
            text.push_str(&machine.text());
        }
        text
    }
}

#[cfg(test)]
mod tests;
