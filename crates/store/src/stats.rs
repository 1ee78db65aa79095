//! Figures of a store.

use std::sync::atomic::Ordering::Relaxed;

use crate::lock::lock;
use crate::outcome::Stats;
use crate::store::Store;

pub(crate) fn of(store: &Store) -> Stats {
    let log = lock(&store.writer).journal.stats();
    let counters = &store.counters;
    let mut stats = Stats {
        log_bytes: log.bytes,
        log_segments: log.segments,
        appended_samples: counters.appended.load(Relaxed),
        duplicates: counters.duplicates.load(Relaxed),
        conflicts: counters.conflicts.load(Relaxed),
        refused: counters.refused(),
        cuts: counters.cuts.load(Relaxed),
        failed_cuts: counters.failed_cuts.load(Relaxed),
        blocks_dropped: counters.dropped.load(Relaxed),
        full: counters.full.load(Relaxed),
        ..Stats::default()
    };
    add_head(store, &mut stats);
    let view = store.view();
    stats.blocks = view.blocks.len() as u64;
    stats.block_bytes = view.blocks.iter().map(|block| block.bytes).sum();
    stats.block_samples = view.blocks.iter().map(|block| block.foot.samples).sum();
    stats.block_oldest_ms = view.blocks.iter().map(|block| block.foot.first).min();
    stats.damaged_places = store.damage.places();
    stats.cache_bytes = store.cache.bytes() as u64;
    stats
}

fn add_head(store: &Store, stats: &mut Stats) {
    let index = store.head.index();
    stats.series = index.len() as u64;
    stats.label_pairs = index.pair_count() as u64;
    stats.head_bytes = index.bytes() as u64;
    for slot in index.slots() {
        store.head.with(slot, |data| {
            let (samples, bytes) = data.size();
            stats.head_samples += samples;
            stats.head_bytes += bytes;
            stats.head_oldest_ms = stats.head_oldest_ms.into_iter().chain(data.oldest()).min();
            stats.head_newest_ms = stats.head_newest_ms.max(data.last());
        });
    }
}
