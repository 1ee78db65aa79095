//! Energy: of sessions by quality, and of physical GPUs, of which the sessions' is a part.

use model::metric::{Metric, Unit};
use model::text::Writer;

use super::sessions::{Counted, counter, written};
use crate::view::View;

pub(super) const SESSION: Metric = counter(
    "gpu_session_energy_joules_total",
    Unit::Joules,
    "The session's part of its GPU's energy, in joules; absent where it cannot be told.",
    &["gpu", "session", "run", "quality"],
);
pub(super) const DEVICE: Metric = counter(
    "gpu_device_energy_joules_total",
    Unit::Joules,
    "Energy of the physical GPU, in joules; what its sessions did not get is nobody's.",
    &["gpu", "UUID", "run"],
);

/// Only what was told: a session of which nothing is known has no row.
pub(super) fn write_of_sessions(counted: &[Counted<'_>], out: &mut Writer) {
    out.metric(&SESSION);
    for (labels, counters) in counted {
        let parts = [
            ("quality=\"measured\"", counters.energy_measured_millijoules),
            ("quality=\"inferred\"", counters.energy_inferred_millijoules),
        ];
        for (quality, millijoules) in parts {
            if millijoules > 0 {
                let line = out.sample(SESSION.name).labels_written(labels);
                line.labels_written(quality).thousandths(millijoules);
            }
        }
    }
}

pub(super) fn write_of_gpus(view: &View, out: &mut Writer) {
    out.metric(&DEVICE);
    for gpu in &view.energy {
        let index = gpu.gpu_index.to_string();
        let labels = written(&[("gpu", &index), ("UUID", &gpu.gpu_uuid), ("run", &view.run)]);
        out.sample(DEVICE.name).labels_written(&labels).thousandths(gpu.millijoules);
    }
}
