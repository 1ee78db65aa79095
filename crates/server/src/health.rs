//! Whether the server answers, and whether it can be asked.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::App;

pub(crate) async fn healthy() -> Response {
    text(StatusCode::OK, "gpulse is healthy.\n".to_owned())
}

pub(crate) async fn ready(State(app): State<App>) -> Response {
    match app.not_ready() {
        None => text(StatusCode::OK, "gpulse is ready.\n".to_owned()),
        Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

fn text(status: StatusCode, body: String) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}
