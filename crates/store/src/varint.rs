//! Integers of variable length: seven bits to a byte, least first, the high bit says that more
//! follow. Signed ones are folded first, so that small negative ones stay small.

/// Most bytes of one.
pub(crate) const MAX_BYTES: usize = 10;

/// Appends one.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low(value) | 0x80);
        value >>= 7;
    }
    out.push(low(value));
}

fn low(value: u64) -> u8 {
    (value & 0x7f) as u8
}

/// Appends a signed one.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, fold(value));
}

/// Reads one off the front; none where the bytes end in it or it is longer than any.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        *bytes = rest;
        return Some(u64::from(first));
    }
    let mut value = u64::from(first & 0x7f);
    for (at, &byte) in rest.iter().take(MAX_BYTES - 1).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * (at + 1));
        if byte < 0x80 {
            *bytes = &rest[at + 1..];
            return Some(value);
        }
    }
    None
}

/// Reads a signed one.
pub(crate) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    take(bytes).map(unfold)
}

/// Reads one that counts or measures something in memory, at most `most`.
pub(crate) fn take_size(bytes: &mut &[u8], most: usize) -> Option<usize> {
    usize::try_from(take(bytes)?).ok().filter(|size| *size <= most)
}

/// Reads how many things follow, each of which takes a byte at least.
pub(crate) fn take_count(bytes: &mut &[u8]) -> Option<usize> {
    let most = bytes.len();
    take_size(bytes, most)
}

/// Reads so many bytes off the front.
pub(crate) fn take_bytes<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(head)
}

/// 0, -1, 1, -2, … as 0, 1, 2, 3, …
pub(crate) fn fold(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Undoes [`fold`].
pub(crate) fn unfold(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{put_signed, take, take_signed};

    proptest! {
        #[test]
        fn what_goes_in_comes_out(values in prop::collection::vec(any::<i64>(), 0..20)) {
            let mut bytes = Vec::new();
            values.iter().for_each(|value| put_signed(&mut bytes, *value));
            let mut rest = bytes.as_slice();
            for value in values {
                prop_assert_eq!(take_signed(&mut rest), Some(value));
            }
            prop_assert_eq!(take(&mut rest), None);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..30)) {
            let mut rest = bytes.as_slice();
            while take(&mut rest).is_some() {}
        }
    }
}
