//! `gpulse gen`: completions, man pages, reference pages.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use expect_test::expect;
use running::run;

#[test]
fn completions_know_commands_and_flags_in_every_shell() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = run(home.path(), &["gen", "completions", shell]);
        assert!(text.starts_with("exit 0\n--- stdout\n"), "{shell}: {text}");
        for word in ["exporter", "collect", "doctor", "no-headers"] {
            assert!(text.contains(word), "{shell} completes {word}");
        }
        assert!(!text.contains("--- stderr"), "{shell}");
    }
}

#[test]
fn there_is_a_man_page_per_command() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("man");
    std::fs::create_dir(&dir).unwrap();
    assert_eq!(run(home.path(), &["gen", "man", dir.to_str().unwrap()]), "exit 0\n");
    let page = std::fs::read_to_string(dir.join("gpulse-who.1")).unwrap();
    assert!(page.contains(".TH gpulse-who 1") || page.contains(".TH"), "{page}");
    for command in ["", "-doctor", "-exporter", "-collect", "-gen"] {
        assert!(dir.join(format!("gpulse{command}.1")).is_file(), "{command}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let home = tempfile::tempdir().unwrap();
    expect![[r#"
        exit 1
        --- stderr
        gpulse: cannot write man pages into /nonexistent/man1: does the folder exist?: No such file or directory (os error 2)
    "#]].assert_eq(&run(home.path(), &["gen", "man", "/nonexistent/man1"]));
}

#[test]
fn a_reference_page_is_the_one_in_the_documents() {
    let home = tempfile::tempdir().unwrap();
    let text = run(home.path(), &["gen", "reference", "cli"]);
    assert_eq!(text, format!("exit 0\n--- stdout\n{}", cli::page(cli::Page::Cli)));
}
