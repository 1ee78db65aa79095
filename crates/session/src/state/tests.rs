//! The rules of states, one by one.

use super::*;

const START: Timestamp = Timestamp::from_secs(1_000_000);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + seconds)
}

fn state(watch: &mut Watch, seconds: i64, memory_mib: u64) -> SessionState {
    let subject = Subject { started: START, memory_bytes: Some(memory_mib << 20) };
    watch.state(at(seconds), &subject, &Config::default())
}

#[test]
fn a_young_session_without_use_is_starting_until_five_minutes() {
    let mut watch = Watch::default();
    assert_eq!(state(&mut watch, 299, 9000), SessionState::Starting);
    assert_eq!(state(&mut watch, 300, 9000), SessionState::Held);
    assert_eq!(state(&mut watch, 300, 256), SessionState::Idle);
}

#[test]
fn a_session_is_active_until_five_minutes_after_its_use() {
    let mut watch = Watch::default();
    watch.used(at(10));
    assert_eq!(state(&mut watch, 309, 9000), SessionState::Active);
    assert_eq!(state(&mut watch, 310, 9000), SessionState::Held);
    assert_eq!(state(&mut watch, 310, 100), SessionState::Idle);
}

#[test]
fn what_is_held_for_an_hour_is_stale_and_use_ends_that() {
    let mut watch = Watch::default();
    assert_eq!(state(&mut watch, 300, 9000), SessionState::Held);
    assert_eq!(state(&mut watch, 3899, 9000), SessionState::Held);
    assert_eq!(state(&mut watch, 3900, 9000), SessionState::Stale);
    watch.used(at(3901));
    assert_eq!(state(&mut watch, 3901, 9000), SessionState::Active);
    assert_eq!(state(&mut watch, 4300, 9000), SessionState::Held, "the hour begins anew");
}

#[test]
fn letting_memory_go_ends_being_held() {
    let mut watch = Watch::default();
    state(&mut watch, 300, 9000);
    assert_eq!(state(&mut watch, 2000, 10), SessionState::Idle);
    assert_eq!(state(&mut watch, 4000, 9000), SessionState::Held);
}

#[test]
fn unknown_use_wins_over_all_but_active() {
    let mut watch = Watch::default();
    watch.untold(at(100));
    assert_eq!(state(&mut watch, 101, 0), SessionState::Unknown, "and not starting");
    assert_eq!(state(&mut watch, 399, 9000), SessionState::Unknown);
    assert_eq!(state(&mut watch, 400, 9000), SessionState::Held);
    watch.used(at(401));
    watch.untold(at(402));
    assert_eq!(state(&mut watch, 403, 9000), SessionState::Active);
}

#[test]
fn time_before_the_watch_is_unknown_but_a_young_session_is_starting() {
    let mut watch = Watch { unwatched_until: Some(at(200)), ..Watch::default() };
    assert_eq!(state(&mut watch, 250, 0), SessionState::Starting);
    assert_eq!(state(&mut watch, 301, 0), SessionState::Unknown);
    assert_eq!(state(&mut watch, 500, 0), SessionState::Idle);
}

#[test]
fn memory_that_cannot_be_read_is_not_called_held() {
    let subject = Subject { started: START, memory_bytes: None };
    assert_eq!(Watch::default().state(at(900), &subject, &Config::default()), SessionState::Idle);
}
