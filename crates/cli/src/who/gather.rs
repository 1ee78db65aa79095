//! Looking: a few passes over the GPUs, folded into sessions, put into the words of `Who`.
//!
//! Nothing is written: a state file is read where the exporter left one, never touched.

use std::time::Duration;

use exporter::{Node, Snapshot};
use gpu::{GpuView, Health, Pass, SourceState};
use model::observation::DeviceObservation;
use model::process::{Owner, OwnerKind};
use model::{ErrorKind, Reading, Stop, Timestamp};
use session::{DeviceView, FindingView, SessionState, SessionView, StartKind, Subject, View};

use crate::moment;

use super::words::NoGpu;
use super::{Allocated, Device, Found, Owned, SCHEMA_VERSION, Session, Trouble, Who};

/// A machine under watch.
pub(crate) struct Watcher {
    node: Node,
    /// Whether an earlier watch left its state, without which some states cannot be known.
    has_history: bool,
    /// Until this age a session may be starting.
    starting_for: Duration,
}

/// One look.
pub(crate) struct Look {
    /// Who is where; without GPU it lists none.
    pub(crate) who: Who,
    /// The same for the text format.
    pub(crate) view: View,
    /// Set when there is no GPU to show.
    pub(crate) no_gpu: Option<NoGpu>,
    /// Whether states are incomplete because nobody watched before.
    pub(crate) states_need_watching: bool,
}

impl Watcher {
    /// Watch the machine of this node. With history, an exporter's state was taken over.
    pub(crate) const fn new(node: Node, has_history: bool, starting_for: Duration) -> Self {
        Self { node, has_history, starting_for }
    }

    /// Look now; `stop` cuts waiting for a slow driver short.
    pub(crate) fn look(&mut self, stop: &Stop) -> Look {
        let snapshot = self.node.look(stop);
        let who = self.put_into_words(&snapshot);
        let states_need_watching =
            !self.has_history && who.gpus.iter().any(|device| !device.sessions.is_empty());
        Look {
            no_gpu: no_gpu(&snapshot.pass),
            view: snapshot.view.clone(),
            who,
            states_need_watching,
        }
    }

    fn put_into_words(&self, snapshot: &Snapshot) -> Who {
        let (pass, view) = (&snapshot.pass, &snapshot.view);
        Who {
            schema_version: SCHEMA_VERSION,
            at: moment::iso(snapshot.at),
            node: Some(snapshot.hostname.to_string()),
            gpus: pass.gpus.iter().flat_map(|gpu| self.devices(gpu, pass, view)).collect(),
        }
    }

    /// The devices of one GPU, then its instances that nobody can use.
    fn devices(&self, gpu: &GpuView, pass: &Pass, view: &View) -> Vec<Device> {
        let mut devices: Vec<Device> = gpu
            .devices
            .iter()
            .map(|device| {
                let observed =
                    pass.observations.iter().find(|seen| seen.device.uuid() == device.uuid());
                let known = view.devices.iter().find(|seen| seen.device.uuid() == device.uuid());
                Device {
                    node: None,
                    gpu: device.label.clone(),
                    uuid: device.uuid().to_owned(),
                    model: device.model.clone(),
                    state: device_state(gpu.health, known),
                    sessions: self.sessions(device.uuid(), gpu.health, view),
                    allocations: allocations(device.uuid(), view),
                    findings: Some(found_on(device.uuid(), view)),
                    profile: device.mig.as_ref().map(|mig| mig.profile.clone()),
                    trouble: trouble(gpu.health, observed),
                }
            })
            .collect();
        if devices.is_empty() && gpu.instances_without_ci.is_empty() {
            devices.push(whole(gpu));
        }
        devices.extend(gpu.instances_without_ci.iter().map(|instance| Device {
            state: "no_compute_instance",
            profile: Some(instance.profile.clone()),
            trouble: Some(Trouble::NoComputeInstance { gpu_instance: instance.gpu_instance }),
            findings: Some(found_in(&gpu.uuid, instance.gpu_instance, view)),
            ..whole(gpu)
        }));
        devices
    }

    /// Who is on a device now; on one that does not answer, who was when it last did.
    fn sessions(&self, uuid: &str, health: Health, view: &View) -> Vec<Session> {
        view.sessions
            .iter()
            .filter(|session| session.facts.device.uuid() == uuid && session.end.is_none())
            .filter(|session| session.listed || health.down().is_some())
            .map(|session| self.session(session, view.at))
            .collect()
    }

    fn session(&self, session: &SessionView, at: Timestamp) -> Session {
        let facts = &session.facts;
        let known = (facts.command != "unknown").then(|| facts.command.clone());
        let whole = self.node.host().command_line(facts.pid).filter(|line| !line.is_empty());
        let age = (facts.start_kind == StartKind::Exact).then(|| at.since(facts.start));
        Session {
            session: facts.id.clone(),
            pid: facts.pid,
            kind: facts.kind.as_str(),
            user: facts.user.clone(),
            namespace: facts.namespace.clone(),
            pod: facts.pod.clone(),
            container: facts.container.clone(),
            owner: owned(&facts.owner),
            command: whole.clone().or_else(|| known.clone()),
            program: program(whole, known),
            since: age.map(|_| moment::iso(facts.start)),
            memory_bytes: session.memory_bytes,
            utilization_ratio: session.utilization.map(|used| used.sm),
            state: self.state(session.state, age),
            who: holder(session),
            age,
            context: facts.context.as_str(),
        }
    }

    /// Without history a young session is taken to be starting: it has not been there for long
    /// enough to be anything else.
    fn state(&self, state: SessionState, age: Option<Duration>) -> &'static str {
        let young = age.is_some_and(|age| age < self.starting_for);
        if !self.has_history && state == SessionState::Unknown && young {
            return SessionState::Starting.as_str();
        }
        state.as_str()
    }
}

/// Who holds a device now.
fn allocations(uuid: &str, view: &View) -> Vec<Allocated> {
    let held = view.allocations.iter().filter(|known| known.end.is_none());
    held.filter(|known| known.facts.device.uuid() == uuid)
        .map(|known| Allocated {
            allocation: known.facts.id.clone(),
            holder: known.facts.holder(),
            resource: known.facts.resource.clone(),
            device_id: known.facts.device_id.clone(),
            since: moment::iso(known.facts.start),
            sessions: known.sessions,
        })
        .collect()
}

/// What was found about a device, its sessions and its holders.
fn found_on(uuid: &str, view: &View) -> Vec<Found> {
    let on = |found: &&FindingView| {
        !matches!(found.subject, Subject::Instance(_)) && found.subject.uuid() == uuid
    };
    view.findings.iter().filter(on).map(found).collect()
}

/// What was found about a GPU instance that is no device.
fn found_in(gpu_uuid: &str, gpu_instance: u32, view: &View) -> Vec<Found> {
    let of = |found: &&FindingView| match &found.subject {
        Subject::Instance(known) => {
            known.gpu_uuid == gpu_uuid && known.gpu_instance == gpu_instance
        }
        _ => false,
    };
    view.findings.iter().filter(of).map(found).collect()
}

fn found(found: &FindingView) -> Found {
    let (session, allocation) = match &found.subject {
        Subject::Session(facts) => (Some(facts.id.clone()), None),
        Subject::Allocation(facts) => (None, Some(facts.id.clone())),
        Subject::Device(_) | Subject::Instance(_) => (None, None),
    };
    Found {
        finding: found.finding.as_str(),
        session,
        allocation,
        since: moment::iso(found.since),
        evidence: found.evidence.clone(),
        sentence: found.evidence.sentence(),
        remedy: found.finding.remedy(),
    }
}

fn whole(gpu: &GpuView) -> Device {
    Device {
        node: None,
        gpu: gpu.index.to_string(),
        uuid: gpu.uuid.clone(),
        model: gpu.model.clone(),
        state: device_state(gpu.health, None),
        sessions: Vec::new(),
        allocations: Vec::new(),
        findings: Some(Vec::new()),
        profile: None,
        trouble: trouble(gpu.health, None),
    }
}

fn device_state(health: Health, known: Option<&DeviceView>) -> &'static str {
    if health.down().is_some() {
        return "down";
    }
    known.and_then(|device| device.state).map_or("unknown", session::DeviceState::as_str)
}

fn trouble(health: Health, observed: Option<&DeviceObservation>) -> Option<Trouble> {
    match health {
        Health::Lost => return Some(Trouble::Lost),
        Health::Stuck => return Some(Trouble::Stuck),
        Health::Up | Health::NoPermission(_) => {}
    }
    match observed?.processes {
        Reading::Value(_) => None,
        Reading::NotSupported => Some(Trouble::ProcessesUnreadable("not supported")),
        Reading::Failed(ErrorKind::NoPermission) => {
            Some(Trouble::ProcessesUnreadable("no permission"))
        }
        Reading::Failed(kind) => Some(Trouble::ProcessesUnreadable(kind.as_str())),
    }
}

/// The command line from the program's own name on: where room is short, its folder says least.
fn program(whole: Option<String>, name: Option<String>) -> Option<String> {
    let (Some(line), Some(name)) = (&whole, &name) else { return whole.or(name) };
    let in_a_folder = format!("/{name}");
    let first = line.split(' ').next().unwrap_or_default();
    let start = line
        .starts_with('/')
        .then(|| line.find(&in_a_folder).map(|at| at + 1))
        .flatten()
        .or_else(|| first.rfind('/').map(|at| at + 1));
    Some(start.map_or_else(|| line.clone(), |at| line[at..].to_owned()))
}

fn owned(owner: &Owner) -> Owned {
    let slurm = owner.slurm.as_deref().cloned().unwrap_or_default();
    Owned {
        pod_uid: owner.pod_uid.clone(),
        container_id: owner.container_id.clone(),
        slurm_job: owner.slurm_job.clone(),
        slurm_step: slurm.step,
        slurm_account: slurm.account,
        slurm_partition: slurm.partition,
        slurm_array_job: slurm.array_job,
        slurm_array_task: slurm.array_task,
        service: owner.service.clone(),
    }
}

/// Whose session it is, as short as it can be told.
fn holder(session: &SessionView) -> String {
    let facts = &session.facts;
    let owner = &facts.owner;
    let start = |id: &str, length: usize| id.chars().take(length).collect::<String>();
    let user = || facts.user.clone().unwrap_or_else(|| "-".to_owned());
    match facts.kind {
        OwnerKind::Pod => match (&facts.namespace, &facts.pod, &owner.pod_uid) {
            (Some(namespace), Some(pod), _) => format!("{namespace}/{pod}"),
            (_, _, Some(uid)) => format!("pod {}", start(uid, 8)),
            _ => "pod".to_owned(),
        },
        OwnerKind::Slurm => match &owner.slurm_job {
            Some(job) => match owner.slurm.as_ref().and_then(|slurm| slurm.account.as_ref()) {
                Some(account) => format!("job {job} {account}"),
                None => format!("job {job}"),
            },
            None => user(),
        },
        OwnerKind::Container => match &owner.container_id {
            Some(id) => format!("ctr {}", start(id, 12)),
            None => "container".to_owned(),
        },
        OwnerKind::Service => owner.service.clone().unwrap_or_else(user),
        OwnerKind::MpsServer => "MPS server".to_owned(),
        OwnerKind::User | OwnerKind::Unknown => user(),
    }
}

fn no_gpu(pass: &Pass) -> Option<NoGpu> {
    if !pass.gpus.is_empty() {
        return None;
    }
    Some(NoGpu {
        server: None,
        tried: match &pass.source {
            SourceState::Absent { reason, remedy } if remedy.is_empty() => Some(reason.clone()),
            SourceState::Absent { reason, remedy } => Some(format!("{reason}\nremedy: {remedy}")),
            SourceState::Nvml | SourceState::NvidiaSmi => None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_from_its_own_name_on() {
        let shown = |line: &str, name: &str| program(Some(line.into()), Some(name.into())).unwrap();
        assert_eq!(shown("/usr/bin/python3 /srv/train.py", "python3"), "python3 /srv/train.py");
        assert_eq!(shown("/opt/my tools/say hello", "say"), "say hello");
        assert_eq!(shown("./run --fast", "run"), "run --fast");
        assert_eq!(shown("nginx: worker", "nginx"), "nginx: worker");
        assert_eq!(shown("/usr/bin/env x", "x"), "env x");
        assert_eq!(program(None, Some("say".into())).as_deref(), Some("say"));
        assert_eq!(program(None, None), None);
    }
}
