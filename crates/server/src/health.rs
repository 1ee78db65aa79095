//! Whether the server answers, and whether it can be asked.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::App;

const READY: &str = "gpulse is ready.\n";
const FULL: &str =
    "Writes are refused while the disk of the data folder is full: free space there.\n";

pub(crate) async fn healthy() -> Response {
    text(StatusCode::OK, "gpulse is healthy.\n".to_owned())
}

pub(crate) async fn ready(State(app): State<App>) -> Response {
    match app.not_ready() {
        // It can be asked, and writes resume by themselves.
        None if app.store().stats().full => text(StatusCode::OK, format!("{READY}{FULL}")),
        None => text(StatusCode::OK, READY.to_owned()),
        Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

fn text(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}
