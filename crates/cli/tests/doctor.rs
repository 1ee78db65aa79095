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

#[test]
fn programs_get_a_row_for_each_check_in_the_form_they_ask_for() {
    let csv = doctor("h100x8-busy", TEN_MINUTES, &["-o", "csv"]);
    assert!(csv.contains("id,status,evidence,remedy\nsimulated,warn,"), "{csv}");
    let bare = doctor("h100x8-busy", TEN_MINUTES, &["-o", "csv", "--no-headers"]);
    assert_eq!(bare.lines().count() + 1, csv.lines().count());
    let lines = doctor("h100x8-busy", TEN_MINUTES, &["-o", "jsonl"]);
    let first =
        r#"{"schema_version":1,"id":"simulated","question":"Are these real GPUs?","status":"warn""#;
    assert!(lines.contains(first), "{lines}");
    let json = |args: &[&str]| {
        let text = doctor("h100x8-busy", TEN_MINUTES, args);
        text.lines().filter(|line| !line.contains("\"at\"")).collect::<String>()
    };
    assert_eq!(json(&["-o", "json"]), json(&["--json"]));
    for args in [&["-o", "prom"][..], &["--columns", "id"]] {
        let refused = doctor("h100x8-busy", TEN_MINUTES, args);
        assert!(refused.starts_with("exit 2\n") && refused.contains("does not apply"), "{refused}");
    }
}

#[test]
fn people_of_a_korean_locale_read_korean_and_programs_do_not() {
    let home = tempfile::tempdir().unwrap();
    let clock = running::standing_clock(home.path(), TEN_MINUTES);
    let korean = |args: &[&str]| {
        let mut command = running::gpulse(home.path());
        command
            .args(["doctor", "--textfile", "t/x.prom"])
            .args(args)
            .arg("--sim-clock")
            .arg(&clock);
        transcript(&command.env("LANG", "ko_KR.UTF-8").output().unwrap())
    };
    let text = korean(&["--sim", "no-gpu"]);
    let said = text.split_once("--- stdout\n").unwrap().1.split("--- stderr").next().unwrap();
    // What stays English are ids, names, paths and commands: each row has Korean in it.
    for line in said.lines().filter(|line| !line.starts_with(' ') && !line.contains(" of ")) {
        let has_korean = line.chars().any(|char| ('가'..='힣').contains(&char));
        assert!(has_korean, "{line}\n{text}");
    }
    assert!(said.contains("해결 방법: ") && said.contains("정상 "), "{text}");
    let json = korean(&["--sim", "no-gpu", "--json"]);
    assert!(json.contains("\"remedy\": \"leave out --sim"), "{json}");
}
