//! Running the built binary as a person would, in an environment that the test decides.

use std::path::{Path, PathBuf};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sim::{Pace, SimClock};

/// The binary, with nothing of the caller's environment that could change its output. `home` takes
/// whatever it may want to keep.
pub(crate) fn gpulse(home: &Path) -> Command {
    #[expect(clippy::disallowed_methods, reason = "tests run the binary")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_gpulse"));
    command.env_clear().env("HOME", home).env("PATH", home).env("LANG", "C.UTF-8");
    command
}

/// Exit code, stdout and stderr as one text, fit for a snapshot.
pub(crate) fn transcript(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
    let mut out = format!("exit {code}\n");
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            out.push_str(&format!("--- {name}\n{}", text(bytes)));
        }
    }
    out
}

/// Run it with these arguments, for a snapshot.
pub(crate) fn run(home: &Path, args: &[&str]) -> String {
    transcript(&gpulse(home).args(args).output().unwrap())
}

/// A clock file that stands, with a world of that age: figures are the same in every run.
#[allow(dead_code, reason = "not every test file looks at a simulated machine")]
pub(crate) fn standing_clock(home: &Path, age: Duration) -> PathBuf {
    let path = home.join("clock");
    let _ = std::fs::remove_file(&path);
    SimClock::open_or_create(&path, Pace::Manual, age).unwrap();
    path
}

/// Run a command on a scenario whose clock stands at that age.
#[allow(dead_code, reason = "not every test file looks at a simulated machine")]
pub(crate) fn simulated(home: &Path, scenario: &str, age: Duration, args: &[&str]) -> Output {
    let clock = standing_clock(home, age);
    let mut command = gpulse(home);
    command.args(args).args(["--sim", scenario, "--sim-clock"]).arg(clock);
    command.output().unwrap()
}

/// Start a command, read its stdout until `enough` says so, interrupt it as Ctrl-C does, and give
/// what it printed.
#[allow(dead_code, reason = "not every test file watches")]
pub(crate) fn until_interrupted(command: &mut Command, enough: impl Fn(&str) -> bool) -> String {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !enough(&String::from_utf8_lossy(&seen)) {
        let count = stdout.read(&mut buffer).unwrap();
        assert!(count > 0, "ended early: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..count]);
    }
    interrupt(&child);
    stdout.read_to_end(&mut seen).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stdout = seen;
    transcript(&output)
}

fn interrupt(child: &Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

/// Run an exporter on a scenario while that much of the simulated time passes, stop it, and give
/// the clock, which then stands at that moment. Its state is in `state`.
#[allow(dead_code, reason = "not every test file needs a machine with a past")]
pub(crate) fn watch_for(home: &Path, scenario: &str, state: &Path, span: Duration) -> PathBuf {
    let path = standing_clock(home, Duration::from_secs(600));
    let clock = SimClock::open(&path).unwrap();
    let mut command = gpulse(home);
    command.args(["exporter", "--listen", "127.0.0.1:0", "--sim", scenario, "--sim-clock"]);
    command.arg(&path).arg("--state").arg(state).arg("--log=error");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    // One second at a time, as the exporter's passes come by this clock.
    for _ in 0..span.as_secs() {
        clock.advance(Duration::from_secs(1)).unwrap();
        std::thread::sleep(Duration::from_millis(12));
    }
    interrupt(&child);
    assert!(child.wait().unwrap().success());
    path
}
