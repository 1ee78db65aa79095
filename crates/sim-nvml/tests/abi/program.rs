//! A test inside a program of its own: the library reads its environment once and keeps one world
//! per process, so a test that needs a world runs this executable again with the variables set.

use std::fs;
use std::path::Path;
use std::process::Command;

use sim::SimClock;

/// Set in the second run.
const INSIDE: &str = "SIM_NVML_TEST_INSIDE";

/// A machine with a busy GPU, one in MIG instances, one that is lost and one without ECC; the clock
/// stands at an age of ten minutes.
const SCENARIO: &str = r#"
clock = "manual"
[[node]]
name = "gpu-a"
driver = "590.48.01"
[[node.gpu]]
model = "h100-80gb-hbm3"
accounting = true
[[node.gpu]]
model = "h100-80gb-hbm3"
mig = ["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"]
[[node.gpu]]
model = "h100-80gb-hbm3"
[[node.gpu]]
model = "rtx-2080-super"
[[node.process]]
gpu = ["0"]
command = "python3 train.py"
pid = 4001
memory = "15690MiB"
sm = 60
[[node.process]]
gpu = ["0"]
command = "python3 serve.py"
pid = 4002
memory = "2566MiB"
sm = 21
[[node.process]]
gpu = ["1/0"]
command = "python3 mig.py"
pid = 4003
memory = "1024MiB"
sm = 50
[[node.process]]
gpu = ["3"]
command = "render"
kind = "graphics"
pid = 4004
memory = "700MiB"
sm = 30
[[node.fault]]
kind = "lost"
gpu = "2"
at = "5m"
xid = 79
"#;

/// Run `work` with the library's variables set to the scenario and a clock file.
pub(crate) fn with_world(test: &str, work: impl FnOnce()) {
    with_machine(test, SCENARIO, work);
}

/// The same with a scenario of one's own.
pub(crate) fn with_machine(test: &str, text: &str, work: impl FnOnce()) {
    if std::env::var(INSIDE).as_deref() == Ok(test) {
        return work();
    }
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.toml");
    fs::write(&scenario, text).unwrap();
    again(test, |command| {
        command
            .env("NVML_SIM_SCENARIO", &scenario)
            .env("NVML_SIM_CLOCK", folder.path().join("clock"));
    });
}

/// Run `work` with a scenario by name, which may be none, and no clock file.
pub(crate) fn with_scenario(test: &str, scenario: &str, work: impl FnOnce()) {
    if std::env::var(INSIDE).as_deref() == Ok(test) {
        return work();
    }
    again(test, |command| {
        command.env("NVML_SIM_SCENARIO", scenario).env_remove("NVML_SIM_CLOCK");
    });
}

/// Run this executable again for one test.
fn again(test: &str, prepare: impl FnOnce(&mut Command)) {
    #[expect(clippy::disallowed_methods, reason = "the second run of this test")]
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(INSIDE, test).env_remove("NVML_SIM_NODE");
    prepare(&mut command);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // A name that matches no test would pass without having run anything.
    let ran = said.contains("1 passed");
    assert!(
        output.status.success() && ran,
        "{test}: {}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The scenario's file, inside.
pub(crate) fn scenario() -> String {
    std::env::var("NVML_SIM_SCENARIO").unwrap()
}

/// The clock of the world, inside; the library has made its file.
pub(crate) fn clock() -> SimClock {
    SimClock::open(Path::new(&std::env::var("NVML_SIM_CLOCK").unwrap())).unwrap()
}
