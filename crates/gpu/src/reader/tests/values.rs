//! The rows: what is read, what is absent, and how numbers are converted.

use super::*;

#[test]
fn a_gpu_shows_its_rows_with_the_units_of_dcgm() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let pass = bench.pass();
    let entity = entity(&pass, 0);
    for (name, wanted) in [
        ("DCGM_FI_DEV_SM_CLOCK", 1980.0),
        ("DCGM_FI_DEV_MEM_CLOCK", 2619.0),
        ("DCGM_FI_DEV_MEMORY_TEMP", 47.0),
        ("DCGM_FI_DEV_GPU_TEMP", 61.0),
        ("DCGM_FI_DEV_POWER_USAGE", 629.45),
        ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 123_456_789.0),
        ("DCGM_FI_DEV_PSTATE", 0.0),
        ("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", 3.0),
        ("DCGM_FI_DEV_GPU_UTIL", 99.0),
        ("DCGM_FI_DEV_MEM_COPY_UTIL", 10.0),
        ("DCGM_FI_DEV_FB_TOTAL", 81559.0),
        ("DCGM_FI_DEV_FB_USED", 4108.0),
        ("DCGM_FI_DEV_FB_FREE", 76971.0),
        ("DCGM_FI_DEV_FB_RESERVED", 479.0),
        ("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", 21.0),
        ("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", 2.0),
        ("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", 5.0),
        ("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", 1.0),
        ("DCGM_FI_DEV_ROW_REMAP_FAILURE", 0.0),
        ("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", 0.0),
        ("DCGM_FI_DEV_VGPU_LICENSE_STATUS", 0.0),
    ] {
        assert_eq!(value(entity, name), Some(wanted), "{name}");
    }
    let ratio = value(entity, "DCGM_FI_DEV_FB_USED_PERCENT").unwrap();
    assert!((ratio - 4108.0 / (81559.0 - 479.0)).abs() < 1e-6, "{ratio}");
    for (name, wanted) in [
        ("DCGM_FI_DRIVER_VERSION", Some("590.48.01")),
        ("DCGM_FI_NVML_VERSION", Some("13.590.48.01")),
        ("DCGM_FI_DEV_NAME", Some("NVIDIA H100 80GB HBM3")),
        ("DCGM_FI_DEV_SERIAL", Some("165")),
        ("DCGM_FI_DEV_UUID", Some("GPU-a")),
        ("DCGM_FI_DEV_COMPUTE_MODE", Some("2")),
        ("DCGM_FI_DEV_PERSISTENCE_MODE", Some("1")),
        ("DCGM_FI_DEV_MIG_MODE", Some("0")),
        ("DCGM_FI_DEV_MIG_MAX_SLICES", Some("0")),
        ("DCGM_FI_DEV_MIG_GI_INFO", None),
        ("DCGM_FI_DEV_VIRTUAL_MODE", Some("0")),
    ] {
        assert_eq!(text(entity, name), wanted, "{name}");
    }
    let view = &pass.gpus[0];
    assert_eq!((view.pci_bus_id.as_str(), view.minor), ("00000000:A1:00.0", Some(0)));
    assert_eq!((view.power_limit_watts, view.health), (Some(700.0), Health::Up));
    assert_eq!(pass.observations[0].used_bytes, Some((4108 << 20) + 9));
    assert_eq!((pass.cuda_version.as_deref(), pass.simulated), (Some("13.1"), true));
}

#[test]
fn what_a_driver_does_not_have_is_absent_and_nothing_else_is() {
    let mut bench = Bench::new(vec![gpu("a")]);
    for call in ["power_usage", "memory_info_v2", "field_values", "gpm_supported", "mig_mode"] {
        bench.fake.world().refuses.insert(call, Return::FUNCTION_NOT_FOUND);
    }
    let pass = bench.pass();
    let entity = entity(&pass, 0);
    let reading = |name: &str| entity.cell(name).unwrap().reading;
    assert_eq!(reading("DCGM_FI_DEV_POWER_USAGE"), model::Reading::NotSupported);
    assert_eq!(reading("DCGM_FI_DEV_MEMORY_TEMP"), model::Reading::NotSupported);
    assert_eq!(reading("DCGM_FI_PROF_GR_ENGINE_ACTIVE"), model::Reading::NotSupported);
    // Version 1 of the memory call stands in, without the reserved part; energy has its own call.
    assert_eq!(value(entity, "DCGM_FI_DEV_FB_USED"), Some(11559.0));
    assert_eq!(reading("DCGM_FI_DEV_FB_RESERVED"), model::Reading::NotSupported);
    assert_eq!(pass.observations[0].used_bytes, None, "it may hold the reserved part");
    assert_eq!(value(entity, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"), Some(77.0));
    assert_eq!(pass.gpus[0].mig_enabled, None);
    assert_eq!(
        (pass.gpus[0].health, value(entity, "DCGM_FI_DEV_SM_CLOCK")),
        (Health::Up, Some(1980.0))
    );
}

#[test]
fn every_optional_call_can_be_missing() {
    for call in Call::ALL {
        let mut bench = Bench::new(vec![gpu("a")]);
        let Some(method) = METHODS.iter().find(|(name, _)| name == call).map(|(_, method)| *method)
        else {
            continue;
        };
        bench.fake.world().refuses.insert(method, Return::FUNCTION_NOT_FOUND);
        let pass = bench.pass();
        assert_eq!(pass.source, SourceState::Nvml, "{method}");
        assert_eq!((pass.gpus.len(), pass.gpus[0].health), (1, Health::Up), "{method}");
        let cells = &entity(&pass, 0).values;
        let had = cells.iter().filter(|cell| cell.reading.is_value()).count();
        assert!(had >= 25, "{method}: only {had} rows are left");
    }
}

/// Calls that nothing depends on as a whole.
const METHODS: &[(Call, &str)] = &[
    (Call::SystemDriverVersion, "system_driver_version"),
    (Call::SystemNvmlVersion, "system_nvml_version"),
    (Call::Name, "name"),
    (Call::Serial, "serial"),
    (Call::MinorNumber, "minor_number"),
    (Call::PciInfo, "pci_info"),
    (Call::ComputeMode, "compute_mode"),
    (Call::PersistenceMode, "persistence_mode"),
    (Call::VirtualizationMode, "virtualization_mode"),
    (Call::VgpuLicensed, "vgpu_licensed"),
    (Call::MigMode, "mig_mode"),
    (Call::MemoryInfoV2, "memory_info_v2"),
    (Call::ClockInfo, "clock_info"),
    (Call::Temperature, "temperature"),
    (Call::PowerUsage, "power_usage"),
    (Call::EnforcedPowerLimit, "enforced_power_limit"),
    (Call::PerformanceState, "performance_state"),
    (Call::PcieReplayCounter, "pcie_replay_counter"),
    (Call::UtilizationRates, "utilization_rates"),
    (Call::EncoderUtilization, "encoder_utilization"),
    (Call::DecoderUtilization, "decoder_utilization"),
    (Call::EccMode, "ecc_mode"),
    (Call::TotalEccErrors, "total_ecc_errors"),
    (Call::RemappedRows, "remapped_rows"),
    (Call::FieldValues, "field_values"),
    (Call::ComputeProcesses, "compute_processes"),
    (Call::GraphicsProcesses, "graphics_processes"),
    (Call::MpsProcesses, "mps_processes"),
    (Call::ProcessUtilization, "process_utilization"),
    (Call::GpmSupported, "gpm_supported"),
    (Call::GpmSampleAlloc, "gpm_sample_alloc"),
    (Call::GpmSampleGet, "gpm_sample_get"),
    (Call::GpmMetrics, "gpm_metrics"),
    (Call::EventSetCreate, "event_set_create"),
    (Call::EventSetWait, "event_set_wait"),
];

#[test]
fn memory_temperature_takes_the_unsigned_member_whatever_the_type_says() {
    let mut hot = gpu("a");
    hot.memory_temp = (u64::from(52_u32), FieldValue::Double(f64::from_bits(52)));
    let mut blank = gpu("b");
    blank.memory_temp = (u64::from(u32::MAX), FieldValue::UnsignedInt(u32::MAX));
    let mut bench = Bench::new(vec![hot, blank]);
    let pass = bench.pass();
    assert_eq!(value(entity(&pass, 0), "DCGM_FI_DEV_MEMORY_TEMP"), Some(52.0));
    assert_eq!(value(entity(&pass, 1), "DCGM_FI_DEV_MEMORY_TEMP"), None);
}

#[test]
fn ecc_counters_are_absent_while_ecc_is_off() {
    let mut off = gpu("a");
    off.ecc = 0;
    let mut bench = Bench::new(vec![off]);
    let pass = bench.pass();
    assert_eq!(value(entity(&pass, 0), "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL"), None);
    assert_eq!(pass.calls.count_of(Call::TotalEccErrors), 0);
}

#[test]
fn one_batched_call_and_slow_rows_only_every_ten_seconds() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let calls = bench.pass().calls;
    let (fields, slow) = (bench.fake.world().field_calls, calls.count_of(Call::RemappedRows));
    assert_eq!((fields, slow), (1, 1));
    bench.run(9);
    assert_eq!(bench.fake.world().field_calls, 10);
    assert_eq!(calls.count_of(Call::RemappedRows), 1);
    let pass = bench.run(2);
    assert_eq!(calls.count_of(Call::RemappedRows), 2);
    // A row of the slow pace holds for as long as its GPU answers.
    let cell = entity(&pass, 0).cell("DCGM_FI_DEV_ROW_REMAP_FAILURE").unwrap();
    assert_eq!(cell.at, pass.at);
}

#[test]
fn profiling_prints_nothing_in_its_first_interval_and_then_looks_back_over_it() {
    let mut bench = Bench::new(vec![gpu("a")]);
    let name = "DCGM_FI_PROF_GR_ENGINE_ACTIVE";
    let pass = bench.run(14);
    assert_eq!(
        entity(&pass, 0).cell(name).unwrap().reading,
        model::Reading::Failed(ErrorKind::NotYet)
    );
    let pass = bench.run(2);
    let entity = entity(&pass, 0);
    assert_eq!(value(entity, name), Some(0.5));
    assert_eq!(value(entity, "DCGM_FI_PROF_DRAM_ACTIVE"), Some(0.1));
    assert_eq!(value(entity, "DCGM_FI_PROF_PCIE_TX_BYTES"), Some(2_097_152.0));
    // NaN and a metric that the chip does not count are no readings.
    assert_eq!(value(entity, "DCGM_FI_PROF_SM_ACTIVE"), None);
    assert_eq!(
        entity.cell("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE").unwrap().reading,
        model::Reading::NotSupported
    );
}

#[test]
fn profiling_that_is_denied_later_says_so_and_comes_back() {
    let mut bench = Bench::new(vec![gpu("a")]);
    bench.run(20);
    bench.fake.world().refuses.insert("gpm_sample_get", Return::NO_PERMISSION);
    let pass = bench.run(6);
    assert_eq!(pass.gpus[0].health, Health::NoPermission("profiling"));
    let cell = entity(&pass, 0).cell("DCGM_FI_PROF_GR_ENGINE_ACTIVE").unwrap();
    assert_eq!(cell.reading, model::Reading::Failed(ErrorKind::NoPermission));
    assert_eq!(bench.fake.held_samples(), 0);
    // Activity falls back to the driver's utilisation.
    assert_eq!(pass.observations[0].activity, Some(model::Reading::Value(0.99)));
    bench.fake.world().refuses.clear();
    let pass = bench.run(30);
    assert_eq!(pass.gpus[0].health, Health::Up);
    assert_eq!(value(entity(&pass, 0), "DCGM_FI_PROF_GR_ENGINE_ACTIVE"), Some(0.5));
    assert_eq!(bench.fake.held_samples(), 6);
}
