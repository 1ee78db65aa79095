//! `gpulse exporter`: the node's `/metrics`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use exporter::{HostLabel, Parts};
use model::Stop;

use crate::address::ListenAddress;
use crate::config;
use crate::fault::Fault;
use crate::machine::{MachineArgs, Opened, StateArgs};
use crate::serve;

/// Port of dcgm-exporter, which this takes the place of.
const LISTEN: ListenAddress = ListenAddress { ip: None, port: 9400 };

/// Answer /metrics for Prometheus: GPU metrics (in place of dcgm-exporter) and GPU sessions.
///
/// Names and labels of device metrics are those of dcgm-exporter, so that its dashboards work; a
/// reading that is not supported or failed is absent, never a zero. Nothing about the driver ends
/// the process: without GPU or driver it says why on /readyz and keeps looking. SIGUSR1 lets go of
/// the driver, a second one takes it back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  gpulse exporter                                  on port 9400 of every address
  gpulse exporter --listen 127.0.0.1:9401 --parts sessions
  gpulse exporter --sim h100-mixed                 a simulated machine
  curl -s localhost:9400/metrics | grep gpu_session_state
  curl -s localhost:9400/readyz                    why it is not ready, if it is not")]
pub(crate) struct Args {
    /// Address and port to answer on; without address, on every one. Default: :9400.
    #[arg(
        short = 'a',
        long,
        visible_alias = "address",
        value_name = "ADDRESS:PORT",
        env = "DCGM_EXPORTER_LISTEN"
    )]
    listen: Option<ListenAddress>,
    /// Parts of the page: gpu (device metrics), sessions (who is on which GPU), self (about the
    /// exporter). Default: all three; started under the name dcgm-exporter: gpu.
    #[arg(long, value_name = "LIST")]
    parts: Option<Parts>,
    /// Name of the label with the host's name: Hostname, hostname or both. Default: Hostname.
    #[arg(long, value_name = "NAME")]
    host_label: Option<HostLabel>,
    /// Time between two readings of device values, in milliseconds, at least 100. Default: 1000.
    #[arg(short = 'c', long, value_name = "MS", env = "DCGM_EXPORTER_INTERVAL",
          value_parser = clap::value_parser!(u64).range(100..))]
    collect_interval: Option<u64>,
    /// TLS, users and headers by a file in the form of Prometheus's web configuration.
    #[arg(long, value_name = "FILE", env = "DCGM_EXPORTER_WEB_CONFIG_FILE")]
    web_config_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    state: StateArgs,
    /// Set when the binary was started as `dcgm-exporter`.
    #[arg(skip)]
    pub(crate) stands_in_for_dcgm_exporter: bool,
}

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let file = config::load(args.machine.config.as_deref())?;
    let Opened { config, machine, simulated, state } = args.machine.open()?;
    let state = args.state.place(state);
    let config = exporter::Config { state_dir: state.to_write(), ..resolve(args, config) };
    if let Some(name) = simulated {
        tracing::warn!(scenario = name, "simulated machine: no figure is that of a real GPU");
    }
    let address = args.listen.or(file.listen).unwrap_or(LISTEN);
    let web = serve::web(args.web_config_file.as_deref())?;
    let bound = serve::bind(address, web)?;
    tracing::info!(
        version = crate::version::SHORT,
        %address,
        parts = %config.parts,
        state = ?config.state_dir,
        "starting"
    );
    let running = exporter::start(&config, machine, Arc::new(Stop::default()))
        .context("cannot start the exporter")?;
    let served = serve::until_stopped(bound, running.router(), || {
        let released = running.toggle_driver();
        tracing::info!(released, "SIGUSR1");
    });
    let _ = running.end();
    served.map(|()| 0)
}

/// Flags and environment over the file.
fn resolve(args: &Args, file: exporter::Config) -> exporter::Config {
    let parts = match (args.parts, args.stands_in_for_dcgm_exporter) {
        (Some(parts), _) => parts,
        // A file that names other parts than the usual ones means them.
        (None, true) if file.parts == Parts::default() => {
            Parts { gpu: true, sessions: false, own: false }
        }
        (None, _) => file.parts,
    };
    exporter::Config {
        parts,
        host_label: args.host_label.unwrap_or(file.host_label),
        collect_interval_ms: args.collect_interval.or(file.collect_interval_ms),
        ..file
    }
}
