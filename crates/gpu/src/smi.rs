//! The source of last resort: the `nvidia-smi` program, where NVML cannot be loaded.

use std::path::PathBuf;
use std::sync::Arc;

use model::Timestamp;

use crate::{Ask, CallStats, Pass, SourceState};

/// How the program is run.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The program; `None` looks for `nvidia-smi` on PATH.
    pub program: Option<PathBuf>,
}

/// Reads GPUs by running the program.
#[derive(Debug)]
pub struct Source {
    _config: Config,
    calls: Arc<CallStats>,
}

impl Source {
    /// A source that has not run anything yet.
    #[must_use]
    pub fn new(config: Config, calls: Arc<CallStats>) -> Self {
        Self { _config: config, calls }
    }

    /// One pass; `SourceState::Absent` where the program is not there or says nothing of use.
    pub fn pass(&mut self, now: Timestamp, _ask: Ask) -> Pass {
        let reason = "nvidia-smi is not read yet".to_owned();
        let source = SourceState::Absent { reason, remedy: String::new() };
        Pass::empty(now, source, Arc::clone(&self.calls))
    }
}
