//! Opening: blocks are listed, and what the log has beyond them goes back into the head.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};

use journal::{Disk, Journal, JournalError};

use crate::block::{self, Bad, Block, Opener};
use crate::cache::Cache;
use crate::counters::Counters;
use crate::error::OpenError;
use crate::hash::Key;
use crate::head::Head;
use crate::lock::lock;
use crate::maintain::{Committed, Maintenance, read_committed};
use crate::options::Options;
use crate::store::Store;
use crate::view::View;
use crate::wal::{Decoder, Encoder, Listener};
use crate::window::DAY_MS;
use crate::writer::{Context, Writer};

/// The folder of the log.
pub(crate) const LOG: &str = "wal";
/// The folder of the blocks.
pub(crate) const BLOCKS: &str = "blocks";
/// The log's cursor: what is before it is in blocks.
pub(crate) const CURSOR: &str = "blocks";
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
    disk.create_folder(&dir.join(BLOCKS)).map_err(folder)?;
    let log_options = journal::Options { segment_bytes: SEGMENT_BYTES, ..Default::default() };
    // The log's lock is the store's: one process per folder.
    let (journal, recovery) = Journal::open(Arc::clone(&disk), &dir.join(LOG), log_options, now_ms)
        .map_err(|error| log_error(&dir, error))?;
    let mut lines: Vec<String> =
        recovery.lines().into_iter().map(|line| format!("log: {line}")).collect();
    let key = Key::random();
    let opener = Opener {
        disk: Arc::clone(&disk),
        cache: Arc::new(Cache::new(options.cache_bytes)),
        damage: Arc::default(),
        key: key.clone(),
    };
    let oldest = now_ms.saturating_sub(options.retention_ms);
    let blocks = open_blocks(&opener, &dir.join(BLOCKS), Some(oldest), &mut lines)?;
    let committed = read_committed(&*disk, &dir.join(BLOCKS)).unwrap_or_else(|line| {
        lines.push(line);
        None
    });
    let number = blocks.iter().map(|block| block.foot.cut).chain(committed.map(|c| c.cut)).max();
    let state = Maintenance::after(number.unwrap_or(0), blocks.len() as u64);
    let mut writer = Writer::new(journal, Encoder::new().map_err(folder)?);
    writer.boundary = committed.map_or(i64::MIN, |committed| committed.boundary);
    writer.newest_ms = blocks.iter().map(|block| block.foot.last).max();
    let view = View { blocks, cut: number.unwrap_or(0) };
    let store = Store {
        head: Head::new(key.clone()),
        disk,
        options,
        key,
        writer: Mutex::new(writer),
        sync: Mutex::default(),
        view: RwLock::new(Arc::new(view)),
        cache: opener.cache,
        damage: opener.damage,
        maintenance: Mutex::new(state),
        counters: Counters::default(),
    };
    replay(&store, committed, now_ms, &mut lines).map_err(|error| log_error(&dir, error))?;
    Ok((store, lines))
}

fn log_error(dir: &Path, cause: JournalError) -> OpenError {
    OpenError::Log { dir: dir.to_owned(), cause: Box::new(cause) }
}

/// Opens the blocks of a folder, by window, then by age. A damaged one is named and left where
/// it is. With `oldest`, what was not finished and what is damaged and older than that is removed.
pub(crate) fn open_blocks(
    opener: &Opener,
    folder: &Path,
    oldest: Option<i64>,
    lines: &mut Vec<String>,
) -> Result<Vec<Arc<Block>>, OpenError> {
    let failed = |cause| OpenError::Folder { path: folder.to_owned(), cause };
    let entries = match opener.disk.list(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        entries => entries.map_err(failed)?,
    };
    let mut blocks: Vec<Arc<Block>> = Vec::new();
    for entry in entries {
        let path = folder.join(&entry.name);
        if entry.name.ends_with(block::UNFINISHED) && oldest.is_some() {
            opener.disk.remove(&path).map_err(failed)?;
        }
        let Some(start) = block::start_of(&entry.name) else { continue };
        match Block::open(opener, &path, blocks.len() as u64 + 1) {
            Ok(block) => blocks.push(Arc::new(block)),
            Err(Bad::Newer(found)) => {
                return Err(OpenError::Newer { path, found, known: block::VERSION });
            }
            Err(_) if oldest.is_some_and(|oldest| start + DAY_MS < oldest) => {
                opener.disk.remove(&path).map_err(failed)?;
            }
            Err(bad) => lines.push(format!(
                "block {} is passed over, its samples are missing: {bad}",
                path.display()
            )),
        }
    }
    blocks.sort_by_key(|block| (block.foot.start, block.foot.cut));
    Ok(blocks)
}

/// Puts what the log has, and the blocks have not, into the head.
fn replay(
    store: &Store,
    committed: Option<Committed>,
    now_ms: i64,
    lines: &mut Vec<String>,
) -> Result<(), JournalError> {
    let mut writer = lock(&store.writer);
    // A log that begins anew beside old blocks has nothing that they stand for.
    let committed = committed.filter(|committed| committed.sequence < writer.journal.stats().next);
    let mut reader = writer.journal.read(0);
    let mut decoder = Decoder::default();
    let context = store.context(now_ms);
    let mut refill = Refill { context, writer: &mut writer, refused: 0, from: i64::MIN };
    while let Some(record) = reader.next_record()? {
        let before = committed.filter(|committed| record.sequence <= committed.sequence);
        refill.from = before.map_or(i64::MIN, |committed| committed.boundary);
        decoder.decode(record.kind, record.payload, &mut refill);
        refill.writer.reach(record.sequence);
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
    /// Samples before this are in blocks.
    from: i64,
}

impl Listener for Refill<'_> {
    fn series(&mut self, labels: &mut Vec<(&str, &str)>) -> Option<u32> {
        let found = self.writer.find_or_add_labels(&self.context, labels);
        self.refused += u64::from(found.is_err());
        found.ok()
    }

    fn sample(&mut self, series: u32, time: i64, value: f64) {
        if time >= self.from {
            self.writer.replay(self.context.head, series, time, value);
        }
    }
}
