//! The way of a batch: which series, which samples, into the log, into the head.
//!
//! One batch at a time. A sample is judged before it is logged, and is in the head only after its
//! record was written, so that what a reader has seen survives a killed process.

mod admit;
#[cfg(test)]
mod tests;

use std::time::Duration;

use journal::Journal;

use crate::batch::Batch;
use crate::counters::Counters;
use crate::error::AppendError;
use crate::hash::Key;
use crate::head::{Head, Scratch};
use crate::options::Options;
use crate::outcome::{Appended, Reason, Refused};
use crate::wal::{Encoder, Sample};
use crate::window;

/// When a client that found the disk full should try again.
const RETRY: Duration = Duration::from_secs(10);
/// Rows that are named in an answer.
const MOST_NAMED: usize = 100;

/// What only the writer needs to know.
#[derive(Debug)]
pub(crate) struct Writer {
    pub journal: Journal,
    pub encoder: Encoder,
    pub scratch: Scratch,
    /// The newest sample of each slot: time and bits.
    newest: Vec<(i64, u64)>,
    /// The newest sample of all; none before the first.
    pub newest_ms: Option<i64>,
    /// Samples before this go to windows that are cut already ...
    pub boundary: i64,
    /// ... and so many of them came since the last cut.
    pub behind: u64,
    /// Windows that samples have reached, and the first record that did.
    pub reached: Vec<(i64, u64)>,
    accepted: Vec<Sample>,
    late: Vec<(i64, f64)>,
}

/// What a batch is judged by.
pub(crate) struct Context<'a> {
    pub head: &'a Head,
    pub key: &'a Key,
    pub options: &'a Options,
    pub counters: &'a Counters,
    pub now_ms: i64,
}

/// No sample: older than any.
const NOTHING: (i64, u64) = (i64::MIN, 0);

impl Writer {
    pub(crate) fn new(journal: Journal, encoder: Encoder) -> Self {
        Self {
            journal,
            encoder,
            scratch: Scratch::default(),
            newest: Vec::new(),
            newest_ms: None,
            boundary: i64::MIN,
            behind: 0,
            reached: Vec::new(),
            accepted: Vec::new(),
            late: Vec::new(),
        }
    }

    /// Takes a batch; `hashes` has one for each row.
    pub(crate) fn append(
        &mut self,
        context: &Context<'_>,
        batch: &Batch<'_>,
        hashes: &[u128],
    ) -> Result<Appended, AppendError> {
        let mut appended = Appended::default();
        let before = self.newest_ms;
        self.admit(context, batch, hashes, &mut appended);
        if !self.accepted.is_empty() {
            if let Err(error) = self.log(context, before) {
                self.take_back(context.head, before);
                return Err(error);
            }
            self.behind += self.accepted.iter().filter(|s| s.time < self.boundary).count() as u64;
            self.apply(context.head, &mut appended);
        }
        context.counters.count(&appended);
        Ok(appended)
    }

    fn log(&mut self, context: &Context<'_>, before: Option<i64>) -> Result<(), AppendError> {
        // A window's log ends with its segment, so that a cut can drop it whole.
        let window = |time: Option<i64>| time.map(window::start);
        if before.is_some() && window(self.newest_ms) > window(before) {
            self.journal.roll();
        }
        let Self { journal, encoder, accepted, .. } = self;
        let index = context.head.index();
        let written = journal.append(context.now_ms, |_, first, batch| {
            encoder.encode(first, &index, accepted, batch);
        });
        match written {
            Ok(records) => {
                self.reach(records.start);
                context.counters.full.store(false, std::sync::atomic::Ordering::Relaxed);
                Ok(())
            }
            Err(error) if error.is_full() => {
                context.counters.full.store(true, std::sync::atomic::Ordering::Relaxed);
                Err(AppendError::Full { retry_after: RETRY })
            }
            Err(error) => Err(AppendError::Io(Box::new(error))),
        }
    }

    /// Notes that a record has the newest sample so far.
    pub(crate) fn reach(&mut self, sequence: u64) {
        let Some(window) = self.newest_ms.map(window::start) else { return };
        if self.reached.last().is_none_or(|(reached, _)| *reached < window) {
            self.reached.push((window, sequence));
        }
    }

    /// The last record without a sample from `boundary` on, if there are none up to `sequence`.
    pub(crate) fn last_before(&self, boundary: i64, sequence: u64) -> u64 {
        let first = self.reached.iter().find(|(window, _)| *window >= boundary);
        first.map_or(sequence, |(_, first)| sequence.min(first.saturating_sub(1)))
    }

    /// Forgets what was accepted and not logged.
    fn take_back(&mut self, head: &Head, newest_ms: Option<i64>) {
        self.encoder.begin_anew();
        self.newest_ms = newest_ms;
        for sample in std::mem::take(&mut self.accepted) {
            self.reload(head, sample.slot);
        }
    }

    /// Puts the accepted samples into the head.
    fn apply(&mut self, head: &Head, appended: &mut Appended) {
        let groups = head.groups();
        let mut changer = head.changer(&groups);
        let mut rest = self.accepted.as_slice();
        while let Some(sample) = rest.first() {
            let Some(data) = changer.data(sample.slot) else { break };
            if !sample.late {
                data.push(sample.time, sample.value, &mut self.scratch);
                appended.stored += 1;
                rest = &rest[1..];
                continue;
            }
            let same = rest.iter().take_while(|s| s.late && s.slot == sample.slot).count();
            self.late.clear();
            self.late.extend(rest[..same].iter().map(|s| (s.time, s.value)));
            self.late.sort_by_key(|(time, _)| *time);
            let done = data.push_late(&self.late, &mut self.scratch);
            appended.stored += done.stored;
            appended.duplicates += done.duplicates;
            appended.conflicts += done.conflicts;
            rest = &rest[same..];
        }
        self.accepted.clear();
    }

    /// Puts a sample of the log into the head.
    pub(crate) fn replay(&mut self, head: &Head, slot: u32, time: i64, value: f64) {
        self.grow(slot);
        let newest = &mut self.newest[slot as usize];
        let late = time <= newest.0;
        if !late {
            *newest = (time, value.to_bits());
        }
        self.newest_ms = self.newest_ms.max(Some(time));
        self.behind += u64::from(time < self.boundary);
        self.accepted.push(Sample { slot, late, time, value });
        if self.accepted.len() >= 4096 {
            self.apply(head, &mut Appended::default());
        }
    }

    /// Ends a replay.
    pub(crate) fn finish_replay(&mut self, head: &Head) {
        self.apply(head, &mut Appended::default());
    }

    /// The newest sample of a slot is what its data says.
    pub(crate) fn reload(&mut self, head: &Head, slot: u32) {
        self.grow(slot);
        let newest = head.with(slot, |data| data.newest(&mut self.scratch)).flatten();
        self.newest[slot as usize] =
            newest.map_or(NOTHING, |(time, value)| (time, value.to_bits()));
    }

    /// The slot is another series' from now on.
    pub(crate) fn clear(&mut self, slot: u32) {
        self.grow(slot);
        self.newest[slot as usize] = NOTHING;
    }

    /// The time of the newest sample of a slot.
    pub(crate) fn newest_of(&self, slot: u32) -> i64 {
        self.newest.get(slot as usize).map_or(NOTHING.0, |(time, _)| *time)
    }

    fn grow(&mut self, slot: u32) {
        if self.newest.len() <= slot as usize {
            self.newest.resize(slot as usize + 1, NOTHING);
        }
    }

    /// Notes that samples of a row are refused.
    fn refuse(
        context: &Context<'_>,
        appended: &mut Appended,
        row: usize,
        samples: usize,
        reason: Reason,
    ) {
        context.counters.refuse(reason.word(), samples as u64);
        appended.refused_samples += samples as u64;
        let named = appended.refused.last().is_some_and(|last| last.row == row);
        if !named && appended.refused.len() < MOST_NAMED {
            appended.refused.push(Refused { row, reason });
        }
    }
}
