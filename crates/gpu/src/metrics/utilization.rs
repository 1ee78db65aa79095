//! Rows of the driver's utilisation, which does not exist while MIG is on.

use model::Reading;
use model::metric::{Metric, Unit};

use super::{Format, Level, MetricRow, NO_FIELD, Pace, Source, gauge};
use crate::nvml::Probe;

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
        level: Level::WholeGpu,
        pace: Pace::Fast,
        nvml: Source::Gpu(read),
        smi: Some(smi),
        built_in: true,
    }
}

pub(super) const ROWS: &[MetricRow] = &[
    row(
        203,
        gauge(
            "DCGM_FI_DEV_GPU_UTIL",
            Unit::Percent,
            "Time in which at least one kernel ran, in %; absent while MIG is on.",
        ),
        "utilization.gpu",
        |probe| probe.utilization().map(|rates| f64::from(rates.gpu)),
    ),
    row(
        204,
        gauge(
            "DCGM_FI_DEV_MEM_COPY_UTIL",
            Unit::Percent,
            "Time in which memory was read or written, in %; not how much of it is in use.",
        ),
        "utilization.memory",
        |probe| probe.utilization().map(|rates| f64::from(rates.memory)),
    ),
    row(
        206,
        gauge("DCGM_FI_DEV_ENC_UTIL", Unit::Percent, "Time in which the encoder worked, in %."),
        "utilization.encoder",
        |probe| probe.encoder().map(f64::from),
    ),
    row(
        207,
        gauge("DCGM_FI_DEV_DEC_UTIL", Unit::Percent, "Time in which the decoder worked, in %."),
        "utilization.decoder",
        |probe| probe.decoder().map(f64::from),
    ),
    MetricRow {
        field: NO_FIELD,
        metric: gauge(
            "DCGM_FI_DEV_WEIGHTED_GPU_UTIL",
            Unit::Ratio,
            "Use of the physical GPU as a ratio from 0 to 1, by the calculation in the label.",
        ),
        format: Format::Shortest,
        level: Level::Gpu,
        pace: Pace::Fast,
        nvml: Source::Made,
        smi: None,
        built_in: true,
    },
];
