//! What is said about health and readiness, and the start page.

use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gpu::Health;
use model::Timestamp;

use crate::Snapshot;
use crate::snapshot::Published;

/// Yes or no, with the reasons: the first line is `OK` or what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200 or 503.
    pub ok: bool,
    /// For people, one reason per line.
    pub body: String,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = if self.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], self.body).into_response()
    }
}

/// Whether passes are finished. "No driver" is a finished pass: restarting us would not bring one.
#[must_use]
pub fn health(published: &Published, now: Timestamp) -> Answer {
    let Some(snapshot) = published.newest() else {
        let ok = !published.first_is_overdue();
        let body = "the first pass over the GPUs is not finished\n";
        return Answer { ok, body: if ok { format!("OK\n{body}") } else { body.to_owned() } };
    };
    let mut body = String::new();
    let ok = !snapshot.is_overdue(now);
    if ok {
        body.push_str("OK\n");
    } else {
        let age = snapshot.finished.elapsed().as_secs();
        body.push_str(&format!("no pass over the GPUs has finished for {age} s\n"));
    }
    for lack in lacks(&snapshot) {
        body.push_str(&lack);
        body.push('\n');
    }
    Answer { ok, body }
}

/// Whether there is something to show.
#[must_use]
pub fn readiness(published: &Published, now: Timestamp) -> Answer {
    let Some(snapshot) = published.newest() else {
        let body = "the first pass over the GPUs is not finished\n".to_owned();
        return Answer { ok: false, body };
    };
    match snapshot.absence() {
        Some((reason, remedy)) => {
            Answer { ok: false, body: format!("{}\n", no_source(reason, remedy)) }
        }
        None if snapshot.reload.is_unread => {
            let why = snapshot.reload.fault.as_deref().unwrap_or("the field list is not read");
            Answer { ok: false, body: format!("{why}\n") }
        }
        None => health(published, now),
    }
}

fn no_source(reason: &str, remedy: &str) -> String {
    format!("no GPU can be read: {reason}; {remedy}")
}

/// What is missing, one sentence each.
fn lacks(snapshot: &Snapshot) -> Vec<String> {
    let mut lacks = Vec::new();
    if let Some((reason, remedy)) = snapshot.absence() {
        lacks.push(no_source(reason, remedy));
    }
    for gpu in &snapshot.pass.gpus {
        let what = match gpu.health {
            Health::Up => continue,
            Health::Lost => "is lost: the driver cannot reach it",
            Health::Stuck => "is stuck: a driver call for it does not return",
            Health::NoPermission(what) => {
                lacks.push(format!("GPU {}: no permission to read {what}", gpu.index));
                continue;
            }
        };
        lacks.push(format!("GPU {} {what}", gpu.index));
    }
    if let Some(fault) = &snapshot.reload.fault {
        lacks.push(format!("field list: {fault}"));
    }
    if let Some(kubelet) = &snapshot.kubelet {
        let fault = kubelet.fault.as_ref();
        lacks.extend(fault.map(|fault| format!("{}; {}", fault.reason, fault.remedy)));
        lacks.extend(kubelet.pods_lack.as_ref().map(|lack| format!("pods: {lack}")));
    }
    if let Some(fault) = &snapshot.state_fault {
        lacks.push(format!("state: {fault}"));
    }
    lacks
}

/// Whether gzip is among the accepted encodings, and not with weight 0.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|v| v.to_str().ok());
    accepted.flat_map(|list| list.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
        named && weight.parse::<f32>().is_ok_and(|weight| weight > 0.0)
    })
}

/// The page at `/`.
#[must_use]
pub fn start_page() -> &'static str {
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>gpulse exporter\
     </title></head>\n<body>\n<h1>gpulse exporter</h1>\n<ul>\n\
     <li><a href=\"metrics\">metrics</a></li>\n<li><a href=\"health\">health</a></li>\n\
     <li><a href=\"readyz\">readiness, with the reason</a></li>\n</ul>\n</body>\n</html>\n"
}
