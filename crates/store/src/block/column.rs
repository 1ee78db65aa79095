//! A series' values in a block: mantissas, their differences or the differences of these, as planes
//! of bytes, lowest first. zstd packs what the planes leave; that way a plane of zeros costs nothing
//! and digits meet digits.

use crate::decimal::{self, Column};
use crate::varint;

/// Kind of a column whose values are no decimals: their bits are the integers.
const RAW: u8 = 0x40;
const EXCEPTIONS: u8 = 0x80;
/// Most samples of a column.
pub(crate) const MOST: usize = 1 << 20;

/// What encoding needs room for.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    column: Column,
    plain: Vec<i64>,
    forms: [Vec<u64>; 3],
}

impl Encoder {
    /// Appends a column's head to `heads` and its planes to `planes`.
    pub(crate) fn encode(&mut self, values: &[f64], heads: &mut Vec<u8>, planes: &mut Vec<u8>) {
        let decimals = self.column.read(&values.iter().copied());
        self.plain.clear();
        if decimals {
            self.plain.extend_from_slice(&self.column.mantissas);
            let some = !self.column.exceptions.is_empty();
            heads.push(self.column.exponent | if some { EXCEPTIONS } else { 0 });
        } else {
            self.plain.extend(values.iter().map(|value| value.to_bits().cast_signed()));
            heads.push(RAW);
        }
        self.encode_integers(heads, planes);
        if decimals && !self.column.exceptions.is_empty() {
            varint::put(heads, self.column.exceptions.len() as u64);
            for (at, bits) in &self.column.exceptions {
                varint::put(heads, *at as u64);
                heads.extend_from_slice(&bits.to_le_bytes());
            }
        }
    }

    fn encode_integers(&mut self, heads: &mut Vec<u8>, planes: &mut Vec<u8>) {
        let plain = &self.plain;
        let least = plain.iter().copied().min().unwrap_or(0);
        let [above, deltas, seconds] = &mut self.forms;
        above.clear();
        above.extend(plain.iter().map(|value| value.wrapping_sub(least).cast_unsigned()));
        deltas.clear();
        seconds.clear();
        let mut before = 0i64;
        for pair in plain.windows(2) {
            let delta = pair[1].wrapping_sub(pair[0]);
            deltas.push(varint::fold(delta));
            if deltas.len() > 1 {
                seconds.push(varint::fold(delta.wrapping_sub(before)));
            }
            before = delta;
        }
        let (form, shift, width) = cheapest(&self.forms);
        heads.push(u8::try_from(form).unwrap_or(0) | shift << 2);
        heads.push(width);
        let first = plain.first().copied().unwrap_or(0);
        match form {
            0 => varint::put_signed(heads, least),
            1 => varint::put_signed(heads, first),
            _ => {
                varint::put_signed(heads, first);
                let second = plain.get(1).copied().unwrap_or(first);
                varint::put_signed(heads, second.wrapping_sub(first));
            }
        }
        put_planes(&self.forms[form], shift, width, planes);
    }
}

/// Which form packs best, its common zeros at the low end, its bytes.
fn cheapest(forms: &[Vec<u64>; 3]) -> (usize, u8, u8) {
    let mut best = (0, 0, 0);
    let mut least = u64::MAX;
    for (at, form) in forms.iter().enumerate() {
        let any = form.iter().fold(0, |any, value| any | value);
        // Only whole bits of multiples of a large power of two are worth taking out.
        let zeros = if any == 0 { 0 } else { any.trailing_zeros() };
        let shift = if zeros >= 3 { zeros.min(63) } else { 0 };
        let width = (64 - (any >> shift).leading_zeros()).div_ceil(8);
        // Of equal ones the form with fewer planes.
        let planes = (0..width).map(|plane| entropy(form, shift + 8 * plane) + 64);
        let cost = planes.sum::<u64>();
        if cost < least {
            least = cost;
            best = (at, u8::try_from(shift).unwrap_or(0), u8::try_from(width).unwrap_or(8));
        }
    }
    best
}

/// Bits (in 1/16) that the bytes of a plane take when packed one by one.
fn entropy(values: &[u64], shift: u32) -> u64 {
    let mut counts = [0u32; 256];
    for value in values {
        counts[usize::from(byte(*value, shift))] += 1;
    }
    let all = log2(u32::try_from(values.len()).unwrap_or(u32::MAX));
    counts.iter().filter(|count| **count > 0).map(|c| u64::from(*c) * (all - log2(*c))).sum()
}

/// The logarithm in 1/16, near enough to compare.
fn log2(value: u32) -> u64 {
    let whole = value.max(1).ilog2();
    let fraction = (u64::from(value.max(1)) << 4 >> whole) - 16;
    u64::from(whole) * 16 + fraction
}

#[expect(clippy::cast_possible_truncation, reason = "one byte of it is meant")]
fn byte(value: u64, shift: u32) -> u8 {
    if shift < 64 { (value >> shift) as u8 } else { 0 }
}

fn put_planes(values: &[u64], shift: u8, width: u8, planes: &mut Vec<u8>) {
    for plane in 0..u32::from(width) {
        planes.extend(values.iter().map(|value| byte(*value, u32::from(shift) + 8 * plane)));
    }
}

/// The head of a column, read; its planes follow elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    kind: u8,
    form: u8,
    shift: u8,
    width: u8,
    first: i64,
    second: i64,
    exceptions: Vec<(usize, u64)>,
}

impl Head {
    /// Reads a head off the front.
    pub(crate) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let [kind, form, width] = *varint::take_bytes(bytes, 3)? else { return None };
        let (form, shift) = (form & 3, form >> 2);
        let bits = u32::from(shift) + 8 * u32::from(width.saturating_sub(1));
        if form > 2 || width > 8 || bits > 63 {
            return None;
        }
        let first = varint::take_signed(bytes)?;
        let second = if form == 2 { varint::take_signed(bytes)? } else { 0 };
        let mut exceptions = Vec::new();
        if kind & EXCEPTIONS != 0 {
            for _ in 0..varint::take_count(bytes)? {
                let at = varint::take_size(bytes, MOST)?;
                let bits = varint::take_bytes(bytes, 8)?.try_into().ok()?;
                exceptions.push((at, u64::from_le_bytes(bits)));
            }
        }
        Some(Self { kind, form, shift, width, first, second, exceptions })
    }

    /// Bytes of the planes of a column of so many samples.
    pub(crate) fn planes(&self, count: usize) -> usize {
        count.saturating_sub(usize::from(self.form)) * usize::from(self.width)
    }

    /// Appends the values from place `low` to before `high` of a column of `count`.
    pub(crate) fn decode(
        &self,
        planes: &[u8],
        count: usize,
        (low, high): (usize, usize),
        scratch: &mut Vec<i64>,
        into: &mut Vec<f64>,
    ) {
        scratch.clear();
        self.integers(planes, count, high, scratch);
        let start = into.len();
        let wanted = scratch.get(low..high).unwrap_or(&[]);
        if self.kind & RAW != 0 {
            into.extend(wanted.iter().map(|bits| f64::from_bits(bits.cast_unsigned())));
        } else {
            let exponent = self.kind & 0xf;
            into.extend(wanted.iter().map(|mantissa| decimal::number(*mantissa, exponent)));
        }
        for (at, bits) in &self.exceptions {
            let place = at.checked_sub(low).and_then(|at| into.get_mut(start + at));
            if let Some(value) = place {
                *value = f64::from_bits(*bits);
            }
        }
    }

    /// The first `high` integers.
    fn integers(&self, planes: &[u8], count: usize, high: usize, into: &mut Vec<i64>) {
        let stored = count.saturating_sub(usize::from(self.form));
        let wanted = high.saturating_sub(usize::from(self.form)).min(stored);
        match self.form {
            0 => self.each(planes, stored, wanted, |above| {
                into.push(self.first.wrapping_add(above.cast_signed()));
            }),
            1 => {
                let mut value = self.first;
                into.push(value);
                self.each(planes, stored, wanted, |delta| {
                    value = value.wrapping_add(varint::unfold(delta));
                    into.push(value);
                });
            }
            _ => {
                let (mut value, mut delta) = (self.first.wrapping_add(self.second), self.second);
                into.extend([self.first, value]);
                self.each(planes, stored, wanted, |second| {
                    delta = delta.wrapping_add(varint::unfold(second));
                    value = value.wrapping_add(delta);
                    into.push(value);
                });
            }
        }
    }

    #[inline]
    fn each(&self, planes: &[u8], stored: usize, wanted: usize, mut f: impl FnMut(u64)) {
        let shift = self.shift;
        match self.width {
            0 => (0..wanted).for_each(|_| f(0)),
            1 => planes.iter().take(wanted).for_each(|byte| f(u64::from(*byte) << shift)),
            2 => {
                let (low, high) = planes.split_at(stored.min(planes.len()));
                for (low, high) in low.iter().zip(high).take(wanted) {
                    f((u64::from(*low) | u64::from(*high) << 8) << shift);
                }
            }
            width => {
                for at in 0..wanted {
                    let bytes = (0..usize::from(width)).rev();
                    let value = bytes.fold(0, |value, plane| {
                        let byte = planes.get(plane * stored + at).copied().unwrap_or(0);
                        value << 8 | u64::from(byte)
                    });
                    f(value << shift);
                }
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "the numbers of a test are small")]
mod tests {
    use model::series::STALE_NAN;
    use proptest::prelude::*;

    use super::{Encoder, Head};

    fn there_and_back(values: &[f64]) -> usize {
        let (mut heads, mut planes) = (Vec::new(), Vec::new());
        Encoder::default().encode(values, &mut heads, &mut planes);
        let mut rest = heads.as_slice();
        let head = Head::take(&mut rest).unwrap();
        assert!(rest.is_empty());
        assert_eq!(head.planes(values.len()), planes.len());
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        for low in [0, values.len() / 3] {
            for high in [values.len(), values.len() * 2 / 3, low] {
                let (mut back, mut scratch) = (Vec::new(), Vec::new());
                head.decode(&planes, values.len(), (low, high), &mut scratch, &mut back);
                assert_eq!(bits(&back), bits(values.get(low..high).unwrap_or(&[])));
            }
        }
        heads.len() + planes.len()
    }

    #[test]
    fn a_steady_counter_takes_its_head_alone() {
        let values: Vec<_> = (0..480).map(|at| 1e12 + f64::from(at) * 4_500_000.0).collect();
        assert!(there_and_back(&values) < 20);
    }

    proptest! {
        #[test]
        fn any_values_come_back(bits in prop::collection::vec(any::<u64>(), 1..60)) {
            there_and_back(&bits.iter().map(|bits| f64::from_bits(*bits)).collect::<Vec<_>>());
        }

        #[test]
        fn readings_and_markers_come_back(values in prop::collection::vec(-99i64..90_000, 1..90), places in 0i32..6, stale in 0usize..90, scale in 0u32..30) {
            let mut values: Vec<_> = values.iter().map(|v| (v << scale) as f64 / 10f64.powi(places)).collect();
            if let Some(value) = values.get_mut(stale) {
                *value = STALE_NAN;
            }
            there_and_back(&values);
        }

        #[test]
        fn any_head_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), planes in prop::collection::vec(any::<u8>(), 0..40), count in 0usize..50) {
            if let Some(head) = Head::take(&mut bytes.as_slice()) {
                head.decode(&planes, count, (0, count), &mut Vec::new(), &mut Vec::new());
            }
        }
    }
}
