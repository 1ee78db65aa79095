//! A server over a store in a folder of its own, with a clock that stands, for tests.
#![expect(clippy::cast_possible_truncation, reason = "bytes of varints")]

pub(crate) mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use model::Timestamp;
use model::clock::{Clock, Stop, SystemClock};
use store::{Options, Store};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::{App, Config, router};

/// Ms since the epoch when tests begin: 2026-01-15T09:00:00Z.
pub(crate) const NOW: i64 = 1_768_467_600_000;

/// A clock that stands until it is set.
#[derive(Debug)]
pub(crate) struct Standing(Mutex<i64>);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp(*self.0.lock().unwrap() * 1000)
    }

    fn sleep_until(&self, at: Timestamp, stop: &Stop) -> bool {
        SystemClock.sleep_until(at, stop)
    }
}

/// A server; the folder goes with the second value.
pub(crate) fn app(config: Config) -> (App, TempDir) {
    app_over(config, |_| {})
}

/// The same with other options of the store.
pub(crate) fn app_over(config: Config, change: impl FnOnce(&mut Options)) -> (App, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(folder.path());
    change(&mut options);
    (app_on(Arc::new(journal::RealDisk), options, config), folder)
}

/// A server over a store on that disk.
pub(crate) fn app_on(disk: Arc<dyn journal::Disk>, options: Options, config: Config) -> App {
    let (store, _) = Store::open(disk, options, NOW).unwrap();
    let clock = Arc::new(Standing(Mutex::new(NOW)));
    App::new(Arc::new(store), Config { clock, ..config })
}

impl Standing {
    /// A clock that shows this, ms since the epoch.
    pub(crate) fn at(ms: i64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(ms)))
    }

    /// The clock jumps.
    pub(crate) fn set(&self, ms: i64) {
        *self.0.lock().unwrap() = ms;
    }
}

/// An answer, read in full.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends a request to the real routes; `Host` is localhost unless it is given.
pub(crate) fn ask(app: &App, mut request: Request<Body>) -> Answer {
    let headers = request.headers_mut();
    headers.entry("host").or_insert("localhost:9470".parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = router(app.clone()).oneshot(request).await.unwrap();
        read(response).await
    })
}

async fn read(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = tokio::time::timeout(Duration::from_secs(60), axum::body::to_bytes(body, 1 << 28));
    let body = body.await.unwrap().unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub(crate) fn get(app: &App, path: &str) -> Answer {
    ask(app, Request::get(path).body(Body::empty()).unwrap())
}

/// Stores text over HTTP and demands success.
pub(crate) fn import(app: &App, page: &str) {
    let request = Request::post("/api/v1/import/prometheus").body(Body::from(page.to_owned()));
    let answer = ask(app, request.unwrap());
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
}

/// Sends a form by POST.
pub(crate) fn post(app: &App, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    ask(app, request.body(Body::from(body)).unwrap())
}

/// The result of a query at a time, ms since the epoch.
pub(crate) fn query(app: &App, query: &str, time: i64) -> Vec<serde_json::Value> {
    let time = format!("{}.{:03}", time / 1000, time % 1000);
    let answer = post(app, "/api/v1/query", &[("query", query), ("time", &time)]);
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text());
    answer.json()["data"]["result"].as_array().unwrap().clone()
}
