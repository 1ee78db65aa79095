//! Signals for commands that are not servers: SIGINT and SIGTERM end the wait of a loop.

use std::sync::Arc;

use anyhow::Context as _;
use model::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// A stop that is set by the first SIGINT or SIGTERM.
pub(crate) fn stop_on_signal() -> anyhow::Result<Arc<Stop>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("cannot handle signals")?;
    // Signals are caught from here on, not from when the thread first runs.
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        let of = |kind| signal(kind).context("cannot handle signals");
        (of(SignalKind::interrupt())?, of(SignalKind::terminate())?)
    };
    let stop = Arc::new(Stop::default());
    let set = Arc::clone(&stop);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            });
            set.stop();
        })
        .context("cannot start a thread for signals")?;
    Ok(stop)
}

/// Call this at every SIGHUP from now on, for as long as the process lives.
pub(crate) fn on_hangup(mut call: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("cannot handle signals")?;
    let mut hangup = {
        let _inside = runtime.enter();
        signal(SignalKind::hangup()).context("cannot handle signals")?
    };
    let run = move || {
        runtime.block_on(async {
            while hangup.recv().await.is_some() {
                call();
            }
        });
    };
    std::thread::Builder::new()
        .name("hangup".to_owned())
        .spawn(run)
        .map(drop)
        .context("cannot start a thread for signals")
}
