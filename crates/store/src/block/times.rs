//! Times in a block: one column for all series that have the same, since a scrape gives one time to
//! hundreds of series.

use crate::varint;

/// Appends a column: how many, the first, the first step, and what each step differs from the one
/// before.
pub(crate) fn encode(times: &[i64], base: i64, out: &mut Vec<u8>) {
    varint::put(out, times.len() as u64);
    let (mut before, mut step) = (base, 0i64);
    for (at, time) in times.iter().enumerate() {
        let next = time.wrapping_sub(before);
        varint::put_signed(out, next.wrapping_sub(step));
        // The first is no step.
        step = if at == 0 { 0 } else { next };
        before = *time;
    }
}

/// Reads a column off the front.
pub(crate) fn decode(bytes: &mut &[u8], base: i64, most: usize) -> Option<Vec<i64>> {
    let count = varint::take_count(bytes).filter(|count| *count <= most)?;
    let mut times = Vec::with_capacity(count);
    let (mut before, mut step) = (base, 0i64);
    for at in 0..count {
        let next = varint::take_signed(bytes)?.wrapping_add(step);
        let time = before.wrapping_add(next);
        times.push(time);
        step = if at == 0 { 0 } else { next };
        before = time;
    }
    Some(times)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{decode, encode};

    proptest! {
        #[test]
        fn any_times_come_back(mut times in prop::collection::vec(0i64..7_200_000, 0..50), base in any::<i32>()) {
            times.sort_unstable();
            times.dedup();
            let times: Vec<_> = times.iter().map(|time| time + i64::from(base)).collect();
            let mut bytes = Vec::new();
            encode(&times, i64::from(base), &mut bytes);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(decode(&mut rest, i64::from(base), 1000).unwrap(), times);
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn regular_times_take_a_byte_each() {
        let times: Vec<_> = (0..480).map(|at| 7_200_000 + at * 15_000 + 1234).collect();
        let mut bytes = Vec::new();
        encode(&times, 7_200_000, &mut bytes);
        assert_eq!(bytes.len(), 2 + 2 + 3 + 478);
    }
}
