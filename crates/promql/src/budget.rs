//! What one query may use: samples, bytes, time, threads; and whether anybody still waits for it.
//! Shared by all threads that work for the query.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::engine::Options;
use crate::error::QueryError;
use crate::outcome::Usage;
use crate::room::Room;

/// The bounds of a query and what it has used of them.
pub(crate) struct Budget<'q> {
    options: &'q Options,
    cancel: &'q AtomicBool,
    deadline: Option<Instant>,
    touched: AtomicUsize,
    seen: AtomicUsize,
    held: AtomicUsize,
    /// Rooms that no thread works in at the moment, kept for the next.
    rooms: Mutex<Vec<Room>>,
    /// Bytes of stack that a thread needs.
    pub(crate) stack: usize,
}

impl<'q> Budget<'q> {
    pub(crate) fn new(options: &'q Options, cancel: &'q AtomicBool, stack: usize) -> Self {
        let deadline = Instant::now().checked_add(options.timeout);
        let (touched, seen, held) = Default::default();
        Self { options, cancel, deadline, touched, seen, held, rooms: Mutex::default(), stack }
    }

    /// Does somebody still wait, and is there time left?
    pub(crate) fn alive(&self) -> Result<(), QueryError> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(QueryError::Canceled);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(QueryError::Timeout(self.options.timeout));
        }
        Ok(())
    }

    /// Counts samples that were read or made.
    pub(crate) fn touch(&self, samples: usize) -> Result<(), QueryError> {
        self.alive()?;
        let before = self.touched.fetch_add(samples, Ordering::Relaxed);
        if before.saturating_add(samples) > self.options.max_samples {
            return Err(QueryError::TooManySamples(self.options.max_samples));
        }
        Ok(())
    }

    /// Counts bytes of a result, final or between operators, before they are taken.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), QueryError> {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.options.max_bytes {
            return Err(QueryError::TooManyBytes(self.options.max_bytes));
        }
        Ok(())
    }

    /// Counts a table of one value per row and step.
    pub(crate) fn hold_values(&self, rows: usize, steps: usize) -> Result<(), QueryError> {
        self.hold(rows.saturating_mul(steps).saturating_mul(size_of::<f64>()))
    }

    /// Threads that may work for the query at once.
    pub(crate) fn threads(&self) -> usize {
        self.options.threads.max(1)
    }

    pub(crate) fn used(&self) -> Usage {
        Usage {
            samples: self.touched.load(Ordering::Relaxed),
            seen: self.seen.load(Ordering::Relaxed),
            bytes: self.held.load(Ordering::Relaxed),
        }
    }

    /// Does something of which only the outcome is seen by a step: what it saw itself does not count.
    pub(crate) fn unseen<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.seen.load(Ordering::Relaxed);
        let done = work();
        self.seen.store(before, Ordering::Relaxed);
        done
    }

    /// A room to work in.
    pub(crate) fn room(&self) -> Room {
        let free = self.rooms.lock().ok().and_then(|mut rooms| rooms.pop());
        free.unwrap_or_default()
    }

    /// Takes a room back.
    pub(crate) fn leave(&self, room: Room) {
        if let Ok(mut rooms) = self.rooms.lock() {
            rooms.push(room);
        }
    }

    /// Counts what was done in a room since the last time.
    pub(crate) fn settle(&self, room: &mut Room) -> Result<(), QueryError> {
        self.touch(std::mem::take(&mut room.touched))?;
        self.seen.fetch_add(std::mem::take(&mut room.seen), Ordering::Relaxed);
        let grown = room.samples.times.capacity() * 2 * size_of::<i64>();
        let more = grown.saturating_sub(room.counted);
        room.counted = room.counted.max(grown);
        self.hold(more)
    }
}
