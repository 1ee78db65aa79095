//! Writes over the real routes: each status, and what is kept.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use store::Options;

use crate::testing::wire::{Series, request, snappy};
use crate::testing::{Answer, NOW, app, app_on, app_over, ask, get, query};
use crate::{App, Config, Limits};

const PROTOBUF: &str = "application/x-protobuf";

fn send(app: &App, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = Request::post("/api/v1/write");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    ask(app, request.body(Body::from(body)).unwrap())
}

fn write(app: &App, series: &[Vec<u8>]) -> Answer {
    let headers = [("content-type", PROTOBUF), ("content-encoding", "snappy")];
    send(app, &headers, snappy(&request(series)))
}

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Vec<u8> {
    Series { labels, samples, ..Series::default() }.encoded()
}

fn up(samples: &[(i64, f64)]) -> Vec<u8> {
    series(&[("__name__", "up"), ("gpu", "0")], samples)
}

/// `count_over_time` of a selector over the last day, as text; empty where there is nothing.
fn kept(app: &App, selector: &str) -> String {
    let counted = query(app, &format!("count_over_time({selector}[1d])"), NOW);
    let count = counted.first().map(|series| series["value"][1].as_str().unwrap().to_owned());
    count.unwrap_or_default()
}

fn import(app: &App, query: &str, page: impl Into<Body>) -> Answer {
    ask(app, Request::post(format!("/api/v1/import/prometheus{query}")).body(page.into()).unwrap())
}

#[test]
fn what_is_written_is_there_and_answers_204() {
    let (app, _folder) = app(Config::default());
    let answer = write(&app, &[up(&[(NOW - 2000, 1.0), (NOW - 1000, 1.0)])]);
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(kept(&app, "up"), "2");
    let again = write(&app, &[up(&[(NOW - 2000, 1.0)])]);
    assert_eq!(again.status, StatusCode::NO_CONTENT, "the same again changes nothing");
    assert_eq!(kept(&app, "up"), "2");
    assert_eq!(write(&app, &[]).status, StatusCode::NO_CONTENT);
}

#[test]
fn the_400_names_the_series_and_the_others_are_kept() {
    let (app, _folder) = app(Config::default());
    let day = 24 * 3_600_000;
    let bad = [
        (up(&[(NOW + 11 * 60_000, 1.0)]), "up{gpu=\"0\"}", "too far ahead"),
        (up(&[(NOW - day - 1000, 1.0)]), "up{gpu=\"0\"}", "too old"),
        (series(&[("gpu", "0")], &[(NOW, 1.0)]), "", "the metric has no name"),
        (series(&[("__name__", "a"), ("b", "1"), ("b", "2")], &[(NOW, 1.0)]), "a{", "twice"),
        (series(&[("__name__", "a"), ("", "1")], &[(NOW, 1.0)]), "a{", "without a name"),
        (series(&[], &[(NOW, 1.0)]), "{}", "no labels"),
        (series(&[("__name__", "a"), ("b", &"x".repeat(5000))], &[(NOW, 1.0)]), "a{", "5000 bytes"),
    ];
    for (number, (bad, named, reason)) in bad.into_iter().enumerate() {
        let good = format!("good_{number}");
        let good_series = series(&[("__name__", &good)], &[(NOW, 1.0)]);
        let answer = write(&app, &[good_series, bad]);
        let text = answer.text();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{reason}");
        assert!(text.contains(named) && text.contains(reason), "{text}");
        assert!(text.contains("1 samples refused, 1 taken"), "{text}");
        assert!(text.len() < 3000, "{} bytes", text.len());
        assert_eq!(kept(&app, &good), "1", "{reason}");
    }
}

#[test]
fn wrong_types_and_encodings_are_a_415_that_says_what_is_taken() {
    let (app, _folder) = app(Config::default());
    let body = || snappy(&request(&[up(&[(NOW, 1.0)])]));
    let wrong = [
        ("text/plain", "snappy"),
        ("application/json", "snappy"),
        ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy"),
        (PROTOBUF, "gzip"),
        (PROTOBUF, "zstd"),
    ];
    for (kind, encoding) in wrong {
        let answer = send(&app, &[("content-type", kind), ("content-encoding", encoding)], body());
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind} {encoding}");
        assert!(answer.text().contains("accepted"), "{}", answer.text());
    }
    let right = [
        vec![("content-type", "application/x-protobuf; proto=prometheus.WriteRequest")],
        vec![("content-encoding", "SNAPPY")],
        vec![],
    ];
    for headers in right {
        assert_eq!(send(&app, &headers, body()).status, StatusCode::NO_CONTENT, "{headers:?}");
    }
}

#[test]
fn broken_bodies_are_a_400_and_change_nothing() {
    let (app, _folder) = app(Config::default());
    let good = snappy(&request(&[up(&[(NOW, 1.0)])]));
    for body in [&good[..good.len() - 1], b"", b"\xff\xff\xff\xff\xff\xff", b"plain text"] {
        let answer = send(&app, &[], body.to_vec());
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body:?}");
        assert!(answer.text().contains("the body is not"), "{}", answer.text());
    }
    let cut = request(&[up(&[(NOW, 1.0)])]);
    let answer = send(&app, &[], snappy(&cut[..cut.len() - 3]));
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("not a WriteRequest"), "{}", answer.text());
    assert_eq!(kept(&app, "up"), "");
}

#[test]
fn oversized_bodies_are_a_413_before_anything_is_made_of_them() {
    let limits =
        Limits { body_bytes: 1000, decompressed_bytes: 10_000, samples: 10, ..Limits::default() };
    let (app, _folder) = app(Config { limits, ..Config::default() });
    let too_long = send(&app, &[], vec![0; 1001]);
    assert_eq!(too_long.status, StatusCode::PAYLOAD_TOO_LARGE);
    // A length of 4 GiB in five bytes: a bomb.
    let bomb = send(&app, &[], vec![0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert_eq!(bomb.status, StatusCode::PAYLOAD_TOO_LARGE);
    let unpacks = send(&app, &[], snappy(&vec![0; 10_001]));
    assert_eq!(unpacks.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", unpacks.text());
    let many = vec![(NOW, 1.0); 11];
    assert_eq!(write(&app, &[up(&many)]).status, StatusCode::PAYLOAD_TOO_LARGE);
    let empty = vec![series(&[("__name__", "a")], &[]); 11];
    assert_eq!(write(&app, &empty).status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(import(&app, "", vec![b'#'; 10_001]).status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(write(&app, &[up(&[(NOW, 1.0)])]).status, StatusCode::NO_CONTENT);
}

#[test]
fn too_many_writes_at_once_are_told_to_come_again() {
    let (app, _folder) = app(Config::default());
    let most = u32::try_from(app.config().limits.writes).unwrap();
    let all = app.writes().clone().try_acquire_many_owned(most).unwrap();
    for answer in [write(&app, &[up(&[(NOW, 1.0)])]), import(&app, "", "a 1\n")] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), "1");
    }
    drop(all);
    assert_eq!(write(&app, &[up(&[(NOW, 1.0)])]).status, StatusCode::NO_CONTENT);
}

#[test]
fn native_histograms_are_refused_with_a_word_and_the_rest_is_kept() {
    let (app, _folder) = app(Config::default());
    let labels = [("__name__", "h")];
    let native = Series { labels: &labels, histograms: 3, exemplars: 2, ..Series::default() };
    let answer = write(&app, &[native.encoded(), up(&[(NOW, 1.0)])]);
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("native histograms are not stored"), "{}", answer.text());
    assert_eq!(kept(&app, "up"), "1");
    let page = get(&app, "/metrics");
    assert!(page.text().contains("gpulse_write_left_out_total{kind=\"native_histogram\"} 3\n"));
    assert!(page.text().contains("gpulse_write_left_out_total{kind=\"exemplar\"} 2\n"));
}

#[test]
fn the_series_limit_refuses_new_series_and_keeps_the_old() {
    let (app, _folder) = app_over(Config::default(), |options: &mut Options| {
        options.limits.active_series = 1;
    });
    assert_eq!(write(&app, &[up(&[(NOW - 1, 1.0)])]).status, StatusCode::NO_CONTENT);
    let other = series(&[("__name__", "one_more")], &[(NOW, 1.0)]);
    let answer = write(&app, &[up(&[(NOW, 1.0)]), other]);
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().contains("one_more{}"), "{}", answer.text());
    assert_eq!(kept(&app, "up"), "2");
}

#[test]
fn text_is_stored_with_its_times_and_extra_labels() {
    let (app, _folder) = app(Config::default());
    let page = format!(
        "# TYPE a gauge\n# HELP a Some.\na{{x=\"1\",job=\"own\"}} 1 {}\na{{x=\"1\"}} 2\n",
        NOW - 5000
    );
    let answer = import(&app, "?extra_label=job=imported&extra_label=host=h%3D1", page);
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    assert_eq!(kept(&app, "a{x=\"1\",job=\"imported\",host=\"h=1\"}"), "2");
    let metadata = get(&app, "/api/v1/metadata?metric=a").json();
    assert_eq!(metadata["data"]["a"][0]["type"], "gauge");
    assert_eq!(metadata["data"]["a"][0]["help"], "Some.");
}

#[test]
fn text_that_is_none_is_a_400_with_its_line_and_nothing_is_stored() {
    let (app, _folder) = app(Config::default());
    let answer = import(&app, "", "good 1\nbad{ 1\n");
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.text().starts_with("line 2: "), "{}", answer.text());
    assert_eq!(kept(&app, "good"), "");
    assert_eq!(import(&app, "", vec![0xff, 0xfe]).status, StatusCode::BAD_REQUEST);
    let future = import(&app, "", format!("a 1 {}\nb 1\n", NOW + 3_600_000));
    assert_eq!(future.status, StatusCode::BAD_REQUEST);
    assert!(future.text().starts_with("a{}: "), "{}", future.text());
    assert_eq!(kept(&app, "b"), "1");
    assert_eq!(import(&app, "?extra_label=x", "a 1\n").status, StatusCode::BAD_REQUEST);
}

#[test]
fn gzipped_text_is_read_and_a_bomb_is_not() {
    let limits = Limits { decompressed_bytes: 100_000, ..Limits::default() };
    let (app, _folder) = app(Config { limits, ..Config::default() });
    let send = |body: Vec<u8>, encoding: &str| {
        let request =
            Request::post("/api/v1/import/prometheus").header("content-encoding", encoding);
        ask(&app, request.body(Body::from(body)).unwrap()).status
    };
    assert_eq!(send(crate::compress::gzip(b"zipped 1\n"), "gzip"), StatusCode::NO_CONTENT);
    assert_eq!(kept(&app, "zipped"), "1");
    assert_eq!(
        send(crate::compress::gzip(&vec![b'#'; 100_001]), "gzip"),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(send(b"not gzip".to_vec(), "gzip"), StatusCode::BAD_REQUEST);
    assert_eq!(send(b"a 1\n".to_vec(), "br"), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[test]
fn a_full_disk_is_a_503_that_goes_by_itself_and_queries_go_on() {
    let disk = journal::faulty::FaultDisk::new();
    let app = app_on(Arc::new(disk.clone()), Options::new("data"), Config::default());
    assert_eq!(write(&app, &[up(&[(NOW - 1, 1.0)])]).status, StatusCode::NO_CONTENT);
    disk.set_capacity(Some(0));
    for answer in [write(&app, &[up(&[(NOW, 1.0)])]), import(&app, "", "a 1\n")] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        assert!(answer.text().contains("free space"), "{}", answer.text());
    }
    assert_eq!(kept(&app, "up"), "1");
    let ready = get(&app, "/readyz");
    assert!(ready.status == StatusCode::OK && ready.text().contains("disk"), "{}", ready.text());
    disk.set_capacity(None);
    assert_eq!(write(&app, &[up(&[(NOW, 1.0)])]).status, StatusCode::NO_CONTENT);
    assert_eq!(kept(&app, "up"), "2");
    assert!(!get(&app, "/readyz").text().contains("disk"));
}
