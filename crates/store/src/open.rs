//! Opening: blocks are listed, and what the log has beyond them goes back into the head.

use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use journal::{Disk, Journal, JournalError};

use crate::counters::Counters;
use crate::error::OpenError;
use crate::hash::Key;
use crate::head::Head;
use crate::options::Options;
use crate::store::Store;
use crate::view::View;
use crate::wal::{Decoder, Encoder, Listener};
use crate::writer::{Context, Writer};

/// The folder of the log.
pub(crate) const LOG: &str = "wal";
/// A segment ends with its window; this bounds it where a window has very much.
const SEGMENT_BYTES: u64 = 64 << 20;

/// See [`Store::open`].
pub(crate) fn open(
    disk: Arc<dyn Disk>,
    options: Options,
    now_ms: i64,
) -> Result<(Store, Vec<String>), OpenError> {
    let dir = options.dir.clone();
    let folder = |cause| OpenError::Folder { path: dir.clone(), cause };
    disk.create_folder(&dir).map_err(folder)?;
    let log_options = journal::Options { segment_bytes: SEGMENT_BYTES, ..Default::default() };
    // The log's lock is the store's: one process per folder.
    let (journal, recovery) = Journal::open(Arc::clone(&disk), &dir.join(LOG), log_options, now_ms)
        .map_err(|error| log_error(&dir, error))?;
    let mut lines: Vec<String> =
        recovery.lines().into_iter().map(|line| format!("log: {line}")).collect();
    let key = Key::random();
    let writer = Writer::new(journal, Encoder::new().map_err(folder)?);
    let store = Store {
        head: Head::new(key.clone()),
        disk,
        options,
        key,
        writer: Mutex::new(writer),
        sync: Mutex::default(),
        view: RwLock::new(Arc::new(View::default())),
        counters: Counters::default(),
    };
    replay(&store, now_ms, &mut lines).map_err(|error| log_error(&dir, error))?;
    Ok((store, lines))
}

fn log_error(dir: &Path, cause: JournalError) -> OpenError {
    OpenError::Log { dir: dir.to_owned(), cause: Box::new(cause) }
}

/// Puts what the log has into the head.
fn replay(store: &Store, now_ms: i64, lines: &mut Vec<String>) -> Result<(), JournalError> {
    let mut writer = crate::lock::lock(&store.writer);
    let mut reader = writer.journal.read(0);
    let mut decoder = Decoder::default();
    let mut refill = Refill { context: store.context(now_ms), writer: &mut writer, refused: 0 };
    while let Some(record) = reader.next_record()? {
        decoder.decode(record.kind, record.payload, &mut refill);
    }
    let refused = refill.refused;
    writer.finish_replay(&store.head);
    let damage = reader.damage();
    lines.extend(damage.named.iter().map(|place| format!("log: {place}")));
    let skipped = decoder.skipped;
    let say = |count: u64, what: &str| (count > 0).then(|| format!("log: {count} {what}"));
    lines.extend(say(skipped.records, "records do not hold together and were skipped"));
    lines.extend(say(skipped.unknown, "records of a newer version were skipped"));
    lines.extend(say(skipped.samples, "samples whose labels are damaged were skipped"));
    lines.extend(say(refused, "series are over a limit and were skipped"));
    Ok(())
}

/// Fills the head with what the log says.
struct Refill<'a> {
    context: Context<'a>,
    writer: &'a mut Writer,
    refused: u64,
}

impl Listener for Refill<'_> {
    fn series(&mut self, labels: &mut Vec<(&str, &str)>) -> Option<u32> {
        let found = self.writer.find_or_add_labels(&self.context, labels);
        self.refused += u64::from(found.is_err());
        found.ok()
    }

    fn sample(&mut self, series: u32, time: i64, value: f64) {
        self.writer.replay(self.context.head, series, time, value);
    }
}
