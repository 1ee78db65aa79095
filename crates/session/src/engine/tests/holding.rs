//! Allocations: who holds a device, used or not, and what time it is booked.

use std::sync::Arc;
use std::time::Duration;

use model::allocation::{Holder, Holding, Holdings};
use model::pod::Workload;
use model::process::{Lookup, Owner, OwnerKind, PodNames};
use proptest::prelude::*;

use super::world::*;
use crate::exposition::write_sessions;
use crate::{AllocationView, Config, DeviceState, SavedState};

pub(super) fn holding(device: &str, pod: &str, share: f64) -> Holding {
    Holding {
        device_uuid: device.to_owned(),
        resource: "nvidia.com/gpu".into(),
        device_id: device.to_owned(),
        holder: Arc::new(Holder {
            namespace: "ml".to_owned(),
            pod: pod.to_owned(),
            container: "main".to_owned(),
            ..Holder::default()
        }),
        claim: None,
        share,
    }
}

pub(super) fn told(list: &[Holding]) -> Holdings {
    let allocatable = vec!["GPU-0".to_owned()];
    Holdings { has_allocator: true, allocatable, list: list.to_vec() }
}

pub(super) fn in_pod(pid: u32, pod: &str) -> Lookup {
    let mut facts = facts(pid, 0);
    facts.owner = Owner { kind: OwnerKind::Pod, ..Owner::default() };
    facts.names = Some(PodNames {
        namespace: "ml".to_owned(),
        pod: pod.to_owned(),
        container: "main".to_owned(),
        pod_uid: Some(format!("uid-{pod}")),
        workload: Some(Workload { kind: "Job".to_owned(), name: "train".to_owned() }),
        inferred: false,
    });
    Lookup::Facts(facts)
}

fn allocation(world: &World, pod: &str) -> AllocationView {
    let view = world.view();
    let its = |held: &AllocationView| held.facts.pod.as_deref() == Some(pod);
    let mut found: Vec<_> = view.allocations.into_iter().filter(its).collect();
    assert_eq!(found.len(), 1, "allocations of {pod}");
    found.remove(0)
}

fn seconds(micros: [u64; 9], state: DeviceState) -> u64 {
    micros[state as usize] / 1_000_000
}

fn page(world: &World) -> String {
    let mut page = model::text::Writer::default();
    write_sessions(&world.view(), &mut page);
    page.finish()
}

fn through_json(saved: &SavedState) -> SavedState {
    serde_json::from_str(&serde_json::to_string(saved).unwrap()).unwrap()
}

#[test]
fn a_held_device_without_process_is_allocated_and_the_rest_of_it_free() {
    let mut world = World::new();
    world.engine.set_holdings(at(0), &told(&[holding("GPU-0", "a", 0.25)]));
    world.see_for(0, 50, &[list(&gpu(0), &[])]);
    let held = allocation(&world, "a");
    assert_eq!((held.share, held.sessions, held.end), (Some(0.25), 0, None));
    assert_eq!(seconds(held.micros, DeviceState::Allocated), 10);
    let device = &world.view().devices[0];
    assert_eq!(seconds(device.counters.micros, DeviceState::Allocated), 10);
    assert_eq!(seconds(device.counters.micros, DeviceState::Free), 30);
    assert_eq!(device.state, Some(DeviceState::Allocated));
}

#[test]
fn a_session_of_a_holder_takes_its_share_and_names_its_allocation() {
    let mut world = World::new();
    world.proc.insert(7, in_pod(7, "a"));
    let both = [holding("GPU-0", "a", 0.5), holding("GPU-0", "b", 0.5)];
    world.engine.set_holdings(at(0), &told(&both));
    world.see_for(0, 30, &[used(&gpu(0), &[process(7)], &[])]);
    let (a, b) = (allocation(&world, "a"), allocation(&world, "b"));
    assert_eq!((a.sessions, b.sessions), (1, 0));
    assert_eq!(a.micros, [0; 9], "its time is its session's");
    assert_eq!(seconds(b.micros, DeviceState::Allocated), 10);
    assert_eq!(world.session(7).counters.total_micros(), 10_000_000);
    let page = page(&world);
    let labels = r#"pod_uid="uid-a",workload="train",workload_kind="Job",allocation="#;
    assert!(page.contains(&format!("{labels}\"{}\"", a.facts.id)), "{page}");
    assert!(page.contains(r#"gpu_allocation_info{gpu="0",allocation=""#), "{page}");
    let counter = format!(
        "gpu_allocation_gpu_seconds_total{{gpu=\"0\",allocation=\"{}\",run=\"run001\",state=\"allocated\"}} 10",
        b.facts.id
    );
    assert!(page.contains(&counter), "{page}");
}

#[test]
fn a_holder_without_a_name_yet_gets_its_session_once_the_name_comes() {
    let mut world = World::new();
    world.start(7, 0);
    world.engine.set_holdings(at(0), &told(&[holding("GPU-0", "a", 1.0)]));
    world.see_for(0, 10, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(allocation(&world, "a").sessions, 0);
    world.proc.insert(7, in_pod(7, "a"));
    world.see_for(11, 20, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(allocation(&world, "a").sessions, 1);
}

#[test]
fn a_uid_that_comes_later_is_the_same_allocation_and_another_uid_is_another() {
    let mut world = World::new();
    let first = holding("GPU-0", "a", 1.0);
    let with = |uid: &str| {
        let holder = Holder { pod_uid: Some(uid.to_owned()), ..(*first.holder).clone() };
        Holding { holder: Arc::new(holder), ..first.clone() }
    };
    world.engine.set_holdings(at(0), &told(std::slice::from_ref(&first)));
    world.see(0, &[list(&gpu(0), &[])]);
    let id = allocation(&world, "a").facts.id.clone();
    world.engine.set_holdings(at(1), &told(&[with("u-1")]));
    world.see(1, &[list(&gpu(0), &[])]);
    assert_eq!(allocation(&world, "a").facts.id, id);
    assert_eq!(allocation(&world, "a").facts.pod_uid.as_deref(), Some("u-1"));
    world.engine.set_holdings(at(2), &told(&[with("u-2")]));
    world.see(2, &[list(&gpu(0), &[])]);
    let view = world.view();
    let ended = view.allocations.iter().filter(|held| held.end.is_some()).count();
    assert_eq!((view.allocations.len(), ended), (2, 1));
}

#[test]
fn what_nobody_holds_any_more_ends_and_is_kept_for_a_while() {
    let mut world = World::new();
    world.engine.set_holdings(at(0), &told(&[holding("GPU-0", "a", 1.0)]));
    world.see_for(0, 20, &[list(&gpu(0), &[])]);
    world.engine.set_holdings(at(21), &told(&[]));
    world.see_for(21, 60, &[list(&gpu(0), &[])]);
    let held = allocation(&world, "a");
    assert_eq!(held.end, Some(at(21)));
    assert_eq!(seconds(held.micros, DeviceState::Allocated), 21);
    world.see_for(61, 330, &[list(&gpu(0), &[])]);
    assert!(world.view().allocations.is_empty());
}

#[test]
fn slurm_jobs_that_are_seen_by_their_sessions_hold_equal_shares() {
    let mut world = World::new();
    for (pid, job) in [(7, "11"), (8, "12")] {
        let mut facts = facts(pid, 0);
        facts.owner =
            Owner { kind: OwnerKind::Slurm, slurm_job: Some(job.to_owned()), ..Owner::default() };
        world.proc.insert(pid, Lookup::Facts(facts));
    }
    world.see_for(0, 5, &[list(&gpu(0), &[process(7), process(8)])]);
    let view = world.view();
    let shares: Vec<_> = view.allocations.iter().map(|held| (held.share, held.sessions)).collect();
    assert_eq!(shares, [(Some(0.5), 1), (Some(0.5), 1)]);
    world.kill(8);
    world.see(6, &[list(&gpu(0), &[process(7)])]);
    let view = world.view();
    assert_eq!(view.allocations.iter().filter(|held| held.end.is_some()).count(), 1);
}

#[test]
fn allocations_outlive_restarts_and_a_crash_begins_their_counters_anew() {
    let mut world = World::new();
    let told = told(&[holding("GPU-0", "a", 1.0)]);
    world.engine.set_holdings(at(0), &told);
    world.see_for(0, 20, &[list(&gpu(0), &[])]);
    let id = allocation(&world, "a").facts.id.clone();
    let (crashed, stopped) = (world.engine.save(), world.engine.stop());
    for (saved, expected) in [(crashed, 0), (stopped, 20)] {
        let mut after = World::with(Config::default(), Some(through_json(&saved)), "run002", 25);
        after.see(25, &[list(&gpu(0), &[])]);
        assert_eq!(allocation(&after, "a").end, None, "it is waited for");
        after.engine.set_holdings(at(26), &told);
        after.see(26, &[list(&gpu(0), &[])]);
        let held = allocation(&after, "a");
        assert_eq!((&held.facts.id, held.facts.start), (&id, at(0)));
        assert_eq!(seconds(held.micros, DeviceState::Allocated), expected);
    }
}

#[test]
fn a_session_that_ended_still_names_its_allocation_after_a_restart() {
    let mut world = World::new();
    world.proc.insert(1, in_pod(1, "b"));
    let both = told(&[holding("GPU-0", "a", 0.5), holding("GPU-0", "b", 0.5)]);
    world.engine.set_holdings(at(0), &both);
    world.see_for(0, 20, &[list(&gpu(0), &[process(1)])]);
    let id = allocation(&world, "b").facts.id.clone();
    // The place of the first becomes free; that of the second must not move up.
    world.engine.set_holdings(at(21), &told(&[holding("GPU-0", "b", 1.0)]));
    world.proc.insert(1, Lookup::Gone);
    world.see_for(21, 40, &[list(&gpu(0), &[])]);
    let saved = through_json(&world.engine.save());
    let after = World::with(Config::default(), Some(saved), "run002", 45);
    let view = after.view();
    let ended = view.sessions.iter().find(|session| session.facts.pid == 1).unwrap();
    assert!(ended.end.is_some());
    assert_eq!(ended.allocation.as_ref().map(|its| &its.id), Some(&id));
}

#[test]
fn a_holder_that_comes_back_after_it_left_the_page_goes_on_counting() {
    let mut world = World::new();
    let held = told(&[holding("GPU-0", "a", 1.0)]);
    world.engine.set_holdings(at(0), &held);
    world.see_for(0, 60, &[list(&gpu(0), &[])]);
    world.engine.set_holdings(at(60), &told(&[]));
    world.see_for(60, 4000, &[list(&gpu(0), &[])]);
    assert!(world.view().allocations.is_empty(), "it ended an hour ago");
    world.engine.set_holdings(at(4000), &held);
    world.see_for(4000, 4060, &[list(&gpu(0), &[])]);
    let back = allocation(&world, "a");
    assert_eq!((back.end, back.facts.start), (None, at(0)));
    let counted = seconds(back.micros, DeviceState::Allocated);
    assert!((100..=120).contains(&counted), "{counted} s, of two minutes less what is not closed");
}

#[test]
fn what_nobody_tells_of_after_a_restart_ended_when_it_was_last_held() {
    let mut world = World::new();
    world.engine.set_holdings(at(0), &told(&[holding("GPU-0", "a", 1.0)]));
    world.see_for(0, 20, &[list(&gpu(0), &[])]);
    let saved = world.engine.stop();
    let mut after = World::with(Config::default(), Some(saved), "run002", 25);
    after.see_for(25, 90, &[list(&gpu(0), &[])]);
    assert_eq!(allocation(&after, "a").end, Some(at(20)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_of_sessions_and_holders_and_what_nobody_holds_add_up_to_the_device(
        steps in prop::collection::vec((1_u64..3000, 0_u8..16, 0_u8..16, 0_u8..4), 1..80),
    ) {
        // No allocation is let go, so that all parts stay in view.
        let keep = Duration::from_secs(1_000_000);
        let config = Config { ended_keep_min: keep, max_ended: 9999, ..Config::default() };
        let mut world = World::with(config, None, "run000", 0);
        let pods = ["a", "b", "c", "d"];
        for (pid, pod) in (1..).zip(pods) {
            world.proc.insert(pid, in_pod(pid, pod));
        }
        let mut now = at(0);
        let mut shown = std::collections::HashMap::new();
        for (millis, held, there, how) in steps {
            now = now.after(Duration::from_millis(millis));
            let bit = |set: u8, place: usize| set & (1 << place) != 0;
            let holdings: Vec<Holding> = (0..4).filter(|place| bit(held, *place))
                .map(|place| holding("GPU-0", pods[place], 0.3)).collect();
            world.engine.set_holdings(now, &told(&holdings));
            let processes: Vec<_> =
                (1..=4).filter(|pid| bit(there, *pid as usize - 1)).map(process).collect();
            let samples: Vec<_> = processes.iter().map(|p| sample(p.pid, now, 40)).collect();
            let seen = match how {
                0 => list(&gpu(0), &processes),
                1 => used(&gpu(0), &processes, &samples),
                2 => busy(&gpu(0), &processes, 0.5),
                _ => used(&gpu(0), &processes, &[]),
            };
            world.see_at(now, &[seen]);
            let view = world.view();
            let device = view.devices[0].counters;
            let nobodys = device.micros[DeviceState::Free as usize];
            let sessions: u64 = view.sessions.iter().map(|s| s.counters.total_micros()).sum();
            let holders: u64 = view.allocations.iter().flat_map(|held| held.micros).sum();
            prop_assert_eq!(sessions + holders + nobodys, device.total_micros());
            for held in &view.allocations {
                let before = shown.insert(held.facts.id.clone(), held.micros).unwrap_or([0; 9]);
                prop_assert!(before.iter().zip(held.micros).all(|(before, now)| *before <= now));
            }
        }
    }
}
