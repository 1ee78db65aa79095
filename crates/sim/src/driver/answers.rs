//! Answers of the calls beyond [`gpu::nvml::Driver`], named as in `nvml.h`.

/// `nvmlBAR1Memory_t`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct Bar1Memory {
    pub total: u64,
    pub free: u64,
    pub used: u64,
}

/// `nvmlDeviceGetEncoderStats`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct EncoderStats {
    pub session_count: u32,
    pub average_fps: u32,
    /// Microseconds.
    pub average_latency: u32,
}

/// `nvmlRowRemapperHistogramValues_t`, in banks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct RowRemapperHistogram {
    pub max: u32,
    pub high: u32,
    pub partial: u32,
    pub low: u32,
    pub none: u32,
}

/// `nvmlGpuFabricInfo_v2_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct FabricInfo {
    pub cluster_uuid: [u8; 16],
    /// An `nvmlReturn_t`.
    pub status: u32,
    pub clique_id: u32,
    /// 3 is completed.
    pub state: u8,
    pub health_mask: u32,
}

/// `nvmlViolationTime_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ViolationTime {
    /// Microseconds since the epoch.
    pub reference_time_us: u64,
    /// Nanoseconds.
    pub violation_time_ns: u64,
}

/// `nvmlEccSramErrorStatus_v1_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct SramEccErrorStatus {
    pub aggregate_unc_parity: u64,
    pub aggregate_unc_sec_ded: u64,
    pub aggregate_cor: u64,
    pub volatile_unc_parity: u64,
    pub volatile_unc_sec_ded: u64,
    pub volatile_cor: u64,
    pub threshold_exceeded: bool,
}

/// One entry of `nvmlDeviceGetProcessesUtilizationInfo`, per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in nvml.h")]
pub struct ProcessUtilizationInfo {
    pub timestamp_us: u64,
    pub pid: u32,
    pub sm: u32,
    pub memory: u32,
    pub encoder: u32,
    pub decoder: u32,
    pub jpeg: u32,
    pub ofa: u32,
}

/// `nvmlComputeInstanceInfo_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComputeInstance {
    /// Handle of the compute instance.
    pub handle: usize,
    /// The GPU.
    pub device: gpu::nvml::Handle,
    /// The GPU instance it lies in.
    pub gpu_instance: gpu::nvml::GpuInstanceHandle,
    /// Compute-instance id.
    pub id: u32,
    /// Profile index: slices - 1.
    pub profile_id: u32,
    /// First slice within the GPU instance.
    pub placement_start: u32,
    /// Slices.
    pub placement_size: u32,
}

/// `nvmlTemperatureThresholds_t`, as far as they are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in nvml.h, with its numbers")]
pub enum TemperatureThreshold {
    Shutdown = 0,
    Slowdown = 1,
    MemoryMax = 2,
    GpuMax = 3,
}

/// `nvmlPerfPolicyType_t`, as far as they are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as in nvml.h, with its numbers")]
pub enum PerfPolicy {
    Power = 0,
    Thermal = 1,
    SyncBoost = 2,
    BoardLimit = 3,
    LowUtilization = 4,
    Reliability = 5,
}
