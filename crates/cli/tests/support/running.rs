//! Running the built binary as a person would, in an environment that the test decides.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sim::{Pace, SimClock};

/// The binary, with nothing of the caller's environment that could change its output. `home` takes
/// whatever it may want to keep.
pub(crate) fn gpulse(home: &Path) -> Command {
    program(Path::new(env!("CARGO_BIN_EXE_gpulse")), home)
}

/// The same under another name.
pub(crate) fn program(path: &Path, home: &Path) -> Command {
    #[expect(clippy::disallowed_methods, reason = "tests run the binary")]
    let mut command = Command::new(path);
    command
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("PATH", home)
        .env("COLUMNS", "80")
        .env("LANG", "C.UTF-8");
    command
}

/// How the sentence begins that a look says which takes its time.
pub(crate) const WAITING: &str = "waiting for ";

/// Exit code, stdout and stderr as one text, fit for a snapshot.
pub(crate) fn transcript(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let code = output.status.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
    let mut out = format!("exit {code}\n");
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        // A machine under load makes any look take its time.
        let text = text(bytes)
            .split_inclusive('\n')
            .filter(|line| !line.starts_with(WAITING))
            .collect::<String>();
        if !text.is_empty() {
            out.push_str(&format!("--- {name}\n{text}"));
        }
    }
    out
}

/// Run it with these arguments, for a snapshot.
#[allow(dead_code, reason = "not every test file runs it without a machine")]
pub(crate) fn run(home: &Path, args: &[&str]) -> String {
    transcript(&gpulse(home).args(args).env_remove("COLUMNS").output().unwrap())
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

pub(crate) fn interrupt(child: &Child) {
    signal(child, Signal::INT);
}

#[allow(dead_code, reason = "not every test file ends a service")]
pub(crate) fn terminate(child: &Child) {
    signal(child, Signal::TERM);
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Try until there is an answer; a machine under load may take its time.
#[allow(dead_code, reason = "not every test file waits")]
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(180), "waited for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Run an exporter on a scenario while that much of the simulated time passes, stop it, and give
/// the clock, which then stands at that moment. Its state is in `state`.
#[allow(dead_code, reason = "not every test file needs a machine with a past")]
pub(crate) fn watch_for(home: &Path, scenario: &str, state: &Path, span: Duration) -> PathBuf {
    let path = standing_clock(home, Duration::from_secs(600));
    let clock = SimClock::open(&path).unwrap();
    let (clock_file, state) = (path.to_str().unwrap(), state.to_str().unwrap());
    let server = start(home, &["--sim", scenario, "--sim-clock", clock_file, "--state", state]);
    // One second at a time, as the exporter's passes come by this clock.
    for _ in 0..span.as_secs() {
        clock.advance(Duration::from_secs(1)).unwrap();
        std::thread::sleep(Duration::from_millis(12));
    }
    server.stop("TERM");
    path
}

/// An exporter at work. It is killed with the test.
pub(crate) struct Server {
    child: Child,
    /// Host and port.
    pub(crate) address: String,
}

/// Start an exporter on a free port.
#[allow(dead_code, reason = "not every test file starts one")]
pub(crate) fn start(home: &Path, args: &[&str]) -> Server {
    start_on(home, "127.0.0.1:0", args)
}

/// Start an exporter on this address.
#[allow(dead_code, reason = "not every test file starts one")]
pub(crate) fn start_on(home: &Path, address: &str, args: &[&str]) -> Server {
    start_program(gpulse(home).args(["exporter", "--listen", address]), args)
}

/// Start a command that prints where it listens.
#[allow(dead_code, reason = "not every test file starts one")]
pub(crate) fn start_program(command: &mut Command, args: &[&str]) -> Server {
    let command = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.strip_prefix("listening on ").and_then(|url| url.split_once("://"));
    let address = url.map(|(_, rest)| rest.trim().to_owned());
    let Some(address) = address else {
        let _ = child.kill();
        panic!("{line}{}", transcript(&child.wait_with_output().unwrap()));
    };
    Server { child, address }
}

#[allow(dead_code, reason = "not every test file asks")]
impl Server {
    /// The body of an answer with status 200.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let host = &self.address;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
    }

    /// The body of the answer to a query at a time, or now.
    pub(crate) fn query(&self, query: &str, time: Option<i64>) -> Option<String> {
        let mut path = "/api/v1/query?query=".to_owned();
        query.bytes().for_each(|byte| path.push_str(&format!("%{byte:02X}")));
        if let Some(time) = time {
            path.push_str(&format!("&time={time}"));
        }
        self.get(&path)
    }

    /// Send a signal by its short name.
    pub(crate) fn signal(&self, name: &str) {
        let number = match name {
            "USR1" => Signal::USR1,
            "HUP" => Signal::HUP,
            "INT" => Signal::INT,
            _ => Signal::TERM,
        };
        signal(&self.child, number);
    }

    /// Send a signal, wait for the end, and give exit code and log.
    pub(crate) fn stop(mut self, name: &str) -> String {
        self.signal(name);
        let mut log = Vec::new();
        self.child.stderr.take().unwrap().read_to_end(&mut log).unwrap();
        let status = self.child.wait().unwrap();
        let text = transcript(&Output { status, stdout: Vec::new(), stderr: log });
        assert!(text.starts_with("exit 0\n"), "{text}");
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
