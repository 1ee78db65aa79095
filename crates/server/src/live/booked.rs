//! The parts of each device's newest booked minute: what its counters of seconds by state grew by.

use model::series::is_stale;
use store::{Latest, SeriesRef, Store};

use super::feed::{DEVICE_EFFECTIVE, DEVICE_SECONDS};
use super::fleet::{Link, WINDOW_MS, newest};
use super::state::{ACTIVE, Parts};

/// What "the newest minute" is, in ms.
const MINUTE_MS: i64 = 60_000;
/// A counter without an earlier sample started with its exporter if it shows no more than this, in
/// seconds: a minute and a scrape interval of some length.
const YOUNG_SECONDS: f64 = 75.0;
/// In place of a state: the counter of effective seconds.
pub(super) const EFFECTIVE: u32 = 99;

/// One counter now.
#[derive(Debug, Clone, Copy)]
struct Count {
    series: SeriesRef,
    place: u32,
    /// A state, or [`EFFECTIVE`].
    of: u32,
    value: f64,
}

/// Counters now and a minute ago, and what follows.
#[derive(Debug, Default)]
pub(super) struct Booking {
    now: [Vec<Count>; 2],
    parts: Vec<Parts>,
}

impl Booking {
    /// A new tick.
    pub(super) fn begin(&mut self) {
        self.now.iter_mut().for_each(Vec::clear);
    }

    /// A counter's newest sample; series come in ascending order.
    pub(super) fn add(&mut self, link: Link, value: f64) {
        if is_stale(value) {
            return;
        }
        let of = &mut self.now[usize::from(link.extra == EFFECTIVE)];
        of.push(Count { series: link.series, place: link.place, of: link.extra, value });
    }

    /// Compare with a minute ago.
    pub(super) fn read_base(&mut self, store: &Store, now: i64) {
        self.parts.clear();
        for feed in [DEVICE_SECONDS, DEVICE_EFFECTIVE] {
            let to = now - MINUTE_MS;
            let base = newest(store, feed, to - WINDOW_MS, to);
            let counts = std::mem::take(&mut self.now[usize::from(feed == DEVICE_EFFECTIVE)]);
            self.grow(&counts, &base);
        }
        self.parts.iter_mut().for_each(normalize);
    }

    /// Adds what each counter grew by since its earlier sample.
    fn grow(&mut self, counts: &[Count], base: &[Latest]) {
        let mut at = 0;
        for count in counts {
            while base.get(at).is_some_and(|earlier| earlier.series < count.series) {
                at += 1;
            }
            let earlier = base.get(at).filter(|earlier| earlier.series == count.series);
            let earlier = earlier.map(|row| row.value).filter(|value| !is_stale(*value));
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
