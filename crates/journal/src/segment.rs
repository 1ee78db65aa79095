//! A segment's name and header.

use std::path::{Path, PathBuf};

use crate::disk::DiskFile;

/// The format this program writes, and the newest it reads.
pub(crate) const VERSION: u16 = 1;
/// Bytes before the first frame.
pub(crate) const HEADER: usize = 48;
const MAGIC: &[u8; 8] = b"GPULSEJ\n";

/// The file of the segment that begins with that sequence.
pub(crate) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.segment"))
}

/// The first sequence of the segment of that name; none for other files.
pub(crate) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".segment")?;
    let all = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|first| all && *first > 0)
}

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Sequence of its first record, as in its name.
    pub first: u64,
    /// Unix time in ms when it was begun.
    pub created_ms: i64,
    /// First sequence of the segment before it; 0 for none.
    pub previous: u64,
    /// Sequence of the last record written before it: what must be readable ahead of it.
    pub after: u64,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.first.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.created_ms.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.previous.to_le_bytes());
        bytes[36..44].copy_from_slice(&self.after.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..44]);
        bytes[44..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }
}

/// What was found where a header should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Written by this format, for this segment.
    Good(Header),
    /// Whole, and of a version to come.
    Newer { version: u16 },
    /// Damaged, too short, or another segment's: frames may be good all the same.
    Damaged,
}

/// Read the header of the segment that begins with `first`. What cannot be read is damaged.
pub(crate) fn read_header(file: &dyn DiskFile, first: u64) -> Found {
    let mut bytes = [0; HEADER];
    match file.read_at(&mut bytes, 0) {
        Ok(HEADER) => parse(&bytes, first),
        Ok(_) | Err(_) => Found::Damaged,
    }
}

fn parse(bytes: &[u8; HEADER], expected: u64) -> Found {
    let sum = crc32c::crc32c(&bytes[..44]);
    if &bytes[..8] != MAGIC || u64::from(sum) != word(&bytes[44..]) {
        return Found::Damaged;
    }
    let version = u16::from_le_bytes([bytes[8], bytes[9]]);
    if version > VERSION {
        return Found::Newer { version };
    }
    let header = Header {
        first: word(&bytes[12..20]),
        created_ms: word(&bytes[20..28]).cast_signed(),
        previous: word(&bytes[28..36]),
        after: word(&bytes[36..44]),
    };
    if header.first == expected { Found::Good(header) } else { Found::Damaged }
}

/// A little-endian number of up to 8 bytes.
pub(crate) fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER_7: Header = Header { first: 7, created_ms: -5, previous: 3, after: 6 };

    #[test]
    fn only_names_of_segments_are_segments() {
        assert_eq!(first_of("00000000000000000007.segment"), Some(7));
        for name in ["7.segment", "0000000000000000000a.segment", "00000000000000000007.cursor"] {
            assert_eq!(first_of(name), None, "{name}");
        }
        assert_eq!(first_of("00000000000000000000.segment"), None, "sequences begin at 1");
        assert_eq!(first_of("99999999999999999999.segment"), None, "past 64 bits");
    }

    #[test]
    fn a_flipped_bit_is_damage_and_a_newer_version_is_newer() {
        let good = HEADER_7.to_bytes();
        assert_eq!(parse(&good, 7), Found::Good(HEADER_7));
        assert_eq!(parse(&good, 8), Found::Damaged, "another segment's");
        for bit in 0..HEADER * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&bytes, 7), Found::Damaged, "bit {bit}");
        }
        let mut newer = good;
        newer[8] = 2;
        let sum = crc32c::crc32c(&newer[..44]);
        newer[44..].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(parse(&newer, 7), Found::Newer { version: 2 });
    }
}
