//! A block's index in memory: labels, lists by pair, places of parts. Read when a query needs it and
//! kept in the cache; the lists are made from the rows, which costs less than reading them.

use model::labels::{Builder, Labels};

use super::Part;
use crate::hash::Key;
use crate::matching;
use crate::pairs::Pairs;
use crate::varint;

/// See the module. Series are numbered in the order of the file.
#[derive(Debug)]
pub(crate) struct BlockIndex {
    pairs: Pairs,
    /// Where each series' pairs end in `row_pairs`.
    row_ends: Vec<u32>,
    row_pairs: Vec<u32>,
    /// Where each pair's series end in `list_series`.
    list_ends: Vec<u32>,
    list_series: Vec<u32>,
    hashes: Vec<u128>,
    pub groups: Vec<Part>,
    pub times: Vec<Part>,
}

impl BlockIndex {
    /// Reads an index; none where it does not hold together.
    pub(crate) fn read(mut bytes: &[u8], key: &Key) -> Option<Self> {
        let groups = Part::take_all(&mut bytes)?;
        let times = Part::take_all(&mut bytes)?;
        let mut pairs = Pairs::new(key.clone());
        for _ in 0..varint::take_count(&mut bytes)? {
            let name = text(&mut bytes)?;
            for _ in 0..varint::take_count(&mut bytes)? {
                pairs.intern(name, text(&mut bytes)?);
            }
        }
        let mut index = Self {
            pairs,
            row_ends: Vec::new(),
            row_pairs: Vec::new(),
            list_ends: Vec::new(),
            list_series: Vec::new(),
            hashes: Vec::new(),
            groups,
            times,
        };
        index.read_rows(bytes, key)?;
        index.make_lists();
        Some(index)
    }

    fn read_rows(&mut self, mut bytes: &[u8], key: &Key) -> Option<()> {
        let count = varint::take_count(&mut bytes)?;
        self.row_ends.reserve_exact(count);
        self.hashes.reserve_exact(count);
        let room = self.pairs.room();
        let mut before: Vec<i64> = Vec::new();
        let (mut scratch, mut row) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let length = varint::take_count(&mut bytes)?;
            before.resize(before.len().max(length), 0);
            let start = self.row_pairs.len();
            for last in &mut before[..length] {
                *last += varint::take_signed(&mut bytes)?;
                let pair = usize::try_from(*last).ok().filter(|pair| *pair < room)?;
                self.row_pairs.push(u32::try_from(pair).ok()?);
            }
            before.truncate(length);
            self.row_ends.push(u32::try_from(self.row_pairs.len()).ok()?);
            // In the file the metric's name comes first; its hash wants the order of the names.
            row.clear();
            row.extend(self.row_pairs[start..].iter().map(|pair| self.pairs.texts(*pair)));
            row.sort_unstable();
            self.hashes.push(key.labels(row.iter().copied(), &mut scratch));
        }
        Some(())
    }

    fn make_lists(&mut self) {
        let mut ends = vec![0u32; self.pairs.room()];
        self.row_pairs.iter().for_each(|pair| ends[*pair as usize] += 1);
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        // Each end begins as a start and is moved on by what is put there.
        self.list_series = vec![0; self.row_pairs.len()];
        for series in 0..u32::try_from(self.row_ends.len()).unwrap_or(0) {
            let (from, to) = span(&self.row_ends, series);
            for pair in &self.row_pairs[from..to] {
                let place = &mut ends[*pair as usize];
                self.list_series[*place as usize] = series;
                *place += 1;
            }
        }
        self.list_ends = ends;
    }

    /// The hash of a series' labels.
    pub(crate) fn hash(&self, series: u32) -> u128 {
        self.hashes[series as usize]
    }

    /// Series in it.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.row_ends.len()).unwrap_or(u32::MAX)
    }

    /// A series' labels.
    pub(crate) fn labels(&self, series: u32) -> Labels {
        let mut builder = Builder::default();
        for (name, value) in self.label_texts(series) {
            builder.push(name, value);
        }
        builder.finish()
    }

    /// A series' labels by name.
    pub(crate) fn label_texts(&self, series: u32) -> Vec<(&str, &str)> {
        let pairs = matching::Index::pairs_of(self, series);
        let mut texts: Vec<_> = pairs.iter().map(|pair| self.pairs.texts(*pair)).collect();
        texts.sort_unstable();
        texts
    }

    /// Bytes of memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let numbers = self.row_ends.len() + 2 * self.row_pairs.len() + self.list_ends.len();
        let parts = self.groups.len() + self.times.len();
        self.pairs.bytes() + 4 * numbers + 16 * self.hashes.len() + parts * size_of::<Part>()
    }
}

fn span(ends: &[u32], at: u32) -> (usize, usize) {
    let at = at as usize;
    (at.checked_sub(1).map_or(0, |before| ends[before] as usize), ends[at] as usize)
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = varint::take_count(bytes)?;
    std::str::from_utf8(varint::take_bytes(bytes, length)?).ok()
}

impl matching::Index for BlockIndex {
    fn pairs(&self) -> &Pairs {
        &self.pairs
    }

    fn with(&self, pair: u32) -> &[u32] {
        let (from, to) = span(&self.list_ends, pair);
        &self.list_series[from..to]
    }

    fn pairs_of(&self, series: u32) -> &[u32] {
        let (from, to) = span(&self.row_ends, series);
        &self.row_pairs[from..to]
    }

    fn all(&self) -> Vec<u32> {
        (0..self.len()).collect()
    }
}
