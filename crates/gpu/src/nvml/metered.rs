//! A driver as one thread uses it: every call is counted, timed, and watched for trouble.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use super::answer::Trouble;
use super::{
    AccountingStats, Attributes, ClockType, Driver, EccCounterType, EccErrorType, Event, EventSet,
    FieldAnswer, FieldRequest, GpmSample, GpuInstance, GpuInstanceProfile, Handle, InforomObject,
    MemoryV1, MemoryV2, PciInfo, ProcessUtilization, RemappedRows, Result, Return, RunningProcess,
    UtilizationRates,
};
use crate::{Call, CallStats};

/// A driver with counters.
pub(crate) struct Metered {
    driver: Arc<dyn Driver>,
    stats: Arc<CallStats>,
    worst: Cell<Trouble>,
}

impl Metered {
    pub(crate) fn new(driver: Arc<dyn Driver>, stats: Arc<CallStats>) -> Self {
        Self { driver, stats, worst: Cell::default() }
    }

    /// The worst that any answer since the last call of this said.
    pub(crate) fn take_trouble(&self) -> Trouble {
        self.worst.take()
    }

    /// Put trouble back that is to be seen later.
    pub(crate) fn note(&self, trouble: Trouble) {
        self.worst.set(self.worst.get().max(trouble));
    }

    fn call<T>(&self, call: Call, run: impl FnOnce(&dyn Driver) -> Result<T>) -> Result<T> {
        let began = Instant::now();
        let result = run(&*self.driver);
        let outcome = match &result {
            Ok(_) => Ok(()),
            Err(code) => {
                // For these "not found" is an ordinary word: no new sample, no such entry any more.
                let ordinary = matches!(call, Call::ProcessUtilization | Call::AccountingStats)
                    && *code == Return::NOT_FOUND;
                if !ordinary {
                    self.note(Trouble::of(*code));
                }
                Err(*code)
            }
        };
        self.stats.record(call, outcome, began.elapsed());
        result
    }
}

macro_rules! calls {
    ($($call:ident $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {
        impl Metered {
            $(pub(crate) fn $name(&self, $($arg: $ty),*) -> Result<$ret> {
                self.call(Call::$call, |driver| driver.$name($($arg),*))
            })*
        }
    };
}

calls! {
    Init init() -> ();
    Shutdown shutdown() -> ();
    SystemDriverVersion system_driver_version() -> String;
    SystemNvmlVersion system_nvml_version() -> String;
    SystemCudaDriverVersion system_cuda_driver_version() -> i32;
    DeviceCount device_count() -> u32;
    DeviceHandleByIndex device_handle_by_index(index: u32) -> Handle;
    Uuid uuid(device: Handle) -> String;
    Name name(device: Handle) -> String;
    Serial serial(device: Handle) -> String;
    MinorNumber minor_number(device: Handle) -> u32;
    PciInfo pci_info(device: Handle) -> PciInfo;
    Brand brand(device: Handle) -> u32;
    VbiosVersion vbios_version(device: Handle) -> String;
    InforomImageVersion inforom_image_version(device: Handle) -> String;
    InforomVersion inforom_version(device: Handle, object: InforomObject) -> String;
    ComputeMode compute_mode(device: Handle) -> u32;
    PersistenceMode persistence_mode(device: Handle) -> u32;
    VirtualizationMode virtualization_mode(device: Handle) -> u32;
    VgpuLicensed vgpu_licensed(device: Handle) -> bool;
    MigMode mig_mode(device: Handle) -> (u32, u32);
    MaxMigDeviceCount max_mig_device_count(device: Handle) -> u32;
    MigDeviceByIndex mig_device_by_index(device: Handle, index: u32) -> Handle;
    GpuInstanceId gpu_instance_id(mig_device: Handle) -> u32;
    ComputeInstanceId compute_instance_id(mig_device: Handle) -> u32;
    Attributes attributes(mig_device: Handle) -> Attributes;
    GpuInstanceProfile gpu_instance_profile(device: Handle, profile: u32) -> GpuInstanceProfile;
    GpuInstances gpu_instances(device: Handle, profile_id: u32) -> Vec<GpuInstance>;
    MemoryInfoV2 memory_info_v2(device: Handle) -> MemoryV2;
    MemoryInfoV1 memory_info_v1(device: Handle) -> MemoryV1;
    ClockInfo clock_info(device: Handle, clock: ClockType) -> u32;
    Temperature temperature(device: Handle) -> u32;
    CurrentClocksEventReasons current_clocks_event_reasons(device: Handle) -> u64;
    P2pStatus p2p_status(device: Handle, other: Handle) -> u32;
    PowerUsage power_usage(device: Handle) -> u32;
    EnforcedPowerLimit enforced_power_limit(device: Handle) -> u32;
    TotalEnergyConsumption total_energy_consumption(device: Handle) -> u64;
    PerformanceState performance_state(device: Handle) -> u32;
    PcieReplayCounter pcie_replay_counter(device: Handle) -> u32;
    UtilizationRates utilization_rates(device: Handle) -> UtilizationRates;
    EncoderUtilization encoder_utilization(device: Handle) -> u32;
    DecoderUtilization decoder_utilization(device: Handle) -> u32;
    EccMode ecc_mode(device: Handle) -> u32;
    TotalEccErrors total_ecc_errors(
        device: Handle, error: EccErrorType, counter: EccCounterType
    ) -> u64;
    RemappedRows remapped_rows(device: Handle) -> RemappedRows;
    FieldValues field_values(device: Handle, fields: &[FieldRequest]) -> Vec<FieldAnswer>;
    ComputeProcesses compute_processes(device: Handle) -> Vec<RunningProcess>;
    GraphicsProcesses graphics_processes(device: Handle) -> Vec<RunningProcess>;
    MpsProcesses mps_processes(device: Handle) -> Vec<RunningProcess>;
    ProcessUtilization process_utilization(
        device: Handle, since_us: u64
    ) -> Vec<ProcessUtilization>;
    AccountingMode accounting_mode(device: Handle) -> u32;
    AccountingPids accounting_pids(device: Handle) -> Vec<u32>;
    AccountingStats accounting_stats(device: Handle, pid: u32) -> AccountingStats;
    GpmSupported gpm_supported(device: Handle) -> bool;
    GpmSampleAlloc gpm_sample_alloc() -> GpmSample;
    GpmSampleFree gpm_sample_free(sample: GpmSample) -> ();
    GpmSampleGet gpm_sample_get(device: Handle, sample: GpmSample) -> ();
    GpmMigSampleGet gpm_mig_sample_get(
        device: Handle, gpu_instance_id: u32, sample: GpmSample
    ) -> ();
    GpmMetrics gpm_metrics(
        older: GpmSample, newer: GpmSample, metrics: &[u32]
    ) -> Vec<Result<f64>>;
    EventSetCreate event_set_create() -> EventSet;
    EventSetFree event_set_free(set: EventSet) -> ();
    SupportedEventTypes supported_event_types(device: Handle) -> u64;
    RegisterEvents register_events(device: Handle, types: u64, set: EventSet) -> ();
    EventSetWait event_set_wait(set: EventSet, timeout_ms: u32) -> Event;
}
