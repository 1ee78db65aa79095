//! A chunk: up to 480 samples of one series in one window, as frames one behind the other.

use model::series::Samples;

use super::frame::{self, Packer, Unpacker};
use crate::window;

/// Most samples of a chunk: two hours at 15 s.
pub(crate) const MOST: usize = 480;
/// A frame with fewer samples is packed anew together with what follows it.
const SMALL_FRAME: usize = 32;

/// What packing and unpacking chunks needs room for.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    packer: Packer,
    unpacker: Unpacker,
    samples: Samples,
    merged: Vec<(i64, f64)>,
}

/// Samples of one window, packed.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub first: i64,
    pub last: i64,
    /// The number of the cut that writes it to a block; 0 while it may still change.
    pub sealed: u32,
    count: u16,
    /// Where the last frame begins, and how many samples it has.
    last_frame: (u32, u8),
    bytes: Vec<u8>,
}

impl Chunk {
    /// A chunk of 1 to [`MOST`] samples, ascending, of one window.
    pub(crate) fn new(samples: &[(i64, f64)], scratch: &mut Scratch) -> Self {
        let first = samples.first().map_or(0, |(time, _)| *time);
        let mut chunk =
            Self { first, last: first, sealed: 0, count: 0, last_frame: (0, 0), bytes: Vec::new() };
        chunk.add(samples, &mut scratch.packer);
        chunk
    }

    /// Are so many more samples one chunk with these?
    pub(crate) fn has_room(&self, time: i64, more: usize) -> bool {
        self.sealed == 0
            && usize::from(self.count) + more <= MOST
            && window::start(self.first) == window::start(time)
    }

    /// Appends samples later than all here.
    pub(crate) fn append(&mut self, samples: &[(i64, f64)], scratch: &mut Scratch) {
        let (start, count) = self.last_frame;
        if usize::from(count) >= SMALL_FRAME {
            return self.add(samples, &mut scratch.packer);
        }
        let start = start as usize;
        let Scratch { packer, unpacker, samples: old, merged } = scratch;
        old.clear();
        let whole = (i64::MIN, i64::MAX);
        let read = unpacker.unpack(&self.bytes[start..], self.first, whole, old);
        debug_assert!(read.is_some(), "a frame in memory is whole");
        merged.clear();
        merged.extend(old.times.iter().copied().zip(old.values.iter().copied()));
        merged.extend_from_slice(samples);
        self.bytes.truncate(start);
        self.count -= u16::from(count);
        self.add(merged, packer);
    }

    fn add(&mut self, samples: &[(i64, f64)], packer: &mut Packer) {
        for part in samples.chunks(frame::MOST) {
            let start = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
            packer.pack(&mut self.bytes, self.first, part);
            self.last_frame = (start, u8::try_from(part.len()).unwrap_or(u8::MAX));
        }
        self.count += u16::try_from(samples.len()).unwrap_or(u16::MAX);
        self.last = samples.last().map_or(self.last, |(time, _)| *time);
    }

    /// Puts samples (ascending) among these; those whose time is taken are left out. Returns what
    /// there is instead, in one chunk or two.
    pub(crate) fn merge(
        &self,
        late: &[(i64, f64)],
        scratch: &mut Scratch,
        mut taken: impl FnMut(f64, f64),
    ) -> (Self, Option<Self>) {
        let mut old = std::mem::take(&mut scratch.samples);
        old.clear();
        self.read((i64::MIN, i64::MAX), scratch, &mut old);
        let mut merged = std::mem::take(&mut scratch.merged);
        merged.clear();
        let mut late = late.iter().peekable();
        for (&time, &value) in old.times.iter().zip(&old.values) {
            while let Some(sample) = late.next_if(|(at, _)| *at < time) {
                merged.push(*sample);
            }
            while let Some((_, other)) = late.next_if(|(at, _)| *at == time) {
                taken(value, *other);
            }
            merged.push((time, value));
        }
        merged.extend(late);
        let half = if merged.len() > MOST { merged.len() / 2 } else { merged.len() };
        let (head, tail) = merged.split_at(half);
        let parts =
            (Self::new(head, scratch), (!tail.is_empty()).then(|| Self::new(tail, scratch)));
        scratch.samples = old;
        scratch.merged = merged;
        parts
    }

    /// Appends the samples of a range.
    pub(crate) fn read(&self, range: (i64, i64), scratch: &mut Scratch, into: &mut Samples) {
        let read = scratch.unpacker.unpack(&self.bytes, self.first, range, into);
        debug_assert!(read.is_some(), "a frame in memory is whole");
    }

    /// How many samples.
    pub(crate) fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.capacity()
    }

    /// Gives back room that is not used.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }
}
