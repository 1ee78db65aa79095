//! Rows of NVLink.

use model::metric::Unit;

use super::{Format, Level, MetricRow, Pace, Source, counter};

pub(super) const ROWS: &[MetricRow] = &[MetricRow {
    field: 449,
    metric: counter(
        "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
        Unit::MegabytesPerSecond,
        "Data over all NVLinks in both directions, in MB/s: a rate, whatever its type says.",
    ),
    format: Format::Integer,
    level: Level::WholeGpu,
    pace: Pace::Fast,
    nvml: Source::Gpu(|probe| probe.nvlink_rate()),
    smi: None,
}];
