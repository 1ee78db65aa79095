//! Memory that is in use and that no listed process holds.

use std::sync::Arc;

use model::device::{Device, MigDevice};
use model::observation::{DeviceObservation, DeviceProcess};

use super::world::{GIB, World, gpu, instance, list, process};

fn using(used: Option<u64>, observation: DeviceObservation) -> DeviceObservation {
    DeviceObservation { used_bytes: used, ..observation }
}

fn unattributed(world: &World) -> Vec<Option<u64>> {
    world.view().devices.iter().map(|device| device.unattributed_bytes).collect()
}

#[test]
fn memory_beyond_that_of_the_processes_is_nobodys() {
    let mut world = World::new();
    world.start(1, 0);
    let there = list(&gpu(0), &[process(1)]);
    world.see(1, &[using(Some(3 * GIB), there.clone())]);
    assert_eq!(unattributed(&world), [Some(2 * GIB)]);
    world.see(2, &[using(Some(GIB / 2), there)]);
    assert_eq!(unattributed(&world), [Some(0)], "two readings that do not fit are never negative");
    world.see(3, &[using(Some(GIB), list(&gpu(0), &[]))]);
    assert_eq!(unattributed(&world), [Some(GIB)]);
}

#[test]
fn it_is_not_known_where_a_part_of_the_sum_is_not() {
    let mut world = World::new();
    world.start(1, 0);
    world.see(1, &[list(&gpu(0), &[process(1)])]);
    assert_eq!(unattributed(&world), [None], "memory in use is not readable");
    let hidden = DeviceProcess { memory_bytes: None, ..process(1) };
    world.see(2, &[using(Some(GIB), list(&gpu(0), &[hidden]))]);
    assert_eq!(unattributed(&world), [None], "a process's memory is not readable");
}

#[test]
fn compute_instances_of_one_gpu_instance_share_its_memory() {
    let first = instance(0);
    let second = MigDevice {
        number: 1,
        compute_instance: 1,
        uuid: "MIG-second".to_owned(),
        ..first.mig.clone().unwrap()
    };
    let second =
        Arc::new(Device { mig: Some(second), label: "0_0_1".to_owned(), ..(*first).clone() });
    let mut world = World::new();
    world.start(1, 0);
    world.start(2, 0);
    let seen = [list(&first, &[process(1)]), list(&second, &[process(2)])];
    world.see(1, &seen.map(|observation| using(Some(5 * GIB), observation)));
    assert_eq!(unattributed(&world), [Some(3 * GIB); 2]);
}
