//! Label rows: no family of their own, their text stands on every sample of the entity.

use std::sync::Arc;

use model::metric::Metric;

use super::{Format, Level, MetricRow, Pace, Source, label};
use crate::nvml::{Facts, InforomObject, Place, Probe};

type Text = fn(&Facts, &Place) -> Option<Arc<str>>;

const fn row(
    field: u16,
    metric: Metric,
    level: Level,
    pace: Pace,
    smi: Option<&'static str>,
    text: Text,
) -> MetricRow {
    let format = Format::Shortest;
    MetricRow { field, metric, format, level, pace, nvml: Source::Text(text), smi, built_in: true }
}

const fn on_request(
    field: u16,
    name: &'static str,
    help: &'static str,
    text: fn(&mut Probe<'_>) -> Option<Arc<str>>,
) -> MetricRow {
    MetricRow {
        field,
        metric: label(name, help),
        format: Format::Shortest,
        level: Level::Gpu,
        pace: Pace::Static,
        nvml: Source::GpuText(text),
        smi: None,
        built_in: false,
    }
}

pub(super) const ROWS: &[MetricRow] = &[
    row(
        1,
        label("DCGM_FI_DRIVER_VERSION", "Version of the NVIDIA driver."),
        Level::Global,
        Pace::Static,
        Some("driver_version"),
        |facts, _| facts.driver_version.clone(),
    ),
    row(
        2,
        label("DCGM_FI_NVML_VERSION", "Version of the NVML library."),
        Level::Global,
        Pace::Static,
        None,
        |facts, _| facts.nvml_version.clone(),
    ),
    row(
        50,
        label("DCGM_FI_DEV_NAME", "Product name of the GPU; on a MIG instance its profile."),
        Level::GpuInstance,
        Pace::Static,
        Some("name"),
        |facts, place| {
            Some(place.gpu_instance.as_ref().map_or_else(|| facts.model.clone(), |gi| gi.0.clone()))
        },
    ),
    row(
        53,
        label("DCGM_FI_DEV_SERIAL", "Serial number of the board."),
        Level::Gpu,
        Pace::Static,
        Some("serial"),
        |facts, _| facts.serial.clone(),
    ),
    row(
        54,
        label("DCGM_FI_DEV_UUID", "UUID of the GPU; on a MIG instance that of its MIG device."),
        Level::GpuInstance,
        Pace::Static,
        Some("uuid"),
        |facts, place| match place.gpu_instance {
            Some(_) => place.mig_uuid.clone(),
            None => Some(facts.uuid.clone()),
        },
    ),
    row(
        65,
        label(
            "DCGM_FI_DEV_COMPUTE_MODE",
            "Compute mode: 0 default, 1 prohibited, 2 exclusive process.",
        ),
        Level::Gpu,
        Pace::Slow,
        Some("compute_mode"),
        |facts, _| facts.compute_mode.and_then(compute_mode).map(decimal),
    ),
    row(
        66,
        label("DCGM_FI_DEV_PERSISTENCE_MODE", "Persistence mode: 1 on, 0 off."),
        Level::Gpu,
        Pace::Slow,
        Some("persistence_mode"),
        |facts, _| facts.persistence_mode.map(decimal),
    ),
    row(
        67,
        label("DCGM_FI_DEV_MIG_MODE", "MIG mode: 1 on, 0 off."),
        Level::Gpu,
        Pace::Static,
        Some("mig.mode.current"),
        |facts, _| facts.mig_enabled.map(u32::from).map(decimal),
    ),
    row(
        69,
        label(
            "DCGM_FI_DEV_MIG_MAX_SLICES",
            "Compute slices that the GPU can be cut into, 0 while MIG is off.",
        ),
        Level::Gpu,
        Pace::Static,
        None,
        |facts, _| Some(decimal(facts.max_slices)),
    ),
    row(
        76,
        label(
            "DCGM_FI_DEV_MIG_GI_INFO",
            "GPU instances: binary in DCGM, hence no label; the layout stands on gpu_session_info.",
        ),
        Level::Gpu,
        Pace::Static,
        None,
        |_, _| None,
    ),
    row(
        77,
        label(
            "DCGM_FI_DEV_MIG_CI_INFO",
            "Compute instances: binary in DCGM, hence no label; the layout stands on \
             gpu_session_info.",
        ),
        Level::Gpu,
        Pace::Static,
        None,
        |_, _| None,
    ),
    on_request(51, "DCGM_FI_DEV_BRAND", "Brand of the product.", |probe| {
        probe.brand().map(Arc::from)
    }),
    on_request(
        56,
        "DCGM_FI_DEV_OEM_INFOROM_VER",
        "Version of the OEM part of the InfoROM.",
        |probe| probe.inforom_version(InforomObject::Oem),
    ),
    on_request(
        80,
        "DCGM_FI_DEV_ECC_INFOROM_VER",
        "Version of the ECC part of the InfoROM.",
        |probe| probe.inforom_version(InforomObject::Ecc),
    ),
    on_request(
        81,
        "DCGM_FI_DEV_POWER_INFOROM_VER",
        "Version of the power part of the InfoROM.",
        |probe| probe.inforom_version(InforomObject::Power),
    ),
    on_request(82, "DCGM_FI_DEV_INFOROM_IMAGE_VER", "Version of the whole InfoROM.", |probe| {
        probe.inforom_image_version()
    }),
    on_request(85, "DCGM_FI_DEV_VBIOS_VERSION", "Version of the board's VBIOS.", |probe| {
        probe.vbios_version()
    }),
    row(
        500,
        label(
            "DCGM_FI_DEV_VIRTUAL_MODE",
            "Virtualisation: 0 none, 1 passthrough, 2 vGPU guest, 3 host of vGPUs, 4 host of vSGA.",
        ),
        Level::Gpu,
        Pace::Static,
        None,
        |facts, _| facts.virtual_mode.map(decimal),
    ),
];

/// NVML's compute mode in DCGM's numbers. The mode exclusive thread (1) is gone from both.
pub(super) const fn compute_mode(nvml: u32) -> Option<u32> {
    match nvml {
        0 => Some(0),
        2 => Some(1),
        3 => Some(2),
        _ => None,
    }
}

fn decimal(number: u32) -> Arc<str> {
    number.to_string().into()
}
