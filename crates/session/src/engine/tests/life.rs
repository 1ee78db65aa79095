//! Sessions begin, go on, return and end.

use std::sync::Arc;

use model::device::{Device, MigDevice};
use model::observation::{ContextKind, DeviceProcess};
use model::process::{Lookup, OwnerKind, PodNames, ProcessFacts};
use model::{ErrorKind, Reading};

use super::world::*;
use crate::{DeviceState, EndKind, SessionState, StartKind};

#[test]
fn a_session_starts_when_its_process_did() {
    let mut world = World::new();
    world.start(7, -30);
    world.see(1, &[list(&gpu(0), &[process(7)])]);
    let session = world.session(7);
    assert_eq!((session.facts.start, session.facts.start_kind), (at(-30), StartKind::Exact));
    assert_eq!(session.facts.id.len(), 16);
    assert_eq!(session.facts.user.as_deref(), Some("alice"));
    assert_eq!(session.facts.kind, OwnerKind::User);
}

#[test]
fn an_unreadable_process_starts_at_its_first_sighting() {
    let mut world = World::new();
    world.proc.insert(7, Lookup::Unreadable);
    world.see_at(
        at(1).after(std::time::Duration::from_millis(700)),
        &[list(&gpu(0), &[process(7)])],
    );
    let session = world.session(7);
    assert_eq!((session.facts.start, session.facts.start_kind), (at(1), StartKind::Seen));
    assert_eq!(session.facts.command, "unknown");
}

#[test]
fn a_reused_pid_starts_a_new_session() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(1, 3, &[list(&gpu(0), &[process(7)])]);
    world.start(7, 4);
    world.see_for(4, 10, &[list(&gpu(0), &[process(7)])]);
    let sessions = world.view().sessions;
    assert_eq!(sessions.len(), 2);
    assert!(sessions[0].end.is_none() && sessions[1].end.is_some());
    assert_ne!(sessions[0].facts.id, sessions[1].facts.id);
}

#[test]
fn names_that_come_after_the_process_are_taken_and_stay_when_nobody_tells_them_any_more() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[list(&gpu(0), &[process(7)])]);
    let tell = |world: &mut World, pod: Option<(&str, &str)>| {
        let names = pod.map(|(pod, container)| PodNames {
            namespace: "ml".to_owned(),
            pod: pod.to_owned(),
            container: container.to_owned(),
            ..PodNames::default()
        });
        world.proc.insert(7, Lookup::Facts(ProcessFacts { names, ..facts(7, 0) }));
    };
    let named = |world: &World| {
        let facts = world.session(7).facts;
        (facts.pod.clone(), facts.container.clone())
    };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(named(&world), (None, None));
    // Of a sandbox only the pod is known.
    tell(&mut world, Some(("bert-0", "")));
    world.see_for(2, 8, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(named(&world), (some("bert-0"), None));
    tell(&mut world, Some(("bert-0", "train")));
    world.see_for(9, 15, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(named(&world), (some("bert-0"), some("train")));
    tell(&mut world, None);
    world.see_for(16, 22, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(named(&world), (some("bert-0"), some("train")));
}

#[test]
fn a_process_that_becomes_another_program_stays_one_session() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[list(&gpu(0), &[process(7)])]);
    let id = world.session(7).facts.id.clone();
    let mut changed = facts(7, 0);
    changed.command = "train".to_owned();
    world.proc.insert(7, Lookup::Facts(changed));
    world.see_for(2, 8, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(world.session(7).facts.command, "train");
    assert_eq!(world.session(7).facts.id, id);
}

#[test]
fn a_process_on_two_gpus_has_two_sessions() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[list(&gpu(0), &[process(7)]), list(&gpu(1), &[process(7)])]);
    let sessions = world.view().sessions;
    assert_eq!(sessions.len(), 2);
    assert_ne!(sessions[0].facts.id, sessions[1].facts.id);
}

#[test]
fn s1_27_a_process_that_ended_is_gone_at_the_next_reading() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[list(&gpu(0), &[process(7)])]);
    world.kill(7);
    world.see(2, &[list(&gpu(0), &[])]);
    let session = world.session(7);
    assert_eq!(session.end.map(|end| (end.at, end.kind)), Some((at(2), EndKind::Gone)));
    assert_eq!((session.state, session.listed), (SessionState::Ended, false));
}

#[test]
fn an_unreadable_process_ends_at_its_first_of_two_missed_readings() {
    let mut world = World::new();
    world.proc.insert(7, Lookup::Unreadable);
    world.see(1, &[list(&gpu(0), &[process(7)])]);
    world.see(2, &[list(&gpu(0), &[])]);
    assert!(world.session(7).end.is_none());
    world.see(3, &[list(&gpu(0), &[])]);
    let end = world.session(7).end.unwrap();
    assert_eq!((end.at, end.kind), (at(2), EndKind::Seen));
}

#[test]
fn a_process_that_left_the_device_stays_open_for_a_minute_without_being_counted() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(1, 11, &[list(&gpu(0), &[process(7)])]);
    world.see_for(12, 71, &[list(&gpu(0), &[])]);
    assert!(world.session(7).end.is_none());
    assert!(!world.session(7).listed);
    world.see(72, &[list(&gpu(0), &[])]);
    assert_eq!(world.session(7).end.unwrap().at, at(12));
    assert_eq!(world.session(7).counters.total_micros(), 11_000_000);
}

#[test]
fn a_session_that_returns_is_the_same_and_its_counters_go_on() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(1, 11, &[list(&gpu(0), &[process(7)])]);
    let id = world.session(7).facts.id.clone();
    world.see_for(12, 200, &[list(&gpu(0), &[])]);
    assert!(world.session(7).end.is_some());
    world.see_for(201, 230, &[list(&gpu(0), &[process(7)])]);
    let session = world.session(7);
    assert!(session.end.is_none());
    assert_eq!(session.facts.id, id);
    assert!(session.counters.total_micros() > 11_000_000);
}

#[test]
fn a_session_returns_even_after_its_rows_were_dropped() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(1, 11, &[list(&gpu(0), &[process(7)])]);
    world.see_for(12, 600, &[list(&gpu(0), &[])]);
    assert!(world.view().sessions.is_empty(), "its rows are gone");
    world.see_for(601, 620, &[list(&gpu(0), &[process(7)])]);
    assert!(world.session(7).counters.total_micros() > 11_000_000, "no counter fell");
}

#[test]
fn a_zombie_that_the_driver_lists_stays_listed() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[list(&gpu(0), &[process(7)])]);
    world.kill(7);
    world.see_for(2, 20, &[list(&gpu(0), &[process(7)])]);
    let session = world.session(7);
    assert!(session.listed && session.end.is_none());
    assert_eq!(session.process_state, Some('X'));
    assert_eq!(session.facts.command, "python");
}

#[test]
fn a_pid_in_two_lists_is_one_session_with_the_larger_figure() {
    let mut world = World::new();
    world.start(7, 0);
    let graphics =
        DeviceProcess { kind: ContextKind::Graphics, memory_bytes: Some(2 * GIB), ..process(7) };
    world.see(1, &[list(&gpu(0), &[process(7), graphics])]);
    let session = world.session(7);
    assert_eq!(session.facts.context, ContextKind::ComputeGraphics);
    assert_eq!(session.memory_bytes, Some(2 * GIB));
}

#[test]
fn memory_peak_is_the_most_that_was_seen() {
    let mut world = World::new();
    world.start(7, 0);
    for (seconds, memory) in [(1, Some(GIB)), (2, Some(5 * GIB)), (3, Some(2 * GIB)), (4, None)] {
        let process = DeviceProcess { memory_bytes: memory, ..process(7) };
        world.see(seconds, &[list(&gpu(0), &[process])]);
    }
    let session = world.session(7);
    assert_eq!((session.memory_bytes, session.memory_peak_bytes), (None, Some(5 * GIB)));
}

#[test]
fn a_lost_gpu_is_booked_as_down_and_its_sessions_wait_for_their_processes() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(0, 10, &[list(&gpu(0), &[process(7)])]);
    world.see_for(11, 60, &[down(&gpu(0))]);
    let view = world.view();
    assert_eq!(view.devices[0].state, Some(DeviceState::Down));
    assert_eq!(view.devices[0].counters.micros[DeviceState::Down as usize], 39_000_000);
    assert_eq!(world.session(7).counters.total_micros(), 11_000_000);
    world.kill(7);
    world.see_for(61, 66, &[down(&gpu(0))]);
    assert!(world.session(7).end.is_some());
}

#[test]
fn seconds_without_a_list_are_not_observed() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(0, 10, &[list(&gpu(0), &[process(7)])]);
    let mut blind = list(&gpu(0), &[]);
    blind.processes = Reading::Failed(ErrorKind::NoPermission);
    world.see_for(11, 60, &[blind]);
    let view = world.view();
    assert_eq!(view.devices[0].counters.total_micros(), 11_000_000);
    assert_eq!((view.devices[0].state, view.devices[0].processes_known), (None, false));
    assert!(world.session(7).end.is_none());
}

#[test]
fn s1_26_a_device_that_goes_away_takes_its_sessions_along_and_may_come_back() {
    let mut world = World::new();
    world.start(7, 0);
    let both = [list(&gpu(0), &[]), list(&gpu(1), &[process(7)])];
    world.see_for(0, 30, &both);
    world.see(31, &both[..1]);
    assert_eq!(world.view().devices.len(), 2, "a pass may leave out a slow GPU");
    world.see_for(32, 120, &both[..1]);
    assert_eq!(world.view().devices.len(), 1);
    assert_eq!(world.session(7).end.unwrap().kind, EndKind::Seen);
    let counted = 31_000_000;
    world.see_for(121, 140, &both);
    let device = &world.view().devices[1];
    assert!(device.counters.total_micros() > counted, "its counters go on");
}

#[test]
fn the_mps_server_is_listed_and_owns_nothing() {
    let mut world = World::new();
    let mut server = facts(7, 0);
    server.owner.kind = OwnerKind::MpsServer;
    world.proc.insert(7, Lookup::Facts(server));
    world.see_for(0, 30, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(world.session(7).facts.kind, OwnerKind::MpsServer);
    assert_eq!(world.session(7).counters.total_micros(), 0);
    let device = &world.view().devices[0];
    assert_eq!(device.counters.micros[DeviceState::Free as usize], device.counters.total_micros());
    assert!(device.counters.total_micros() > 0);
}

#[test]
fn cpu_time_is_counted_from_the_first_sighting_on() {
    let mut world = World::new();
    world.start(7, 0);
    for seconds in 1..=20 {
        let mut busy = facts(7, 0);
        busy.cpu_seconds = 100.0 + f64::from(i32::try_from(seconds).unwrap());
        world.proc.insert(7, Lookup::Facts(busy));
        world.see(seconds, &[list(&gpu(0), &[process(7)])]);
    }
    assert_eq!(world.session(7).counters.cpu_micros, 15_000_000);
}

#[test]
fn a_gpu_that_is_cut_anew_shows_its_new_instances_alone_and_counters_never_fall() {
    let mut world = World::new();
    let first = instance(1);
    let mig = MigDevice { uuid: "MIG-again".to_owned(), ..first.mig.clone().unwrap() };
    let again = Arc::new(Device { mig: Some(mig), ..(*first).clone() });
    world.see_for(0, 60, &[list(&first, &[])]);
    let before = world.view().devices[0].counters.total_micros();
    assert!(before >= 45_000_000, "{before}");
    for second in 61..120 {
        world.see(second, &[list(&again, &[])]);
        let view = world.view();
        assert_eq!(view.devices.len(), 1, "at {second}");
        assert_eq!(view.devices[0].device.uuid(), "MIG-again");
        assert!(view.devices[0].counters.total_micros() >= before, "at {second}");
    }
    // All but the moment of cutting and the seconds that are not booked yet.
    assert!(world.view().devices[0].counters.total_micros() >= 105_000_000);
}

#[test]
fn an_xid_counts_for_the_session_of_its_process_even_if_it_ended_it() {
    let mut world = World::new();
    world.start(7, 0);
    world.see(1, &[list(&gpu(0), &[process(7)])]);
    world.engine.note_xid(at(2), "GPU-0", 7, 31);
    world.kill(7);
    world.see(3, &[list(&gpu(0), &[])]);
    world.engine.note_xid(at(3), "GPU-0", 7, 31);
    world.engine.note_xid(at(3), "GPU-0", 8, 43);
    world.engine.note_xid(at(3), "GPU-1", 7, 43);
    assert_eq!(world.session(7).xids, std::collections::BTreeMap::from([(31, 2)]));
    let mut page = model::text::Writer::default();
    crate::exposition::write_sessions(&world.view(), &mut page);
    assert!(page.finish().contains(r#",xid="31"} 2"#));
}
