//! Where the field list comes from, and when it is read again.
//!
//! A ConfigMap goes before a file, a file before the built-in list. The file is looked at in every
//! pass by its inode, size and time, so that the swapped link of a mounted ConfigMap is seen on every
//! file system; it is read when it has stood still for one look, at most once per two seconds. A new
//! list is read beside the old one and takes over when it has values.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cluster::api::{ConfigMapName, ConfigMapNameError};
use gpu::Pass;
use gpu::metrics::RowSet;
use model::{ErrorKind, Reading, Timestamp};

use super::{FieldList, RowFault};
use crate::Config;

/// Where dcgm-exporter's image has its list.
pub const USUAL_PLACE: &str = "/etc/dcgm-exporter/default-counters.csv";
/// NVIDIA's longest list has 20 KiB.
const LONGEST_FILE: u64 = 1 << 20;
/// Time between two readings.
const BETWEEN: Duration = Duration::from_secs(2);
/// After that a new list takes over without values: it may name what nothing here has.
const WAIT_FOR_VALUES: Duration = Duration::from_secs(20);

/// Gives the newest text of a ConfigMap.
pub type ConfigMapText = Box<dyn Fn() -> MapAnswer + Send>;

/// What is known of a ConfigMap.
#[derive(Debug, Clone, Default)]
pub struct MapAnswer {
    /// Its newest text; the same `Arc` as before while it is the same.
    pub text: Option<Arc<String>>,
    /// Why it could not be read last.
    pub lack: Option<String>,
}

/// Why a list cannot be had at the start.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum FieldListError {
    #[error("cannot read the field list {}: give another file with --collectors, or none for the \
             built-in list", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(transparent)]
    ConfigMap(#[from] ConfigMapNameError),
    #[error("the field list {} is longer than {LONGEST_FILE} bytes", .path.display())]
    TooLong { path: PathBuf },
    #[error("the field list {}: {fault}", .path.display())]
    Strict { path: PathBuf, fault: RowFault },
}

/// How the list stands, for the page and for readiness.
#[derive(Debug, Clone, Default)]
pub struct ReloadState {
    /// A new list waits for its values.
    pub in_progress: bool,
    /// Why the newest text does not serve.
    pub fault: Option<Arc<str>>,
    /// Lists that were read again.
    pub succeeded: u64,
    /// Those that could not be.
    pub failed: u64,
    /// What was asked for has never been read.
    pub is_unread: bool,
}

/// The source of a node's list.
pub struct FieldSource {
    /// `None`: the built-in list.
    path: Option<PathBuf>,
    strict: bool,
    map: Option<ConfigMapText>,
    map_seen: Option<Arc<String>>,
    map_lack: Option<Arc<str>>,
    /// The file when it was last looked at, and when it was last read.
    looked: Option<Stamp>,
    read: Option<Stamp>,
    read_at: Option<Instant>,
    asked: Arc<AtomicBool>,
    current: Arc<FieldList>,
    next: Option<Next>,
    state: ReloadState,
}

#[derive(Debug)]
struct Next {
    list: Arc<FieldList>,
    since: Instant,
    /// The first pass that asked for its rows.
    asked: Option<Timestamp>,
}

/// By what a changed file is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        let changed = (file.mtime(), file.mtime_nsec());
        Some(Self { device: file.dev(), inode: file.ino(), bytes: file.size(), changed })
    }
}

impl fmt::Debug for FieldSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldSource").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FieldSource {
    /// The built-in list, which nothing changes.
    #[must_use]
    pub fn built_in() -> Self {
        Self::with(None, false, FieldList::built_in())
    }

    /// Read the list that the settings name.
    ///
    /// # Errors
    /// A named file that cannot be read, or that has a fault where none is forgiven.
    pub fn open(config: &Config, map: Option<ConfigMapText>) -> Result<Self, FieldListError> {
        if let Some(name) = &config.configmap_data {
            let _: ConfigMapName = name.parse()?;
        }
        let path = config.collectors.clone();
        let stamp = path.as_deref().and_then(Stamp::of);
        let list = match &path {
            Some(path) => read(path, config.strict_collectors)?,
            None => FieldList::built_in(),
        };
        let mut opened = Self::with(path, config.strict_collectors, list);
        (opened.looked, opened.read) = (stamp, stamp);
        let map = map.filter(|_| config.configmap_data.is_some());
        opened.state.is_unread = map.is_some();
        opened.map = map;
        opened.tell();
        Ok(opened)
    }

    fn with(path: Option<PathBuf>, strict: bool, list: FieldList) -> Self {
        Self {
            path,
            strict,
            map: None,
            map_seen: None,
            map_lack: None,
            looked: None,
            read: None,
            read_at: None,
            asked: Arc::default(),
            current: Arc::new(list),
            next: None,
            state: ReloadState::default(),
        }
    }

    /// Set this to have the list read again: what SIGHUP does.
    #[must_use]
    pub fn switch(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }

    /// The list that is printed.
    #[must_use]
    pub fn current(&self) -> Arc<FieldList> {
        Arc::clone(&self.current)
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self) -> ReloadState {
        let unread = || "the ConfigMap with the field list is not read yet".into();
        let of_map = self.map_lack.clone().or_else(|| self.state.is_unread.then(unread));
        let fault = self.state.fault.clone().or(of_map);
        ReloadState { in_progress: self.next.is_some(), fault, ..self.state.clone() }
    }

    /// The rows that must be read, for this list and for one that waits to take over.
    #[must_use]
    pub fn rows(&self) -> RowSet {
        let next = self.next.as_ref().map_or(RowSet::EMPTY, |next| next.list.rows());
        self.current.rows().and(next)
    }

    /// Look whether there is a new list; called before each pass.
    pub(crate) fn look(&mut self) {
        if self.read_at.is_some_and(|read| read.elapsed() < BETWEEN) {
            return;
        }
        let asked = self.asked.swap(false, Ordering::Relaxed);
        if self.look_at_map(asked) {
            return;
        }
        let Some(path) = &self.path else { return };
        let stamp = Stamp::of(path);
        let stands = stamp == self.looked;
        self.looked = stamp;
        if asked || (stands && stamp != self.read) {
            let list = read(path, self.strict);
            self.read = stamp;
            self.take(list);
        }
    }

    /// Whether a ConfigMap is what counts.
    fn look_at_map(&mut self, asked: bool) -> bool {
        let Some(map) = &self.map else { return false };
        let MapAnswer { text, lack } = map();
        self.map_lack = lack.map(Arc::from);
        let Some(text) = text else { return false };
        let same = self.map_seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &text));
        if !same || asked {
            self.state.is_unread = false;
            let list = parse(&text, self.strict, Path::new("(ConfigMap)"));
            self.map_seen = Some(text);
            self.take(list);
        }
        true
    }

    fn take(&mut self, list: Result<FieldList, FieldListError>) {
        self.read_at = Some(Instant::now());
        match list {
            Ok(list) => {
                self.state.succeeded += 1;
                self.state.fault = None;
                let list = Arc::new(list);
                let waits = self.next.as_ref().map_or(&self.current, |next| &next.list);
                if *waits != list {
                    tracing::info!(rows = list.entries().len(), "the field list has changed");
                    self.next = Some(Next { list, since: Instant::now(), asked: None });
                    self.tell();
                }
            }
            Err(error) => {
                self.state.failed += 1;
                let cause = std::error::Error::source(&error);
                let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
                let text = format!("{error}{cause}; the last good list serves");
                tracing::warn!("{text}");
                self.state.fault = Some(text.into());
            }
        }
    }

    /// Say once what is wrong with the newest list.
    fn tell(&self) {
        let list = self.next.as_ref().map_or(&self.current, |next| &next.list);
        let of_map = Path::new("(ConfigMap)");
        let path = self.path.as_deref().filter(|_| self.map_seen.is_none()).unwrap_or(of_map);
        let path = path.display();
        for fault in list.faults() {
            tracing::warn!(%path, "field list, {fault}: the row is left out");
        }
        if list.entries().is_empty() {
            tracing::warn!(%path, "the field list names no field: no device metric is printed");
        }
    }

    /// Let the new list take over if this pass has its values; called after each pass.
    pub(crate) fn settle(&mut self, pass: &Pass) {
        let Some(next) = &mut self.next else { return };
        let asked = *next.asked.get_or_insert(pass.at);
        let added = next.list.rows().without(self.current.rows());
        if has_values(pass, added, asked) || next.since.elapsed() > WAIT_FOR_VALUES {
            self.current = Arc::clone(&next.list);
            self.next = None;
        }
    }
}

/// Whether every GPU has answered about these rows since, and none waits for its first reading.
fn has_values(pass: &Pass, rows: RowSet, since: Timestamp) -> bool {
    let waits = |gpu: &gpu::GpuView| {
        let cells =
            gpu.entities.iter().flat_map(|entity| rows.places().map(|row| &entity.values[row]));
        let mut cells = cells;
        cells.any(|cell| cell.at < since || cell.reading == Reading::Failed(ErrorKind::NotYet))
    };
    !pass.gpus.iter().any(|gpu| gpu.health.down().is_none() && waits(gpu))
}

fn read(path: &Path, strict: bool) -> Result<FieldList, FieldListError> {
    let unreadable = |source| FieldListError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(FieldListError::TooLong { path: path.to_owned() });
    }
    parse(&String::from_utf8_lossy(&bytes), strict, path)
}

fn parse(text: &str, strict: bool, path: &Path) -> Result<FieldList, FieldListError> {
    let list = FieldList::parse(text);
    match list.faults().iter().find(|fault| strict && fault.is_grave()) {
        Some(fault) => Err(FieldListError::Strict { path: path.to_owned(), fault: fault.clone() }),
        None => Ok(list),
    }
}

#[cfg(test)]
mod tests;
