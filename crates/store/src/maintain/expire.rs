//! Retention: blocks go by age, and the oldest by bytes. Nothing else ever drops a sample that was
//! acknowledged.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::Maintenance;
use crate::block::Block;
use crate::lock::lock;
use crate::store::Store;
use crate::view::View;

impl Store {
    pub(super) fn expire(&self, state: &mut Maintenance, now_ms: i64, lines: &mut Vec<String>) {
        let view = self.view();
        let mut by_age: Vec<&Arc<Block>> = view.blocks.iter().collect();
        by_age.sort_by_key(|block| (block.foot.end, block.foot.start));
        let log = lock(&self.writer).journal.stats().bytes;
        let mut bytes = log + view.blocks.iter().map(|block| block.bytes).sum::<u64>();
        let oldest = now_ms.saturating_sub(self.options.retention_ms);
        let most = self.options.retention_bytes.unwrap_or(u64::MAX);
        let mut gone = Vec::new();
        for block in by_age {
            if block.foot.last >= oldest && bytes <= most {
                break;
            }
            bytes -= block.bytes;
            gone.push(block.id);
        }
        if !gone.is_empty() {
            self.drop_blocks(state, &view, &gone, lines);
            self.counters.dropped.fetch_add(gone.len() as u64, Relaxed);
        }
    }

    /// Takes blocks away; who reads them now still can.
    pub(super) fn drop_blocks(
        &self,
        state: &mut Maintenance,
        view: &View,
        gone: &[u64],
        lines: &mut Vec<String>,
    ) {
        let (gone, blocks): (Vec<_>, Vec<_>) =
            view.blocks.iter().cloned().partition(|block| gone.contains(&block.id));
        self.replace_view(state, View { blocks, cut: view.cut });
        for block in gone {
            self.cache.forget(block.id);
            match self.disk.remove(&block.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    lines.push(format!("cannot remove {}: {error}", block.path.display()));
                }
                _ => {}
            }
        }
    }
}
