//! The parts of each device's newest booked minute: what its counters of seconds by state grew by.

use std::collections::VecDeque;

use model::series::{Matcher, is_stale};
use store::{SeriesRef, Store};

use super::feed::{DEVICE_EFFECTIVE, DEVICE_SECONDS};
use super::fleet::{WINDOW_MS, named, newest};
use super::known::Link;
use super::state::{ACTIVE, Parts};

/// What "the newest minute" is, in ms.
const MINUTE_MS: i64 = 60_000;
/// A counter without an earlier sample started with its exporter if it shows no more than this, in
/// seconds: a minute and a scrape interval of some length.
const YOUNG_SECONDS: f64 = 75.0;
/// In place of a state: the counter of effective seconds.
pub(super) const EFFECTIVE: u32 = 99;

/// After which time counters are kept as what later ones are compared with, in ms: what is called
/// a minute is up to this much longer.
const KEPT_EVERY_MS: i64 = 15_000;

/// A counter at one moment.
#[derive(Debug, Clone, Copy)]
struct Count {
    series: SeriesRef,
    place: u32,
    /// A state, or [`EFFECTIVE`].
    of: u32,
    value: f64,
}

/// Counters now, and a minute ago, and what follows.
#[derive(Debug)]
pub(super) struct Booking {
    counters: Matcher,
    now: Vec<Count>,
    /// Earlier ones of the last minute, oldest first: reading them again would cost as much as
    /// reading everything else.
    earlier: VecDeque<(i64, Vec<Count>)>,
    parts: Vec<Parts>,
}

impl Default for Booking {
    fn default() -> Self {
        Self {
            counters: named([DEVICE_SECONDS, DEVICE_EFFECTIVE].into_iter()),
            now: Vec::new(),
            earlier: VecDeque::new(),
            parts: Vec::new(),
        }
    }
}

impl Booking {
    /// A new tick.
    pub(super) fn begin(&mut self) {
        self.now.clear();
    }

    /// A counter's newest sample.
    pub(super) fn add(&mut self, link: Link, value: f64) {
        if !is_stale(value) {
            let Link { series, place, extra: of, .. } = link;
            self.now.push(Count { series, place, of, value });
        }
    }

    /// Compare with a minute ago.
    pub(super) fn compare(&mut self, store: &Store, now: i64) {
        self.parts.clear();
        self.now.sort_unstable_by_key(|count| count.series);
        let counts = std::mem::take(&mut self.now);
        match self.a_minute_before(now) {
            Some(base) => self.grow(&counts, &base),
            None => {
                let to = now - MINUTE_MS;
                let rows = newest(store, &self.counters, to - WINDOW_MS, to);
                let values: Vec<(SeriesRef, f64)> =
                    rows.iter().map(|row| (row.series, row.value)).collect();
                self.grow(&counts, &values);
            }
        }
        self.parts.iter_mut().for_each(normalize);
        self.keep(now, counts);
    }

    /// What was kept a minute ago, or a little earlier.
    fn a_minute_before(&mut self, now: i64) -> Option<Vec<(SeriesRef, f64)>> {
        // Of a clock that was set back, or after a pause, nothing kept is of use.
        let usable = now - 2 * MINUTE_MS..=now;
        self.earlier.retain(|(at, _)| usable.contains(at));
        let (_, counts) = self.earlier.iter().rev().find(|(at, _)| now - at >= MINUTE_MS)?;
        Some(counts.iter().map(|count| (count.series, count.value)).collect())
    }

    fn keep(&mut self, now: i64, counts: Vec<Count>) {
        while self.earlier.get(1).is_some_and(|(at, _)| now - at >= MINUTE_MS) {
            self.earlier.pop_front();
        }
        if self.earlier.back().is_none_or(|(at, _)| now - at >= KEPT_EVERY_MS) {
            self.earlier.push_back((now, counts));
        }
    }

    /// Adds what each counter grew by since its earlier sample.
    fn grow(&mut self, counts: &[Count], base: &[(SeriesRef, f64)]) {
        let mut at = 0;
        for count in counts {
            while base.get(at).is_some_and(|(series, _)| *series < count.series) {
                at += 1;
            }
            let earlier = base.get(at).filter(|(series, _)| *series == count.series);
            let earlier = earlier.map(|(_, value)| *value).filter(|value| !is_stale(*value));
            let grown = match earlier {
                Some(value) => count.value - value,
                None if count.value <= YOUNG_SECONDS => count.value,
                None => continue,
            };
            // A counter that fell started anew without saying so in its run.
            self.book(count, if grown < 0.0 { count.value } else { grown });
        }
    }

    fn book(&mut self, count: &Count, seconds: f64) {
        let place = count.place as usize;
        if self.parts.len() <= place {
            self.parts.resize(place + 1, Parts::NONE);
        }
        if count.of == EFFECTIVE {
            self.parts[place].effective += seconds;
        } else if let Some(part) = self.parts[place].of.get_mut(count.of as usize) {
            *part += seconds;
        }
    }

    /// The parts of a device; `None` while nothing is booked.
    pub(super) fn parts(&self, place: u32) -> Option<Parts> {
        self.parts.get(place as usize).copied().filter(|parts| parts.of.iter().sum::<f64>() > 0.0)
    }
}

/// Seconds to parts that add up to one.
fn normalize(parts: &mut Parts) {
    let observed: f64 = parts.of.iter().sum();
    if observed > 0.0 {
        parts.of.iter_mut().for_each(|part| *part /= observed);
        // Use that no session can be named for is effective, but not active: the funnel leaves it out.
        parts.effective = (parts.effective / observed).min(parts.of[ACTIVE]);
    }
}
