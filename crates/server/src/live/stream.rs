//! One listener: a task that waits for the next picture and hands its events on, and the body that
//! they are sent from.
//!
//! The task works no further ahead than a few events: one whose connection takes nothing stands
//! still, and after a while its stream ends. Coming back with the last event's id goes on from
//! there.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep};

use super::listeners::Place;
use super::step::Event;
use crate::App;

/// Events made ready ahead of the connection.
const AHEAD: usize = 2;
/// A connection that takes nothing for that long is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between comments, so that proxies see life.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// How long a client waits before it comes back, in ms.
const RETRY: &[u8] = b"retry: 2000\n\n";

/// The body of a stream.
pub(super) struct Stream(Receiver<Bytes>);

impl Stream {
    /// A listener that knows the revision `since`.
    pub(super) fn start(app: App, place: Place, since: Option<u64>, with_sessions: bool) -> Self {
        let (sender, receiver) = channel(AHEAD);
        tokio::spawn(feed(Listener { app, place, sender, since, with_sessions }));
        Self(receiver)
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

struct Listener {
    app: App,
    place: Place,
    sender: Sender<Bytes>,
    since: Option<u64>,
    with_sessions: bool,
}

/// Runs until the client is gone, is too slow, or lost its place.
async fn feed(mut of: Listener) {
    let mut commented = Instant::now();
    if !of.send(Bytes::from_static(RETRY)).await {
        return;
    }
    loop {
        let Some(events) = of.events().await else { return };
        for event in events {
            of.since = Some(event.rev);
            commented = Instant::now();
            let text = of.app.live().text(&event);
            if !of.send(text).await {
                return;
            }
        }
        if commented.elapsed() >= COMMENT_EVERY {
            commented = Instant::now();
            if !of.send(Bytes::from_static(b": alive\n\n")).await {
                return;
            }
        }
        let wait = Duration::from_millis(of.app.live().wait_ms(of.app.now_ms()));
        tokio::select! {
            () = sleep(wait) => {}
            () = of.sender.closed() => return,
        }
    }
}

impl Listener {
    async fn events(&self) -> Option<Vec<Event>> {
        let (app, since, with_sessions) = (self.app.clone(), self.since, self.with_sessions);
        let work = move || app.live().events(app.now_ms(), since, with_sessions);
        tokio::task::spawn_blocking(work).await.ok()
    }

    /// False when there is nobody to send to.
    async fn send(&self, bytes: Bytes) -> bool {
        let sent = tokio::time::timeout(PATIENCE, self.sender.send(bytes)).await;
        matches!(sent, Ok(Ok(()))) && self.place.keep()
    }
}
