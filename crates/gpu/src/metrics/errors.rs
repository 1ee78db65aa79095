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
    }
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
