//! Frames: the pieces of a record that lie within one block each, with a checksum.
//!
//! A frame never crosses a block's end; a record that does not fit is split into several frames of
//! one sequence. The checksum of a record's first frame begins with the segment's first sequence, and
//! that of every further frame with the checksum before it. So bytes of another segment are not
//! taken for this one's, and halves of two records that were written at the same place, before and
//! after a crash, are not taken for one record.

/// Frames do not cross a multiple of this, so a reader finds its footing at the next one.
pub(crate) const BLOCK: usize = 32 * 1024;
/// Bytes before a frame's payload: length 2, position 1, kind 1, sequence 8, checksum 4.
pub(crate) const FRAME: usize = 16;

/// Which part of its record a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Whole = 1,
    First = 2,
    Middle = 3,
    Last = 4,
}

/// What stands before a payload, and its checksum, with which the next frame's begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub length: usize,
    pub position: Position,
    pub kind: u8,
    pub sequence: u64,
    pub sum: u32,
}

impl Frame {
    /// The frame at the start of `bytes`, which end with the block or the segment; none if there is
    /// no whole and undamaged one whose checksum begins with `seed`.
    pub(crate) fn parse(bytes: &[u8], seed: u32) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(FRAME)?;
        let position = match header[2] {
            1 => Position::Whole,
            2 => Position::First,
            3 => Position::Middle,
            4 => Position::Last,
            _ => return None,
        };
        let length = usize::from(u16::from_le_bytes([header[0], header[1]]));
        let payload = rest.get(..length)?;
        let stored = u32::from_le_bytes(header[12..].try_into().ok()?);
        let sum = checksum(seed, &header[..12], payload);
        let sequence = sequence_at(header)?;
        (sum == stored).then_some(Self { length, position, kind: header[3], sequence, sum })
    }

    /// Bytes with header.
    pub(crate) fn size(&self) -> usize {
        FRAME + self.length
    }

    /// Whether a record begins with it.
    pub(crate) fn begins(&self) -> bool {
        matches!(self.position, Position::Whole | Position::First)
    }
}

/// Write the header of a frame whose payload already stands behind it; returns its checksum.
pub(crate) fn seal(
    frame: &mut [u8],
    position: Position,
    kind: u8,
    sequence: u64,
    seed: u32,
) -> u32 {
    let (header, payload) = frame.split_at_mut(FRAME);
    // A frame lies within a block of 32 KiB.
    let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
    header[..2].copy_from_slice(&length.to_le_bytes());
    header[2] = position as u8;
    header[3] = kind;
    header[4..12].copy_from_slice(&sequence.to_le_bytes());
    let sum = checksum(seed, &header[..12], payload);
    header[12..].copy_from_slice(&sum.to_le_bytes());
    sum
}

/// The sequence in a frame's header, without a look at its checksum: a cheap first sieve.
pub(crate) fn sequence_at(header: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(header.get(4..12)?.try_into().ok()?))
}

/// What the checksum of a record's first frame begins with.
pub(crate) fn seed(segment: u64) -> u32 {
    crc32c::crc32c(&segment.to_le_bytes())
}

fn checksum(seed: u32, header: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(seed, header), payload)
}

/// Bytes up to the block's end from an offset; the whole block at its start.
pub(crate) fn left_in_block(offset: u64) -> usize {
    BLOCK - usize::try_from(offset % BLOCK as u64).unwrap_or(0)
}

/// Whether so few bytes are left in a block that no frame begins there.
pub(crate) fn is_padding(left: usize) -> bool {
    left <= FRAME
}
