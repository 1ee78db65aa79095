//! Rows of the frame buffer, per GPU or per GPU instance.

use model::Reading;
use model::metric::Unit;

use super::{Format, Level, Memory, MetricRow, Pace, Source, gauge};

const fn row(
    field: u16,
    name: &'static str,
    help: &'static str,
    smi: &'static str,
    read: fn(&Memory) -> Reading,
) -> MetricRow {
    MetricRow {
        field,
        metric: gauge(name, Unit::Mebibytes, help),
        format: Format::Integer,
        level: Level::GpuInstance,
        pace: Pace::Fast,
        nvml: Source::Memory(read),
        smi: Some(smi),
        built_in: true,
    }
}

pub(super) const ROWS: &[MetricRow] = &[
    row(
        250,
        "DCGM_FI_DEV_FB_TOTAL",
        "Memory of the GPU or instance, in MiB.",
        "memory.total",
        |memory| Reading::Value(mebibytes(memory.total)),
    ),
    row(251, "DCGM_FI_DEV_FB_FREE", "Memory that is free, in MiB.", "memory.free", |memory| {
        Reading::Value(mebibytes(memory.free))
    }),
    row(
        252,
        "DCGM_FI_DEV_FB_USED",
        "Memory in use, without what the driver reserves, in MiB.",
        "memory.used",
        |memory| Reading::Value(mebibytes(memory.used)),
    ),
    row(
        253,
        "DCGM_FI_DEV_FB_RESERVED",
        "Memory that the driver keeps for itself, in MiB.",
        "memory.reserved",
        |memory| memory.reserved.map_or(Reading::NotSupported, |b| Reading::Value(mebibytes(b))),
    ),
    MetricRow {
        field: 254,
        metric: gauge(
            "DCGM_FI_DEV_FB_USED_PERCENT",
            Unit::Ratio,
            "Memory in use over memory that can be used, as a ratio from 0 to 1 despite the name.",
        ),
        format: Format::SixDecimals,
        level: Level::GpuInstance,
        pace: Pace::Fast,
        nvml: Source::Memory(used_ratio),
        smi: None,
        built_in: true,
    },
];

/// Whole mebibytes, the rest cut off.
#[expect(clippy::cast_precision_loss, reason = "no board has 2^53 MiB")]
pub(super) fn mebibytes(bytes: u64) -> f64 {
    (bytes >> 20) as f64
}

/// used / (total - reserved); needs the reserved part, as `used` counts it in otherwise.
#[expect(clippy::cast_precision_loss, reason = "a board's bytes fit 53 bits")]
pub(super) fn used_ratio(memory: &Memory) -> Reading {
    let usable = memory.total.saturating_sub(memory.reserved.unwrap_or(0));
    match usable {
        0 => Reading::NotSupported,
        usable => Reading::Value(memory.used as f64 / usable as f64),
    }
}
