//! The role while it runs: the node on its thread, and the routes over what it publishes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cluster::api::Api;
use model::Stop;

use crate::Config;
use crate::fields::source::{ConfigMapText, FieldListError, FieldSource, MapAnswer};
use crate::http::{self, Served};
use crate::node::{Machine, Node, StateUse};
use crate::snapshot::Published;
use crate::sources::{self, Started};

/// Name of the state file in the state folder.
pub const STATE_FILE: &str = "exporter.state";

/// How long the end may take: one pass and the last write of the state.
const END_WITHIN: Duration = Duration::from_secs(8);

/// The exporter at work.
#[derive(Debug)]
pub struct Running {
    served: Arc<Served>,
    published: Published,
    released: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
    api: Option<Arc<Api>>,
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
}

/// Why the role cannot be started.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum StartError {
    #[error("the system gives no thread")]
    Thread(#[from] io::Error),
    #[error(transparent)]
    Fields(#[from] FieldListError),
}

/// Start the role. It ends when `stop` is set; nothing about the driver ends it before.
///
/// # Errors
/// The system gives no thread, or the field list cannot be read.
pub fn start(config: &Config, machine: Machine, stop: Arc<Stop>) -> Result<Running, StartError> {
    let state = match &config.state_dir {
        Some(dir) => StateUse::Keep { path: dir.join(STATE_FILE), keeper: None },
        None => StateUse::None,
    };
    let Started { sources, tasks, api } = sources::start(config, &stop)?;
    let fields = FieldSource::open(config, api.clone().map(config_map))?;
    let reload = fields.switch();
    let node = Node::new(config, machine, &state).with_sources(config, sources).with_fields(fields);
    let (published, released) = (node.published(), node.release_switch());
    let served = Served::new(published.clone(), node.scrapes(), node.clock(), config);
    let thread = {
        let stop = Arc::clone(&stop);
        thread::Builder::new().name("node".to_owned()).spawn(move || {
            node.run(&stop);
            drop(tasks);
        })?
    };
    Ok(Running { served: Arc::new(served), published, released, reload, api, stop, thread })
}

/// The field list in a ConfigMap.
fn config_map(api: Arc<Api>) -> ConfigMapText {
    Box::new(move || MapAnswer {
        text: api.config_map(),
        lack: api.config_map_state().lack().map(ToString::to_string),
    })
}

impl Running {
    /// The routes to serve.
    pub fn router(&self) -> axum::Router {
        http::router(Arc::clone(&self.served))
    }

    /// Where the newest snapshot is found.
    #[must_use]
    pub fn published(&self) -> Published {
        self.published.clone()
    }

    /// The API server, where it is asked.
    #[must_use]
    pub fn api(&self) -> Option<Arc<Api>> {
        self.api.clone()
    }

    /// Let go of the driver, or take it back: what SIGUSR1 asks for. True: it is let go of from the
    /// next pass on.
    pub fn toggle_driver(&self) -> bool {
        !self.released.fetch_xor(true, Ordering::Relaxed)
    }

    /// The switch that has the field list read again when it is set: what SIGHUP asks for.
    #[must_use]
    pub fn reload_switch(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.reload)
    }

    /// The switch behind [`Self::toggle_driver`], for a signal handler of its own.
    #[must_use]
    pub fn release_switch(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.released)
    }

    /// Stop and wait for the state to be kept. False: a driver call holds the thread, and the
    /// process can only go without it.
    #[must_use]
    pub fn end(self) -> bool {
        self.stop.stop();
        let begun = Instant::now();
        while !self.thread.is_finished() {
            if begun.elapsed() > END_WITHIN {
                tracing::warn!("the node's thread does not end: leaving without its state");
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.thread.join().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::machine;

    fn wait_for_pass(running: &Running, pass: u64) {
        for _ in 0..2000 {
            if running.published().newest().is_some_and(|snapshot| snapshot.number >= pass) {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("pass {pass} does not come");
    }

    #[test]
    fn s2_27_a_machine_without_driver_keeps_running_and_leaves_its_state_when_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { state_dir: Some(dir.path().to_owned()), ..Config::default() };
        let stop = Arc::new(Stop::default());
        let running = start(&config, machine(dir.path()), Arc::clone(&stop)).unwrap();
        wait_for_pass(&running, 2);
        let snapshot = running.published().newest().unwrap();
        assert!(snapshot.absence().is_some());
        assert_eq!(&*snapshot.hostname, "gpu-a");
        assert!(running.end());
        assert!(stop.is_stopped());
        assert!(dir.path().join(STATE_FILE).is_file());
    }

    #[test]
    fn the_driver_is_let_go_of_and_taken_back_by_the_switch() {
        let dir = tempfile::tempdir().unwrap();
        let running =
            start(&Config::default(), machine(dir.path()), Arc::new(Stop::default())).unwrap();
        wait_for_pass(&running, 1);
        assert!(running.toggle_driver());
        let pass = running.published().newest().unwrap().number + 2;
        wait_for_pass(&running, pass);
        let snapshot = running.published().newest().unwrap();
        let (reason, remedy) = snapshot.absence().unwrap();
        assert!(reason.contains("let go of") && remedy.contains("SIGUSR1"), "{reason}; {remedy}");
        assert!(!running.toggle_driver());
        assert!(running.end());
    }
}
