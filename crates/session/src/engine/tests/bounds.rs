//! Bounds: rows, memory, and how long ended sessions stay.

use model::observation::DeviceProcess;

use super::world::*;
use crate::{Config, DeviceState};

fn small() -> Config {
    Config { max_live: 2, max_ended: 2, ..Config::default() }
}

fn crowd(world: &mut World, pids: std::ops::Range<u32>) -> Vec<DeviceProcess> {
    pids.clone().for_each(|pid| world.start(pid, i64::from(pid)));
    pids.map(process).collect()
}

#[test]
fn sessions_beyond_the_bound_are_folded_and_nothing_is_lost() {
    let mut world = World::with(small(), None, "run001", 0);
    let there = crowd(&mut world, 1..6);
    world.see_for(10, 50, &[list(&gpu(0), &there)]);
    let view = world.view();
    assert_eq!((view.folded, view.sessions.len()), (3, 5));
    let own: u64 = view.sessions.iter().map(|s| s.counters.total_micros()).sum();
    let rest: u64 = view.rest.iter().map(|rest| rest.counters.total_micros()).sum();
    assert_eq!(own + rest, view.devices[0].counters.total_micros());
    assert_eq!((view.rest.len(), view.rest[0].owner.as_str()), (1, "alice"));
}

#[test]
fn a_shown_session_stays_shown_and_a_free_row_goes_to_the_oldest_folded_one() {
    let mut world = World::with(small(), None, "run001", 0);
    let there = crowd(&mut world, 1..6);
    world.see_for(10, 30, &[list(&gpu(0), &there)]);
    world.kill(1);
    world.see_for(31, 60, &[list(&gpu(0), &there[1..])]);
    let view = world.view();
    let shown: Vec<u32> = view
        .sessions
        .iter()
        .filter(|s| !s.folded && s.end.is_none())
        .map(|s| s.facts.pid)
        .collect();
    assert_eq!(shown, [2, 3]);
    let own: u64 = view.sessions.iter().map(|s| s.counters.total_micros()).sum();
    let rest: u64 = view.rest.iter().map(|rest| rest.counters.total_micros()).sum();
    assert_eq!(own + rest, view.devices[0].counters.total_micros());
}

#[test]
fn ended_sessions_stay_five_minutes_and_longer_for_slow_scrapes() {
    for (interval, kept) in [(15, 300), (300, 750), (3000, 1800)] {
        let mut world = World::new();
        world.start(7, 0);
        (0..3).for_each(|scrape| world.engine.scraped(at(scrape * interval - 3 * interval)));
        world.see_for(1, 2, &[list(&gpu(0), &[process(7)])]);
        world.kill(7);
        world.see(3, &[list(&gpu(0), &[])]);
        world.see(3 + kept, &[list(&gpu(0), &[])]);
        assert_eq!(world.view().sessions.len(), 1, "scrapes every {interval} s");
        world.see(4 + kept, &[list(&gpu(0), &[])]);
        assert_eq!(world.view().sessions.len(), 0, "scrapes every {interval} s");
    }
}

#[test]
fn the_oldest_ended_sessions_leave_early() {
    let mut world = World::with(Config { max_live: 9, ..small() }, None, "run001", 0);
    let there = crowd(&mut world, 1..6);
    world.see(10, &[list(&gpu(0), &there)]);
    for pid in 1..6_u32 {
        world.kill(pid);
        let left = &there[usize::try_from(pid).unwrap()..];
        world.see(10 + i64::from(pid), &[list(&gpu(0), left)]);
    }
    world.see_for(16, 40, &[list(&gpu(0), &[])]);
    let pids: Vec<u32> = world.view().sessions.iter().map(|s| s.facts.pid).collect();
    assert_eq!(pids, [4, 5]);
}

#[test]
fn churn_does_not_fill_the_memory() {
    let mut world = World::new();
    for round in 0..3000_i64 {
        let pid = u32::try_from(round).unwrap() + 1;
        world.start(pid, round);
        world.see(round, &[list(&gpu(0), &[process(pid)])]);
        world.kill(pid);
    }
    let kept = world.engine.sessions.iter().count();
    assert!(kept <= 400, "{kept}");
    assert!(world.engine.closed.len() <= kept);
}

#[test]
fn re_partitioning_does_not_fill_the_memory() {
    let mut world = World::new();
    for round in 0..2000_u32 {
        let seconds = i64::from(round) * 20;
        world.start(7, seconds);
        world.see(seconds, &[list(&gpu(round), &[process(7)])]);
        world.kill(7);
        world.see(seconds + 2, &[list(&gpu(round), &[])]);
        world.see(seconds + 10, &[list(&gpu(round), &[])]);
    }
    assert!(world.engine.devices.len() <= 512);
    assert_eq!(world.view().devices.len(), 2, "the newest, and the one just gone");
    let newest = world.view().devices.iter().map(|d| d.counters).collect::<Vec<_>>();
    assert!(newest.iter().any(|c| c.micros[DeviceState::Free as usize] > 0));
}

#[test]
fn ten_thousand_processes_are_all_counted() {
    let mut world = World::new();
    let there = crowd(&mut world, 1..10_001);
    world.see_for(20_000, 20_013, &[list(&gpu(0), &there)]);
    let view = world.view();
    assert_eq!(view.sessions.iter().filter(|s| s.listed).count(), 10_000);
    assert_eq!(view.folded, 10_000 - 256);
}
