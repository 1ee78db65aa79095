//! `gpu_device_*`: each GPU or MIG instance, used or not.

use model::device::Device;
use model::metric::{Metric, Unit};
use model::text::Writer;

use super::energy;
use super::sessions::{counter, gauge, written};
use crate::state::DeviceState;
use crate::view::{DeviceView, View};

pub(super) const INFO: Metric = gauge(
    "gpu_device_info",
    Unit::None,
    "A GPU without MIG instances, or a MIG compute instance.",
    &["gpu", "UUID", "GPU_I_ID", "mig_uuid", "GPU_I_PROFILE", "ci_id", "modelName", "Hostname"],
);
pub(super) const SECONDS: Metric = counter(
    "gpu_device_seconds_total",
    Unit::Seconds,
    "The device's observed time by state, in seconds.",
    &["gpu", "UUID", "GPU_I_ID", "run", "state"],
);
pub(super) const EFFECTIVE: Metric = counter(
    "gpu_device_effective_seconds_total",
    Unit::Seconds,
    "Seconds of the device with SM activity of at least one half.",
    &["gpu", "UUID", "GPU_I_ID", "run"],
);
pub(super) const SHARE: Metric = gauge(
    "gpu_device_share_ratio",
    Unit::Ratio,
    "The device's part of its physical GPU: its compute slices over those of the GPU.",
    &["gpu", "UUID", "GPU_I_ID"],
);
pub(super) const UNATTRIBUTED: Metric = gauge(
    "gpu_device_unattributed_memory_bytes",
    Unit::Bytes,
    "Device memory in use that no listed process holds, in bytes; a MIG device's is its GPU instance's.",
    &["gpu", "UUID", "GPU_I_ID"],
);
pub(super) fn write_devices(view: &View, out: &mut Writer) {
    let rows: Vec<(String, &DeviceView)> =
        view.devices.iter().map(|device| (device_labels(&device.device), device)).collect();
    out.metric(&INFO);
    for (labels, device) in &rows {
        let line = out.sample(INFO.name).labels_written(labels);
        let more = device_info_labels(view, &device.device);
        line.labels_written(&more).integer(1);
    }
    if view.counted {
        write_device_counters(view, &rows, out);
    }
    out.metric(&SHARE);
    for (labels, device) in &rows {
        let share = (device.device.share * 1e6).round() / 1e6;
        out.sample(SHARE.name).labels_written(labels).shortest(share);
    }
    out.metric(&UNATTRIBUTED);
    for (labels, device) in &rows {
        if let Some(bytes) = device.unattributed_bytes {
            out.sample(UNATTRIBUTED.name).labels_written(labels).integer(bytes.into());
        }
    }
}

/// All nine states from the first moment on: a sum over them needs no guess about what is absent.
fn write_device_counters(view: &View, rows: &[(String, &DeviceView)], out: &mut Writer) {
    out.metric(&SECONDS);
    for (labels, device) in rows {
        for (state, micros) in DeviceState::ALL.iter().zip(device.counters.micros) {
            let line = out.sample(SECONDS.name).labels_written(labels);
            let line = line.label("run", &view.run).label("state", state.as_str());
            line.seconds_of_micros(micros);
        }
    }
    out.metric(&EFFECTIVE);
    for (labels, device) in rows {
        let line = out.sample(EFFECTIVE.name).labels_written(labels);
        line.label("run", &view.run).seconds_of_micros(device.counters.effective_micros);
    }
    energy::write_of_gpus(view, out);
}

pub(super) fn device_labels(device: &Device) -> String {
    let instance = device.mig.as_ref().map(|mig| mig.gpu_instance.to_string()).unwrap_or_default();
    written(&[("gpu", &device.label), ("UUID", &device.gpu_uuid), ("GPU_I_ID", &instance)])
}

fn device_info_labels(view: &View, device: &Device) -> String {
    let mig = device.mig.as_ref();
    let instance = mig.map(|mig| mig.compute_instance.to_string()).unwrap_or_default();
    written(&[
        ("mig_uuid", mig.map_or("", |mig| &mig.uuid)),
        ("GPU_I_PROFILE", mig.map_or("", |mig| &mig.profile)),
        ("ci_id", &instance),
        ("modelName", &device.model),
        ("Hostname", &view.hostname),
    ])
}
