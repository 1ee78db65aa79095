//! The source of last resort: the `nvidia-smi` program, where NVML cannot be loaded.
//!
//! Two threads run it, one for lists and figures and one for per-process use, so that a pass only
//! takes what has arrived. Only these forms are run: no argument, `-L`, `-q`, `pmon -c N`,
//! `--query-gpu=LIST` and `--query-compute-apps=LIST` with `--format=csv[,noheader,nounits]`. Any
//! of them may fail alone and then costs its own figures only. Nothing here changes a setting.

mod apps;
mod facts;
mod figures;
mod list;
mod log;
mod mailbox;
mod occupants;
mod partition;
mod pmon;
mod round;
mod run;
mod sheet;
mod table;
mod usage;
mod value;
mod views;
mod workers;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::Timestamp;

pub use run::RunError;

use crate::{Ask, CallStats, Pass, SourceState};
use round::Round;
use usage::Looks;
use views::Shown;
use workers::Workers;

/// A round older than this no longer tells who is there: three times its usual gap.
const STALE: Duration = Duration::from_secs(30);

/// How the program is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// The program; `None` looks for `nvidia-smi` on PATH, again in each pass while there is none.
    pub program: Option<PathBuf>,
    /// How long one run may take before it is killed.
    pub deadline: Duration,
    /// How long the first pass waits for the first results. Later passes never wait. Zero suits a
    /// role that comes back in a second; a single run needs time for all forms and `pmon`.
    pub first_wait: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let deadline = Duration::from_secs(10);
        Self { program: None, deadline, first_wait: 2 * deadline }
    }
}

impl Config {
    /// The `nvidia-smi` in one of the folders of `path` (the variable PATH), if there is one.
    #[must_use]
    pub fn from_path(path: Option<&OsStr>) -> Option<Self> {
        let program = find(path?)?;
        Some(Self { program: Some(program), ..Self::default() })
    }

    fn program(&self) -> Result<PathBuf, RunError> {
        let on_path = || find(&std::env::var_os("PATH")?);
        self.program.clone().or_else(on_path).ok_or(RunError::NotFound)
    }
}

fn find(path: &OsStr) -> Option<PathBuf> {
    let programs = std::env::split_paths(path).map(|folder| folder.join("nvidia-smi"));
    programs.into_iter().find(|program| can_run(program))
}

fn can_run(program: &Path) -> bool {
    let mode = program.metadata().map(|facts| (facts.is_file(), facts.permissions().mode()));
    mode.is_ok_and(|(is_file, mode)| is_file && mode & 0o111 != 0)
}

/// Reads GPUs by running the program.
#[derive(Debug)]
pub struct Source {
    config: Config,
    calls: Arc<CallStats>,
    workers: Option<Workers>,
    /// A round that is not shown yet.
    arrived: Option<Round>,
    round: Option<Round>,
    shown: Shown,
    /// Failures of single forms that the log has already.
    complaints: BTreeSet<String>,
}

impl Source {
    /// A source that has not run anything yet.
    #[must_use]
    pub fn new(config: Config, calls: Arc<CallStats>) -> Self {
        Self {
            config,
            calls,
            workers: None,
            arrived: None,
            round: None,
            shown: Shown::default(),
            complaints: BTreeSet::new(),
        }
    }

    /// One pass: what the threads have found since the last one. Absent, with the reason, where the
    /// program is not there or no form of it names a GPU. GPUs that it named before are still shown
    /// then, with failed readings, unless the driver is gone; the log has the reason.
    pub fn pass(&mut self, now: Timestamp, ask: Ask) -> Pass {
        let clock = Moment { now, instant: Instant::now() };
        let runs = match self.receive(ask) {
            Ok(runs) => runs,
            Err(error) => return Pass::empty(now, absent(&error), Arc::clone(&self.calls)),
        };
        if let Some(round) = self.arrived.take() {
            self.show(round, clock);
        }
        let Some(round) = &self.round else { return self.not_yet(now) };
        let source = match round.silence() {
            Some(error) if self.shown.gpus.is_empty() => absent(error),
            _ => SourceState::NvidiaSmi,
        };
        let late = clock.instant.saturating_duration_since(round.at) > STALE;
        self.answer(source, clock, ask, &runs, late)
    }

    /// Start the threads if need be and take what they have found.
    fn receive(&mut self, ask: Ask) -> Result<Vec<Looks>, RunError> {
        let program = self.config.program()?;
        let workers = match &mut self.workers {
            Some(workers) => workers,
            place => {
                let calls = Arc::clone(&self.calls);
                let started = Workers::start(&program, self.config.deadline, &calls)?;
                let until = Instant::now() + self.config.first_wait;
                started.wait(until, ask.process_use);
                place.insert(started)
            }
        };
        self.arrived = workers.newest_round();
        Ok(if ask.process_use { workers.looks() } else { Vec::new() })
    }

    /// Make views of a new round. A driver that is not loaded has no GPUs to show.
    fn show(&mut self, round: Round, clock: Moment) {
        let at = clock.at(round.at);
        let gone = round.silence().is_some_and(|e| e.kind() == model::ErrorKind::DriverGone);
        self.shown = if gone { Shown::default() } else { Shown::of(&round, at, &self.shown) };
        self.complain(&round);
        self.round = Some(round);
    }

    /// Log failures of single forms, each once while it lasts.
    fn complain(&mut self, round: &Round) {
        let failures = round.failures();
        for error in &failures {
            let reason = chain(error);
            if !self.complaints.contains(&reason) {
                let remedy = error.remedy();
                tracing::warn!(%reason, remedy, "a form of nvidia-smi gives nothing");
            }
        }
        self.complaints = failures.into_iter().map(chain).collect();
    }

    fn answer(
        &self,
        source: SourceState,
        clock: Moment,
        ask: Ask,
        runs: &[Looks],
        late: bool,
    ) -> Pass {
        let mut pass = Pass::empty(clock.now, source, Arc::clone(&self.calls));
        pass.driver_version.clone_from(&self.shown.driver_version);
        pass.cuda_version.clone_from(&self.shown.cuda_version);
        pass.gpus = self.shown.gpus.iter().map(|shape| Arc::clone(&shape.view)).collect();
        if ask.processes || ask.process_use {
            pass.observations = self.shown.observations();
        }
        for observation in &mut pass.observations {
            if late {
                observation.processes = model::Reading::Failed(model::ErrorKind::Timeout);
                observation.energy = None;
            }
            if ask.process_use {
                self.add_use(observation, runs, clock);
            }
        }
        pass
    }

    /// Use and activity of one device.
    fn add_use(
        &self,
        observation: &mut model::observation::DeviceObservation,
        runs: &[Looks],
        clock: Moment,
    ) {
        use model::Reading;
        use model::observation::{ProcessUse, Progress};
        let index = observation.device.gpu_index;
        let Some(shape) = self.shown.gpus.iter().find(|shape| shape.view.index == index) else {
            return;
        };
        observation.sm_activity = Some(Reading::NotSupported);
        observation.progress = Some(Progress::of(Reading::NotSupported));
        if shape.view.mig_enabled == Some(true) {
            observation.process_use = Some(ProcessUse { samples: Reading::NotSupported });
            observation.activity = Some(Reading::NotSupported);
            return;
        }
        let idle_is_real = shape.activity != Reading::NotSupported;
        let to_time = |at| clock.at(at);
        observation.process_use = usage::of_gpu(runs, index, idle_is_real, to_time);
        observation.activity = Some(shape.activity);
    }

    /// Stop running the program and forget what it said: the driver is let go of. The next pass
    /// starts again.
    pub fn release(&mut self) {
        *self = Self::new(self.config.clone(), Arc::clone(&self.calls));
    }

    fn not_yet(&self, now: Timestamp) -> Pass {
        let reason = "nvidia-smi has not answered yet".to_owned();
        let remedy = "wait for its first answer; if none comes, run nvidia-smi by hand".to_owned();
        Pass::empty(now, SourceState::Absent { reason, remedy }, Arc::clone(&self.calls))
    }
}

/// The pass's time and the machine's at one instant: turns the threads' instants into times.
#[derive(Debug, Clone, Copy)]
struct Moment {
    now: Timestamp,
    instant: Instant,
}

impl Moment {
    fn at(self, instant: Instant) -> Timestamp {
        self.now.before(self.instant.saturating_duration_since(instant))
    }
}

fn absent(error: &RunError) -> SourceState {
    SourceState::Absent { reason: chain(error), remedy: error.remedy().to_owned() }
}

/// An error and its cause in one line.
fn chain(error: &RunError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
