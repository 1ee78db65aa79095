//! Every call of the driver, counted by result and timed: the figures behind
//! `gpulse_driver_calls_total` and `gpulse_driver_call_seconds_total`.
//!
//! Plain atomics in one table: recording a call costs a few nanoseconds and never waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::nvml::Return;

macro_rules! calls {
    ($($variant:ident = $name:literal,)*) => {
        /// A call of a driver, or a run of `nvidia-smi`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant is the call it is named after")]
        pub enum Call { $($variant,)* }

        impl Call {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The label value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

calls! {
    Init = "nvmlInit",
    Shutdown = "nvmlShutdown",
    SystemDriverVersion = "nvmlSystemGetDriverVersion",
    SystemNvmlVersion = "nvmlSystemGetNVMLVersion",
    SystemCudaDriverVersion = "nvmlSystemGetCudaDriverVersion",
    DeviceCount = "nvmlDeviceGetCount",
    DeviceHandleByIndex = "nvmlDeviceGetHandleByIndex",
    Uuid = "nvmlDeviceGetUUID",
    Name = "nvmlDeviceGetName",
    Serial = "nvmlDeviceGetSerial",
    MinorNumber = "nvmlDeviceGetMinorNumber",
    PciInfo = "nvmlDeviceGetPciInfo",
    Brand = "nvmlDeviceGetBrand",
    VbiosVersion = "nvmlDeviceGetVbiosVersion",
    InforomImageVersion = "nvmlDeviceGetInforomImageVersion",
    InforomVersion = "nvmlDeviceGetInforomVersion",
    ComputeMode = "nvmlDeviceGetComputeMode",
    PersistenceMode = "nvmlDeviceGetPersistenceMode",
    VirtualizationMode = "nvmlDeviceGetVirtualizationMode",
    VgpuLicensed = "nvmlDeviceGetGridLicensableFeatures",
    MigMode = "nvmlDeviceGetMigMode",
    MaxMigDeviceCount = "nvmlDeviceGetMaxMigDeviceCount",
    MigDeviceByIndex = "nvmlDeviceGetMigDeviceHandleByIndex",
    GpuInstanceId = "nvmlDeviceGetGpuInstanceId",
    ComputeInstanceId = "nvmlDeviceGetComputeInstanceId",
    Attributes = "nvmlDeviceGetAttributes",
    GpuInstanceProfile = "nvmlDeviceGetGpuInstanceProfileInfo",
    GpuInstances = "nvmlDeviceGetGpuInstances",
    MemoryInfoV2 = "nvmlDeviceGetMemoryInfo_v2",
    MemoryInfoV1 = "nvmlDeviceGetMemoryInfo",
    ClockInfo = "nvmlDeviceGetClockInfo",
    Temperature = "nvmlDeviceGetTemperature",
    CurrentClocksEventReasons = "nvmlDeviceGetCurrentClocksEventReasons",
    P2pStatus = "nvmlDeviceGetP2PStatus",
    PowerUsage = "nvmlDeviceGetPowerUsage",
    EnforcedPowerLimit = "nvmlDeviceGetEnforcedPowerLimit",
    TotalEnergyConsumption = "nvmlDeviceGetTotalEnergyConsumption",
    PerformanceState = "nvmlDeviceGetPerformanceState",
    PcieReplayCounter = "nvmlDeviceGetPcieReplayCounter",
    UtilizationRates = "nvmlDeviceGetUtilizationRates",
    EncoderUtilization = "nvmlDeviceGetEncoderUtilization",
    DecoderUtilization = "nvmlDeviceGetDecoderUtilization",
    EccMode = "nvmlDeviceGetEccMode",
    TotalEccErrors = "nvmlDeviceGetTotalEccErrors",
    RemappedRows = "nvmlDeviceGetRemappedRows",
    FieldValues = "nvmlDeviceGetFieldValues",
    ComputeProcesses = "nvmlDeviceGetComputeRunningProcesses",
    GraphicsProcesses = "nvmlDeviceGetGraphicsRunningProcesses",
    MpsProcesses = "nvmlDeviceGetMPSComputeRunningProcesses",
    ProcessUtilization = "nvmlDeviceGetProcessUtilization",
    AccountingMode = "nvmlDeviceGetAccountingMode",
    AccountingPids = "nvmlDeviceGetAccountingPids",
    AccountingStats = "nvmlDeviceGetAccountingStats",
    GpmSupported = "nvmlGpmQueryDeviceSupport",
    GpmSampleAlloc = "nvmlGpmSampleAlloc",
    GpmSampleFree = "nvmlGpmSampleFree",
    GpmSampleGet = "nvmlGpmSampleGet",
    GpmMigSampleGet = "nvmlGpmMigSampleGet",
    GpmMetrics = "nvmlGpmMetricsGet",
    EventSetCreate = "nvmlEventSetCreate",
    EventSetFree = "nvmlEventSetFree",
    SupportedEventTypes = "nvmlDeviceGetSupportedEventTypes",
    RegisterEvents = "nvmlDeviceRegisterEvents",
    EventSetWait = "nvmlEventSetWait",
    SmiTable = "nvidia-smi",
    SmiList = "nvidia-smi -L",
    SmiQuery = "nvidia-smi -q",
    SmiPmon = "nvidia-smi pmon",
    SmiQueryGpu = "nvidia-smi --query-gpu",
    SmiQueryComputeApps = "nvidia-smi --query-compute-apps",
}

/// Results that are told apart: NVML's codes 0 to 30, and one place for every other.
const RESULTS: usize = 32;
const OTHER: usize = RESULTS - 1;

/// One call's figures.
#[derive(Debug, Default)]
struct Row {
    nanoseconds: AtomicU64,
    results: [AtomicU64; RESULTS],
}

/// Counters of all calls since the process began.
#[derive(Debug)]
pub struct CallStats {
    rows: Box<[Row]>,
}

impl Default for CallStats {
    fn default() -> Self {
        Self { rows: Call::ALL.iter().map(|_| Row::default()).collect() }
    }
}

impl CallStats {
    /// One more call, with what came of it and how long it took.
    pub fn record(&self, call: Call, result: Result<(), Return>, took: Duration) {
        let row = &self.rows[call as usize];
        let code = result.err().map_or(0, |code| code.0);
        let place = usize::try_from(code).map_or(OTHER, |code| code.min(OTHER));
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        row.results[place].fetch_add(1, Ordering::Relaxed);
        row.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Call, result and count, of what was called at all.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        Call::ALL.iter().zip(&self.rows).flat_map(|(call, row)| {
            (0_u32..).zip(&row.results).filter_map(|(code, count)| {
                let count = count.load(Ordering::Relaxed);
                (count > 0).then_some((call.as_str(), result_name(code), count))
            })
        })
    }

    /// Call and seconds spent in it, of what was called at all.
    pub fn seconds(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        Call::ALL.iter().zip(&self.rows).filter_map(|(call, row)| {
            let spent = Duration::from_nanos(row.nanoseconds.load(Ordering::Relaxed));
            (!spent.is_zero()).then(|| (call.as_str(), spent.as_secs_f64()))
        })
    }

    /// How often that call was made, whatever came of it.
    #[must_use]
    pub fn count_of(&self, call: Call) -> u64 {
        self.rows[call as usize].results.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

const fn result_name(code: u32) -> &'static str {
    if code == 0 { "success" } else { Return(code).as_str() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_result_and_unknown_codes_share_one_place() {
        let stats = CallStats::default();
        let took = Duration::from_micros(3);
        stats.record(Call::Uuid, Ok(()), took);
        stats.record(Call::Uuid, Err(Return::GPU_IS_LOST), took);
        stats.record(Call::Uuid, Err(Return::UNKNOWN), took);
        stats.record(Call::Uuid, Err(Return(12345)), took);
        let counts: Vec<_> = stats.counts().collect();
        assert_eq!(
            counts,
            [
                ("nvmlDeviceGetUUID", "success", 1),
                ("nvmlDeviceGetUUID", "gpu_is_lost", 1),
                ("nvmlDeviceGetUUID", "unknown", 2)
            ]
        );
        assert_eq!(stats.count_of(Call::Uuid), 4);
        assert_eq!(stats.seconds().collect::<Vec<_>>(), [("nvmlDeviceGetUUID", 12e-6)]);
    }

    #[test]
    fn every_call_has_a_name_of_its_own() {
        let mut names: Vec<_> = Call::ALL.iter().map(|call| call.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Call::ALL.len());
    }
}
