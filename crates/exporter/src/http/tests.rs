//! The routes, called in-process.

use std::io::Read;
use std::time::Duration;

use axum::http::Request;
use flate2::read::GzDecoder;
use model::clock::SystemClock;
use model::text::parse;
use model::{Stop, Timestamp};
use tower::ServiceExt;

use super::*;
use crate::testing::{NOW, snapshot, whole, without_driver};
use crate::{Parts, Snapshot};

/// A clock that stands.
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn sleep_until(&self, at: Timestamp, stop: &Stop) -> bool {
        SystemClock.sleep_until(at, stop)
    }
}

struct Site {
    router: Router,
    published: Published,
    scrapes: Arc<Scrapes>,
}

fn site_with(config: &Config) -> Site {
    let published = Published::new(config.longest_age());
    let scrapes = Arc::new(Scrapes::default());
    let clock = Arc::new(Standing(NOW));
    let served = Served::new(published.clone(), Arc::clone(&scrapes), clock, config);
    Site { router: router(Arc::new(served)), published, scrapes }
}

fn site(snapshot: Option<Snapshot>) -> Site {
    let site = site_with(&Config::default());
    if let Some(snapshot) = snapshot {
        site.published.publish(Arc::new(snapshot));
    }
    site
}

fn ask(site: &Site, request: Request<Body>) -> Response<Body> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(site.router.clone().oneshot(request)).unwrap()
}

fn get_from(site: &Site, path: &str) -> Response<Body> {
    ask(site, Request::get(path).body(Body::empty()).unwrap())
}

fn bytes(response: Response<Body>) -> Bytes {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(axum::body::to_bytes(response.into_body(), 1 << 24)).unwrap()
}

fn text(response: Response<Body>) -> String {
    String::from_utf8(bytes(response).to_vec()).unwrap()
}

#[test]
fn s2_21_metrics_answers_the_newest_page_with_the_formats_content_type() {
    let site = site(Some(snapshot(vec![whole(0, "X", &[(150, 41.0)])])));
    let response = get_from(&site, "/metrics");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(response.headers()["X-Registry-Available"], "true");
    assert_eq!(response.headers()["X-Reload-In-Progress"], "false");
    let page = text(response);
    assert!(page.contains("DCGM_FI_DEV_GPU_TEMP{gpu=\"0\""), "{page}");
    parse(&page).unwrap();
}

#[test]
fn a_client_that_accepts_gzip_gets_the_same_page_smaller() {
    let site = site(Some(snapshot(vec![whole(0, "X", &[(150, 41.0)])])));
    let plain = text(get_from(&site, "/metrics"));
    let request =
        Request::get("/metrics").header("Accept-Encoding", "br, gzip;q=0.5").body(Body::empty());
    let response = ask(&site, request.unwrap());
    assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
    let packed = bytes(response);
    let mut unpacked = String::new();
    GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    assert!(packed.len() < plain.len() / 2);
    let refused =
        Request::get("/metrics").header("Accept-Encoding", "gzip;q=0").body(Body::empty());
    assert!(ask(&site, refused.unwrap()).headers().get(CONTENT_ENCODING).is_none());
}

#[test]
fn a_new_pass_makes_a_new_page_and_the_same_pass_none() {
    let site = site(Some(snapshot(vec![whole(0, "X", &[(150, 41.0)])])));
    assert!(text(get_from(&site, "/metrics")).contains("} 41\n"));
    let mut next = snapshot(vec![whole(0, "X", &[(150, 42.0)])]);
    site.published.publish(Arc::new(next.clone()));
    assert!(text(get_from(&site, "/metrics")).contains("} 41\n"), "same number, same page");
    next.number = 2;
    site.published.publish(Arc::new(next));
    assert!(text(get_from(&site, "/metrics")).contains("} 42\n"));
    assert_eq!(site.scrapes.counts().count, 3);
}

#[test]
fn before_the_first_pass_there_is_no_page_but_health() {
    let site = site(None);
    assert_eq!(get_from(&site, "/metrics").status(), StatusCode::SERVICE_UNAVAILABLE);
    let health = get_from(&site, "/health");
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(health.headers()["X-Registry-Available"], "false");
    let ready = get_from(&site, "/readyz");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(ready).contains("first pass"));
}

#[test]
fn s2_27_without_driver_it_is_healthy_and_not_ready_and_says_why() {
    let site = site(Some(without_driver()));
    for path in ["/health", "/healthz"] {
        let health = get_from(&site, path);
        assert_eq!(health.status(), StatusCode::OK);
        assert_eq!(text(health), "OK\nno GPU can be read: no library; install it\n");
    }
    let ready = get_from(&site, "/readyz");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text(ready), "no GPU can be read: no library; install it\n");
    assert_eq!(get_from(&site, "/metrics").status(), StatusCode::OK);
}

#[test]
fn a_lost_gpu_is_named_and_the_others_are_served() {
    let mut lost = whole(1, "X", &[]);
    lost.health = gpu::Health::Lost;
    let site = site(Some(snapshot(vec![whole(0, "X", &[(150, 41.0)]), lost])));
    assert_eq!(text(get_from(&site, "/readyz")), "OK\nGPU 1 is lost: the driver cannot reach it\n");
}

#[test]
fn while_a_new_list_waits_the_header_says_so_and_an_unread_list_is_not_ready() {
    let mut waiting = snapshot(vec![whole(0, "X", &[(150, 41.0)])]);
    waiting.reload.in_progress = true;
    let site_of = site(Some(waiting.clone()));
    let response = get_from(&site_of, "/metrics");
    assert_eq!(response.headers()["X-Reload-In-Progress"], "true");
    assert!(text(response).contains("DCGM_FI_DEV_GPU_TEMP{"), "the last page stays");
    waiting.reload.is_unread = true;
    waiting.reload.fault = Some("ConfigMap gpu:fields: forbidden".into());
    let site_of = site(Some(waiting));
    let ready = get_from(&site_of, "/readyz");
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text(ready), "ConfigMap gpu:fields: forbidden\n");
    let health = text(get_from(&site_of, "/health"));
    assert_eq!(health, "OK\nfield list: ConfigMap gpu:fields: forbidden\n");
    assert_eq!(get_from(&site_of, "/metrics").status(), StatusCode::OK);
}

#[test]
fn when_passes_stop_health_fails_and_no_old_page_is_served() {
    let mut old = snapshot(vec![whole(0, "X", &[(150, 41.0)])]);
    old.at = NOW.before(Duration::from_secs(11));
    old.finished = Instant::now().checked_sub(Duration::from_secs(11)).unwrap();
    let site = site(Some(old));
    for path in ["/health", "/readyz", "/metrics"] {
        let response = get_from(&site, path);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(text(response).contains("has finished for 11 s"), "{path}");
    }
}

#[test]
fn the_excess_of_scrapes_is_refused_until_an_answer_has_been_sent() {
    let site = site_with(&Config { max_concurrent_scrapes: 1, ..Config::default() });
    site.published.publish(Arc::new(snapshot(Vec::new())));
    let unread = get_from(&site, "/metrics");
    let refused = get_from(&site, "/metrics");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(refused).contains("scrape less often"));
    drop(bytes(unread));
    assert_eq!(get_from(&site, "/metrics").status(), StatusCode::OK);
}

#[test]
fn only_get_and_head_are_answered() {
    let site = site(Some(snapshot(Vec::new())));
    let post = ask(&site, Request::post("/metrics").body(Body::empty()).unwrap());
    assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(post.headers()["Allow"], "GET,HEAD");
    let head = ask(&site, Request::head("/metrics").body(Body::empty()).unwrap());
    assert_eq!(head.status(), StatusCode::OK);
    assert!(bytes(head).is_empty());
    assert_eq!(get_from(&site, "/nothing").status(), StatusCode::NOT_FOUND);
    assert!(text(get_from(&site, "/")).contains("href=\"metrics\""));
}

#[test]
fn parts_that_were_not_asked_for_are_not_served() {
    let site = site_with(&Config { parts: "self".parse::<Parts>().unwrap(), ..Config::default() });
    site.published.publish(Arc::new(snapshot(vec![whole(0, "X", &[(150, 41.0)])])));
    let page = text(get_from(&site, "/metrics"));
    assert!(page.contains("gpulse_device_up{") && !page.contains("DCGM_FI_DEV_GPU_TEMP{"));
}
