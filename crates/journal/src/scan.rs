//! One segment's records in order, whatever else its bytes say: what is damaged is stepped over,
//! first within its block, then to the next block.

use std::ops::Range;
use std::sync::Arc;

use crate::batch::MAX_RECORD_BYTES;
use crate::damage::{Damage, DamageLog};
use crate::disk::DiskFile;
use crate::frame::{self, BLOCK, FRAME, Frame, Position};
use crate::index::SegmentId;
use crate::segment::HEADER;

/// How much is read at once: a multiple of [`BLOCK`].
const CHUNK: u64 = 8 * BLOCK as u64;

/// Reads a segment up to a limit that may grow.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// None where the segment's file is gone.
    file: Option<Arc<dyn DiskFile>>,
    segment: u64,
    seed: u32,
    buffer: Vec<u8>,
    /// Where in the file `buffer` lies; a block's start.
    base: u64,
    position: u64,
    limit: u64,
    last: u64,
    end: u64,
    partial: Option<Partial>,
    /// The payload of a record of several frames.
    record: Vec<u8>,
    bad_from: Option<u64>,
    cause: Option<String>,
    read_failed: bool,
    damage: DamageLog,
}

/// A record of which some frames were read.
#[derive(Debug, Clone, Copy)]
struct Partial {
    start: u64,
    frame: Frame,
}

/// A whole record.
#[derive(Debug)]
pub(crate) struct Found {
    pub sequence: u64,
    pub kind: u8,
    payload: Payload,
}

#[derive(Debug)]
enum Payload {
    InBuffer(Range<usize>),
    Assembled,
}

impl Scanner {
    /// Read the segment that begins with `segment`, up to `limit` bytes.
    pub(crate) fn new(file: Arc<dyn DiskFile>, segment: u64, limit: u64) -> Self {
        Self { file: Some(file), limit, ..Self::gone(segment) }
    }

    /// Stands for a segment whose file is gone: it has no record.
    pub(crate) fn gone(segment: u64) -> Self {
        Self {
            file: None,
            segment,
            seed: frame::seed(segment),
            buffer: Vec::new(),
            base: 0,
            position: HEADER as u64,
            limit: 0,
            last: segment.saturating_sub(1),
            end: HEADER as u64,
            partial: None,
            record: Vec::new(),
            bad_from: None,
            cause: None,
            read_failed: false,
            damage: DamageLog::default(),
        }
    }

    pub(crate) fn segment(&self) -> u64 {
        self.segment
    }

    /// The last sequence found; before any, that before the segment's first.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Where the last whole record ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Whether the disk refused to read some of it.
    pub(crate) fn read_failed(&self) -> bool {
        self.read_failed
    }

    /// More may have been committed; false where there is nothing new.
    pub(crate) fn extend_to(&mut self, limit: u64) -> bool {
        let more = self.file.is_some() && limit > self.limit;
        self.limit = self.limit.max(limit);
        more
    }

    /// What was damaged ahead of the last whole record, once.
    pub(crate) fn take_damage(&mut self) -> DamageLog {
        std::mem::take(&mut self.damage)
    }

    /// What follows the last whole record and is none, with `records` lost in it.
    pub(crate) fn tail(&mut self, records: Option<u64>) -> Option<Damage> {
        let start = self.bad_from.or(self.partial.map(|partial| partial.start))?;
        Some(self.damaged(start, self.limit, records))
    }

    /// Where the payload lies, until the next record is sought.
    pub(crate) fn payload(&self, found: &Found) -> &[u8] {
        match &found.payload {
            Payload::InBuffer(range) => &self.buffer[range.clone()],
            Payload::Assembled => &self.record,
        }
    }

    /// The next whole record; none at the limit.
    pub(crate) fn advance(&mut self) -> Option<Found> {
        while self.position < self.limit {
            let left = frame::left_in_block(self.position);
            if frame::is_padding(left) {
                self.position += left as u64;
                continue;
            }
            self.load();
            let frame = match self.partial {
                Some(partial) => continuation(self.rest_of_block(), &partial.frame),
                None => self.beginning(self.rest_of_block()),
            };
            match (frame, self.partial) {
                (Some(frame), _) => {
                    if let Some(found) = self.take(frame) {
                        return Some(found);
                    }
                }
                (None, Some(partial)) => self.abandon(partial),
                (None, None) => self.step_over(),
            }
        }
        None
    }

    /// The frame at the start of `bytes`, if a record can begin with it here. What costs little is
    /// looked at first, since every offset of a damaged block is tried.
    fn beginning(&self, bytes: &[u8]) -> Option<Frame> {
        let sequence = frame::sequence_at(bytes)?;
        // Sequences go up by 1 in a segment, so this one cannot be past as many as would fit.
        let ordinal = sequence.checked_sub(self.segment)?;
        let plausible = sequence > self.last && ordinal < self.limit / FRAME as u64;
        if !plausible || !matches!(bytes[2], 1 | 2) {
            return None;
        }
        Frame::parse(bytes, self.seed).filter(Frame::begins)
    }

    fn take(&mut self, frame: Frame) -> Option<Found> {
        let start = self.position;
        let at = self.at(start) + FRAME;
        let payload = at..at + frame.length;
        self.position += frame.size() as u64;
        match frame.position {
            Position::Whole => return Some(self.found(start, frame, Payload::InBuffer(payload))),
            Position::First => {
                self.record.clear();
                self.partial = Some(Partial { start, frame });
            }
            Position::Middle | Position::Last => {
                if let Some(partial) = &mut self.partial {
                    partial.frame = frame;
                }
            }
        }
        self.record.extend_from_slice(&self.buffer[payload]);
        let partial = self.partial?;
        if self.record.len() > MAX_RECORD_BYTES {
            self.abandon(partial);
            return None;
        }
        if frame.position == Position::Last {
            self.partial = None;
            return Some(self.found(partial.start, frame, Payload::Assembled));
        }
        None
    }

    fn found(&mut self, start: u64, frame: Frame, payload: Payload) -> Found {
        let lost = frame.sequence - self.last - 1;
        if self.bad_from.is_some() || lost > 0 {
            let from = self.bad_from.unwrap_or(start);
            let damage = self.damaged(from, start, Some(lost));
            self.damage.add(damage);
        }
        self.last = frame.sequence;
        self.end = self.position;
        Found { sequence: frame.sequence, kind: frame.kind, payload }
    }

    fn damaged(&mut self, from: u64, to: u64, records: Option<u64>) -> Damage {
        self.bad_from = None;
        Damage {
            segment: SegmentId(self.segment),
            offset: from,
            bytes: to.saturating_sub(from),
            records,
            cause: self.cause.take(),
        }
    }

    /// A record's further frames are not there. What stands in their place is tried as a beginning.
    fn abandon(&mut self, partial: Partial) {
        self.bad_from.get_or_insert(partial.start);
        self.partial = None;
    }

    /// No record begins here: try every later offset of the block, then the next block.
    fn step_over(&mut self) {
        self.bad_from.get_or_insert(self.position);
        let bytes = self.rest_of_block();
        let step = (1..bytes.len()).find(|at| self.beginning(&bytes[*at..]).is_some());
        self.position += step.unwrap_or(bytes.len()) as u64;
    }

    fn at(&self, offset: u64) -> usize {
        usize::try_from(offset - self.base).unwrap_or(usize::MAX)
    }

    /// The bytes from here to the block's end or the limit.
    fn rest_of_block(&self) -> &[u8] {
        let end = (self.position + frame::left_in_block(self.position) as u64).min(self.limit);
        &self.buffer[self.at(self.position)..self.at(end)]
    }

    /// Have the block of this position in the buffer.
    fn load(&mut self) {
        let block = self.position - self.position % BLOCK as u64;
        let needed = (block + BLOCK as u64).min(self.limit);
        let loaded = self.base + self.buffer.len() as u64;
        if self.base <= self.position && needed <= loaded {
            return;
        }
        let Some(file) = self.file.clone() else {
            return;
        };
        self.base = block;
        let length = usize::try_from((self.limit - block).min(CHUNK)).unwrap_or(BLOCK);
        self.buffer.resize(length, 0);
        match file.read_at(&mut self.buffer, block) {
            Ok(read) => self.buffer[read..].fill(0),
            Err(_) => self.load_by_block(&*file),
        }
    }

    /// The disk refuses to read: find the blocks that it does read.
    fn load_by_block(&mut self, file: &dyn DiskFile) {
        let mut offset = self.base;
        for block in self.buffer.chunks_mut(BLOCK) {
            match file.read_at(block, offset) {
                Ok(read) => block[read..].fill(0),
                Err(error) => {
                    block.fill(0);
                    self.read_failed = true;
                    self.cause = Some(error.to_string());
                }
            }
            offset += BLOCK as u64;
        }
    }
}

/// The frame at the start of `bytes`, if it goes on where the one before it ended.
fn continuation(bytes: &[u8], before: &Frame) -> Option<Frame> {
    let frame = Frame::parse(bytes, before.sum)?;
    let same = frame.sequence == before.sequence && frame.kind == before.kind;
    (same && !frame.begins()).then_some(frame)
}
