//! One node with eight GPUs, each with a story of its own, played for over an hour.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::allocation::{Holder, Holding, Holdings};
use model::device::Device;
use model::observation::{
    ContextKind, DeviceObservation, DeviceProcess, EnergyReading, ProcessUse, Progress, UseSample,
};
use model::process::{Lookup, Owner, OwnerKind, PodNames, ProcessFacts};
use model::{ErrorKind, Reading, Timestamp};
use session::{Config, Engine, Finding, Identity, Subject, UnusableInstance};

use crate::dice::{Dice, noise};
use crate::score::{Label, Score, Shown};
use crate::{harmless, wrong};

pub(crate) const GIB: u64 = 1 << 30;
/// Length of a world in seconds.
pub(crate) const END: i64 = 4_500;
/// Seconds between two passes.
const STEP: i64 = 5;
const GPUS: u32 = 8;
const T0: i64 = 1_783_500_000;

/// What a GPU is like at a moment.
#[derive(Clone)]
pub(crate) struct Moment {
    pub(crate) processes: Vec<Listed>,
    /// Pods that hold it.
    pub(crate) holders: Vec<String>,
    /// Memory in use that no process holds; `None`: it cannot be read.
    pub(crate) unowned: Option<u64>,
    pub(crate) activity: f64,
    pub(crate) watts: f64,
    /// Tensor and memory activity and bytes over PCIe, where they can be read.
    pub(crate) pipes: Option<[f64; 3]>,
    pub(crate) is_down: bool,
    /// Whether it has an instance that nobody can use.
    pub(crate) idle_instance: bool,
}

/// A process that the driver lists.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) pid: u32,
    pub(crate) bytes: Option<u64>,
    pub(crate) sm: u8,
    pub(crate) found: Lookup,
}

/// What happens on one GPU, and what is wrong with it.
pub(crate) struct Story {
    pub(crate) labels: Vec<Label>,
    pub(crate) at: Box<dyn Fn(i64) -> Moment>,
}

/// The stage of a story.
pub(crate) struct Stage {
    pub(crate) gpu: u32,
    pub(crate) idle_watts: f64,
    pub(crate) has_gpm: bool,
    pub(crate) dice: Dice,
}

impl Stage {
    pub(crate) fn uuid(&self) -> String {
        format!("GPU-{}", self.gpu)
    }

    pub(crate) fn pid(&self, number: u32) -> u32 {
        1000 * (self.gpu + 1) + number
    }

    pub(crate) fn pod(&self, name: &str) -> String {
        format!("{name}-{}", self.gpu)
    }

    /// Nobody there.
    pub(crate) fn quiet(&self) -> Moment {
        Moment {
            processes: Vec::new(),
            holders: Vec::new(),
            unowned: Some(0),
            activity: 0.0,
            watts: self.idle_watts,
            pipes: self.has_gpm.then_some([0.0; 3]),
            is_down: false,
            idle_instance: false,
        }
    }
}

/// A process as `/proc` shows it: it works half of the time.
pub(crate) fn facts(pid: u32, started: i64, now: i64) -> ProcessFacts {
    ProcessFacts {
        pid,
        start_ticks: u64::try_from(started + 100_000).unwrap() * 100,
        started: Timestamp::from_secs(T0 + started),
        command: "python".to_owned(),
        state: 'R',
        #[expect(clippy::cast_precision_loss, reason = "of small numbers")]
        cpu_seconds: (now - started) as f64 / 2.0,
        parent: 1,
        uid: Some(1000),
        user: Some("kim".to_owned()),
        owner: Owner { kind: OwnerKind::User, ..Owner::default() },
        names: None,
        pod_is_gone: false,
    }
}

/// The same in a pod's container.
pub(crate) fn in_pod(pid: u32, started: i64, now: i64, pod: &str) -> ProcessFacts {
    let names = PodNames {
        namespace: "ml".to_owned(),
        pod: pod.to_owned(),
        container: "main".to_owned(),
        pod_uid: Some(format!("uid-{pod}")),
        ..PodNames::default()
    };
    let owner =
        Owner { kind: OwnerKind::Pod, pod_uid: Some(format!("uid-{pod}")), ..Owner::default() };
    ProcessFacts { owner, names: Some(names), ..facts(pid, started, now) }
}

pub(crate) fn listed(facts: ProcessFacts, bytes: u64, sm: u8) -> Listed {
    Listed { pid: facts.pid, bytes: Some(bytes), sm, found: Lookup::Facts(facts) }
}

/// Play one world and count what was shown.
pub(crate) fn play(seed: u64, score: &mut Score) {
    let mut dice = Dice::new(seed);
    let knows_uids = dice.chance(0.7);
    let stories: Vec<Story> = (0..GPUS).map(|gpu| story(gpu, &mut dice)).collect();
    let devices: Vec<Arc<Device>> = (0..GPUS).map(device).collect();
    let identity = Identity {
        boot_id: "boot".to_owned(),
        hostname: "node".to_owned(),
        run: "run001".to_owned(),
    };
    let mut engine = Engine::new(Config::default(), identity, None, Timestamp::from_secs(T0));
    let mut shown: BTreeMap<(Finding, String), Vec<Shown>> = BTreeMap::new();
    for now in (0..END).step_by(usize::try_from(STEP).unwrap()) {
        let moments: Vec<Moment> = stories.iter().map(|story| (story.at)(now)).collect();
        pass(&mut engine, seed, now, &devices, &moments, knows_uids);
        for found in engine.view().findings {
            let runs = shown.entry((found.finding, entity(&found.subject))).or_default();
            match runs.last_mut() {
                Some(run) if now - run.last <= STEP => run.last = now,
                _ => runs.push(Shown { first: now, last: now }),
            }
        }
    }
    let labels: Vec<Label> = stories.into_iter().flat_map(|story| story.labels).collect();
    score.add(seed, &labels, shown, END);
}

fn story(gpu: u32, dice: &mut Dice) -> Story {
    let stage = Stage {
        gpu,
        idle_watts: dice.real(40.0, 95.0),
        has_gpm: dice.chance(0.5),
        dice: Dice::new(dice.seed()),
    };
    let all = wrong::STORIES.len() + harmless::STORIES.len();
    let drawn = usize::try_from(dice.between(0, i64::try_from(all).unwrap() - 1)).unwrap();
    match wrong::STORIES.get(drawn) {
        Some(tell) => tell(stage),
        None => harmless::STORIES[drawn - wrong::STORIES.len()](stage),
    }
}

fn device(index: u32) -> Arc<Device> {
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

/// One pass. Now and then a reading fails, or a process cannot be looked up.
fn pass(
    engine: &mut Engine,
    seed: u64,
    now: i64,
    devices: &[Arc<Device>],
    moments: &[Moment],
    knows_uids: bool,
) {
    let at = Timestamp::from_secs(T0 + now);
    let mut flaws = Dice::new(seed ^ now.unsigned_abs().wrapping_mul(31));
    engine.set_holdings(at, &holdings(devices, moments, knows_uids));
    engine.set_unusable_instances(
        devices
            .iter()
            .zip(moments)
            .filter(|(_, moment)| moment.idle_instance)
            .map(|(device, _)| UnusableInstance {
                gpu_index: device.gpu_index,
                gpu_uuid: device.gpu_uuid.clone(),
                gpu_instance: 7,
                profile: "1g.10gb".to_owned(),
            })
            .collect(),
    );
    let mut proc: HashMap<u32, Lookup> = HashMap::new();
    let observations: Vec<DeviceObservation> = devices
        .iter()
        .zip(moments)
        .map(|(device, moment)| {
            for process in &moment.processes {
                let found =
                    if flaws.chance(0.01) { Lookup::Unreadable } else { process.found.clone() };
                proc.insert(process.pid, found);
            }
            observation(device, moment, now, flaws.chance(0.01))
        })
        .collect();
    let mut lookup = |pid: u32| proc.get(&pid).cloned().unwrap_or(Lookup::Gone);
    engine.observe(at, &observations, &mut lookup);
}

fn holdings(devices: &[Arc<Device>], moments: &[Moment], knows_uids: bool) -> Holdings {
    let holding = |device: &Device, pod: &String| Holding {
        device_uuid: device.gpu_uuid.clone(),
        resource: "nvidia.com/gpu".into(),
        device_id: device.gpu_uuid.clone(),
        holder: Arc::new(Holder {
            namespace: "ml".to_owned(),
            pod: pod.clone(),
            container: "main".to_owned(),
            pod_uid: knows_uids.then(|| format!("uid-{pod}")),
            ..Holder::default()
        }),
        claim: None,
        share: 1.0,
    };
    let pairs = devices.iter().zip(moments);
    Holdings {
        has_allocator: true,
        allocatable: devices.iter().map(|device| device.gpu_uuid.clone()).collect(),
        list: pairs
            .flat_map(|(device, moment)| moment.holders.iter().map(|pod| holding(device, pod)))
            .collect(),
    }
}

fn observation(device: &Arc<Device>, moment: &Moment, now: i64, fails: bool) -> DeviceObservation {
    let down = moment.is_down.then_some(ErrorKind::Lost);
    let why = if moment.is_down { ErrorKind::Lost } else { ErrorKind::BadAnswer };
    let read = |value: f64| {
        if fails || moment.is_down { Reading::Failed(why) } else { Reading::Value(value) }
    };
    let there = moment.processes.iter();
    let processes: Vec<DeviceProcess> = there
        .map(|process| DeviceProcess {
            pid: process.pid,
            kind: ContextKind::Compute,
            memory_bytes: process.bytes,
        })
        .collect();
    let samples = moment.processes.iter().filter(|process| process.sm > 0);
    let stamp = Timestamp::from_secs(T0 + now - 1);
    let samples = samples.map(|process| UseSample {
        pid: process.pid,
        at: stamp,
        sm: process.sm,
        memory: process.sm / 3,
        encoder: 0,
        decoder: 0,
    });
    let held: u64 = moment.processes.iter().filter_map(|process| process.bytes).sum();
    let usable = !fails && !moment.is_down;
    DeviceObservation {
        device: Arc::clone(device),
        down,
        processes: if usable { Reading::Value(processes) } else { Reading::Failed(why) },
        used_bytes: moment.unowned.filter(|_| usable).map(|unowned| held + unowned),
        finished: Vec::new(),
        process_use: Some(ProcessUse {
            samples: if usable { Reading::Value(samples.collect()) } else { Reading::Failed(why) },
        }),
        activity: Some(read(moment.activity)),
        sm_activity: Some(Reading::NotSupported),
        energy: Some(EnergyReading {
            millijoules: Reading::NotSupported,
            watts: read(moment.watts * (1.0 + 0.02 * noise(u64::from(device.gpu_index), now))),
        }),
        progress: Some(match moment.pipes {
            Some([tensor, dram, pcie]) => Progress {
                tensor: read(tensor),
                dram: read(dram),
                pcie_bytes_per_second: read(pcie),
            },
            None => Progress::of(Reading::NotSupported),
        }),
    }
}

fn entity(subject: &Subject) -> String {
    match subject {
        Subject::Session(facts) => format!("pid {}", facts.pid),
        Subject::Allocation(facts) => format!("pod {}", facts.pod.as_deref().unwrap_or("?")),
        Subject::Device(device) => device.gpu_uuid.clone(),
        Subject::Instance(instance) => format!("{}/{}", instance.gpu_uuid, instance.gpu_instance),
    }
}
