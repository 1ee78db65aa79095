//! A fake `nvidia-smi` made of the replay tool and one capture.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use gpu::smi::{Config, Source};
use gpu::{Ask, CallStats, Pass};
use model::Timestamp;

/// One pass over a capture, everything asked.
pub(super) fn pass(capture: &Path, phase: &str) -> Pass {
    pass_asking(capture, phase, Ask::ALL)
}

#[expect(clippy::disallowed_methods, reason = "a test may run programs")]
pub(super) fn pass_asking(capture: &Path, phase: &str, ask: Ask) -> Pass {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "#!/bin/sh\nREPLAY_CAPTURE='{}' REPLAY_PHASE={phase} exec '{}' \"$@\"\n",
        capture.display(),
        env!("CARGO_BIN_EXE_replay-nvidia-smi")
    );
    let source = folder.path().join("script");
    std::fs::write(&source, text).unwrap();
    // Copied by another process: a program that this one holds open for writing cannot be run, and
    // a child that another test starts just then would hold it open too.
    let program = folder.path().join("nvidia-smi");
    let copied = Command::new("install").args(["-m", "755"]).arg(&source).arg(&program).status();
    assert!(copied.unwrap().success());
    let config = Config { program: Some(program), ..Config::default() };
    Source::new(config, Arc::new(CallStats::default())).pass(Timestamp::from_secs(1_000), ask)
}

/// A capture file of that content.
pub(super) fn file_with(content: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_ref()).unwrap();
    file
}
