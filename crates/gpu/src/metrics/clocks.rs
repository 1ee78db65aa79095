//! Rows of clocks and of what holds them back, on request.

use model::Reading;
use model::metric::{Metric, Unit};

use super::board::whole;
use super::{Format, Level, MetricRow, Pace, Source, counter, gauge};
use crate::nvml::{ClockType, Probe};

const fn row(field: u16, metric: Metric, nvml: Source) -> MetricRow {
    MetricRow {
        field,
        metric,
        format: Format::Integer,
        level: Level::Gpu,
        pace: Pace::Fast,
        nvml,
        smi: None,
        built_in: false,
    }
}

/// Time in which one policy held the clocks back: `NVML_FI_DEV_PERF_POLICY_*`.
const fn violation(field: u16, name: &'static str, help: &'static str, nvml: u32) -> MetricRow {
    row(field, counter(name, Unit::Nanoseconds, help), Source::Field(nvml, whole))
}

fn reasons(probe: &mut Probe<'_>) -> Reading {
    probe.clocks_event_reasons().map(whole)
}

pub(super) const ROWS: &[MetricRow] = &[
    row(
        102,
        gauge("DCGM_FI_DEV_VIDEO_CLOCK", Unit::Megahertz, "Clock of the video engines, in MHz."),
        Source::Gpu(|probe| probe.clock(ClockType::Video).map(f64::from)),
    ),
    row(
        112,
        gauge(
            "DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
            Unit::None,
            "Why the clocks are held back now, as a mask of NVML's bits; without unit.",
        ),
        Source::Gpu(reasons),
    ),
    violation(
        240,
        "DCGM_FI_DEV_POWER_VIOLATION",
        "Time in which the power limit held the clocks back, in ns.",
        74,
    ),
    violation(
        241,
        "DCGM_FI_DEV_THERMAL_VIOLATION",
        "Time in which heat held the clocks back, in ns.",
        75,
    ),
    violation(
        242,
        "DCGM_FI_DEV_SYNC_BOOST_VIOLATION",
        "Time in which a sync boost group held the clocks back, in ns.",
        76,
    ),
    violation(
        243,
        "DCGM_FI_DEV_BOARD_LIMIT_VIOLATION",
        "Time in which the board's limit held the clocks back, in ns.",
        77,
    ),
    violation(
        244,
        "DCGM_FI_DEV_LOW_UTIL_VIOLATION",
        "Time in which too little work held the clocks back, in ns.",
        78,
    ),
    violation(
        245,
        "DCGM_FI_DEV_RELIABILITY_VIOLATION",
        "Time in which the limit of reliability held the clocks back, in ns.",
        79,
    ),
];
