//! `gpulse server`: receives, stores and answers; reads no GPU itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::ValueEnum;
use model::clock::SystemClock;
use store::Fsync;
use tracing::Level;

use super::up;
use crate::config;
use crate::fault::{FAILURE, Fault};
use crate::hub::{self, Hub, HubArgs, Setting};
use crate::log::LogArgs;
use crate::output;

/// Receive and store what many machines send: PromQL, API and page.
///
/// Takes Prometheus remote write on /api/v1/write and text on /api/v1/import/prometheus. What it
/// has acknowledged survives a killed process.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gpulse server                                    on this machine alone
  gpulse server --listen :9470 --token-file token  for other machines, with a token
  gpulse server --verify                           check what is stored; exit code 1 if damaged")]
pub(crate) struct Args {
    /// Folder of samples. Default: $STATE_DIRECTORY, else /var/lib/gpulse if it can be written,
    /// else a folder of the user.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    hub: HubArgs,
    /// When the log reaches the disk, against a loss of power.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    wal_fsync: WalFsync,
    /// Check every byte of the stored samples and end; exit code 1 if something is damaged.
    #[arg(long)]
    verify: bool,
    /// Settings in YAML; flags and environment win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    log: LogArgs,
}

/// When the log reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum WalFsync {
    /// Before each write is acknowledged.
    Always,
    /// At most 100 ms later.
    #[default]
    Interval,
    /// When the system likes.
    Never,
}

impl Args {
    pub(super) fn start_log(&self) {
        let file = config::load(self.config.as_deref()).ok();
        self.log.start(file.and_then(|file| file.log), Level::INFO);
    }
}

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let file = config::load(args.config.as_deref())?;
    let data = up::folder(args.data.as_deref().or(file.exporter.state_dir.as_deref()))?;
    if args.verify {
        return verify(&data);
    }
    let fsync = match args.wal_fsync {
        WalFsync::Always => Fsync::Always,
        WalFsync::Interval => Fsync::Interval,
        WalFsync::Never => Fsync::Never,
    };
    let setting = Setting { data: &data, fsync, clock: Arc::new(SystemClock) };
    let hub = Hub::open(&args.hub.clone().or_listen(file.listen), setting)?;
    tracing::info!(version = crate::version::SHORT, url = hub.url(), data = %data.display(), "starting");
    hub.run(|| {}, || {})?;
    Ok(0)
}

fn verify(data: &Path) -> Result<u8, Fault> {
    let report = store::verify(Arc::new(store::RealDisk), &hub::store_folder(data))
        .with_context(|| format!("cannot check the data folder {}", data.display()))?;
    let mut text = String::new();
    for sentence in &report.damage {
        text.push_str(&format!("damaged: {sentence}\n"));
    }
    text.push_str(&format!(
        "{} blocks, {} samples, {} damaged places\n",
        report.blocks,
        report.samples,
        report.damage.len()
    ));
    output::print(&text)?;
    Ok(if report.damage.is_empty() { 0 } else { FAILURE })
}
