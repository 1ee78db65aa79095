//! Where labels of holders stand in a device sample: labels of the pod among the label rows, sorted;
//! then the attributes, sorted, with those that a family adds itself between them.
//!
//! The texts were made when the holders changed; here they are only put in place.

use model::metric::Metric;
use model::text::{Line, Writer};

use super::device::push;
use crate::Snapshot;
use crate::holders::EntityLabels;

/// Append label rows, labels of the pod and labels of the exporter, sorted by name. A name that
/// comes twice is printed once: the row's, which is one of the driver.
pub(super) fn push_sorted(
    labels: &mut String,
    rows: &[(&str, &str)],
    of_pod: &[(String, String)],
    own: &[(&str, &str)],
) {
    if of_pod.is_empty() && own.is_empty() {
        return rows.iter().for_each(|(name, value)| push(labels, name, value));
    }
    let of_pod = of_pod.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut all: Vec<(&str, &str)> = rows.iter().chain(own).copied().chain(of_pod).collect();
    all.sort_by_key(|(name, _)| *name);
    all.dedup_by_key(|(name, _)| *name);
    for (name, value) in all {
        push(labels, name, value);
    }
}

/// Write a sample: once, or once for each job of the device. `labels` is all before the attributes;
/// `own` are attributes of the family itself, `err_code` and `err_msg`.
pub(super) fn write(
    name: &str,
    labels: &str,
    held: &EntityLabels,
    own: &[(&str, &str)],
    out: &mut Writer,
    end: impl Fn(Line<'_>),
) {
    let mut sample = |after: &str| {
        let mut line = out.sample(name).labels_written(labels).labels_written(&held.before);
        for (name, value) in own {
            line = line.label(name, value);
        }
        end(line.labels_written(after));
    };
    match held.after.as_slice() {
        [] => sample(""),
        after => after.iter().for_each(|after| sample(after)),
    }
}

/// Age of the kubelet's last good answer; none before the first.
pub(super) fn kubelet_age(metric: &Metric, snapshot: &Snapshot, out: &mut Writer) {
    if let Some(age) = snapshot.kubelet.as_ref().and_then(|kubelet| kubelet.age) {
        out.sample(metric.name).shortest(age.as_secs_f64());
    }
}

/// Ids that stand for no device here, where the kubelet is asked.
pub(super) fn unknown_ids(metric: &Metric, snapshot: &Snapshot, out: &mut Writer) {
    if snapshot.kubelet.is_some() {
        out.sample(metric.name).integer(count(snapshot.held.unknown.len()));
    }
}

/// Labels of pods that were dropped, where they are printed at all.
pub(super) fn labels_dropped(metric: &Metric, snapshot: &Snapshot, out: &mut Writer) {
    if let Some(dropped) = snapshot.held.labels_dropped {
        let reasons =
            [("equal", dropped.equal), ("taken", dropped.taken), ("too_many", dropped.too_many)];
        for (reason, labels) in reasons {
            out.sample(metric.name).label("reason", reason).integer(count(labels));
        }
    }
}

fn count(of: usize) -> i128 {
    i128::try_from(of).unwrap_or(i128::MAX)
}
