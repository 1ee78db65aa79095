//! How good the detectors of findings are: worlds in which it is known what is wrong, drawn at
//! random together with what only looks wrong, and counted per entity and finding.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::tests_outside_test_module, reason = "a test program")]

mod dice;
mod harmless;
mod score;
mod world;
mod wrong;

use session::Finding;

use score::Score;

/// Worlds that none of the thresholds was chosen by.
const SEEDS: std::ops::Range<u64> = 7_000..7_040;
/// What `sessions.md` asks for.
const WANTED: f64 = 0.95;

#[test]
fn detectors_are_precise_and_miss_little() {
    let mut score = Score::default();
    for seed in SEEDS {
        world::play(seed, &mut score);
    }
    score.print();
    for finding in Finding::ALL {
        let counts = score.of(finding);
        let name = finding.as_str();
        assert!(counts.expected >= 20, "{name}: too few cases to tell: {counts:?}");
        assert!(counts.precision() >= WANTED, "{name}: {counts:?}");
        assert!(counts.recall() >= WANTED, "{name}: {counts:?}");
    }
}
