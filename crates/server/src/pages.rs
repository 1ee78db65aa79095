//! The web UI's paths, and the prefix below which everything may stand behind a proxy.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::answer::{ApiError, Kind};
use crate::security::page_headers;
use crate::{App, Config};

pub(crate) async fn page(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        let message = format!("there is no {path}: see docs/reference/api.md");
        return ApiError::new(Kind::NotFound, message).into_response();
    }
    let path = path.trim_start_matches('/');
    let mut response = app.assets().answer(request.method(), path, request.headers());
    page_headers(response.headers_mut());
    response
}

/// The routes below the prefix; also without it, for proxies that take it off.
pub(crate) fn below_prefix(routes: Router, config: &Config) -> Router {
    let prefix = config.route_prefix.clone();
    if prefix == "/" {
        return routes;
    }
    let strip = middleware::from_fn(move |request: Request, next: Next| {
        let prefix = prefix.clone();
        async move { without_prefix(request, next, &prefix).await }
    });
    // A layer of the routes themselves would see the request when its route is chosen already.
    Router::new().fallback_service(routes).layer(strip)
}

async fn without_prefix(mut request: Request, next: Next, prefix: &str) -> Response {
    let text = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let bare = &prefix[..prefix.len() - 1];
    if request.uri().path() == bare {
        return Redirect::permanent(prefix).into_response();
    }
    if let Some(rest) = text.strip_prefix(bare).filter(|rest| rest.starts_with('/')) {
        let Ok(uri) = rest.parse::<Uri>() else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        *request.uri_mut() = uri;
    }
    next.run(request).await
}
