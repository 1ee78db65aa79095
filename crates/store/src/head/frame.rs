//! Frames: up to 120 samples of one series packed at once, in memory only. Packing a handful at a
//! time finds the width that suits them, and the frames before the one that is asked for are passed
//! over by their length.

use model::series::Samples;

use crate::{bits, decimal, varint};

/// Most samples of a frame.
pub(crate) const MOST: usize = 120;

/// Length, last time, count.
const HEADER: usize = 7;
/// The values' bits are packed instead of mantissas.
const RAW: u8 = 0x40;
/// Some values are no decimals and follow with their place.
const EXCEPTIONS: u8 = 0x80;

/// What packing needs room for; kept from one frame to the next.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    column: decimal::Column,
    integers: Vec<i64>,
    scratch: Vec<u64>,
}

impl Packer {
    /// Appends a frame of 1 to [`MOST`] samples, ascending, at most 2^32 ms from `base` on.
    pub(crate) fn pack(&mut self, out: &mut Vec<u8>, base: i64, samples: &[(i64, f64)]) {
        debug_assert!((1..=MOST).contains(&samples.len()), "a frame holds 1 to 120 samples");
        let Some(&(last, _)) = samples.last() else { return };
        let start = out.len();
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&offset(base, last).to_le_bytes());
        out.push(u8::try_from(samples.len()).unwrap_or(0));
        self.integers.clear();
        self.integers.extend(samples.iter().map(|(time, _)| time - base));
        bits::pack(out, &self.integers, &mut self.scratch);
        self.pack_values(out, samples);
        let length = u16::try_from(out.len() - start).unwrap_or(0);
        out[start..start + 2].copy_from_slice(&length.to_le_bytes());
    }

    fn pack_values(&mut self, out: &mut Vec<u8>, samples: &[(i64, f64)]) {
        if !self.column.read(&samples.iter().map(|(_, value)| *value)) {
            out.push(RAW);
            self.integers.clear();
            self.integers.extend(samples.iter().map(|(_, v)| v.to_bits().cast_signed()));
            bits::pack(out, &self.integers, &mut self.scratch);
            return;
        }
        let column = &self.column;
        let some = !column.exceptions.is_empty();
        out.push(column.exponent | if some { EXCEPTIONS } else { 0 });
        bits::pack(out, &column.mantissas, &mut self.scratch);
        if some {
            out.push(u8::try_from(column.exceptions.len()).unwrap_or(0));
            for (at, value) in &column.exceptions {
                out.push(u8::try_from(*at).unwrap_or(0));
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }
}

/// What unpacking needs room for.
#[derive(Debug, Default)]
pub(crate) struct Unpacker {
    times: Vec<i64>,
    values: Vec<i64>,
}

impl Unpacker {
    /// Appends the samples from `from` to `to` of frames that lie one behind the other.
    pub(crate) fn unpack(
        &mut self,
        mut frames: &[u8],
        base: i64,
        (from, to): (i64, i64),
        into: &mut Samples,
    ) -> Option<()> {
        while let Some(header) = frames.get(..HEADER) {
            let length = usize::from(u16::from_le_bytes([header[0], header[1]]));
            let last = u32::from_le_bytes([header[2], header[3], header[4], header[5]]);
            let count = usize::from(header[6]);
            let (frame, rest) = frames.split_at_checked(length)?;
            if base + i64::from(last) >= from {
                self.unpack_one(frame.get(HEADER..)?, count, base, (from, to), into)?;
            }
            if base + i64::from(last) >= to || rest.len() == frames.len() {
                break;
            }
            frames = rest;
        }
        Some(())
    }

    fn unpack_one(
        &mut self,
        mut bytes: &[u8],
        count: usize,
        base: i64,
        (from, to): (i64, i64),
        into: &mut Samples,
    ) -> Option<()> {
        bits::unpack(&mut bytes, count, &mut self.times)?;
        let low = self.times.partition_point(|time| base + time < from);
        let high = self.times.partition_point(|time| base + time <= to);
        if low >= high {
            return Some(());
        }
        let (&kind, rest) = bytes.split_first()?;
        bytes = rest;
        bits::unpack(&mut bytes, count, &mut self.values)?;
        into.times.extend(self.times[low..high].iter().map(|time| base + time));
        let values = &self.values[low..high];
        if kind & RAW != 0 {
            into.values.extend(values.iter().map(|bits| f64::from_bits(bits.cast_unsigned())));
            return Some(());
        }
        let exponent = kind & 0xf;
        let start = into.values.len();
        into.values.extend(values.iter().map(|m| decimal::number(*m, exponent)));
        if kind & EXCEPTIONS != 0 {
            put_exceptions(bytes, low, &mut into.values[start..])?;
        }
        Some(())
    }
}

fn put_exceptions(mut bytes: &[u8], low: usize, values: &mut [f64]) -> Option<()> {
    let count = *varint::take_bytes(&mut bytes, 1)?.first()?;
    for _ in 0..count {
        let at = usize::from(*varint::take_bytes(&mut bytes, 1)?.first()?);
        let bits = varint::take_bytes(&mut bytes, 8)?.try_into().ok()?;
        if let Some(value) = at.checked_sub(low).and_then(|at| values.get_mut(at)) {
            *value = f64::from_bits(u64::from_le_bytes(bits));
        }
    }
    Some(())
}

fn offset(base: i64, time: i64) -> u32 {
    u32::try_from(time - base).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the numbers of a test are small"
)]
mod tests {
    use model::series::{STALE_NAN, Samples};
    use proptest::prelude::*;

    use super::{Packer, Unpacker};

    fn there_and_back(samples: &[(i64, f64)], range: (i64, i64)) -> usize {
        let mut bytes = Vec::new();
        let mut packer = Packer::default();
        for part in samples.chunks(50) {
            packer.pack(&mut bytes, samples[0].0, part);
        }
        let mut back = Samples::default();
        Unpacker::default().unpack(&bytes, samples[0].0, range, &mut back).unwrap();
        let wanted = samples.iter().filter(|(time, _)| (range.0..=range.1).contains(time));
        let found = back.times.iter().zip(&back.values).map(|(t, v)| (*t, v.to_bits()));
        assert!(found.eq(wanted.map(|(t, v)| (*t, v.to_bits()))));
        bytes.len()
    }

    #[test]
    fn watts_take_two_bytes_and_a_marker_stays() {
        let mut samples: Vec<_> = (0..50)
            .map(|at| (at * 15_000, f64::from(70_000 + (at as u32 * 7919) % 1000) / 1000.0))
            .collect();
        samples[49].1 = STALE_NAN;
        assert!(there_and_back(&samples, (i64::MIN, i64::MAX)) < 120);
    }

    proptest! {
        #[test]
        fn any_samples_come_back(values in prop::collection::vec((1i64..100_000, any::<u64>()), 1..200),
                                 from in 0i64..9_000_000, length in 0i64..9_000_000) {
            let samples: Vec<_> = values.iter().scan(0, |time, (gap, bits)| {
                *time += gap;
                Some((*time, f64::from_bits(*bits)))
            }).collect();
            there_and_back(&samples, (from, from + length));
        }

        #[test]
        fn readings_come_back(values in prop::collection::vec((1i64..3, -5i64..100_000, 0i32..5), 1..200)) {
            let samples: Vec<_> = values.iter().scan(0, |time, (gap, number, places)| {
                *time += gap * 15_000;
                Some((*time, *number as f64 / 10f64.powi(*places)))
            }).collect();
            there_and_back(&samples, (i64::MIN, i64::MAX));
        }
    }
}
