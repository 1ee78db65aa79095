//! Energy of GPUs in observations: from where, and at which price.

use super::*;

const LISTS: Ask = Ask { device_values: false, processes: true, process_use: false };
const USE: Ask = Ask { device_values: false, processes: true, process_use: true };

/// A pass one second later: the counter in mJ and the power in W of the first device.
fn energy(bench: &mut Bench, ask: Ask) -> Option<(Option<u64>, Option<f64>)> {
    bench.second += 1;
    let pass = bench.reader.pass(Timestamp::from_secs(bench.second), ask);
    let energy = pass.observations[0].energy?;
    Some((energy.millijoules.value(), energy.watts.value()))
}

fn calls(bench: &Bench) -> (u32, u64) {
    let powers = bench.reader.calls.count_of(Call::PowerUsage);
    (bench.fake.world().field_calls, powers)
}

fn occupied() -> FakeGpu {
    FakeGpu { compute: vec![process(7, 100)], ..gpu("a") }
}

#[test]
fn a_pass_that_reads_the_rows_makes_no_call_for_energy() {
    let mut bench = Bench::new(vec![occupied()]);
    let with_rows = energy(&mut bench, Ask { process_use: false, ..Ask::ALL });
    assert_eq!(with_rows, Some((Some(123_456_789), Some(629.45))));
    assert_eq!(calls(&bench), (1, 1));
}

#[test]
fn one_batched_call_tells_it_in_each_pass_while_somebody_is_there_and_once_after() {
    let mut bench = Bench::new(vec![occupied()]);
    for batched in 1..=3 {
        assert_eq!(energy(&mut bench, LISTS), Some((Some(123_456_789), None)));
        assert_eq!(calls(&bench), (batched, 0));
    }
    bench.fake.world().gpus[0].compute.clear();
    assert!(energy(&mut bench, LISTS).is_some());
    assert!(energy(&mut bench, LISTS).is_none(), "nobody is there");
    assert_eq!(calls(&bench), (4, 0));
    assert!(energy(&mut bench, USE).is_some(), "for the idle baseline");
}

#[test]
fn without_a_counter_only_power_is_asked() {
    let mut bench = Bench::new(vec![occupied()]);
    bench.fake.world().refuses.insert("field_values", Return::FUNCTION_NOT_FOUND);
    bench.fake.world().refuses.insert("total_energy_consumption", Return::NOT_SUPPORTED);
    let counters = |bench: &Bench| bench.reader.calls.count_of(Call::TotalEnergyConsumption);
    for powers in 1..=3 {
        assert_eq!(energy(&mut bench, LISTS), Some((None, Some(629.45))));
        assert_eq!((calls(&bench).1, counters(&bench)), (powers, 1));
    }
}

#[test]
fn a_driver_without_the_field_is_asked_by_the_call() {
    let mut bench = Bench::new(vec![occupied()]);
    bench.fake.world().refuses.insert("field_values", Return::FUNCTION_NOT_FOUND);
    assert_eq!(energy(&mut bench, LISTS), Some((Some(77), None)));
}

#[test]
fn instances_of_one_gpu_tell_the_same() {
    let cut = FakeGpu {
        mig: Some(vec![mig(1, 0, "MIG-1", "3g.40gb"), mig(2, 0, "MIG-2", "3g.40gb")]),
        ..gpu("a")
    };
    let mut bench = Bench::new(vec![cut]);
    let pass = bench.reader.pass(Timestamp::from_secs(bench.second), USE);
    let told: Vec<_> = pass.observations.iter().map(|o| o.energy.unwrap().millijoules).collect();
    assert_eq!(told, [model::Reading::Value(123_456_789); 2]);
    assert_eq!(calls(&bench).0, 1);
}

#[test]
fn a_lost_gpu_has_none() {
    let mut bench = Bench::new(vec![occupied()]);
    assert!(energy(&mut bench, USE).is_some());
    bench.fake.world().gpus[0].lost = true;
    assert_eq!(energy(&mut bench, USE), None);
}
