//! The structures as C programs lay them out, in bytes on x86-64. The bindings are generated, so
//! what is checked is that their types are the ones that drivers and other programs mean.

use std::mem::offset_of;

use nvml_wrapper_sys::bindings::{
    nvmlAccountingStats_t, nvmlDeviceAttributes_t, nvmlEventData_t, nvmlFieldValue_t,
    nvmlGpmMetric_t, nvmlGpmMetricsGet_t, nvmlGpuInstanceProfileInfo_t,
    nvmlGpuInstanceProfileInfo_v2_t, nvmlGpuInstanceProfileInfo_v3_t, nvmlGridLicensableFeatures_t,
    nvmlMemory_t, nvmlMemory_v2_t, nvmlPciInfo_t, nvmlProcessDetail_v1_t,
    nvmlProcessDetailList_v1_t, nvmlProcessInfo_t, nvmlProcessInfo_v1_t,
    nvmlProcessUtilizationInfo_v1_t, nvmlProcessUtilizationSample_t,
    nvmlProcessesUtilizationInfo_v1_t, nvmlTemperature_v1_t,
};
use sim_nvml::exports::events::EventDataV1;
use sim_nvml::exports::identity::{PciInfoV1, PciInfoV2};

#[test]
fn structures_have_the_sizes_of_nvml_13() {
    let sizes = [
        ("process info v1", size_of::<nvmlProcessInfo_v1_t>(), 16),
        ("process info v2 and v3", size_of::<nvmlProcessInfo_t>(), 24),
        ("process detail", size_of::<nvmlProcessDetail_v1_t>(), 32),
        ("process detail list", size_of::<nvmlProcessDetailList_v1_t>(), 24),
        ("process utilisation sample", size_of::<nvmlProcessUtilizationSample_t>(), 32),
        ("process utilisation info", size_of::<nvmlProcessUtilizationInfo_v1_t>(), 40),
        ("process utilisation list", size_of::<nvmlProcessesUtilizationInfo_v1_t>(), 24),
        ("memory", size_of::<nvmlMemory_t>(), 24),
        ("memory v2", size_of::<nvmlMemory_v2_t>(), 40),
        ("PCI info v1", size_of::<PciInfoV1>(), 32),
        ("PCI info v2 without its reserved words", size_of::<PciInfoV2>(), 36),
        ("PCI info v3", size_of::<nvmlPciInfo_t>(), 68),
        ("field value", size_of::<nvmlFieldValue_t>(), 40),
        ("event data v1", size_of::<EventDataV1>(), 24),
        ("event data v2", size_of::<nvmlEventData_t>(), 32),
        ("GPM metric", size_of::<nvmlGpmMetric_t>(), 40),
        ("GPM metrics get", size_of::<nvmlGpmMetricsGet_t>(), 8424),
        ("GI profile info v1", size_of::<nvmlGpuInstanceProfileInfo_t>(), 48),
        ("GI profile info v2", size_of::<nvmlGpuInstanceProfileInfo_v2_t>(), 152),
        ("GI profile info v3", size_of::<nvmlGpuInstanceProfileInfo_v3_t>(), 152),
        ("temperature v1", size_of::<nvmlTemperature_v1_t>(), 12),
        ("accounting", size_of::<nvmlAccountingStats_t>(), 56),
        ("attributes", size_of::<nvmlDeviceAttributes_t>(), 40),
        ("licensable features", size_of::<nvmlGridLicensableFeatures_t>(), 860),
    ];
    for (structure, size, expected) in sizes {
        assert_eq!(size, expected, "{structure}");
    }
}

#[test]
fn members_lie_where_older_programs_look_for_them() {
    let offsets = [
        ("GPU instance id", offset_of!(nvmlProcessInfo_t, gpuInstanceId), 16),
        ("compute instance id", offset_of!(nvmlProcessInfo_t, computeInstanceId), 20),
        ("new bus id", offset_of!(nvmlPciInfo_t, busId), 36),
        ("scope of a field", offset_of!(nvmlFieldValue_t, scopeId), 4),
        ("time of a field", offset_of!(nvmlFieldValue_t, timestamp), 8),
        ("type of a field", offset_of!(nvmlFieldValue_t, valueType), 24),
        ("code of a field", offset_of!(nvmlFieldValue_t, nvmlReturn), 28),
        ("value of a field", offset_of!(nvmlFieldValue_t, value), 32),
        ("GPU instance of an event", offset_of!(nvmlEventData_t, gpuInstanceId), 24),
        ("compute instance of an event", offset_of!(nvmlEventData_t, computeInstanceId), 28),
        ("GPM metrics", offset_of!(nvmlGpmMetricsGet_t, metrics), 24),
    ];
    for (member, offset, expected) in offsets {
        assert_eq!(offset, expected, "{member}");
    }
}
