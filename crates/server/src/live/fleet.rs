//! What is known of the fleet: which series is about what, and the newest reading of each.
//!
//! A series' labels are read once, when it is first seen; afterwards its samples go straight to
//! their place. No state lives here that a fresh start would not find in the store again.

use std::collections::HashMap;

use model::labels::NAME;
use model::series::{Matcher, MatcherOp, is_stale};
use regex::Regex;
use store::{Latest, SeriesRef, Store};

use super::booked::Booking;
use super::dict::Dicts;
use super::feed::{FEEDS, IDENTITIES, Role, position};
use super::found::Found;
use super::known::{Cell, Entity, Link, NOWHERE, Session, Target};
use super::slots::Slots;
use super::state;

/// How far back a newest sample is looked for, in ms: Prometheus's own lookback.
pub(super) const WINDOW_MS: i64 = 300_000;
/// How long a device that no longer reports is shown, in ms.
pub(super) const GONE_KEPT_MS: i64 = 24 * 3600 * 1000;
/// How long after the end of a series samples of the same time may still arrive, in ms.
const ARRIVAL_MS: i64 = 1_000;
/// GPUs and instances at most: 20,000 GPUs of which every third is cut into seven.
const MOST_ENTITIES: usize = 100_000;
/// Sessions at most.
const MOST_SESSIONS: usize = 100_000;
/// Exporters at most, and texts per dictionary: above, everything is read anew.
const MOST_NAMES: usize = 100_000;

/// Everything that is known.
pub(super) struct Fleet {
    pub(super) dicts: Dicts,
    pub(super) targets: Vec<Target>,
    pub(super) target_by_key: HashMap<Box<str>, u32>,
    pub(super) entities: Slots<Entity>,
    /// GPUs by exporter and index, for series that name nothing else.
    pub(super) by_index: HashMap<(u32, u32), u32>,
    pub(super) sessions: Slots<Session>,
    /// Ascending by series.
    links: Vec<Link>,
    /// Choose all series, and those that tell of a device.
    all: Matcher,
    identities: Matcher,
    /// Per series' name and place.
    cells: Vec<Vec<Cell>>,
    pub(super) booking: Booking,
    pub(super) found: Found,
    /// Which places samples of this tick were about.
    touched: [Vec<u64>; 2],
    tick: u64,
    pub(super) now: i64,
    /// Rises whenever a name of an entity may have changed.
    pub(super) names_version: u64,
}

impl Fleet {
    pub(super) fn new() -> Self {
        Self {
            dicts: Dicts::new(&state::NAMES),
            targets: Vec::new(),
            target_by_key: HashMap::new(),
            entities: Slots::new(MOST_ENTITIES),
            by_index: HashMap::new(),
            sessions: Slots::new(MOST_SESSIONS),
            links: Vec::new(),
            all: named(0..FEEDS.len()),
            identities: named(IDENTITIES.iter().copied()),
            cells: vec![Vec::new(); FEEDS.len()],
            booking: Booking::default(),
            found: Found::default(),
            touched: [Vec::new(), Vec::new()],
            tick: 0,
            now: 0,
            names_version: 0,
        }
    }

    /// Whether so many names came by that a fresh start is cheaper than keeping them.
    pub(super) fn is_overgrown(&self) -> bool {
        let most = self.targets.len().max(self.dicts.largest()).max(self.found.len());
        most > MOST_NAMES
    }

    /// Read the newest samples.
    pub(super) fn read(&mut self, store: &Store, now: i64) {
        self.tick += 1;
        self.now = now;
        let before: Vec<i64> = self.targets.iter().map(|target| target.newest).collect();
        if self.tick == 1 {
            let rows = newest(store, &self.identities, now - GONE_KEPT_MS, now);
            self.take(store, &rows);
        }
        self.forget_statements();
        // All at once, in the order in which they lie in the store: several times as fast as name
        // by name.
        let rows = newest(store, &self.all, now - WINDOW_MS, now);
        self.take(store, &rows);
        self.booking.compare(store, now);
        self.measure_intervals(&before);
        self.date_entities();
        self.drop_untouched();
        self.settle_findings();
    }

    /// Statements about other series hold for one tick.
    fn forget_statements(&mut self) {
        for place in 0..u32::try_from(self.entities.end()).unwrap_or(u32::MAX) {
            if let Some(entity) = self.entities.get_mut(place) {
                (entity.lacks, entity.failed) = (0, 0);
            }
        }
        self.booking.begin();
        self.found.begin();
    }

    /// Puts samples, ascending by series, to what they are about.
    fn take(&mut self, store: &Store, rows: &[Latest]) {
        let known = std::mem::take(&mut self.links);
        let mut links = Vec::with_capacity(rows.len());
        let (mut unknown, mut statements) = (Vec::new(), Vec::new());
        let mut at = 0;
        for row in rows {
            while known.get(at).is_some_and(|link| link.series < row.series) {
                at += 1;
            }
            match known.get(at).filter(|link| link.series == row.series) {
                Some(link) => {
                    links.push(*link);
                    self.apply_now_or_later(*link, row, &mut statements);
                }
                None => unknown.push((self.feed_of(store, row.series), row)),
            }
        }
        // In the order of the table: what names devices before what is about them.
        unknown.sort_by_key(|(feed, _)| *feed);
        for (feed, row) in unknown {
            let link = self.link(store, feed, row.series);
            links.push(link);
            self.apply_now_or_later(link, row, &mut statements);
        }
        links.sort_unstable_by_key(|link| link.series);
        self.links = links;
        statements.into_iter().for_each(|(link, time)| self.lack(link, time));
    }

    /// What a target says about other series counts once its newest time is known.
    fn apply_now_or_later(&mut self, link: Link, row: &Latest, later: &mut Vec<(Link, i64)>) {
        if link.place != NOWHERE && FEEDS[link.feed].role == Role::Lack {
            later.push((link, row.time));
        } else if link.place != NOWHERE || link.target != NOWHERE {
            self.apply(link, row);
        }
    }

    fn feed_of(&self, store: &Store, series: SeriesRef) -> usize {
        store.labels(series).and_then(|labels| position(labels.name())).unwrap_or(0)
    }

    fn apply(&mut self, link: Link, row: &Latest) {
        let feed = link.feed;
        let stale = is_stale(row.value);
        if let Some(target) = self.targets.get_mut(link.target as usize) {
            let of = if stale { &mut target.ended } else { &mut target.newest };
            *of = row.time.max(*of);
        }
        let cell =
            Cell { value: row.value, time: row.time, target: link.target, extra: link.extra };
        match FEEDS[feed].role {
            Role::Count => self.count(cell),
            _ if link.place == NOWHERE => return,
            Role::Booked | Role::Effective => self.booking.add(link, row.value),
            Role::Problem => self.problem(link.place, cell),
            Role::Finding => self.found.say(link.extra, cell),
            Role::Xid => self.xid(link.place, cell),
            Role::Lack => return,
            _ => self.newer(feed, link.place, cell),
        }
        let is_session = is_about_session(FEEDS[feed].role);
        if let Some(touched) = self.touched[usize::from(is_session)].get_mut(link.place as usize) {
            *touched = self.tick;
        }
    }

    /// Of two series about one thing the newer sample counts; of two of the same time the one that
    /// is no end.
    fn newer(&mut self, feed: usize, place: u32, cell: Cell) {
        let cells = &mut self.cells[feed];
        let place = place as usize;
        if cells.len() <= place {
            cells.resize(place + 1, Cell::EMPTY);
        }
        replace(&mut cells[place], cell);
    }

    fn count(&mut self, cell: Cell) {
        if let Some(target) = self.targets.get_mut(cell.target as usize) {
            let of = if cell.extra == 0 { &mut target.present } else { &mut target.expected };
            replace(of, cell);
        }
    }

    fn problem(&mut self, place: u32, cell: Cell) {
        if let Some(entity) = self.entities.get_mut(place) {
            replace(&mut entity.problem, cell);
        }
    }

    /// The newest by its own time, which is the value.
    fn xid(&mut self, place: u32, cell: Cell) {
        if let Some(entity) = self.entities.get_mut(place)
            && !is_stale(cell.value)
            && (entity.xid.value.is_nan() || entity.xid.value < cell.value)
        {
            entity.xid = cell;
        }
    }

    /// `extra` is the position of the reading, and 64 more if it failed.
    fn lack(&mut self, link: Link, time: i64) {
        let newest = self.targets.get(link.target as usize).map_or(i64::MIN, |of| of.newest);
        if time < newest.saturating_sub(self.tolerance(link.target)) {
            return;
        }
        if let Some(entity) = self.entities.get_mut(link.place) {
            let bit = 1 << (link.extra % 64);
            entity.lacks |= bit;
            if link.extra >= 64 {
                entity.failed |= bit;
            }
        }
    }

    /// Age against the exporter's newest sample up to which a sample is of now, in ms.
    fn tolerance(&self, target: u32) -> i64 {
        let interval = self.targets.get(target as usize).map_or(0, |target| target.interval);
        interval * 5 / 2
    }

    /// Whether an exporter has stopped.
    pub(super) fn is_gone(&self, target: u32) -> bool {
        self.targets.get(target as usize).is_none_or(|target| {
            let silent = self.now.saturating_sub(target.newest);
            let given_up =
                target.ended > target.newest && self.now.saturating_sub(target.ended) >= ARRIVAL_MS;
            given_up || silent > (target.interval * 5).clamp(30_000, WINDOW_MS)
        })
    }

    /// The value of a cell if it is of now.
    pub(super) fn current(&self, cell: Cell) -> Option<f64> {
        let target = self.targets.get(cell.target as usize)?;
        let is_current = cell.time >= target.newest.saturating_sub(self.tolerance(cell.target));
        (is_current && cell.value.is_finite() && !self.is_gone(cell.target)).then_some(cell.value)
    }

    /// Values that series of a name had earlier, by the places that they are about now.
    pub(super) fn values_of(&self, feed: usize, rows: &[Latest]) -> HashMap<u32, f64> {
        let mut at = 0;
        let mut values = HashMap::new();
        for link in self.links.iter().filter(|link| link.feed == feed) {
            while rows.get(at).is_some_and(|row| row.series < link.series) {
                at += 1;
            }
            let row = rows.get(at).filter(|row| row.series == link.series);
            if let Some(row) = row.filter(|row| link.place != NOWHERE && !is_stale(row.value)) {
                values.insert(link.place, row.value);
            }
        }
        values
    }

    /// Time of the newest sample of all, in ms.
    pub(super) fn newest(&self) -> Option<i64> {
        let known = self.targets.iter().map(|target| target.newest);
        known.filter(|newest| *newest > i64::MIN).max()
    }

    /// The newest sample of a series' name about a place.
    pub(super) fn cell(&self, feed: usize, place: u32) -> Cell {
        self.cells[feed].get(place as usize).copied().unwrap_or(Cell::EMPTY)
    }

    /// The value of a reading about a place, if it is of now.
    pub(super) fn value(&self, feed: usize, place: u32) -> Option<f64> {
        self.current(self.cell(feed, place))
    }

    /// Keeps measuring how often each exporter is read: between 5 s and 60 s.
    fn measure_intervals(&mut self, before: &[i64]) {
        for (target, earlier) in self.targets.iter_mut().zip(before) {
            let passed = target.newest.saturating_sub(*earlier);
            if *earlier > i64::MIN && passed > 0 {
                target.interval = passed.clamp(5_000, 60_000);
            }
        }
    }

    /// When each entity was last heard of: by any of its readings. Of what came at one time a
    /// sample counts, not the end of another series.
    fn date_entities(&mut self) {
        let feeds = self.cells.iter().zip(FEEDS);
        for (cells, _) in feeds.filter(|(_, feed)| !is_about_session(feed.role)) {
            for (place, cell) in (0..).zip(cells).filter(|(_, cell)| cell.time > i64::MIN) {
                let ended = is_stale(cell.value);
                if let Some(entity) = self.entities.get_mut(place)
                    && (cell.time, !ended) > (entity.seen, !entity.ended)
                {
                    (entity.seen, entity.target, entity.ended) = (cell.time, cell.target, ended);
                }
            }
        }
    }

    /// Whether an entity is to be shown: it reports, or its exporter has stopped.
    pub(super) fn is_shown(&self, entity: &Entity) -> bool {
        let Some(target) = self.targets.get(entity.target as usize) else { return false };
        let oldest = target.newest.saturating_sub(self.tolerance(entity.target));
        let reports = !entity.ended && entity.seen >= oldest;
        // Between the end of all series and the moment when that is sure, nothing changes.
        reports || target.ended > target.newest || self.is_gone(entity.target)
    }

    /// Places that no sample was about are free again; those of stopped exporters stay for a day.
    fn drop_untouched(&mut self) {
        let all = |end: usize| 0..u32::try_from(end).unwrap_or(u32::MAX);
        for place in all(self.sessions.end()) {
            if self.touched[1][place as usize] != self.tick {
                self.sessions.remove(place);
                self.clear(place, true);
            }
        }
        for place in all(self.entities.end()) {
            let Some(entity) = self.entities.get(place) else { continue };
            let is_touched = self.touched[0][place as usize] == self.tick;
            let kept =
                self.is_gone(entity.target) && self.now.saturating_sub(entity.seen) < GONE_KEPT_MS;
            if !is_touched && !kept {
                self.entities.remove(place);
                self.by_index.retain(|_, of| *of != place);
                self.clear(place, false);
            }
        }
    }

    fn clear(&mut self, place: u32, session: bool) {
        let of = self.cells.iter_mut().zip(FEEDS);
        for (cells, _) in of.filter(|(_, feed)| is_about_session(feed.role) == session) {
            if let Some(cell) = cells.get_mut(place as usize) {
                *cell = Cell::EMPTY;
            }
        }
    }

    /// Marks a place as in use in this tick: it was just made.
    pub(super) fn touch(&mut self, place: u32, session: bool) {
        let touched = &mut self.touched[usize::from(session)];
        if touched.len() <= place as usize {
            touched.resize(place as usize + 1, 0);
        }
        touched[place as usize] = self.tick;
    }
}

/// Chooses the series of these positions.
pub(super) fn named(feeds: impl Iterator<Item = usize>) -> Matcher {
    let names: Vec<&str> = feeds.map(|feed| FEEDS[feed].name).collect();
    let value = names.join("|");
    // Names of metrics are letters, digits and `_`: as an expression they mean themselves.
    let op = Regex::new(&format!("^(?:{value})$")).map_or(MatcherOp::Equal, MatcherOp::Matches);
    Matcher { name: NAME.to_owned(), op, value }
}

/// The newest sample of each series in a window, ascending by series.
pub(super) fn newest(store: &Store, chosen: &Matcher, from: i64, to: i64) -> Vec<Latest> {
    let mut rows = store.latest(std::slice::from_ref(chosen), from, to);
    if !rows.is_sorted_by_key(|row| row.series) {
        rows.sort_unstable_by_key(|row| row.series);
    }
    rows
}

fn replace(held: &mut Cell, by: Cell) {
    if by.time > held.time || (by.time == held.time && !is_stale(by.value)) {
        *held = by;
    }
}

/// Whether a series of this role is about a session, not about a device.
pub(super) const fn is_about_session(role: Role) -> bool {
    matches!(role, Role::SessionInfo | Role::SessionState | Role::Session)
}
