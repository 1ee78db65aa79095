//! Snapshots for tests, put together by hand, and a machine without driver.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gpu::metrics::{ROWS, position, position_of_field};
use gpu::{Cell, EntityView, GpuView, Health, OpenError, Pass, SourceState};
use host::Host;
use model::clock::SystemClock;
use model::{Reading, Timestamp};

use crate::own::OwnCost;
use crate::scrapes::ScrapeCounts;
use crate::snapshot::Windows;
use crate::{FieldList, Machine, ReloadState, Snapshot, XidBook};

/// The moment of every snapshot here.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_784_020_200);

/// A snapshot of these GPUs.
pub(crate) fn snapshot(gpus: Vec<GpuView>) -> Snapshot {
    let mut pass = Pass::empty(NOW, SourceState::Nvml, Arc::default());
    pass.gpus = gpus.into_iter().map(Arc::new).collect();
    Snapshot {
        number: 1,
        at: NOW,
        finished: Instant::now(),
        pass,
        view: session::View::default(),
        held: Arc::default(),
        kubelet: None,
        fields: Arc::new(FieldList::built_in()),
        reload: ReloadState::default(),
        selected: Arc::default(),
        windows: Windows { xid: Duration::from_secs(300), clock_events: Duration::from_secs(300) },
        clock_events: Arc::default(),
        xids: Arc::new(XidBook::default()),
        hostname: "gpu-a".into(),
        expected_gpus: Some(1),
        simulated: false,
        longest_age: Duration::from_secs(10),
        own: OwnCost::default(),
        scrapes: ScrapeCounts::default(),
        state_fault: None,
    }
}

/// A snapshot of a machine without driver.
pub(crate) fn without_driver() -> Snapshot {
    let mut snapshot = snapshot(Vec::new());
    snapshot.pass.source =
        SourceState::Absent { reason: "no library".to_owned(), remedy: "install it".to_owned() };
    snapshot
}

/// A whole GPU of that model with these field values.
pub(crate) fn whole(index: u32, model: &str, values: &[(u16, f64)]) -> GpuView {
    GpuView {
        index,
        uuid: format!("GPU-{index}"),
        pci_bus_id: format!("00000000:0{index}:00.0"),
        minor: Some(index),
        model: model.to_owned(),
        mig_enabled: Some(false),
        health: Health::Up,
        power_limit_watts: None,
        memory_total_bytes: None,
        entities: vec![entity(values)],
        devices: Vec::new(),
        instances_without_ci: Vec::new(),
        peers: Vec::new(),
    }
}

/// A GPU instance with these field values.
pub(crate) fn instance(profile: &str, id: u32, slices: u32, values: &[(u16, f64)]) -> EntityView {
    EntityView {
        gpu_instance: Some((profile.to_owned(), id)),
        mig_uuid: Some(format!("MIG-{id}")),
        slices: Some(slices),
        ..entity(values)
    }
}

/// Give an entity the text of a label row.
pub(crate) fn set_label(entity: &mut EntityView, name: &str, text: &str) {
    entity.values[position(name).unwrap()] = Cell::label(text, NOW);
}

fn entity(values: &[(u16, f64)]) -> EntityView {
    let mut entity = EntityView::unread();
    assert_eq!(entity.values.len(), ROWS.len());
    for (field, value) in values {
        let place = position_of_field(*field).unwrap();
        entity.values[place] = Cell::number(Reading::Value(*value), NOW);
    }
    entity
}

/// A machine without driver, whose host is this folder.
pub(crate) fn machine(dir: &Path) -> Machine {
    fs::create_dir_all(dir.join("proc/sys/kernel/random")).unwrap();
    fs::create_dir_all(dir.join("sys")).unwrap();
    fs::write(dir.join("proc/sys/kernel/random/boot_id"), "boot-1\n").unwrap();
    Machine {
        open_driver: Box::new(|| Err(OpenError::Other("no driver in this test".to_owned()))),
        smi: None,
        host: Host::new(dir.join("proc"), dir.join("sys")),
        clock: Arc::new(SystemClock),
        hostname: Some("gpu-a".to_owned()),
        before_tick: None,
        simulated: false,
        told: None,
    }
}
