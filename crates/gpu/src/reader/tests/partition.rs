//! MIG: off, on, mixed, cut again while running.

use model::Reading;

use super::*;

fn cut() -> FakeGpu {
    let mut parent = gpu("a");
    parent.mig = Some(vec![
        mig(2, 0, "MIG-11", "3g.40gb"),
        mig(3, 0, "MIG-12", "2g.20gb"),
        mig(9, 0, "MIG-13", "1g.10gb"),
        mig(10, 0, "MIG-14", "1g.10gb"),
    ]);
    parent
}

fn labels(pass: &Pass) -> Vec<&str> {
    pass.observations.iter().map(|seen| seen.device.label.as_str()).collect()
}

#[test]
fn a_mixed_node_lists_instances_beside_whole_gpus() {
    let mut bench = Bench::new(vec![cut(), gpu("b"), gpu("c")]);
    let pass = bench.pass();
    assert_eq!(labels(&pass), ["0_0_0", "0_1_0", "0_2_0", "0_3_0", "1", "2"]);
    let enabled: Vec<_> = pass.gpus.iter().map(|view| view.mig_enabled).collect();
    assert_eq!(enabled, [Some(true), Some(false), Some(false)]);
    let places: Vec<_> =
        pass.gpus[0].entities.iter().map(|entity| entity.gpu_instance.clone().unwrap()).collect();
    let profile = |name: &str, id| (name.to_owned(), id);
    assert_eq!(
        places,
        [
            profile("3g.40gb", 2),
            profile("2g.20gb", 3),
            profile("1g.10gb", 9),
            profile("1g.10gb", 10)
        ]
    );
    let first = &pass.observations[0].device;
    assert_eq!((first.uuid(), first.gpu_uuid.as_str()), ("MIG-11", "GPU-a"));
    assert!((first.share - 3.0 / 7.0).abs() < 1e-9);
    assert_eq!(first.memory_total_bytes, Some(3 * 9984 * MIB));
}

#[test]
fn an_instance_has_its_own_memory_and_profiling_and_its_parents_board() {
    let mut bench = Bench::new(vec![cut()]);
    let pass = bench.run(16);
    let instance = &pass.gpus[0].entities[1];
    assert_eq!(value(instance, "DCGM_FI_DEV_FB_TOTAL"), Some(19968.0));
    assert_eq!(value(instance, "DCGM_FI_DEV_POWER_USAGE"), Some(629.45));
    assert_eq!(value(instance, "DCGM_FI_PROF_GR_ENGINE_ACTIVE"), Some(0.25));
    for absent in [
        "DCGM_FI_DEV_GPU_UTIL",
        "DCGM_FI_DEV_MEM_COPY_UTIL",
        "DCGM_FI_DEV_ENC_UTIL",
        "DCGM_FI_DEV_DEC_UTIL",
        "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
        "DCGM_FI_PROF_PCIE_TX_BYTES",
    ] {
        assert_eq!(value(instance, absent), None, "{absent}");
    }
    assert_eq!(text(instance, "DCGM_FI_DEV_NAME"), Some("2g.20gb"));
    assert_eq!(text(instance, "DCGM_FI_DEV_UUID"), Some("MIG-12"));
    assert_eq!(text(instance, "DCGM_FI_DEV_MIG_MAX_SLICES"), Some("7"));
    assert_eq!((instance.mig_uuid.as_deref(), instance.slices), (Some("MIG-12"), Some(2)));
    let seen = &pass.observations[1];
    assert_eq!(seen.activity, Some(Reading::Value(0.25)));
    assert_eq!(seen.process_use.as_ref().unwrap().samples, Reading::NotSupported);
}

#[test]
fn processes_are_those_of_the_instance() {
    let mut parent = cut();
    let devices = parent.mig.as_mut().unwrap();
    devices[0].compute = vec![process(11, 5)];
    // Some drivers list the whole GPU on every handle, with ids.
    let mut elsewhere = process(12, 5);
    (elsewhere.gpu_instance_id, elsewhere.compute_instance_id) = (Some(3), Some(0));
    devices[2].compute = vec![elsewhere];
    devices[1].compute = vec![elsewhere];
    let mut bench = Bench::new(vec![parent]);
    let pass = bench.pass();
    assert_eq!((pids(&pass, 0), pids(&pass, 1), pids(&pass, 2)), (vec![11], vec![12], vec![]));
}

#[test]
fn the_parents_list_stands_in_where_instances_have_none() {
    let mut parent = cut();
    let at = |pid, gi| {
        let mut process = process(pid, 5);
        (process.gpu_instance_id, process.compute_instance_id) = (Some(gi), Some(0));
        process
    };
    parent.compute = vec![at(21, 2), at(22, 9), process(23, 1)];
    let mut bench = Bench::new(vec![parent]);
    bench.fake.world().refuses.insert("mig_processes", Return::NOT_SUPPORTED);
    let pass = bench.pass();
    let listed: Vec<_> = (0..4).map(|device| pids(&pass, device)).collect();
    assert_eq!(listed, [vec![21], vec![], vec![22], vec![]]);
}

#[test]
fn a_new_layout_is_followed_within_seconds_and_at_once_on_the_event() {
    let mut bench = Bench::new(vec![cut()]);
    let before = bench.pass();
    assert_eq!(bench.fake.held_samples(), 4 * 6);
    // Instance ids are used again, UUIDs are not.
    bench.fake.world().gpus[0].mig = Some(vec![mig(2, 0, "MIG-21", "3g.40gb")]);
    let pass = bench.run(11);
    assert_eq!(labels(&pass), ["0_0_0"]);
    assert_eq!(pass.observations[0].device.uuid(), "MIG-21");
    assert_eq!(bench.fake.held_samples(), 6);
    assert!(!Arc::ptr_eq(&before.observations[0].device, &pass.observations[0].device));
    bench.fake.world().gpus[0].mig = None;
    let event = Event {
        device: Fake::handle(0),
        event_type: EVENT_MIG_CONFIG_CHANGE,
        data: 0,
        gpu_instance_id: None,
        compute_instance_id: None,
    };
    bench.fake.world().events.push_back(event);
    let mut pass = bench.pass();
    let began = Instant::now();
    while labels(&pass) != ["0"] && began.elapsed() < Duration::from_secs(5) {
        // The world's clock stands still: only the event can have told.
        pass = bench.pass();
    }
    assert_eq!(labels(&pass), ["0"]);
    assert_eq!(value(entity(&pass, 0), "DCGM_FI_DEV_GPU_UTIL"), Some(99.0));
    assert_eq!(text(entity(&pass, 0), "DCGM_FI_DEV_MIG_MODE"), Some("0"));
}

#[test]
fn a_layout_that_stays_keeps_its_devices() {
    let mut bench = Bench::new(vec![cut()]);
    let before = bench.pass();
    let after = bench.run(25);
    for (before, after) in before.observations.iter().zip(&after.observations) {
        assert!(Arc::ptr_eq(&before.device, &after.device));
    }
}

#[test]
fn an_instance_without_compute_instance_is_told_and_not_measured() {
    let mut parent = gpu("a");
    parent.mig = Some(vec![mig(2, 0, "MIG-11", "3g.40gb")]);
    parent.idle_instances = vec![9];
    let mut bench = Bench::new(vec![parent]);
    let pass = bench.run(16);
    let view = &pass.gpus[0];
    assert_eq!(
        view.instances_without_ci,
        [crate::IdleInstance { gpu_instance: 9, profile: "1g.10gb".into() }]
    );
    assert_eq!(labels(&pass), ["0_0_0"]);
    assert_eq!(view.entities.len(), 2);
    let idle = &view.entities[1];
    assert_eq!(idle.gpu_instance, Some(("1g.10gb".to_owned(), 9)));
    assert_eq!(value(idle, "DCGM_FI_DEV_FB_USED"), None);
    assert_eq!(value(idle, "DCGM_FI_PROF_GR_ENGINE_ACTIVE"), None);
    assert_eq!(value(idle, "DCGM_FI_DEV_POWER_USAGE"), Some(629.45));
}

#[test]
fn without_privilege_the_mig_devices_still_make_the_layout() {
    let mut bench = Bench::new(vec![cut()]);
    for call in ["gpu_instances", "gpu_instance_profile"] {
        bench.fake.world().refuses.insert(call, Return::NO_PERMISSION);
    }
    let pass = bench.pass();
    assert_eq!(labels(&pass), ["0_0_0", "0_1_0", "0_2_0", "0_3_0"]);
    assert_eq!(pass.gpus[0].entities[2].gpu_instance, Some(("1g.10gb".to_owned(), 9)));
}

#[test]
fn two_compute_instances_of_one_gpu_instance_are_one_entity_and_two_devices() {
    let mut parent = gpu("a");
    parent.mig = Some(vec![mig(2, 0, "MIG-11", "1c.3g.40gb"), mig(2, 1, "MIG-12", "2c.3g.40gb")]);
    let mut bench = Bench::new(vec![parent]);
    bench.pass();
    let pass = bench.after(5);
    assert_eq!(labels(&pass), ["0_0_0", "0_1_1"]);
    assert_eq!(pass.gpus[0].entities.len(), 1);
    assert_eq!(pass.gpus[0].entities[0].gpu_instance, Some(("3g.40gb".to_owned(), 2)));
    assert!((pass.observations[1].device.share - 2.0 / 7.0).abs() < 1e-9);
    // The instance is busy: which of the two works cannot be told.
    assert_eq!(pass.observations[0].activity, Some(Reading::NotSupported));
    for mig in bench.fake.world().gpus[0].mig.iter_mut().flatten() {
        mig.gpm = 0.5;
    }
    assert_eq!(bench.after(5).observations[1].activity, Some(Reading::Value(0.005)));
}

#[test]
fn mig_on_without_instances_shows_the_gpu() {
    let mut parent = gpu("a");
    parent.mig = Some(Vec::new());
    let mut bench = Bench::new(vec![parent]);
    let pass = bench.pass();
    assert_eq!(labels(&pass), ["0"]);
    assert_eq!(pass.gpus[0].entities.len(), 1);
    assert_eq!(value(entity(&pass, 0), "DCGM_FI_DEV_GPU_UTIL"), None);
    assert_eq!(value(entity(&pass, 0), "DCGM_FI_DEV_FB_TOTAL"), Some(81559.0));
    assert_eq!(text(entity(&pass, 0), "DCGM_FI_DEV_MIG_MODE"), Some("1"));
}
