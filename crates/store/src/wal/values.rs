//! The values of a record. Of a decimal the mantissa is kept, less what the samples before it in the
//! record foretell if they are of the same series; the bytes lie in planes, so that like meets like
//! when they are packed. A record stands alone: damage to one does not change what another says.

use super::RAW;
use crate::{decimal, varint};

/// Bytes of a value that is no decimal.
const WHOLE: usize = 8;

/// What the last samples of one series say of the next.
#[derive(Debug, Default, Clone, Copy)]
struct Run {
    known: bool,
    exponent: u8,
    last: i64,
    step: i64,
    /// The step before foretold the last one better than no step would have.
    steady: bool,
}

impl Run {
    fn foretold(&self, exponent: u8) -> i64 {
        match self.known && exponent == self.exponent {
            true if self.steady => self.last.wrapping_add(self.step),
            true => self.last,
            false => 0,
        }
    }

    fn follow(&mut self, exponent: u8, mantissa: i64) {
        if !self.known || exponent != self.exponent {
            *self = Self { known: true, exponent, last: mantissa, ..Self::default() };
            return;
        }
        let step = mantissa.wrapping_sub(self.last);
        self.steady = step.wrapping_sub(self.step).unsigned_abs() < step.unsigned_abs();
        (self.last, self.step) = (mantissa, step);
    }
}

/// Values on their way into a record.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) tags: Vec<u8>,
    /// By their number of bytes.
    widths: [Vec<u64>; WHOLE + 1],
    run: Run,
}

impl Writer {
    pub(super) fn clear(&mut self) {
        self.tags.clear();
        self.widths.iter_mut().for_each(Vec::clear);
        self.run = Run::default();
    }

    /// Adds a value. `again`: of the series that the one before is of; `hint`: the exponent that the
    /// series had last.
    #[inline]
    pub(super) fn put(&mut self, value: f64, again: bool, hint: &mut u8) {
        if !again {
            self.run = Run::default();
        }
        let found = decimal::mantissa(value, *hint).or_else(|| {
            *hint = decimal::exponent(value, 0)?;
            decimal::mantissa(value, *hint)
        });
        if let Some(mantissa) = found {
            let rest = varint::fold(mantissa.wrapping_sub(self.run.foretold(*hint)));
            let bytes = (64 - rest.leading_zeros()).div_ceil(8);
            if (bytes as usize) < WHOLE {
                self.run.follow(*hint, mantissa);
                self.tags.push(*hint | u8::try_from(bytes << 4).unwrap_or(0));
                self.widths[bytes as usize].push(rest);
                return;
            }
        }
        self.run = Run::default();
        self.tags.push(RAW);
        self.widths[WHOLE].push(value.to_bits());
    }

    /// Appends the planes: of the values of one byte, then of those of two, and so on; of each the
    /// lowest bytes first.
    pub(super) fn planes(&self, out: &mut Vec<u8>) {
        for (width, values) in self.widths.iter().enumerate() {
            for plane in 0..width {
                out.extend(values.iter().map(|value| value.to_le_bytes()[plane]));
            }
        }
    }
}

/// Values of a record that is read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    planes: &'a [u8],
    /// By number of bytes: where the planes begin, how long each is, and how much of it was read.
    widths: [(usize, usize, usize); WHOLE + 1],
    run: Run,
}

impl<'a> Reader<'a> {
    /// Of these tags and planes; none where they do not fit each other.
    pub(super) fn new(tags: &[u8], planes: &'a [u8]) -> Option<Self> {
        let mut widths = [(0, 0, 0); WHOLE + 1];
        for tag in tags {
            widths[width(*tag)?].1 += 1;
        }
        let mut start = 0;
        for (bytes, of) in widths.iter_mut().enumerate() {
            of.0 = start;
            start += bytes * of.1;
        }
        (start == planes.len()).then_some(Self { planes, widths, run: Run::default() })
    }

    /// The next value, of this tag.
    #[inline]
    pub(super) fn take(&mut self, tag: u8, again: bool) -> Option<f64> {
        if !again {
            self.run = Run::default();
        }
        let width = width(tag)?;
        let (start, length, read) = &mut self.widths[width];
        let mut bytes = [0; WHOLE];
        for (plane, byte) in bytes[..width].iter_mut().enumerate() {
            *byte = *self.planes.get(*start + plane * *length + *read)?;
        }
        *read += 1;
        let rest = u64::from_le_bytes(bytes);
        if tag == RAW {
            self.run = Run::default();
            return Some(f64::from_bits(rest));
        }
        let exponent = tag & 0xf;
        let mantissa = self.run.foretold(exponent).wrapping_add(varint::unfold(rest));
        self.run.follow(exponent, mantissa);
        Some(decimal::number(mantissa, exponent))
    }
}

/// Bytes of the value of a tag; none where no writer makes it.
fn width(tag: u8) -> Option<usize> {
    match tag {
        RAW => Some(WHOLE),
        0..RAW => Some(usize::from(tag >> 4)),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "the numbers of a test are small")]
mod tests {
    use model::series::STALE_NAN;
    use proptest::prelude::*;

    use super::{Reader, Writer};

    /// Writes and reads values, each with whether it is of the series of the one before; the planes.
    fn there_and_back(values: &[(f64, bool)]) -> usize {
        let (mut writer, mut planes, mut hint) = (Writer::default(), Vec::new(), 0);
        writer.clear();
        values.iter().for_each(|(value, again)| writer.put(*value, *again, &mut hint));
        writer.planes(&mut planes);
        let mut reader = Reader::new(&writer.tags, &planes).unwrap();
        for (tag, (value, again)) in writer.tags.iter().zip(values) {
            assert_eq!(reader.take(*tag, *again).unwrap().to_bits(), value.to_bits());
        }
        planes.len()
    }

    fn series(values: impl Iterator<Item = f64>) -> Vec<(f64, bool)> {
        values.enumerate().map(|(at, value)| (value, at > 0)).collect()
    }

    #[test]
    fn what_stays_takes_nothing_and_a_counter_takes_what_is_not_foretold() {
        let still = series((0..100).map(|_| 81_559.0));
        assert_eq!(there_and_back(&still), 3);
        let counter = series((0..100u32).map(|at| f64::from(at * 9_000_000 + at * 7_919 % 60)));
        assert!(there_and_back(&counter) < 120);
        // A marker between them begins anew.
        let mut ended = still.clone();
        ended[50].0 = STALE_NAN;
        assert_eq!(there_and_back(&ended), 3 + 8 + 3);
    }

    #[test]
    fn planes_of_another_length_than_the_tags_say_are_refused() {
        assert!(Reader::new(&[0x10, 0x20], &[1, 2, 3]).is_some());
        assert!(Reader::new(&[0x10, 0x20], &[1, 2]).is_none());
        assert!(Reader::new(&[0x80], &[0; 7]).is_none());
        assert!(Reader::new(&[0x81], &[0; 8]).is_none());
    }

    proptest! {
        #[test]
        fn any_values_come_back(values in prop::collection::vec((any::<u64>(), any::<bool>()), 1..99)) {
            let values: Vec<_> =
                values.iter().map(|(bits, again)| (f64::from_bits(*bits), *again)).collect();
            there_and_back(&values);
        }

        #[test]
        fn decimals_come_back(values in prop::collection::vec(
            ((-1i64 << 53)..(1 << 53), 0u32..54, 0i32..5, any::<bool>()), 1..99)) {
            let decimal = |(number, shift, places, again): &(i64, u32, i32, bool)| {
                ((number >> shift) as f64 / 10f64.powi(*places), *again)
            };
            there_and_back(&values.iter().map(decimal).collect::<Vec<_>>());
        }
    }
}
