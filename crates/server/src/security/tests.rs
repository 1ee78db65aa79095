//! Who gets in, over the real routes.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::*;
use crate::testing::{self, Answer, app, ask, get};
use crate::{App, Config};

const READ: &str = "read-token-0123456789";
const WRITE: &str = "write-token-0123456789";
const ADMIN: &str = "admin-token-0123456789";

fn with_tokens() -> (App, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let given = [("read", READ), ("write", WRITE), ("admin", ADMIN)].map(|(role, token)| {
        let path = folder.path().join(role);
        std::fs::write(&path, token).unwrap();
        format!("{role}={}", path.display())
    });
    let tokens = Tokens::read(&given).unwrap();
    let listen = "0.0.0.0:9470".parse().unwrap();
    let access = Access::choose(listen, Choice { tokens, ..Choice::default() }).unwrap();
    app(Config { access, ..Config::default() })
}

fn send(app: &App, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    ask(app, request.body(Body::from(body.to_owned())).unwrap())
}

fn as_bearer(app: &App, method: &str, path: &str, token: &str) -> StatusCode {
    send(app, method, path, &[("authorization", &format!("Bearer {token}"))], "").status
}

#[test]
fn off_loopback_a_choice_is_needed() {
    let choose = |listen: &str, insecure| {
        Access::choose(listen.parse().unwrap(), Choice { insecure, ..Choice::default() })
    };
    for listen in ["0.0.0.0:9470", "[::]:9470", "192.0.2.1:9470"] {
        let refusal = choose(listen, false).unwrap_err().to_string();
        assert!(refusal.contains("--token-file") && refusal.contains("--insecure"), "{refusal}");
        assert!(choose(listen, true).is_ok());
    }
    for listen in ["127.0.0.1:9470", "[::1]:9470", "127.9.9.9:1", "[::ffff:127.0.0.1]:1"] {
        assert!(choose(listen, false).is_ok(), "{listen}");
    }
}

#[test]
fn on_loopback_a_foreign_name_is_refused_everywhere() {
    let (app, _folder) = app(Config::default());
    for path in ["/api/v1/labels", "/", "/metrics", "/healthz"] {
        let rebound = send(&app, "GET", path, &[("host", "evil.example:9470")], "");
        assert_eq!(rebound.status, StatusCode::FORBIDDEN, "{path}");
        assert!(rebound.text().contains("--allow-host"), "{}", rebound.text());
        assert_eq!(get(&app, path).status, StatusCode::OK, "{path}");
    }
}

#[test]
fn a_page_of_another_site_cannot_ask_or_write() {
    let (app, _folder) = app(Config::default());
    let write = "/api/v1/import/prometheus";
    for headers in [
        [("sec-fetch-site", "cross-site"), ("origin", "http://evil.example")],
        [("sec-fetch-mode", "no-cors"), ("origin", "http://evil.example")],
        [("sec-fetch-mode", "no-cors"), ("origin", "null")],
    ] {
        assert_eq!(send(&app, "POST", write, &headers, "a 1\n").status, StatusCode::FORBIDDEN);
    }
    for headers in [
        [("sec-fetch-site", "same-origin"), ("origin", "http://localhost:5173")],
        [("accept", "*/*"), ("origin", "http://localhost:9470")],
        [("accept", "*/*"), ("user-agent", "curl")],
    ] {
        assert_eq!(send(&app, "POST", write, &headers, "a 1\n").status, StatusCode::NO_CONTENT);
    }
}

#[test]
fn a_token_allows_what_its_role_says() {
    let (app, _folder) = with_tokens();
    let (read, write) = ("/api/v1/labels", "/api/v1/import/prometheus");
    let refused = get(&app, read);
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(refused.json()["errorType"], "unauthorized");
    assert_eq!(as_bearer(&app, "GET", read, "read-token-0123456788"), StatusCode::UNAUTHORIZED);
    assert_eq!(as_bearer(&app, "GET", read, READ), StatusCode::OK);
    assert_eq!(as_bearer(&app, "GET", read, ADMIN), StatusCode::OK);
    assert_eq!(as_bearer(&app, "GET", read, WRITE), StatusCode::FORBIDDEN);
    assert_eq!(as_bearer(&app, "POST", write, READ), StatusCode::FORBIDDEN);
    assert_eq!(as_bearer(&app, "POST", write, WRITE), StatusCode::NO_CONTENT);
    // Any name is fine, since a rebound page has no token; pages and health tell nothing.
    for path in ["/", "/healthz", "/-/ready"] {
        assert_eq!(send(&app, "GET", path, &[("host", "gpu.example")], "").status, StatusCode::OK);
    }
}

#[test]
fn a_browser_trades_a_token_for_a_cookie_and_gives_it_back() {
    let (app, _folder) = with_tokens();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let wrong = send(&app, "POST", "/api/v1/signin", &form, "token=guess");
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let right = send(&app, "POST", "/api/v1/signin", &form, &format!("token={READ}"));
    assert_eq!(right.status, StatusCode::NO_CONTENT);
    let cookie = right.header("set-cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
    assert!(!cookie.contains(READ));
    let cookie = cookie.split(';').next().unwrap();
    let ask = || send(&app, "GET", "/api/v1/labels", &[("cookie", cookie)], "").status;
    assert_eq!(ask(), StatusCode::OK);
    let import = send(&app, "POST", "/api/v1/import/prometheus", &[("cookie", cookie)], "a 1\n");
    assert_eq!(import.status, StatusCode::FORBIDDEN);
    let out = send(&app, "POST", "/api/v1/signout", &[("cookie", cookie)], "");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(ask(), StatusCode::UNAUTHORIZED);
}

#[test]
fn pages_have_the_headers_that_keep_foreign_code_out() {
    let (app, _folder) = app(Config::default());
    for path in ["/", "/nodes/gpu-0001.example", "/assets/unknown.js"] {
        let answer = get(&app, path);
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
    }
    let api = get(&app, "/api/v1/labels");
    assert_eq!(api.header("cache-control"), "no-store");
    assert_eq!(api.header("access-control-allow-origin"), "");
}

#[test]
fn below_a_prefix_everything_answers_with_it_and_without() {
    let (app, _folder) = app(Config::default().below("gpu"));
    for path in ["/gpu/api/v1/labels", "/api/v1/labels", "/gpu/healthz", "/gpu/nodes/x?from=now"] {
        assert_eq!(get(&app, path).status, StatusCode::OK, "{path}");
    }
    let bare = testing::get(&app, "/gpu");
    assert_eq!((bare.status.as_u16(), bare.header("location")), (308, "/gpu/"));
    assert!(get(&app, "/gpu/").text().contains("<base href=\"/gpu/\">"));
    assert_eq!(get(&app, "/gpu/api/v1/nothing").json()["errorType"], "not_found");
    assert_eq!(Config::default().below("//a//b/<\"").route_prefix, "/a/b/");
    assert_eq!(Config::default().below("").route_prefix, "/");
}
