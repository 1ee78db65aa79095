//! Running the built binary as a person would, in an environment that the test decides.

use std::path::Path;
use std::process::{Command, Output};

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
