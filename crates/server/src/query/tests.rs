//! Answers and errors of the query API over the real routes, as Prometheus gives them.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::testing::{Answer, NOW, app, ask, get, import, post};
use crate::{App, Config};

const SECONDS: i64 = NOW / 1000;

fn with_data() -> (App, tempfile::TempDir) {
    let (app, folder) = app(Config::default());
    let mut page = String::new();
    for (at, value) in [(-120, "1"), (-60, "2"), (0, "1e21")] {
        for gpu in 0..3 {
            page.push_str(&format!("util{{gpu=\"{gpu}\"}} {value} {}\n", NOW + at * 1000));
        }
        page.push_str(&format!(
            "odd{{k=\"nan\"}} NaN {0}\nodd{{k=\"inf\"}} -Inf {0}\n",
            NOW + at * 1000
        ));
    }
    import(&app, &page);
    (app, folder)
}

fn error(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    assert_eq!(body["status"], "error");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (answer.status.as_u16(), text("errorType"), text("error"))
}

#[test]
fn bad_parameters_get_prometheus_words() {
    let (app, _folder) = app(Config::default());
    let range = "/api/v1/query_range?query=up&start=0&end=60&step=15";
    let cases = [
        (
            "/api/v1/query?query=up&time=foo",
            r#"invalid parameter "time": invalid time value for 'time': cannot parse "foo" to a valid timestamp"#,
        ),
        (
            "/api/v1/query?query=up&timeout=foo",
            r#"invalid parameter "timeout": cannot parse "foo" to a valid duration"#,
        ),
        (
            "/api/v1/query?query=up&timeout=0",
            r#"invalid parameter "timeout": timeout must be positive, got 0s"#,
        ),
        (
            "/api/v1/query?query=up&limit=x",
            r#"invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax"#,
        ),
        (
            "/api/v1/query?query=up&limit=-1",
            r#"invalid parameter "limit": limit must be non-negative"#,
        ),
        (
            "/api/v1/query?query=up&lookback_delta=x",
            r#"error parsing lookback delta duration: cannot parse "x" to a valid duration"#,
        ),
        (
            "/api/v1/query_range?query=up&end=1&step=1",
            r#"invalid parameter "start": cannot parse "" to a valid timestamp"#,
        ),
        (
            "/api/v1/query_range?query=up&start=2&end=1&step=1",
            r#"invalid parameter "end": end timestamp must not be before start time"#,
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=2&step=0",
            r#"invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer"#,
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=2&step=x",
            r#"invalid parameter "step": cannot parse "x" to a valid duration"#,
        ),
        (
            "/api/v1/query_range?query=up&start=0&end=11002&step=1",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        ("/api/v1/series", "no match[] parameter provided"),
        (
            "/api/v1/series?match[]=up&start=x",
            r#"invalid parameter "start": invalid time value for 'start': cannot parse "x" to a valid timestamp"#,
        ),
        (
            "/api/v1/series?match[]={a=~\".*\"}",
            r#"invalid parameter "match[]": match[] must contain at least one non-empty matcher"#,
        ),
        ("/api/v1/metadata?limit=x", "limit must be a number"),
        ("/api/v1/status/tsdb?limit=0", "limit must be a positive number"),
        ("/api/v1/status/tsdb?limit=10001", "limit must not exceed 10000"),
        (
            "/api/v1/query_exemplars?query=up&start=2&end=1",
            "end timestamp must not be before start timestamp",
        ),
    ];
    for (path, message) in cases {
        let path = path.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
        let answer = get(&app, &path);
        assert_eq!(error(&answer), (400, "bad_data".to_owned(), message.to_owned()), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    assert_eq!(get(&app, range).status, StatusCode::OK);
    let longest = "/api/v1/query_range?query=1&start=0&end=11000&step=1";
    assert_eq!(get(&app, longest).status, StatusCode::OK);
}

#[test]
fn a_negative_timeout_is_told_as_go_tells_it() {
    let (app, _folder) = app(Config::default());
    for (given, told) in
        [("-1", "-1s"), ("-90", "-1m30s"), ("-0.5", "-500ms"), ("-3600", "-1h0m0s")]
    {
        let (_, _, message) = error(&get(&app, &format!("/api/v1/query?query=1&timeout={given}")));
        assert!(message.ends_with(&format!("must be positive, got {told}")), "{message}");
    }
}

#[test]
fn what_is_not_promql_is_bad_data_with_its_place() {
    let (app, _folder) = app(Config::default());
    for path in ["/api/v1/query", "/api/v1/format_query", "/api/v1/parse_query"] {
        for query in ["up{", "sum(", "", "foo()", "1 +", "up[5m"] {
            let (status, kind, message) = error(&post(&app, path, &[("query", query)]));
            assert_eq!((status, kind.as_str()), (400, "bad_data"), "{path} {query:?}");
            assert!(message.starts_with("invalid parameter \"query\": "), "{message}");
        }
    }
}

#[test]
fn an_unknown_path_of_the_api_is_json_and_any_other_is_the_page() {
    let (app, _folder) = app(Config::default());
    for path in ["/api", "/api/v1/nothing", "/api/v2/query", "/api/v1/query/"] {
        let (status, kind, _) = error(&get(&app, path));
        assert_eq!((status, kind.as_str()), (404, "not_found"), "{path}");
    }
    let page = get(&app, "/no/such/page.html");
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-type").starts_with("text/html"));
    let wrong = ask(&app, Request::delete("/api/v1/query").body(Body::empty()).unwrap());
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn values_and_times_are_spelled_as_prometheus_spells_them() {
    let (app, _folder) = with_data();
    let answer = get(&app, &format!("/api/v1/query?query=util&time={SECONDS}.5&limit=1"));
    let body = answer.json();
    assert_eq!(
        body["data"]["result"][0],
        json!({
            "metric": {"__name__": "util", "gpu": "0"}, "value": [1_768_467_600.5, "1e+21"],
        })
    );
    assert!(answer.text().contains(&format!("[{SECONDS}.500,\"1e+21\"]")), "{}", answer.text());
    assert_eq!(body["warnings"], json!(["results truncated due to limit"]));
    let odd = post(&app, "/api/v1/query", &[("query", "sort_by_label(odd, \"k\")")]).json();
    assert_eq!(odd["data"]["result"][0]["value"], json!([SECONDS, "-Inf"]));
    assert_eq!(odd["data"]["result"][1]["value"], json!([SECONDS, "NaN"]));
}

#[test]
fn each_type_of_result_has_its_form() {
    let (app, _folder) = with_data();
    let data =
        |query: &str| post(&app, "/api/v1/query", &[("query", query)]).json()["data"].clone();
    assert_eq!(data("1/0"), json!({"resultType": "scalar", "result": [SECONDS, "+Inf"]}));
    assert_eq!(data("\"a\\\"b\""), json!({"resultType": "string", "result": [SECONDS, "a\"b"]}));
    assert_eq!(data("nothing"), json!({"resultType": "vector", "result": []}));
    assert_eq!(
        data("util{gpu=\"0\"}[90s]"),
        json!({"resultType": "matrix", "result": [{
            "metric": {"__name__": "util", "gpu": "0"},
            "values": [[SECONDS - 60, "2"], [SECONDS, "1e+21"]],
        }]})
    );
    let (start, end) = ((SECONDS - 120).to_string(), SECONDS.to_string());
    let fields = [("query", "sum(util)"), ("start", &start), ("end", &end), ("step", "1m")];
    let range = post(&app, "/api/v1/query_range", &fields).json();
    assert_eq!(
        range["data"],
        json!({"resultType": "matrix", "result": [{
            "metric": {},
            "values": [[SECONDS - 120, "3"], [SECONDS - 60, "6"], [SECONDS, "3e+21"]],
        }]})
    );
}

#[test]
fn the_form_in_the_body_wins_over_the_query_string() {
    let (app, _folder) = app(Config::default());
    let result = post(&app, "/api/v1/query?query=2&time=1", &[("query", "1")]).json();
    assert_eq!(result["data"]["result"], json!([1, "1"]));
    let long = "x".repeat(5 << 20);
    assert_eq!(
        post(&app, "/api/v1/query", &[("query", &long)]).status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[test]
fn a_query_over_too_much_is_a_422_that_names_the_bound() {
    let engine = promql::Options { max_samples: 5, ..promql::Options::default() };
    let (app, _folder) = app(Config { engine, ..Config::default() });
    import(&app, "a{n=\"1\"} 1\na{n=\"2\"} 1\na{n=\"3\"} 1\n");
    let query = "max_over_time(a[1d:1s])";
    let (status, kind, message) = error(&post(&app, "/api/v1/query", &[("query", query)]));
    assert_eq!((status, kind.as_str()), (422, "execution"));
    assert!(message.contains("samples"), "{message}");
}

#[test]
fn a_query_that_waits_too_long_for_its_turn_is_a_503() {
    let (app, _folder) = app(Config::default());
    let most = u32::try_from(app.config().limits.queries).unwrap();
    let _all = app.queries().clone().try_acquire_many_owned(most).unwrap();
    let (status, kind, message) = error(&get(&app, "/api/v1/query?query=1&timeout=20ms"));
    assert_eq!((status, kind.as_str()), (503, "timeout"));
    assert_eq!(message, "query timed out in query queue");
    assert_eq!(get(&app, "/api/v1/labels").status, StatusCode::OK, "lists have their own places");
}

#[test]
fn lists_are_sorted_joined_and_cut_with_a_warning() {
    let (app, _folder) = with_data();
    assert_eq!(get(&app, "/api/v1/labels").json()["data"], json!(["__name__", "gpu", "k"]));
    let odd = get(&app, "/api/v1/labels?match[]=odd&match[]=nothing").json();
    assert_eq!(odd["data"], json!(["__name__", "k"]));
    let values = get(&app, "/api/v1/label/gpu/values?limit=2").json();
    assert_eq!(values["data"], json!(["0", "1"]));
    assert_eq!(values["warnings"], json!(["results truncated due to limit"]));
    assert_eq!(get(&app, "/api/v1/label/no.such/values").json()["data"], json!([]));
    let series = post(
        &app,
        "/api/v1/series",
        &[("match[]", "util{gpu=\"1\"}"), ("match[]", "odd{k=\"inf\"}")],
    );
    assert_eq!(
        series.json()["data"],
        json!([
            {"__name__": "odd", "k": "inf"}, {"__name__": "util", "gpu": "1"},
        ])
    );
}

#[test]
fn names_outside_of_ascii_are_asked_for_in_their_escaped_form() {
    let (app, _folder) = app(Config::default());
    import(&app, "{\"my.metric\",\"my.label\"=\"v\"} 1\n");
    assert_eq!(get(&app, "/api/v1/label/U__my_2e_label/values").json()["data"], json!(["v"]));
    assert_eq!(get(&app, "/api/v1/label/my%2Elabel/values").json()["data"], json!(["v"]));
    let found = post(&app, "/api/v1/query", &[("query", "{\"my.metric\"}")]).json();
    assert_eq!(found["data"]["result"][0]["value"][1], "1");
}

#[test]
fn long_answers_are_smaller_where_the_client_takes_it() {
    let (app, _folder) = with_data();
    let path =
        format!("/api/v1/query_range?query=util&start={}&end={SECONDS}&step=1", SECONDS - 300);
    let plain = get(&app, &path);
    assert!(plain.body.len() > 5000 && plain.header("content-encoding").is_empty());
    for (accept, encoding) in [("gzip", "gzip"), ("gzip, zstd", "zstd"), ("br", "")] {
        let request = Request::get(&path).header("accept-encoding", accept).body(Body::empty());
        let answer = ask(&app, request.unwrap());
        assert_eq!(answer.header("content-encoding"), encoding);
        assert_eq!(answer.header("vary"), "accept-encoding");
        let unpacked = match encoding {
            "gzip" => {
                let mut read = Vec::new();
                std::io::copy(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut read)
                    .unwrap();
                read
            }
            "zstd" => zstd::bulk::decompress(&answer.body, 1 << 20).unwrap(),
            _ => answer.body.to_vec(),
        };
        assert_eq!(unpacked, plain.body);
        assert!(encoding.is_empty() || answer.body.len() < plain.body.len() / 5);
    }
    let short = Request::get("/api/v1/query?query=1").header("accept-encoding", "gzip");
    assert_eq!(ask(&app, short.body(Body::empty()).unwrap()).header("content-encoding"), "");
}

#[test]
fn parts_that_come_later_are_valid_and_empty() {
    let (app, _folder) = app(Config::default());
    let data = |path: &str| get(&app, path).json()["data"].clone();
    assert_eq!(data("/api/v1/rules"), json!({"groups": []}));
    assert_eq!(data("/api/v1/alerts"), json!({"alerts": []}));
    assert_eq!(data("/api/v1/targets?state=active")["activeTargets"], json!([]));
    assert_eq!(data("/api/v1/query_exemplars?query=up"), json!([]));
    assert_eq!(data("/api/v1/metadata"), json!({}));
    assert_eq!(data("/api/v1/status/flags"), json!({}));
    assert!(data("/api/v1/status/config")["yaml"].is_string());
}

#[test]
fn status_pages_tell_what_the_store_holds() {
    let (app, _folder) = with_data();
    let data = |path: &str| get(&app, path).json()["data"].clone();
    assert_eq!(data("/api/v1/status/runtimeinfo")["startTime"], "2026-01-15T09:00:00.000Z");
    assert!(data("/api/v1/status/buildinfo")["version"].as_str().unwrap().starts_with("3."));
    let tsdb = data("/api/v1/status/tsdb?limit=1");
    assert_eq!(tsdb["headStats"]["numSeries"], 5);
    assert_eq!(tsdb["seriesCountByMetricName"], json!([{"name": "util", "value": 3}]));
    assert_eq!(tsdb["labelValueCountByLabelName"], json!([{"name": "gpu", "value": 3}]));
}

#[test]
fn the_language_is_answered_without_data() {
    let (app, _folder) = app(Config::default());
    let data = |path: &str| {
        post(&app, path, &[("query", "sum by(gpu)(rate(a{b=\"c\"}[5m]))")]).json()["data"].clone()
    };
    assert_eq!(data("/api/v1/format_query"), "sum by (gpu) (rate(a{b=\"c\"}[5m]))");
    let tree = data("/api/v1/parse_query");
    assert_eq!(
        (&tree["type"], &tree["op"], &tree["grouping"]),
        (&json!("aggregation"), &json!("sum"), &json!(["gpu"]))
    );
    assert_eq!(tree["expr"]["func"]["name"], "rate");
    assert_eq!(tree["expr"]["args"][0]["range"], 300_000);
}

#[test]
fn stats_come_when_they_are_asked_for() {
    let (app, _folder) = app(Config::default());
    assert!(get(&app, "/api/v1/query?query=1").json()["data"]["stats"].is_null());
    let stats = get(&app, "/api/v1/query?query=1&stats=all").json()["data"]["stats"].clone();
    assert!(stats["timings"]["evalTotalTime"].is_number(), "{stats}");
}

#[test]
fn lookback_is_what_the_client_says() {
    let (app, _folder) = with_data();
    let count = |lookback: &str| {
        let time = (SECONDS + 200).to_string();
        let fields = [("query", "util"), ("time", &time), ("lookback_delta", lookback)];
        post(&app, "/api/v1/query", &fields).json()["data"]["result"].as_array().unwrap().len()
    };
    assert_eq!((count(""), count("1m"), count("1h")), (3, 0, 3));
}

#[test]
fn readiness_says_the_reason() {
    let (app, _folder) = app(Config::default());
    for path in ["/-/ready", "/readyz", "/-/healthy", "/healthz"] {
        assert_eq!(get(&app, path).status, StatusCode::OK, "{path}");
    }
    app.set_not_ready(Some("reading the log".to_owned()));
    let ready = get(&app, "/readyz");
    assert_eq!((ready.status.as_u16(), ready.text()), (503, "reading the log\n"));
    assert_eq!(get(&app, "/healthz").status, StatusCode::OK);
}
