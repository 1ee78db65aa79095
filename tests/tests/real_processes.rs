//! Real processes of this kernel, in real control groups where it lets the test make some, on a
//! simulated GPU: whose they are, and what becomes of their sessions when they run another program,
//! end, or give their number to another.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests run programs and read the time")]

#[path = "real_processes/control_groups.rs"]
mod control_groups;

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tests::child::Child;
use tests::environment::{self, GPULSE};
use tests::{http, or_skip, wait};

/// What the scenario says of a process: on the first GPU, on the second, on both; and on them until
/// 20 s after its world has come up at the age of 10 min, as the driver forgets what has ended.
const FIRST: &str = "gpu = [\"0\"]";
const SECOND: &str = "gpu = [\"1\"]";
const FIRST_FOR_A_WHILE: &str = "gpu = [\"0\"]\nstop = \"10m20s\"";
const BOTH_FOR_A_WHILE: &str = "gpu = [\"0\", \"1\"]\nstop = \"10m20s\"";

/// A real process that ends with the test.
struct Process(std::process::Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn sleeping() -> Self {
        Self::start(Command::new("sleep").arg("600"))
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Why a test of real processes cannot run here: the driver's PIDs must be those of `/proc`.
fn is_host() -> Result<(), String> {
    let namespace = std::fs::read_link("/proc/self/ns/pid").map_err(|cause| cause.to_string())?;
    // `PROC_PID_INIT_INO` of the kernel's `proc_ns.h`.
    let is_first = namespace.as_os_str() == "pid:[4026531836]";
    is_first.then_some(()).ok_or_else(|| "this is not the first PID namespace".to_owned())
}

/// Two GPUs, with these processes on them.
fn scenario(folder: &Path, processes: &[(u32, &str)]) -> PathBuf {
    let mut text = String::from(
        "[[node]]\nname = \"real\"\n[[node.gpu]]\nmodel = \"h100-80gb-hbm3\"\ncount = 2\n",
    );
    for (pid, place) in processes {
        let _ = write!(
            text,
            "[[node.process]]\npid = {pid}\n{place}\ncommand = \"unused\"\n\
             memory = \"1GiB\"\nsm = {{ wave = \"constant\", value = 5 }}\n"
        );
    }
    let path = folder.join("real.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn exporter(gpulse: &Path, folder: &Path, processes: &[(u32, &str)]) -> (Child, SocketAddr) {
    let mut command = Command::new(gpulse);
    command
        .args(["exporter", "--listen", "127.0.0.1:0", "--path.procfs", "/proc", "--sim"])
        .arg(scenario(folder, processes))
        .arg("--state")
        .arg(folder.join("state"));
    let mut child = Child::start("exporter", &mut command, folder).unwrap();
    let address = child.address().unwrap();
    (child, address)
}

/// Sessions that `gpulse who` tells of, by PID.
fn who(gpulse: &Path, folder: &Path, processes: &[(u32, &str)]) -> Vec<Value> {
    let output = Command::new(gpulse)
        .args(["who", "--json", "--path.procfs", "/proc", "--sim"])
        .arg(scenario(folder, processes))
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|cause| {
        panic!("{cause}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let gpus = told["gpus"].as_array().unwrap();
    gpus.iter().flat_map(|gpu| gpu["sessions"].as_array().unwrap().clone()).collect()
}

fn of_pid(sessions: &[Value], pid: u32) -> &Value {
    sessions.iter().find(|session| session["pid"] == pid).unwrap()
}

/// The rows of a page whose name and labels hold all of these.
fn rows<'a>(page: &'a str, wanted: &[&str]) -> Vec<&'a str> {
    let fits = |line: &&str| wanted.iter().all(|part| line.contains(part));
    page.lines().filter(|line| !line.starts_with('#')).filter(fits).collect()
}

fn label<'a>(row: &'a str, name: &str) -> &'a str {
    let (_, rest) = row.split_once(&format!("{name}=\"")).unwrap_or_default();
    rest.split('"').next().unwrap_or_default()
}

/// Wait until the page has as many such rows.
fn rows_until(address: SocketAddr, wanted: &[&str], count: usize) -> Vec<String> {
    let found = wait::until(&format!("{count} rows with {wanted:?}"), wait::PATIENCE, || {
        let page = http::get(address, "/metrics")?;
        let found = rows(&page, wanted);
        ensure!(found.len() == count, "{found:?}");
        Ok(found.into_iter().map(str::to_owned).collect())
    });
    found.unwrap()
}

#[test]
fn another_program_in_a_process_is_the_same_session_with_the_newest_command() {
    let gpulse = or_skip!(environment::program(GPULSE));
    or_skip!(is_host());
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::start(Command::new("sh").args(["-c", "read line; exec sleep 600"]));
    let (_child, address) = exporter(&gpulse, folder.path(), &[(process.pid(), FIRST)]);
    let pid = format!("pid=\"{}\"", process.pid());
    let before = rows_until(address, &["gpu_session_info{", &pid, "command=\"sh\""], 1);
    process.0.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    let after = rows_until(address, &["gpu_session_info{", &pid, "command=\"sleep\""], 1);
    assert_eq!(label(&before[0], "session"), label(&after[0], "session"));
    rows_until(address, &["gpu_session_info{", &pid], 1);
}

#[test]
fn a_process_on_two_gpus_has_a_session_on_each_and_both_end_with_it() {
    let gpulse = or_skip!(environment::program(GPULSE));
    or_skip!(is_host());
    let folder = tempfile::tempdir().unwrap();
    let (mut process, other) = (Process::sleeping(), Process::sleeping());
    let processes = [(process.pid(), BOTH_FOR_A_WHILE), (other.pid(), SECOND)];
    let (_child, address) = exporter(&gpulse, folder.path(), &processes);
    let pid = format!("pid=\"{}\"", process.pid());
    let sessions = rows_until(address, &["gpu_session_info{", &pid, "start=\"exact\""], 2);
    assert_ne!(label(&sessions[0], "session"), label(&sessions[1], "session"));
    assert_eq!(sessions.iter().map(|row| label(row, "gpu")).collect::<Vec<_>>(), ["0", "1"]);
    rows_until(address, &["gpu_total_sessions 3"], 1);
    process.end();
    rows_until(address, &["gpu_session_end_time_seconds{"], 2);
    rows_until(address, &["gpu_total_sessions 1"], 1);
    rows_until(address, &["gpu_process_info{", &pid], 0);
}

/// A process with that number, as soon as the kernel gives it; `None`: it does not let us ask.
fn with_number(pid: u32) -> Option<Process> {
    for _ in 0..200 {
        std::fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).ok()?;
        let process = Process::sleeping();
        if process.pid() == pid {
            return Some(process);
        }
    }
    None
}

#[test]
fn a_reused_pid_starts_a_new_session() {
    let gpulse = or_skip!(environment::program(GPULSE));
    or_skip!(is_host());
    let folder = tempfile::tempdir().unwrap();
    let mut first = Process::sleeping();
    let number = first.pid();
    let (_child, address) = exporter(&gpulse, folder.path(), &[(number, FIRST)]);
    let pid = format!("pid=\"{number}\"");
    let before = rows_until(address, &["gpu_session_info{", &pid, "start=\"exact\""], 1);
    // Starts are told apart by hundredths of a second.
    std::thread::sleep(Duration::from_millis(50));
    first.end();
    let second = with_number(number).ok_or("this kernel does not give PIDs that are asked for");
    let _second = or_skip!(second);
    let both = rows_until(address, &["gpu_session_info{", &pid], 2);
    let ended = rows_until(address, &["gpu_session_end_time_seconds{"], 1);
    assert_eq!(label(&ended[0], "session"), label(&before[0], "session"));
    let ids: Vec<&str> = both.iter().map(|row| label(row, "session")).collect();
    assert!(ids.contains(&label(&before[0], "session")) && ids[0] != ids[1], "{ids:?}");
    rows_until(address, &["gpu_total_sessions 1"], 1);
}

#[test]
fn a_slurm_job_without_control_groups_is_found_by_its_daemon_else_by_its_environment() {
    let gpulse = or_skip!(environment::program(GPULSE));
    or_skip!(is_host());
    let folder = tempfile::tempdir().unwrap();
    // The kernel's name for a program is that of the file it was started by.
    let daemon = folder.path().join("slurmstepd");
    std::os::unix::fs::symlink("/bin/sh", &daemon).unwrap();
    let mut command = Command::new(&daemon);
    command.arg0("slurmstepd: [4711.batch]").args(["-c", "sleep 600 & echo $!; wait"]);
    let mut parent = Process::start(&mut command);
    let child = first_line(&mut parent).parse::<u32>().unwrap();
    let mut command = Command::new("sleep");
    command.arg("600").envs([
        ("SLURM_JOB_ID", "88"),
        ("SLURM_JOB_ACCOUNT", "physics"),
        ("SLURM_JOB_PARTITION", "gpu"),
        ("SLURM_ARRAY_JOB_ID", "80"),
        ("SLURM_ARRAY_TASK_ID", "8"),
    ]);
    let marked = Process::start(&mut command);
    let processes = [(child, FIRST), (marked.pid(), SECOND)];
    let sessions = who(&gpulse, folder.path(), &processes);
    let by_daemon = of_pid(&sessions, child);
    assert_eq!((&by_daemon["kind"], &by_daemon["slurm_job"]), (&"slurm".into(), &"4711".into()));
    assert_eq!(by_daemon["slurm_step"], "batch");
    let by_environment = of_pid(&sessions, marked.pid());
    let told = ["kind", "slurm_job", "slurm_account", "slurm_partition", "slurm_array_job"];
    let told: Vec<&str> = told.iter().filter_map(|key| by_environment[key].as_str()).collect();
    assert_eq!(told, ["slurm", "88", "physics", "gpu", "80"]);
    assert_eq!(by_environment["slurm_array_task"], "8");
    let sleeper = rustix::process::Pid::from_raw(child.cast_signed()).unwrap();
    rustix::process::kill_process(sleeper, rustix::process::Signal::KILL).unwrap();
}

fn first_line(process: &mut Process) -> String {
    use std::io::BufRead as _;
    let mut line = String::new();
    let output = process.0.stdout.as_mut().context("no output").unwrap();
    std::io::BufReader::new(output).read_line(&mut line).unwrap();
    line.trim().to_owned()
}
