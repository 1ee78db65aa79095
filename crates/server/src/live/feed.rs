//! The series that the live view is made of: one row each, with what a sample of it is about.
//!
//! Names and units are those of the metrics reference; the order is that of reading: series that
//! name a device and its host first, statements about other series last.

/// What a sample of a series is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A reading of the physical GPU; with MIG it is repeated on each instance.
    Card,
    /// A reading of the GPU, or with MIG of the GPU instance.
    Instance,
    /// Names a GPU or a compute instance.
    DeviceInfo,
    /// A reading of a GPU or a compute instance.
    Device,
    /// Seconds booked under a state.
    Booked,
    /// Seconds with much SM activity.
    Effective,
    /// Whether the driver answers for a GPU.
    Up,
    /// How many GPUs a machine has and shows.
    Count,
    /// When an XID came last.
    Xid,
    /// Who a session is.
    SessionInfo,
    /// The state of a session, in a label.
    SessionState,
    /// A figure of a session.
    Session,
    /// Who holds a device, used or not.
    Allocation,
    /// Something is found wrong with a session, an allocation or a device, in a label.
    Finding,
    /// Something is wrong with a GPU, in a label.
    Problem,
    /// A field has no value, and why.
    Lack,
}

/// One series' name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Feed {
    pub(super) name: &'static str,
    pub(super) role: Role,
}

macro_rules! feeds {
    ($($constant:ident $role:ident $name:literal)*) => {
        /// Each series' position, in the order of [`FEEDS`].
        #[expect(clippy::upper_case_acronyms, non_camel_case_types, reason = "named as the constants")]
        enum Position { $($constant),* }
        $(
            #[allow(dead_code, reason = "every series has a position; some are known by role alone")]
            pub(super) const $constant: usize = Position::$constant as usize;
        )*
        /// All series, in the order of reading.
        pub(super) const FEEDS: &[Feed] = &[$(Feed { name: $name, role: Role::$role }),*];
    };
}

feeds! {
    DEVICE_INFO DeviceInfo "gpu_device_info"
    FB_USED Instance "DCGM_FI_DEV_FB_USED"
    FB_FREE Instance "DCGM_FI_DEV_FB_FREE"
    FB_TOTAL Instance "DCGM_FI_DEV_FB_TOTAL"
    FB_RESERVED Instance "DCGM_FI_DEV_FB_RESERVED"
    GPU_UTIL Card "DCGM_FI_DEV_GPU_UTIL"
    WEIGHTED_UTIL Card "DCGM_FI_DEV_WEIGHTED_GPU_UTIL"
    MEM_COPY_UTIL Card "DCGM_FI_DEV_MEM_COPY_UTIL"
    GPU_TEMP Card "DCGM_FI_DEV_GPU_TEMP"
    MEMORY_TEMP Card "DCGM_FI_DEV_MEMORY_TEMP"
    SLOWDOWN_TEMP Card "DCGM_FI_DEV_SLOWDOWN_TEMP"
    SHUTDOWN_TEMP Card "DCGM_FI_DEV_SHUTDOWN_TEMP"
    POWER_USAGE Card "DCGM_FI_DEV_POWER_USAGE"
    POWER_LIMIT Card "DCGM_FI_DEV_POWER_MGMT_LIMIT"
    SM_CLOCK Card "DCGM_FI_DEV_SM_CLOCK"
    MEM_CLOCK Card "DCGM_FI_DEV_MEM_CLOCK"
    NVLINK Card "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"
    PCIE_TX Card "DCGM_FI_PROF_PCIE_TX_BYTES"
    PCIE_RX Card "DCGM_FI_PROF_PCIE_RX_BYTES"
    GR_ACTIVE Instance "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
    SM_ACTIVE Instance "DCGM_FI_PROF_SM_ACTIVE"
    TENSOR_ACTIVE Instance "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"
    DRAM_ACTIVE Instance "DCGM_FI_PROF_DRAM_ACTIVE"
    XID_ERRORS Instance "DCGM_FI_DEV_XID_ERRORS"
    ECC_SBE Card "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL"
    ECC_DBE Card "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL"
    REMAPPED_CORRECTED Card "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS"
    REMAPPED_UNCORRECTED Card "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"
    REMAP_FAILURE Card "DCGM_FI_DEV_ROW_REMAP_FAILURE"
    DEVICE_SHARE Device "gpu_device_share_ratio"
    DEVICE_SECONDS Booked "gpu_device_seconds_total"
    DEVICE_EFFECTIVE Effective "gpu_device_effective_seconds_total"
    XID_TIME Xid "gpu_xid_last_time_seconds"
    DEVICE_UP Up "gpulse_device_up"
    GPU_COUNT Count "gpulse_gpus"
    SESSION_INFO SessionInfo "gpu_session_info"
    SESSION_STATE SessionState "gpu_session_state"
    SESSION_START Session "gpu_session_start_time_seconds"
    SESSION_END Session "gpu_session_end_time_seconds"
    SESSION_LAST_USE Session "gpu_session_last_use_time_seconds"
    SESSION_MEMORY Session "gpu_session_memory_bytes"
    SESSION_UTIL Session "gpu_session_utilization_ratio"
    ALLOCATION_INFO Allocation "gpu_allocation_info"
    SESSION_FINDING Finding "gpu_session_finding"
    ALLOCATION_FINDING Finding "gpu_allocation_finding"
    DEVICE_FINDING Finding "gpu_device_finding"
    DEVICE_PROBLEM Problem "gpulse_device_problem"
    FIELD_LACKS Lack "gpulse_field_supported"
}

/// Series that tell of a device that no longer reports: searched far back once, after a start.
pub(super) const IDENTITIES: &[usize] = &[DEVICE_INFO, FB_USED, GPU_TEMP, GPU_UTIL, DEVICE_UP];

/// The position of a series by its name.
pub(super) fn position(name: &str) -> Option<usize> {
    FEEDS.iter().position(|feed| feed.name == name)
}
