//! Blocks that are written and read again, and damaged in between.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    reason = "the numbers of a test are small"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use journal::faulty::FaultDisk;
use model::series::{Matcher, MatcherOp, STALE_NAN, Samples};
use proptest::prelude::*;

use super::{Block, Foot, Opener, Plan, write};
use crate::cache::Cache;
use crate::hash::Key;
use crate::matching;

type Read = Vec<(String, String, Vec<(i64, u64)>)>;
type Content = BTreeMap<(String, String), Vec<(i64, f64)>>;

const PATH: &str = "/b/0-1-0.block";

fn opener(disk: &FaultDisk) -> Opener {
    Opener {
        disk: Arc::new(disk.clone()),
        cache: Arc::new(Cache::new(1 << 20)),
        damage: Arc::default(),
        key: Key::random(),
    }
}

fn put(disk: &FaultDisk, content: &Content) {
    let opener = opener(disk);
    opener.disk.create_folder(Path::new("/b")).unwrap();
    let mut plan = Plan::new(opener.key.clone());
    for labels in content.keys() {
        let pairs = [("Z", "z"), ("__name__", labels.0.as_str()), ("gpu", labels.1.as_str())];
        plan.add(pairs.into_iter(), labels.clone());
    }
    let read = |labels: &(String, String), into: &mut Samples| {
        content[labels].iter().for_each(|(time, value)| into.push(*time, *value));
        Ok(())
    };
    write((&*opener.disk, Path::new(PATH)), Foot::default(), &plan.finish(), &opener.key, read)
        .unwrap();
}

fn read(block: &Block, matchers: &[Matcher]) -> Read {
    let index = block.index().unwrap();
    let found = matching::select(&*index, matchers);
    found
        .into_iter()
        .map(|series| {
            let labels = index.labels(series);
            let mut samples = Samples::default();
            block.read(&index, series, (i64::MIN, i64::MAX), &mut samples);
            let bits = samples.times.iter().zip(&samples.values).map(|(t, v)| (*t, v.to_bits()));
            (labels.name().to_owned(), labels.get("gpu").to_owned(), bits.collect())
        })
        .collect()
}

fn readings(series: usize) -> Content {
    let value = |at: usize, step: usize| ((at * 31 + step * 7919) % 700) as f64 / 10.0;
    (0..series)
        .map(|at| {
            let samples = (0..480).map(|step| (step as i64 * 15_000, value(at, step)));
            ((format!("m{}", at % 7), at.to_string()), samples.collect())
        })
        .collect()
}

proptest! {
    #[test]
    fn every_bit_of_every_sample_comes_back(
        series in prop::collection::btree_map(("[a-c]", "[0-9]{1,2}"), prop::collection::btree_map(0i64..7_200_000, (any::<u64>(), 0u8..4), 1..40), 1..30)
    ) {
        let content: Content = series.into_iter().map(|(labels, samples)| {
            let samples = samples.into_iter().map(|(time, (bits, kind))| (time, match kind {
                0 => f64::from_bits(bits),
                1 => STALE_NAN,
                _ => (bits >> 44) as f64 / 100.0,
            }));
            (labels, samples.collect())
        }).collect();
        let disk = FaultDisk::new();
        put(&disk, &content);
        let block = Block::open(&opener(&disk), Path::new(PATH), 1).unwrap();
        let wanted: Vec<_> = content.iter().map(|((name, gpu), samples)| {
            (name.clone(), gpu.clone(), samples.iter().map(|(t, v)| (*t, v.to_bits())).collect::<Vec<_>>())
        }).collect();
        let mut found = read(&block, &[]);
        found.sort();
        prop_assert_eq!(found, wanted);
        prop_assert_eq!(block.foot.samples as usize, content.values().map(Vec::len).sum::<usize>());
    }
}

#[test]
fn matchers_find_series_of_a_block() {
    let disk = FaultDisk::new();
    put(&disk, &readings(100));
    let block = Block::open(&opener(&disk), Path::new(PATH), 1).unwrap();
    let exact =
        Matcher { name: "__name__".to_owned(), op: MatcherOp::Equal, value: "m3".to_owned() };
    assert_eq!(read(&block, &[exact]).len(), 14);
}

#[test]
fn a_flipped_bit_costs_the_part_that_it_is_in_and_is_named() {
    let disk = FaultDisk::new();
    put(&disk, &readings(600));
    let length = disk.bytes(Path::new(PATH)).len() as u64;
    let whole = Block::open(&opener(&disk), Path::new(PATH), 1).unwrap();
    assert_eq!(whole.verify(), (600 * 480, Vec::new()));
    assert!(whole.index().unwrap().groups.len() > 3);
    for at in (0..length).step_by(1499) {
        disk.flip(Path::new(PATH), at, 3);
        match Block::open(&opener(&disk), Path::new(PATH), 1) {
            // Reserved bytes of head and foot mean nothing.
            Ok(block) => {
                let (samples, damage) = block.verify();
                if damage.iter().all(|line| line.contains("group")) {
                    // At most one group, and the parts of the others are whole.
                    assert!(damage.len() <= 1 && samples >= (600 - 256) * 480, "byte {at}");
                    assert!(samples == 600 * 480 || damage.len() == 1, "byte {at}");
                }
                assert!(damage.iter().all(|line| line.contains(PATH) && line.contains("at byte")));
            }
            Err(bad) => {
                let text = bad.to_string();
                assert!(text.contains("damaged") || text.contains("newer"), "{text}");
            }
        }
        disk.flip(Path::new(PATH), at, 3);
    }
    assert_eq!(whole.verify().1, Vec::<String>::new());
}
