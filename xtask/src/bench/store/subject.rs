//! One server under measurement.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ::tests::child::Child;
use ::tests::{http, remote_write};
use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::data::Body;
use crate::cost::Cost;
use crate::workspace;

/// How long a server may take to start.
const START_WITHIN: Duration = Duration::from_secs(60);

/// Which server, and its program.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Gpulse(PathBuf),
    Prometheus(PathBuf),
    VictoriaMetrics(PathBuf),
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Gpulse(_) => "gpulse",
            Self::Prometheus(_) => "Prometheus",
            Self::VictoriaMetrics(_) => "VictoriaMetrics",
        }
    }

    /// Version; a build from a module does not know it, so it comes from the module file.
    pub(super) fn version(&self) -> Result<String> {
        let of_module = |tool: &str, module: &str| -> Result<String> {
            let path = workspace::root().join("tools").join(tool).join("go.mod");
            let text = std::fs::read_to_string(path)?;
            let line = text.lines().find(|line| line.trim().starts_with(&format!("{module} ")));
            Ok(line.context("the module file does not name it")?.trim().to_owned())
        };
        match self {
            Self::Gpulse(program) => workspace::output(Command::new(program).arg("--version")),
            Self::Prometheus(_) => of_module("prometheus", "github.com/prometheus/prometheus"),
            Self::VictoriaMetrics(_) => {
                of_module("victoriametrics", "github.com/VictoriaMetrics/VictoriaMetrics")
            }
        }
    }

    fn command(&self, data: &Path, address: SocketAddr) -> Command {
        match self {
            Self::Gpulse(program) => {
                let mut command = Command::new(program);
                command.args(["server", "--listen", &address.to_string(), "--data"]).arg(data);
                command
            }
            Self::Prometheus(program) => {
                let mut command = Command::new(program);
                command
                    .arg(format!("--config.file={}", data.join("prometheus.yml").display()))
                    .arg(format!("--storage.tsdb.path={}", data.display()))
                    .arg(format!("--web.listen-address={address}"))
                    .args(["--web.enable-remote-write-receiver", "--log.level=warn"]);
                command
            }
            Self::VictoriaMetrics(program) => {
                let mut command = Command::new(program);
                command
                    .arg(format!("-storageDataPath={}", data.display()))
                    .arg(format!("-httpListenAddr={address}"))
                    .args(["-retentionPeriod=1y", "-loggerLevel=WARN"]);
                command
            }
        }
    }

    const fn health(&self) -> &'static str {
        match self {
            Self::Gpulse(_) | Self::Prometheus(_) => "/-/ready",
            Self::VictoriaMetrics(_) => "/health",
        }
    }
}

/// A running server.
pub(super) struct Subject {
    kind: Kind,
    data: PathBuf,
    child: Child,
    address: SocketAddr,
}

impl Subject {
    pub(super) fn start(kind: &Kind, data: &Path) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        if matches!(kind, Kind::Prometheus(_)) {
            let text = "storage:\n  tsdb:\n    out_of_order_time_window: 24h\n";
            std::fs::write(data.join("prometheus.yml"), text)?;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], http::free_port()?));
        let log = data.parent().unwrap_or(data);
        let mut command = kind.command(data, address);
        let mut child = Child::start(kind.name(), &mut command, log)?;
        let health = kind.health();
        child.until_within("it to be ready", START_WITHIN, |_| http::get(address, health))?;
        Ok(Self { kind: kind.clone(), data: data.to_owned(), child, address })
    }

    pub(super) fn cost(&self) -> Result<Cost> {
        Cost::of(self.child.id())
    }

    /// Send a body; how many samples it held.
    pub(super) fn write(&self, body: &Body) -> Result<u64> {
        let answer = remote_write::post(self.address, "/api/v1/write", &body.bytes)?;
        ensure!(
            answer.status / 100 == 2,
            "{} answered {}: {}",
            self.kind.name(),
            answer.status,
            answer.text()?
        );
        Ok(body.samples)
    }

    /// Ask a path; how long the answer is.
    pub(super) fn ask(&self, path: &str) -> Result<usize> {
        Ok(http::get(self.address, path)?.len())
    }

    /// Ask for what is done to old data in time anyway, where there is a way to; whether it was.
    pub(super) fn merge(&self) -> Result<bool> {
        let asked = matches!(self.kind, Kind::VictoriaMetrics(_));
        if asked {
            http::get(self.address, "/internal/force_merge")?;
        }
        Ok(asked)
    }

    /// Kill it and start it on its data: the time until it answers.
    pub(super) fn restart(self) -> Result<Duration> {
        self.child.signal(Signal::KILL)?;
        drop(self.child);
        let began = Instant::now();
        let again = Self::start(&self.kind, &self.data)?;
        let taken = began.elapsed();
        again.stop()?;
        Ok(taken)
    }

    pub(super) fn stop(mut self) -> Result<()> {
        self.child.stop().map(|_| ())
    }
}

/// What of gpulse's folder takes how much.
pub(super) fn parts(kind: &Kind, data: &Path) -> Result<Vec<(&'static str, u64)>> {
    let known: &[&str] = match kind {
        Kind::Gpulse(_) => &["blocks", "wal"],
        Kind::Prometheus(_) | Kind::VictoriaMetrics(_) => &[],
    };
    known.iter().map(|part| Ok((*part, size(&data.join(part))?))).collect()
}

/// Bytes on disk of all files in a folder.
pub(super) fn size(folder: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let facts = entry.metadata()?;
        // What is allocated, not what a file could grow to.
        sum += if facts.is_dir() { size(&entry.path())? } else { facts.blocks() * 512 };
    }
    Ok(sum)
}
