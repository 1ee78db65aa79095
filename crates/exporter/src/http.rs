//! The routes of the exporter: the page, health with its reasons, and a start page.
//!
//! Every answer comes from memory: no driver call and no look at `/proc` is made for a request.
//! Binding ports, TLS and time limits on connections belong to whoever serves these routes.

mod answers;
mod pages;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use model::{Clock, text};

use crate::Config;
use crate::page::Style;
use crate::scrapes::{Permit, Scrapes};
use crate::snapshot::Published;
use answers::accepts_gzip;
pub use answers::{Answer, health, readiness, start_page};
use pages::Pages;

/// Set by dcgm-exporter: whether there is something to answer from.
const REGISTRY_AVAILABLE: HeaderName = HeaderName::from_static("x-registry-available");
/// Set by dcgm-exporter: whether the field list is being changed.
const RELOAD_IN_PROGRESS: HeaderName = HeaderName::from_static("x-reload-in-progress");

/// What the routes answer from.
pub struct Served {
    pages: Arc<Pages>,
    published: Published,
    scrapes: Arc<Scrapes>,
    clock: Arc<dyn Clock>,
    most_scrapes: usize,
}

impl Served {
    /// Answer from what a node publishes.
    #[must_use]
    pub fn new(
        published: Published,
        scrapes: Arc<Scrapes>,
        clock: Arc<dyn Clock>,
        config: &Config,
    ) -> Self {
        Self {
            pages: Arc::new(Pages::new(config.parts, Style::from(config))),
            published,
            scrapes,
            clock,
            most_scrapes: config.max_concurrent_scrapes,
        }
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("most_scrapes", &self.most_scrapes).finish_non_exhaustive()
    }
}

/// The routes: `/`, `/metrics`, `/health`, `/healthz`, `/readyz`; GET and HEAD only.
pub fn router(served: Arc<Served>) -> Router {
    Router::new()
        .route("/", get(async || Html(start_page())))
        .route("/metrics", get(metrics))
        .route("/health", get(health_route))
        .route("/healthz", get(health_route))
        .route("/readyz", get(ready_route))
        .layer(middleware::from_fn_with_state(Arc::clone(&served), headers))
        .with_state(served)
}

async fn headers(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let newest = served.published.newest();
    let word = |yes| HeaderValue::from_static(if yes { "true" } else { "false" });
    let reloading = newest.as_ref().is_some_and(|snapshot| snapshot.reload.in_progress);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REGISTRY_AVAILABLE, word(newest.is_some()));
    headers.insert(RELOAD_IN_PROGRESS, word(reloading));
    response
}

async fn health_route(State(served): State<Arc<Served>>) -> Answer {
    health(&served.published, served.clock.now())
}

async fn ready_route(State(served): State<Arc<Served>>) -> Answer {
    readiness(&served.published, served.clock.now())
}

async fn metrics(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let begun = Instant::now();
    let Some(permit) = served.scrapes.admit(served.most_scrapes) else {
        return busy(served.most_scrapes);
    };
    let alive = health(&served.published, served.clock.now());
    let (true, Some(snapshot)) = (alive.ok, served.published.newest()) else {
        return Answer { ok: false, ..alive }.into_response();
    };
    let gzip = accepts_gzip(&headers);
    let page = if let Some(page) = served.pages.ready(snapshot.number, gzip) {
        page
    } else {
        let pages = Arc::clone(&served.pages);
        match tokio::task::spawn_blocking(move || pages.page(&snapshot, gzip)).await {
            Ok(page) => page,
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    };
    served.scrapes.observe(begun.elapsed());
    answer_page(page, permit, gzip)
}

fn busy(most: usize) -> Response {
    let body = format!("{most} scrapes are under way already: scrape less often\n");
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], body).into_response()
}

/// The page as a body that keeps its permit until it has been sent.
fn answer_page(page: Bytes, permit: Permit, gzip: bool) -> Response {
    let body = Body::from(Bytes::from_owner(Held { page, _permit: permit }));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(text::CONTENT_TYPE));
    headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

struct Held {
    page: Bytes,
    _permit: Permit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.page
    }
}

#[cfg(test)]
mod tests;
