//! A real Prometheus writes into `gpulse server` by remote write, promtool reads back, and both
//! answer the requests of Grafana's data source alike, errors included.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;
use serde_json::Value;
use tests::child::Child;
use tests::environment::{self, GPULSE, PROMETHEUS, PROMTOOL};
use tests::prometheus::promtool;
use tests::remote_write::{self, Series};
use tests::{http, or_skip};

fn server(gpulse: &Path, folder: &Path, listen: &str) -> (Child, SocketAddr) {
    let mut command = Command::new(gpulse);
    command.args(["server", "--listen", listen, "--data"]).arg(folder.join("data"));
    let mut child = Child::start("gpulse-server", &mut command, folder).unwrap();
    let address = child.address().unwrap();
    (child, address)
}

/// A Prometheus that scrapes gpulse and itself each second and writes into gpulse.
fn prometheus(program: &Path, folder: &Path, gpulse: SocketAddr) -> (Child, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], http::free_port().unwrap()));
    let config = format!(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n\
         - job_name: gpulse\n  static_configs: [{{targets: ['{gpulse}']}}]\n\
         - job_name: prometheus\n  static_configs: [{{targets: ['{address}']}}]\n\
         remote_write:\n- url: http://{gpulse}/api/v1/write\n  queue_config:\n\
         \x20   batch_send_deadline: 200ms\n    min_backoff: 30ms\n    max_backoff: 500ms\n\
         \x20 metadata_config: {{send: true, send_interval: 1s}}\n"
    );
    std::fs::write(folder.join("prometheus.yml"), config).unwrap();
    let mut command = Command::new(program);
    command
        .arg("--config.file=prometheus.yml")
        .arg("--storage.tsdb.path=tsdb")
        .arg("--web.enable-remote-write-receiver")
        .arg(format!("--web.listen-address={address}"))
        .current_dir(folder);
    let mut child = Child::start("prometheus", &mut command, folder).unwrap();
    child.until("Prometheus to be ready", |_| http::get(address, "/-/ready")).unwrap();
    (child, address)
}

/// Status and JSON of an answer.
fn ask(address: SocketAddr, path: &str) -> Result<(u16, Value)> {
    let answer = http::get_with(address, path, "")?;
    Ok((answer.status, serde_json::from_slice(&answer.body)?))
}

/// The result of a query.
fn result(address: SocketAddr, query: &str) -> Result<Vec<Value>> {
    let (status, json) = ask(address, &format!("/api/v1/query?query={}", http::escaped(query)))?;
    match json["data"]["result"].as_array() {
        Some(result) => Ok(result.clone()),
        None => bail!("{query}: {status} {json}"),
    }
}

/// The series of a range in the order of their labels.
fn sorted(json: &Value) -> Vec<String> {
    let result = json["data"]["result"].as_array().unwrap_or_else(|| panic!("{json}"));
    let mut all: Vec<String> = result.iter().map(Value::to_string).collect();
    all.sort();
    all
}

/// Samples of `up` per job as text, at a time.
fn count_of_up(address: SocketAddr, at: i64) -> Result<Vec<String>> {
    let path = format!("/api/v1/query?query=count_over_time(up%5B10m%5D)&time={at}");
    Ok(sorted(&ask(address, &path)?.1))
}

#[test]
fn what_prometheus_writes_is_there_after_a_kill_and_promtool_reads_it() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let _ = or_skip!(environment::program(PROMTOOL));
    let folder = tempfile::tempdir().unwrap();
    let (mut child, address) = server(&gpulse, folder.path(), "127.0.0.1:0");
    let (mut sender, origin) = prometheus(&program, folder.path(), address);
    let has_five = |at: SocketAddr| match result(at, "count_over_time(up[10m]) >= 5")?.len() {
        2 => Ok(()),
        series => bail!("{series} jobs have five samples"),
    };
    child.until("five scrapes to arrive", |_| has_five(address)).unwrap();

    child.signal(Signal::KILL).unwrap();
    child.wait(Duration::from_secs(10)).unwrap();
    let (mut child, address) = server(&gpulse, folder.path(), &address.to_string());
    let has_fifteen =
        || match result(address, "count_over_time(up{job=\"prometheus\"}[10m]) >= 15")? {
            found if found.len() == 1 => Ok(()),
            found => bail!("{found:?}"),
        };
    child.until("Prometheus to go on", |_| has_fifteen()).unwrap();

    // At a moment that has passed for both, both have the same.
    let newest = result(origin, "floor(timestamp(up{job=\"prometheus\"})) - 2").unwrap();
    let end: i64 = newest[0]["value"][1].as_str().unwrap().parse().unwrap();
    let counts = count_of_up(origin, end).unwrap();
    child
        .until("everything that was scraped to be here", |_| match count_of_up(address, end)? {
            ours if ours == counts => Ok(()),
            ours => bail!("{ours:?} instead of {counts:?}"),
        })
        .unwrap();
    for query in [
        "up",
        "{job=\"gpulse\"}",
        "sum by (job) (rate(process_cpu_seconds_total[10s]))",
        "histogram_quantile(0.9, sum by (le) (rate(prometheus_http_request_duration_seconds_bucket[10s])))",
    ] {
        let query = http::escaped(query);
        let path = format!("/api/v1/query_range?query={query}&start={}&end={end}&step=1", end - 10);
        let (theirs, ours) = (ask(origin, &path).unwrap().1, ask(address, &path).unwrap().1);
        assert!(!sorted(&theirs).is_empty(), "{path}");
        assert_eq!(sorted(&ours), sorted(&theirs), "{path}");
    }
    promtool_reads(address, end);
    let metadata = ask(address, "/api/v1/metadata?metric=process_cpu_seconds_total").unwrap().1;
    assert_eq!(metadata["data"]["process_cpu_seconds_total"][0]["type"], "counter");
    assert!(!sender.log().contains("non-recoverable"), "{}", sender.log());
    sender.stop().unwrap();
    assert!(child.stop().unwrap().success());
}

fn promtool_reads(address: SocketAddr, end: i64) {
    let url = format!("http://{address}");
    let (at, from) = (end.to_string(), (end - 10).to_string());
    let read = |arguments: &[&str]| {
        let (good, said) = promtool(arguments, "").unwrap();
        assert!(good, "{arguments:?}: {said}");
        said
    };
    let instant = read(&["query", "instant", &format!("--time={at}"), &url, "up"]);
    assert!(
        instant.contains("up{instance=") && instant.contains("job=\"gpulse\"} => 1 @["),
        "{instant}"
    );
    let start = format!("--start={from}");
    let stop = format!("--end={at}");
    let range = read(&["query", "range", &start, &stop, "--step=1s", &url, "sum(up)"]);
    assert!(range.contains("2 @["), "{range}");
    let series = read(&["query", "series", "--match=up{job=\"gpulse\"}", &url]);
    assert!(series.contains("{__name__=\"up\""), "{series}");
    let values = read(&["query", "labels", &url, "job"]);
    assert_eq!(values.trim(), "gpulse\nprometheus");
    let (good, said) = promtool(&["query", "instant", &url, "up{"], "").unwrap();
    assert!(!good && said.contains("bad_data: invalid parameter \"query\""), "{said}");
}

/// Requests that both have to answer with the same status and JSON, given the same samples.
const ALIKE: &[&str] = &[
    "/api/v1/query?query=1%2B1&time=1700000000",
    "/api/v1/query?query=%22text%22&time=1700000000.5",
    "/api/v1/query?query=vector(1%2F0)&time=1700000000",
    "/api/v1/query?query=gpu&time=END",
    "/api/v1/query?query=gpu&time=END&limit=1",
    "/api/v1/query?query=gpu%5B1m%5D&time=END",
    "/api/v1/query?query=gpu&time=2023-11-14T22:13:20Z",
    "/api/v1/query?query=gpu&time=END&lookback_delta=1s",
    "/api/v1/query?query=absent(nothing)&time=END",
    "/api/v1/query_range?query=gpu&start=START&end=END&step=15",
    "/api/v1/query_range?query=gpu&start=START&end=END&step=1m&limit=1",
    "/api/v1/query_range?query=rate(gpu%5B1m%5D)&start=START&end=END&step=30",
    "/api/v1/series?match[]=gpu&start=START&end=END",
    "/api/v1/series?match[]=gpu&start=START&end=END&limit=1",
    "/api/v1/series?match[]={__name__!=%22%22}&start=LATE&end=END",
    "/api/v1/series?match[]={__name__!=%22%22}&start=START&end=LATE",
    "/api/v1/series?match[]={__name__!=%22%22}&start=1&end=2",
    "/api/v1/labels?start=1&end=2",
    "/api/v1/label/__name__/values?start=1&end=2",
    "/api/v1/labels?start=START&end=END",
    "/api/v1/labels?match[]=odd",
    "/api/v1/labels?limit=1",
    "/api/v1/label/__name__/values",
    "/api/v1/label/gpu/values?match[]=gpu{gpu!=%220%22}",
    "/api/v1/label/gpu/values?limit=1",
    "/api/v1/label/nothing/values",
    "/api/v1/rules",
    "/api/v1/rules?type=alert",
    "/api/v1/alerts",
    "/api/v1/query_exemplars?query=gpu&start=START&end=END",
    "/api/v1/format_query?query=sum(gpu)by(x)",
    "/api/v1/parse_query?query=gpu",
    "/api/v1/parse_query?query=sum(rate(gpu{host=~%22a.*%22}%5B5m%5D+offset+1m))by(x)",
    "/api/v1/parse_query?query=gpu+/+on(gpu)+group_left(host)+odd+%3E+bool+1",
    "/api/v1/parse_query?query=max_over_time((-gpu)%5B1h:1m%5D+@+start())",
    // Faults.
    "/api/v1/query?query=gpu&time=foo",
    "/api/v1/query?query=gpu&timeout=foo",
    "/api/v1/query?query=gpu&timeout=-90.5",
    "/api/v1/query?query=gpu&limit=foo",
    "/api/v1/query?query=gpu&limit=-1",
    "/api/v1/query?query=gpu&lookback_delta=foo",
    "/api/v1/query_range?query=gpu",
    "/api/v1/query_range?query=gpu&start=1&end=foo&step=1",
    "/api/v1/query_range?query=gpu&start=2&end=1&step=1",
    "/api/v1/query_range?query=gpu&start=1&end=2&step=0",
    "/api/v1/query_range?query=gpu&start=1&end=2&step=-1",
    "/api/v1/query_range?query=gpu&start=1&end=2&step=foo",
    "/api/v1/query_range?query=gpu&start=0&end=11001&step=1",
    "/api/v1/query_range?query=gpu&start=0&end=11002&step=1",
    "/api/v1/query_range?query=vector(1)&start=0&end=11000&step=1",
    "/api/v1/query_range?query=vector(1)&start=0&end=11000.999&step=1",
    "/api/v1/query_range?query=gpu%5B1m%5D&start=1&end=2&step=1",
    "/api/v1/query?query=gpu%2Bon(nothing)gpu&time=END",
    "/api/v1/query?query=label_replace(gpu,%22a%22,%22b%22,%22c%22,%22(%22)&time=END",
    "/api/v1/series",
    "/api/v1/series?match[]=gpu&start=foo",
    "/api/v1/series?match[]={x=%22%22}",
    "/api/v1/labels?start=foo",
    "/api/v1/labels?match[]={x=%22%22}",
    "/api/v1/label/gpu/values?end=foo",
    "/api/v1/metadata?limit=foo",
    "/api/v1/status/tsdb?limit=foo",
    "/api/v1/query_exemplars?query=gpu&start=2&end=1",
];

/// Queries that see as many samples in both.
const SEEN: &[&str] = &[
    "gpu",
    "gone",
    "nothing",
    "sum by (host) (gpu)",
    "gpu + on (gpu) group_left gone",
    "rate(gpu[1m])",
    "max_over_time(gpu[3m])",
    "quantile_over_time(0.9, gone[2m])",
    "gpu offset 1m",
    "timestamp(gpu)",
    "max_over_time(gpu[2m:30s])",
    "max_over_time(gpu[1m] @ end())",
    "gpu @ END",
];

/// Requests whose error text is the parser's own, so that only status and type are the same.
const ALIKE_BUT_FOR_THE_TEXT: &[&str] = &[
    "/api/v1/query?query=",
    "/api/v1/query?query=gpu%7B",
    "/api/v1/query?query=foo(gpu)",
    "/api/v1/query_range?query=sum(&start=1&end=2&step=1",
    "/api/v1/series?match[]=gpu%7B",
    "/api/v1/series?match[]=sum(gpu)",
    "/api/v1/format_query?query=1%2B",
    "/api/v1/parse_query?query=1%2B",
];

#[test]
fn both_answer_the_requests_of_data_sources_alike() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let program = or_skip!(environment::program(PROMETHEUS));
    let folder = tempfile::tempdir().unwrap();
    let (_child, ours) = server(&gpulse, folder.path(), "127.0.0.1:0");
    let mut command = Command::new(program);
    let theirs = SocketAddr::from(([127, 0, 0, 1], http::free_port().unwrap()));
    std::fs::write(folder.path().join("prometheus.yml"), "{}\n").unwrap();
    command
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb"])
        .args(["--web.enable-remote-write-receiver", &format!("--web.listen-address={theirs}")])
        .current_dir(folder.path());
    let mut sender = Child::start("prometheus", &mut command, folder.path()).unwrap();
    sender.until("Prometheus to be ready", |_| http::get(theirs, "/-/ready")).unwrap();

    let now = model::Clock::now(&model::clock::SystemClock).second();
    let end = now / 60 * 60;
    for address in [ours, theirs] {
        remote_write::write(address, "/api/v1/write", &samples(end)).unwrap();
    }
    let filled = |path: &str| {
        path.replace("START", &(end - 300).to_string())
            .replace("LATE", &(end - 100).to_string())
            .replace("END", &end.to_string())
    };
    let mut different = Vec::new();
    for path in ALIKE.iter().map(|path| filled(path)) {
        let pair = [ours, theirs].map(|address| comparable(ask(address, &path).unwrap()));
        if pair[0] != pair[1] {
            different.push(format!("{path}\n  ours   {}\n  theirs {}", pair[0], pair[1]));
        }
    }
    for path in ALIKE_BUT_FOR_THE_TEXT {
        let [a, b] = [ours, theirs].map(|address| ask(address, path).unwrap());
        if (a.0, &a.1["errorType"]) != (b.0, &b.1["errorType"]) {
            different.push(format!("{path}\n  ours   {a:?}\n  theirs {b:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    for query in SEEN {
        let seen = |address: SocketAddr| {
            let query = http::escaped(&filled(query));
            let range = format!("/api/v1/query_range?query={query}&start=START&end=END&step=30");
            let instant = format!("/api/v1/query?query={query}&time=END");
            [range, instant].map(|path| {
                let json = ask(address, &filled(&format!("{path}&stats=all"))).unwrap().1;
                let samples = json["data"]["stats"]["samples"].clone();
                assert!(samples["peakSamples"].is_u64(), "{query}: {json}");
                samples["totalQueryableSamples"].as_u64().unwrap()
            })
        };
        assert_eq!(seen(ours), seen(theirs), "samples of {query}");
    }
    // Prometheus lists the names of its whole head here; those with samples are among them.
    let path = filled("/api/v1/label/__name__/values?start=LATE&end=END");
    let [own, other] = [ours, theirs].map(|address| ask(address, &path).unwrap().1["data"].take());
    assert_eq!(own, serde_json::json!(["gpu", "odd"]));
    let other = other.as_array().unwrap();
    assert!(own.as_array().unwrap().iter().all(|name| other.contains(name)), "{other:?}");
}

fn samples(end: i64) -> Vec<Series> {
    let of = |name: &str, labels: &[(&str, &str)], value: fn(f64) -> f64| {
        let mut series = Series::new(name, labels);
        let times = (0..=20_u8).map(|at| (end - 300 + i64::from(at) * 15, f64::from(at)));
        series.samples = times.map(|(time, at)| (time * 1000, value(at))).collect();
        series
    };
    let mut gone = of("gone", &[("gpu", "9")], |at| at);
    gone.samples.truncate(5);
    vec![
        gone,
        of("gpu", &[("gpu", "0"), ("host", "a")], |at| at * 1.1),
        of("gpu", &[("gpu", "1"), ("host", "a")], |at| 1e21 * at),
        of("gpu", &[("gpu", "2"), ("host", "b")], |_| f64::NAN),
        of("odd", &[("word", "한국어 \"quoted\"\n")], |_| f64::NEG_INFINITY),
    ]
}

/// Status and JSON as one text; the order of series in a vector is free.
fn comparable((status, mut json): (u16, Value)) -> String {
    if let Some(Value::Array(result)) = json.pointer_mut("/data/result") {
        result.sort_by_key(Value::to_string);
    }
    format!("{status} {json}")
}
