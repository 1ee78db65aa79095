//! Over restarts: identity stays, counters of a run never fall.

use super::world::*;
use crate::{Config, DeviceState, EndKind, SavedState, SessionState};

fn through_json(saved: &SavedState) -> SavedState {
    serde_json::from_str(&serde_json::to_string(saved).unwrap()).unwrap()
}

fn worked() -> World {
    let mut world = World::new();
    world.start(7, 0);
    world.work_for(0, 60, &gpu(0), &[(7, 90)]);
    world
}

#[test]
fn after_a_clean_stop_the_run_goes_on_where_it_ended() {
    let before = worked();
    let (id, run) = (before.session(7).facts.id.clone(), before.view().run);
    let saved = through_json(&before.engine.stop());
    let mut after = World::with(Config::default(), Some(saved), "run002", 70);
    after.start(7, 0);
    after.see(70, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(after.view().run, run);
    assert_eq!(after.session(7).facts.id, id);
    // The gap from 60 to 70 is not observed.
    assert_eq!(after.view().devices[0].counters.total_micros(), 60_000_000);
    assert_eq!(after.session(7).counters.total_micros(), 60_000_000);
    assert_eq!(after.session(7).state, SessionState::Active);
}

#[test]
fn after_a_crash_a_new_run_begins_at_zero_and_sessions_stay() {
    let before = worked();
    let id = before.session(7).facts.id.clone();
    let saved = through_json(&before.engine.save());
    let mut after = World::with(Config::default(), Some(saved), "run002", 70);
    after.start(7, 0);
    after.see(70, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(after.view().run, "run002");
    assert_eq!(after.session(7).facts.id, id);
    assert_eq!(after.session(7).counters.total_micros(), 0);
    assert_eq!(after.view().devices[0].counters.total_micros(), 0);
    assert_eq!(after.session(7).state, SessionState::Active, "its last use is known");
    assert_eq!(after.session(7).memory_peak_bytes, Some(GIB));
}

#[test]
fn after_a_long_absence_use_is_unknown_until_it_was_watched_for_five_minutes() {
    let before = worked();
    let saved = before.engine.stop();
    let mut after = World::with(Config::default(), Some(saved), "run002", 4000);
    after.start(7, 0);
    after.work_for(4000, 4010, &gpu(0), &[(7, 0)]);
    assert_eq!(after.session(7).state, SessionState::Unknown);
    after.work_for(4011, 4300, &gpu(0), &[(7, 0)]);
    assert_eq!(after.session(7).state, SessionState::Held);
}

#[test]
fn a_process_that_ended_while_nobody_watched_ends_at_its_last_sighting() {
    let before = worked();
    let saved = before.engine.save();
    let mut after = World::with(Config::default(), Some(saved), "run002", 4000);
    after.see(4000, &[list(&gpu(0), &[])]);
    let end = after.session(7).end.unwrap();
    assert_eq!((end.at, end.kind), (at(60), EndKind::Lost));
}

#[test]
fn a_reboot_ends_open_sessions_at_their_last_sighting() {
    let before = worked();
    let saved = before.engine.save();
    let mut after = World::booted(Config::default(), Some(saved), "run002", 300, "boot-2");
    after.start(7, 290);
    after.see(300, &[list(&gpu(0), &[process(7)])]);
    let sessions = after.view().sessions;
    assert_eq!(sessions.len(), 2);
    let old = sessions.iter().find(|session| session.end.is_some()).unwrap();
    assert_eq!(old.end.map(|end| (end.at, end.kind)), Some((at(60), EndKind::Lost)));
}

#[test]
fn a_state_of_another_version_or_one_that_does_not_hold_together_is_passed_over() {
    let saved = worked().engine.stop();
    let mut other = saved.clone();
    other.version += 1;
    let mut torn = saved;
    torn.devices.clear();
    for saved in [other, torn] {
        let after = World::with(Config::default(), Some(saved), "run002", 70);
        assert_eq!(after.view().run, "run002");
        assert!(after.view().sessions.is_empty());
    }
}

#[test]
fn a_clean_stop_books_what_is_pending() {
    let world = worked();
    assert_eq!(world.view().devices[0].counters.total_micros(), 50_000_000);
    let saved = world.engine.stop();
    let booked = saved.devices[0].counters;
    assert_eq!(booked.total_micros(), 60_000_000);
    assert_eq!(booked.micros[DeviceState::Active as usize], 60_000_000);
}

#[test]
fn an_ended_session_keeps_its_final_counters_over_a_clean_stop() {
    let mut world = worked();
    world.kill(7);
    world.see_for(61, 75, &[list(&gpu(0), &[])]);
    let counted = world.session(7).counters.clone();
    let saved = world.engine.stop();
    let mut after = World::with(Config::default(), Some(saved), "run002", 80);
    after.see(80, &[list(&gpu(0), &[])]);
    assert_eq!(after.session(7).counters, counted);
    assert_eq!(after.session(7).end.unwrap().at, at(61));
}
