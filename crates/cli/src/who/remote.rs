//! Who is on the GPUs of a server's fleet: its live snapshot in the words of `Who`.
//!
//! What a server says is checked as anything from outside is: a table with columns of different
//! lengths, or a number beyond its dictionary, reads as "not readable", never as something else.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use model::process::OwnerKind;
use serde::Deserialize;
use serde_json::Value;
use session::View;

use super::gather::Look;
use super::words::NoGpu;
use super::{Device, Owned, SCHEMA_VERSION, Session, Trouble, Who};
use crate::fault::Fault;
use crate::moment;
use crate::query::rfc3339;
use crate::remote::Server;

/// Version of the snapshot that is understood.
const SNAPSHOT_SCHEMA: u64 = 1;
const PATH: &str = "/api/v1/snapshot?include=session";
const MIB: f64 = 1_048_576.0;

/// States of devices and sessions that have a word here; any other is `unknown`.
const STATES: [&str; 11] = [
    "free",
    "allocated",
    "starting",
    "active",
    "idle",
    "held",
    "stale",
    "down",
    "gone",
    "no_compute_instance",
    "unknown",
];
const CONTEXTS: [&str; 4] = ["C", "G", "C+G", "M+C"];
const KINDS: [OwnerKind; 7] = [
    OwnerKind::Pod,
    OwnerKind::Slurm,
    OwnerKind::Container,
    OwnerKind::User,
    OwnerKind::Service,
    OwnerKind::MpsServer,
    OwnerKind::Unknown,
];

#[derive(Debug, Deserialize)]
struct Snapshot {
    schema: u64,
    at: String,
    dict: HashMap<String, Vec<String>>,
    gpu: Table,
    mig: Table,
    #[serde(default)]
    session: Table,
    #[serde(default)]
    sources: Vec<Source>,
}

#[derive(Debug, Deserialize)]
struct Source {
    looked_for: String,
    #[serde(default)]
    problem: String,
}

/// Columns by name.
#[derive(Debug, Default, Deserialize)]
struct Table(HashMap<String, Vec<Value>>);

impl Table {
    fn rows(&self, column: &str) -> usize {
        self.0.get(column).map_or(0, Vec::len)
    }

    fn cell(&self, column: &str, row: usize) -> Option<&Value> {
        self.0.get(column)?.get(row)
    }

    fn number(&self, column: &str, row: usize) -> Option<f64> {
        self.cell(column, row)?.as_f64()
    }

    fn whole(&self, column: &str, row: usize) -> Option<u64> {
        self.cell(column, row)?.as_u64()
    }

    fn text(&self, column: &str, row: usize) -> &str {
        self.cell(column, row).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Look at the fleet of a server.
///
/// # Errors
/// It cannot be reached, refuses, or answers something else.
pub(crate) fn look(server: &Server) -> Result<Look, Fault> {
    let body = server.get(PATH)?;
    let who = format!("{} does not answer as a gpulse server", server.url());
    let snapshot: Snapshot = serde_json::from_slice(&body).with_context(|| who.clone())?;
    if snapshot.schema != SNAPSHOT_SCHEMA {
        let newer = format!("{}: its live data has version {}", server.url(), snapshot.schema);
        return Err(anyhow::anyhow!("{newer}, this gpulse reads {SNAPSHOT_SCHEMA}").into());
    }
    Ok(snapshot.look(server.url()))
}

impl Snapshot {
    fn look(&self, server: &str) -> Look {
        let gpus = self.devices();
        let mut nodes: Vec<&str> = gpus.iter().filter_map(|gpu| gpu.node.as_deref()).collect();
        nodes.dedup();
        let node = if let [node] = nodes[..] { Some(node.to_owned()) } else { None };
        Look {
            no_gpu: gpus.is_empty().then(|| self.no_gpu(server)),
            who: Who { schema_version: SCHEMA_VERSION, at: self.at.clone(), node, gpus },
            view: View::default(),
            states_need_watching: false,
        }
    }

    fn no_gpu(&self, server: &str) -> NoGpu {
        let tried = self.sources.iter().map(|of| format!("{}: {}", of.looked_for, of.problem));
        let tried: Vec<String> = tried.collect();
        NoGpu {
            tried: Some(tried.join("\n")).filter(|text| !text.is_empty()),
            server: Some(server.to_owned()),
        }
    }

    /// Whole GPUs and compute instances, each with who is on it.
    fn devices(&self) -> Vec<Device> {
        let mut instances: HashMap<usize, Vec<usize>> = HashMap::new();
        for row in 0..self.mig.rows("gpu") {
            instances.entry(row_of(&self.mig, "gpu", row)).or_default().push(row);
        }
        let mut sessions = self.sessions();
        let mut devices = Vec::new();
        for gpu in 0..self.gpu.rows("uuid") {
            match instances.get(&gpu) {
                None => devices.push(self.whole(gpu, sessions.remove(&(gpu, None)))),
                Some(rows) => devices.extend(
                    rows.iter()
                        .map(|mig| self.instance(gpu, *mig, sessions.remove(&(gpu, Some(*mig))))),
                ),
            }
        }
        devices
    }

    fn whole(&self, gpu: usize, sessions: Option<Vec<Session>>) -> Device {
        let trouble = self.trouble(gpu);
        let state = match trouble {
            Some(Trouble::Lost | Trouble::Stuck) => "down",
            _ => self.state(&self.gpu, gpu),
        };
        Device {
            node: Some(self.named(&self.gpu, "node", gpu).unwrap_or_default().to_owned()),
            gpu: self.gpu.whole("index", gpu).map(|index| index.to_string()).unwrap_or_default(),
            uuid: self.gpu.text("uuid", gpu).to_owned(),
            model: self.named(&self.gpu, "model", gpu).unwrap_or_default().to_owned(),
            state,
            sessions: sessions.unwrap_or_default(),
            allocations: Vec::new(),
            findings: None,
            profile: None,
            trouble,
        }
    }

    fn instance(&self, gpu: usize, mig: usize, sessions: Option<Vec<Session>>) -> Device {
        let whole = self.whole(gpu, sessions);
        let profile = self.named(&self.mig, "profile", mig).map(str::to_owned);
        let gi = self.mig.whole("gi", mig).and_then(|id| u32::try_from(id).ok());
        let state = self.state(&self.mig, mig);
        let unusable = (state == "no_compute_instance")
            .then(|| Trouble::NoComputeInstance { gpu_instance: gi.unwrap_or_default() });
        if unusable.is_some() {
            // As locally: its GPU, and what is wrong with a part of it.
            return Device { state, profile, trouble: unusable, ..whole };
        }
        let name = self.mig.text("name", mig);
        Device {
            gpu: if name.is_empty() { whole.gpu.clone() } else { name.to_owned() },
            uuid: self.mig.text("uuid", mig).to_owned(),
            state: if whole.state == "down" { "down" } else { state },
            profile,
            ..whole
        }
    }

    fn trouble(&self, gpu: usize) -> Option<Trouble> {
        match self.named(&self.gpu, "problem", gpu) {
            _ if self.state(&self.gpu, gpu) == "gone" => Some(Trouble::Gone),
            Some("lost") => Some(Trouble::Lost),
            Some("stuck") => Some(Trouble::Stuck),
            _ => None,
        }
    }

    /// Live sessions by the rows of their GPU and instance.
    fn sessions(&self) -> HashMap<(usize, Option<usize>), Vec<Session>> {
        let now = rfc3339(&self.at);
        let mut sessions: HashMap<_, Vec<Session>> = HashMap::new();
        for row in 0..self.session.rows("session") {
            let mig = self.session.whole("mig", row).and_then(|mig| usize::try_from(mig).ok());
            let key = (row_of(&self.session, "gpu", row), mig);
            if let Some(session) = self.session(row, now) {
                sessions.entry(key).or_default().push(session);
            }
        }
        sessions
    }

    /// A session; `None` if it has no PID, which every session has.
    fn session(&self, row: usize, now_ms: Option<i64>) -> Option<Session> {
        let of = &self.session;
        let named = |column| {
            let text = self.named(of, column, row)?;
            Some(text.to_owned()).filter(|text| !text.is_empty())
        };
        let exact = of.whole("exact", row) == Some(1);
        let start = of.number("since", row).filter(|_| exact).map(timestamp);
        let age = start.zip(now_ms).map(|(start, now)| {
            Duration::from_millis((now - start.0.div_euclid(1000)).max(0).unsigned_abs())
        });
        let kind = self.named(of, "kind", row).unwrap_or_default();
        let kind = KINDS.into_iter().find(|known| known.as_str() == kind).unwrap_or_default();
        let context = self.named(of, "type", row).unwrap_or_default();
        Some(Session {
            session: of.text("session", row).to_owned(),
            pid: u32::try_from(of.whole("pid", row)?).ok()?,
            kind: kind.as_str(),
            user: named("user"),
            namespace: named("namespace"),
            pod: named("pod"),
            container: named("container"),
            owner: Owned::default(),
            command: named("command"),
            program: named("command"),
            since: start.map(moment::iso),
            memory_bytes: of.number("mem_mib", row).map(bytes),
            // Percent with one decimal.
            utilization_ratio: of.number("util", row).map(|util| (util * 10.0).round() / 1000.0),
            state: self.state(of, row),
            who: named("holder").unwrap_or_default(),
            age,
            context: CONTEXTS.into_iter().find(|known| *known == context).unwrap_or_default(),
        })
    }

    /// The text behind a number of a dictionary.
    fn named(&self, table: &Table, column: &str, row: usize) -> Option<&str> {
        let number = usize::try_from(table.whole(column, row)?).ok()?;
        self.dict.get(column)?.get(number).map(String::as_str)
    }

    fn state(&self, table: &Table, row: usize) -> &'static str {
        let word = self.named(table, "state", row).unwrap_or_default();
        STATES.into_iter().find(|known| *known == word).unwrap_or("unknown")
    }
}

/// A row that a cell names; none has that number where the cell is not readable.
fn row_of(table: &Table, column: &str, row: usize) -> usize {
    let number = table.whole(column, row).and_then(|number| usize::try_from(number).ok());
    number.unwrap_or(usize::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "a float to the nearest; `as` saturates")]
fn timestamp(seconds: f64) -> model::Timestamp {
    model::Timestamp((seconds * 1e6) as i64)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn bytes(mib: f64) -> u64 {
    (mib * MIB).round() as u64
}

#[cfg(test)]
mod tests;
