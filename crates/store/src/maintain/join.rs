//! Putting blocks together: those of a day once no late sample can come for it, and those of one
//! window when late samples made many. Fewer files to ask, and labels are written once.
//!
//! Blocks with damage stay as they are: what cannot be read now might be read again, and joining
//! would make its loss final.

use std::io;
use std::sync::Arc;

use hashbrown::HashMap;
use model::series::Samples;

use super::Maintenance;
use super::cut::SYNC_EVERY;
use crate::block::{self, Block, BlockIndex, Foot, Plan};
use crate::lock::lock;
use crate::open::BLOCKS;
use crate::select::put_in_order;
use crate::store::Store;
use crate::view::View;
use crate::window::DAY_MS;

/// So many blocks of one window are put together before the day is over.
const MANY: usize = 4;

/// Where a series is: place of the block, number in it.
type Places = Vec<(usize, u32)>;

impl Store {
    /// Puts one set of blocks together, if there is one.
    pub(super) fn join(&self, state: &mut Maintenance, lines: &mut Vec<String>) {
        if state.pending.is_some() || !state.retired.is_empty() {
            return;
        }
        let view = self.view();
        let boundary = lock(&self.writer).boundary;
        let Some(blocks) = self.joinable(state, &view, boundary) else { return };
        let start = blocks[0].foot.start;
        match self.write_joined(state, &blocks, lines) {
            Ok(Some(joined)) => {
                let gone: Vec<u64> = blocks.iter().map(|block| block.id).collect();
                let mut all = view.blocks.clone();
                all.push(Arc::new(joined));
                all.sort_by_key(|block| (block.foot.start, block.foot.cut));
                self.drop_blocks(state, &View { blocks: all, cut: view.cut }, &gone, lines);
            }
            Ok(None) => {}
            Err(error) => {
                // Room may come back; damage does not go away.
                if error.kind() != io::ErrorKind::StorageFull {
                    state.apart.insert(start);
                }
                lines.push(format!("cannot put the blocks from {start} on together: {error}"));
            }
        }
    }

    /// The blocks of a day that is over, or of a window that has many.
    fn joinable(&self, state: &Maintenance, view: &View, boundary: i64) -> Option<Vec<Arc<Block>>> {
        let over = boundary.saturating_sub(self.options.out_of_order_ms.max(0));
        let day = |block: &Arc<Block>| block.foot.start.div_euclid(DAY_MS);
        let is_over = |set: &&[Arc<Block>]| (day(&set[0]) + 1).saturating_mul(DAY_MS) <= over;
        let fits = |set: &&[Arc<Block>]| {
            let bytes: u64 = set.iter().map(|block| block.bytes).sum();
            let space = self.disk.space(&self.options.dir).ok();
            let free = space.is_none_or(|space| space.available > bytes + bytes / 4);
            free && !state.apart.contains(&set[0].foot.start)
        };
        let blocks = &view.blocks;
        let days = blocks.chunk_by(|a, b| day(a) == day(b));
        let mut found = days.filter(|set| set.len() > 1).filter(is_over).find(fits);
        if found.is_none() {
            let windows = blocks.chunk_by(|a, b| a.foot.start == b.foot.start);
            found = windows.filter(|set| set.len() >= MANY).find(fits);
        }
        found.map(<[_]>::to_vec)
    }

    fn write_joined(
        &self,
        state: &mut Maintenance,
        blocks: &[Arc<Block>],
        lines: &mut Vec<String>,
    ) -> io::Result<Option<Block>> {
        let mut indexes = Vec::new();
        for block in blocks {
            indexes.push(block.try_index().map_err(io::Error::other)?);
        }
        let planned = self.plan_joined(&indexes).finish();
        let foot = Foot {
            start: blocks.iter().map(|block| block.foot.start).min().unwrap_or(0),
            end: blocks.iter().map(|block| block.foot.end).max().unwrap_or(0),
            cut: blocks.iter().map(|block| block.foot.cut).max().unwrap_or(0),
            ..Foot::default()
        };
        let folder = self.options.dir.join(BLOCKS);
        // A name that is not taken: the blocks stay until the new one is there.
        let mut names = (1..).map(|joined| block::path(&folder, foot.start, foot.cut, joined));
        let taken = |path: &_| blocks.iter().any(|block| block.path == *path);
        let Some(path) = names.find(|path| !taken(path)) else { return Ok(None) };
        let mut count = 0;
        let read = |places: &Places, into: &mut Samples| {
            count += 1;
            if count % SYNC_EVERY == 0 {
                lines.extend(self.sync_interval());
            }
            for (at, series) in places {
                let whole = (i64::MIN, i64::MAX);
                let read = blocks[*at].try_read(&indexes[*at], *series, whole, into);
                read.map_err(io::Error::other)?;
            }
            put_in_order(into, 0);
            Ok(())
        };
        if block::write((&*self.disk, &path), foot, &planned, &self.key, read)?.is_none() {
            return Ok(None);
        }
        state.next_id += 1;
        let joined = Block::open(&self.opener(), &path, state.next_id);
        joined.map(Some).map_err(|bad| io::Error::other(bad.to_string()))
    }

    fn plan_joined(&self, indexes: &[Arc<BlockIndex>]) -> Plan<Places> {
        let mut places: HashMap<u128, Places> = HashMap::new();
        for (at, index) in indexes.iter().enumerate() {
            for series in 0..index.len() {
                places.entry(index.hash(series)).or_default().push((at, series));
            }
        }
        let mut plan = Plan::new(self.key.clone());
        for places in places.into_values() {
            let (at, series) = places[0];
            plan.add(indexes[at].label_texts(series).into_iter(), places);
        }
        plan
    }
}
