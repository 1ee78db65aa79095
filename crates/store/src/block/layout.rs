//! The fixed parts of a block's file: its head, its foot, its name.

use std::io;
use std::path::{Path, PathBuf};

use journal::DiskFile;

/// First and last bytes of a file.
const MAGIC: [u8; 8] = *b"gpulseBk";
/// Format of the files that this version writes, and the newest that it reads.
pub(crate) const VERSION: u32 = 1;
/// Bytes of the head: magic, version, zeros.
pub(crate) const HEAD: usize = 16;
/// Bytes of the foot.
pub(crate) const FOOT: usize = 88;
/// Ends the name of a file.
pub(crate) const SUFFIX: &str = ".block";
/// Ends the name of a file that is being written.
pub(crate) const UNFINISHED: &str = ".tmp";

/// What the foot of a block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Foot {
    /// Where the index lies, its bytes, and how many it has once it is unpacked.
    pub index: (u64, u32, u32),
    pub index_crc: u32,
    /// First and last time.
    pub first: i64,
    pub last: i64,
    /// The windows that it covers: from the start of one to the end of another.
    pub start: i64,
    pub end: i64,
    pub samples: u64,
    pub series: u32,
    /// The number of the cut that wrote it; a block made of others has the largest of theirs.
    pub cut: u32,
}

impl Foot {
    /// Its bytes, checksum and magic with them.
    pub(crate) fn to_bytes(self) -> [u8; FOOT] {
        let mut bytes = [0; FOOT];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&self.index.0.to_le_bytes());
        put(&self.index.1.to_le_bytes());
        put(&self.index.2.to_le_bytes());
        put(&self.index_crc.to_le_bytes());
        put(&self.series.to_le_bytes());
        put(&self.first.to_le_bytes());
        put(&self.last.to_le_bytes());
        put(&self.start.to_le_bytes());
        put(&self.end.to_le_bytes());
        put(&self.samples.to_le_bytes());
        put(&self.cut.to_le_bytes());
        put(&VERSION.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..FOOT - 16]);
        bytes[FOOT - 16..FOOT - 12].copy_from_slice(&crc.to_le_bytes());
        bytes[FOOT - 8..].copy_from_slice(&MAGIC);
        bytes
    }

    fn from_bytes(bytes: &[u8; FOOT]) -> Option<Self> {
        let crc = crc32c::crc32c(&bytes[..FOOT - 16]).to_le_bytes();
        if bytes[FOOT - 8..] != MAGIC || bytes[FOOT - 16..FOOT - 12] != crc {
            return None;
        }
        let u32_at = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let i64_at = |at: usize| u64_at(at).map(u64::cast_signed);
        Some(Self {
            index: (u64_at(0)?, u32_at(8)?, u32_at(12)?),
            index_crc: u32_at(16)?,
            series: u32_at(20)?,
            first: i64_at(24)?,
            last: i64_at(32)?,
            start: i64_at(40)?,
            end: i64_at(48)?,
            samples: u64_at(56)?,
            cut: u32_at(64)?,
        })
    }
}

/// The head of a file.
pub(crate) fn head() -> [u8; HEAD] {
    let mut bytes = [0; HEAD];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

/// What is wrong with a file that is no block of a version that we know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Bad {
    #[error("cannot be read: {0}")]
    Unread(io::Error),
    #[error("format {0} is of a newer version")]
    Newer(u32),
    #[error("its {0} is damaged")]
    Damaged(&'static str),
}

/// Reads head and foot.
pub(crate) fn read(file: &dyn DiskFile) -> Result<Foot, Bad> {
    let length = file.length().map_err(Bad::Unread)?;
    let mut bytes = [0; HEAD];
    fill(file, &mut bytes, 0)?;
    if bytes[..8] != MAGIC {
        return Err(Bad::Damaged("head"));
    }
    let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    if version > VERSION {
        return Err(Bad::Newer(version));
    }
    let mut bytes = [0; FOOT];
    let at = length.checked_sub(FOOT as u64).ok_or(Bad::Damaged("length"))?;
    fill(file, &mut bytes, at)?;
    let foot = Foot::from_bytes(&bytes).ok_or(Bad::Damaged("foot"))?;
    let inside = foot.index.0.checked_add(u64::from(foot.index.1)).is_some_and(|end| end <= at);
    if inside { Ok(foot) } else { Err(Bad::Damaged("foot")) }
}

/// Reads exactly so many bytes.
pub(crate) fn fill(file: &dyn DiskFile, bytes: &mut [u8], at: u64) -> Result<(), Bad> {
    let found = file.read_at(bytes, at).map_err(Bad::Unread)?;
    if found == bytes.len() { Ok(()) } else { Err(Bad::Damaged("length")) }
}

/// The name of a block's file: its first window's start, the cut, and how often it was put together
/// with others.
pub(crate) fn path(folder: &Path, start: i64, cut: u32, joined: u32) -> PathBuf {
    folder.join(format!("{start:014}-{cut:08}-{joined}{SUFFIX}"))
}

/// The start of the first window of a block, from its name.
pub(crate) fn start_of(name: &str) -> Option<i64> {
    name.strip_suffix(SUFFIX)?.rsplitn(3, '-').nth(2)?.parse().ok()
}
