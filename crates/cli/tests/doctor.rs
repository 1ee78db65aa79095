//! `gpulse doctor` on simulated machines, and on none.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::time::Duration;

use expect_test::expect_file;
use running::{simulated, transcript};

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// What it prints, with the folders of this run and of this machine left out.
fn doctor(scenario: &str, age: Duration, args: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let textfile = home.path().join("textfile/gpu_sessions.prom");
    let textfile = ["--textfile", textfile.to_str().unwrap()];
    let args = [&["doctor"], args, &textfile].concat();
    let text = transcript(&simulated(home.path(), scenario, age, &args));
    text.replace(home.path().to_str().unwrap(), "HOME")
}

#[test]
fn a_healthy_machine() {
    expect_file!["snapshots/doctor-busy.txt"].assert_eq(&doctor("h100x8-busy", TEN_MINUTES, &[]));
}

#[test]
fn the_json_has_the_same_checks() {
    let text = doctor("h100-mixed", TEN_MINUTES, &["--json"]);
    expect_file!["snapshots/doctor-json.txt"].assert_eq(&text);
}

#[test]
fn a_lost_gpu_fails_the_check_and_is_exit_code_1() {
    let text = doctor("fault-lost", Duration::from_secs(300), &[]);
    assert!(text.starts_with("exit 1\n"), "{text}");
    expect_file!["snapshots/doctor-lost.txt"].assert_eq(&text);
}

#[test]
fn a_machine_without_gpu_says_what_was_tried() {
    expect_file!["snapshots/doctor-none.txt"].assert_eq(&doctor("no-gpu", TEN_MINUTES, &[]));
}

#[test]
fn ids_in_the_output_are_those_of_the_reference_page() {
    let page = cli::page(cli::Page::Doctor);
    let text = doctor("h100x8-busy", TEN_MINUTES, &[]);
    let ids = text.lines().filter_map(|line| {
        let (mark, rest) = (line.get(..4)?, line.get(6..)?);
        ["ok  ", "warn", "fail", "-   "].contains(&mark).then(|| rest.split(':').next())?
    });
    let ids: Vec<&str> = ids.collect();
    assert!(ids.len() > 10, "{text}");
    for id in ids {
        assert!(page.contains(&format!("| `{id}` |")), "{id}");
    }
}
