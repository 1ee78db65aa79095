//! `GET /api/v1/snapshot` and `GET /api/v1/stream`.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::task::spawn_blocking;

use super::stream::Stream;
use crate::App;
use crate::answer::{ApiError, Kind};
use crate::compress::Wanted;
use crate::form::Form;

/// What can be asked for besides; anything else is refused, so that it may mean something later.
const SESSION: &str = "session";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies that buffer answers pass this one on at once.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The picture now; 304 for who has it already.
pub(crate) async fn snapshot(
    State(app): State<App>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, ApiError> {
    let with_sessions = with_sessions(&form)?;
    let wanted = Wanted::of(&headers);
    let known = headers.get(IF_NONE_MATCH).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    spawn_blocking(move || {
        let live = app.live();
        let frame = live.frame(app.now_ms());
        let tag = format!("\"{:x}-{}-{}\"", live.epoch, frame.rev, u8::from(with_sessions));
        let mut response = if known.is_some_and(|known| names(&known, &tag)) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            wanted.json(frame.json(with_sessions).to_vec())
        };
        if let Ok(tag) = HeaderValue::try_from(tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    })
    .await
    .map_err(|_| ApiError::new(Kind::Internal, "the live view failed"))
}

/// The picture and its changes.
pub(crate) async fn stream(
    State(app): State<App>,
    headers: HeaderMap,
    form: Form,
) -> Result<Response, ApiError> {
    let with_sessions = with_sessions(&form)?;
    let place = app.live().listeners.join();
    let place = place.ok_or_else(|| ApiError::new(Kind::Busy, "too many listen already"))?;
    let since = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let since = since.and_then(|id| app.live().rev_of_id(id));
    let body = Body::new(Stream::start(app, place, since, with_sessions));
    let mut response = Response::new(body);
    let of = response.headers_mut();
    of.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    of.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    of.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

fn with_sessions(form: &Form) -> Result<bool, ApiError> {
    let wanted: Vec<&str> =
        form.all("include").flat_map(|list| list.split(',')).filter(|of| !of.is_empty()).collect();
    match wanted.iter().find(|of| **of != SESSION) {
        Some(other) => {
            Err(ApiError::parameter("include", format!("{other:?} is not known, only {SESSION:?}")))
        }
        None => Ok(!wanted.is_empty()),
    }
}

/// Whether a list of entity tags holds this one; a weak one is as good.
fn names(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == tag || one == "*")
}
