//! Work for a request off the threads that serve connections: bounded in number, ended when nobody
//! waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use crate::answer::{ApiError, Kind};
use crate::compress::Wanted;

/// What a piece of work is told.
pub(super) struct Call<'a> {
    /// Set when the client hung up.
    pub(super) cancel: &'a AtomicBool,
    /// What is left of its time.
    pub(super) left: Duration,
    /// How long it waited for its turn.
    pub(super) waited: Duration,
}

/// Runs `work` when one of the places is free, and sends the JSON that it makes.
pub(super) async fn run(
    places: &Arc<Semaphore>,
    wanted: Wanted,
    time: Duration,
    work: impl FnOnce(&Call<'_>) -> Result<Vec<u8>, ApiError> + Send + 'static,
) -> Response {
    let begun = Instant::now();
    let place = tokio::time::timeout(time, Arc::clone(places).acquire_owned()).await;
    let Ok(Ok(place)) = place else {
        return ApiError::new(Kind::Timeout, "query timed out in query queue").into_response();
    };
    let waiting = Waiting(Arc::new(AtomicBool::new(false)));
    let gone = Arc::clone(&waiting.0);
    let task = tokio::task::spawn_blocking(move || {
        let _place = place;
        let waited = begun.elapsed();
        let call = Call { cancel: &gone, left: time.saturating_sub(waited), waited };
        match work(&call) {
            Ok(body) => wanted.json(body),
            Err(problem) => problem.into_response(),
        }
    });
    let broke = |_| ApiError::new(Kind::Internal, "the query broke off").into_response();
    let response = task.await.unwrap_or_else(broke);
    drop(waiting);
    response
}

/// A client that waits: dropped with its connection.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
