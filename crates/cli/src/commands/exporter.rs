//! `gpulse exporter`: the node's `/metrics`, in place of dcgm-exporter.

pub(crate) mod flags;
pub(crate) mod go_style;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use exporter::{HostLabel, Parts, Published, StartError};
use flags::{DeviceFlags, KubernetesFlags, LaterFlags, Maybe, Span, Switch, given, on};
use model::Stop;
use tracing::Level;

use crate::address::ListenAddress;
use crate::config;
use crate::fault::Fault;
use crate::machine::{MachineArgs, Opened, StateArgs};
use crate::{serve, signals};

/// Port of dcgm-exporter, which this takes the place of.
const LISTEN: ListenAddress = ListenAddress { ip: None, port: 9400 };

/// Answer /metrics for Prometheus: GPU metrics (in place of dcgm-exporter) and GPU sessions.
///
/// Names and labels of device metrics are those of dcgm-exporter, so that its dashboards work; a
/// reading that is not supported or failed is absent, never a zero. Nothing about the driver ends
/// the process: without GPU or driver it says why on /readyz and keeps looking. SIGUSR1 lets go of
/// the driver, a second one takes it back; SIGHUP reads the field list again. Flags and variables
/// of dcgm-exporter are accepted, with one dash or two.
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
    listen: Option<Maybe<ListenAddress>>,
    /// Parts of the page: gpu (device metrics), sessions (who is on which GPU), self (about the
    /// exporter). Default: all three; started under the name dcgm-exporter: gpu.
    #[arg(long, value_name = "LIST")]
    parts: Option<Parts>,
    /// Name of the label with the host's name: Hostname, hostname or both. Default: Hostname.
    #[arg(long, value_name = "NAME")]
    host_label: Option<HostLabel>,
    /// Time between two readings of device values, in milliseconds, at least 100. Default: 1000.
    #[arg(short = 'c', long, value_name = "MS", env = "DCGM_EXPORTER_INTERVAL")]
    collect_interval: Option<Maybe<Interval>>,
    /// TLS, users and headers by a file in the form of Prometheus's web configuration.
    #[arg(long, value_name = "FILE", env = "DCGM_EXPORTER_WEB_CONFIG_FILE")]
    web_config_file: Option<Maybe<PathBuf>>,
    /// Answers of /metrics that may be under way at once; more are refused. Default: 40.
    #[arg(long, value_name = "COUNT", env = "DCGM_EXPORTER_MAX_CONCURRENT_SCRAPES")]
    max_concurrent_scrapes: Option<Maybe<NonZeroUsize>>,
    /// Longest time for a client to send its first question, handshake included; 0 for the default.
    /// Default: 10s.
    #[arg(long, value_name = "DURATION", env = "DCGM_EXPORTER_WEB_READ_TIMEOUT")]
    web_read_timeout: Option<Maybe<Span>>,
    /// Longest time for a client not to read while its answer is sent; 0 for the default. Default:
    /// 30s.
    #[arg(long, value_name = "DURATION", env = "DCGM_EXPORTER_WEB_WRITE_TIMEOUT")]
    web_write_timeout: Option<Maybe<Span>>,
    /// Form of the log: text or json; the same as --log LEVEL,json.
    #[arg(long, value_name = "FORM", env = "DCGM_EXPORTER_LOG_FORMAT")]
    log_format: Option<Maybe<LogForm>>,
    /// Log at the level debug; the same as --log debug.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_name = "BOOL", env = "DCGM_EXPORTER_DEBUG")]
    debug: Option<Switch>,
    #[command(flatten)]
    devices: DeviceFlags,
    #[command(flatten)]
    kubernetes: KubernetesFlags,
    #[command(flatten)]
    later: LaterFlags,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    state: StateArgs,
    /// Set when the binary was started as `dcgm-exporter`.
    #[arg(skip)]
    pub(crate) stands_in_for_dcgm_exporter: bool,
}

impl Args {
    /// Start the log, as `--log` says or as dcgm-exporter's flags do.
    pub(crate) fn start_log(&self) {
        let json = given(&self.log_format).map(|form| form == LogForm::Json);
        let debug = on(&self.debug) == Some(true);
        self.machine.start_log_or(Level::INFO, debug.then_some(Level::DEBUG), json);
    }
}

/// Form of the log, in dcgm-exporter's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogForm {
    Text,
    Json,
}

impl FromStr for LogForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("unknown form {text:?}: text or json")),
        }
    }
}

/// Milliseconds between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval(u64);

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let millis = text.parse().ok().filter(|millis| *millis >= 100);
        millis.map(Self).ok_or_else(|| format!("{text:?} is no number of milliseconds from 100 on"))
    }
}

pub(crate) fn run(args: &Args) -> Result<u8, Fault> {
    let file = config::load(args.machine.config.as_deref())?;
    let Opened { config, machine, simulated, state } = args.machine.open()?;
    let state = args.state.place(state);
    let config = exporter::Config { state_dir: state.to_write(), ..resolve(args, config)? };
    if let Some(name) = simulated {
        tracing::warn!(scenario = name, "simulated machine: no figure is that of a real GPU");
    }
    args.later.tell();
    let address = given(&args.listen).or(file.listen).unwrap_or(LISTEN);
    let web = serve::web(given(&args.web_config_file).as_deref())?;
    let bound = serve::bind(address, web)?;
    tracing::info!(
        version = crate::version::SHORT,
        %address,
        parts = %config.parts,
        state = ?config.state_dir,
        "starting"
    );
    let running = exporter::start(&config, machine, Arc::new(Stop::default())).map_err(refusal)?;
    let reload = running.reload_switch();
    signals::on_hangup(move || {
        tracing::info!("SIGHUP: the field list is read again");
        reload.store(true, Ordering::Relaxed);
    })?;
    if let Some(id) = missing_device(&config, &running.published()) {
        let _ = running.end();
        let selector = &config.devices;
        return Err(Fault::usage(anyhow!(
            "--devices {selector} names {id}, which is not there: gpulse who lists what is"
        )));
    }
    let served = serve::until_stopped(bound, running.router(), limits(args), || {
        let released = running.toggle_driver();
        tracing::info!(released, "SIGUSR1");
    });
    let _ = running.end();
    served.map(|()| 0)
}

/// A field list that cannot be read is a fault of the command line.
fn refusal(error: StartError) -> Fault {
    match error {
        StartError::Fields(error) => Fault::usage(error),
        StartError::Thread(_) => anyhow!(error).context("cannot start the exporter").into(),
    }
}

/// A device that is named and not there; what cannot be looked at within that time is not missing.
fn missing_device(config: &exporter::Config, published: &Published) -> Option<u32> {
    const WITHIN: Duration = Duration::from_secs(10);
    if !config.devices.has_list() {
        return None;
    }
    let begun = Instant::now();
    while begun.elapsed() < WITHIN {
        if let Some(snapshot) = published.newest() {
            let gpus = || snapshot.pass.gpus.iter().map(AsRef::as_ref);
            let known = gpus().all(|gpu| !gpu.uuid.is_empty());
            return config.devices.missing(gpus()).filter(|_| known && gpus().next().is_some());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    None
}

fn limits(args: &Args) -> listen::Limits {
    let mut limits = listen::Limits::default();
    let set = |flag| given(flag).map(|Span(time)| time).filter(|time| !time.is_zero());
    if let Some(read) = set(&args.web_read_timeout) {
        limits.first_time = read;
    }
    if let Some(write) = set(&args.web_write_timeout) {
        limits.stall_time = write;
    }
    limits
}

/// Flags and environment over the file.
fn resolve(args: &Args, file: exporter::Config) -> Result<exporter::Config, Fault> {
    let parts = match (args.parts, args.stands_in_for_dcgm_exporter) {
        (Some(parts), _) => parts,
        // A file that names other parts than the usual ones means them.
        (None, true) if file.parts == Parts::default() => {
            Parts { gpu: true, sessions: false, own: false }
        }
        (None, _) => file.parts,
    };
    let scrapes = given(&args.max_concurrent_scrapes).map(NonZeroUsize::get);
    let interval = given(&args.collect_interval).map(|interval| interval.0);
    let config = exporter::Config {
        parts,
        host_label: args.host_label.unwrap_or(file.host_label),
        collect_interval_ms: interval.or(file.collect_interval_ms),
        max_concurrent_scrapes: scrapes.unwrap_or(file.max_concurrent_scrapes),
        ..file
    };
    args.kubernetes.over(args.devices.over(config))
}
