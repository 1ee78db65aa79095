//! One request of a connection: sign-in before the router, headers after it, on every path.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::WebConfig;
use crate::users::Verdict;

/// Answers the requests of one connection.
pub(super) struct Answerer {
    router: TowerToHyperService<Router>,
    web: Option<Arc<WebConfig>>,
    asked: Arc<AtomicBool>,
}

impl Answerer {
    pub(super) fn new(router: Router, web: Option<Arc<WebConfig>>, asked: Arc<AtomicBool>) -> Self {
        Self { router: TowerToHyperService::new(router), web, asked }
    }
}

impl Service<Request<Incoming>> for Answerer {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.asked.store(true, Relaxed);
        let router = self.router.clone();
        match self.web.clone() {
            None => Box::pin(router.call(request)),
            Some(web) => Box::pin(guarded(web, router, request)),
        }
    }
}

async fn guarded(
    web: Arc<WebConfig>,
    router: TowerToHyperService<Router>,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let version = web.newest();
    let users = Arc::clone(&version.users);
    let mut response = match users.admit(request.headers(), web.counter()).await {
        Verdict::Admitted => router.call(request).await?,
        Verdict::Refused => refusal(
            StatusCode::UNAUTHORIZED,
            (WWW_AUTHENTICATE, "Basic realm=\"gpulse\", charset=\"UTF-8\""),
            "a user's name and password are needed\n",
        ),
        Verdict::Busy => refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            (RETRY_AFTER, "1"),
            "too many passwords are being looked at\n",
        ),
    };
    for (name, value) in &version.headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    Ok(response)
}

fn refusal(status: StatusCode, header: (HeaderName, &'static str), body: &'static str) -> Response {
    let usual = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (status, [header], usual, Body::from(body)).into_response()
}

/// Done when a connection had no request within its first time.
pub(super) async fn never_asked(asked: &AtomicBool, within: Duration) {
    tokio::time::sleep(within).await;
    if asked.load(Relaxed) {
        std::future::pending::<()>().await;
    }
}
