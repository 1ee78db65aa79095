//! The samples of one series against a plain map.

use std::collections::BTreeMap;

use model::series::Samples;
use proptest::prelude::*;

use super::{Data, Scratch};

/// As the writer does: what is newer goes to the end, the rest among the others.
fn put(data: &mut Data, newest: &mut i64, samples: &[(i64, f64)], scratch: &mut Scratch) {
    let mut late = Vec::new();
    for &(time, value) in samples {
        if time > *newest {
            data.push(time, value, scratch);
            *newest = time;
        } else {
            late.push((time, value));
        }
    }
    late.sort_by_key(|(time, _)| *time);
    let before = data.size().0;
    let done = data.push_late(&late, scratch);
    assert_eq!(data.size().0 - before, done.stored);
    assert_eq!(done.stored + done.duplicates + done.conflicts, late.len() as u64);
}

proptest! {
    #[test]
    fn late_samples_find_their_place_and_the_first_stands(
        batches in prop::collection::vec((0i64..2000, prop::collection::vec((0i64..60, 0u8..5), 1..60)), 1..40),
        seal_after in 0usize..40, from in 0i64..30_000_000, length in 0i64..30_000_000,
    ) {
        let (mut data, mut scratch, mut newest) = (Data::default(), Scratch::default(), i64::MIN);
        let mut model: BTreeMap<i64, f64> = BTreeMap::new();
        for (at, (start, batch)) in batches.iter().enumerate() {
            let samples: Vec<_> = batch.iter().map(|(step, value)| {
                ((start + step) * 15_000, f64::from(*value) / 4.0)
            }).collect();
            put(&mut data, &mut newest, &samples, &mut scratch);
            let in_order = samples.iter().copied();
            for (time, value) in in_order {
                model.entry(time).or_insert(value);
            }
            if at == seal_after {
                data.seal(14_400_000, 1, &mut scratch);
            }
        }
        let mut found = Samples::default();
        data.read((from, from + length), 0, &mut scratch, &mut found);
        let mut seen: BTreeMap<i64, f64> = BTreeMap::new();
        for (time, value) in found.times.iter().zip(&found.values) {
            seen.entry(*time).or_insert(*value);
        }
        let wanted: BTreeMap<_, _> = model.range(from..=from + length).map(|(t, v)| (*t, *v)).collect();
        prop_assert_eq!(&seen, &wanted);
        if seal_after >= batches.len() {
            prop_assert!(found.times.is_sorted());
            prop_assert_eq!(found.len(), wanted.len());
        }
        prop_assert_eq!(data.newest_in((from, from + length), &mut scratch), wanted.iter().next_back().map(|(t, v)| (*t, *v)));
        for (time, value) in wanted.iter().take(20) {
            prop_assert_eq!(data.at(*time, &mut scratch), Some(*value));
        }
    }
}
