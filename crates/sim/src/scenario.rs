//! Scenarios: the simulated world as one TOML file, loaded and found possible.
//!
//! A scenario is named (one that ships within the program) or a path. Everything wrong with it is
//! said with file and line, before any of it runs.

pub(crate) mod check;
pub mod embedded;
pub mod file;
pub mod quantity;

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::{MANUAL_ORIGIN, Pace, STARTING_AGE};
use crate::fleet::{self, Fleet};

/// A scenario that can be built into a world.
#[derive(Debug, Clone)]
pub struct Scenario {
    name: String,
    pub(crate) file: file::File,
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum ScenarioError {
    #[error("cannot read the scenario {path}")]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("no scenario is named `{name}`; there are: {}; or give the path of a file", known.join(", "))]
    Unknown { name: String, known: Vec<&'static str> },
    #[error("{file}:{line}: {message}")]
    Wrong { file: String, line: usize, message: String },
}

impl Scenario {
    /// A scenario by name, or from a file.
    ///
    /// # Errors
    /// Unknown name, unreadable file, or a scenario that cannot be; with file and line.
    pub fn load(name_or_path: &str) -> Result<Self, ScenarioError> {
        if name_or_path == fleet::NAME {
            return Self::fleet(&Fleet::default());
        }
        if let Some(text) = embedded::scenario(name_or_path) {
            return Self::parse(name_or_path, &format!("{name_or_path}.toml"), text, None);
        }
        let path = Path::new(name_or_path);
        let looks_like_a_path = name_or_path.contains(['/', '.']) || path.exists();
        if !looks_like_a_path {
            let known = embedded::names().collect();
            return Err(ScenarioError::Unknown { name: name_or_path.to_owned(), known });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ScenarioError::Read { path: path.to_path_buf(), cause })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&name, name_or_path, &text, path.parent())
    }

    /// The scenario `fleet-demo`, of that size, seed and age.
    ///
    /// # Errors
    /// More machines than names or ids reach for.
    pub fn fleet(fleet: &Fleet) -> Result<Self, ScenarioError> {
        Self::parse(fleet::NAME, fleet::NAME, &fleet.text(), None)
    }

    /// A scenario from its text; `file` is what errors call it.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_text(file: &str, text: &str) -> Result<Self, ScenarioError> {
        Self::parse(file, file, text, None)
    }

    fn parse(
        name: &str,
        file: &str,
        text: &str,
        folder: Option<&Path>,
    ) -> Result<Self, ScenarioError> {
        let wrong = |at: usize, message: String| ScenarioError::Wrong {
            file: file.to_owned(),
            line: line_of(text, at),
            message,
        };
        let parsed: file::File = in_folder(folder, || toml::from_str(text)).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(at, error.message().replace('\n', " "))
        })?;
        check::check(&parsed).map_err(|problem| wrong(problem.at, problem.message))?;
        Ok(Self { name: name.to_owned(), file: parsed })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it shows, in one line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.file.about
    }

    /// How its clock moves.
    #[must_use]
    pub fn pace(&self) -> Pace {
        match self.file.clock {
            file::ClockKind::Wall => Pace::Wall,
            file::ClockKind::Scaled => Pace::Scaled(self.file.factor.unwrap_or(1.0)),
            file::ClockKind::Manual => Pace::Manual,
        }
    }

    /// How old its world is when the clock starts.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.file.age.map_or(STARTING_AGE, |span| span.0)
    }

    /// The same with another seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.file.seed = seed;
        self
    }
}

/// Where a manual clock's world begins.
#[must_use]
pub const fn manual_origin() -> model::Timestamp {
    MANUAL_ORIGIN
}

/// The line, from 1, that holds a byte of the text.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

thread_local! {
    /// Folder of the file being parsed: traces are named beside it.
    static FOLDER: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

fn in_folder<T>(folder: Option<&Path>, parse: impl FnOnce() -> T) -> T {
    FOLDER.with(|place| place.replace(folder.map(Path::to_path_buf)));
    let parsed = parse();
    FOLDER.with(|place| place.replace(None));
    parsed
}

/// Points of a trace file beside the scenario being parsed: lines of seconds and value.
pub(crate) fn trace_file(name: &str) -> Result<Vec<(i64, f64)>, String> {
    let folder = FOLDER.with(|place| place.borrow().clone());
    let path = folder.ok_or("a trace file needs a scenario file beside it")?.join(name);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read the trace {}: {error}", path.display()))?;
    let mut points = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let point = trace_point(line);
        points.push(point.ok_or_else(|| {
            format!("{}:{}: not `seconds,value`: {line}", path.display(), number + 1)
        })?);
    }
    if points.is_empty() || !points.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(format!("{}: needs points in order of time", path.display()));
    }
    Ok(points)
}

fn trace_point(line: &str) -> Option<(i64, f64)> {
    let (seconds, value) = line.split_once(',')?;
    let seconds: f64 = seconds.trim().parse().ok()?;
    let value: f64 = value.trim().parse().ok()?;
    let good = (0.0..1e9).contains(&seconds) && value.is_finite() && value >= 0.0;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    good.then_some(((seconds * 1e6) as i64, value))
}
