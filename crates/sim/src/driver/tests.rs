//! Tests of the driver's gate and of its figures: handles, lives, faults, what is missing.

use gpu::nvml::Driver as _;

use super::*;
use crate::scenario::Scenario;

fn driver(name: &str, age_s: u64) -> SimDriver {
    let world = Arc::new(World::new(&Scenario::load(name).unwrap()));
    let clock = Arc::new(SimClock::manual(Duration::from_secs(age_s)));
    let driver = SimDriver::new(world, 0, clock);
    let _ = driver.init();
    driver
}

fn driver_of(text: &str, age_s: u64) -> SimDriver {
    let scenario = Scenario::from_text("test.toml", text).unwrap();
    let clock = Arc::new(SimClock::manual(Duration::from_secs(age_s)));
    let driver = SimDriver::new(Arc::new(World::new(&scenario)), 0, clock);
    driver.init().unwrap();
    driver
}

fn to(driver: &SimDriver, age_s: u64) {
    driver.sim_clock().set_age(Duration::from_secs(age_s)).unwrap();
}

#[test]
fn calls_before_init_and_after_shutdown_are_uninitialized() {
    let driver = driver("h100-idle", 600);
    assert_eq!(driver.device_count(), Ok(1));
    driver.init().unwrap();
    driver.shutdown().unwrap();
    assert_eq!(driver.device_count(), Ok(1));
    driver.shutdown().unwrap();
    assert_eq!(driver.device_count(), Err(Return::UNINITIALIZED));
    assert_eq!(driver.shutdown(), Err(Return::UNINITIALIZED));
}

#[test]
fn the_captured_load_comes_back_figure_by_figure() {
    let driver = driver("h100-load", 100);
    let gpu = driver.device_handle_by_index(0).unwrap();
    let memory = driver.memory_info_v2(gpu).unwrap();
    assert_eq!((memory.total >> 20, memory.used >> 20), (81559, 19818));
    assert_eq!(memory.total, memory.used + memory.free + memory.reserved);
    let used = driver.utilization_rates(gpu).unwrap();
    assert_eq!((used.gpu, used.memory), (100, 11));
    assert_eq!(driver.clock_info(gpu, gpu::nvml::ClockType::Sm), Ok(1980));
    let watts = f64::from(driver.power_usage(gpu).unwrap()) / 1000.0;
    assert!((629.0..=636.0).contains(&watts), "{watts}");
    let listed: Vec<(u32, u64)> = driver
        .compute_processes(gpu)
        .unwrap()
        .iter()
        .map(|process| (process.pid, process.used_gpu_memory.unwrap() >> 20))
        .collect();
    assert_eq!(listed, [(11327, 2566), (11328, 1542), (11345, 15690)]);
    let samples = driver.process_utilization(gpu, 0).unwrap();
    assert!(samples.iter().all(|s| (s.pid, s.sm, s.memory) == (11345, 99, 10)));
    let since = samples.last().unwrap().timestamp_us;
    assert_eq!(driver.process_utilization(gpu, since), Err(Return::NOT_FOUND));
}

#[test]
fn two_processes_share_the_captured_window() {
    let driver = driver("h200-load", 100);
    let gpu = driver.device_handle_by_index(0).unwrap();
    let samples = driver.process_utilization(gpu, 0).unwrap();
    let shared = samples.iter().find(|s| s.pid == 10291).unwrap();
    let other =
        samples.iter().find(|s| s.pid == 10309 && s.timestamp_us == shared.timestamp_us).unwrap();
    assert_eq!((shared.sm, shared.memory, other.sm, other.memory), (19, 1, 79, 5));
    assert_eq!(driver.utilization_rates(gpu).unwrap().gpu, 100);
}

#[test]
fn a_cut_gpu_answers_as_captured() {
    let driver = driver("h100-mig", 100);
    let gpu = driver.device_handle_by_index(0).unwrap();
    assert_eq!(driver.mig_mode(gpu), Ok((1, 1)));
    assert_eq!(driver.utilization_rates(gpu), Err(Return::NOT_SUPPORTED));
    assert_eq!(driver.process_utilization(gpu, 0), Err(Return::NOT_SUPPORTED));
    assert_eq!(driver.remapped_rows(gpu), Err(Return::NOT_SUPPORTED));
    assert_eq!(driver.row_remapper_histogram(gpu).unwrap().max, 2560);
    let mut seen = Vec::new();
    for number in 0..4 {
        let device = driver.mig_device_by_index(gpu, number).unwrap();
        let memory = driver.memory_info_v2(device).unwrap();
        assert_eq!(memory.total, memory.used + memory.free);
        seen.push((
            driver.gpu_instance_id(device).unwrap(),
            memory.total >> 20,
            (memory.used + (1 << 19)) >> 20,
            driver.attributes(device).unwrap().multiprocessor_count,
        ));
    }
    let captured = [(2, 40448, 11091, 60), (3, 20096, 17, 32), (9, 9984, 9, 16), (10, 9984, 9, 16)];
    assert_eq!(seen, captured);
    assert_eq!(driver.memory_info_v2(gpu).unwrap().used >> 20, 11124);
    assert_eq!(driver.mig_device_by_index(gpu, 4), Err(Return::NOT_FOUND));
    let first = driver.mig_device_by_index(gpu, 0).unwrap();
    assert_eq!(driver.compute_processes(first).unwrap().len(), 3);
    let listed = driver.compute_processes(gpu).unwrap();
    assert_eq!((listed[0].gpu_instance_id, listed[0].compute_instance_id), (Some(2), Some(0)));
    assert_eq!(driver.power_usage(first), Err(Return::NOT_SUPPORTED));
    assert_eq!(driver.name(first).unwrap(), "NVIDIA H100 80GB HBM3 MIG 3g.40gb");
    assert_eq!(driver.handle_by_uuid(&driver.uuid(first).unwrap()), Ok(first));
}

#[test]
fn a_workstation_lacks_what_it_lacks() {
    let driver = driver("rtx2080s-encode", 20);
    let gpu = driver.device_handle_by_index(0).unwrap();
    assert_eq!(driver.ecc_mode(gpu), Err(Return::NOT_SUPPORTED));
    assert_eq!(driver.serial(gpu), Err(Return::NOT_SUPPORTED));
    assert_eq!(driver.mig_mode(gpu), Err(Return::NOT_SUPPORTED));
    let field = gpu::nvml::FieldRequest { field: 82, scope: 0 };
    let answers = driver.field_values(gpu, &[field]).unwrap();
    assert_eq!(answers[0].value, Err(Return::NOT_SUPPORTED));
    assert_eq!(driver.performance_state(gpu), Ok(8));
    assert_eq!(driver.graphics_processes(gpu).unwrap().len(), 2);
    assert!(driver.compute_processes(gpu).unwrap().is_empty());
    to(&driver, 60);
    assert_eq!(driver.performance_state(gpu), Ok(2));
    assert_eq!(driver.encoder_utilization(gpu), Ok(100));
    assert_eq!(driver.encoder_stats(gpu).unwrap().session_count, 2);
    assert_eq!(driver.compute_processes(gpu).unwrap().len(), 2);
    let samples = driver.process_utilization(gpu, 0).unwrap();
    assert!(samples.iter().all(|s| s.encoder == 49 && s.sm == 3), "{samples:?}");
}

#[test]
fn a_lost_gpu_takes_only_itself_along() {
    let driver = driver("fault-lost", 60);
    let (lost, fine) = (gpu_handle(0), gpu_handle(1));
    let set = driver.event_set_create().unwrap();
    driver.register_events(lost, gpu::nvml::EVENT_XID_CRITICAL_ERROR, set).unwrap();
    assert_eq!(driver.event_set_wait(set, 1), Err(Return::TIMEOUT));
    assert!(driver.temperature(lost).is_ok());
    to(&driver, 91);
    assert_eq!(driver.temperature(lost), Err(Return::GPU_IS_LOST));
    assert_eq!(driver.device_handle_by_index(0), Err(Return::GPU_IS_LOST));
    assert!(driver.temperature(fine).is_ok());
    assert_eq!(driver.device_count(), Ok(2));
    let event = driver.event_set_wait(set, 1).unwrap();
    assert_eq!((event.device, event.data), (lost, 79));
    assert_eq!(driver.event_set_wait(set, 1), Err(Return::TIMEOUT));
}

#[test]
fn xids_come_once_each_and_in_order() {
    let driver = driver("fault-xid", 60);
    let set = driver.event_set_create().unwrap();
    driver.register_events(gpu_handle(0), gpu::nvml::EVENT_XID_CRITICAL_ERROR, set).unwrap();
    to(&driver, 105);
    let next = || driver.event_set_wait(set, 1).map(|event| event.data);
    assert_eq!((next(), next(), next()), (Ok(31), Ok(94), Err(Return::TIMEOUT)));
    to(&driver, 200);
    assert_eq!((next(), next()), (Ok(31), Err(Return::TIMEOUT)));
}

#[test]
fn a_hung_call_ends_when_the_world_goes_on_or_the_driver_is_shut_down() {
    let driver = driver("fault-hang", 100);
    assert!(driver.temperature(gpu_handle(1)).is_ok());
    std::thread::scope(|scope| {
        let hung = scope.spawn(|| driver.temperature(gpu_handle(0)));
        std::thread::sleep(Duration::from_millis(30));
        assert!(!hung.is_finished());
        to(&driver, 151);
        assert!(hung.join().unwrap().is_ok());
        to(&driver, 100);
        let hung = scope.spawn(|| driver.temperature(gpu_handle(0)));
        std::thread::sleep(Duration::from_millis(30));
        driver.shutdown().unwrap();
        assert_eq!(hung.join().unwrap(), Err(Return::UNINITIALIZED));
    });
}

#[test]
fn an_unloaded_driver_comes_back_newer_with_counters_at_their_start() {
    let driver = driver("fault-driver-unload", 60);
    let before = driver.total_energy_consumption(gpu_handle(0)).unwrap();
    to(&driver, 100);
    assert_eq!(driver.device_count(), Err(Return::DRIVER_NOT_LOADED));
    assert_eq!(driver.init(), Err(Return::DRIVER_NOT_LOADED));
    to(&driver, 121);
    assert_eq!(driver.device_count(), Err(Return::UNINITIALIZED));
    driver.shutdown().unwrap();
    driver.init().unwrap();
    assert_eq!(driver.system_driver_version().unwrap(), "610.57.04");
    let after = driver.total_energy_consumption(gpu_handle(0)).unwrap();
    assert!(after < before, "{after} {before}");
    assert!(driver.compute_processes(gpu_handle(0)).unwrap().is_empty());
}

#[test]
fn a_new_layout_ends_processes_and_handles_and_uses_ids_again() {
    let driver = driver("fault-mig-set", 60);
    let gpu = gpu_handle(0);
    assert_eq!(driver.mig_mode(gpu), Ok((0, 0)));
    assert_eq!(driver.compute_processes(gpu).unwrap().len(), 1);
    to(&driver, 100);
    let old = driver.mig_device_by_index(gpu, 2).unwrap();
    let (old_uuid, old_id) = (driver.uuid(old).unwrap(), driver.gpu_instance_id(old).unwrap());
    let listed = driver.compute_processes(gpu).unwrap();
    assert_eq!(listed.iter().map(|p| p.pid).collect::<Vec<_>>(), [4003]);
    to(&driver, 160);
    assert_eq!(driver.uuid(old), Err(Return::INVALID_ARGUMENT));
    let again = driver.mig_device_by_index(gpu, 2).unwrap();
    assert_eq!(driver.gpu_instance_id(again), Ok(old_id));
    assert_ne!(driver.uuid(again).unwrap(), old_uuid);
    assert_eq!(driver.compute_processes(gpu).unwrap()[0].pid, 4004);
}

#[test]
fn bad_samples_are_really_bad() {
    let driver = driver("fault-bad-sample", 100);
    let samples = driver.process_utilization(gpu_handle(0), 1_000_000_000_000_000).unwrap();
    assert!(samples.iter().any(|sample| sample.sm > 100));
    assert!(samples.iter().any(|sample| sample.pid == 0));
    assert!(samples.iter().any(|sample| sample.timestamp_us < 1_000_000_000_000_000));
    assert_eq!(driver.process_count_at_first(gpu_handle(0), 1), Ok(0));
    assert_eq!(driver.process_count_at_first(gpu_handle(1), 1), Ok(1));
}

#[test]
fn no_permission_touches_the_named_calls_of_the_named_gpu() {
    let driver = driver("fault-no-permission", 60);
    assert!(driver.compute_processes(gpu_handle(0)).is_ok());
    to(&driver, 100);
    assert_eq!(driver.compute_processes(gpu_handle(0)), Err(Return::NO_PERMISSION));
    assert!(driver.compute_processes(gpu_handle(1)).is_ok());
    assert!(driver.temperature(gpu_handle(0)).is_ok());
}

#[test]
fn a_missing_function_is_missing() {
    let driver = driver_of(
        "[[node]]\nname = \"a\"\nmissing = [\"nvmlGpmMetricsGet\", \"nvmlDeviceGetMemoryInfo_v2\"]\n\
         [[node.gpu]]\nmodel = \"h100-80gb-hbm3\"\n",
        60,
    );
    let gpu = gpu_handle(0);
    assert_eq!(driver.memory_info_v2(gpu), Err(Return::FUNCTION_NOT_FOUND));
    assert_eq!(driver.memory_info_v1(gpu).unwrap().used, 501_743_616);
    let sample = driver.gpm_sample_alloc().unwrap();
    let answer = driver.gpm_metrics(sample, sample, &[1]);
    assert_eq!(answer, Err(Return::FUNCTION_NOT_FOUND));
}

#[test]
fn gpm_is_the_mean_between_two_samples_of_gpu_and_instance() {
    let driver = driver("h100-mig", 100);
    let gpu = gpu_handle(0);
    let [a, b, c, d] = [(); 4].map(|()| driver.gpm_sample_alloc().unwrap());
    driver.gpm_sample_get(gpu, a).unwrap();
    driver.gpm_mig_sample_get(gpu, 2, c).unwrap();
    to(&driver, 115);
    driver.gpm_sample_get(gpu, b).unwrap();
    driver.gpm_mig_sample_get(gpu, 2, d).unwrap();
    let whole = driver.gpm_metrics(a, b, &[2, 20, 30]).unwrap();
    let sm = whole[0].unwrap();
    assert!((sm - 99.4 * 60.0 / 132.0).abs() < 0.01, "{sm}");
    assert!(whole[1].unwrap() > 100.0);
    let instance = driver.gpm_metrics(c, d, &[2, 5, 30, 60, 9999]).unwrap();
    assert!((instance[0].unwrap() - 99.4).abs() < 0.01);
    assert!((instance[1].unwrap() - 78.0).abs() < 0.01);
    assert_eq!(instance[2..], [Err(Return::NOT_SUPPORTED); 3]);
    assert_eq!(driver.gpm_metrics(a, d, &[2]), Err(Return::INVALID_ARGUMENT));
    assert_eq!(driver.gpm_mig_sample_get(gpu, 7, d), Err(Return::INVALID_ARGUMENT));
}

#[test]
fn a_zombie_stays_in_the_list_and_leaves_proc() {
    let driver = driver("fault-zombie", 100);
    assert_eq!(driver.compute_processes(gpu_handle(0)).unwrap()[0].pid, 4001);
    let in_proc: Vec<u32> = driver.node().in_proc(100_000_000).iter().map(|o| o.pid).collect();
    assert_eq!(in_proc, [4002]);
    assert_eq!(driver.node().in_proc(80_000_000).len(), 2);
}

#[test]
fn a_leak_is_memory_of_no_process() {
    let driver = driver("fault-leak", 60);
    let before = driver.memory_info_v2(gpu_handle(1)).unwrap().used;
    to(&driver, 100);
    let held = driver.memory_info_v2(gpu_handle(1)).unwrap();
    assert_eq!(held.used - before, 6 << 30);
    assert_eq!(held.total, held.used + held.free + held.reserved);
}

#[test]
fn a_machine_without_driver_does_not_initialise() {
    let driver = driver("no-gpu", 60);
    assert_eq!(driver.init(), Err(Return::DRIVER_NOT_LOADED));
    assert!(!driver.node().has_driver());
}

#[test]
fn accounting_knows_who_was_there() {
    let driver = driver_of(
        "[[node]]\nname = \"a\"\n[[node.gpu]]\nmodel = \"h100-80gb-hbm3\"\naccounting = true\n\
         [[node.process]]\ngpu = [\"0\"]\ncommand = \"job\"\nstart = \"10s\"\nstop = \"10s500ms\"\n\
         pid = 77\nmemory = \"2GiB\"\nsm = 50\n",
        60,
    );
    let gpu = gpu_handle(0);
    assert_eq!(driver.accounting_mode(gpu), Ok(1));
    assert_eq!(driver.accounting_pids(gpu), Ok(vec![77]));
    let stats = driver.accounting_stats(gpu, 77).unwrap();
    assert_eq!((stats.time_ms, stats.is_running, stats.gpu_utilization), (500, false, Some(50)));
    assert_eq!(stats.max_memory_usage, Some(2 << 30));
    assert_eq!(driver.accounting_stats(gpu, 78), Err(Return::NOT_FOUND));
}
