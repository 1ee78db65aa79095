//! Profiling rows, from NVML's GPM on Hopper and newer. Metric ids are `nvmlGpmMetricId_t`.

use model::metric::{Metric, Unit};

use super::{Format, Level, MetricRow, Pace, Source, counter, gauge};

/// GPM gives per cent, DCGM ratios.
const RATIO: f64 = 100.0;
/// GPM gives MiB/s, DCGM bytes/s.
const BYTES: f64 = 1.0 / 1_048_576.0;

const fn ratio(field: u16, name: &'static str, help: &'static str, gpm: u32) -> MetricRow {
    MetricRow {
        field,
        metric: gauge(name, Unit::Ratio, help),
        format: Format::SixDecimals,
        level: Level::GpuInstance,
        pace: Pace::Fast,
        nvml: Source::Gpm { metric: gpm, divisor: RATIO },
        smi: None,
    }
}

const fn rate(field: u16, metric: Metric, gpm: u32) -> MetricRow {
    MetricRow {
        field,
        metric,
        format: Format::Integer,
        level: Level::WholeGpu,
        pace: Pace::Fast,
        nvml: Source::Gpm { metric: gpm, divisor: BYTES },
        smi: None,
    }
}

pub(super) const ROWS: &[MetricRow] = &[
    ratio(
        1001,
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "Time in which the graphics or compute engine was active, as a ratio from 0 to 1.",
        GRAPHICS_UTIL,
    ),
    ratio(
        1002,
        "DCGM_FI_PROF_SM_ACTIVE",
        "Time in which an SM had a warp assigned, over all SMs, as a ratio from 0 to 1.",
        SM_UTIL,
    ),
    ratio(
        1003,
        "DCGM_FI_PROF_SM_OCCUPANCY",
        "Resident warps over the most an SM can hold, as a ratio from 0 to 1.",
        3,
    ),
    ratio(
        1004,
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        "Time in which any tensor pipe was active, as a ratio from 0 to 1.",
        5,
    ),
    ratio(
        1005,
        "DCGM_FI_PROF_DRAM_ACTIVE",
        "Time in which the memory interface moved data, as a ratio from 0 to 1.",
        10,
    ),
    rate(
        1009,
        counter(
            "DCGM_FI_PROF_PCIE_TX_BYTES",
            Unit::BytesPerSecond,
            "Data sent over PCIe, in bytes/s: a rate, whatever its type says.",
        ),
        20,
    ),
    rate(
        1010,
        counter(
            "DCGM_FI_PROF_PCIE_RX_BYTES",
            Unit::BytesPerSecond,
            "Data received over PCIe, in bytes/s: a rate, whatever its type says.",
        ),
        21,
    ),
];

/// `NVML_GPM_METRIC_GRAPHICS_UTIL`.
pub(crate) const GRAPHICS_UTIL: u32 = 1;
/// `NVML_GPM_METRIC_SM_UTIL`.
pub(crate) const SM_UTIL: u32 = 2;
