//! The server on a port: the store kept in order while `listen` answers, and a clean end.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use model::Stop;

use crate::{App, router};

/// How often the store is looked after.
const MAINTENANCE: Duration = Duration::from_millis(100);

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

/// Answers on a port until `stop` is done, by the web-config file where there is one, and looks after
/// the store. When this returns, everything
/// that was acknowledged is on the medium.
///
/// # Errors
/// The port cannot be used, or the medium refuses the end of the log.
pub async fn serve(
    app: App,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let keeper = Keeper::start(&app)?;
    let web = app.config().web.clone();
    let served = listen::serve(listener, router(app.clone()), web, limits(&app), stop).await;
    keeper.end().await;
    served.map_err(ServeError::Port)?;
    let closing = tokio::task::spawn_blocking(move || app.store().close(app.now_ms())).await;
    closing.unwrap_or(Ok(())).map_err(ServeError::Close)
}

fn limits(app: &App) -> listen::Limits {
    let own = app.config().limits;
    listen::Limits {
        connections: own.connections,
        first_time: own.head_time,
        ..listen::Limits::default()
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
