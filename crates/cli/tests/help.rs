//! What a newcomer sees first: help, version, and what is said to a slip of the fingers.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use expect_test::{expect, expect_file};
use running::run;

#[test]
fn help_lists_the_commands_and_shows_examples() {
    let home = tempfile::tempdir().unwrap();
    expect_file!["snapshots/help.txt"].assert_eq(&run(home.path(), &["--help"]));
}

#[test]
fn each_command_explains_itself() {
    let home = tempfile::tempdir().unwrap();
    let mut all = String::new();
    for command in ["who", "query", "doctor", "exporter", "collect", "up", "demo", "server", "gen"]
    {
        all += &format!("$ gpulse {command} --help\n");
        all += &run(home.path(), &[command, "--help"]);
    }
    assert!(all.lines().all(|line| line.chars().count() <= 100));
    expect_file!["snapshots/help-commands.txt"].assert_eq(&all);
}

#[test]
fn every_command_has_a_file_of_tests() {
    let home = tempfile::tempdir().unwrap();
    let help = run(home.path(), &["--help"]);
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 5, "{help}");
    for name in names {
        // `gen` is a keyword of the language.
        let file = if name == "gen" { "gen_files" } else { name };
        let path = format!("{}/tests/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        assert!(std::path::Path::new(&path).is_file(), "{path} is missing");
    }
}

#[test]
fn a_command_alone_shows_help_and_is_a_usage_error() {
    let home = tempfile::tempdir().unwrap();
    let text = run(home.path(), &[]);
    assert!(text.starts_with("exit 2\n--- stderr\n"), "{text}");
    assert!(text.contains("gpulse who"), "{text}");
}

#[test]
fn a_slip_is_answered_with_the_nearest_name() {
    let home = tempfile::tempdir().unwrap();
    expect![[r#"
        exit 2
        --- stderr
        error: unexpected argument '--wathc' found

          tip: a similar argument exists: '--watch'

        Usage: gpulse who --watch[=<DURATION>]

        For more information, try '--help'.
    "#]]
    .assert_eq(&run(home.path(), &["who", "--wathc"]));
    expect![[r#"
        exit 2
        --- stderr
        error: unrecognized subcommand 'expoter'

          tip: a similar subcommand exists: 'exporter'

        Usage: gpulse <COMMAND>

        For more information, try '--help'.
    "#]]
    .assert_eq(&run(home.path(), &["expoter"]));
    expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <--sim <NAME|FILE>|--sim-library <PATH>>

        Usage: gpulse who --sim-clock <FILE> <--sim <NAME|FILE>|--sim-library <PATH>>

        For more information, try '--help'.
    "#]]
    .assert_eq(&run(home.path(), &["who", "--sim-clock", "x"]));
}

#[test]
fn the_version_has_details() {
    let home = tempfile::tempdir().unwrap();
    let text = run(home.path(), &["--version"]);
    assert!(text.starts_with("exit 0\n--- stdout\ngpulse 0."), "{text}");
    for part in ["commit:", "target:", "build:", "who JSON: schema 1"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let short = run(home.path(), &["-V"]);
    assert_eq!(short.lines().count(), 3, "{short}");
}
