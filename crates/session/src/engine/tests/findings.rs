//! Findings: shown after their time, cleared two minutes after their cause.

use model::observation::DeviceObservation;
use model::process::Lookup;

use super::holding::{holding, in_pod, told};
use super::world::*;
use crate::exposition::write_sessions;

fn findings(world: &World) -> Vec<&'static str> {
    world.view().findings.iter().map(|found| found.finding.as_str()).collect()
}

fn page(world: &World) -> String {
    let mut page = model::text::Writer::default();
    write_sessions(&world.view(), &mut page);
    page.finish()
}

#[test]
fn an_allocation_without_process_is_found_after_five_minutes_and_cleared_after_two() {
    let mut world = World::new();
    world.engine.set_holdings(at(0), &told(&[holding("GPU-0", "a", 1.0)]));
    world.see_for(0, 299, &[list(&gpu(0), &[])]);
    assert!(findings(&world).is_empty());
    world.see(300, &[list(&gpu(0), &[])]);
    assert_eq!(findings(&world), ["no_process"]);
    assert_eq!(world.view().findings[0].since, at(0));
    let page = page(&world);
    assert!(page.contains(r#"gpu_allocation_finding{gpu="0",allocation=""#), "{page}");
    world.proc.insert(7, in_pod(7, "a"));
    world.see_for(301, 419, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(findings(&world), ["no_process"]);
    world.see(420, &[list(&gpu(0), &[process(7)])]);
    assert!(findings(&world).is_empty());
}

#[test]
fn a_session_that_holds_nothing_of_a_device_for_holders_is_found_after_a_minute() {
    let mut world = World::new();
    world.start(7, 0);
    world.engine.set_holdings(at(0), &told(&[]));
    world.see_for(0, 59, &[list(&gpu(0), &[process(7)])]);
    assert!(findings(&world).is_empty());
    world.see(60, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(findings(&world), ["outside_allocation"]);
    assert!(page(&world).contains(r#"finding="outside_allocation"} 1"#));
}

#[test]
fn without_an_allocator_nobody_is_outside() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(0, 200, &[list(&gpu(0), &[process(7)])]);
    assert!(findings(&world).is_empty());
}

#[test]
fn a_pod_whose_name_is_not_known_is_not_called_outside() {
    let mut world = World::new();
    let Lookup::Facts(mut unnamed) = in_pod(7, "a") else { unreachable!() };
    unnamed.names = None;
    world.proc.insert(7, Lookup::Facts(unnamed));
    world.engine.set_holdings(at(0), &told(&[holding("GPU-0", "a", 1.0)]));
    world.see_for(0, 200, &[list(&gpu(0), &[process(7)])]);
    assert!(!findings(&world).contains(&"outside_allocation"));
}

#[test]
fn memory_that_nobody_holds_is_leaked_after_two_minutes_where_all_can_be_read() {
    let mut world = World::new();
    world.start(7, 0);
    let using =
        |bytes| DeviceObservation { used_bytes: Some(bytes), ..list(&gpu(0), &[process(7)]) };
    world.see_for(0, 200, &[using(GIB + (512 << 20))]);
    assert!(findings(&world).is_empty(), "not over the bound");
    world.see_for(201, 320, &[using(3 * GIB)]);
    assert!(findings(&world).is_empty());
    world.see(321, &[using(3 * GIB)]);
    assert_eq!(findings(&world), ["leaked"]);
    assert!(
        page(&world).contains(r#"gpu_device_finding{gpu="0",UUID="GPU-0",finding="leaked"} 1"#)
    );
    world.see_for(322, 440, &[using(GIB)]);
    assert_eq!(findings(&world), ["leaked"]);
    world.see(441, &[using(GIB)]);
    assert!(findings(&world).is_empty());
}

#[test]
fn a_listed_process_that_is_dead_or_hangs_in_the_kernel_is_a_zombie_after_two_minutes() {
    for state in ['Z', 'X', 'D'] {
        let mut world = World::new();
        world.start(7, 0);
        world.see_for(0, 4, &[list(&gpu(0), &[process(7)])]);
        match state {
            'X' => world.kill(7),
            _ => {
                let dead = model::process::ProcessFacts { state, ..facts(7, 0) };
                world.proc.insert(7, Lookup::Facts(dead));
            }
        }
        world.see_for(5, 124, &[list(&gpu(0), &[process(7)])]);
        assert!(findings(&world).is_empty(), "{state}");
        world.see_for(125, 131, &[list(&gpu(0), &[process(7)])]);
        assert_eq!(findings(&world), ["zombie"], "{state}");
    }
}

#[test]
fn a_process_that_is_in_the_kernel_now_and_then_is_no_zombie() {
    let mut world = World::new();
    for seconds in 0..400 {
        let state = if seconds % 60 < 50 { 'D' } else { 'S' };
        let busy = model::process::ProcessFacts { state, ..facts(7, 0) };
        world.proc.insert(7, Lookup::Facts(busy));
        world.see(seconds, &[list(&gpu(0), &[process(7)])]);
        assert!(findings(&world).is_empty());
    }
}

#[test]
fn a_list_that_fails_for_a_moment_does_not_end_a_dead_process_that_was_listed() {
    let mut world = World::new();
    world.start(7, 0);
    world.see_for(0, 4, &[list(&gpu(0), &[process(7)])]);
    world.kill(7);
    world.see_for(5, 60, &[list(&gpu(0), &[process(7)])]);
    let failed = DeviceObservation {
        processes: model::Reading::Failed(model::ErrorKind::BadAnswer),
        ..list(&gpu(0), &[])
    };
    world.see_for(61, 70, &[failed]);
    world.see_for(71, 131, &[list(&gpu(0), &[process(7)])]);
    assert_eq!(findings(&world), ["zombie"]);
    assert_eq!(world.session(7).end, None);
}

#[test]
fn what_was_found_is_found_after_a_restart_and_not_after_a_long_one() {
    for (gap, wanted) in [(20, vec!["no_process", "zombie"]), (130, vec![])] {
        let mut world = World::new();
        world.engine.set_holdings(at(0), &told(&[holding("GPU-0", "a", 1.0)]));
        world.start(7, 0);
        world.see_for(0, 4, &[list(&gpu(1), &[process(7)]), list(&gpu(0), &[])]);
        world.kill(7);
        world.see_for(5, 310, &[list(&gpu(1), &[process(7)]), list(&gpu(0), &[])]);
        let text = serde_json::to_string(&world.engine.save()).unwrap();
        let saved = serde_json::from_str(&text).unwrap();
        let later = 310 + gap;
        let mut again = World::with(crate::Config::default(), Some(saved), "run002", later);
        again.engine.set_holdings(at(later), &told(&[holding("GPU-0", "a", 1.0)]));
        again.see(later, &[list(&gpu(1), &[process(7)]), list(&gpu(0), &[])]);
        let mut found = findings(&again);
        found.sort_unstable();
        assert_eq!(found, wanted, "after {gap} s");
    }
}

#[test]
fn an_instance_without_compute_instance_is_found_after_a_minute_with_its_labels() {
    let mut world = World::new();
    let instance = crate::UnusableInstance {
        gpu_index: 0,
        gpu_uuid: "GPU-0".to_owned(),
        gpu_instance: 9,
        profile: "1g.10gb".to_owned(),
    };
    world.engine.set_unusable_instances(vec![instance]);
    world.see_for(0, 59, &[list(&gpu(0), &[])]);
    assert!(findings(&world).is_empty());
    world.see(60, &[list(&gpu(0), &[])]);
    let line =
        r#"gpu_device_finding{gpu="0",UUID="GPU-0",GPU_I_ID="9",finding="no_compute_instance"} 1"#;
    assert!(page(&world).contains(line));
    let said = world.view().findings[0].evidence.sentence();
    assert!(said.starts_with("GPU instance 9 (1g.10gb) has no compute instance"), "{said}");
    world.engine.set_unusable_instances(Vec::new());
    world.see_for(61, 180, &[list(&gpu(0), &[])]);
    assert!(findings(&world).is_empty());
}
