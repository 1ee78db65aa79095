use super::*;
use crate::scenario::Scenario;

fn fleet(nodes: u32, seed: u64) -> Fleet {
    Fleet { nodes, seed, ..Fleet::default() }
}

#[test]
fn fleets_of_every_size_and_seed_are_possible() {
    for (nodes, seed) in [(1, 42), (8, 42), (125, 42), (40, 7), (40, u64::MAX), (3, 0)] {
        let scenario = Scenario::fleet(&fleet(nodes, seed));
        assert!(scenario.is_ok(), "{nodes} nodes, seed {seed}: {}", scenario.unwrap_err());
    }
}

#[test]
fn the_same_seed_gives_the_same_fleet_and_a_larger_one_begins_alike() {
    let text = fleet(20, 42).text();
    assert_eq!(text, fleet(20, 42).text());
    assert!(fleet(30, 42).text().starts_with(&text));
    assert_ne!(text, fleet(20, 43).text());
}
