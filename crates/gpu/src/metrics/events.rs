//! Families that the exporter makes itself out of events, samples and pairs, on request.

use model::metric::Unit;

use super::{
    CLOCK_EVENTS, Format, Level, MetricRow, P2P_STATUS, Pace, Source, XID_COUNT, XID_TOTAL, counter,
};

const fn row(field: u16, name: &'static str, level: Level, help: &'static str) -> MetricRow {
    MetricRow {
        field,
        metric: counter(name, Unit::Count, help),
        format: Format::Integer,
        level,
        pace: Pace::Fast,
        nvml: Source::Made,
        smi: None,
        built_in: false,
    }
}

pub(super) const ROWS: &[MetricRow] = &[
    row(
        XID_COUNT,
        "DCGM_EXP_XID_ERRORS_COUNT",
        Level::GpuInstance,
        "Count of XID events within the window, by code; 0 without code when there were none.",
    ),
    row(
        CLOCK_EVENTS,
        "DCGM_EXP_CLOCK_EVENTS_COUNT",
        Level::Gpu,
        "Count of samples within the window in which the clocks were held back for that reason.",
    ),
    MetricRow {
        metric: counter(
            "DCGM_EXP_P2P_STATUS",
            Unit::None,
            "How two GPUs reach each other over NVLink, as NVML's number; without unit.",
        ),
        pace: Pace::Slow,
        ..row(P2P_STATUS, "", Level::Gpu, "")
    },
    row(
        XID_TOTAL,
        "DCGM_EXP_XID_ERRORS_TOTAL",
        Level::GpuInstance,
        "Count of XID events by code, for as long as the state file remembers.",
    ),
];
