//! A real server on a port of this machine, for tests.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use model::Timestamp;
use model::clock::{Clock, Stop, SystemClock};
use server::{Access, App, Config};
use store::{Options, Store};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{Server, TokenArgs};

/// Seconds since the epoch at which its clock stands: 2026-01-15T09:00:00Z.
pub(crate) const NOW: i64 = 1_768_467_600;

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }

    fn sleep_until(&self, at: Timestamp, stop: &Stop) -> bool {
        SystemClock.sleep_until(at, stop)
    }
}

/// The server; it stops when this is dropped.
pub(crate) struct Running {
    pub(crate) app: App,
    pub(crate) url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Running {
    pub(crate) fn new(access: Access) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(store::RealDisk);
        let (store, _) = Store::open(disk, Options::new(folder.path()), NOW * 1000).unwrap();
        let config = Config { access, clock: Arc::new(Standing), ..Config::default() };
        let app = App::new(Arc::new(store), config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = app.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let until = async {
                let _ = stopped.await;
            };
            runtime.unwrap().block_on(server::serve(served, listener, until)).unwrap();
        });
        Self { app, url, stop: Some(stop), thread: Some(thread), _folder: folder }
    }

    /// A page as if scraped so many seconds ago.
    pub(crate) fn ingest(&self, instance: &str, page: &str, ago: i64) {
        let target = [("job", "gpulse"), ("instance", instance)];
        self.app.ingest_text((NOW - ago) * 1000, page, &target).unwrap();
    }

    /// The way to it, without a token.
    pub(crate) fn way(&self) -> Server {
        Server::new(&self.url, &TokenArgs { token_file: None, ca_file: None }).ok().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A page that the exporter printed over a simulated machine.
pub(crate) fn golden(name: &str) -> String {
    let path = format!("{}/../exporter/tests/golden/{name}.prom", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}
