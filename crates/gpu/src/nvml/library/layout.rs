//! Buffers with which NVML is called: what the C structs need beyond their declaration, and the
//! sizes that the ABI fixes.

use nvml_wrapper_sys::bindings::{nvmlGpmMetric_t, nvmlGpmMetricsGet_t, nvmlGpmSample_t};

/// Entries that the newest known header gives the array of `nvmlGpmMetricsGet_t`. A driver may touch
/// the whole array of the header it was built with, so the buffer has room for that.
const GPM_ENTRIES: usize = 477;

/// `nvmlGpmMetricsGet_t` with the longer array.
#[repr(C)]
pub(super) struct GpmMetricsGet {
    version: u32,
    pub(super) count: u32,
    older: nvmlGpmSample_t,
    newer: nvmlGpmSample_t,
    pub(super) metrics: [nvmlGpmMetric_t; GPM_ENTRIES],
}

impl GpmMetricsGet {
    /// A request for these metrics; those beyond the room are left out.
    pub(super) fn new(older: nvmlGpmSample_t, newer: nvmlGpmSample_t, ids: &[u32]) -> Box<Self> {
        // SAFETY: every field is a number or a pointer, for which all zeros is a valid value.
        let mut request: Box<Self> = unsafe { Box::<Self>::new_zeroed().assume_init() };
        request.version = nvml_wrapper_sys::bindings::NVML_GPM_METRICS_GET_VERSION;
        (request.older, request.newer) = (older, newer);
        for (entry, id) in request.metrics.iter_mut().zip(ids) {
            entry.metricId = *id;
            request.count += 1;
        }
        request
    }

    /// As the call takes it.
    pub(super) const fn as_mut_ptr(&mut self) -> *mut nvmlGpmMetricsGet_t {
        std::ptr::from_mut(self).cast()
    }
}

/// The version word of a struct: its size and a number.
#[expect(clippy::cast_possible_truncation, reason = "no struct of NVML has 2^24 bytes")]
pub(super) const fn version_word<T>(version: u32) -> u32 {
    size_of::<T>() as u32 | version << 24
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use nvml_wrapper_sys::bindings::*;

    use super::*;

    #[test]
    fn the_structs_have_the_sizes_of_the_abi() {
        assert_eq!(size_of::<nvmlProcessInfo_t>(), 24);
        assert_eq!(size_of::<nvmlMemory_t>(), 24);
        assert_eq!(size_of::<nvmlMemory_v2_t>(), 40);
        assert_eq!(size_of::<nvmlPciInfo_t>(), 68);
        assert_eq!(size_of::<nvmlFieldValue_t>(), 40);
        assert_eq!(size_of::<nvmlEventData_t>(), 32);
        assert_eq!(size_of::<nvmlGpmMetric_t>(), 40);
        assert_eq!(size_of::<nvmlGpmMetricsGet_t>(), 8424);
        assert_eq!(size_of::<nvmlProcessUtilizationSample_t>(), 32);
        assert_eq!(size_of::<nvmlGpuInstanceProfileInfo_t>(), 48);
        assert_eq!(size_of::<nvmlGpuInstanceProfileInfo_v2_t>(), 152);
        assert_eq!(size_of::<nvmlAccountingStats_t>(), 56);
        assert_eq!(size_of::<nvmlDeviceAttributes_t>(), 40);
        assert_eq!(size_of::<nvmlGridLicensableFeatures_t>(), 860);
    }

    #[test]
    fn the_members_lie_where_the_abi_has_them() {
        assert_eq!(offset_of!(nvmlProcessInfo_t, gpuInstanceId), 16);
        assert_eq!(offset_of!(nvmlPciInfo_t, busId), 36);
        assert_eq!(offset_of!(nvmlFieldValue_t, scopeId), 4);
        assert_eq!(offset_of!(nvmlFieldValue_t, timestamp), 8);
        assert_eq!(offset_of!(nvmlFieldValue_t, valueType), 24);
        assert_eq!(offset_of!(nvmlFieldValue_t, nvmlReturn), 28);
        assert_eq!(offset_of!(nvmlFieldValue_t, value), 32);
        assert_eq!(offset_of!(nvmlEventData_t, gpuInstanceId), 24);
        assert_eq!(offset_of!(nvmlEventData_t, computeInstanceId), 28);
    }

    #[test]
    fn the_long_gpm_request_begins_as_the_short_one() {
        assert_eq!(size_of::<GpmMetricsGet>(), 24 + 40 * GPM_ENTRIES);
        assert_eq!(offset_of!(GpmMetricsGet, metrics), offset_of!(nvmlGpmMetricsGet_t, metrics));
        assert_eq!(offset_of!(GpmMetricsGet, newer), offset_of!(nvmlGpmMetricsGet_t, sample2));
        let null = std::ptr::null_mut();
        assert_eq!(GpmMetricsGet::new(null, null, &[1, 2, 5]).count, 3);
        assert_eq!(GpmMetricsGet::new(null, null, &[7; 500]).count, 477);
    }

    #[test]
    fn version_words_are_those_of_the_header() {
        assert_eq!(version_word::<nvmlMemory_v2_t>(2), 0x0200_0028);
        assert_eq!(version_word::<nvmlGpuInstanceProfileInfo_v2_t>(2), 0x0200_0098);
    }
}
