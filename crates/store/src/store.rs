//! The store: one writer at a time, many readers.

use std::sync::{Arc, Mutex, RwLock};

use journal::Disk;
use model::labels::Labels;
use model::series::Matcher;

use crate::batch::Batch;
use crate::block::Opener;
use crate::cache::Cache;
use crate::counters::Counters;
use crate::damage::Damage;
use crate::error::{AppendError, CloseError, OpenError};
use crate::hash::Key;
use crate::head::Head;
use crate::lock::{lock, read};
use crate::maintain::Maintenance;
use crate::options::{Fsync, Options};
use crate::outcome::{Appended, Latest, SeriesRef, Stats};
use crate::view::View;
use crate::writer::{Context, Writer};
use crate::{matching, open};

/// Samples of many series, in memory and on disk. Every method may be called from any thread.
#[derive(Debug)]
pub struct Store {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Options,
    pub(crate) key: Key,
    pub(crate) head: Head,
    pub(crate) writer: Mutex<Writer>,
    /// Held while the log is synced: who waits here finds its records durable.
    pub(crate) sync: Mutex<()>,
    pub(crate) view: RwLock<Arc<View>>,
    pub(crate) cache: Arc<Cache>,
    pub(crate) damage: Arc<Damage>,
    pub(crate) maintenance: Mutex<Maintenance>,
    pub(crate) counters: Counters,
}

impl Store {
    /// Opens the store in a folder, made if it is not there, and reads its log. The sentences say
    /// what was found damaged, skipped or lost, for the log.
    ///
    /// # Errors
    /// Another process has the folder, a newer version wrote it, or the disk refuses.
    pub fn open(
        disk: Arc<dyn Disk>,
        options: Options,
        now_ms: i64,
    ) -> Result<(Self, Vec<String>), OpenError> {
        open::open(disk, options, now_ms)
    }

    /// Takes a batch: when this returns `Ok`, what it says is stored survives a killed process.
    ///
    /// # Errors
    /// None of the batch is stored then.
    pub fn append(&self, now_ms: i64, batch: &Batch<'_>) -> Result<Appended, AppendError> {
        let (found, most) = (batch.samples(), self.options.limits.samples_per_batch);
        if found > most {
            self.counters.refuse("batch_limit", found as u64);
            return Err(AppendError::Limit { found, most });
        }
        let hashes = self.hashes(batch);
        let mut writer = lock(&self.writer);
        let appended = writer.append(&self.context(now_ms), batch, &hashes)?;
        let last = writer.journal.stats().next - 1;
        drop(writer);
        if self.options.fsync == Fsync::Always && appended.stored > 0 {
            self.sync_up_to(last).map_err(|error| AppendError::Io(Box::new(error)))?;
        }
        Ok(appended)
    }

    fn hashes(&self, batch: &Batch<'_>) -> Vec<u128> {
        let (mut bytes, mut sorted) = (Vec::new(), Vec::new());
        let rows = (0..batch.rows()).filter_map(|row| batch.row(row));
        rows.map(|row| {
            if let Some(raw) = row.raw {
                return self.key.wide(raw);
            }
            if row.labels.is_sorted() {
                return self.key.labels(row.labels.iter().copied(), &mut bytes);
            }
            sorted.clear();
            sorted.extend_from_slice(row.labels);
            sorted.sort_unstable();
            self.key.labels(sorted.iter().copied(), &mut bytes)
        })
        .collect()
    }

    pub(crate) fn context(&self, now_ms: i64) -> Context<'_> {
        Context {
            head: &self.head,
            key: &self.key,
            options: &self.options,
            counters: &self.counters,
            now_ms,
        }
    }

    /// Makes the log durable up to a sequence; one does it for all who wait.
    pub(crate) fn sync_up_to(&self, sequence: u64) -> Result<(), journal::SyncError> {
        let _one = lock(&self.sync);
        let pending = {
            let mut writer = lock(&self.writer);
            if writer.journal.stats().durable >= sequence {
                return Ok(());
            }
            writer.journal.begin_sync()
        };
        let synced = pending.run();
        lock(&self.writer).journal.finish_sync(synced).map(|_| ())
    }

    /// The newest sample from `from_ms` to `to_ms` (both included) of each series of the head that
    /// passes every matcher, in no order. The head has at least the last ten minutes.
    pub fn latest(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Latest> {
        let mut scratch = crate::head::Scratch::default();
        let index = self.head.index();
        let mut found = Vec::new();
        for slot in matching::select(&*index, matchers) {
            let newest =
                self.head.with(slot, |data| data.newest_in((from_ms, to_ms), &mut scratch));
            if let Some((time, value)) = newest.flatten() {
                found.push(Latest { series: reference(index.id(slot), slot), time, value });
            }
        }
        found
    }

    /// The labels of a series that [`Store::latest`] named; none once it left the head.
    pub fn labels(&self, series: SeriesRef) -> Option<Labels> {
        self.head.labels(series.slot, series.id)
    }

    /// Figures for metrics and status pages.
    pub fn stats(&self) -> Stats {
        crate::stats::of(self)
    }

    /// The blocks and what of the head is not in them, as they are now.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&read(&self.view))
    }

    pub(crate) fn opener(&self) -> Opener {
        Opener {
            disk: Arc::clone(&self.disk),
            cache: Arc::clone(&self.cache),
            damage: Arc::clone(&self.damage),
            key: self.key.clone(),
        }
    }

    /// Puts the log on the medium. The store is closed when it is dropped; what was stored is there
    /// again after the next open.
    ///
    /// # Errors
    /// The medium refused.
    pub fn close(&self, now_ms: i64) -> Result<(), CloseError> {
        let _ = now_ms;
        let last = lock(&self.writer).journal.stats().next - 1;
        self.sync_up_to(last).map_err(|error| CloseError(Box::new(error)))
    }
}

fn reference(id: u64, slot: u32) -> SeriesRef {
    SeriesRef { id, slot }
}
