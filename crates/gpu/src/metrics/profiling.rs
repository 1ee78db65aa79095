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
        built_in: true,
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
        built_in: true,
    }
}

const fn on_request(row: MetricRow) -> MetricRow {
    MetricRow { built_in: false, ..row }
}

const SENT: &str = "Data sent over all NVLinks, in bytes/s.";
const RECEIVED: &str = "Data received over all NVLinks, in bytes/s.";

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
        TENSOR_UTIL,
    ),
    ratio(
        1005,
        "DCGM_FI_PROF_DRAM_ACTIVE",
        "Time in which the memory interface moved data, as a ratio from 0 to 1.",
        DRAM_UTIL,
    ),
    on_request(ratio(
        1006,
        "DCGM_FI_PROF_PIPE_FP64_ACTIVE",
        "Time in which the FP64 pipe was active, as a ratio from 0 to 1.",
        11,
    )),
    on_request(ratio(
        1007,
        "DCGM_FI_PROF_PIPE_FP32_ACTIVE",
        "Time in which the FP32 pipe was active, as a ratio from 0 to 1.",
        12,
    )),
    on_request(ratio(
        1008,
        "DCGM_FI_PROF_PIPE_FP16_ACTIVE",
        "Time in which the FP16 pipe was active, as a ratio from 0 to 1.",
        13,
    )),
    on_request(rate(1011, gauge("DCGM_FI_PROF_NVLINK_TX_BYTES", Unit::BytesPerSecond, SENT), 61)),
    on_request(rate(
        1012,
        gauge("DCGM_FI_PROF_NVLINK_RX_BYTES", Unit::BytesPerSecond, RECEIVED),
        60,
    )),
    on_request(ratio(
        1013,
        "DCGM_FI_PROF_PIPE_TENSOR_IMMA_ACTIVE",
        "Time in which the integer tensor pipe was active, as a ratio from 0 to 1.",
        9,
    )),
    on_request(ratio(
        1014,
        "DCGM_FI_PROF_PIPE_TENSOR_HMMA_ACTIVE",
        "Time in which the half precision tensor pipe was active, as a ratio from 0 to 1.",
        7,
    )),
    on_request(ratio(
        1015,
        "DCGM_FI_PROF_PIPE_TENSOR_DFMA_ACTIVE",
        "Time in which the double precision tensor pipe was active, as a ratio from 0 to 1.",
        6,
    )),
    on_request(ratio(
        1016,
        "DCGM_FI_PROF_PIPE_INT_ACTIVE",
        "Time in which the integer pipe was active, as a ratio from 0 to 1.",
        4,
    )),
    rate(
        1009,
        counter(
            "DCGM_FI_PROF_PCIE_TX_BYTES",
            Unit::BytesPerSecond,
            "Data sent over PCIe, in bytes/s: a rate, whatever its type says.",
        ),
        PCIE_TX,
    ),
    rate(
        1010,
        counter(
            "DCGM_FI_PROF_PCIE_RX_BYTES",
            Unit::BytesPerSecond,
            "Data received over PCIe, in bytes/s: a rate, whatever its type says.",
        ),
        PCIE_RX,
    ),
];

/// `NVML_GPM_METRIC_GRAPHICS_UTIL`.
pub(crate) const GRAPHICS_UTIL: u32 = 1;
/// `NVML_GPM_METRIC_SM_UTIL`.
pub(crate) const SM_UTIL: u32 = 2;
/// `NVML_GPM_METRIC_ANY_TENSOR_UTIL`.
pub(crate) const TENSOR_UTIL: u32 = 5;
/// `NVML_GPM_METRIC_DRAM_BW_UTIL`.
pub(crate) const DRAM_UTIL: u32 = 10;
/// `NVML_GPM_METRIC_PCIE_TX_PER_SEC`, in MiB/s.
pub(crate) const PCIE_TX: u32 = 20;
/// `NVML_GPM_METRIC_PCIE_RX_PER_SEC`, in MiB/s.
pub(crate) const PCIE_RX: u32 = 21;
