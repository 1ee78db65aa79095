//! Writing a block: beside its place, synced, then renamed, so that a block is there whole or not at
//! all.

use std::io;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;
use journal::{Disk, DiskFile};
use model::series::Samples;

use super::layout::{self, Foot};
use super::plan::Planned;
use super::{Part, column, times};
use crate::hash::Key;
use crate::varint;

/// A group of series is packed when its planes have so many bytes ...
const GROUP_BYTES: usize = 48 << 10;
/// ... or it has so many series.
const GROUP_SERIES: usize = 256;
/// Columns of times are packed when there are so many bytes.
const TIMES_BYTES: usize = 16 << 10;
/// Of zstd: beyond it size hardly falls and time grows.
const LEVEL: i32 = 4;

/// Writes the parts of one file.
struct Writer<'a> {
    file: Arc<dyn DiskFile>,
    at: u64,
    zstd: &'a mut zstd::bulk::Compressor<'static>,
    packed: Vec<u8>,
}

impl Writer<'_> {
    /// Appends a packed part.
    fn part(&mut self, body: &[u8], first: u32) -> io::Result<Part> {
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(body.len()));
        self.zstd.compress_to_buffer(body, &mut self.packed)?;
        self.file.write_at(&self.packed, self.at)?;
        let part = Part {
            at: self.at,
            packed: size(self.packed.len())?,
            unpacked: size(body.len())?,
            crc: crc32c::crc32c(&self.packed),
            first,
        };
        self.at += self.packed.len() as u64;
        Ok(part)
    }
}

/// Series and times on their way into parts.
#[derive(Default)]
struct Body {
    encoder: column::Encoder,
    groups: Vec<Part>,
    heads: Vec<u8>,
    planes: Vec<u8>,
    /// The number of the first series of the open group, and how many it has.
    group: (u32, u32),
    times: Vec<Part>,
    open_times: Vec<u8>,
    first_time: u32,
    /// Columns by what they hash to.
    known: HashMap<u128, u32>,
    rows: Vec<u8>,
    row_before: Vec<u32>,
}

/// Writes a block of the planned series, whose samples `read` gives; a series without samples is
/// left out. None where that leaves nothing. The foot says what the block is of; the rest of it is
/// filled in.
pub(crate) fn write<K>(
    (disk, path): (&dyn Disk, &Path),
    mut foot: Foot,
    planned: &Planned<K>,
    key: &Key,
    mut read: impl FnMut(&K, &mut Samples) -> io::Result<()>,
) -> io::Result<Option<()>> {
    let unfinished = path.with_extension("tmp");
    let file = disk.create(&unfinished)?;
    file.write_at(&layout::head(), 0)?;
    let mut zstd = zstd::bulk::Compressor::new(LEVEL)?;
    let mut out = Writer { file, at: layout::HEAD as u64, zstd: &mut zstd, packed: Vec::new() };
    let (mut body, mut samples) = (Body::default(), Samples::default());
    (foot.first, foot.last) = (i64::MAX, i64::MIN);
    for row in &planned.rows {
        samples.clear();
        read(&row.key, &mut samples)?;
        let (Some(first), Some(last)) = (samples.times.first(), samples.times.last()) else {
            continue;
        };
        foot.first = foot.first.min(*first);
        foot.last = foot.last.max(*last);
        foot.samples += samples.len() as u64;
        foot.series += 1;
        body.add(&mut out, &row.pairs, &samples, foot.start, key)?;
    }
    if foot.series == 0 {
        disk.remove(&unfinished)?;
        return Ok(None);
    }
    body.end_group(&mut out)?;
    body.end_times(&mut out)?;
    let index = body.index(&planned.names, foot.series);
    let part = out.part(&index, 0)?;
    foot.index = (part.at, part.packed, part.unpacked);
    foot.index_crc = part.crc;
    out.file.write_at(&foot.to_bytes(), out.at)?;
    out.file.sync()?;
    disk.rename(&unfinished, path)?;
    if let Some(folder) = path.parent() {
        disk.sync_folder(folder)?;
    }
    Ok(Some(()))
}

impl Body {
    fn add(
        &mut self,
        out: &mut Writer<'_>,
        pairs: &[u32],
        samples: &Samples,
        base: i64,
        key: &Key,
    ) -> io::Result<()> {
        let times = self.times_of(out, &samples.times, base, key)?;
        varint::put(&mut self.heads, u64::from(times));
        varint::put(&mut self.heads, samples.len() as u64);
        self.encoder.encode(&samples.values, &mut self.heads, &mut self.planes);
        self.group.1 += 1;
        self.add_row(pairs);
        if self.planes.len() >= GROUP_BYTES || self.group.1 as usize >= GROUP_SERIES {
            self.end_group(out)?;
        }
        Ok(())
    }

    /// The number of the column with these times.
    fn times_of(
        &mut self,
        out: &mut Writer<'_>,
        column: &[i64],
        base: i64,
        key: &Key,
    ) -> io::Result<u32> {
        let start = self.open_times.len();
        times::encode(column, base, &mut self.open_times);
        let hash = key.wide(&self.open_times[start..]);
        let next = u32::try_from(self.known.len()).map_err(|_| too_large())?;
        let number = *self.known.entry(hash).or_insert(next);
        if number != next {
            self.open_times.truncate(start);
        } else if self.open_times.len() >= TIMES_BYTES {
            self.end_times(out)?;
        }
        Ok(number)
    }

    fn end_times(&mut self, out: &mut Writer<'_>) -> io::Result<()> {
        if !self.open_times.is_empty() {
            self.times.push(out.part(&self.open_times, self.first_time)?);
            self.open_times.clear();
        }
        self.first_time = u32::try_from(self.known.len()).map_err(|_| too_large())?;
        Ok(())
    }

    fn end_group(&mut self, out: &mut Writer<'_>) -> io::Result<()> {
        let (first, count) = self.group;
        if count == 0 {
            return Ok(());
        }
        let mut body = Vec::with_capacity(self.heads.len() + self.planes.len() + 5);
        varint::put(&mut body, self.heads.len() as u64);
        body.extend_from_slice(&self.heads);
        body.extend_from_slice(&self.planes);
        self.groups.push(out.part(&body, first)?);
        self.heads.clear();
        self.planes.clear();
        self.group = (first + count, 0);
        Ok(())
    }

    /// What a row's pairs differ from those of the row before, place by place.
    fn add_row(&mut self, pairs: &[u32]) {
        varint::put(&mut self.rows, pairs.len() as u64);
        for (at, pair) in pairs.iter().enumerate() {
            let before = self.row_before.get(at).copied().unwrap_or(0);
            varint::put_signed(&mut self.rows, i64::from(*pair) - i64::from(before));
        }
        self.row_before.clear();
        self.row_before.extend_from_slice(pairs);
    }

    fn index(&self, names: &[(String, Vec<String>)], series: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let put_text = |out: &mut Vec<u8>, text: &str| {
            varint::put(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        };
        for parts in [&self.groups, &self.times] {
            varint::put(&mut out, parts.len() as u64);
            parts.iter().for_each(|part| part.put(&mut out));
        }
        varint::put(&mut out, names.len() as u64);
        for (name, values) in names {
            put_text(&mut out, name);
            varint::put(&mut out, values.len() as u64);
            values.iter().for_each(|value| put_text(&mut out, value));
        }
        varint::put(&mut out, u64::from(series));
        out.extend_from_slice(&self.rows);
        out
    }
}

fn size(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(|_| too_large())
}

fn too_large() -> io::Error {
    io::Error::other("a block's part is larger than 4 GiB")
}
