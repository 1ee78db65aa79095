//! From a series' labels to what it is about: the exporter, the GPU, instance or session, and what
//! its role wants to know besides.
//!
//! The host is the label `Hostname`, else the address. A GPU is its UUID over all exporters that
//! tell of it; one without UUID is its exporter and index.

use model::labels::Labels;
use store::{SeriesRef, Store};

use super::booked::EFFECTIVE;
use super::dict::Dict;
use super::feed::{self, FEEDS, Role};
use super::fleet::{Fleet, is_about_session};
use super::known::{Cell, Entity, Level, Link, NOWHERE, Session, Target};
use super::state;

/// Longest text taken from a label, in bytes: names in Kubernetes have at most 253.
const LONGEST_TEXT: usize = 256;
/// Time between two samples of an exporter until it was seen: Prometheus's usual scrape interval.
const USUAL_INTERVAL_MS: i64 = 15_000;
/// What exporters write where there is no name.
const NO_NAME: [&str; 2] = ["unknown", "none"];
/// Sessions without rows of their own are counted under this.
const REST: &str = "rest";

/// The text, cut where it is overlong.
fn text<'a>(labels: &'a Labels, name: &str) -> &'a str {
    let value = labels.get(name);
    &value[..value.floor_char_boundary(LONGEST_TEXT)]
}

/// The text of a label that an exporter fills with a word where there is no name.
fn name_in<'a>(labels: &'a Labels, name: &str) -> &'a str {
    Some(text(labels, name)).filter(|value| !NO_NAME.contains(value)).unwrap_or_default()
}

/// The holder's name as it stands on a stored series: a plain label of this name is the target's.
fn exported<'a>(labels: &'a Labels, name: &str) -> &'a str {
    name_in(labels, &format!("exported_{name}"))
}

/// The parts of a label `gpu`: `2`, or `2_0_1` for a compute instance.
fn gpu_label(label: &str) -> Option<(u32, Option<u32>)> {
    let mut parts = label.split('_');
    let index = parts.next()?.parse().ok()?;
    Some((index, parts.nth(1).and_then(|ci| ci.parse().ok())))
}

impl Fleet {
    /// What a series is about.
    pub(super) fn link(&mut self, store: &Store, feed: usize, series: SeriesRef) -> Link {
        // Gone between two looks: nothing is known of it.
        let Some(labels) = store.labels(series) else {
            return Link { series, feed, place: NOWHERE, target: NOWHERE, extra: 0 };
        };
        let labels = &labels;
        let target = self.target(labels);
        self.names_version += u64::from(names_devices(FEEDS[feed].role));
        let (place, extra) = self.place_and_extra(feed, target, labels).unwrap_or((NOWHERE, 0));
        Link { series, feed, place, target, extra }
    }

    fn place_and_extra(&mut self, feed: usize, target: u32, labels: &Labels) -> Option<(u32, u32)> {
        Some(match FEEDS[feed].role {
            Role::Count => (NOWHERE, u32::from(labels.get("kind") == "expected")),
            Role::Card | Role::Up => (self.gpu(target, labels)?, 0),
            Role::Instance => {
                let place = self.instance(target, labels)?;
                (place, self.device_holder(labels))
            }
            Role::Xid => (self.instance(target, labels)?, labels.get("xid").parse().ok()?),
            Role::DeviceInfo | Role::Device => (self.device(target, labels)?, 0),
            Role::Booked => (self.device(target, labels)?, state::number(labels.get("state"))?),
            Role::Effective => (self.device(target, labels)?, EFFECTIVE),
            Role::Allocation => {
                let number = self.allocation_holder(labels);
                self.found.allocated(text(labels, "allocation"), number);
                return None;
            }
            Role::Finding => {
                let gpu = self.by_label(target, labels)?;
                (gpu, self.finding(gpu, labels)?)
            }
            Role::Problem => {
                let problem = self.dicts.number(Dict::Problem, text(labels, "reason"));
                (self.by_label(target, labels)?, problem)
            }
            Role::Lack => {
                let place = self.by_label(target, labels)?;
                let reading = feed::position(labels.get("field"))?;
                let failed = !matches!(labels.get("reason"), "not_supported" | "needs_dcgm");
                (place, u32::try_from(reading + if failed { 64 } else { 0 }).ok()?)
            }
            Role::SessionInfo => (self.session_info(target, labels)?, 0),
            Role::SessionState => {
                let of = labels.get("state");
                let number = state::number(of).unwrap_or(u32::MAX);
                (self.session(labels)?, number)
            }
            Role::Session => {
                let engine = labels.get("engine");
                if !engine.is_empty() && engine != "sm" {
                    return None;
                }
                (self.session(labels)?, 0)
            }
        })
    }

    fn target(&mut self, labels: &Labels) -> u32 {
        let (job, instance) = (text(labels, "job"), text(labels, "instance"));
        let key = format!("{job}\n{instance}");
        let host = Some(text(labels, "Hostname")).filter(|host| !host.is_empty());
        let host = host.or(Some(text(labels, "hostname")).filter(|host| !host.is_empty()));
        let known = self.target_by_key.get(key.as_str()).copied();
        let place = known.unwrap_or_else(|| {
            let node = self.dicts.number(Dict::Node, instance);
            self.targets.push(Target {
                newest: i64::MIN,
                ended: i64::MIN,
                interval: USUAL_INTERVAL_MS,
                node,
                expected: Cell::EMPTY,
                present: Cell::EMPTY,
            });
            let place = u32::try_from(self.targets.len() - 1).unwrap_or(NOWHERE);
            self.target_by_key.insert(key.into(), place);
            place
        });
        if let Some(host) = host {
            let node = self.dicts.number(Dict::Node, host);
            if let Some(target) = self.targets.get_mut(place as usize) {
                target.node = node;
            }
        }
        place
    }

    /// The physical GPU of a series.
    fn gpu(&mut self, target: u32, labels: &Labels) -> Option<u32> {
        let (index, _) = gpu_label(labels.get("gpu"))?;
        let uuid = text(labels, "UUID");
        let key = if uuid.is_empty() { format!("{target}/{index}") } else { uuid.to_owned() };
        let place = self.entity(&key, Level::Gpu, None)?;
        self.by_index.insert((target, index), place);
        self.describe_gpu(place, target, index, labels);
        Some(place)
    }

    /// The GPU instance of a series; without one the GPU.
    fn instance(&mut self, target: u32, labels: &Labels) -> Option<u32> {
        let gpu = self.gpu(target, labels)?;
        let Ok(gi) = labels.get("GPU_I_ID").parse::<u32>() else { return Some(gpu) };
        let key = format!("{gpu}/{gi}");
        let place = self.entity(&key, Level::Instance, Some(gpu))?;
        let profile = self.number(Dict::Profile, text(labels, "GPU_I_PROFILE"));
        if let Some(entity) = self.entities.get_mut(place) {
            entity.gi = gi;
            known(&mut entity.profile, profile);
            set(&mut entity.mig_uuid, text(labels, "mig_uuid"));
        }
        Some(place)
    }

    /// The compute instance of a series; on a whole GPU the GPU.
    fn device(&mut self, target: u32, labels: &Labels) -> Option<u32> {
        let instance = self.instance(target, labels)?;
        let label = text(labels, "gpu");
        let (_, Some(ci)) = gpu_label(label)? else { return Some(instance) };
        let key = format!("{instance}/ci{ci}");
        let place = self.entity(&key, Level::Compute, Some(instance))?;
        if let Some(entity) = self.entities.get_mut(place) {
            entity.ci = ci;
            set(&mut entity.name, label);
            set(&mut entity.mig_uuid, text(labels, "mig_uuid"));
        }
        Some(place)
    }

    /// The GPU of a series that names no more than an index on its exporter.
    fn by_label(&self, target: u32, labels: &Labels) -> Option<u32> {
        let (index, _) = gpu_label(labels.get("gpu"))?;
        self.by_index.get(&(target, index)).copied()
    }

    fn entity(&mut self, key: &str, level: Level, parent: Option<u32>) -> Option<u32> {
        self.names_version += u64::from(self.entities.find(key).is_none());
        let place = self.entities.place(key, || Entity {
            level,
            parent,
            uuid: Box::default(),
            index: 0,
            gi: 0,
            ci: 0,
            name: Box::default(),
            pci: Box::default(),
            serial: Box::default(),
            mig_uuid: Box::default(),
            node: NOWHERE,
            model: NOWHERE,
            driver: NOWHERE,
            profile: NOWHERE,
            slices: 0,
            problem: Cell::EMPTY,
            xid: Cell::EMPTY,
            lacks: 0,
            failed: 0,
            seen: i64::MIN,
            target: NOWHERE,
            ended: false,
        })?;
        self.touch(place, false);
        Some(place)
    }

    /// Takes what the labels say about a GPU; what they do not say stays.
    fn describe_gpu(&mut self, place: u32, target: u32, index: u32, labels: &Labels) {
        let named = !labels.get("Hostname").is_empty() || !labels.get("hostname").is_empty();
        let node = named.then(|| self.targets.get(target as usize).map_or(NOWHERE, |of| of.node));
        let model = self.number(Dict::Model, text(labels, "modelName"));
        let driver = self.number(Dict::Driver, text(labels, "DCGM_FI_DRIVER_VERSION"));
        let Some(entity) = self.entities.get_mut(place) else { return };
        entity.index = index;
        set(&mut entity.uuid, text(labels, "UUID"));
        set(&mut entity.pci, text(labels, "pci_bus_id"));
        set(&mut entity.serial, text(labels, "DCGM_FI_DEV_SERIAL"));
        known(&mut entity.node, node.unwrap_or(NOWHERE));
        known(&mut entity.model, model);
        known(&mut entity.driver, driver);
        if let Ok(slices) = labels.get("DCGM_FI_DEV_MIG_MAX_SLICES").parse() {
            entity.slices = slices;
        }
    }

    /// Who holds a device, as the labels of its readings say it; 0 is nobody.
    fn device_holder(&mut self, labels: &Labels) -> u32 {
        let holder = holder(exported(labels, "namespace"), exported(labels, "pod"));
        self.dicts.number(Dict::Holder, &holder)
    }

    /// Who an allocation was given to; 0 where that is not said.
    fn allocation_holder(&mut self, labels: &Labels) -> u32 {
        let job = name_in(labels, "slurm_job");
        let of_pod = holder(exported(labels, "namespace"), exported(labels, "pod"));
        let named = if of_pod.is_empty() && !job.is_empty() { job_name(job) } else { of_pod };
        self.dicts.number(Dict::Holder, &named)
    }

    /// The number of a text, [`NOWHERE`] where it is empty.
    fn number(&mut self, dict: Dict, text: &str) -> u32 {
        if text.is_empty() { NOWHERE } else { self.dicts.number(dict, text) }
    }

    fn session(&mut self, labels: &Labels) -> Option<u32> {
        let id = text(labels, "session");
        if id.is_empty() || id == REST {
            return None;
        }
        let place = self.sessions.place(id, || Session {
            id: id.into(),
            entity: NOWHERE,
            pid: None,
            kind: NOWHERE,
            context: NOWHERE,
            holder: 0,
            user: 0,
            namespace: 0,
            pod: 0,
            container: 0,
            workload: 0,
            command: 0,
            slurm_job: 0,
            finding: 0,
            exact: false,
        })?;
        self.touch(place, true);
        Some(place)
    }

    fn session_info(&mut self, target: u32, labels: &Labels) -> Option<u32> {
        let place = self.session(labels)?;
        let entity = self.device(target, labels)?;
        let dicts = &mut self.dicts;
        let (namespace, pod) = (exported(labels, "namespace"), exported(labels, "pod"));
        let mut number = |dict, text: &str| dicts.number(dict, text);
        let info = Session {
            id: text(labels, "session").into(),
            entity,
            pid: labels.get("pid").parse().ok(),
            kind: number(Dict::Kind, text(labels, "kind")),
            context: number(Dict::Type, text(labels, "type")),
            holder: number(Dict::Holder, &session_holder(labels, namespace, pod)),
            user: number(Dict::User, name_in(labels, "user")),
            namespace: number(Dict::Namespace, namespace),
            pod: number(Dict::Pod, pod),
            container: number(Dict::Container, exported(labels, "container")),
            workload: number(Dict::Workload, name_in(labels, "workload")),
            command: number(Dict::Command, name_in(labels, "command")),
            slurm_job: number(Dict::SlurmJob, name_in(labels, "slurm_job")),
            finding: 0,
            exact: labels.get("start") == "exact",
        };
        *self.sessions.get_mut(place)? = info;
        Some(place)
    }
}

fn job_name(job: &str) -> String {
    format!("job {job}")
}

/// Whether series of this role say something about a device: those of a session or an allocation
/// name it, but add nothing to what others say of it.
const fn names_devices(role: Role) -> bool {
    !is_about_session(role) && !matches!(role, Role::Allocation | Role::Finding)
}

fn holder(namespace: &str, pod: &str) -> String {
    match (namespace, pod) {
        ("", pod) => pod.to_owned(),
        (namespace, "") => namespace.to_owned(),
        (namespace, pod) => format!("{namespace}/{pod}"),
    }
}

/// Who a session belongs to, in the words of `gpulse who`.
fn session_holder(labels: &Labels, namespace: &str, pod: &str) -> String {
    let user = || name_in(labels, "user").to_owned();
    let named = |word: &str, name: &str| format!("{word} {name}");
    let (job, uid) = (name_in(labels, "slurm_job"), name_in(labels, "pod_uid"));
    match labels.get("kind") {
        _ if !pod.is_empty() => holder(namespace, pod),
        _ if !job.is_empty() => job_name(job),
        "pod" if !uid.is_empty() => named("pod", &uid[..uid.floor_char_boundary(8)]),
        "pod" => "pod".to_owned(),
        "container" => "container".to_owned(),
        "mps_server" => "MPS server".to_owned(),
        _ => user(),
    }
}

fn set(held: &mut Box<str>, text: &str) {
    if !text.is_empty() && &**held != text {
        *held = text.into();
    }
}

fn known(held: &mut u32, number: u32) {
    if number != NOWHERE {
        *held = number;
    }
}
