//! `gpulse up`: everything for this machine in one process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use model::Stop;
use store::Fsync;

use crate::config;
use crate::fault::Fault;
use crate::holders::HolderArgs;
use crate::hub::{self, Hub, HubArgs, Setting};
use crate::machine::{MachineArgs, Opened};
use crate::{data_folder, feed};

/// Watch this machine's GPUs: history, PromQL and a page in the browser.
///
/// Readings of `gpulse exporter` go straight into a store in the data folder every 5 s; the page
/// and the API answer from it on one port. Without GPU or driver it says what it looked for and
/// keeps looking. SIGUSR1 lets go of the driver, a second one takes it back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gpulse up                                        then open http://127.0.0.1:9470/
  gpulse up --listen :9470 --token-file token      for other machines, with a token
  gpulse up --sim h100-mixed                       a simulated machine
  gpulse query 'avg(DCGM_FI_DEV_GPU_UTIL)'         ask it")]
pub(crate) struct Args {
    /// Folder of samples and state. Default: $STATE_DIRECTORY, else /var/lib/gpulse if it can be
    /// written, else a folder of the user; a temporary one for a simulated machine.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    holders: HolderArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let file = config::load(args.machine.config.as_deref())?;
    let Opened { config, machine, simulated, .. } = args.machine.open()?;
    let asked = args.data.clone().or_else(|| config.state_dir.clone());
    let temporary = (simulated.is_some() && asked.is_none()).then(hub::temporary).transpose()?;
    let data = match &temporary {
        Some(folder) => folder.path().to_owned(),
        None => folder(asked.as_deref())?,
    };
    if let Some(name) = &simulated {
        tracing::warn!(scenario = name, "simulated machine: no figure is that of a real GPU");
    }
    let setting =
        Setting { data: &data, fsync: Fsync::default(), clock: Arc::clone(&machine.clock) };
    let hub = Hub::open(&args.hub.clone().or_listen(file.listen), setting)?;
    tracing::info!(version = crate::version::SHORT, url = hub.url(), data = %data.display(), "starting");
    let config = args.holders.over(config, machine.simulated);
    let config = exporter::Config { state_dir: Some(data.clone()), ..config };
    let running = exporter::start(&config, machine, Arc::new(Stop::default()))
        .context("cannot start reading")?;
    let feeding = feed::start(hub.app.clone(), running.published(), &config)
        .context("cannot start storing")?;
    let switch = running.release_switch();
    let on_usr1 = move || {
        let released = !switch.fetch_xor(true, std::sync::atomic::Ordering::Relaxed);
        tracing::info!(released, "SIGUSR1");
    };
    hub.run(on_usr1, move || {
        feeding.end();
        let _ = running.end();
    })?;
    drop(temporary);
    Ok(0)
}

/// The folder to keep everything in.
pub(crate) fn folder(asked: Option<&Path>) -> Result<PathBuf, Fault> {
    data_folder::planned(asked)
        .ok_or_else(|| anyhow!("no folder can be written: name one with --data DIR").into())
}
