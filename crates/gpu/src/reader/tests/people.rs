//! Who is on a device, and what they use.

use model::Reading;
use model::observation::UseSample;

use super::*;

fn samples(pass: &Pass, device: usize) -> Vec<UseSample> {
    let process_use = pass.observations[device].process_use.as_ref().unwrap();
    let mut samples = process_use.samples.as_ref().value().unwrap().clone();
    samples.sort_by_key(|sample| (sample.at, sample.pid));
    samples
}

fn shown(pass: &Pass, device: usize) -> Vec<(u32, i64, u8)> {
    samples(pass, device).iter().map(|s| (s.pid, s.at.second() - BEGAN, s.sm)).collect()
}

#[test]
fn three_lists_become_one() {
    let mut shared = gpu("a");
    shared.compute = vec![process(9, 100), process(7, 10)];
    shared.graphics = vec![process(7, 30), process(5, 2)];
    shared.mps = vec![process(8, 1)];
    let mut bench = Bench::new(vec![shared]);
    let pass = bench.pass();
    let of = |pid, kind, mebibytes: u64| DeviceProcess {
        pid,
        kind,
        memory_bytes: Some(mebibytes * MIB),
    };
    assert_eq!(
        pass.observations[0].processes,
        Reading::Value(vec![
            of(5, ContextKind::Graphics, 2),
            of(7, ContextKind::ComputeGraphics, 30),
            of(8, ContextKind::MpsClient, 1),
            of(9, ContextKind::Compute, 100),
        ])
    );
}

#[test]
fn a_list_that_grows_is_asked_for_again_and_one_that_never_fits_is_a_failure() {
    let mut one = gpu("a");
    one.compute = vec![process(9, 100)];
    let mut bench = Bench::new(vec![one]);
    bench.fake.world().grown = 2;
    assert_eq!(pids(&bench.pass(), 0), [9]);
    bench.fake.world().grown = 100;
    let pass = bench.after(1);
    assert_eq!(pass.observations[0].processes, Reading::Failed(ErrorKind::BadAnswer));
}

#[test]
fn processes_that_may_not_be_listed_are_unknown_and_not_nobody() {
    let mut bench = Bench::new(vec![gpu("a")]);
    bench.fake.world().refuses.insert("compute_processes", Return::NO_PERMISSION);
    let pass = bench.pass();
    assert_eq!(pass.observations[0].processes, Reading::Failed(ErrorKind::NoPermission));
    assert_eq!(pass.gpus[0].health, Health::NoPermission("process lists"));
}

#[test]
fn use_is_read_once_and_from_where_it_was_left() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let now = bench.now();
    bench.fake.world().gpus[0].used = vec![used(5, now - 300, 40), used(5, now - 1, 60)];
    // The first reading gives all that the driver still holds.
    assert_eq!(shown(&bench.pass(), 0), [(5, -300, 40), (5, -1, 60)]);
    let mut later = vec![used(5, now - 1, 60), used(5, now + 3, 70), used(6, now + 4, 30)];
    later.reverse();
    bench.fake.world().gpus[0].used = later;
    assert_eq!(shown(&bench.after(5), 0), [(5, 3, 70), (6, 4, 30)]);
    assert_eq!(bench.fake.world().asked_since, [0, (now - 1) * 1_000_000]);
}

#[test]
fn no_new_sample_is_a_real_zero_and_no_support_is_not() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let pass = bench.pass();
    assert_eq!(samples(&pass, 0), []);
    assert_eq!(pass.gpus[0].health, Health::Up);
    bench.fake.world().refuses.insert("process_utilization", Return::NOT_SUPPORTED);
    let pass = bench.after(5);
    let process_use = pass.observations[0].process_use.as_ref().unwrap();
    assert_eq!(process_use.samples, Reading::NotSupported);
}

#[test]
fn impossible_samples_are_dropped_and_do_not_poison_the_next_reading() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let now = bench.now();
    bench.fake.world().gpus[0].used = vec![
        used(5, now - 2, 101),
        used(0, now - 2, 10),
        used(6, now + 86_400, 10),
        used(7, now - 1, 100),
    ];
    assert_eq!(shown(&bench.pass(), 0), [(7, -1, 100)]);
    bench.fake.world().gpus[0].used = vec![used(7, now + 4, 20)];
    assert_eq!(shown(&bench.after(5), 0), [(7, 4, 20)]);
}

#[test]
fn every_gpu_has_its_own_time_of_the_last_sample() {
    let mut bench = Bench::new(vec![gpu("a"), gpu("b")]);
    let now = bench.now();
    bench.fake.world().gpus[0].used = vec![used(5, now - 1, 40)];
    bench.pass();
    bench.fake.world().gpus[1].used = vec![used(6, now - 2, 40)];
    let pass = bench.after(5);
    assert_eq!((shown(&pass, 0), shown(&pass, 1)), (vec![], vec![(6, -2, 40)]));
}

#[test]
fn activity_comes_from_gpm_between_two_readings_of_use() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let pass = bench.pass();
    // Before the second sample the driver's own figure stands in.
    assert_eq!(pass.observations[0].activity, Some(Reading::Value(0.99)));
    bench.fake.world().gpus[0].gpm = Some(30.0);
    assert_eq!(bench.after(5).observations[0].activity, Some(Reading::Value(0.3)));
    let ask = Ask { process_use: false, ..Ask::ALL };
    let pass = bench.reader.pass(Timestamp::from_secs(bench.second + 1), ask);
    assert_eq!(pass.observations[0].activity, None);
    assert!(pass.observations[0].process_use.is_none());
}
