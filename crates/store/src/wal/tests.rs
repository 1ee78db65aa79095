//! Records that are written and read again.
#![expect(clippy::cast_precision_loss, reason = "the numbers of a test are small")]

use std::path::Path;
use std::sync::Arc;

use journal::faulty::FaultDisk;
use journal::{Journal, Options};
use model::series::STALE_NAN;
use proptest::prelude::*;

use super::decode::Listener;
use super::{Decoder, Encoder, Sample};
use crate::hash::Key;
use crate::head::Index;

#[derive(Default)]
struct Heard {
    series: Vec<String>,
    samples: Vec<(u32, i64, u64)>,
}

impl Listener for Heard {
    fn series(&mut self, labels: &mut Vec<(&str, &str)>) -> Option<u32> {
        let text = format!("{labels:?}");
        let known = self.series.iter().position(|known| *known == text);
        let at = known.unwrap_or_else(|| {
            self.series.push(text);
            self.series.len() - 1
        });
        u32::try_from(at).ok()
    }

    fn sample(&mut self, series: u32, time: i64, value: f64) {
        self.samples.push((series, time, value.to_bits()));
    }
}

fn index(series: u32) -> Index {
    let mut index = Index::new(Key::random());
    for at in 0..series {
        let gpu = at.to_string();
        index.add(u128::from(at) + 1, [("__name__", "temp"), ("gpu", &gpu)]);
    }
    index
}

fn read_all(journal: &Journal) -> (Heard, Decoder) {
    let (mut heard, mut decoder, mut reader) =
        (Heard::default(), Decoder::default(), journal.read(0));
    while let Some(record) = reader.next_record().unwrap() {
        decoder.decode(record.kind, record.payload, &mut heard);
    }
    (heard, decoder)
}

proptest! {
    #[test]
    fn samples_come_back_over_segments_and_failed_appends(
        batches in prop::collection::vec((any::<bool>(), prop::collection::vec((0u32..9, -9i64..1_900_000_000_000, any::<u64>(), 0u32..4), 1..400)), 1..6)
    ) {
        let disk = Arc::new(FaultDisk::new());
        let (mut journal, _) = Journal::open(disk, Path::new("/wal"), Options::default(), 0).unwrap();
        let (index, mut encoder) = (index(9), Encoder::new().unwrap());
        let mut wanted = Vec::new();
        for (roll, samples) in batches {
            if roll {
                journal.roll();
            }
            let samples: Vec<Sample> = samples.into_iter().map(|(slot, time, bits, kind)| {
                let value = match kind {
                    0 => f64::from_bits(bits),
                    1 => STALE_NAN,
                    _ => (bits >> 40) as f64 / 1000.0,
                };
                Sample { slot, late: false, time, value }
            }).collect();
            journal.append(0, |_, first, batch| encoder.encode(first, &index, &samples, batch)).unwrap();
            wanted.extend(samples.iter().map(|s| (s.slot, s.time, s.value.to_bits())));
        }
        let (heard, decoder) = read_all(&journal);
        prop_assert_eq!(decoder.skipped, super::decode::Skipped::default());
        let label = |slot: u32| format!("{:?}", [("__name__", "temp"), ("gpu", slot.to_string().as_str())]);
        let found: Vec<_> = heard.samples.iter().map(|(s, t, v)| (heard.series[*s as usize].clone(), *t, *v)).collect();
        let wanted: Vec<_> = wanted.into_iter().map(|(s, t, v)| (label(s), t, v)).collect();
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn any_payload_is_read_without_a_panic(kind in 0u8..4, payload in prop::collection::vec(any::<u8>(), 0..80)) {
        Decoder::default().decode(kind, &payload, &mut Heard::default());
    }
}

#[test]
fn a_page_of_readings_takes_under_three_bytes_a_sample() {
    let disk = Arc::new(FaultDisk::new());
    let (mut journal, _) = Journal::open(disk, Path::new("/wal"), Options::default(), 0).unwrap();
    let (index, mut encoder) = (index(2000), Encoder::new().unwrap());
    let page = |time: i64| -> Vec<Sample> {
        let value = |slot: u32| f64::from(60_000 + slot * 7919 % 5000) / 100.0;
        (0..2000).map(|slot| Sample { slot, late: false, time, value: value(slot) }).collect()
    };
    journal.append(0, |_, first, batch| encoder.encode(first, &index, &page(0), batch)).unwrap();
    let before = journal.stats().bytes;
    journal
        .append(0, |_, first, batch| encoder.encode(first, &index, &page(15_000), batch))
        .unwrap();
    let bytes = journal.stats().bytes - before;
    assert!(bytes < 3 * 2000, "{bytes} bytes");
}
