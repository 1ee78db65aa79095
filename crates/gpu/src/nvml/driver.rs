//! The NVML functions that gpulse uses, as one trait: one method is one call of the driver.
//!
//! Two things implement it: [`Library`](super::Library), which loads `libnvidia-ml.so.1`, and the
//! simulated driver of the `sim` crate. No method retries, caches or interprets; what an answer
//! means is decided above, in one place for both.

use std::fmt;

/// A driver's answer that is not success: NVML's `nvmlReturn_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Return(pub u32);

/// Result of one driver call.
pub type Result<T> = std::result::Result<T, Return>;

impl Return {
    /// `NVML_ERROR_UNINITIALIZED`.
    pub const UNINITIALIZED: Self = Self(1);
    /// `NVML_ERROR_INVALID_ARGUMENT`.
    pub const INVALID_ARGUMENT: Self = Self(2);
    /// `NVML_ERROR_NOT_SUPPORTED`.
    pub const NOT_SUPPORTED: Self = Self(3);
    /// `NVML_ERROR_NO_PERMISSION`.
    pub const NO_PERMISSION: Self = Self(4);
    /// `NVML_ERROR_NOT_FOUND`.
    pub const NOT_FOUND: Self = Self(6);
    /// `NVML_ERROR_INSUFFICIENT_SIZE`.
    pub const INSUFFICIENT_SIZE: Self = Self(7);
    /// `NVML_ERROR_DRIVER_NOT_LOADED`.
    pub const DRIVER_NOT_LOADED: Self = Self(9);
    /// `NVML_ERROR_TIMEOUT`.
    pub const TIMEOUT: Self = Self(10);
    /// `NVML_ERROR_LIBRARY_NOT_FOUND`.
    pub const LIBRARY_NOT_FOUND: Self = Self(12);
    /// `NVML_ERROR_FUNCTION_NOT_FOUND`: the symbol is absent from this library.
    pub const FUNCTION_NOT_FOUND: Self = Self(13);
    /// `NVML_ERROR_GPU_IS_LOST`.
    pub const GPU_IS_LOST: Self = Self(15);
    /// `NVML_ERROR_RESET_REQUIRED`.
    pub const RESET_REQUIRED: Self = Self(16);
    /// `NVML_ERROR_LIB_RM_VERSION_MISMATCH`.
    pub const LIB_RM_VERSION_MISMATCH: Self = Self(18);
    /// `NVML_ERROR_IN_USE`.
    pub const IN_USE: Self = Self(19);
    /// `NVML_ERROR_NO_DATA`.
    pub const NO_DATA: Self = Self(21);
    /// `NVML_ERROR_ARGUMENT_VERSION_MISMATCH`.
    pub const ARGUMENT_VERSION_MISMATCH: Self = Self(25);
    /// `NVML_ERROR_DEPRECATED`.
    pub const DEPRECATED: Self = Self(26);
    /// `NVML_ERROR_NOT_READY`.
    pub const NOT_READY: Self = Self(27);
    /// `NVML_ERROR_GPU_NOT_FOUND`.
    pub const GPU_NOT_FOUND: Self = Self(28);
    /// `NVML_ERROR_INVALID_STATE`.
    pub const INVALID_STATE: Self = Self(29);
    /// `NVML_ERROR_UNKNOWN`.
    pub const UNKNOWN: Self = Self(999);

    /// Short words for a person or a metric label: `not_supported`, `gpu_is_lost`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self.0 {
            1 => "uninitialized",
            2 => "invalid_argument",
            3 => "not_supported",
            4 => "no_permission",
            5 => "already_initialized",
            6 => "not_found",
            7 => "insufficient_size",
            8 => "insufficient_power",
            9 => "driver_not_loaded",
            10 => "timeout",
            11 => "irq_issue",
            12 => "library_not_found",
            13 => "function_not_found",
            14 => "corrupted_inforom",
            15 => "gpu_is_lost",
            16 => "reset_required",
            17 => "operating_system",
            18 => "lib_rm_version_mismatch",
            19 => "in_use",
            20 => "memory",
            21 => "no_data",
            22 => "vgpu_ecc_not_supported",
            23 => "insufficient_resources",
            24 => "freq_not_supported",
            25 => "argument_version_mismatch",
            26 => "deprecated",
            27 => "not_ready",
            28 => "gpu_not_found",
            29 => "invalid_state",
            30 => "reset_type_not_supported",
            _ => "unknown",
        }
    }
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.as_str(), self.0)
    }
}

impl std::error::Error for Return {}

/// Handle of a GPU or of a MIG device, valid until shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle(pub usize);

/// Handle of a GPU instance, valid until the layout changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GpuInstanceHandle(pub usize);

/// Handle of an allocated GPM sample buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GpmSample(pub usize);

/// Handle of an event set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventSet(pub usize);

/// `nvmlMemory_v2_t`, in bytes. `used` does not include `reserved`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct MemoryV2 {
    pub total: u64,
    pub reserved: u64,
    pub free: u64,
    pub used: u64,
}

/// `nvmlMemory_t`, in bytes. `used` includes the reserved part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct MemoryV1 {
    pub total: u64,
    pub free: u64,
    pub used: u64,
}

/// `nvmlPciInfo_t`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PciInfo {
    /// `00000000:00:09.0`, domain of eight digits, as NVML spells it.
    pub bus_id: String,
    /// Domain number.
    pub domain: u32,
    /// Bus number.
    pub bus: u32,
    /// Device number.
    pub device: u32,
    /// Device id << 16 | vendor id.
    pub pci_device_id: u32,
    /// Subsystem id.
    pub pci_sub_system_id: u32,
}

/// `nvmlUtilization_t`, per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct UtilizationRates {
    pub gpu: u32,
    pub memory: u32,
}

/// `nvmlDeviceAttributes_t` of a MIG device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct Attributes {
    pub multiprocessor_count: u32,
    pub shared_copy_engine_count: u32,
    pub shared_decoder_count: u32,
    pub shared_encoder_count: u32,
    pub shared_jpeg_count: u32,
    pub shared_ofa_count: u32,
    pub gpu_instance_slice_count: u32,
    pub compute_instance_slice_count: u32,
    pub memory_size_mb: u64,
}

/// `nvmlGpuInstanceProfileInfo_v2_t`: one profile a GPU can be cut into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GpuInstanceProfile {
    /// Id to ask for instances of this profile.
    pub id: u32,
    /// Compute slices.
    pub slice_count: u32,
    /// How many fit the GPU at most.
    pub instance_count: u32,
    /// Memory in MiB.
    pub memory_size_mb: u64,
    /// `MIG 1g.10gb`; empty where the driver knows only version 1 of the call.
    pub name: String,
}

/// `nvmlGpuInstanceInfo_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuInstance {
    /// Handle for its compute instances and GPM samples.
    pub handle: GpuInstanceHandle,
    /// Instance id (2, 3, 9, 10: not dense).
    pub id: u32,
    /// Profile id.
    pub profile_id: u32,
    /// First memory slice it occupies.
    pub placement_start: u32,
    /// How many it occupies.
    pub placement_size: u32,
}

/// Compute mode, persistence and the like are small enums of NVML's own numbering.
pub type EnumValue = u32;

/// A value of `nvmlDeviceGetFieldValues`, by its type word.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub enum FieldValue {
    Double(f64),
    UnsignedInt(u32),
    UnsignedLongLong(u64),
    SignedInt(i32),
    SignedLongLong(i64),
}

/// One entry of a field-values request: field id and scope (`nvmlFieldValue_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldRequest {
    /// `NVML_FI_DEV_*`.
    pub field: u32,
    /// Link number or `u32::MAX` for all, by field; 0 where it means nothing.
    pub scope: u32,
}

/// One entry of the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldAnswer {
    /// When the driver read it, in microseconds since the epoch.
    pub timestamp_us: i64,
    /// Raw first eight bytes of the value union, for fields whose type word lies (memory
    /// temperature, 82: the unsigned member counts whatever the type says).
    pub raw: u64,
    /// The value, or this entry's own return code.
    pub value: Result<FieldValue>,
}

/// `nvmlRowRemapperHistogram`-free part: `nvmlDeviceGetRemappedRows`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct RemappedRows {
    pub correctable: u32,
    pub uncorrectable: u32,
    pub pending: bool,
    pub failure: bool,
}

/// `nvmlProcessInfo_t` of the v3 calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningProcess {
    /// Host PID.
    pub pid: u32,
    /// Memory in bytes; all ones on the wire is `None`.
    pub used_gpu_memory: Option<u64>,
    /// All ones on the wire is `None`.
    pub gpu_instance_id: Option<u32>,
    /// All ones on the wire is `None`.
    pub compute_instance_id: Option<u32>,
}

/// `nvmlProcessUtilizationSample_t`, per cent, as the driver gives it: unfiltered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct ProcessUtilization {
    pub pid: u32,
    pub timestamp_us: u64,
    pub sm: u32,
    pub memory: u32,
    pub encoder: u32,
    pub decoder: u32,
}

/// `nvmlAccountingStats_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountingStats {
    /// Per cent of its life in which kernels ran; `None` if not available.
    pub gpu_utilization: Option<u32>,
    /// Per cent of its life in which memory was read or written; `None` if not available.
    pub memory_utilization: Option<u32>,
    /// Largest memory held, in bytes; `None` if not available.
    pub max_memory_usage: Option<u64>,
    /// Life in milliseconds, 0 while it lives.
    pub time_ms: u64,
    /// Start in microseconds since the epoch.
    pub start_time_us: u64,
    /// Whether it still runs.
    pub is_running: bool,
}

/// `nvmlEventData_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The physical GPU.
    pub device: Handle,
    /// One bit of `nvmlEventType*`.
    pub event_type: u64,
    /// XID for `XID_CRITICAL_ERROR`.
    pub data: u64,
    /// All ones on the wire is `None`.
    pub gpu_instance_id: Option<u32>,
    /// All ones on the wire is `None`.
    pub compute_instance_id: Option<u32>,
}

/// `nvmlEventTypeXidCriticalError`.
pub const EVENT_XID_CRITICAL_ERROR: u64 = 0x8;
/// `nvmlEventMigConfigChange`.
pub const EVENT_MIG_CONFIG_CHANGE: u64 = 0x100;

/// `nvmlClockType_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in nvml.h, with its numbers")]
pub enum ClockType {
    Graphics = 0,
    Sm = 1,
    Memory = 2,
    Video = 3,
}

/// `nvmlMemoryErrorType_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in nvml.h, with its numbers")]
pub enum EccErrorType {
    Corrected = 0,
    Uncorrected = 1,
}

/// `nvmlInforomObject_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in nvml.h, with its numbers")]
pub enum InforomObject {
    Oem = 0,
    Ecc = 1,
    Power = 2,
}

/// `nvmlEccCounterType_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in nvml.h, with its numbers")]
pub enum EccCounterType {
    Volatile = 0,
    Aggregate = 1,
}

/// The calls. Every one may answer [`Return::FUNCTION_NOT_FOUND`]: any symbol can be absent.
///
/// `Library` and the simulator answer from any thread. A call may block for as long as the driver
/// does: callers run it on a thread of their own.
#[expect(missing_docs, reason = "each method is the NVML function of that name")]
pub trait Driver: Send + Sync {
    /// `nvmlInit_v2` (with flags where it exists, so that no GPU is no error).
    fn init(&self) -> Result<()>;
    /// `nvmlShutdown`.
    fn shutdown(&self) -> Result<()>;
    /// Whether this is the simulated driver. Not an NVML call.
    fn is_simulated(&self) -> bool;

    fn system_driver_version(&self) -> Result<String>;
    fn system_nvml_version(&self) -> Result<String>;
    /// `nvmlSystemGetCudaDriverVersion_v2`: 13010 is 13.1.
    fn system_cuda_driver_version(&self) -> Result<i32>;
    fn device_count(&self) -> Result<u32>;
    fn device_handle_by_index(&self, index: u32) -> Result<Handle>;

    fn uuid(&self, device: Handle) -> Result<String>;
    fn name(&self, device: Handle) -> Result<String>;
    fn serial(&self, device: Handle) -> Result<String>;
    fn minor_number(&self, device: Handle) -> Result<u32>;
    fn pci_info(&self, device: Handle) -> Result<PciInfo>;
    /// `nvmlDeviceGetArchitecture`: 9 is Hopper.
    fn architecture(&self, device: Handle) -> Result<EnumValue>;
    /// `nvmlBrandType_t`.
    fn brand(&self, device: Handle) -> Result<EnumValue>;
    fn vbios_version(&self, device: Handle) -> Result<String>;
    fn inforom_image_version(&self, device: Handle) -> Result<String>;
    fn inforom_version(&self, device: Handle, object: InforomObject) -> Result<String>;
    fn compute_mode(&self, device: Handle) -> Result<EnumValue>;
    fn persistence_mode(&self, device: Handle) -> Result<EnumValue>;
    fn virtualization_mode(&self, device: Handle) -> Result<EnumValue>;
    /// Whether any feature of `nvmlDeviceGetGridLicensableFeatures_v4` is licensed.
    fn vgpu_licensed(&self, device: Handle) -> Result<bool>;

    /// `nvmlDeviceGetMigMode`: current and pending.
    fn mig_mode(&self, device: Handle) -> Result<(EnumValue, EnumValue)>;
    fn max_mig_device_count(&self, device: Handle) -> Result<u32>;
    fn mig_device_by_index(&self, device: Handle, index: u32) -> Result<Handle>;
    fn gpu_instance_id(&self, mig_device: Handle) -> Result<u32>;
    fn compute_instance_id(&self, mig_device: Handle) -> Result<u32>;
    fn attributes(&self, mig_device: Handle) -> Result<Attributes>;
    /// `nvmlDeviceGetGpuInstanceProfileInfoV` (version 2), else the plain call; `profile` is the
    /// index `NVML_GPU_INSTANCE_PROFILE_*`, 0 up to 15 or so.
    fn gpu_instance_profile(&self, device: Handle, profile: u32) -> Result<GpuInstanceProfile>;
    /// `nvmlDeviceGetGpuInstances` of one profile id, with `nvmlGpuInstanceGetInfo` of each.
    fn gpu_instances(&self, device: Handle, profile_id: u32) -> Result<Vec<GpuInstance>>;

    fn memory_info_v2(&self, device: Handle) -> Result<MemoryV2>;
    fn memory_info_v1(&self, device: Handle) -> Result<MemoryV1>;
    /// MHz.
    fn clock_info(&self, device: Handle, clock: ClockType) -> Result<u32>;
    /// GPU core temperature in degrees C (`nvmlDeviceGetTemperature`, sensor 0).
    fn temperature(&self, device: Handle) -> Result<u32>;
    /// `nvmlDeviceGetCurrentClocksEventReasons`, else the call by its older name.
    fn current_clocks_event_reasons(&self, device: Handle) -> Result<u64>;
    /// `nvmlDeviceGetP2PStatus` over NVLink: `nvmlGpuP2PStatus_t`.
    fn p2p_status(&self, device: Handle, other: Handle) -> Result<EnumValue>;
    /// Milliwatts.
    fn power_usage(&self, device: Handle) -> Result<u32>;
    /// Milliwatts.
    fn enforced_power_limit(&self, device: Handle) -> Result<u32>;
    /// Millijoules.
    fn total_energy_consumption(&self, device: Handle) -> Result<u64>;
    fn performance_state(&self, device: Handle) -> Result<EnumValue>;
    fn pcie_replay_counter(&self, device: Handle) -> Result<u32>;
    fn utilization_rates(&self, device: Handle) -> Result<UtilizationRates>;
    /// Per cent.
    fn encoder_utilization(&self, device: Handle) -> Result<u32>;
    /// Per cent.
    fn decoder_utilization(&self, device: Handle) -> Result<u32>;
    /// `nvmlDeviceGetEccMode`: current.
    fn ecc_mode(&self, device: Handle) -> Result<EnumValue>;
    fn total_ecc_errors(
        &self,
        device: Handle,
        error: EccErrorType,
        counter: EccCounterType,
    ) -> Result<u64>;
    fn remapped_rows(&self, device: Handle) -> Result<RemappedRows>;
    /// `nvmlDeviceGetFieldValues`: one answer per request, in its order.
    fn field_values(&self, device: Handle, fields: &[FieldRequest]) -> Result<Vec<FieldAnswer>>;

    /// `nvmlDeviceGetComputeRunningProcesses_v3`, retried with a larger buffer inside.
    fn compute_processes(&self, device: Handle) -> Result<Vec<RunningProcess>>;
    /// `nvmlDeviceGetGraphicsRunningProcesses_v3`, as above.
    fn graphics_processes(&self, device: Handle) -> Result<Vec<RunningProcess>>;
    /// `nvmlDeviceGetMPSComputeRunningProcesses_v3`, as above.
    fn mps_processes(&self, device: Handle) -> Result<Vec<RunningProcess>>;
    /// `nvmlDeviceGetProcessUtilization` since a driver timestamp in microseconds, unfiltered.
    fn process_utilization(&self, device: Handle, since_us: u64)
    -> Result<Vec<ProcessUtilization>>;
    fn accounting_mode(&self, device: Handle) -> Result<EnumValue>;
    fn accounting_pids(&self, device: Handle) -> Result<Vec<u32>>;
    fn accounting_stats(&self, device: Handle, pid: u32) -> Result<AccountingStats>;

    /// `nvmlGpmQueryDeviceSupport`.
    fn gpm_supported(&self, device: Handle) -> Result<bool>;
    fn gpm_sample_alloc(&self) -> Result<GpmSample>;
    fn gpm_sample_free(&self, sample: GpmSample) -> Result<()>;
    fn gpm_sample_get(&self, device: Handle, sample: GpmSample) -> Result<()>;
    /// `nvmlGpmMigSampleGet`, on the parent with a GPU instance id.
    fn gpm_mig_sample_get(
        &self,
        device: Handle,
        gpu_instance_id: u32,
        sample: GpmSample,
    ) -> Result<()>;
    /// `nvmlGpmMetricsGet` over two samples: one answer per metric id, in its order.
    fn gpm_metrics(
        &self,
        older: GpmSample,
        newer: GpmSample,
        metrics: &[u32],
    ) -> Result<Vec<Result<f64>>>;

    fn event_set_create(&self) -> Result<EventSet>;
    fn event_set_free(&self, set: EventSet) -> Result<()>;
    fn supported_event_types(&self, device: Handle) -> Result<u64>;
    fn register_events(&self, device: Handle, types: u64, set: EventSet) -> Result<()>;
    /// `nvmlEventSetWait_v2`; no event in time is [`Return::TIMEOUT`].
    fn event_set_wait(&self, set: EventSet, timeout_ms: u32) -> Result<Event>;
}
