//! Columns of integers as a smallest value and the few bits that each is above it, of the integers
//! themselves or of their differences, whichever takes fewer bits.

use crate::varint;

const DELTAS: u8 = 0x80;

/// Appends a column; its length is the caller's to know.
pub(crate) fn pack(out: &mut Vec<u8>, values: &[i64], scratch: &mut Vec<u64>) {
    let Some(&first) = values.first() else { return };
    let plain = Range::of(values.iter().copied());
    let deltas = Range::of(values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])));
    let as_deltas = deltas.width < plain.width;
    let range = if as_deltas { deltas } else { plain };
    scratch.clear();
    if as_deltas {
        scratch.extend(values.windows(2).map(|p| above(p[1].wrapping_sub(p[0]), range.least)));
    } else {
        scratch.extend(values.iter().map(|value| above(*value, range.least)));
    }
    // Multiples of a power of two, as bytes of memory are, lose their zeros.
    let shift = if range.width > 8 { range.zeros } else { 0 };
    let width = range.width - shift;
    out.push(width | if as_deltas { DELTAS } else { 0 });
    out.push(shift);
    varint::put_signed(out, range.least);
    if as_deltas {
        varint::put_signed(out, first);
    }
    write(out, scratch, width, shift);
}

/// Reads a column of `count` off the front into `into`, which is emptied first.
pub(crate) fn unpack(bytes: &mut &[u8], count: usize, into: &mut Vec<i64>) -> Option<()> {
    into.clear();
    if count == 0 {
        return Some(());
    }
    let [mode, shift] = *varint::take_bytes(bytes, 2)? else { return None };
    let (width, as_deltas) = (mode & !DELTAS, mode & DELTAS != 0);
    let least = varint::take_signed(bytes)?;
    if width > 64 || shift > 63 {
        return None;
    }
    if as_deltas {
        let mut value = varint::take_signed(bytes)?;
        into.push(value);
        read(bytes, count - 1, width, |bits| {
            value = value.wrapping_add(least).wrapping_add((bits << shift).cast_signed());
            into.push(value);
        })
    } else {
        read(bytes, count, width, |bits| {
            into.push(least.wrapping_add((bits << shift).cast_signed()));
        })
    }
}

/// Smallest of some integers, the bits that the rest needs above it, and how many of these bits are
/// zero at the low end in all of them.
struct Range {
    least: i64,
    width: u8,
    zeros: u8,
}

impl Range {
    fn of(values: impl Iterator<Item = i64> + Clone) -> Self {
        let (least, most) =
            values.clone().fold((i64::MAX, i64::MIN), |(a, b), v| (a.min(v), b.max(v)));
        if least > most {
            return Self { least: 0, width: 0, zeros: 0 };
        }
        let width = width(above(most, least));
        let any = values.fold(0, |any, value| any | above(value, least));
        let zeros = if any == 0 { 0 } else { any.trailing_zeros() };
        Self { least, width, zeros: u8::try_from(zeros).unwrap_or(0) }
    }
}

fn above(value: i64, least: i64) -> u64 {
    value.wrapping_sub(least).cast_unsigned()
}

fn width(value: u64) -> u8 {
    u8::try_from(64 - value.leading_zeros()).unwrap_or(64)
}

fn write(out: &mut Vec<u8>, values: &[u64], width: u8, shift: u8) {
    if width == 0 {
        return;
    }
    let (mut held, mut bits) = (0u128, 0u32);
    for value in values {
        held |= u128::from(value >> shift) << bits;
        bits += u32::from(width);
        if bits >= 64 {
            out.extend_from_slice(&low(held).to_le_bytes());
            held >>= 64;
            bits -= 64;
        }
    }
    let rest = bits.div_ceil(8) as usize;
    out.extend_from_slice(&low(held).to_le_bytes()[..rest]);
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is meant")]
fn low(held: u128) -> u64 {
    held as u64
}

fn read(bytes: &mut &[u8], count: usize, width: u8, mut each: impl FnMut(u64)) -> Option<()> {
    if width == 0 {
        (0..count).for_each(|_| each(0));
        return Some(());
    }
    let packed = varint::take_bytes(bytes, (count * usize::from(width)).div_ceil(8))?;
    let mask = u64::MAX >> (64 - u32::from(width));
    for at in 0..count {
        let bit = at * usize::from(width);
        let (byte, offset) = (bit / 8, bit % 8);
        let mut value = load(packed, byte) >> offset;
        if usize::from(width) + offset > 64 {
            value |= u64::from(packed.get(byte + 8).copied().unwrap_or(0)) << (64 - offset);
        }
        each(value & mask);
    }
    Some(())
}

/// Eight bytes from a place, zeros past the end.
#[inline]
fn load(bytes: &[u8], at: usize) -> u64 {
    if let Some(Ok(whole)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        return u64::from_le_bytes(whole);
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    rest.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{pack, unpack};

    fn there_and_back(values: &[i64]) -> usize {
        let (mut bytes, mut scratch, mut back) = (Vec::new(), Vec::new(), vec![1]);
        pack(&mut bytes, values, &mut scratch);
        bytes.push(77);
        let mut rest = bytes.as_slice();
        unpack(&mut rest, values.len(), &mut back).unwrap();
        assert_eq!(back, values);
        assert_eq!(rest, [77]);
        bytes.len() - 1
    }

    #[test]
    fn regular_times_take_no_bits() {
        let times: Vec<_> = (0..64).map(|at| 1_795_323_787_000 + at * 15_000).collect();
        assert!(there_and_back(&times) < 14);
    }

    #[test]
    fn multiples_of_a_mebibyte_are_small() {
        let bytes: Vec<_> = (0..64).map(|at| (at * 7 % 16) << 20).collect();
        assert!(there_and_back(&bytes) < 40);
    }

    proptest! {
        #[test]
        fn any_integers_come_back(values in prop::collection::vec(any::<i64>(), 0..70)) {
            there_and_back(&values);
        }

        #[test]
        fn small_integers_come_back(values in prop::collection::vec(-99i64..5000, 0..300), shift in 0..40) {
            there_and_back(&values.iter().map(|value| value << shift).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0usize..200) {
            let _ = unpack(&mut bytes.as_slice(), count, &mut Vec::new());
        }
    }
}
