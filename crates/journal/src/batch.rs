//! Records on their way into one segment: framed while they are written, so that an append is one
//! write of one buffer and no payload is copied twice.

use crate::error::AppendError;
use crate::frame::{self, FRAME, Position};

/// The longest record: what one append of the largest body should need, and a bound for a reader.
pub const MAX_RECORD_BYTES: usize = 64 << 20;
/// The longest batch, framed; a segment exceeds its size by at most this.
pub const MAX_BATCH_BYTES: usize = 128 << 20;
/// A buffer larger than this is given back after the append that needed it.
const KEPT_BYTES: usize = 4 << 20;

/// The records of one append, in the order in which they are pushed.
#[derive(Debug, Default)]
pub struct Batch {
    framed: Vec<u8>,
    /// Where in the segment `framed` will lie.
    offset: u64,
    seed: u32,
    first: u64,
    count: u64,
    too_large: Option<TooLarge>,
}

#[derive(Debug, Clone, Copy)]
enum TooLarge {
    Record,
    Batch,
}

impl Batch {
    /// Begin anew for a place in a segment.
    pub(crate) fn begin(&mut self, segment: u64, offset: u64, first: u64) {
        self.framed.clear();
        self.offset = offset;
        self.seed = frame::seed(segment);
        self.first = first;
        self.count = 0;
        self.too_large = None;
    }

    /// Add a record of the caller's kind; returns its sequence, which it has if the append succeeds.
    ///
    /// A record over [`MAX_RECORD_BYTES`] or a batch over [`MAX_BATCH_BYTES`] makes the append fail.
    pub fn push(&mut self, kind: u8, payload: &[u8]) -> u64 {
        let mut record = self.record(kind);
        record.put(payload);
        record.finish()
    }

    /// Add a record piece by piece, for payloads that are encoded in place.
    pub fn record(&mut self, kind: u8) -> RecordWriter<'_> {
        let sequence = self.first + self.count;
        let seed = self.seed;
        let start = self.open_frame();
        RecordWriter { batch: self, kind, sequence, start, seed, begun: false, length: 0 }
    }

    /// Records in it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sequence that the next record gets.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.first + self.count
    }

    /// Make room for a header, past padding where none fits; returns where it begins.
    fn open_frame(&mut self) -> usize {
        let left = self.left();
        if frame::is_padding(left) {
            self.framed.resize(self.framed.len() + left, 0);
        }
        let start = self.framed.len();
        self.framed.resize(start + FRAME, 0);
        start
    }

    fn left(&self) -> usize {
        frame::left_in_block(self.offset + self.framed.len() as u64)
    }

    /// What to write, if an append takes it.
    pub(crate) fn framed(&self) -> Result<&[u8], AppendError> {
        match self.too_large {
            None => Ok(&self.framed),
            Some(TooLarge::Record) => Err(AppendError::RecordTooLarge { limit: MAX_RECORD_BYTES }),
            Some(TooLarge::Batch) => Err(AppendError::BatchTooLarge { limit: MAX_BATCH_BYTES }),
        }
    }

    /// Give back a buffer that one large batch needed.
    pub(crate) fn shrink(&mut self) {
        if self.framed.capacity() > KEPT_BYTES {
            self.framed.clear();
            self.framed.shrink_to(KEPT_BYTES);
        }
    }
}

/// Writes one record; it ends with [`RecordWriter::finish`] or when it is dropped.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    batch: &'a mut Batch,
    kind: u8,
    sequence: u64,
    /// Where the open frame's header begins in the batch.
    start: usize,
    seed: u32,
    begun: bool,
    length: usize,
}

impl RecordWriter<'_> {
    /// Add bytes to the record's payload.
    pub fn put(&mut self, mut bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len());
        if self.length > MAX_RECORD_BYTES {
            self.batch.too_large = Some(TooLarge::Record);
        } else if self.batch.framed.len() + bytes.len() > MAX_BATCH_BYTES {
            self.batch.too_large = Some(TooLarge::Batch);
        }
        if self.batch.too_large.is_some() {
            return;
        }
        let frames = bytes.len() / frame::BLOCK + 2;
        self.batch.framed.reserve(bytes.len() + frames * 2 * FRAME);
        loop {
            let left = self.left_in_frame();
            let (part, rest) = bytes.split_at(bytes.len().min(left));
            self.batch.framed.extend_from_slice(part);
            bytes = rest;
            if bytes.is_empty() {
                return;
            }
            let position = if self.begun { Position::Middle } else { Position::First };
            self.seal(position);
            self.begun = true;
            self.start = self.batch.open_frame();
        }
    }

    /// End the record; returns its sequence.
    pub fn finish(self) -> u64 {
        self.sequence
    }

    /// Bytes that the open frame still takes. A frame that ends with its block is full, though the
    /// offset then says that a whole block is left.
    fn left_in_frame(&self) -> usize {
        let begins = self.batch.offset + self.start as u64;
        let used = self.batch.framed.len() - self.start;
        frame::left_in_block(begins) - used
    }

    fn seal(&mut self, position: Position) {
        let frame = &mut self.batch.framed[self.start..];
        self.seed = frame::seal(frame, position, self.kind, self.sequence, self.seed);
    }
}

impl Drop for RecordWriter<'_> {
    fn drop(&mut self) {
        let position = if self.begun { Position::Last } else { Position::Whole };
        self.seal(position);
        self.batch.count += 1;
    }
}
