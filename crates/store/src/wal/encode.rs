//! Writing records: numbers series as they come up in a segment, packs samples as columns.

use journal::Batch;

use super::{PLAIN, SAMPLES, SERIES, ZSTD, values};
use crate::head::Index;
use crate::varint;

/// Payloads shorter than this are not worth packing.
const SMALL: usize = 256;
/// Of zstd: what it saves beyond its first level costs more than the disk does.
const LEVEL: i32 = 1;
/// Samples of one record: more are divided, so that damage costs less.
const MOST_SAMPLES: usize = 20_000;
/// No number yet.
const NONE: u32 = u32::MAX;

/// A sample on its way to the log and the head.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub slot: u32,
    /// Older than the newest of its series.
    pub late: bool,
    pub time: i64,
    pub value: f64,
}

/// Encodes records for one journal.
pub(crate) struct Encoder {
    /// The sequence of the record that began the present numbering; 0: the next append begins one.
    epoch: u64,
    /// Numbers by slot and by pair.
    series: Vec<u32>,
    pairs: Vec<u32>,
    next_series: u32,
    next_pair: u32,
    /// The exponent that the last value of a slot had.
    exponents: Vec<u8>,
    fresh: Vec<u32>,
    body: Vec<u8>,
    columns: Columns,
    values: values::Writer,
    packed: Vec<u8>,
    zstd: zstd::bulk::Compressor<'static>,
}

#[derive(Debug, Default)]
struct Columns {
    series: Vec<u8>,
    times: Vec<u8>,
    planes: Vec<u8>,
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Encoder {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            epoch: 0,
            series: Vec::new(),
            pairs: Vec::new(),
            next_series: 0,
            next_pair: 0,
            exponents: Vec::new(),
            fresh: Vec::new(),
            body: Vec::new(),
            columns: Columns::default(),
            values: values::Writer::default(),
            packed: Vec::new(),
            zstd: zstd::bulk::Compressor::new(LEVEL)?,
        })
    }

    /// Numbers everything anew: after a failed append.
    pub(crate) fn begin_anew(&mut self) {
        self.epoch = 0;
    }

    /// Forgets slots and pairs that may be given to others.
    pub(crate) fn forget(&mut self, slots: &[u32], pairs: &[u32]) {
        for (numbers, gone) in [(&mut self.series, slots), (&mut self.pairs, pairs)] {
            for at in gone {
                if let Some(number) = numbers.get_mut(*at as usize) {
                    *number = NONE;
                }
            }
        }
    }

    /// Pushes the records of these samples.
    pub(crate) fn encode(
        &mut self,
        first: bool,
        index: &Index,
        samples: &[Sample],
        batch: &mut Batch,
    ) {
        if first || self.epoch == 0 {
            self.epoch = batch.next_sequence();
            self.series.clear();
            self.pairs.clear();
            (self.next_series, self.next_pair) = (0, 0);
        }
        self.series.resize(index.room(), NONE);
        self.exponents.resize(index.room(), 0);
        for part in samples.chunks(MOST_SAMPLES) {
            self.number_series(index, part, batch);
            self.put_samples(part, batch);
        }
    }

    fn number_series(&mut self, index: &Index, samples: &[Sample], batch: &mut Batch) {
        self.fresh.clear();
        let (first_series, first_pair) = (self.next_series, self.next_pair);
        for sample in samples {
            let number = &mut self.series[sample.slot as usize];
            if *number == NONE {
                *number = self.next_series;
                self.next_series += 1;
                self.fresh.push(sample.slot);
            }
        }
        if self.fresh.is_empty() {
            return;
        }
        let mut rows = std::mem::take(&mut self.columns.series);
        let mut texts = std::mem::take(&mut self.columns.planes);
        rows.clear();
        texts.clear();
        self.pairs.resize(index.pair_room(), NONE);
        for slot in &self.fresh {
            let pairs = index.pairs_in(*slot);
            varint::put(&mut rows, pairs.len() as u64);
            for pair in pairs {
                let number = &mut self.pairs[*pair as usize];
                if *number == NONE {
                    *number = self.next_pair;
                    self.next_pair += 1;
                    let (name, value) = index.texts(*pair);
                    for text in [name, value] {
                        varint::put(&mut texts, text.len() as u64);
                        texts.extend_from_slice(text.as_bytes());
                    }
                }
                varint::put(&mut rows, u64::from(*number));
            }
        }
        self.body.clear();
        varint::put(&mut self.body, self.epoch);
        varint::put(&mut self.body, u64::from(first_pair));
        varint::put(&mut self.body, u64::from(self.next_pair - first_pair));
        self.body.extend_from_slice(&texts);
        varint::put(&mut self.body, u64::from(first_series));
        varint::put(&mut self.body, self.fresh.len() as u64);
        self.body.extend_from_slice(&rows);
        self.columns.series = rows;
        self.columns.planes = texts;
        self.push(SERIES, batch);
    }

    fn put_samples(&mut self, samples: &[Sample], batch: &mut Batch) {
        let Some(base) = samples.first().map(|sample| sample.time) else { return };
        let Columns { series, times, planes } = &mut self.columns;
        [&mut *series, times, planes].into_iter().for_each(Vec::clear);
        self.values.clear();
        // The number after that of the sample before.
        let (mut number, mut time) = (0i64, base);
        for sample in samples {
            let next = i64::from(self.series[sample.slot as usize]);
            varint::put_signed(series, next - number);
            varint::put_signed(times, sample.time - time);
            let hint = &mut self.exponents[sample.slot as usize];
            self.values.put(sample.value, next + 1 == number, hint);
            (number, time) = (next + 1, sample.time);
        }
        self.values.planes(planes);
        self.body.clear();
        varint::put(&mut self.body, self.epoch);
        varint::put(&mut self.body, samples.len() as u64);
        varint::put_signed(&mut self.body, base);
        for column in [&*series, times, &self.values.tags, planes] {
            varint::put(&mut self.body, column.len() as u64);
            self.body.extend_from_slice(column);
        }
        self.push(SAMPLES, batch);
    }

    fn push(&mut self, kind: u8, batch: &mut Batch) {
        let mut record = batch.record(kind);
        if self.body.len() >= SMALL {
            self.packed.clear();
            self.packed.reserve(zstd::zstd_safe::compress_bound(self.body.len()));
            if self.zstd.compress_to_buffer(&self.body, &mut self.packed).is_ok() {
                let mut head = vec![ZSTD];
                varint::put(&mut head, self.body.len() as u64);
                record.put(&head);
                record.put(&self.packed);
                record.finish();
                return;
            }
        }
        record.put(&[PLAIN]);
        record.put(&self.body);
        record.finish();
    }
}
