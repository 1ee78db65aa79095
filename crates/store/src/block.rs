//! Blocks: immutable files of the samples of one window, or of several that were put together.
//!
//! A block is packed parts (groups of series, columns of times), an index that says where they lie
//! and which series they are of, and a foot. Reading takes the index and only the parts that are
//! asked for, each checked by its checksum. The bytes are described in `docs/formats/block.md`.

mod column;
mod index;
mod layout;
mod plan;
#[cfg(test)]
mod tests;
mod times;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use journal::{Disk, DiskFile};
use model::series::Samples;

pub(crate) use index::BlockIndex;
pub(crate) use layout::{Bad, Foot, UNFINISHED, VERSION, path, start_of};
pub(crate) use plan::Plan;
pub(crate) use write::write;

use crate::cache::{Cache, Kept, What};
use crate::damage::Damage;
use crate::hash::Key;
use crate::{packed, varint};

/// A part is no larger than this once it is unpacked: a foot of a damaged file could say anything.
const MOST_UNPACKED: usize = 512 << 20;

/// Where a part of a file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub at: u64,
    pub packed: u32,
    pub unpacked: u32,
    pub crc: u32,
    /// The number of the first thing in it.
    pub first: u32,
}

impl Part {
    fn put(&self, out: &mut Vec<u8>) {
        varint::put(out, self.at);
        varint::put(out, u64::from(self.packed));
        varint::put(out, u64::from(self.unpacked));
        out.extend_from_slice(&self.crc.to_le_bytes());
        varint::put(out, u64::from(self.first));
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        let at = varint::take(bytes)?;
        let packed = u32::try_from(varint::take(bytes)?).ok()?;
        let unpacked = u32::try_from(varint::take(bytes)?).ok()?;
        let crc = u32::from_le_bytes(varint::take_bytes(bytes, 4)?.try_into().ok()?);
        let first = u32::try_from(varint::take(bytes)?).ok()?;
        Some(Self { at, packed, unpacked, crc, first })
    }

    fn take_all(bytes: &mut &[u8]) -> Option<Vec<Self>> {
        let count = varint::take_count(bytes)?;
        (0..count).map(|_| Self::take(bytes)).collect()
    }
}

/// A group of series, unpacked.
#[derive(Debug)]
pub(crate) struct Group {
    bytes: Vec<u8>,
    series: Vec<InGroup>,
}

#[derive(Debug)]
struct InGroup {
    times: u32,
    count: usize,
    head: column::Head,
    /// Where its planes begin.
    at: usize,
}

/// The samples of one series: its place in a group, and its column of times.
struct InBlock {
    group: Arc<Group>,
    within: usize,
    columns: Arc<Vec<Vec<i64>>>,
    column: usize,
}

impl InBlock {
    fn entry(&self) -> &InGroup {
        &self.group.series[self.within]
    }

    fn column(&self) -> &[i64] {
        &self.columns[self.column]
    }
}

impl Group {
    fn read(bytes: Vec<u8>) -> Option<Self> {
        let mut rest = bytes.as_slice();
        let length = varint::take_count(&mut rest)?;
        let mut heads = varint::take_bytes(&mut rest, length)?;
        let mut at = bytes.len() - rest.len();
        let mut series = Vec::new();
        while !heads.is_empty() {
            let times = u32::try_from(varint::take(&mut heads)?).ok()?;
            let count = varint::take_size(&mut heads, column::MOST)?;
            let head = column::Head::take(&mut heads)?;
            let planes = head.planes(count);
            series.push(InGroup { times, count, head, at });
            at += planes;
        }
        (at == bytes.len()).then_some(Self { bytes, series })
    }
}

/// One block, open.
#[derive(Debug)]
pub(crate) struct Block {
    /// Given to it when it was opened.
    pub id: u64,
    pub path: PathBuf,
    pub bytes: u64,
    pub foot: Foot,
    file: Arc<dyn DiskFile>,
    cache: Arc<Cache>,
    damage: Arc<Damage>,
    key: Key,
}

/// Whom a block is opened for.
#[derive(Debug, Clone)]
pub(crate) struct Opener {
    pub disk: Arc<dyn Disk>,
    pub cache: Arc<Cache>,
    pub damage: Arc<Damage>,
    pub key: Key,
}

impl Block {
    /// Opens a block and checks its foot and its index.
    pub(crate) fn open(opener: &Opener, path: &Path, id: u64) -> Result<Self, Bad> {
        let file = opener.disk.open_to_read(path).map_err(Bad::Unread)?;
        let foot = layout::read(&*file)?;
        let bytes = file.length().map_err(Bad::Unread)?;
        let Opener { cache, damage, key, .. } = opener.clone();
        let block = Self { id, path: path.to_owned(), bytes, foot, file, cache, damage, key };
        block.packed(&block.index_part()).map_err(|what| match what {
            Bad::Damaged(_) => Bad::Damaged("index"),
            other => other,
        })?;
        Ok(block)
    }

    fn index_part(&self) -> Part {
        let (at, packed, unpacked) = self.foot.index;
        Part { at, packed, unpacked, crc: self.foot.index_crc, first: 0 }
    }

    /// The bytes of a part, checked.
    fn packed(&self, part: &Part) -> Result<Vec<u8>, Bad> {
        let end = part.at.checked_add(u64::from(part.packed));
        if end.is_none_or(|end| end > self.bytes) {
            return Err(Bad::Damaged("part"));
        }
        let mut packed = vec![0; part.packed as usize];
        layout::fill(&*self.file, &mut packed, part.at)?;
        if crc32c::crc32c(&packed) == part.crc { Ok(packed) } else { Err(Bad::Damaged("part")) }
    }

    fn unpacked(&self, part: &Part) -> Result<Vec<u8>, Bad> {
        let packed = self.packed(part)?;
        let length = part.unpacked as usize;
        if length > MOST_UNPACKED {
            return Err(Bad::Damaged("part"));
        }
        let mut bytes = vec![0; length];
        if packed::unpack(&packed, &mut bytes) { Ok(bytes) } else { Err(Bad::Damaged("part")) }
    }

    /// Its index, from the cache or the file; none, and noted, where it is damaged.
    pub(crate) fn index(&self) -> Option<Arc<BlockIndex>> {
        self.try_index().map_err(|place| self.damage.note(place)).ok()
    }

    /// As [`Block::index`]; says where it is damaged.
    pub(crate) fn try_index(&self) -> Result<Arc<BlockIndex>, String> {
        if let Some(Kept::Index(index)) = self.cache.get(self.id, What::Index) {
            return Ok(index);
        }
        let read = |bytes: Vec<u8>| BlockIndex::read(&bytes, &self.key);
        let index = self.unpacked(&self.index_part()).map(read);
        let index = Arc::new(self.whole(index, "index", 0)?);
        self.cache.put(self.id, What::Index, Kept::Index(Arc::clone(&index)), index.bytes());
        Ok(index)
    }

    /// What was read of a part, or a sentence that names the block and the place.
    fn whole<T>(&self, read: Result<Option<T>, Bad>, what: &str, at: u64) -> Result<T, String> {
        let path = self.path.display();
        match read {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(Bad::Damaged(_)) => {
                Err(format!("block {path}: {what} at byte {at} is damaged"))
            }
            Err(bad) => Err(format!("block {path}: {what} at byte {at} {bad}")),
        }
    }

    fn group(&self, index: &BlockIndex, at: usize) -> Result<Arc<Group>, String> {
        let what = What::Group(u32::try_from(at).unwrap_or(u32::MAX));
        if let Some(Kept::Group(group)) = self.cache.get(self.id, what) {
            return Ok(group);
        }
        let part = &index.groups[at];
        let group = Arc::new(self.whole(self.unpacked(part).map(Group::read), "group", part.at)?);
        let bytes = group.bytes.len() + group.series.len() * size_of::<InGroup>();
        self.cache.put(self.id, what, Kept::Group(Arc::clone(&group)), bytes);
        Ok(group)
    }

    fn times(&self, index: &BlockIndex, at: usize) -> Result<Arc<Vec<Vec<i64>>>, String> {
        let what = What::Times(u32::try_from(at).unwrap_or(u32::MAX));
        if let Some(Kept::Times(times)) = self.cache.get(self.id, what) {
            return Ok(times);
        }
        let part = &index.times[at];
        let read = |bytes: Vec<u8>| {
            let mut rest = bytes.as_slice();
            let mut columns = Vec::new();
            while !rest.is_empty() {
                columns.push(times::decode(&mut rest, self.foot.start, column::MOST)?);
            }
            Some(columns)
        };
        let times = Arc::new(self.whole(self.unpacked(part).map(read), "times", part.at)?);
        let bytes = times.iter().map(|column| column.len() * 8 + 24).sum();
        self.cache.put(self.id, what, Kept::Times(Arc::clone(&times)), bytes);
        Ok(times)
    }

    /// Appends the samples of a series from `from` to `to`; nothing, and it is noted, where they are
    /// damaged.
    pub(crate) fn read(
        &self,
        index: &BlockIndex,
        series: u32,
        range: (i64, i64),
        into: &mut Samples,
    ) {
        if let Err(place) = self.try_read(index, series, range, into) {
            self.damage.note(place);
        }
    }

    /// As [`Block::read`]; says where they are damaged.
    pub(crate) fn try_read(
        &self,
        index: &BlockIndex,
        series: u32,
        (from, to): (i64, i64),
        into: &mut Samples,
    ) -> Result<(), String> {
        let found = self.find(index, series)?;
        let (entry, column) = (found.entry(), found.column());
        let low = column.partition_point(|time| *time < from);
        let high = column.partition_point(|time| *time <= to);
        if low >= high {
            return Ok(());
        }
        let planes = &found.group.bytes[entry.at..entry.at + entry.head.planes(entry.count)];
        into.times.extend_from_slice(&column[low..high]);
        let mut scratch = Vec::new();
        entry.head.decode(planes, entry.count, (low, high), &mut scratch, &mut into.values);
        Ok(())
    }

    /// Where the samples of a series are.
    fn find(&self, index: &BlockIndex, series: u32) -> Result<InBlock, String> {
        let bad = || format!("block {}: series {series} has no place", self.path.display());
        let at = place(&index.groups, series).ok_or_else(bad)?;
        let group = self.group(index, at)?;
        let within = (series - index.groups[at].first) as usize;
        let entry = group.series.get(within).ok_or_else(bad)?;
        let at = place(&index.times, entry.times).ok_or_else(bad)?;
        let columns = self.times(index, at)?;
        let column = (entry.times - index.times[at].first) as usize;
        if columns.get(column).is_none_or(|column| column.len() != entry.count) {
            return Err(bad());
        }
        Ok(InBlock { group, within, columns, column })
    }

    /// Has a series a sample from `from` to `to`? All of a block within the range have; one whose
    /// times are damaged has none, and it is noted.
    pub(crate) fn has(&self, index: &BlockIndex, series: u32, (from, to): (i64, i64)) -> bool {
        if from <= self.foot.first && self.foot.last <= to {
            return true;
        }
        let found = self.find(index, series).map_err(|place| self.damage.note(place));
        found.is_ok_and(|found| {
            let column = found.column();
            let at = column.partition_point(|time| *time < from);
            column.get(at).is_some_and(|time| *time <= to)
        })
    }

    /// Reads every byte; a sentence for each damaged place, and how many samples could be read.
    pub(crate) fn verify(&self) -> (u64, Vec<String>) {
        let index = match self.try_index() {
            Ok(index) => index,
            Err(error) => return (0, vec![error]),
        };
        let mut damage = Vec::new();
        for at in 0..index.times.len() {
            damage.extend(self.times(&index, at).err());
        }
        let (mut samples, mut read) = (0, Samples::default());
        for series in 0..index.len() {
            read.clear();
            match self.try_read(&index, series, (i64::MIN, i64::MAX), &mut read) {
                Ok(()) => samples += read.len() as u64,
                Err(error) if damage.last() == Some(&error) => {}
                Err(error) => damage.push(error),
            }
        }
        damage.dedup();
        (samples, damage)
    }
}

/// The part that a number is in.
fn place(parts: &[Part], number: u32) -> Option<usize> {
    parts.partition_point(|part| part.first <= number).checked_sub(1)
}
