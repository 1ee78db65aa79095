//! The program `gpulse-sim` as people and tests start it.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn tool(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gpulse-sim")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn scenarios_are_listed_shown_and_checked() {
    let list = text(&tool(&["list"]).stdout);
    assert!(list.contains("h100x8-busy") && list.contains("fault-mig-set"), "{list}");
    let shown = tool(&["show", "h100-mig"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.toml");
    std::fs::write(&path, &shown.stdout).unwrap();
    assert!(tool(&["check", path.to_str().unwrap()]).status.success());
    std::fs::write(&path, "[[node]]\nname = \"a\"\nnose = 1\n").unwrap();
    let bad = tool(&["check", path.to_str().unwrap()]);
    assert!(!bad.status.success());
    assert!(
        text(&bad.stderr).contains("own.toml:3: unknown field `nose`"),
        "{}",
        text(&bad.stderr)
    );
}

#[test]
fn started_as_nvidia_smi_it_answers_from_the_named_world() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nvidia-smi");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gpulse-sim"), &path).unwrap();
    let ask = |scenario: &str| {
        Command::new(&path)
            .args(["--query-gpu=memory.used,pstate", "--format=csv,noheader"])
            .env("NVML_SIM_SCENARIO", scenario)
            .env("NVML_SIM_CLOCK", folder.path().join("clock"))
            .output()
            .unwrap()
    };
    assert_eq!(text(&ask("h100-load").stdout), "19818 MiB, P0\n");
    assert_eq!(ask("no-gpu").status.code(), Some(9));
    let without = Command::new(&path).env_remove("NVML_SIM_SCENARIO").output().unwrap();
    assert!(text(&without.stderr).contains("NVML_SIM_SCENARIO"));
}

fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn run_keeps_a_tree_that_follows_the_clock_and_its_children_end_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (root, clock) = (folder.path().join("host"), folder.path().join("clock"));
    let scenario = folder.path().join("s.toml");
    std::fs::write(
        &scenario,
        "clock = \"manual\"\nage = \"60s\"\n[[node]]\nname = \"a\"\n[[node.gpu]]\n\
         model = \"h100-80gb-hbm3\"\n[[node.process]]\ngpu = [\"0\"]\ncommand = \"/opt/real one\"\n\
         pid = 4001\n[[node.process]]\ngpu = [\"0\"]\ncommand = \"late\"\nevery = \"1h\"\n\
         start = \"90s\"\nlives = \"10s\"\npid = 9000\npids = 1\n[[node.fault]]\nkind = \"zombie\"\n\
         at = \"100s\"\npid = 4001\n",
    )
    .unwrap();
    let words = ["run", scenario.to_str().unwrap(), "--root", root.to_str().unwrap()];
    let mut keeper = Command::new(env!("CARGO_BIN_EXE_gpulse-sim"))
        .args(words)
        .args(["--spawn", "--clock", clock.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("simulated host a in "));
    let changed = lines.next().unwrap().unwrap();
    let changed =
        std::fs::read_to_string(changed.trim_start_matches("NVML_SIM_SCENARIO=")).unwrap();
    let pid = changed.lines().find_map(|line| line.strip_prefix("pid = ")).unwrap().to_owned();
    assert!(root.join("proc").join(&pid).exists());
    let real = Path::new("/proc").join(&pid).join("cmdline");
    assert!(text(&std::fs::read(&real).unwrap()).starts_with("/opt/real\0one\0"));
    let move_to = |age: &str| {
        let moved = tool(&["clock", clock.to_str().unwrap(), "--age", age]);
        assert!(text(&moved.stdout).contains(" age "), "{moved:?}");
    };
    move_to("95s");
    until("the process starts", || root.join("proc/9000/stat").exists());
    move_to("101s");
    until("the process ends", || !root.join("proc/9000").exists());
    until("the zombie leaves", || !root.join("proc").join(&pid).exists());
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    until("the child ends", || std::fs::read(&real).map_or(true, |line| line.is_empty()));
}

#[test]
fn a_capture_becomes_a_scenario_that_is_possible() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("skipped: no captures in ../shared/captures");
        return;
    };
    let out = tempfile::tempdir().unwrap();
    for path in entries
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "txt"))
    {
        for phase in ["idle", "load"] {
            let made = tool(&["from-capture", path.to_str().unwrap(), "--phase", phase]);
            let file = out.path().join("made.toml");
            std::fs::write(&file, &made.stdout).unwrap();
            let checked = tool(&["check", file.to_str().unwrap()]);
            assert!(checked.status.success(), "{}", text(&checked.stderr));
        }
    }
}
