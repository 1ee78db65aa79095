//! Single looks: `collect` and `who`.

use super::world::*;
use crate::{Config, SavedState, SessionState};

fn sampled() -> Config {
    Config { sampled: true, ..Config::default() }
}

/// One look in a process of its own, as a CronJob makes them.
fn look(saved: Option<SavedState>, seconds: i64, sm: Option<u8>) -> World {
    let mut world = World::with(sampled(), saved, "run001", seconds);
    world.start(7, -900);
    let samples: Vec<_> = sm.map(|sm| sample(7, at(seconds - 1), sm)).into_iter().collect();
    world.see(seconds, &[used(&gpu(0), &[process(7)], &samples)]);
    world
}

#[test]
fn a_first_look_says_active_if_used_and_else_unknown() {
    assert_eq!(look(None, 0, Some(50)).session(7).state, SessionState::Active);
    assert_eq!(look(None, 0, None).session(7).state, SessionState::Unknown);
}

#[test]
fn a_first_look_at_a_young_process_says_starting() {
    let mut world = World::with(sampled(), None, "run001", 0);
    world.start(7, -20);
    world.see(0, &[used(&gpu(0), &[process(7)], &[])]);
    assert_eq!(world.session(7).state, SessionState::Starting);
}

#[test]
fn looks_every_minute_come_to_know_the_state() {
    let mut saved = None;
    let mut states = Vec::new();
    for minute in 0..8 {
        let world = look(saved, minute * 60, None);
        states.push(world.session(7).state);
        saved = Some(world.engine.stop());
    }
    assert_eq!(states[4], SessionState::Unknown);
    assert_eq!(states[5], SessionState::Held);
    assert_eq!(states[7], SessionState::Held);
}

#[test]
fn a_look_stands_for_at_most_twice_the_usual_gap() {
    let mut saved = None;
    for minute in 0..8 {
        saved = Some(look(saved, minute * 60, None).engine.stop());
    }
    let in_time = look(saved.clone(), 7 * 60 + 119, None);
    assert_eq!(in_time.session(7).state, SessionState::Held);
    let too_late = look(saved, 7 * 60 + 130, None);
    assert_eq!(too_late.session(7).state, SessionState::Unknown);
}

#[test]
fn looks_every_five_minutes_reach_a_state_too() {
    let mut saved = None;
    let mut last = SessionState::Starting;
    for look_no in 0..5 {
        let world = look(saved, look_no * 300, None);
        last = world.session(7).state;
        saved = Some(world.engine.stop());
    }
    assert_eq!(last, SessionState::Held);
}

#[test]
fn single_looks_show_no_counters() {
    let world = look(None, 0, Some(50));
    assert!(!world.view().counted);
    assert_eq!(world.view().devices[0].counters.total_micros(), 0);
}

#[test]
fn s1_27_a_look_after_the_end_lists_nothing() {
    let saved = look(None, 0, Some(50)).engine.stop();
    let mut world = World::with(sampled(), Some(saved), "run001", 60);
    world.see(60, &[list(&gpu(0), &[])]);
    assert!(!world.session(7).listed);
    assert_eq!(world.session(7).state, SessionState::Ended);
}
