//! Reading records. Everything is checked: what does not hold together is skipped and counted.

use super::{MOST_UNPACKED, PLAIN, SAMPLES, SERIES, ZSTD, values};
use crate::{packed, varint};

/// What reading found that it could not use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Records that do not hold together.
    pub records: u64,
    /// Records of a kind that a newer version wrote.
    pub unknown: u64,
    /// Samples whose series record is damaged.
    pub samples: u64,
}

/// What a record says, told as it is read.
pub(crate) trait Listener {
    /// A series with these labels comes up; what it is called from now on.
    fn series(&mut self, labels: &mut Vec<(&str, &str)>) -> Option<u32>;
    /// A sample of a series.
    fn sample(&mut self, series: u32, time: i64, value: f64);
}

/// Reads records of a journal in order.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    epoch: u64,
    /// By number: name and value; what the listener calls the series.
    pairs: Vec<Option<(Box<str>, Box<str>)>>,
    series: Vec<Option<u32>>,
    unpacked: Vec<u8>,
    pub skipped: Skipped,
}

impl Decoder {
    /// Reads one record.
    pub(crate) fn decode(&mut self, kind: u8, payload: &[u8], listener: &mut impl Listener) {
        let mut unpacked = std::mem::take(&mut self.unpacked);
        let done = body(payload, &mut unpacked).and_then(|mut body| match kind {
            SERIES => self.decode_series(&mut body, listener),
            SAMPLES => self.decode_samples(&mut body, listener),
            _ => {
                self.skipped.unknown += 1;
                Some(())
            }
        });
        self.skipped.records += u64::from(done.is_none());
        self.unpacked = unpacked;
    }

    fn decode_series(&mut self, body: &mut &[u8], listener: &mut impl Listener) -> Option<()> {
        self.enter(varint::take(body)?);
        let most = body.len();
        let first = varint::take_size(body, 1 << 28)?;
        let count = varint::take_size(body, most)?;
        self.pairs.resize_with(self.pairs.len().max(first + count), || None);
        for at in first..first + count {
            let name = text(body)?;
            let value = text(body)?;
            self.pairs[at] = Some((name.into(), value.into()));
        }
        let first = varint::take_size(body, 1 << 28)?;
        let count = varint::take_size(body, most)?;
        self.series.resize(self.series.len().max(first + count), None);
        for at in first..first + count {
            let mut labels = Vec::new();
            let mut whole = true;
            for _ in 0..varint::take_size(body, most)? {
                let pair = varint::take_size(body, usize::MAX)?;
                match self.pairs.get(pair) {
                    Some(Some((name, value))) => labels.push((&**name, &**value)),
                    _ => whole = false,
                }
            }
            self.series[at] = if whole { listener.series(&mut labels) } else { None };
        }
        Some(())
    }

    /// A record of another epoch uses numbers of its own.
    fn enter(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.pairs.clear();
            self.series.clear();
        }
    }

    fn decode_samples(&mut self, body: &mut &[u8], listener: &mut impl Listener) -> Option<()> {
        self.enter(varint::take(body)?);
        let most = body.len();
        let count = varint::take_size(body, most)?;
        let mut time = varint::take_signed(body)?;
        let mut column = || {
            let length = varint::take_size(body, most)?;
            varint::take_bytes(body, length)
        };
        let (mut series, mut times, tags, planes) = (column()?, column()?, column()?, column()?);
        if tags.len() != count {
            return None;
        }
        let mut values = values::Reader::new(tags, planes)?;
        let mut number = 0i64;
        for tag in tags {
            let after = varint::take_signed(&mut series)?;
            number = number.wrapping_add(after);
            time = time.wrapping_add(varint::take_signed(&mut times)?);
            let value = values.take(*tag, after == -1)?;
            let known = usize::try_from(number).ok().and_then(|at| *self.series.get(at)?);
            match known {
                Some(series) => listener.sample(series, time, value),
                None => self.skipped.samples += 1,
            }
            number = number.wrapping_add(1);
        }
        Some(())
    }
}

/// The payload of a record, unpacked where it is packed.
fn body<'a>(payload: &'a [u8], unpacked: &'a mut Vec<u8>) -> Option<&'a [u8]> {
    let (&form, mut rest) = payload.split_first()?;
    match form {
        PLAIN => Some(rest),
        ZSTD => {
            let length = varint::take_size(&mut rest, MOST_UNPACKED)?;
            unpacked.resize(length, 0);
            packed::unpack(rest, unpacked).then_some(unpacked.as_slice())
        }
        _ => None,
    }
}

fn text<'a>(body: &mut &'a [u8]) -> Option<&'a str> {
    let length = varint::take_size(body, body.len())?;
    std::str::from_utf8(varint::take_bytes(body, length)?).ok()
}
