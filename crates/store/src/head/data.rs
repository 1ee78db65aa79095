//! The samples of one series in the head: chunks of packed samples, and the newest few as they are.
//!
//! Samples come in order almost always: they go to the tail, which is packed when it is full. A late
//! sample goes among those of its window. What a cut has sealed does not change any more: a late
//! sample of such a window begins another chunk, which may overlap, and what was first stands.

use model::series::Samples;

use super::chunk::{self, Chunk, Scratch};
use crate::window;

/// Samples that are kept unpacked; packed together when there are so many.
const TAIL: usize = 32;

/// Samples of one series.
#[derive(Debug, Default)]
pub(crate) struct Data {
    /// By their first time. Those that are not sealed do not overlap each other.
    chunks: Vec<Chunk>,
    /// Of one window, ascending, later than all chunks.
    tail: Vec<(i64, f64)>,
}

/// What became of late samples.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Late {
    pub stored: u64,
    pub duplicates: u64,
    pub conflicts: u64,
}

impl Late {
    fn add(&mut self, more: Self) {
        self.stored += more.stored;
        self.duplicates += more.duplicates;
        self.conflicts += more.conflicts;
    }

    fn taken(&mut self, first: f64, other: f64) {
        if first.to_bits() == other.to_bits() {
            self.duplicates += 1;
        } else {
            self.conflicts += 1;
        }
    }
}

impl Data {
    /// The newest sample; none where there is no sample.
    pub(crate) fn newest(&self, scratch: &mut Scratch) -> Option<(i64, f64)> {
        if let Some(last) = self.tail.last() {
            return Some(*last);
        }
        let chunk = self.chunks.iter().max_by_key(|chunk| chunk.last)?;
        let mut samples = Samples::default();
        chunk.read((chunk.last, chunk.last), scratch, &mut samples);
        Some((chunk.last, *samples.values.first()?))
    }

    /// Appends a sample later than all here.
    #[inline]
    pub(crate) fn push(&mut self, time: i64, value: f64, scratch: &mut Scratch) {
        let first = self.tail.first().map_or(time, |(first, _)| *first);
        if self.tail.len() >= TAIL || time >= window::start(first) + window::WINDOW_MS {
            self.pack_tail(scratch);
        }
        self.tail.push((time, value));
    }

    fn pack_tail(&mut self, scratch: &mut Scratch) {
        let Some(&(first, _)) = self.tail.first() else { return };
        let tail = std::mem::take(&mut self.tail);
        match self.chunks.last_mut() {
            Some(last) if last.has_room(first, tail.len()) => last.append(&tail, scratch),
            before => {
                if let Some(before) = before {
                    before.shrink();
                }
                self.insert(Chunk::new(&tail, scratch));
            }
        }
        self.tail = tail;
        self.tail.clear();
    }

    fn insert(&mut self, chunk: Chunk) {
        let at = self.chunks.partition_point(|other| other.first <= chunk.first);
        self.chunks.insert(at, chunk);
    }

    /// Puts late samples, ascending, among those that are here. Of two of one time the first stands.
    pub(crate) fn push_late(&mut self, late: &[(i64, f64)], scratch: &mut Scratch) -> Late {
        if !late.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return self.push_distinct(late, scratch);
        }
        let mut twice = Late::default();
        let mut distinct = late.to_vec();
        distinct.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                twice.taken(first.1, later.1);
            }
            same
        });
        let mut done = self.push_distinct(&distinct, scratch);
        done.add(twice);
        done
    }

    fn push_distinct(&mut self, mut late: &[(i64, f64)], scratch: &mut Scratch) -> Late {
        let mut done = Late::default();
        while let Some(&(time, value)) = late.first() {
            let in_tail = self.tail.first().is_some_and(|(first, _)| time >= *first);
            if in_tail {
                self.put_in_tail(time, value, scratch, &mut done);
                late = &late[1..];
                continue;
            }
            let host = self.host(time);
            let count = late.iter().take_while(|(time, _)| self.shares(host, *time)).count();
            let (run, rest) = late.split_at(count.clamp(1, chunk::MOST));
            self.put_in_chunk(host, run, scratch, &mut done);
            late = rest;
        }
        done
    }

    fn put_in_tail(&mut self, time: i64, value: f64, scratch: &mut Scratch, done: &mut Late) {
        match self.tail.binary_search_by_key(&time, |(time, _)| *time) {
            Ok(at) => done.taken(self.tail[at].1, value),
            Err(at) => {
                done.stored += 1;
                let fits = self
                    .tail
                    .first()
                    .is_none_or(|(first, _)| time < window::start(*first) + window::WINDOW_MS);
                if at == self.tail.len() || !fits {
                    return self.push(time, value, scratch);
                }
                self.tail.insert(at, (time, value));
                if self.tail.len() > 2 * TAIL {
                    self.pack_tail(scratch);
                }
            }
        }
    }

    /// The open chunk that a late sample belongs to: the last that begins no later in its window,
    /// else the first that follows in it.
    fn host(&self, time: i64) -> Option<usize> {
        let open = |at: &usize| {
            let chunk = &self.chunks[*at];
            chunk.sealed == 0 && window::start(chunk.first) == window::start(time)
        };
        let after = self.chunks.partition_point(|chunk| chunk.first <= time);
        (0..after).rev().find(open).or_else(|| (after..self.chunks.len()).find(open))
    }

    /// Does this time belong to the same chunk, or to the same new one?
    fn shares(&self, host: Option<usize>, time: i64) -> bool {
        let in_tail = self.tail.first().is_some_and(|(first, _)| time >= *first);
        !in_tail && self.host(time) == host
    }

    fn put_in_chunk(
        &mut self,
        host: Option<usize>,
        run: &[(i64, f64)],
        scratch: &mut Scratch,
        done: &mut Late,
    ) {
        let Some(host) = host else {
            // No chunk of its window is open: as many as are of one window begin one.
            for (at, part) in
                run.chunk_by(|a, b| window::start(a.0) == window::start(b.0)).enumerate()
            {
                if at == 0 {
                    done.stored += part.len() as u64;
                    self.insert(Chunk::new(part, scratch));
                } else {
                    done.add(self.push_distinct(part, scratch));
                }
            }
            return;
        };
        let chunk = &mut self.chunks[host];
        let first = run.first().map_or(0, |(time, _)| *time);
        if first > chunk.last && chunk.has_room(first, run.len()) {
            done.stored += run.len() as u64;
            return chunk.append(run, scratch);
        }
        let before = chunk.count();
        let (merged, rest) = chunk.merge(run, scratch, |first, other| done.taken(first, other));
        let after = merged.count() + rest.as_ref().map_or(0, Chunk::count);
        done.stored += (after - before) as u64;
        self.chunks.remove(host);
        self.insert(merged);
        if let Some(rest) = rest {
            self.insert(rest);
        }
    }

    /// The value at a time, if there is one.
    pub(crate) fn at(&self, time: i64, scratch: &mut Scratch) -> Option<f64> {
        if let Ok(at) = self.tail.binary_search_by_key(&time, |(time, _)| *time) {
            return Some(self.tail[at].1);
        }
        let mut samples = Samples::default();
        let holds = |chunk: &&Chunk| (chunk.first..=chunk.last).contains(&time);
        let (sealed, open) =
            self.chunks.iter().filter(holds).partition::<Vec<_>, _>(|c| c.sealed > 0);
        for chunk in sealed.into_iter().chain(open) {
            chunk.read((time, time), scratch, &mut samples);
        }
        samples.values.first().copied()
    }

    /// Appends the samples of a range that are not in blocks up to cut `cut`. What is sealed comes
    /// first, so that it stands where times are equal; the whole is ascending otherwise.
    pub(crate) fn read(
        &self,
        (from, to): (i64, i64),
        cut: u32,
        scratch: &mut Scratch,
        into: &mut Samples,
    ) {
        let within = |chunk: &&Chunk| chunk.first <= to && chunk.last >= from;
        for chunk in self.chunks.iter().filter(within).filter(|c| c.sealed > cut) {
            chunk.read((from, to), scratch, into);
        }
        for chunk in self.chunks.iter().filter(within).filter(|c| c.sealed == 0) {
            chunk.read((from, to), scratch, into);
        }
        let low = self.tail.partition_point(|(time, _)| *time < from);
        let high = self.tail.partition_point(|(time, _)| *time <= to);
        for (time, value) in self.tail.get(low..high).unwrap_or(&[]) {
            into.push(*time, *value);
        }
    }

    /// Does a chunk, or a sample of the tail, reach into a range?
    pub(crate) fn reaches(&self, (from, to): (i64, i64)) -> bool {
        let at = self.tail.partition_point(|(time, _)| *time < from);
        self.tail.get(at).is_some_and(|(time, _)| *time <= to)
            || self.chunks.iter().any(|chunk| chunk.first <= to && chunk.last >= from)
    }

    /// The newest sample of a range, looked for from the end.
    pub(crate) fn newest_in(
        &self,
        (from, to): (i64, i64),
        scratch: &mut Scratch,
    ) -> Option<(i64, f64)> {
        let high = self.tail.partition_point(|(time, _)| *time <= to);
        if let Some(&(time, value)) = high.checked_sub(1).and_then(|at| self.tail.get(at)) {
            return (time >= from).then_some((time, value));
        }
        let mut samples = Samples::default();
        let mut newest: Option<(i64, f64)> = None;
        let within = |chunk: &&Chunk| chunk.first <= to && chunk.last >= from;
        for chunk in self.chunks.iter().rev().filter(within) {
            if newest.is_some_and(|(time, _)| chunk.last < time) {
                continue;
            }
            samples.clear();
            chunk.read((from, to), scratch, &mut samples);
            let found = samples.times.last().copied().zip(samples.values.last().copied());
            if let Some(found) = found
                && newest.is_none_or(|(time, _)| {
                    found.0 > time || (found.0 == time && chunk.sealed != 0)
                })
            {
                newest = Some(found);
            }
        }
        newest
    }

    /// Seals all that is of windows that end at `boundary` or before, for cut `cut`; how many
    /// samples.
    pub(crate) fn seal(&mut self, boundary: i64, cut: u32, scratch: &mut Scratch) -> usize {
        if self.tail.first().is_some_and(|(first, _)| *first < boundary) {
            self.pack_tail(scratch);
        }
        let mut samples = 0;
        for chunk in self.chunks.iter_mut().filter(|c| c.sealed == 0 && c.first < boundary) {
            chunk.sealed = cut;
            samples += chunk.count();
        }
        samples
    }

    /// Appends what cut `cut` sealed of the window that begins at `start`.
    pub(crate) fn read_sealed(
        &self,
        start: i64,
        cut: u32,
        scratch: &mut Scratch,
        into: &mut Samples,
    ) {
        let sealed = self.chunks.iter().filter(|c| c.sealed == cut);
        for chunk in sealed.filter(|c| window::start(c.first) == start) {
            chunk.read((i64::MIN, i64::MAX), scratch, into);
        }
    }

    /// Windows that cut `cut` sealed something of.
    pub(crate) fn sealed_windows(&self, cut: u32) -> impl Iterator<Item = i64> {
        self.chunks.iter().filter(move |c| c.sealed == cut).map(|c| window::start(c.first))
    }

    /// Forgets what cuts up to `cut` sealed.
    pub(crate) fn forget(&mut self, cut: u32) {
        self.chunks.retain(|chunk| chunk.sealed == 0 || chunk.sealed > cut);
        if self.chunks.is_empty() {
            self.chunks = Vec::new();
        }
    }

    /// Is there anything?
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
    }

    /// Samples and bytes of memory.
    pub(crate) fn size(&self) -> (u64, u64) {
        let packed: usize = self.chunks.iter().map(Chunk::count).sum();
        let bytes: usize = self.chunks.iter().map(Chunk::bytes).sum();
        let tail = self.tail.capacity() * size_of::<(i64, f64)>();
        ((packed + self.tail.len()) as u64, (bytes + tail + size_of::<Self>()) as u64)
    }

    /// The oldest time.
    pub(crate) fn oldest(&self) -> Option<i64> {
        let tail = self.tail.first().map(|(time, _)| *time);
        self.chunks.first().map(|chunk| chunk.first).into_iter().chain(tail).min()
    }

    /// The newest time.
    pub(crate) fn last(&self) -> Option<i64> {
        let tail = self.tail.last().map(|(time, _)| *time);
        self.chunks.iter().map(|chunk| chunk.last).chain(tail).max()
    }
}
