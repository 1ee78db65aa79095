//! Rows of errors: XID, ECC and row remapping.

use model::Reading;
use model::metric::{Metric, Unit};

use super::board::whole;
use super::{Format, Level, MetricRow, Pace, Source, counter, gauge};
use crate::nvml::{EccErrorType, Probe};

const fn row(
    field: u16,
    metric: Metric,
    smi: &'static str,
    read: fn(&mut Probe<'_>) -> Reading,
) -> MetricRow {
    MetricRow {
        field,
        metric,
        format: Format::Integer,
        level: Level::Gpu,
        pace: Pace::Slow,
        nvml: Source::Gpu(read),
        smi: Some(smi),
        built_in: true,
    }
}

const fn on_request(field: u16, name: &'static str, help: &'static str, nvml: Source) -> MetricRow {
    MetricRow {
        field,
        metric: counter(name, Unit::Count, help),
        format: Format::Integer,
        level: Level::Gpu,
        pace: Pace::Slow,
        nvml,
        smi: None,
        built_in: false,
    }
}

/// An entry of NVML's batched call.
const fn field(nvml: u32) -> Source {
    Source::Field(nvml, whole)
}

pub(super) const ROWS: &[MetricRow] = &[
    MetricRow {
        field: 230,
        metric: gauge(
            "DCGM_FI_DEV_XID_ERRORS",
            Unit::None,
            "Code of the last XID of the GPU or instance, absent before the first; without unit.",
        ),
        format: Format::Integer,
        level: Level::GpuInstance,
        pace: Pace::Fast,
        nvml: Source::Made,
        smi: None,
        built_in: true,
    },
    on_request(
        310,
        "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL",
        "Count of corrected memory errors since the driver was loaded.",
        Source::Gpu(|probe| probe.ecc_volatile(EccErrorType::Corrected).map(whole)),
    ),
    on_request(
        311,
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
        "Count of uncorrected memory errors since the driver was loaded.",
        Source::Gpu(|probe| probe.ecc_volatile(EccErrorType::Uncorrected).map(whole)),
    ),
    on_request(
        390,
        "DCGM_FI_DEV_RETIRED_SBE",
        "Count of memory pages retired after corrected errors.",
        field(29),
    ),
    on_request(
        391,
        "DCGM_FI_DEV_RETIRED_DBE",
        "Count of memory pages retired after uncorrected errors.",
        field(30),
    ),
    MetricRow {
        metric: counter(
            "DCGM_FI_DEV_RETIRED_PENDING",
            Unit::None,
            "Whether a memory page waits to be retired: 1 yes, 0 no; without unit.",
        ),
        ..on_request(392, "", "", field(31))
    },
    row(
        312,
        counter(
            "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL",
            Unit::Count,
            "Count of corrected memory errors over the life of the board.",
        ),
        "ecc.errors.corrected.aggregate.total",
        |probe| probe.ecc_aggregate(EccErrorType::Corrected).map(whole),
    ),
    row(
        313,
        counter(
            "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL",
            Unit::Count,
            "Count of uncorrected memory errors over the life of the board.",
        ),
        "ecc.errors.uncorrected.aggregate.total",
        |probe| probe.ecc_aggregate(EccErrorType::Uncorrected).map(whole),
    ),
    row(
        393,
        counter(
            "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
            Unit::Count,
            "Count of memory rows remapped after uncorrectable errors.",
        ),
        "remapped_rows.uncorrectable",
        |probe| probe.remapped_rows().map(|rows| f64::from(rows.uncorrectable)),
    ),
    row(
        394,
        counter(
            "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
            Unit::Count,
            "Count of memory rows remapped after correctable errors.",
        ),
        "remapped_rows.correctable",
        |probe| probe.remapped_rows().map(|rows| f64::from(rows.correctable)),
    ),
    row(
        395,
        gauge(
            "DCGM_FI_DEV_ROW_REMAP_FAILURE",
            Unit::None,
            "Whether remapping a memory row has failed: 1 yes, 0 no; without unit.",
        ),
        "remapped_rows.failure",
        |probe| probe.remapped_rows().map(|rows| f64::from(u8::from(rows.failure))),
    ),
];
