//! Who listens to the stream: bounded, and one that takes nothing makes room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Listeners at most.
const MOST: usize = 256;
/// A listener that took no event for that long is dropped when another one wants its place.
const IDLE_FOR: Duration = Duration::from_secs(60);

/// When each listener last took something.
#[derive(Debug, Default, Clone)]
pub(super) struct Listeners(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    last: HashMap<u64, Instant>,
    next: u64,
}

/// A listener's place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    of: Listeners,
    number: u64,
}

impl Listeners {
    pub(super) fn count(&self) -> usize {
        self.held().last.len()
    }

    /// A place; `None` while all are taken by those who do listen.
    pub(super) fn join(&self) -> Option<Place> {
        let mut held = self.held();
        if held.last.len() >= MOST {
            held.last.retain(|_, last| last.elapsed() < IDLE_FOR);
        }
        if held.last.len() >= MOST {
            return None;
        }
        held.next += 1;
        let number = held.next;
        held.last.insert(number, Instant::now());
        Some(Place { of: self.clone(), number })
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// It took something. False: the place was given to another one.
    pub(super) fn keep(&self) -> bool {
        match self.of.held().last.get_mut(&self.number) {
            Some(last) => *last = Instant::now(),
            None => return false,
        }
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.held().last.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_those_who_take_nothing_lose_theirs() {
        let listeners = Listeners::default();
        let mut places: Vec<Place> = (0..MOST).map(|_| listeners.join().unwrap()).collect();
        assert!(listeners.join().is_none(), "one too many");
        places.pop();
        places.push(listeners.join().unwrap());
        let long_ago = Instant::now().checked_sub(2 * IDLE_FOR).unwrap();
        listeners.held().last.insert(places[7].number, long_ago);
        let late = listeners.join().expect("the idle one's place");
        assert!(!places[7].keep() && places[8].keep() && late.keep());
        drop(places);
        assert_eq!(listeners.count(), 1);
    }
}
