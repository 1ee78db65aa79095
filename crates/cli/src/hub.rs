//! What `up`, `demo` and `server` have in common: one port, one store in one folder, one clean end.
//!
//! Who puts samples into it is the command's own affair.

mod size;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use model::Clock;
use server::{Access, App, Choice, Tokens};
use store::{Fsync, Options, Store};

use crate::address::ListenAddress;
use crate::fault::Fault;
use crate::serve::{self, Bound};
use crate::{moment, output};
use size::Size;

/// Port of the page and the API; this machine alone.
const LISTEN: &str = "127.0.0.1:9470";
/// Folder of samples within the data folder.
const STORE: &str = "store";

/// The options of every command that keeps samples and serves the page.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct HubArgs {
    /// Address and port of the page and the API. Default: 127.0.0.1:9470, which only this machine
    /// reaches.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<ListenAddress>,
    /// Drop samples that are older.
    #[arg(long, value_name = "DURATION", default_value = "15d", value_parser = moment::read)]
    retention: Duration,
    /// Drop the oldest samples above this size: of the disk (80%), or in bytes (50GiB).
    #[arg(long, value_name = "SIZE", default_value = "80%")]
    retention_size: Size,
    /// Let in only who shows the token in this file; ROLE is read, write or admin (default).
    #[arg(long, value_name = "[ROLE=]FILE")]
    token_file: Vec<String>,
    /// TLS, users and headers by a file in the form of Prometheus's web configuration.
    #[arg(long, value_name = "FILE")]
    web_config_file: Option<PathBuf>,
    /// Let everybody in who reaches the port.
    #[arg(long, conflicts_with = "token_file")]
    insecure: bool,
    /// Path below which everything stands, behind a proxy: /gpu/.
    #[arg(long, value_name = "PATH", default_value = "/")]
    route_prefix: String,
}

impl HubArgs {
    /// The address, where the command line says none.
    #[must_use]
    pub(crate) fn or_listen(mut self, listen: Option<ListenAddress>) -> Self {
        self.listen = self.listen.or(listen);
        self
    }
}

/// Where samples lie, and in which time.
pub(crate) struct Setting<'a> {
    /// The data folder.
    pub(crate) data: &'a Path,
    /// When the log reaches the medium.
    pub(crate) fsync: Fsync,
    /// The time of everything.
    pub(crate) clock: Arc<dyn Clock>,
}

/// A server that is ready to be run.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Takes samples and answers.
    pub(crate) app: App,
    bound: Bound,
    data: PathBuf,
}

impl Hub {
    /// Bind the port, then open the store: a port in use is said before anything is touched.
    pub(crate) fn open(args: &HubArgs, setting: Setting<'_>) -> Result<Self, Fault> {
        let listen = match args.listen {
            Some(listen) => listen,
            None => LISTEN.parse().map_err(|reason: String| anyhow!(reason))?,
        };
        let tokens = Tokens::read(&args.token_file).map_err(Fault::usage)?;
        let web = serve::web(args.web_config_file.as_deref())?;
        let users = web.as_ref().is_some_and(|web| web.protection().users);
        if users && !tokens.is_empty() {
            let problem = "--token-file and users of --web-config-file cannot both be asked for, as a \
                 request has one Authorization: take one of them";
            return Err(Fault::usage(anyhow!(problem)));
        }
        let guarded = web.as_ref().is_some_and(|web| web.protection().asks_who());
        let bound = serve::bind(listen, web.clone())?;
        let choice = Choice { tokens, guarded, insecure: args.insecure, hosts: &[] };
        let access = Access::choose(bound.local()?, choice).map_err(Fault::usage)?;
        let store = open_store(args, &setting)?;
        let config = server::Config {
            access,
            web,
            flags: flags(args, setting.data),
            retention: retention(args),
            clock: setting.clock,
            ..server::Config::default()
        };
        let app = App::new(Arc::new(store), config.below(&args.route_prefix));
        Ok(Self { app, bound, data: setting.data.to_owned() })
    }

    /// Serve until SIGTERM or SIGINT. SIGUSR1 calls `on_usr1`; `before_close` ends whoever puts
    /// samples into the store, before that is closed.
    pub(crate) fn run(
        self,
        on_usr1: impl FnMut(),
        before_close: impl FnOnce() + Send + 'static,
    ) -> Result<(), Fault> {
        let url = format!("{}{}", self.bound.url(), self.app.config().route_prefix);
        let about = format!("open {url} in a browser; data in {}\n", self.data.display());
        serve::app_until_stopped(self.bound, self.app, &about, on_usr1, before_close)
    }

    /// Whose port it is, for messages.
    pub(crate) fn url(&self) -> &str {
        self.bound.url()
    }
}

fn open_store(args: &HubArgs, setting: &Setting<'_>) -> Result<Store, Fault> {
    let data = setting.data;
    std::fs::create_dir_all(data)
        .with_context(|| format!("cannot make the data folder {}", data.display()))?;
    let options = Options {
        retention_ms: i64::try_from(args.retention.as_millis()).unwrap_or(i64::MAX),
        retention_bytes: args.retention_size.on(data),
        fsync: setting.fsync,
        ..Options::new(store_folder(data))
    };
    let disk = Arc::new(store::RealDisk);
    let (store, found) = Store::open(disk, options, setting.clock.now().0.div_euclid(1000))
        .map_err(|cause| explained(cause, data))?;
    for sentence in found {
        tracing::warn!("{sentence}");
    }
    Ok(store)
}

/// Folder of the samples.
pub(crate) fn store_folder(data: &Path) -> PathBuf {
    data.join(STORE)
}

/// A store that cannot be opened; the cause says what to do.
fn explained(cause: store::OpenError, data: &Path) -> Fault {
    anyhow!(cause).context(format!("data folder {}", data.display())).into()
}

fn retention(args: &HubArgs) -> String {
    format!("{} or {}", moment::short(args.retention), args.retention_size)
}

/// For the API's list of flags: nothing that is secret.
fn flags(args: &HubArgs, data: &Path) -> Vec<(String, String)> {
    let web = args.web_config_file.as_ref().map(|path| path.display().to_string());
    vec![
        ("data".to_owned(), data.display().to_string()),
        ("retention".to_owned(), moment::short(args.retention)),
        ("retention-size".to_owned(), args.retention_size.to_string()),
        ("route-prefix".to_owned(), args.route_prefix.clone()),
        ("insecure".to_owned(), args.insecure.to_string()),
        ("web-config-file".to_owned(), web.unwrap_or_default()),
    ]
}

/// A data folder that goes when it is dropped.
pub(crate) fn temporary() -> Result<TemporaryFolder, Fault> {
    TemporaryFolder::new()
}

/// See [`temporary`].
#[derive(Debug)]
pub(crate) struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> Result<Self, Fault> {
        let path = std::env::temp_dir().join(format!("gpulse-{}", std::process::id()));
        // Its own user's alone: others must not read, or prepare, what lies there.
        let mut builder = std::fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let _ = std::fs::remove_dir_all(&path);
        builder
            .create(&path)
            .with_context(|| format!("cannot make the temporary folder {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(cause) = std::fs::remove_dir_all(&self.0) {
            output::say(&format!("the temporary folder {} is left: {cause}", self.0.display()));
        }
    }
}
