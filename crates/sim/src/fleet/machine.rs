//! One machine of the fleet while it is written down: its GPUs, pods, processes and faults as the
//! tables of a scenario file.

use std::fmt::Write as _;

use super::dice::Dice;

/// What kind of machine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    H100,
    H200,
    A100,
    L4,
    Rtx,
}

impl Kind {
    /// Host names begin with it.
    pub(super) const fn stem(self) -> &'static str {
        match self {
            Self::H100 => "h100",
            Self::H200 => "h200",
            Self::A100 => "a100",
            Self::L4 => "l4",
            Self::Rtx => "rtx",
        }
    }

    /// Model of its GPUs.
    const fn model(self) -> &'static str {
        match self {
            Self::H100 => "h100-80gb-hbm3",
            Self::H200 => "h200",
            Self::A100 => "a100-sxm4-40gb",
            Self::L4 => "l4",
            Self::Rtx => "rtx-4090",
        }
    }

    /// Memory of a GPU that processes can have, in GiB.
    pub(super) const fn gib(self) -> i64 {
        match self {
            Self::H100 => 78,
            Self::H200 => 138,
            Self::A100 => 38,
            Self::L4 => 21,
            Self::Rtx => 22,
        }
    }

    /// Whether it belongs to the Kubernetes cluster.
    const fn is_in_cluster(self) -> bool {
        !matches!(self, Self::Rtx)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) kind: Kind,
    /// Number among its kind, from 1.
    pub(super) number: u32,
    /// Age of the world at the first look, in seconds.
    pub(super) age: i64,
    pub(super) dice: Dice,
    gpus: Vec<String>,
    rest: String,
}

/// GPUs of each machine.
pub(super) const GPUS: usize = 8;

impl Machine {
    pub(super) fn new(kind: Kind, number: u32, age: i64, dice: Dice) -> Self {
        let gpu = format!("model = \"{}\"\n", kind.model());
        Self { kind, number, age, dice, gpus: vec![gpu; GPUS], rest: String::new() }
    }

    /// Say something more about a GPU.
    pub(super) fn gpu(&mut self, gpu: usize, line: &str) {
        if let Some(lines) = self.gpus.get_mut(gpu) {
            lines.push_str(line);
            lines.push('\n');
        }
    }

    /// Cut a GPU by MIG.
    pub(super) fn cut(&mut self, gpu: usize, profiles: &[&str]) {
        self.gpu(gpu, &format!("mig = {profiles:?}"));
    }

    /// A pod that was given these GPUs (`"3"`), MIG devices (`"5/0"`) or replicas (`"3::1"`).
    pub(super) fn pod(&mut self, pod: &Pod<'_>, seats: &[String]) {
        self.pod_with(pod, seats, "");
    }

    /// The same, and what more the scenario says of it.
    pub(super) fn pod_with(&mut self, pod: &Pod<'_>, seats: &[String], more: &str) {
        let resource = if seats.iter().any(|seat| seat.contains('/')) { "mig" } else { "gpu" };
        let _ = write!(
            self.rest,
            "[[node.pod]]\nname = \"{}\"\nnamespace = \"{}\"\nowner = \"{}\"\n\
             containers = [\"{}\"]\nresources = {{ \"nvidia.com/{resource}\" = {seats:?} }}\n{more}\n",
            pod.name, pod.namespace, pod.owner, pod.container
        );
    }

    /// A process, its keys and values as written.
    pub(super) fn process(&mut self, seats: &[String], keys: &[(&str, String)]) {
        let _ = write!(self.rest, "[[node.process]]\ngpu = {seats:?}\n");
        for (key, value) in keys {
            let _ = writeln!(self.rest, "{key} = {value}");
        }
    }

    /// A fault that begins at that age of the world, in seconds.
    pub(super) fn fault(&mut self, kind: &str, at: i64, more: &str) {
        let at = at.max(1);
        let _ = write!(self.rest, "[[node.fault]]\nkind = \"{kind}\"\nat = \"{at}s\"\n{more}\n");
    }

    /// Nothing is heard of the machine from one age of the world to another, in seconds.
    pub(super) fn down(&mut self, at: i64, until: i64) {
        let at = at.max(1);
        let _ = write!(self.rest, "[[node.down]]\nat = \"{at}s\"\nuntil = \"{until}s\"\n");
    }

    /// The machine's part of the scenario.
    pub(super) fn text(&self) -> String {
        let mut text = format!("\n[[node]]\nname = \"{}-{:02}\"\n", self.kind.stem(), self.number);
        if self.kind.is_in_cluster() {
            text.push_str("kubernetes = { cgroup = \"v2-systemd\", runtime = \"containerd\" }\n");
        }
        for gpu in &self.gpus {
            text.push_str("[[node.gpu]]\n");
            text.push_str(gpu);
        }
        text.push_str(&self.rest);
        text
    }
}

/// Who a pod is.
#[derive(Debug, Clone)]
pub(super) struct Pod<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: String,
    /// `Kind/name` of its controller.
    pub(super) owner: String,
    pub(super) container: &'a str,
}

impl Pod<'_> {
    /// As processes name it.
    pub(super) fn key(&self) -> (&'static str, String) {
        ("pod", format!("\"{}/{}\"", self.namespace, self.name))
    }
}

/// A text as TOML.
pub(super) fn text(value: &str) -> String {
    format!("{value:?}")
}
