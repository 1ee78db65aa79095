//! Rows of the board: clocks, temperatures, power, energy, performance state, licence.

use model::Reading;
use model::metric::{Metric, Unit};

use super::{Format, Level, MetricRow, Pace, Source, counter, gauge};
use crate::nvml::{ClockType, Probe};

const fn row(
    field: u16,
    metric: Metric,
    pace: Pace,
    smi: Option<&'static str>,
    read: fn(&mut Probe<'_>) -> Reading,
) -> MetricRow {
    let format = Format::Integer;
    let (level, nvml, built_in) = (Level::Gpu, Source::Gpu(read), true);
    MetricRow { field, metric, format, level, pace, nvml, smi, built_in }
}

/// A power figure that is read on request.
const fn power(field: u16, name: &'static str, help: &'static str, nvml: Source) -> MetricRow {
    MetricRow {
        field,
        metric: gauge(name, Unit::Watts, help),
        format: Format::SixDecimals,
        level: Level::Gpu,
        pace: Pace::Fast,
        nvml,
        smi: None,
        built_in: false,
    }
}

/// DCGM divides its limits as integers, and prints them as doubles all the same.
fn whole_watts(milliwatts: u64) -> f64 {
    whole(milliwatts / 1000)
}

pub(super) const ROWS: &[MetricRow] = &[
    row(
        100,
        gauge("DCGM_FI_DEV_SM_CLOCK", Unit::Megahertz, "Clock of the SMs, in MHz."),
        Pace::Fast,
        Some("clocks.sm"),
        |probe| probe.clock(ClockType::Sm).map(f64::from),
    ),
    row(
        101,
        gauge("DCGM_FI_DEV_MEM_CLOCK", Unit::Megahertz, "Clock of the memory, in MHz."),
        Pace::Fast,
        Some("clocks.mem"),
        |probe| probe.clock(ClockType::Memory).map(f64::from),
    ),
    row(
        140,
        gauge("DCGM_FI_DEV_MEMORY_TEMP", Unit::Celsius, "Temperature of the memory, in °C."),
        Pace::Fast,
        Some("temperature.memory"),
        |probe| celsius(probe.memory_temperature()),
    ),
    row(
        150,
        gauge("DCGM_FI_DEV_GPU_TEMP", Unit::Celsius, "Temperature of the GPU, in °C."),
        Pace::Fast,
        Some("temperature.gpu"),
        |probe| celsius(probe.temperature()),
    ),
    MetricRow {
        format: Format::SixDecimals,
        ..row(
            155,
            gauge("DCGM_FI_DEV_POWER_USAGE", Unit::Watts, "Power that the board draws, in W."),
            Pace::Fast,
            Some("power.draw"),
            |probe| probe.power_milliwatts().map(watts),
        )
    },
    row(
        156,
        counter(
            "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
            Unit::Millijoules,
            "Energy drawn since the driver was loaded, in mJ.",
        ),
        Pace::Fast,
        None,
        |probe| probe.energy_millijoules().map(whole),
    ),
    power(
        157,
        "DCGM_FI_DEV_POWER_USAGE_INSTANT",
        "Power that the board draws at this moment, in W.",
        Source::Field(186, |milliwatts| whole(milliwatts) / 1000.0),
    ),
    power(
        160,
        "DCGM_FI_DEV_POWER_MGMT_LIMIT",
        "Power limit that was asked for, in W.",
        Source::Field(192, whole_watts),
    ),
    power(
        161,
        "DCGM_FI_DEV_POWER_MGMT_LIMIT_MIN",
        "Lowest power limit, in W.",
        Source::Field(187, whole_watts),
    ),
    power(
        162,
        "DCGM_FI_DEV_POWER_MGMT_LIMIT_MAX",
        "Highest power limit, in W.",
        Source::Field(188, whole_watts),
    ),
    power(
        163,
        "DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF",
        "Default power limit, in W.",
        Source::Field(189, whole_watts),
    ),
    power(
        164,
        "DCGM_FI_DEV_ENFORCED_POWER_LIMIT",
        "Power limit that counts now, in W.",
        Source::Gpu(|probe| {
            probe.enforced_power_limit_milliwatts().map(|mw| whole_watts(u64::from(mw)))
        }),
    ),
    row(
        190,
        gauge(
            "DCGM_FI_DEV_PSTATE",
            Unit::None,
            "Performance state, 0 (highest) to 15 (lowest); without unit.",
        ),
        Pace::Fast,
        Some("pstate"),
        |probe| probe.performance_state().and_then(performance_state),
    ),
    row(
        202,
        counter(
            "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
            Unit::Count,
            "Count of PCIe packets that were sent again.",
        ),
        Pace::Slow,
        None,
        |probe| probe.pcie_replays().map(f64::from),
    ),
    row(
        526,
        gauge(
            "DCGM_FI_DEV_VGPU_LICENSE_STATUS",
            Unit::None,
            "vGPU licence: 1 licensed, 0 not licensed or no licence needed; without unit.",
        ),
        Pace::Slow,
        None,
        |probe| probe.vgpu_licence(),
    ),
];

/// A sensor that shows more than this is blank, as in DCGM.
const HOTTEST_CELSIUS: u32 = 200;

pub(super) fn celsius(degrees: Reading<u32>) -> Reading {
    degrees.and_then(|degrees| match degrees {
        0..=HOTTEST_CELSIUS => Reading::Value(f64::from(degrees)),
        _ => Reading::NotSupported,
    })
}

pub(super) fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}

/// P0 to P15; the driver's "unknown" is 32.
pub(super) fn performance_state(state: u32) -> Reading {
    if state <= 15 { Reading::Value(f64::from(state)) } else { Reading::NotSupported }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 mJ are 285 years at 1 kW")]
pub(super) fn whole(count: u64) -> f64 {
    count as f64
}
