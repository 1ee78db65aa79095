//! Trades a token for a cookie and back.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::App;
use crate::answer::{ApiError, Kind};
use crate::form::Form;
use crate::security::{clear_cookie, set_cookie};

pub(crate) async fn sign_in(State(app): State<App>, form: Form) -> Result<Response, ApiError> {
    let config = app.config();
    if !config.access.wants_sign_in() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let role = config.access.role_of(form.get("token").trim()).ok_or_else(|| {
        ApiError::new(Kind::Unauthorized, "this token is not known: ask who runs the server")
    })?;
    let cookie = app.cookies().sign_in(role, app.now());
    let header =
        cookie.and_then(|value| set_cookie(&value, &config.route_prefix, config.is_encrypted()));
    let header =
        header.ok_or_else(|| ApiError::new(Kind::Internal, "the system gives no random bytes"))?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, header)]).into_response())
}

pub(crate) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Response {
    app.cookies().sign_out(&headers);
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(header) = clear_cookie(&app.config().route_prefix) {
        response.headers_mut().insert(SET_COOKIE, header);
    }
    response
}
