//! How long the cause of one finding has been there: shown after its time, cleared a while after
//! the cause was last seen.

use std::time::Duration;

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// How long the cause of one finding has been there. It is kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Timer {
    since: Option<Timestamp>,
    last: Option<Timestamp>,
    shown: bool,
}

impl Timer {
    /// Whether the cause is there now; `None` where that cannot be told. What cannot be told for
    /// longer than `clear` is over.
    pub(crate) fn step(
        &mut self,
        now: Timestamp,
        cause: Option<bool>,
        wait: Duration,
        clear: Duration,
    ) {
        let over = self.last.is_none_or(|last| now.since(last) >= clear);
        match cause {
            Some(true) => {
                if over {
                    *self = Self::default();
                }
                let since = *self.since.get_or_insert(now);
                self.last = Some(now);
                self.shown |= now.since(since) >= wait;
            }
            None if !over => {}
            Some(false) if self.shown && !over => {}
            None | Some(false) => *self = Self::default(),
        }
    }

    /// Since when the cause is there, if it is shown.
    pub(crate) fn shown_since(&self) -> Option<Timestamp> {
        self.since.filter(|_| self.shown)
    }

    /// The clock went back.
    pub(crate) fn forget_time(&mut self, now: Timestamp) {
        self.since = self.since.map(|at| at.min(now));
        self.last = self.last.map(|at| at.min(now));
    }

    /// As a state file of some age brought it back: what was not seen for longer than `clear` is
    /// over.
    pub(crate) fn restored(self, now: Timestamp, clear: Duration) -> Self {
        let fresh = self.last.is_some_and(|last| last <= now && now.since(last) < clear);
        if fresh { self } else { Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(60);
    const CLEAR: Duration = Duration::from_secs(120);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn after(steps: impl IntoIterator<Item = (i64, Option<bool>)>) -> Timer {
        let mut timer = Timer::default();
        for (seconds, cause) in steps {
            timer.step(at(seconds), cause, WAIT, CLEAR);
        }
        timer
    }

    #[test]
    fn a_cause_is_shown_after_its_time_and_cleared_two_minutes_after_it() {
        let there = |until: i64| (0..=until).map(|s| (s, Some(true)));
        assert_eq!(after(there(59)).shown_since(), None);
        assert_eq!(after(there(60)).shown_since(), Some(at(0)));
        let gone = |until: i64| there(60).chain((61..=until).map(|s| (s, Some(false))));
        assert_eq!(after(gone(179)).shown_since(), Some(at(0)));
        assert_eq!(after(gone(180)).shown_since(), None);
    }

    #[test]
    fn a_pause_before_its_time_begins_it_anew() {
        let steps = (0..=100).map(|s| (s, Some(s != 50)));
        assert_eq!(after(steps).shown_since(), None);
    }

    #[test]
    fn what_cannot_be_told_for_a_moment_changes_nothing_and_for_long_is_over() {
        let blind = |to: i64| (0..=30).map(|s| (s, Some(true))).chain((31..to).map(|s| (s, None)));
        let seen_again = |to: i64| after(blind(to).chain([(to, Some(true))]));
        assert_eq!(seen_again(60).shown_since(), Some(at(0)));
        assert_eq!(seen_again(400).shown_since(), None, "nobody saw it last that long");
        let shown = (0..=60).map(|s| (s, Some(true))).chain((61..=180).map(|s| (s, None)));
        assert_eq!(after(shown).shown_since(), None);
    }

    #[test]
    fn a_restart_keeps_what_was_seen_a_moment_ago() {
        let shown = after((0..=60).map(|s| (s, Some(true))));
        assert_eq!(shown.restored(at(90), CLEAR), shown);
        assert_eq!(shown.restored(at(181), CLEAR), Timer::default());
        assert_eq!(shown.restored(at(10), CLEAR), Timer::default(), "from the future");
    }
}
