//! The server on a port: connections with bounds, the store kept in order meanwhile, a clean end.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use model::Stop;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::{App, router};

/// How long answers under way may take after the signal to stop.
const FAREWELL: Duration = Duration::from_secs(3);
/// How often the store is looked after.
const MAINTENANCE: Duration = Duration::from_millis(100);
/// Headers of a request, and bytes of them: browsers and proxies stay far below.
const MOST_HEADERS: usize = 100;
const HEAD_BYTES: usize = 64 << 10;

/// Why the server ended.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum ServeError {
    #[error("cannot hand the port to the runtime")]
    Port(#[source] io::Error),
    #[error("cannot start the thread that looks after the store")]
    Thread(#[source] io::Error),
    #[error("the store could not be closed")]
    Close(#[source] store::CloseError),
}

/// Answers on a port until `stop` is done, and looks after the store. When this returns, everything
/// that was acknowledged is on the medium.
///
/// # Errors
/// The port cannot be used, or the medium refuses the end of the log.
pub async fn serve(
    app: App,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    listener.set_nonblocking(true).map_err(ServeError::Port)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(ServeError::Port)?;
    let keeper = Keeper::start(&app)?;
    accept(&app, &listener, stop).await;
    drop(listener);
    keeper.end().await;
    let closing = tokio::task::spawn_blocking(move || app.store().close(app.now_ms())).await;
    closing.unwrap_or(Ok(())).map_err(ServeError::Close)
}

async fn accept(app: &App, listener: &tokio::net::TcpListener, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(app.config().limits.connections));
    let service = TowerToHyperService::new(router(app.clone()));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(app.config().limits.head_time)
        .max_headers(MOST_HEADERS)
        .max_buf_size(HEAD_BYTES);
    tokio::pin!(stop);
    loop {
        let next = async {
            // Only closing the semaphore fails this, and nobody does.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let Some(stream) = opened(accepted.map(|(stream, _)| stream)).await else { continue };
        let connection = http.serve_connection(TokioIo::new(stream), service.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            // A client that breaks the protocol or goes away is its own affair.
            let _ = connection.await;
        });
    }
    // A client that never reads must not keep the role from ending.
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
}

async fn opened(accepted: io::Result<TcpStream>) -> Option<TcpStream> {
    match accepted {
        Ok(stream) => {
            // Answers are written whole: waiting for more only delays them.
            let _ = stream.set_nodelay(true);
            Some(stream)
        }
        Err(cause) => {
            tracing::warn!(%cause, "cannot accept a connection");
            // Out of file descriptors: looping at once would only burn the processor.
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// The thread that looks after the store.
struct Keeper {
    stop: Arc<Stop>,
    thread: std::thread::JoinHandle<()>,
}

impl Keeper {
    fn start(app: &App) -> Result<Self, ServeError> {
        let stop = Arc::new(Stop::default());
        let (app, stopped) = (app.clone(), Arc::clone(&stop));
        let work = move || {
            while !stopped.wait(MAINTENANCE) {
                for sentence in app.store().maintain(app.now_ms()) {
                    tracing::warn!("{sentence}");
                }
            }
        };
        let thread = std::thread::Builder::new().name("store-keeper".to_owned()).spawn(work);
        Ok(Self { stop, thread: thread.map_err(ServeError::Thread)? })
    }

    async fn end(self) {
        self.stop.stop();
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}

#[cfg(test)]
mod tests;
