//! `prometheus-api-client`, as it is published, reads from `gpulse server` what the HTTP API says.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};
use tests::child::Child;
use tests::environment::{self, GPULSE, PYTHON};
use tests::remote_write::{self, Series};
use tests::{http, or_skip};

const METRIC: &str = "DCGM_FI_DEV_GPU_UTIL";

fn series(gpu: &str, host: &str, end: i64) -> Series {
    let mut series = Series::new(METRIC, &[("gpu", gpu), ("host", host)]);
    let value = |at: i32| f64::from(at) * 1.25 + f64::from(u32::try_from(gpu.len()).unwrap());
    series.samples =
        (0..=20).map(|at| ((end - 300 + i64::from(at) * 15) * 1000, value(at))).collect();
    series
}

/// The `data` of an answer, or of its `result` where it has one.
fn data(address: SocketAddr, path: &str) -> Value {
    let answer = http::get_with(address, path, "").unwrap();
    let mut json: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json["status"], "success", "{path}: {json}");
    match json.pointer_mut("/data/result") {
        Some(result) => result.take(),
        None => json["data"].take(),
    }
}

/// The series of a list in the order of their text.
fn sorted(list: &Value) -> Vec<String> {
    let mut all: Vec<_> = list.as_array().unwrap().iter().map(Value::to_string).collect();
    all.sort();
    all
}

#[test]
fn a_client_library_reads_what_the_api_says() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let python = or_skip!(environment::program(PYTHON));
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(&gpulse);
    command.args(["server", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    let mut server = Child::start("gpulse-server", &mut command, folder.path()).unwrap();
    let address = server.address().unwrap();
    let end = model::Clock::now(&model::clock::SystemClock).second() / 60 * 60;
    let all = [series("0", "a", end), series("1", "a", end), series("2", "b", end)];
    remote_write::write(address, "/api/v1/write", &all).unwrap();

    let output = Command::new(python)
        .arg(environment::root().join("tests/python/read_by_client.py"))
        .args([&format!("http://{address}"), METRIC, &(end - 300).to_string(), &end.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let read: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(read["connected"], true);
    assert_eq!(read["all_metrics"], json!([METRIC]));
    assert_eq!(read["label_names"], data(address, "/api/v1/labels"));
    assert_eq!(read["label_values"], json!(["0", "1", "2"]));
    let span = format!("start={}&end={end}", end - 300);
    let path = format!("/api/v1/series?match[]={METRIC}&{span}");
    assert_eq!(sorted(&read["series"]), sorted(&data(address, &path)));
    let path = format!("/api/v1/query?query={METRIC}&time={end}");
    assert_eq!(sorted(&read["query"]), sorted(&data(address, &path)));
    assert_eq!(read["query"].as_array().unwrap().len(), 3);
    assert_eq!(read["value"][0]["value"], json!([end, "26"]));
    let sum = http::escaped(&format!("sum by (host) ({METRIC})"));
    let path = format!("/api/v1/query_range?query={sum}&{span}&step=30");
    assert_eq!(sorted(&read["query_range"]), sorted(&data(address, &path)));
    assert_eq!(read["query_range"][0]["values"].as_array().unwrap().len(), 11);
    raw_samples_are_those_written(&read["range_data"], &all);
    assert_eq!(read["targets"]["activeTargets"], json!([]));
    let refused = read["refused"].as_str().unwrap();
    assert!(refused.contains("400") && refused.contains("bad_data"), "{refused}");
    assert!(server.stop().unwrap().success());
}

/// Downloaded in parts of 100 s, of host `a`: all but the first sample, which no window has.
fn raw_samples_are_those_written(parts: &Value, written: &[Series]) {
    for series in &written[..2] {
        let gpu = &series.labels.iter().find(|(name, _)| name == "gpu").unwrap().1;
        let of = parts.as_array().unwrap().iter().filter(|part| part["metric"]["gpu"] == **gpu);
        let found: Vec<(i64, f64)> = of
            .flat_map(|part| part["values"].as_array().unwrap())
            .map(|pair| {
                let value: f64 = pair[1].as_str().unwrap().parse().unwrap();
                let millis = format!("{:.0}", pair[0].as_f64().unwrap() * 1000.0);
                (millis.parse().unwrap(), value)
            })
            .collect();
        assert_eq!(found, series.samples[1..], "gpu {gpu}");
    }
}
