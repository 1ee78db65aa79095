//! Answers to queries: series of the head and of blocks as one.

use std::cell::RefCell;
use std::sync::Arc;

use hashbrown::HashMap;
use model::labels::Labels;
use model::series::{Matcher, Samples, Series, SeriesSource, SourceError};

use crate::block::BlockIndex;
use crate::head::Scratch;
use crate::matching;
use crate::store::Store;
use crate::view::View;

thread_local! {
    /// Room for unpacking, kept by each thread that reads.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What one selection holds on to: the view, and the indexes of its blocks.
#[derive(Debug)]
pub(crate) struct Held {
    view: Arc<View>,
    /// As many as blocks; none where a block is outside the range.
    pub indexes: Vec<Option<Arc<BlockIndex>>>,
}

/// One series, in the head, in blocks, or both.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    store: &'a Store,
    held: Arc<Held>,
    /// Slot and id.
    head: Option<(u32, u64)>,
    /// Number of the block, number of the series in it.
    blocks: Vec<(u32, u32)>,
}

impl Store {
    /// The view and the indexes of its blocks that have samples in a range.
    pub(crate) fn hold(&self, from: i64, to: i64) -> Held {
        let view = self.view();
        let indexes = view.blocks.iter().map(|block| {
            let within = block.foot.first <= to && block.foot.last >= from;
            if within { block.index() } else { None }
        });
        let indexes = indexes.collect();
        Held { view, indexes }
    }

    pub(crate) fn find(&self, matchers: &[Matcher], from: i64, to: i64) -> Vec<Found<'_>> {
        let held = Arc::new(self.hold(from, to));
        let indexes = || (0u32..).zip(&held.indexes).filter_map(|(at, i)| Some((at, i.as_ref()?)));
        let mut found: Vec<Found<'_>> = Vec::new();
        let mut known: HashMap<u128, usize> = HashMap::new();
        // Where there is no block in the range, nothing has to be known again.
        let joins = indexes().next().is_some();
        let new = || Found { store: self, held: Arc::clone(&held), head: None, blocks: Vec::new() };
        {
            let index = self.head.index();
            for slot in matching::select(&*index, matchers) {
                if joins {
                    known.insert(index.hash(slot), found.len());
                }
                found.push(Found { head: Some((slot, index.id(slot))), ..new() });
            }
        }
        for (block, index) in indexes() {
            for series in matching::select(&**index, matchers) {
                let at = *known.entry(index.hash(series)).or_insert_with(|| {
                    found.push(new());
                    found.len() - 1
                });
                found[at].blocks.push((block, series));
            }
        }
        found
    }
}

impl Found<'_> {
    /// Does it reach into a range? In the head its chunks say so, in a block its times.
    pub(crate) fn within(&self, from: i64, to: i64) -> bool {
        let of_head = self.head.is_some_and(|head| self.store.head.reaches(head, (from, to)));
        of_head
            || self.blocks.iter().any(|(at, series)| {
                let index = self.held.indexes[*at as usize].as_ref();
                index.is_some_and(|i| {
                    self.held.view.blocks[*at as usize].has(i, *series, (from, to))
                })
            })
    }
}

impl SeriesSource for Store {
    fn select(
        &self,
        matchers: &[Matcher],
        from: i64,
        to: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        let found = self.find(matchers, from, to);
        Ok(found.into_iter().map(|series| Box::new(series) as Box<dyn Series + '_>).collect())
    }
}

impl Series for Found<'_> {
    fn labels(&self) -> Labels {
        let of_head = self.head.and_then(|(slot, id)| self.store.head.labels(slot, id));
        of_head
            .or_else(|| {
                let (block, series) = self.blocks.first()?;
                Some(self.held.indexes.get(*block as usize)?.as_ref()?.labels(*series))
            })
            .unwrap_or_default()
    }

    fn read(&self, from: i64, to: i64, into: &mut Samples) -> Result<(), SourceError> {
        let start = into.len();
        for (at, series) in &self.blocks {
            let block = &self.held.view.blocks[*at as usize];
            if block.foot.first <= to
                && block.foot.last >= from
                && let Some(index) = &self.held.indexes[*at as usize]
            {
                block.read(index, *series, (from, to), into);
            }
        }
        if let Some(head) = self.head {
            let cut = self.held.view.cut;
            SCRATCH.with_borrow_mut(|scratch| {
                self.store.head.read(head, (from, to), cut, scratch, into);
            });
        }
        put_in_order(into, start);
        Ok(())
    }

    fn newest(
        &self,
        from: i64,
        to: i64,
        room: &mut Samples,
    ) -> Result<Option<(i64, f64)>, SourceError> {
        let of_head = self.head.and_then(|head| {
            SCRATCH.with_borrow_mut(|scratch| self.store.head.newest(head, (from, to), scratch))
        });
        let least = of_head.map_or(from, |(time, _)| time);
        // A late sample may be the only one in the head, with newer ones in a block.
        let newer = |at: u32| {
            let foot = &self.held.view.blocks[at as usize].foot;
            foot.first <= to && foot.last >= least
        };
        match of_head {
            Some(found) if !self.blocks.iter().any(|(at, _)| newer(*at)) => Ok(Some(found)),
            _ => {
                room.clear();
                self.read(least, to, room)?;
                Ok(room.times.last().copied().zip(room.values.last().copied()))
            }
        }
    }
}

/// Puts what was read from `start` on in order, each time once: the first that was read stands.
pub(crate) fn put_in_order(samples: &mut Samples, start: usize) {
    let times = &samples.times[start..];
    if times.windows(2).all(|pair| pair[0] < pair[1]) {
        return;
    }
    let tail = times.iter().copied().zip(samples.values[start..].iter().copied());
    let mut all: Vec<(i64, f64)> = tail.collect();
    all.sort_by_key(|(time, _)| *time);
    all.dedup_by_key(|(time, _)| *time);
    samples.times.truncate(start);
    samples.values.truncate(start);
    for (time, value) in all {
        samples.push(time, value);
    }
}
