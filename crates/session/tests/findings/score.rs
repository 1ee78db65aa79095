//! What was shown against what is known to be wrong.

use std::collections::BTreeMap;

use session::Finding;

/// A finding may be shown that much later than its time.
const GRACE: i64 = 60;
/// And it must be gone that long after its cause.
const GONE_WITHIN: i64 = 180;

/// Something that is wrong with an entity, from when to when, in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) finding: Finding,
    /// `pid 12`, `pod a`, `GPU-1`, `GPU-1/7`.
    pub(crate) entity: String,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// When an entity showed a finding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Cases that last for longer than the finding's time.
    pub(crate) expected: u32,
    /// Cases that were shown in time and gone in time.
    pub(crate) right: u32,
    /// Showings without such a case.
    pub(crate) wrong: u32,
}

#[derive(Default)]
pub(crate) struct Score {
    counts: BTreeMap<Finding, Counts>,
    mistakes: Vec<String>,
}

/// Its time in `sessions.md`; a minute where that says none.
pub(crate) const fn time_of(finding: Finding) -> i64 {
    match finding {
        Finding::NoProcess => 300,
        Finding::OutsideAllocation | Finding::NoComputeInstance => 60,
        Finding::Leaked | Finding::Zombie => 120,
        Finding::HangSuspect => 600,
    }
}

impl Counts {
    pub(crate) fn precision(&self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.wrong).max(1))
    }

    pub(crate) fn recall(&self) -> f64 {
        f64::from(self.right) / f64::from(self.expected.max(1))
    }
}

impl Score {
    pub(crate) fn of(&self, finding: Finding) -> Counts {
        self.counts.get(&finding).copied().unwrap_or_default()
    }

    /// Count one world.
    pub(crate) fn add(
        &mut self,
        seed: u64,
        labels: &[Label],
        mut shown: BTreeMap<(Finding, String), Vec<Shown>>,
        end: i64,
    ) {
        for label in labels {
            let time = time_of(label.finding);
            if label.to - label.from < time {
                continue;
            }
            let counts = self.counts.entry(label.finding).or_default();
            counts.expected += 1;
            let runs = shown.get_mut(&(label.finding, label.entity.clone()));
            let is_right = |run: &Shown| {
                let in_time =
                    label.from + time - 5 <= run.first && run.first <= label.from + time + GRACE;
                let gone = label.to + GONE_WITHIN > end || run.last <= label.to + GONE_WITHIN;
                in_time && gone
            };
            let place = runs.as_ref().and_then(|runs| runs.iter().position(is_right));
            match (runs, place) {
                (Some(runs), Some(place)) => {
                    runs.remove(place);
                    counts.right += 1;
                }
                _ => self.mistakes.push(format!("world {seed}: missed {label:?}")),
            }
        }
        for ((finding, entity), runs) in shown {
            for run in runs {
                self.counts.entry(finding).or_default().wrong += 1;
                self.mistakes.push(format!("world {seed}: {finding:?} of {entity} at {run:?}"));
            }
        }
    }

    pub(crate) fn print(&self) {
        for finding in Finding::ALL {
            let counts = self.of(finding);
            println!(
                "{:20} cases {:4}  right {:4}  wrong {:3}  precision {:.3}  recall {:.3}",
                finding.as_str(),
                counts.expected,
                counts.right,
                counts.wrong,
                counts.precision(),
                counts.recall()
            );
        }
        for mistake in self.mistakes.iter().take(40) {
            println!("{mistake}");
        }
    }
}
