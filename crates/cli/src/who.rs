//! What `gpulse who` knows: the devices of this machine and who is on them, and its forms.
//!
//! The fields of these structs are the JSON of `who --json`, a contract: `null` is what could not
//! be read. How it is gathered is in `gather`, how it looks in `columns`.

mod columns;
mod gather;
mod remote;
mod words;

use serde::{Serialize, Serializer};

pub(crate) use columns::{WhoColumn, choose, csv, table, usual_of_fleet};
pub(crate) use gather::{Look, Watcher};
pub(crate) use remote::look as look_at_server;
pub(crate) use words::{Message, findings};

/// Version of the JSON; it rises only when a field changes its meaning.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Who is on which GPU at one moment: of this machine, or of a server's fleet.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Who {
    pub(crate) schema_version: u32,
    /// ISO 8601, UTC.
    pub(crate) at: String,
    /// `null` for a fleet of several: then each GPU says its own.
    pub(crate) node: Option<String>,
    pub(crate) gpus: Vec<Device>,
}

/// A GPU, or a MIG device beside the others.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Device {
    /// The machine that it is in, where a fleet was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    /// `0`, or `0_1_0` for a MIG device.
    pub(crate) gpu: String,
    /// Empty, and `null` in JSON, for a GPU that was lost before it could be asked.
    #[serde(serialize_with = "null_if_empty")]
    pub(crate) uuid: String,
    /// As `uuid`.
    #[serde(serialize_with = "null_if_empty")]
    pub(crate) model: String,
    /// The state of the larger part of it: `free`, `active`, ..., `down`; `no_compute_instance` for
    /// a MIG instance that nobody can use.
    pub(crate) state: &'static str,
    pub(crate) sessions: Vec<Session>,
    /// Who holds it by allocation, used or not. A server's table does not have them.
    pub(crate) allocations: Vec<Allocated>,
    /// What an exporter found here that is wrong; `null` from a server, whose page tells it.
    pub(crate) findings: Option<Vec<Found>>,
    /// Profile of a MIG device.
    #[serde(skip)]
    pub(crate) profile: Option<String>,
    /// What is wrong with it.
    #[serde(skip)]
    pub(crate) trouble: Option<Trouble>,
}

/// Why a device has a row of its own beside its sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Fell off the bus or was lost by the driver.
    Lost,
    /// A driver call on it does not return.
    Stuck,
    /// Its machine no longer reports.
    Gone,
    /// Who is on it cannot be read.
    ProcessesUnreadable(&'static str),
    /// A GPU instance that was never given a compute instance.
    NoComputeInstance {
        /// Id of the GPU instance.
        gpu_instance: u32,
    },
}

/// A container or job that holds a device.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Allocated {
    pub(crate) allocation: String,
    /// `namespace/pod/container`, or `job 4711`.
    pub(crate) holder: String,
    pub(crate) resource: String,
    pub(crate) device_id: String,
    /// Start of its container, else when it was first seen, ISO 8601.
    pub(crate) since: String,
    /// Its processes there now.
    pub(crate) sessions: usize,
}

/// Something that is wrong with a session, an allocation or a device.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Found {
    pub(crate) finding: &'static str,
    /// Id of the session that it is about.
    pub(crate) session: Option<String>,
    /// Id of the allocation that it is about.
    pub(crate) allocation: Option<String>,
    /// Since when its cause is there, ISO 8601.
    pub(crate) since: String,
    pub(crate) evidence: session::Evidence,
    /// The same in words.
    pub(crate) sentence: String,
    pub(crate) remedy: &'static str,
}

/// What the control groups of a process tell of its owner.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Owned {
    pub(crate) pod_uid: Option<String>,
    pub(crate) container_id: Option<String>,
    pub(crate) slurm_job: Option<String>,
    pub(crate) slurm_step: Option<String>,
    /// This and the next come from the process's environment.
    pub(crate) slurm_account: Option<String>,
    pub(crate) slurm_partition: Option<String>,
    pub(crate) slurm_array_job: Option<String>,
    pub(crate) slurm_array_task: Option<String>,
    pub(crate) service: Option<String>,
}

/// One process on one device.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Session {
    pub(crate) session: String,
    pub(crate) pid: u32,
    pub(crate) kind: &'static str,
    pub(crate) user: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) pod: Option<String>,
    pub(crate) container: Option<String>,
    /// Whose process it is as the host's control groups tell: UID of its pod, id of its container,
    /// Slurm job, systemd service. A server does not have them.
    #[serde(flatten)]
    pub(crate) owner: Owned,
    /// The whole command line where it may be read, else the program's name.
    pub(crate) command: Option<String>,
    /// The same from the program's own name on, for a table.
    #[serde(skip)]
    pub(crate) program: Option<String>,
    /// Start of the process, ISO 8601.
    pub(crate) since: Option<String>,
    pub(crate) memory_bytes: Option<u64>,
    /// SM use, 0 to 1.
    pub(crate) utilization_ratio: Option<f64>,
    pub(crate) state: &'static str,
    /// Who it is, in a word for people.
    #[serde(skip)]
    pub(crate) who: String,
    /// Time since its start.
    #[serde(skip)]
    pub(crate) age: Option<std::time::Duration>,
    /// Kind of context: `C`, `G`, `C+G`, `M+C`.
    #[serde(skip)]
    pub(crate) context: &'static str,
}

impl Device {
    /// Who holds it and has no process there.
    pub(crate) fn holders_without_process(&self) -> Option<String> {
        let idle = self.allocations.iter().filter(|known| known.sessions == 0);
        let holders: Vec<&str> = idle.map(|known| known.holder.as_str()).collect();
        (!holders.is_empty()).then(|| holders.join(", "))
    }

    /// Names of what is wrong with a session, or with the device itself and its holders.
    pub(crate) fn findings_of(&self, session: Option<&Session>) -> Vec<&'static str> {
        let wanted = session.map(|session| &session.session);
        let all = self.findings.iter().flatten();
        all.filter(|found| found.session.as_ref() == wanted).map(|found| found.finding).collect()
    }
}

impl Who {
    /// One JSON document, ended by a newline.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// One JSON object per session, and per device without one.
    pub(crate) fn jsonl(&self) -> serde_json::Result<String> {
        let mut out = String::new();
        for (device, session) in self.rows() {
            out.push_str(&serde_json::to_string(&JsonRow::new(self, device, session))?);
            out.push('\n');
        }
        Ok(out)
    }

    /// The machine that a device is in.
    pub(crate) fn node_of<'a>(&'a self, device: &'a Device) -> Option<&'a str> {
        device.node.as_deref().or(self.node.as_deref())
    }

    /// What was found, by device.
    pub(crate) fn findings(&self) -> impl Iterator<Item = (&Device, &Found)> {
        self.gpus
            .iter()
            .flat_map(|device| device.findings.iter().flatten().map(move |found| (device, found)))
    }

    /// Devices with their sessions; a device without session, with a trouble, or with a
    /// holder that has no process there, has a row without session first.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Device, Option<&Session>)> {
        self.gpus.iter().flat_map(|device| {
            let own = device.sessions.is_empty()
                || device.trouble.is_some()
                || device.holders_without_process().is_some();
            own.then_some((device, None))
                .into_iter()
                .chain(device.sessions.iter().map(move |session| (device, Some(session))))
        })
    }
}

/// What could not be read is `null`.
fn null_if_empty<S: Serializer>(text: impl AsRef<str>, serializer: S) -> Result<S::Ok, S::Error> {
    Some(text.as_ref()).filter(|text| !text.is_empty()).serialize(serializer)
}

/// A row of `-o jsonl`.
#[derive(Serialize)]
struct JsonRow<'a> {
    schema_version: u32,
    at: &'a str,
    node: Option<&'a str>,
    gpu: &'a str,
    #[serde(serialize_with = "null_if_empty")]
    uuid: &'a str,
    #[serde(serialize_with = "null_if_empty")]
    model: &'a str,
    gpu_state: &'static str,
    /// `null` for a device without session.
    session: Option<&'a Session>,
    /// Names of what is wrong with that session; of a row without one, with its device and holders.
    findings: Vec<&'static str>,
}

impl<'a> JsonRow<'a> {
    fn new(who: &'a Who, device: &'a Device, session: Option<&'a Session>) -> Self {
        Self {
            schema_version: who.schema_version,
            at: &who.at,
            node: who.node_of(device),
            gpu: &device.gpu,
            uuid: &device.uuid,
            model: &device.model,
            gpu_state: device.state,
            session,
            findings: device.findings_of(session),
        }
    }
}

#[cfg(test)]
mod tests;
