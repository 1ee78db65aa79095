//! What is on the medium and what is only in memory, of one file's bytes and of all names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The smallest piece that a disk writes whole, in bytes.
const SECTOR: usize = 512;

/// A file as the process sees it, and as it is on the medium.
#[derive(Debug, Default)]
pub(super) struct Image {
    pub(super) current: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since the last sync.
    dirty: BTreeSet<usize>,
    /// Sectors that were dirty when a sync failed.
    doubtful: BTreeSet<usize>,
    /// Whether the length is on the medium too.
    length_dirty: bool,
}

impl Image {
    pub(super) fn durable(bytes: &[u8]) -> Self {
        Self { current: bytes.to_vec(), durable: bytes.to_vec(), ..Self::default() }
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(bytes.len());
        if end > self.current.len() {
            self.dirty.extend(self.current.len() / SECTOR..end.div_ceil(SECTOR));
            self.current.resize(end, 0);
            self.length_dirty = true;
        }
        self.current[start..end].copy_from_slice(bytes);
        let written = start / SECTOR..end.div_ceil(SECTOR);
        self.doubtful.retain(|sector| !written.contains(sector));
        self.dirty.extend(written);
    }

    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> usize {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.current.get(start..).unwrap_or(&[]);
        let count = rest.len().min(bytes.len());
        bytes[..count].copy_from_slice(&rest[..count]);
        count
    }

    pub(super) fn truncate(&mut self, length: u64) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.length_dirty |= length != self.current.len();
        self.current.resize(length, 0);
        let sectors = length.div_ceil(SECTOR);
        self.dirty.retain(|sector| *sector < sectors);
        self.doubtful.retain(|sector| *sector < sectors);
        self.dirty.insert(length / SECTOR);
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.current.len(), 0);
        self.length_dirty = false;
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&self.current, &mut self.durable, sector);
        }
    }

    /// A sync failed: nobody writes these sectors again.
    pub(super) fn doubt(&mut self) {
        self.doubtful.append(&mut self.dirty);
    }

    pub(super) fn lose_power(&mut self, random: &mut Random) {
        if self.dirty.is_empty() && self.doubtful.is_empty() && !self.length_dirty {
            self.current.clone_from(&self.durable);
            return;
        }
        let (old, new) = (self.durable.len() as u64, self.current.len() as u64);
        let length = match random.below(4) {
            0 => old,
            1 => old.min(new) + random.below(old.abs_diff(new) + 1),
            _ => new,
        };
        self.durable.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
        // All, none or a random part: each is as likely, so that small files see the extremes.
        let mode = random.below(4);
        for sector in self.dirty.union(&self.doubtful) {
            if mode == 0 || mode > 1 && random.below(2) == 0 {
                copy_sector(&self.current, &mut self.durable, *sector);
            }
        }
        *self = Self::durable(&self.durable);
    }
}

fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR;
    let end = (start + SECTOR).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

/// A name's meaning.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node {
    File(usize),
    Folder,
}

pub(super) type Names = BTreeMap<PathBuf, Node>;

/// A change of names.
#[derive(Debug)]
pub(super) enum Op {
    Put(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl Op {
    pub(super) fn apply(&self, names: &mut Names) {
        match self {
            Self::Put(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Remove(path) => names.retain(|name, _| !name.starts_with(path)),
            Self::Rename(from, to) => {
                let moved: Vec<(PathBuf, Node)> = names
                    .iter()
                    .filter_map(|(name, node)| Some((under(name, from, to)?, *node)))
                    .collect();
                names.retain(|name, _| !name.starts_with(from) && !name.starts_with(to));
                names.extend(moved);
            }
        }
    }

    /// Whether a sync of that folder makes it durable.
    pub(super) fn touches(&self, folder: &Path) -> bool {
        match self {
            Self::Put(path, _) | Self::Remove(path) => path.parent() == Some(folder),
            Self::Rename(from, to) => [from, to].iter().any(|path| path.parent() == Some(folder)),
        }
    }
}

fn under(name: &Path, from: &Path, to: &Path) -> Option<PathBuf> {
    let rest = name.strip_prefix(from).ok()?;
    Some(if rest.as_os_str().is_empty() { to.to_owned() } else { to.join(rest) })
}

/// Numbers that look random and are the same for a seed (splitmix64).
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0, less than `end`; 0 where that is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(end).unwrap_or(0)
    }
}
