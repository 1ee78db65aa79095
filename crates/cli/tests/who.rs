//! `gpulse who` as a person runs it, on simulated machines whose clock stands.

#![cfg(test)]

#[path = "support/running.rs"]
mod running;

use std::time::Duration;

use expect_test::{expect, expect_file};
use running::{gpulse, run, simulated, transcript};
use unicode_width::UnicodeWidthStr as _;

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// What is printed for a scenario, as one text.
fn who(scenario: &str, args: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    transcript(&simulated(home.path(), scenario, TEN_MINUTES, &[&["who"], args].concat()))
}

fn shipped_scenarios() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../sim/scenarios");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() > 10, "{names:?}");
    names
}

#[test]
fn a_busy_machine() {
    expect_file!["snapshots/who-busy.txt"].assert_eq(&who("h100x8-busy", &[]));
}

#[test]
fn mig_devices_stand_beside_whole_gpus() {
    expect_file!["snapshots/who-mixed.txt"].assert_eq(&who("h100-mixed", &[]));
}

#[test]
fn the_wide_table_has_every_column() {
    expect_file!["snapshots/who-wide.txt"].assert_eq(&who("h100-mixed", &["--wide"]));
}

#[test]
fn the_json_is_the_schema() {
    expect_file!["snapshots/who-json.txt"].assert_eq(&who("h100-mixed", &["--json"]));
}

#[test]
fn the_other_forms_have_the_same_rows() {
    expect_file!["snapshots/who-csv.txt"].assert_eq(&who("h100-mixed", &["-o", "csv"]));
    expect_file!["snapshots/who-jsonl.txt"].assert_eq(&who("h100-mixed", &["-o", "jsonl"]));
    let page = who("h100-mixed", &["-o", "prom"]);
    let text = page.split("--- stdout\n").nth(1).unwrap().split("--- stderr").next().unwrap();
    let families = model::text::parse(text).unwrap();
    for name in ["gpu_process_info", "gpu_session_count", "gpu_total_sessions", "gpu_session_info"]
    {
        assert!(families.iter().any(|family| family.name == name), "{name}:\n{text}");
    }
}

#[test]
fn awkward_names_neither_break_lines_nor_drive_the_terminal() {
    let text = who("awkward-names", &[]);
    assert!(text.chars().all(|char| char == '\n' || !char.is_control()), "{text:?}");
    expect_file!["snapshots/who-awkward.txt"].assert_eq(&text);
    let csv = who("awkward-names", &["-o", "csv", "--columns", "pid,command"]);
    expect_file!["snapshots/who-awkward-csv.txt"].assert_eq(&csv);
}

#[test]
fn messages_and_words_are_korean_in_a_korean_locale_and_keys_are_not() {
    let home = tempfile::tempdir().unwrap();
    let clock = running::standing_clock(home.path(), TEN_MINUTES);
    let korean = |args: &[&str]| {
        let mut command = gpulse(home.path());
        command.arg("who").args(args).arg("--sim-clock").arg(&clock).env("LANG", "ko_KR.UTF-8");
        transcript(&command.output().unwrap())
    };
    expect_file!["snapshots/who-korean.txt"].assert_eq(&korean(&["--sim", "h100-mixed"]));
    expect_file!["snapshots/who-korean-none.txt"].assert_eq(&korean(&["--sim", "no-gpu"]));
    let json = korean(&["--sim", "h100-mixed", "--json"]);
    assert!(json.contains("\"state\": \"active\""), "{json}");
}

#[test]
fn a_machine_without_gpu_is_one_sentence_and_no_failure() {
    expect_file!["snapshots/who-none.txt"].assert_eq(&who("no-gpu", &[]));
    let json = who("no-gpu", &["--json"]);
    assert!(json.starts_with("exit 0\n--- stdout\n{\n"), "{json}");
    assert!(json.contains("\"gpus\": []"), "{json}");
}

#[test]
fn every_shipped_scenario_fits_eighty_columns() {
    let scenarios = shipped_scenarios();
    // 10,000 processes take the simulator long to lay out: once is enough.
    let locales = |name: &str| match name {
        "many-processes" => &["C.UTF-8"][..],
        _ => &["C.UTF-8", "ko_KR.UTF-8"],
    };
    let cases: Vec<(&str, &str)> = scenarios
        .iter()
        .flat_map(|name| locales(name).iter().map(|locale| (name.as_str(), *locale)))
        .collect();
    // A look waits for half a second: a few at a time.
    std::thread::scope(|scope| {
        for part in cases.chunks(cases.len().div_ceil(6)) {
            scope.spawn(move || part.iter().for_each(|(name, locale)| fits(name, locale)));
        }
    });
}

fn fits(scenario: &str, locale: &str) {
    let home = tempfile::tempdir().unwrap();
    let clock = running::standing_clock(home.path(), TEN_MINUTES);
    let mut command = gpulse(home.path());
    command.args(["who", "--sim", scenario, "--sim-clock"]).arg(clock);
    let output = command.env("LANG", locale).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{scenario}: {}", transcript(&output));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(!table.is_empty(), "{scenario}");
    for line in table.lines() {
        assert!(line.width() <= 80, "{scenario}, {} wide: {line}", line.width());
        assert_eq!(line, line.trim_end(), "{scenario}");
    }
}

#[test]
fn a_lost_gpu_says_so_and_the_other_stays() {
    let home = tempfile::tempdir().unwrap();
    let age = Duration::from_secs(300);
    let lost = transcript(&simulated(home.path(), "fault-lost", age, &["who"]));
    expect_file!["snapshots/who-lost.txt"].assert_eq(&lost);
    let json = transcript(&simulated(home.path(), "fault-lost", age, &["who", "--json"]));
    assert!(json.contains("\"state\": \"down\""), "{json}");
}

#[test]
fn a_gpu_whose_driver_hangs_says_so_and_the_other_stays() {
    let home = tempfile::tempdir().unwrap();
    let age = Duration::from_secs(100);
    let begun = std::time::Instant::now();
    let stuck = transcript(&simulated(home.path(), "fault-hang", age, &["who"]));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    expect_file!["snapshots/who-hang.txt"].assert_eq(&stuck);
}

#[test]
fn a_session_is_starting_while_young_and_unknown_when_nobody_watched() {
    let home = tempfile::tempdir().unwrap();
    let process = |pid: u32, since: &str| {
        format!(
            "[[node.process]]\ngpu = [\"0\"]\npid = {pid}\ncommand = \"/bin/waits\"\n\
             {since}\nmemory = \"1GiB\"\n"
        )
    };
    let text = format!(
        "seed = 1\n[[node]]\nname = \"a\"\n[[node.gpu]]\nmodel = \"h200\"\n{}{}",
        process(4001, "start = \"500s\""),
        process(4002, "before = \"1h\""),
    );
    std::fs::write(home.path().join("machine.toml"), text).unwrap();
    let text = transcript(&simulated(home.path(), "machine.toml", TEN_MINUTES, &["who"]));
    expect_file!["snapshots/who-states.txt"].assert_eq(&text);
}

#[test]
fn states_go_on_from_the_state_file_of_an_exporter() {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let watched = running::watch_for(home.path(), "h100x8-busy", &state, Duration::from_secs(400));
    let mut command = gpulse(home.path());
    command.args(["who", "--sim", "h100x8-busy", "--sim-clock"]).arg(&watched);
    command.arg("--state").arg(&state);
    let text = transcript(&command.output().unwrap());
    assert!(!text.contains("states need"), "{text}");
    assert!(text.contains("held") || text.contains("stale"), "{text}");
    assert!(!text.contains("unknown"), "{text}");
}

#[test]
fn a_wrong_scenario_is_told_with_file_and_line() {
    let home = tempfile::tempdir().unwrap();
    let text = "seed = 1\n[[node]]\nname = \"a\"\n[[node.gpu]]\nmodle = 1\n";
    std::fs::write(home.path().join("machine.toml"), text).unwrap();
    let text = run(home.path(), &["who", "--sim", "machine.toml"]);
    assert!(text.starts_with("exit 2\n--- stderr\ngpulse: "), "{text}");
    assert!(text.contains("machine.toml:5") && text.contains("modle"), "{text}");
    let unknown = run(home.path(), &["who", "--sim", "h100x8-bussy"]);
    expect_file!["snapshots/who-unknown-scenario.txt"].assert_eq(&unknown);
}

#[test]
fn columns_are_chosen_by_name_and_a_wrong_one_lists_them() {
    let chosen = who("h100-mixed", &["--columns", "pid,gpu,state", "--no-headers"]);
    expect_file!["snapshots/who-columns.txt"].assert_eq(&chosen);
    let home = tempfile::tempdir().unwrap();
    expect![[r#"
        exit 2
        --- stderr
        gpulse: no column is called "foo"; there are node, gpu, uuid, model, profile, who, kind, user, namespace, pod, container, session, pid, type, command, since, memory, use, state, findings
    "#]].assert_eq(&run(home.path(), &["who", "--columns", "gpu,foo"]));
    expect![[r#"
        exit 2
        --- stderr
        gpulse: --columns is for the forms table and csv
    "#]]
    .assert_eq(&run(home.path(), &["who", "--json", "--columns", "gpu"]));
}

#[test]
fn colours_come_when_asked_for_and_leave_with_no_color() {
    let coloured = who("h100-mixed", &["--color", "always"]);
    assert!(coloured.contains("\x1b[36mactive\x1b[0m"), "{coloured:?}");
    assert!(!who("h100-mixed", &[]).contains('\x1b'), "not a terminal");
    let home = tempfile::tempdir().unwrap();
    let with = |name: &str| {
        let mut command = gpulse(home.path());
        command.args(["who", "--sim", "h100-mixed"]).env("CLICOLOR_FORCE", "1").env(name, "1");
        transcript(&command.output().unwrap())
    };
    assert!(with("OTHER").contains('\x1b'));
    assert!(!with("NO_COLOR").contains('\x1b'));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    let mut command = gpulse(home.path());
    command.args(["who", "--sim", "h100x8-busy", "--watch=200ms"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", transcript(&output));
}

#[test]
fn watching_without_a_terminal_prints_fresh_blocks_and_ends_on_a_signal() {
    let home = tempfile::tempdir().unwrap();
    let mut command = gpulse(home.path());
    command.args(["who", "--sim", "h100x8-busy", "--watch=200ms"]);
    let text =
        running::until_interrupted(&mut command, |text| text.matches("GPU  WHO").count() > 2);
    assert!(text.starts_with("exit 0\n"), "{text}");
    assert!(text.contains("idle\n\nGPU  WHO"), "an empty line between blocks: {text}");
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn looks_without_a_pause_are_refused_with_the_shortest() {
    for span in ["--watch=0s", "--watch=0", "--watch=199ms"] {
        let refused = who("h100x8-busy", &[span]);
        assert!(refused.starts_with("exit 2\n") && refused.contains("200ms"), "{refused}");
    }
}

#[test]
fn a_pipe_gets_whole_lines() {
    let home = tempfile::tempdir().unwrap();
    let piped = |command: &mut std::process::Command| {
        let clock = running::standing_clock(home.path(), TEN_MINUTES);
        let command = command.args(["who", "--sim", "h100x8-busy", "--sim-clock"]).arg(clock);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let narrow = piped(&mut gpulse(home.path()));
    assert!(narrow.contains('…') && narrow.lines().all(|line| line.chars().count() <= 80));
    let whole = piped(gpulse(home.path()).env_remove("COLUMNS"));
    assert!(!whole.contains('…'), "{whole}");
}

#[test]
fn a_source_that_takes_its_time_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let program = home.path().join("nvidia-smi");
    std::fs::write(&program, "#!/bin/sh\nexec /bin/sleep 60\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = gpulse(home.path()).arg("who").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    if !text.contains("no NVIDIA driver library found") {
        println!("skipped: this machine has an NVIDIA driver, which answers");
        return;
    }
    let waiting = format!("{}the NVIDIA driver, or nvidia-smi in its place", running::WAITING);
    assert!(output.status.success() && text.starts_with(&waiting), "{text}");
}

#[test]
fn a_library_is_called_one_and_a_clock_that_is_not_there_is_not_made() {
    let home = tempfile::tempdir().unwrap();
    let run =
        |args: &[&str]| transcript(&gpulse(home.path()).arg("who").args(args).output().unwrap());
    let text = run(&["--sim-library", "none.so"]);
    assert!(text.contains("simulated machine: driver library none.so"), "{text}");
    for args in [["--sim", "h100x8-busy"], ["--sim-library", "none.so"]] {
        let text = run(&[&args[..], &["--sim-clock", "no-clock"]].concat());
        assert!(text.starts_with("exit 2\n") && text.contains("no-clock: there is no"), "{text}");
        assert!(!home.path().join("no-clock").exists());
    }
}

#[test]
fn why_there_is_no_gpu_is_korean_in_a_korean_locale() {
    let home = tempfile::tempdir().unwrap();
    let mut command = gpulse(home.path());
    let text = transcript(&command.arg("who").env("LANG", "ko_KR.UTF-8").output().unwrap());
    if !text.contains("libnvidia-ml.so.1") {
        println!("skipped: this machine has an NVIDIA driver, which answers");
        return;
    }
    assert!(text.contains("NVIDIA 드라이버 라이브러리를 찾지 못함"), "{text}");
    assert!(text.contains("해결 방법: NVIDIA 드라이버를 설치하거나"), "{text}");
    assert!(!text.contains("remedy") && !text.contains("install"), "{text}");
}
