//! XIDs of the kernel's log on the page: counted for the GPU, and for the session that caused them.

use std::time::Duration;

use exporter::{Config, StateUse};

use crate::watched::{Watched, patient};

/// Microseconds since this machine began, as the kernel stamps its records.
fn uptime_micros() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap();
    let seconds: f64 = text.split_whitespace().next().unwrap().parse().unwrap();
    Duration::from_secs_f64(seconds).as_micros().try_into().unwrap()
}

#[test]
fn an_xid_that_names_its_process_is_counted_for_its_session_alone() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("kmsg");
    std::fs::write(&log, "").unwrap();
    let config = Config { kernel_log: Some(log.clone()), ..patient() };
    let mut watched =
        Watched::with("h100x8-busy", Duration::from_secs(900), &config, &StateUse::None);
    watched.step();
    let before = watched.step();
    let session = before.view.sessions.iter().find(|session| session.listed).unwrap();
    let gpu =
        before.pass.gpus.iter().find(|gpu| gpu.uuid == session.facts.device.gpu_uuid).unwrap();
    // NVML's eight-digit domain, the log's four digits and no function.
    let place = gpu.pci_bus_id[4..].trim_end_matches(".0").to_ascii_lowercase();
    let (pid, id) = (session.facts.pid, session.facts.id.clone());
    std::fs::write(
        &log,
        format!(
            "4,77,{},-;NVRM: Xid (PCI:{place}): 31, pid={pid}, name=x, Ch 00000008\n",
            uptime_micros()
        ),
    )
    .unwrap();
    watched.step();
    let after = watched.step();
    let counted: Vec<_> = after
        .view
        .sessions
        .iter()
        .filter(|session| !session.xids.is_empty())
        .map(|session| (session.facts.id.clone(), session.xids.clone()))
        .collect();
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert_eq!(counted[0].0, id);
    assert_eq!(counted[0].1.get(&31), Some(&1));
}
