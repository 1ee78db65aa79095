//! A small world to observe: devices, processes, samples, and a `/proc` that can be edited.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::device::{Device, MigDevice};
use model::observation::{ContextKind, DeviceObservation, DeviceProcess, ProcessUse, UseSample};
use model::process::{Lookup, Owner, OwnerKind, ProcessFacts};
use model::{ErrorKind, Reading, Timestamp};

use crate::{Config, Engine, Identity, SavedState, SessionView, View};

pub(crate) const T0: i64 = 1_783_500_000;
pub(crate) const GIB: u64 = 1 << 30;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(T0 + seconds)
}

pub(crate) fn gpu(index: u32) -> Arc<Device> {
    Arc::new(Device {
        label: index.to_string(),
        gpu_index: index,
        gpu_uuid: format!("GPU-{index}"),
        mig: None,
        model: "NVIDIA H100 80GB HBM3".to_owned(),
        share: 1.0,
        memory_total_bytes: Some(80 * GIB),
    })
}

pub(crate) fn instance(number: u32) -> Arc<Device> {
    Arc::new(Device {
        label: format!("0_{number}_0"),
        mig: Some(MigDevice {
            number,
            gpu_instance: 7 + number,
            compute_instance: 0,
            uuid: format!("MIG-{number}"),
            profile: "3g.40gb".to_owned(),
        }),
        share: 3.0 / 7.0,
        memory_total_bytes: Some(40 * GIB),
        ..(*gpu(0)).clone()
    })
}

pub(crate) fn facts(pid: u32, started: i64) -> ProcessFacts {
    ProcessFacts {
        pid,
        start_ticks: u64::try_from(started + 100_000).unwrap() * 100,
        started: at(started),
        command: "python".to_owned(),
        state: 'S',
        cpu_seconds: 0.0,
        parent: 1,
        uid: Some(1000),
        user: Some("alice".to_owned()),
        owner: Owner { kind: OwnerKind::User, ..Owner::default() },
        names: None,
        pod_is_gone: false,
    }
}

pub(crate) fn process(pid: u32) -> DeviceProcess {
    DeviceProcess { pid, kind: ContextKind::Compute, memory_bytes: Some(GIB) }
}

pub(crate) fn sample(pid: u32, at: Timestamp, sm: u8) -> UseSample {
    UseSample { pid, at, sm, memory: sm / 2, encoder: 0, decoder: 0 }
}

/// An observation that lists these and did not ask for use.
pub(crate) fn list(device: &Arc<Device>, processes: &[DeviceProcess]) -> DeviceObservation {
    DeviceObservation {
        device: Arc::clone(device),
        down: None,
        processes: Reading::Value(processes.to_vec()),
        used_bytes: None,
        finished: Vec::new(),
        process_use: None,
        activity: None,
        sm_activity: None,
        progress: None,
        energy: None,
    }
}

/// The same, with per-process samples.
pub(crate) fn used(
    device: &Arc<Device>,
    processes: &[DeviceProcess],
    samples: &[UseSample],
) -> DeviceObservation {
    DeviceObservation {
        process_use: Some(ProcessUse { samples: Reading::Value(samples.to_vec()) }),
        ..list(device, processes)
    }
}

/// The same, where only the device's activity can be read.
pub(crate) fn busy(
    device: &Arc<Device>,
    processes: &[DeviceProcess],
    activity: f64,
) -> DeviceObservation {
    DeviceObservation {
        process_use: Some(ProcessUse { samples: Reading::NotSupported }),
        activity: Some(Reading::Value(activity)),
        ..list(device, processes)
    }
}

pub(crate) fn down(device: &Arc<Device>) -> DeviceObservation {
    DeviceObservation {
        down: Some(ErrorKind::Lost),
        processes: Reading::Failed(ErrorKind::Lost),
        ..list(device, &[])
    }
}

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) proc: BTreeMap<u32, Lookup>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), None, "run001", 0)
    }

    pub(crate) fn with(config: Config, saved: Option<SavedState>, run: &str, seconds: i64) -> Self {
        Self::booted(config, saved, run, seconds, "boot-1")
    }

    pub(crate) fn booted(
        config: Config,
        saved: Option<SavedState>,
        run: &str,
        seconds: i64,
        boot: &str,
    ) -> Self {
        let identity = Identity {
            boot_id: boot.to_owned(),
            hostname: "node-1".to_owned(),
            run: run.to_owned(),
        };
        Self { engine: Engine::new(config, identity, saved, at(seconds)), proc: BTreeMap::new() }
    }

    pub(crate) fn start(&mut self, pid: u32, started: i64) {
        self.proc.insert(pid, Lookup::Facts(facts(pid, started)));
    }

    pub(crate) fn kill(&mut self, pid: u32) {
        self.proc.remove(&pid);
    }

    pub(crate) fn see(&mut self, seconds: i64, observations: &[DeviceObservation]) {
        self.see_at(at(seconds), observations);
    }

    pub(crate) fn see_at(&mut self, now: Timestamp, observations: &[DeviceObservation]) {
        let proc = &self.proc;
        let lookup = &mut |pid: u32| proc.get(&pid).cloned().unwrap_or(Lookup::Gone);
        self.engine.observe(now, observations, lookup);
    }

    /// See the same each second from one moment to another, both included.
    pub(crate) fn see_for(&mut self, from: i64, to: i64, observations: &[DeviceObservation]) {
        (from..=to).for_each(|seconds| self.see(seconds, observations));
    }

    /// A second with full use by these, each second, as a driver with samples every second tells.
    pub(crate) fn work_for(
        &mut self,
        from: i64,
        to: i64,
        device: &Arc<Device>,
        use_of: &[(u32, u8)],
    ) {
        let processes: Vec<DeviceProcess> = use_of.iter().map(|(pid, _)| process(*pid)).collect();
        for seconds in from..=to {
            let samples: Vec<UseSample> = use_of
                .iter()
                .filter(|(_, sm)| *sm > 0)
                .map(|(pid, sm)| {
                    sample(*pid, at(seconds).before(std::time::Duration::from_millis(1)), *sm)
                })
                .collect();
            self.see(seconds, &[used(device, &processes, &samples)]);
        }
    }

    pub(crate) fn view(&self) -> View {
        self.engine.view()
    }

    /// The only session of a PID.
    pub(crate) fn session(&self, pid: u32) -> SessionView {
        let mut found: Vec<SessionView> =
            self.view().sessions.into_iter().filter(|s| s.facts.pid == pid).collect();
        assert_eq!(found.len(), 1, "sessions of {pid}");
        found.remove(0)
    }
}
