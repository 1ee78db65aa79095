//! The store: one writer at a time, many readers.

use std::path::Path;
use std::sync::Arc;

use journal::Disk;
use model::labels::Labels;
use model::series::{Matcher, Series, SeriesSource, SourceError};

use crate::{
    AppendError, Appended, Batch, CloseError, Latest, Listing, OpenError, Options, Report,
    SeriesRef, Stats,
};

/// Samples of many series, in memory and on disk. Every method may be called from any thread.
#[derive(Debug)]
pub struct Store {
    options: Options,
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
        let _ = (disk, now_ms);
        Ok((Self { options }, Vec::new()))
    }

    /// Takes a batch: when this returns `Ok`, what it says is stored survives a killed process.
    ///
    /// # Errors
    /// None of the batch is stored then.
    pub fn append(&self, now_ms: i64, batch: &Batch<'_>) -> Result<Appended, AppendError> {
        let _ = (now_ms, batch, &self.options);
        Ok(Appended::default())
    }

    /// Cuts blocks, applies retention, forgets idle series and syncs the log, each when due. Call
    /// it every 100 ms to 1 s, from one thread. The sentences say what went wrong, for the log.
    pub fn maintain(&self, now_ms: i64) -> Vec<String> {
        let _ = now_ms;
        Vec::new()
    }

    /// The newest sample from `from_ms` to `to_ms` (both included) of each series of the head that
    /// passes every matcher, in no order.
    pub fn latest(&self, matchers: &[Matcher], from_ms: i64, to_ms: i64) -> Vec<Latest> {
        let _ = (matchers, from_ms, to_ms);
        Vec::new()
    }

    /// The labels of a series that [`Store::latest`] named; none once it left the head.
    pub fn labels(&self, series: SeriesRef) -> Option<Labels> {
        let _ = series;
        None
    }

    /// Names of labels of the series that pass every matcher (none: of all) and may have samples
    /// from `from_ms` to `to_ms`.
    ///
    /// # Errors
    /// A block that cannot be read.
    pub fn label_names(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Listing<String>, SourceError> {
        let _ = (matchers, from_ms, to_ms, limit);
        Ok(Listing { items: Vec::new(), more: false })
    }

    /// Values of a label, as [`Store::label_names`].
    ///
    /// # Errors
    /// A block that cannot be read.
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Listing<String>, SourceError> {
        let _ = (name, matchers, from_ms, to_ms, limit);
        Ok(Listing { items: Vec::new(), more: false })
    }

    /// Label sets of series, as [`Store::label_names`].
    ///
    /// # Errors
    /// A block that cannot be read.
    pub fn series(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        limit: usize,
    ) -> Result<Listing<Labels>, SourceError> {
        let _ = (matchers, from_ms, to_ms, limit);
        Ok(Listing { items: Vec::new(), more: false })
    }

    /// Figures for metrics and status pages.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Puts the log on the medium. The store is closed when it is dropped; what was stored is there
    /// again after the next open.
    ///
    /// # Errors
    /// The medium refused.
    pub fn close(&self, now_ms: i64) -> Result<(), CloseError> {
        let _ = now_ms;
        Ok(())
    }
}

impl SeriesSource for Store {
    fn select(
        &self,
        matchers: &[Matcher],
        from: i64,
        to: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        let _ = (matchers, from, to);
        Ok(Vec::new())
    }
}

/// Reads every byte of the blocks and the log of a folder that no process has open, and checks it.
///
/// # Errors
/// The folder cannot be read at all.
pub fn verify(disk: Arc<dyn Disk>, dir: &Path) -> Result<Report, OpenError> {
    let _ = (disk, dir);
    Ok(Report::default())
}
