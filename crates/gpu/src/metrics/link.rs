//! Rows of NVLink: of all links together, and of single ones on request.

use model::metric::{Metric, Unit};

use super::board::whole;
use super::{ALL_LINKS, Format, Level, MetricRow, Pace, Source, counter, gauge};

const fn row(field: u16, metric: Metric, pace: Pace, nvml: Source, built_in: bool) -> MetricRow {
    let (format, level, smi) = (Format::Integer, Level::WholeGpu, None);
    MetricRow { field, metric, format, level, pace, nvml, smi, built_in }
}

/// Both directions of one link; the first is the one that NVIDIA's files list.
const fn link(field: u16, metric: Metric, number: u32) -> MetricRow {
    row(field, metric, Pace::Fast, Source::LinkRate(number), false)
}

const HELP_OF_ONE: &str = "Data over this NVLink in both directions, in MB/s.";

const fn rate(name: &'static str) -> Metric {
    gauge(name, Unit::MegabytesPerSecond, HELP_OF_ONE)
}

/// Errors over all links: `NVML_FI_DEV_NVLINK_*_ERROR_COUNT_TOTAL`.
const fn errors(field: u16, name: &'static str, help: &'static str, nvml: u32) -> MetricRow {
    let source = Source::Field(nvml, whole);
    row(field, counter(name, Unit::Count, help), Pace::Slow, source, false)
}

pub(super) const ROWS: &[MetricRow] = &[
    errors(
        409,
        "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
        "Count of CRC errors in the flow control of all NVLinks.",
        38,
    ),
    errors(
        419,
        "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL",
        "Count of CRC errors in the data of all NVLinks.",
        45,
    ),
    errors(
        429,
        "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL",
        "Count of packets that were sent again over all NVLinks.",
        52,
    ),
    errors(
        439,
        "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL",
        "Count of recoveries of all NVLinks.",
        59,
    ),
    link(
        440,
        counter(
            "DCGM_FI_DEV_NVLINK_BANDWIDTH_L0",
            Unit::MegabytesPerSecond,
            "Data over this NVLink in both directions, in MB/s: a rate, whatever its type says.",
        ),
        0,
    ),
    link(441, rate("DCGM_FI_DEV_NVLINK_BANDWIDTH_L1"), 1),
    link(442, rate("DCGM_FI_DEV_NVLINK_BANDWIDTH_L2"), 2),
    link(443, rate("DCGM_FI_DEV_NVLINK_BANDWIDTH_L3"), 3),
    link(444, rate("DCGM_FI_DEV_NVLINK_BANDWIDTH_L4"), 4),
    link(445, rate("DCGM_FI_DEV_NVLINK_BANDWIDTH_L5"), 5),
    row(
        449,
        counter(
            "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
            Unit::MegabytesPerSecond,
            "Data over all NVLinks in both directions, in MB/s: a rate, whatever its type says.",
        ),
        Pace::Fast,
        Source::LinkRate(ALL_LINKS),
        true,
    ),
];
