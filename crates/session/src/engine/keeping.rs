//! Bounds: how long ended sessions stay, how many have rows of their own, where the others' counts
//! go.

use std::collections::VecDeque;
use std::time::Duration;

use model::Timestamp;
use model::process::Lookup;

use super::{Engine, LookUp};
use crate::counters::Counters;
use crate::view::SessionFacts;

/// Gaps between runs of which the median is the usual one.
const GAPS_KEPT: usize = 8;
/// Rows of `rest`; beyond them owners share one.
const MAX_REST: usize = 256;
/// Sessions that ended by leaving and are kept in case their process comes back.
const MAX_HIDDEN: usize = 1024;
/// How often the process of such a session is looked for.
const HIDDEN_CHECK: Duration = Duration::from_secs(60);
/// Span over which the largest gap between scrapes counts.
const SCRAPE_MEMORY: Duration = Duration::from_secs(3600);

/// Counters of the sessions of one owner on one device that have no rows of their own.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    pub(super) device: usize,
    pub(super) owner: String,
    /// Whether the owner is a namespace; else it is a user, or all that came too late.
    pub(super) is_namespace: bool,
    pub(super) counters: Counters,
}

/// What the bounds are reckoned from.
#[derive(Debug, Clone, Default)]
pub(super) struct Keeping {
    /// Live sessions with rows of their own.
    pub(super) live_shown: usize,
    /// The newest run of a sampled engine, and the gaps before it.
    run_at: Option<Timestamp>,
    pub(super) gaps: VecDeque<Duration>,
    scraped_at: Option<Timestamp>,
    /// Largest gap between scrapes in each of the last minutes, by the minute's end.
    scrape_gaps: VecDeque<(Timestamp, Duration)>,
}

impl Keeping {
    /// A sampled engine looks now.
    pub(super) fn note_run(&mut self, now: Timestamp) {
        if let Some(before) = self.run_at.replace(now) {
            self.gaps.push_back(now.since(before));
            if self.gaps.len() > GAPS_KEPT {
                self.gaps.pop_front();
            }
        }
        self.note_scrape(now);
    }

    /// Take over from a saved state.
    pub(super) fn go_on(&mut self, at: Timestamp, gaps: VecDeque<Duration>) {
        self.run_at = Some(at);
        self.gaps = gaps;
        self.gaps.truncate(GAPS_KEPT);
    }

    /// The usual gap between runs of a sampled engine.
    pub(super) fn usual_gap(&self) -> Option<Duration> {
        let mut sorted: Vec<Duration> = self.gaps.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }

    /// A page is read now.
    pub(super) fn note_scrape(&mut self, now: Timestamp) {
        let Some(before) = self.scraped_at.replace(now) else { return };
        let gap = now.since(before);
        match self.scrape_gaps.back_mut() {
            Some((minute, largest)) if now < *minute => *largest = gap.max(*largest),
            _ => self.scrape_gaps.push_back((now.after(Duration::from_secs(60)), gap)),
        }
        while self.scrape_gaps.front().is_some_and(|(at, _)| now.since(*at) > SCRAPE_MEMORY) {
            self.scrape_gaps.pop_front();
        }
    }

    pub(super) fn forget_time(&mut self, now: Timestamp) {
        self.run_at = self.run_at.map(|at| at.min(now));
        self.scraped_at = self.scraped_at.map(|at| at.min(now));
        self.scrape_gaps.clear();
    }

    /// How long ended sessions stay: two scrapes at the slowest interval must see them.
    fn ended_keep(&self, min: Duration, max: Duration) -> Duration {
        let largest = self.scrape_gaps.iter().map(|(_, gap)| *gap).max().unwrap_or_default();
        (largest * 5 / 2).clamp(min, max.max(min))
    }
}

impl Engine {
    /// The row of `rest` that a session's owner has on a device.
    pub(super) fn rest_of(&mut self, device: usize, facts: &SessionFacts) -> usize {
        let owner = facts.namespace.as_ref().or(facts.user.as_ref()).cloned().unwrap_or_default();
        let is_namespace = facts.namespace.is_some();
        let place = |owner: &str, is_namespace: bool| {
            self.rest.iter().position(|rest| {
                (rest.device, rest.is_namespace) == (device, is_namespace) && rest.owner == owner
            })
        };
        if let Some(place) = place(&owner, is_namespace) {
            return place;
        }
        let (owner, is_namespace) = match self.rest.len() < MAX_REST {
            true => (owner, is_namespace),
            false => ("other".to_owned(), false),
        };
        if let Some(place) = place(&owner, is_namespace) {
            return place;
        }
        self.rest.push(Rest { device, owner, is_namespace, counters: Counters::default() });
        self.rest.len() - 1
    }

    /// How long what ended stays.
    pub(super) fn ended_keep(&self) -> Duration {
        self.keeping.ended_keep(self.config.ended_keep_min, self.config.ended_keep_max)
    }

    /// Let go of what has been kept long enough, and give free rows to folded sessions.
    pub(super) fn keep_bounds(&mut self, lookup: LookUp<'_>) {
        if self.sessions.iter().any(|(_, session)| !session.is_live()) {
            self.let_go_of_ended(lookup);
        }
        self.unfold();
    }

    fn let_go_of_ended(&mut self, lookup: LookUp<'_>) {
        let now = self.at;
        let keep = self.ended_keep();
        let mut ended: Vec<(Timestamp, u32, bool)> = self
            .sessions
            .iter()
            .filter(|(_, session)| !session.hidden)
            .filter_map(|(index, session)| Some((session.ended_at?, index, session.shown)))
            .collect();
        // The newest first: those beyond the bound are the oldest.
        ended.sort_unstable_by(|one, two| two.cmp(one));
        let mut shown = 0;
        for (ended_at, index, is_shown) in ended {
            shown += usize::from(is_shown);
            let wanted = is_shown && shown <= self.config.max_ended && now.since(ended_at) <= keep;
            // Its last seconds must be booked first.
            let booked = now.since(ended_at) > self.config.close_after + Duration::from_secs(2);
            if !wanted && booked {
                self.let_go(index);
            }
        }
        self.look_after_hidden(lookup);
    }

    /// A session whose process is gone is forgotten; one whose process lives is hidden, so that its
    /// counters go on where they were if it returns.
    fn let_go(&mut self, index: u32) {
        let hidden = self.sessions.iter().filter(|(_, session)| session.hidden).count();
        let next_check = self.at.after(HIDDEN_CHECK);
        let Some(session) = self.sessions.get_mut(index) else { return };
        if session.may_return && hidden < MAX_HIDDEN {
            session.hidden = true;
            session.next_check = next_check;
        } else {
            self.forget(index);
        }
    }

    fn look_after_hidden(&mut self, lookup: LookUp<'_>) {
        let now = self.at;
        let due: Vec<(u32, u32, Option<u64>)> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.hidden && session.next_check <= now)
            .map(|(index, session)| (index, session.facts.pid, session.start_ticks))
            .collect();
        for (index, pid, ticks) in due {
            let lives = match lookup(pid) {
                Lookup::Facts(facts) => Some(facts.start_ticks) == ticks,
                Lookup::Gone => false,
                Lookup::Unreadable => true,
            };
            match self.sessions.get_mut(index) {
                Some(session) if lives => session.next_check = now.after(HIDDEN_CHECK),
                _ => self.forget(index),
            }
        }
    }

    fn forget(&mut self, index: u32) {
        let keys = self.sessions.get(index).map(|session| session.closed_keys());
        for key in keys.into_iter().flatten() {
            if self.closed.get(&key) == Some(&index) {
                self.closed.remove(&key);
            }
        }
        self.sessions.remove(index);
    }

    /// Give rows to folded sessions as far as there are free ones, the oldest first. What was
    /// counted for them before stays in `rest`; their own counters begin at 0.
    fn unfold(&mut self) {
        let free = self.config.max_live.saturating_sub(self.keeping.live_shown);
        let folded = self.sessions.iter().filter(|(_, s)| s.is_live() && !s.shown);
        let mut folded: Vec<(Timestamp, u32)> =
            folded.map(|(index, s)| (s.facts.start, index)).collect();
        if free == 0 || folded.is_empty() {
            return;
        }
        folded.sort_unstable();
        for (_, index) in folded.into_iter().take(free) {
            if let Some(session) = self.sessions.get_mut(index) {
                session.shown = true;
                self.keeping.live_shown += 1;
            }
        }
    }
}
