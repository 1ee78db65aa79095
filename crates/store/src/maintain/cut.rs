//! Cutting: windows that are over are sealed in the head, written as blocks, and the log before them
//! is let go.
//!
//! The order keeps every acknowledged sample in a block or in the log: the blocks are renamed into
//! their place, then a file says which records they stand for, then the log's cursor moves. A crash
//! in between leaves samples twice, and reading takes each once.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use journal::Disk;
use model::series::Samples;

use super::Maintenance;
use crate::block::{self, Block, BlockIndex, Foot, Plan};
use crate::head::Scratch;
use crate::lock::{lock, write};
use crate::open::{BLOCKS, CURSOR};
use crate::select::put_in_order;
use crate::store::Store;
use crate::view::View;
use crate::window::{self, WINDOW_MS};

/// A window is cut when the newest sample is so far behind its end: most late samples are in it then.
const GRACE_MS: i64 = 10 * 60_000;
/// So many samples for windows that are cut already are written without waiting for the next cut.
const MOST_BEHIND: u64 = 8_000_000;
/// Series that are written between two syncs of the log.
pub(super) const SYNC_EVERY: usize = 2000;

/// What is in blocks: of the log's records up to `sequence` everything before `boundary`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Committed {
    pub cut: u32,
    pub boundary: i64,
    pub sequence: u64,
}

/// A cut that was begun: the head has sealed its chunks.
#[derive(Debug)]
pub(super) struct Pending {
    committed: Committed,
    /// Windows that are still to be written.
    windows: BTreeSet<i64>,
    written: Vec<Arc<Block>>,
}

impl Store {
    /// Begins a cut if one is due, and does what is left of the one that was begun.
    pub(super) fn cut(
        &self,
        state: &mut Maintenance,
        now_ms: i64,
        lines: &mut Vec<String>,
    ) -> Result<(), String> {
        if state.pending.is_none() && state.retired.is_empty() {
            state.pending = self.seal(state);
        }
        let Some(mut pending) = state.pending.take() else { return Ok(()) };
        while let Some(window) = pending.windows.last().copied() {
            match self.write_window(state, &pending, window, lines) {
                Ok(block) => pending.written.extend(block.map(Arc::new)),
                Err(error) => {
                    state.pending = Some(pending);
                    return Err(format!("cannot write the block of {window}: {error}"));
                }
            }
            pending.windows.remove(&window);
        }
        let folder = self.options.dir.join(BLOCKS);
        if let Err(error) = write_committed(&*self.disk, &folder, &pending.committed) {
            state.pending = Some(pending);
            return Err(format!("cannot note what is in blocks: {error}"));
        }
        let committed = pending.committed;
        self.publish(state, pending);
        self.counters.cuts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.forget_written(state);
        self.let_log_go(committed, now_ms, lines);
        Ok(())
    }

    /// Seals what is to be cut; none where nothing is due.
    fn seal(&self, state: &mut Maintenance) -> Option<Pending> {
        let mut writer = lock(&self.writer);
        let boundary = window::start(writer.newest_ms?.saturating_sub(GRACE_MS));
        if boundary <= writer.boundary && writer.behind < MOST_BEHIND {
            return None;
        }
        let boundary = boundary.max(writer.boundary);
        state.number += 1;
        let cut = state.number;
        let mut windows = BTreeSet::new();
        let scratch = &mut writer.scratch;
        self.head.change_all(|_, group| {
            for data in group {
                if data.seal(boundary, cut, scratch) > 0 {
                    windows.extend(data.sealed_windows(cut));
                }
            }
        });
        writer.boundary = boundary;
        writer.behind = 0;
        if windows.is_empty() {
            return None;
        }
        let sequence = writer.journal.stats().next - 1;
        let committed = Committed { cut, boundary, sequence };
        Some(Pending { committed, windows, written: Vec::new() })
    }

    fn write_window(
        &self,
        state: &mut Maintenance,
        pending: &Pending,
        start: i64,
        lines: &mut Vec<String>,
    ) -> io::Result<Option<Block>> {
        let cut = pending.committed.cut;
        let planned = self.plan(start, cut).finish();
        let foot = Foot { start, end: start + WINDOW_MS, cut, ..Foot::default() };
        let path = block::path(&self.options.dir.join(BLOCKS), start, cut, 0);
        let earlier = Earlier::of(&self.view(), start);
        let (mut scratch, mut known) = (Scratch::default(), Samples::default());
        let mut conflicts = 0;
        let mut count = 0;
        let read = |(slot, hash): &(u32, u128), into: &mut Samples| {
            count += 1;
            if count % SYNC_EVERY == 0 {
                lines.extend(self.sync_interval());
            }
            self.head.with(*slot, |data| data.read_sealed(start, cut, &mut scratch, into));
            put_in_order(into, 0);
            conflicts += earlier.leave_out(*hash, &mut known, into);
            Ok(())
        };
        let written = block::write((&*self.disk, &path), foot, &planned, &self.key, read)?;
        self.counters.conflicts.fetch_add(conflicts, std::sync::atomic::Ordering::Relaxed);
        if written.is_none() {
            return Ok(None);
        }
        state.next_id += 1;
        let block = Block::open(&self.opener(), &path, state.next_id);
        block.map(Some).map_err(|bad| io::Error::other(bad.to_string()))
    }

    /// Series that this cut has sealed something of in a window.
    fn plan(&self, start: i64, cut: u32) -> Plan<(u32, u128)> {
        let mut plan = Plan::new(self.key.clone());
        let index = self.head.index();
        for slot in index.slots() {
            let has = self.head.with(slot, |data| data.sealed_windows(cut).any(|w| w == start));
            if has == Some(true) {
                plan.add(index.label_texts(slot), (slot, index.hash(slot)));
            }
        }
        plan
    }

    fn publish(&self, state: &mut Maintenance, pending: Pending) {
        let mut blocks = self.view().blocks.clone();
        blocks.extend(pending.written);
        blocks.sort_by_key(|block| (block.foot.start, block.foot.cut));
        self.replace_view(state, View { blocks, cut: pending.committed.cut });
    }

    /// From now on readers see this.
    pub(super) fn replace_view(&self, state: &mut Maintenance, view: View) {
        let old = std::mem::replace(&mut *write(&self.view), Arc::new(view));
        state.retired.push(old);
    }

    fn let_log_go(&self, committed: Committed, now_ms: i64, lines: &mut Vec<String>) {
        let mut writer = lock(&self.writer);
        let passed = writer.last_before(committed.boundary, committed.sequence);
        writer.reached.retain(|(window, _)| *window >= committed.boundary);
        let journal = &mut writer.journal;
        let gone = journal.set_cursor(CURSOR, passed).and_then(|()| journal.trim(now_ms));
        if let Err(error) = gone {
            lines.push(format!("log: {error}"));
        }
    }
}

/// Blocks of a window that were written before: what they have stands.
struct Earlier {
    blocks: Vec<(Arc<Block>, Arc<BlockIndex>, Series)>,
}

/// Numbers of a block's series by their labels' hash.
type Series = HashMap<u128, u32>;

impl Earlier {
    fn of(view: &View, start: i64) -> Self {
        let within = |block: &&Arc<Block>| block.foot.start <= start && block.foot.end > start;
        let mut blocks = Vec::new();
        for block in view.blocks.iter().filter(within) {
            if let Some(index) = block.index() {
                let known = (0..index.len()).map(|at| (index.hash(at), at)).collect();
                blocks.push((Arc::clone(block), index, known));
            }
        }
        Self { blocks }
    }

    /// Takes out of `samples` what a block has; how many of these have another value there. A part
    /// that cannot be read has nothing.
    fn leave_out(&self, hash: u128, known: &mut Samples, samples: &mut Samples) -> u64 {
        let mut conflicts = 0;
        for (block, index, series) in &self.blocks {
            let (Some(&series), Some(&from), Some(&to)) =
                (series.get(&hash), samples.times.first(), samples.times.last())
            else {
                continue;
            };
            known.clear();
            block.read(index, series, (from, to), known);
            let mut left = Samples::default();
            for (time, value) in samples.times.iter().zip(&samples.values) {
                match known.times.binary_search(time) {
                    Ok(at) => {
                        conflicts += u64::from(known.values[at].to_bits() != value.to_bits());
                    }
                    Err(_) => left.push(*time, *value),
                }
            }
            *samples = left;
        }
        conflicts
    }
}

/// First bytes of the file that says what is in blocks.
const MAGIC: [u8; 8] = *b"gpulseCt";
/// Its bytes: magic, cut, zeros, boundary, sequence, checksum.
const LENGTH: usize = 36;

fn committed_path(folder: &Path) -> PathBuf {
    folder.join("cut")
}

fn write_committed(disk: &dyn Disk, folder: &Path, committed: &Committed) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&committed.cut.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&committed.boundary.to_le_bytes());
    bytes.extend_from_slice(&committed.sequence.to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let unfinished = committed_path(folder).with_extension("tmp");
    let file = disk.create(&unfinished)?;
    file.write_at(&bytes, 0)?;
    file.sync()?;
    disk.rename(&unfinished, &committed_path(folder))?;
    disk.sync_folder(folder)
}

/// What the file says; none where there is none, `Err` where it is damaged: then the whole log is
/// read, and what is twice is taken once.
pub(crate) fn read_committed(disk: &dyn Disk, folder: &Path) -> Result<Option<Committed>, String> {
    let path = committed_path(folder);
    let file = match disk.open_to_read(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let damaged = || format!("{} is damaged: the whole log is read again", path.display());
    let mut bytes = [0; LENGTH];
    let found = file.read_at(&mut bytes, 0).map_err(|_| damaged())?;
    let crc = crc32c::crc32c(&bytes[..32]).to_le_bytes();
    if found != LENGTH || bytes[..8] != MAGIC || bytes[32..] != crc {
        return Err(damaged());
    }
    let word = |at: usize| bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
    Ok(Some(Committed {
        cut: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
        boundary: word(16).cast_signed(),
        sequence: word(24),
    }))
}
