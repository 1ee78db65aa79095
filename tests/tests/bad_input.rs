//! What comes in wrong, at the real binary: each time a message with the place and the remedy, the
//! rest goes on, nothing is invented and nothing is lost.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use model::text::{Family, Sample};
use tests::child::Child;
use tests::environment::{self, GPULSE, testdata};
use tests::{http, or_skip};

/// A driver that hangs or is absent must not hold a command for longer.
const SOON: Duration = Duration::from_secs(45);

fn scenario(name: &str) -> String {
    testdata().join(format!("scenarios/{name}.toml")).display().to_string()
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A textfile that was collected, parsed.
fn collected(gpulse: &Path, arguments: &[&str]) -> Vec<Family> {
    let output = run(gpulse, &[&["collect", "--output", "-"], arguments].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    model::text::parse(&stdout(&output)).unwrap()
}

fn samples<'a>(page: &'a [Family], name: &str) -> &'a [Sample] {
    page.iter().find(|family| family.name == name).map_or(&[], |family| &family.samples)
}

fn value(page: &[Family], name: &str) -> f64 {
    samples(page, name).first().unwrap_or_else(|| panic!("{name} is absent")).value
}

#[test]
fn an_error_in_a_scenario_is_told_with_file_and_line() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml");
    fs::write(&file, "seed = 1\n\n[[node]]\nname = \"a\"\n\n[[node.gpu]]\nmodle = \"h200\"\n")
        .unwrap();
    for command in ["exporter", "collect", "who", "doctor"] {
        let output = run(&gpulse, &[command, "--sim", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{command}: {}", stderr(&output));
        let place = format!("{}:7", file.display());
        assert!(stderr(&output).contains(&place), "{command}: {}", stderr(&output));
        assert!(stderr(&output).contains("modle"), "{command}: {}", stderr(&output));
    }
}

#[test]
fn an_impossible_scenario_is_told_with_file_and_line() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("full.toml");
    let text = "[[node]]\nname = \"a\"\n[[node.gpu]]\nmodel = \"h200\"\n[[node.process]]\n\
                gpu = [\"0\"]\ncommand = \"x\"\nmemory = \"900GiB\"\n";
    fs::write(&file, text).unwrap();
    let output = run(&gpulse, &["who", "--sim", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("full.toml:"), "{}", stderr(&output));
}

#[test]
fn an_unknown_scenario_lists_those_there_are() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let output = run(&gpulse, &["who", "--sim", "h100x8-bussy"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("h100x8-busy"), "{}", stderr(&output));
}

#[test]
fn an_unknown_flag_names_the_nearest() {
    let gpulse = or_skip!(environment::program(GPULSE));
    for (command, wrong, right) in [
        ("exporter", "--listn", "--listen"),
        ("collect", "--ouput", "--output"),
        ("who", "--wach", "--watch"),
        ("doctor", "--jsn", "--json"),
    ] {
        let output = run(&gpulse, &[command, wrong]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(right), "{command} {wrong}: {}", stderr(&output));
    }
}

#[test]
fn a_port_in_use_is_told_with_who_uses_it() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&gpulse, &["exporter", "--sim", "h100-idle", "--listen", &address]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&taken.local_addr().unwrap().port().to_string()), "{said}");
    assert!(said.contains(&std::process::id().to_string()), "by whom: {said}");
}

#[test]
fn a_missing_textfile_folder_is_named_with_the_remedy() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing/gpu_sessions.prom");
    let arguments = ["collect", "--sim", "h100-idle", "--output", file.to_str().unwrap()];
    let output = run(&gpulse, &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("missing"), "{}", stderr(&output));
    assert!(stderr(&output).contains("--create-dir"), "{}", stderr(&output));
    let output = run(&gpulse, &[&arguments[..], &["--create-dir"]].concat());
    assert!(output.status.success() && file.is_file(), "{}", stderr(&output));
}

#[test]
fn a_textfile_folder_that_refuses_files_is_named_with_the_reason() {
    let gpulse = or_skip!(environment::program(GPULSE));
    // Even root cannot make files there; a folder without write permission would let root in.
    let output =
        run(&gpulse, &["collect", "--sim", "h100-idle", "--output", "/proc/gpu_sessions.prom"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("/proc"), "{}", stderr(&output));
}

#[test]
fn a_read_only_textfile_folder_is_named_with_the_reason() {
    let gpulse = or_skip!(environment::program(GPULSE));
    if rustix::process::geteuid().is_root() {
        tests::skip!("runs as root, whom a read-only folder does not stop");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let file = folder.path().join("gpu_sessions.prom");
    let output =
        run(&gpulse, &["collect", "--sim", "h100-idle", "--output", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains(folder.path().to_str().unwrap()), "{}", stderr(&output));
}

#[test]
fn s1_7_a_full_disk_keeps_the_old_file_and_no_half_written_one() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gpu_sessions.prom");
    fs::write(&file, "# the old file\n").unwrap();
    // A limit on file sizes stands for the full disk: the write fails in its middle. 512-byte
    // blocks; the page of 10,000 processes is far larger, and what else is written is smaller.
    let limited = "trap '' XFSZ; ulimit -f 128; exec \"$@\"";
    let output = Command::new("sh")
        .args(["-c", limited, "sh"])
        .arg(&gpulse)
        .args(["collect", "--sim", &scenario("crowd"), "--output"])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("gpu_sessions.prom"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&file).unwrap(), "# the old file\n");
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_process_that_vanished_is_shown_as_far_as_it_is_known() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let page = collected(&gpulse, &["--sim", &scenario("vanished")]);
    let rows = samples(&page, "gpu_process_info");
    let row = |pid: &str| rows.iter().find(|row| row.label("pid") == Some(pid));
    assert_eq!(row("6001").unwrap().label("command"), Some("python3"));
    // The driver still lists it with its memory: that is a fact, its name is not known any more.
    let gone = row("6002").unwrap();
    assert_eq!(gone.label("gpu_memory"), Some("2000MiB"));
    assert_ne!(gone.label("command"), Some(""));
    assert_eq!(value(&page, "gpu_total_sessions"), 2.0);
    assert_eq!(value(&page, "gpu_sessions_collect_success"), 1.0);
}

#[test]
fn awkward_names_stay_one_label_each() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let page = collected(&gpulse, &["--sim", &scenario("awkward")]);
    assert_eq!(value(&page, "gpu_total_sessions"), 5.0, "no name smuggles in a sample");
    let rows = samples(&page, "gpu_process_info");
    let command = |pid: &str| {
        let row = rows.iter().find(|row| row.label("pid") == Some(pid)).unwrap();
        row.label("command").unwrap().to_owned()
    };
    assert_eq!(command("5001"), "a\"quoted\",name");
    assert!(command("5002").starts_with("two"), "{}", command("5002"));
    assert_eq!(command("5003"), "back\\slash");
    assert_eq!(command("5004"), "caf\u{fffd}");
    assert_eq!(command("5005"), "학습 {모델}");

    // In the table each stays on its own line.
    let output = run(&gpulse, &["who", "--sim", &scenario("awkward")]);
    let lines: Vec<String> = stdout(&output).lines().map(str::to_owned).collect();
    let of = |pid: &str| lines.iter().filter(|line| line.contains(pid)).count();
    for pid in ["5001", "5002", "5003", "5004", "5005"] {
        assert_eq!(of(pid), 1, "{pid}:\n{}", lines.join("\n"));
    }
    let json = run(&gpulse, &["who", "--json", "--sim", &scenario("awkward")]);
    serde_json::from_slice::<serde_json::Value>(&json.stdout).unwrap();
}

#[test]
fn ten_thousand_processes_are_counted_and_the_page_stays_bounded() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(&gpulse);
    command
        .args(["exporter", "--listen", "127.0.0.1:0", "--sim", &scenario("crowd"), "--state"])
        .arg(folder.path().join("state"));
    let mut exporter = Child::start("exporter", &mut command, folder.path()).unwrap();
    let address = exporter.address().unwrap();
    let page = exporter
        .until("all 10,000", |_| {
            let page = model::text::parse(&http::get(address, "/metrics")?)?;
            anyhow::ensure!(
                samples(&page, "gpu_total_sessions").first().is_some_and(|s| s.value == 10_000.0)
            );
            Ok(page)
        })
        .unwrap();
    let sum: f64 = samples(&page, "gpu_session_count").iter().map(|sample| sample.value).sum();
    assert_eq!(sum, 10_000.0);
    // The seed's five are never folded; sessions are, and how many is said.
    let active = samples(&page, "gpu_process_info").iter().filter(|s| s.value == 1.0).count();
    assert_eq!(active, 10_000);
    assert!(samples(&page, "gpu_session_info").len() <= 256 + 8 * 8, "sessions are bounded");
    assert!(value(&page, "gpulse_sessions_folded") > 9_000.0);
    assert!(exporter.stop().unwrap().success(), "{}", exporter.log());
}

/// A folder with a program called `nvidia-smi`.
fn fake_smi(folder: &Path, script: &str) -> PathBuf {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let program = bin.join("nvidia-smi");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    bin
}

/// `gpulse collect` on this machine with only that `nvidia-smi`; its page and how long it took.
fn collect_with_smi(gpulse: &Path, script: &str) -> (Vec<Family>, String, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let bin = fake_smi(folder.path(), script);
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let started = Instant::now();
    let output =
        Command::new(gpulse).args(["collect", "--output", "-"]).env("PATH", path).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = model::text::parse(&stdout(&output)).unwrap();
    (page, stdout(&output) + &stderr(&output), started.elapsed())
}

/// Whether this machine has a driver of its own, which gpulse would rightly prefer.
fn has_real_driver() -> bool {
    Path::new("/proc/driver/nvidia/version").exists()
}

#[test]
fn an_nvidia_smi_that_prints_garbage_gives_no_figure() {
    let gpulse = or_skip!(environment::program(GPULSE));
    if has_real_driver() {
        tests::skip!("this machine has a driver, so nvidia-smi is not used");
    }
    for garbage in [
        "head -c 100000 /dev/urandom",
        "echo 'NVIDIA-SMI has failed because it could not communicate'; exit 9",
        "yes '0, GPU-1, python, 12 MiB' | head -n 300000",
        "exit 0",
    ] {
        let (page, said, took) = collect_with_smi(&gpulse, garbage);
        assert_eq!(value(&page, "gpu_sessions_collect_success"), 0.0, "{garbage}: {said}");
        assert!(samples(&page, "gpu_process_info").is_empty(), "{garbage}: {said}");
        assert!(said.contains("nvidia-smi"), "{garbage}: {said}");
        assert!(took < SOON, "{garbage}: {took:?}");
    }
}

#[test]
fn an_nvidia_smi_that_never_ends_is_left_behind() {
    let gpulse = or_skip!(environment::program(GPULSE));
    if has_real_driver() {
        tests::skip!("this machine has a driver, so nvidia-smi is not used");
    }
    for endless in ["exec sleep 3600", "yes", "trap '' TERM; sleep 3600 & wait"] {
        let (page, said, took) = collect_with_smi(&gpulse, endless);
        assert_eq!(value(&page, "gpu_sessions_collect_success"), 0.0, "{endless}: {said}");
        assert!(samples(&page, "gpu_process_info").is_empty(), "{endless}: {said}");
        assert!(took < SOON, "{endless}: {took:?}");
    }
}

#[test]
fn a_library_that_is_not_nvml_is_refused_by_name() {
    let gpulse = or_skip!(environment::program(GPULSE));
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("libnvidia-ml.so.1");
    fs::write(&text, "not a library\n").unwrap();
    let mut libraries = vec![text];
    libraries.extend(a_shared_library());
    for library in libraries {
        let output = run(&gpulse, &["doctor", "--sim-library", library.to_str().unwrap()]);
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains(library.to_str().unwrap()), "{said}");

        // The exporter stays up and says why it is not ready.
        let mut command = Command::new(&gpulse);
        command.args(["exporter", "--listen", "127.0.0.1:0", "--sim-library"]).arg(&library);
        command.arg("--state").arg(folder.path().join("state")).env("PATH", "/usr/bin:/bin");
        let mut exporter = Child::start("exporter", &mut command, folder.path()).unwrap();
        let address = exporter.address().unwrap();
        exporter
            .until("the reason on /readyz", |_| {
                let answer = http::get_with(address, "/readyz", "")?;
                let body = answer.text()?.to_owned();
                anyhow::ensure!(
                    answer.status == 503 && body.contains("libnvidia-ml") || body.contains("NVML"),
                    "{body}"
                );
                Ok(())
            })
            .unwrap();
        let page = model::text::parse(&http::get(address, "/metrics").unwrap()).unwrap();
        assert!(samples(&page, "gpu_process_info").is_empty());
        assert!(exporter.stop().unwrap().success(), "{}", exporter.log());
    }
}

/// Some library of this machine that is surely not a driver.
fn a_shared_library() -> Option<PathBuf> {
    let folders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64"];
    folders.iter().map(|folder| Path::new(folder).join("libc.so.6")).find(|file| file.exists())
}
