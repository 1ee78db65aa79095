//! From samples to use, states and booked seconds.

use std::time::Duration;

use model::observation::{ContextKind, DeviceProcess, ProcessUse};
use model::process::{Lookup, OwnerKind};
use model::{ErrorKind, Reading};

use super::world::*;
use crate::{DeviceState, Quality, SessionState};

fn micros(world: &World, pid: u32, state: DeviceState) -> u64 {
    world.session(pid).counters.micros[state as usize]
}

#[test]
fn measured_use_makes_a_session_active_at_once() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[list(&gpu(0), &[process(7)])]);
    world.see(5, &[used(&gpu(0), &[process(7)], &[sample(7, at(4), 80)])]);
    let session = world.session(7);
    assert_eq!((session.state, session.last_use), (SessionState::Active, Some(at(4))));
}

#[test]
fn seconds_before_the_first_use_are_starting_and_those_after_it_active() {
    let mut world = World::new();
    world.start(7, 0);
    world.work_for(0, 10, &gpu(0), &[(7, 0)]);
    world.work_for(11, 40, &gpu(0), &[(7, 90)]);
    // Samples carry the stamp of the millisecond before: the first one lies in second 10.
    assert_eq!(micros(&world, 7, DeviceState::Starting), 10_000_000);
    assert_eq!(micros(&world, 7, DeviceState::Active), 20_000_000);
}

#[test]
fn counters_trail_by_ten_seconds() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(0, 10, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(world.view().devices[0].counters.total_micros(), 0);
    world.see(11, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(world.view().devices[0].counters.total_micros(), 1_000_000);
}

#[test]
fn a_late_sample_finds_its_second() {
    let mut world = World::new();
    world.start(7, 0);
    for seconds in 0..=30 {
        let late = if seconds == 9 { vec![sample(7, at(3), 100)] } else { Vec::new() };
        world.see(seconds, &[used(&gpu(0), &[process(7)], &late)]);
    }
    assert_eq!(micros(&world, 7, DeviceState::Starting), 3_000_000);
    assert_eq!(world.session(7).counters.sm_micros[8], 1_000_000, "the second of the stamp");
}

#[test]
fn two_active_sessions_share_a_second_by_their_sm_use() {
    let mut world = World::new();
    world.start(7, 0);
    world.start(8, 0);
    world.work_for(0, 30, &gpu(0), &[(7, 60), (8, 20)]);
    let (one, two) = (world.session(7).counters, world.session(8).counters);
    let state = DeviceState::Active as usize;
    // The first sample of all lies before the first second.
    assert_eq!(one.micros[state], 15_000_000);
    assert_eq!(two.micros[state], 5_000_000);
}

#[test]
fn a_pause_shorter_than_five_minutes_belongs_to_the_active_span() {
    let mut world = World::new();
    world.start(7, 0);
    world.work_for(0, 10, &gpu(0), &[(7, 90)]);
    world.work_for(11, 309, &gpu(0), &[(7, 0)]);
    world.work_for(310, 330, &gpu(0), &[(7, 90)]);
    assert_eq!(micros(&world, 7, DeviceState::Active), world.session(7).counters.total_micros());
}

#[test]
fn after_five_minutes_without_use_memory_is_held() {
    let mut world = World::new();
    world.start(7, 0);
    world.work_for(0, 10, &gpu(0), &[(7, 90)]);
    world.work_for(11, 400, &gpu(0), &[(7, 0)]);
    assert_eq!(world.session(7).state, SessionState::Held);
    // Use until 10: active while younger than 300 s, so seconds 0 to 308; closed are 390.
    assert_eq!(micros(&world, 7, DeviceState::Active), 309_000_000);
    assert_eq!(micros(&world, 7, DeviceState::Held), 81_000_000);
}

#[test]
fn utilization_is_the_mean_of_the_interval_as_measured() {
    let mut world = World::new();
    world.start(7, 0);
    world.start(8, 0);
    let both = [process(7), process(8)];
    world.see(0, &[used(&gpu(0), &both, &[])]);
    let mut samples: Vec<_> = (1..=5).map(|second| sample(7, at(second), 80)).collect();
    samples.push(sample(8, at(2), 50));
    world.see(5, &[used(&gpu(0), &both, &samples)]);
    let one = world.session(7).utilization.unwrap();
    assert_eq!((one.sm, one.quality), (0.8, Quality::Measured));
    assert_eq!((one.memory, one.encoder), (Some(0.4), None));
    assert_eq!(world.session(8).utilization.unwrap().sm, 0.1, "4 of 5 windows had no use");
    world.see(10, &[used(&gpu(0), &both, &[])]);
    assert_eq!(world.session(7).utilization.unwrap().sm, 0.0, "a real zero");
}

#[test]
fn samples_that_come_late_count_in_the_interval_they_come_in() {
    let mut world = World::new();
    world.start(7, 0);
    // One sample a second, 200 ms before the whole one and 300 ms late: each question gets the five
    // whose last is stamped 1.2 s before it.
    let stamp = |second: i64| at(second).before(Duration::from_millis(200));
    let mut means = Vec::new();
    for asked in (5..=30).step_by(5) {
        let samples: Vec<_> = (asked - 5..asked).map(|n| sample(7, stamp(n), 90)).collect();
        world.see(asked, &[used(&gpu(0), &[process(7)], &samples)]);
        means.push(world.session(7).utilization.unwrap().sm);
    }
    assert_eq!(means[1..], [0.9; 5]);
}

#[test]
fn no_sample_just_after_a_question_is_no_rest() {
    let mut world = World::new();
    world.start(7, 0);
    let busy: Vec<_> = (1..=5).map(|second| sample(7, at(second), 80)).collect();
    world.see(5, &[used(&gpu(0), &[process(7)], &busy)]);
    world.see(6, &[used(&gpu(0), &[process(7)], &[])]);
    assert_eq!(world.session(7).utilization.unwrap().sm, 0.8);
}

#[test]
fn a_driver_with_one_sample_per_question_is_believed_for_the_whole_interval() {
    let mut world = World::new();
    world.start(7, 0);
    for second in (0..=60).step_by(5) {
        world.see(second, &[used(&gpu(0), &[process(7)], &[sample(7, at(second), 90)])]);
    }
    assert_eq!(world.session(7).utilization.unwrap().sm, 0.9);
    let effective = world.session(7).counters.effective_inferred_micros;
    assert!(effective >= 40_000_000, "{effective}: not one second in five");
}

#[test]
fn impossible_samples_are_dropped() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[used(&gpu(0), &[process(7)], &[sample(7, at(1), 101), sample(99, at(1), 50)])]);
    assert_eq!(world.session(7).last_use, None);
}

#[test]
fn a_sample_from_before_the_process_is_another_ones() {
    let mut world = World::new();
    world.start(7, 10);
    world.see(11, &[used(&gpu(0), &[process(7)], &[sample(7, at(3), 90)])]);
    assert_eq!(world.session(7).last_use, None);
}

#[test]
fn a_sole_session_on_a_busy_instance_is_active_by_inference() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(0, 30, &[busy(&instance(0), &[process(7)], 0.6)]);
    let session = world.session(7);
    assert_eq!(session.state, SessionState::Active);
    assert_eq!(session.utilization.map(|u| (u.sm, u.quality)), Some((0.6, Quality::Inferred)));
    assert_eq!(micros(&world, 7, DeviceState::Active), 20_000_000);
    assert_eq!(session.counters.effective_inferred_micros, 20_000_000);
}

#[test]
fn several_sessions_on_a_busy_instance_are_unknown_never_idle() {
    let mut world = World::new();
    world.start(7, -900);
    world.start(8, -900);
    world.see_for(0, 30, &[busy(&instance(0), &[process(7), process(8)], 0.6)]);
    for pid in [7, 8] {
        assert_eq!(world.session(pid).state, SessionState::Unknown);
        assert!(world.session(pid).utilization.is_none());
        assert_eq!(micros(&world, pid, DeviceState::Unknown), 10_000_000);
        assert_eq!(world.session(pid).counters.sm_micros, [0; 10]);
    }
}

#[test]
fn a_quiet_instance_is_a_real_zero_for_all() {
    let mut world = World::new();
    world.start(7, 0);
    world.start(8, 0);
    let both = [process(7), process(8)];
    world.see_for(0, 400, &[busy(&instance(0), &both, 0.01)]);
    assert_eq!(world.session(7).state, SessionState::Held);
    assert_eq!(world.session(7).utilization.unwrap().sm, 0.0);
}

#[test]
fn one_per_cent_is_quiet_for_an_instance_and_use_for_a_whole_gpu() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[busy(&gpu(0), &[process(7)], 0.01)]);
    assert_eq!(world.session(7).state, SessionState::Active);
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[busy(&instance(0), &[process(7)], 0.01)]);
    assert_eq!(world.session(7).state, SessionState::Starting);
}

#[test]
fn use_that_cannot_be_read_is_unknown() {
    let mut world = World::new();
    world.start(7, 0);
    let mut blind = busy(&gpu(0), &[process(7)], 0.0);
    blind.process_use = Some(ProcessUse { samples: Reading::Failed(ErrorKind::NoPermission) });
    blind.activity = Some(Reading::NotSupported);
    world.see_for(0, 30, &[blind]);
    assert_eq!(world.session(7).state, SessionState::Unknown);
    assert_eq!(micros(&world, 7, DeviceState::Unknown), 20_000_000);
}

#[test]
fn effective_seconds_of_a_device_go_to_its_active_sessions() {
    let mut world = World::new();
    world.start(7, 0);
    world.start(8, 0);
    let both = [process(7), process(8)];
    for seconds in 0..=30 {
        let stamp = at(seconds).before(Duration::from_millis(1));
        let mut seen = used(&gpu(0), &both, &[sample(7, stamp, 45), sample(8, stamp, 15)]);
        seen.sm_activity = Some(Reading::Value(if seconds <= 15 { 0.7 } else { 0.3 }));
        world.see(seconds, &[seen]);
    }
    let device = world.view().devices[0].counters.effective_micros;
    let sessions: u64 =
        [7, 8].map(|pid| world.session(pid).counters.effective_measured_micros).iter().sum();
    assert!((14_000_000..=16_000_000).contains(&device), "{device}");
    assert_eq!(sessions, device);
}

#[test]
fn use_of_the_mps_server_is_its_sole_clients() {
    for (clients, state) in [(1, SessionState::Active), (2, SessionState::Unknown)] {
        let mut world = World::new();
        let mut server = facts(5, 0);
        server.owner.kind = OwnerKind::MpsServer;
        world.proc.insert(5, Lookup::Facts(server));
        let mut there = vec![process(5)];
        for pid in 7..7 + clients {
            world.start(pid, 0);
            there.push(DeviceProcess { kind: ContextKind::MpsClient, ..process(pid) });
        }
        for seconds in 0..=30 {
            world.see(seconds, &[used(&gpu(0), &there, &[sample(5, at(seconds), 90)])]);
        }
        assert_eq!(world.session(7).state, state);
        assert!(world.session(7).utilization.is_none());
        let booked = state.booked().unwrap();
        assert!(micros(&world, 7, booked) > 0, "{booked:?}");
    }
}

#[test]
fn memory_is_counted_in_byte_seconds() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(0, 30, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(world.session(7).counters.memory_byte_seconds, 20 * GIB);
}

#[test]
fn a_gap_that_is_too_long_is_not_observed() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(0, 10, &[list(&gpu(0), &[process(7)])]);
    world.see_for(1000, 1020, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(world.view().devices[0].counters.total_micros(), 20_000_000);
}

#[test]
fn a_clock_that_steps_back_books_nothing_negative_and_leaves_nothing_in_the_future() {
    let mut world = World::new();
    world.start(7, 0);
    world.work_for(3600, 3630, &gpu(0), &[(7, 90)]);
    world.work_for(0, 5, &gpu(0), &[(7, 0)]);
    let before = world.view().devices[0].counters.total_micros();
    assert_eq!(before, 30_000_000, "what was pending is booked");
    assert_eq!(world.session(7).last_use, Some(at(0)));
    world.work_for(6, 320, &gpu(0), &[(7, 0)]);
    assert_eq!(world.session(7).state, SessionState::Held, "not active for another hour");
    assert_eq!(world.view().devices[0].counters.total_micros(), before + 310_000_000);
}
