//! `gpulse collect` as cron runs it.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::fs;
use std::path::Path;
use std::time::Duration;

use expect_test::expect;
use model::text::{Family, parse};
use running::{gpulse, run, simulated, transcript};

const TEN_MINUTES: Duration = Duration::from_secs(600);

fn families(path: &Path) -> Vec<Family> {
    parse(&fs::read_to_string(path).unwrap()).unwrap()
}

fn value(families: &[Family], name: &str) -> f64 {
    families.iter().find(|family| family.name == name).unwrap().samples[0].value
}

#[test]
fn one_collection_is_one_file_and_exit_code_0() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("textfiles/gpu_sessions.prom");
    let args = ["collect", "--create-dir", "--output", file.to_str().unwrap()];
    let output = simulated(home.path(), "h100x8-busy", TEN_MINUTES, &args);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    assert!(output.stdout.is_empty(), "{}", transcript(&output));
    let families = families(&file);
    assert_eq!(value(&families, "gpu_sessions_collect_success"), 1.0);
    assert_eq!(value(&families, "gpu_total_sessions"), 10.0);
    assert!(!families.iter().any(|family| family.name.ends_with("_seconds_total")), "no counters");
}

#[test]
fn the_page_goes_to_stdout_and_messages_to_stderr() {
    let home = tempfile::tempdir().unwrap();
    let output = simulated(home.path(), "h100-mixed", TEN_MINUTES, &["collect", "--output", "-"]);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("simulated machine"), "{log}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing but the clock is left");
}

#[test]
fn no_gpu_is_a_result_and_not_a_failure() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("gpu_sessions.prom");
    let args = ["collect", "--output", file.to_str().unwrap()];
    let output = simulated(home.path(), "no-gpu", TEN_MINUTES, &args);
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
    let families = families(&file);
    assert_eq!(value(&families, "gpu_sessions_collect_success"), 0.0);
    assert!(families.iter().any(|family| family.name == "gpu_sessions_collect_error"));
    assert!(!families.iter().any(|family| family.name == "gpu_process_info"));
}

#[test]
fn a_folder_that_is_not_there_is_exit_code_1_with_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    let args = ["collect", "--sim", "no-gpu", "--log=error", "-o", "missing/gpu_sessions.prom"];
    expect![[r#"
        exit 1
        --- stderr
        gpulse: folder missing does not exist: create it, or add --create-dir, and let node_exporter read it with --collector.textfile.directory=missing
    "#]].assert_eq(&run(home.path(), &args));
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    let home = tempfile::tempdir().unwrap();
    expect![[r#"
        exit 2
        --- stderr
        gpulse: --every needs a file to rewrite, not --output -
    "#]]
    .assert_eq(&run(home.path(), &["collect", "-o", "-", "--every", "30s"]));
    expect![[r#"
        exit 2
        --- stderr
        gpulse: --every is at least 1s
    "#]]
    .assert_eq(&run(home.path(), &["collect", "--every", "10ms"]));
    expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'often' for '--every <DURATION>': "often" is not a duration: write 30s, 5m or 1h30m

        For more information, try '--help'.
    "#]].assert_eq(&run(home.path(), &["collect", "--every", "often"]));
}

#[test]
fn a_watch_writes_again_and_again_and_a_clean_stop_leaves_no_process_rows() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("gpu_sessions.prom");
    let mut command = gpulse(home.path());
    command.args(["collect", "--sim", "h100-load", "--every", "1s", "-o"]).arg(&file);
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let stamp = || {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let families = parse(&text).unwrap();
        let found = families.iter().any(|family| family.name == "gpu_process_info");
        found.then(|| value(&families, "gpu_sessions_collect_timestamp_seconds"))
    };
    let first = running::wait_for("a first file", &stamp);
    running::wait_for("a second file", || stamp().filter(|second| *second > first));
    running::terminate(&child);
    assert!(child.wait().unwrap().success());
    let families = families(&file);
    assert_eq!(value(&families, "gpu_sessions_collect_success"), 0.0);
    assert!(!families.iter().any(|family| family.name == "gpu_process_info"));
}

#[test]
fn that_there_is_no_driver_is_warned_of_once() {
    let home = tempfile::tempdir().unwrap();
    let text = running::run(home.path(), &["collect", "--output", "gpu.prom"]);
    assert!(text.starts_with("exit 0\n"), "{text}");
    let is_warning = |line: &&str| line.contains(" WARN ") && line.contains("no NVIDIA driver");
    assert!(text.lines().filter(is_warning).count() <= 1, "{text}");
}
