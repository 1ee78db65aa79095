//! A spinning kernel against work that looks a little like one.

use super::*;

const BUSY: Signs = Signs {
    used: 1.0,
    watts: 600.0,
    idle_watts: Some(70.0),
    alone: true,
    memory_bytes: Some(40 << 30),
    progress: None,
};
const SPINS: Signs = Signs { watts: 160.0, ..BUSY };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

/// A reading each 5 s of this stretch.
fn read(watch: &mut HangWatch, from: i64, to: i64, signs: &Signs) -> Option<bool> {
    let config = Config::default();
    (from..=to).step_by(5).map(|s| watch.step(at(s), signs, &config)).last().flatten()
}

fn after_work() -> HangWatch {
    let mut watch = HangWatch::default();
    assert_eq!(read(&mut watch, 0, 595, &BUSY), Some(false));
    watch
}

#[test]
fn full_use_at_a_fraction_of_the_usual_power_is_suspicious_after_ten_minutes() {
    let mut watch = after_work();
    assert_eq!(read(&mut watch, 600, 1195, &SPINS), Some(false));
    assert_eq!(read(&mut watch, 1200, 1200, &SPINS), Some(true));
    let (since, suspicion) = watch.suspicion().unwrap();
    assert_eq!(since, at(600));
    assert_eq!(suspicion.confidence, Confidence::Medium);
    let usual = suspicion.usual_watts.unwrap();
    assert!((570.0..630.0).contains(&usual), "{usual}");
    assert_eq!(read(&mut watch, 1205, 1205, &BUSY), Some(false));
}

#[test]
fn the_usual_power_is_not_learned_from_the_hang() {
    let mut watch = after_work();
    assert_eq!(read(&mut watch, 600, 40_000, &SPINS), Some(true));
}

#[test]
fn without_a_usual_power_only_that_of_the_idle_gpu_counts() {
    let mut watch = HangWatch::default();
    assert_eq!(read(&mut watch, 0, 2000, &SPINS), Some(false), "160 W is more than 1.4 x 70 W");
    let near_idle = Signs { watts: 90.0, ..SPINS };
    assert_eq!(read(&mut HangWatch::default(), 0, 600, &near_idle), Some(true));
    let unknown = Signs { idle_watts: None, ..near_idle };
    let mut watch = HangWatch::default();
    assert_eq!(watch.step(at(0), &unknown, &Config::default()), None, "nothing to compare with");
}

#[test]
fn what_moves_data_or_memory_or_varies_is_at_work() {
    let pipes = |tensor: f64, dram: f64, pcie: f64| {
        Some(Progress {
            tensor: Reading::Value(tensor),
            dram: Reading::Value(dram),
            pcie_bytes_per_second: Reading::Value(pcie),
        })
    };
    for progress in [pipes(0.2, 0.0, 0.0), pipes(0.0, 0.1, 0.0), pipes(0.0, 0.0, 5e9)] {
        let works = Signs { progress, ..SPINS };
        assert_eq!(read(&mut after_work(), 600, 3000, &works), Some(false));
    }
    let mut watch = after_work();
    let rests = Signs { progress: pipes(0.0, 0.001, 1e6), ..SPINS };
    assert_eq!(read(&mut watch, 600, 1200, &rests), Some(true));
    assert_eq!(watch.suspicion().unwrap().1.confidence, Confidence::High);

    let (mut allocating, mut varying) = (after_work(), after_work());
    for seconds in (600..3000).step_by(5) {
        let more = u64::try_from(seconds).unwrap() << 20;
        let allocates = Signs { memory_bytes: Some(more), ..SPINS };
        assert_eq!(read(&mut allocating, seconds, seconds, &allocates), Some(false));
        let varies = Signs { used: if seconds % 60 == 0 { 0.985 } else { 1.0 }, ..SPINS };
        assert_eq!(read(&mut varying, seconds, seconds, &varies), Some(false));
    }
}

#[test]
fn power_that_neighbours_share_is_compared_with_the_idle_gpu_only() {
    let mut watch = after_work();
    let shared = Signs { alone: false, ..SPINS };
    assert_eq!(read(&mut watch, 600, 3000, &shared), Some(false));
    let shared = Signs { watts: 90.0, ..shared };
    assert_eq!(read(&mut watch, 3005, 3605, &shared), Some(true));
}

#[test]
fn readings_that_stop_for_long_are_no_hang() {
    let mut watch = after_work();
    assert_eq!(read(&mut watch, 600, 900, &SPINS), Some(false));
    assert_eq!(read(&mut watch, 1500, 1500, &SPINS), Some(false), "begun anew");
}
