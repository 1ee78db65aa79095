//! One round: every form of the program run once, each with its own answer or its own failure.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{ErrorKind, Stop};

use super::apps::{self, App};
use super::list::{self, ListedGpu};
use super::log::{self, Log};
use super::run::{RunError, Runner, first_words};
use super::sheet::{self, Sheet};
use super::table::{self, Table};
use super::{facts, pmon, value};
use crate::metrics::ROWS;
use crate::nvml::Return;
use crate::{Call, CallStats};

/// What one form gave.
pub(super) type Part<T> = Result<T, Arc<RunError>>;

/// The answers of one round.
#[derive(Debug, Clone)]
pub(super) struct Round {
    /// When the sheet was there.
    pub(super) at: Instant,
    /// `--query-gpu` of all fields.
    pub(super) sheet: Part<Sheet>,
    /// The first seed's query for the MIG modes, one per GPU: only asked where the sheet failed.
    pub(super) mig_modes: Option<Vec<String>>,
    /// `-L`.
    pub(super) list: Part<Vec<ListedGpu>>,
    /// The newest list there was: MIG devices have their names from nowhere else.
    pub(super) names: Vec<ListedGpu>,
    /// The table.
    pub(super) table: Part<Table>,
    /// `-q`.
    pub(super) log: Part<Log>,
    /// `--query-compute-apps` by bus id.
    pub(super) apps: Part<Vec<App>>,
    /// The same by UUID: only asked where the other ways failed.
    pub(super) apps_by_uuid: Option<Part<Vec<App>>>,
    /// Fields that this driver does not know.
    pub(super) refused: BTreeSet<String>,
}

impl Round {
    /// Version of the kernel driver, by whichever form.
    pub(super) fn driver_version(&self) -> Option<String> {
        let cell = self.sheet.as_ref().ok().and_then(|sheet| sheet.cell(0, "driver_version"));
        let of_sheet = cell.and_then(|raw| value::text(raw).value()).map(str::to_owned);
        let of_table = || self.table.as_ref().ok()?.driver_version.clone();
        let of_log = || self.log.as_ref().ok()?.driver_version.clone();
        of_sheet.or_else(of_table).or_else(of_log)
    }

    /// CUDA version of the driver.
    pub(super) fn cuda_version(&self) -> Option<String> {
        let of_table = self.table.as_ref().ok().and_then(|table| table.cuda_version.clone());
        of_table.or_else(|| self.log.as_ref().ok()?.cuda_version.clone())
    }

    /// Each form that failed.
    pub(super) fn failures(&self) -> Vec<&RunError> {
        let parts = [
            self.sheet.as_ref().err(),
            self.table.as_ref().err(),
            self.apps.as_ref().err(),
            self.list.as_ref().err(),
            self.log.as_ref().err(),
        ];
        parts.into_iter().flatten().map(AsRef::as_ref).collect()
    }

    /// Why nobody says which GPUs there are, if none of the forms that give UUIDs answered: the
    /// failure that says most.
    pub(super) fn silence(&self) -> Option<&RunError> {
        let naming = [self.sheet.as_ref().err(), self.list.as_ref().err(), self.log.as_ref().err()];
        let failures: Vec<&RunError> = naming.into_iter().flatten().map(AsRef::as_ref).collect();
        let telling = |error: &&&RunError| !matches!(error.kind(), ErrorKind::Other);
        let most = failures.iter().find(telling).or(failures.first()).copied();
        most.filter(|_| failures.len() == naming.len())
    }

    /// Whether a failure names that GPU as one that cannot be opened.
    pub(super) fn says_lost(&self, bus_id: &str) -> bool {
        let Some(bus) = facts::bus_number(bus_id) else { return false };
        self.failures().iter().any(|error| match error {
            RunError::Failed { said, .. } | RunError::Garbage { said, .. } => {
                unopened_gpu(said).and_then(facts::bus_number) == Some(bus)
            }
            _ => false,
        })
    }
}

/// `Unable to determine the device handle for GPU0000:07:00.0: GPU is lost.`; newer drivers write
/// `for GPU1: 0000:07:00.0: Unknown Error`.
fn unopened_gpu(said: &str) -> Option<&str> {
    let (_, after) = said.split_once("Unable to determine the device handle for ")?;
    after
        .split_whitespace()
        .map(|word| word.trim_start_matches(|c: char| c.is_ascii_alphabetic()))
        .map(|word| word.trim_end_matches([':', '.', ',']))
        .find(|word| facts::bus_number(word).is_some())
}

/// Runs rounds, and remembers which fields this driver does not know.
#[derive(Debug)]
pub(super) struct Rounds {
    program: PathBuf,
    deadline: Duration,
    calls: Arc<CallStats>,
    stop: Arc<Stop>,
    runner: Runner,
    refused: BTreeSet<String>,
    names: Vec<ListedGpu>,
    /// Set once a form of this round timed out: the others are given less time.
    hurried: bool,
}

/// Newer name of a field, and the name that older drivers know.
const OLDER_NAMES: &[(&str, &str)] =
    &[("clocks_event_reasons.active", "clocks_throttle_reasons.active")];

const CSV: &str = "--format=csv,noheader,nounits";

impl Rounds {
    pub(super) fn new(
        program: PathBuf,
        deadline: Duration,
        calls: Arc<CallStats>,
        stop: Arc<Stop>,
    ) -> Self {
        let (runner, refused, names) = (Runner::default(), BTreeSet::new(), Vec::new());
        Self { program, deadline, calls, stop, runner, refused, names, hurried: false }
    }

    /// All forms.
    pub(super) fn full(&mut self) -> Round {
        self.hurried = false;
        let sheet = self.sheet();
        let at = Instant::now();
        let table = self.form(Call::SmiTable, &[], table::parse);
        let apps = self.apps("gpu_bus_id");
        let list = self.form(Call::SmiList, &["-L"], list::parse);
        let log = self.form(Call::SmiQuery, &["-q"], log::parse);
        let mig_modes = if sheet.is_err() { self.mig_modes() } else { None };
        let unplaced = table.is_err() && log.is_err();
        let apps_by_uuid = (apps.is_err() || unplaced).then(|| self.apps("gpu_uuid"));
        let refused = self.refused.clone();
        if let Ok(list) = &list {
            self.names.clone_from(list);
        }
        let names = self.names.clone();
        Round { at, sheet, mig_modes, list, names, table, log, apps, apps_by_uuid, refused }
    }

    /// New figures beside the other answers of an earlier round.
    pub(super) fn figures(&mut self, earlier: &Round) -> Round {
        self.hurried = false;
        let sheet = self.sheet();
        let at = Instant::now();
        Round { at, sheet, refused: self.refused.clone(), ..earlier.clone() }
    }

    /// One form: run, counted, read.
    fn form<T>(
        &mut self,
        call: Call,
        arguments: &[&str],
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Part<T> {
        let text = self.run(call, arguments)?;
        parse(&text).ok_or_else(|| {
            let form = format!("nvidia-smi {}", arguments.join(" ")).trim_end().to_owned();
            Arc::new(RunError::Garbage { form, said: first_words(&text) })
        })
    }

    fn run(&mut self, call: Call, arguments: &[&str]) -> Part<String> {
        let deadline = if self.hurried { self.deadline / 5 } else { self.deadline };
        let extra = Duration::from_secs(if call == Call::SmiPmon { 5 } else { 0 });
        let since = Instant::now();
        let result = self.runner.run(&self.program, arguments, deadline + extra, &self.stop);
        let counted = result.as_ref().map(|_| ()).map_err(return_of);
        self.calls.record(call, counted, since.elapsed());
        self.hurried |= matches!(result, Err(RunError::Deadline { .. }));
        result.map_err(Arc::new)
    }

    /// All fields; one that this driver does not know is asked by its older name or dropped, and
    /// that is remembered.
    fn sheet(&mut self) -> Part<Sheet> {
        loop {
            let fields = fields(&self.refused);
            let query = format!("--query-gpu={}", fields.join(","));
            let arguments = [query.as_str(), "--format=csv,nounits"];
            let parse = |text: &str| Sheet::parse(text, &fields);
            let result = self.form(Call::SmiQueryGpu, &arguments, parse);
            let refused = match result.as_ref().map_err(AsRef::as_ref) {
                Err(RunError::Failed { said, .. } | RunError::Garbage { said, .. }) => {
                    sheet::unknown_field(said)
                }
                _ => None,
            };
            match refused.filter(|field| fields.contains(field)) {
                Some(field) if self.refused.insert(field.to_owned()) => {}
                _ => return result,
            }
        }
    }

    fn mig_modes(&mut self) -> Option<Vec<String>> {
        let lines = |text: &str| {
            let modes = text.lines().map(|line| line.trim().to_owned());
            Some(modes.filter(|mode| !mode.is_empty()).collect())
        };
        self.form(Call::SmiQueryGpu, &["--query-gpu=mig.mode.current", CSV], lines).ok()
    }

    /// The first seed's query, with the GPU named by `gpu`.
    fn apps(&mut self, gpu: &str) -> Part<Vec<App>> {
        let query = format!("--query-compute-apps={gpu},pid,process_name,used_gpu_memory");
        self.form(Call::SmiQueryComputeApps, &[&query, CSV], apps::parse)
    }

    /// `pmon` with that many looks.
    pub(super) fn looks(&mut self, count: u32) -> Part<Vec<pmon::Row>> {
        self.hurried = false;
        self.form(Call::SmiPmon, &["pmon", "-c", &count.to_string()], pmon::parse)
    }
}

/// What is asked of `--query-gpu`: `index` first and `name` last, as [`Sheet`] needs it.
fn fields(refused: &BTreeSet<String>) -> Vec<&'static str> {
    const IDENTITY: &[&str] =
        &["uuid", "pci.bus_id", "driver_version", "mig.mode.current", "enforced.power.limit"];
    let figures = ROWS.iter().filter_map(|row| row.smi);
    let mut fields = vec!["index"];
    for field in IDENTITY.iter().copied().chain(figures) {
        let field = known_name(field, refused);
        let new = field.filter(|field| *field != "name" && !fields.contains(field));
        fields.extend(new);
    }
    fields.push("name");
    fields
}

/// The name by which the driver knows a field, if it does.
pub(super) fn known_name<'a>(field: &'a str, refused: &BTreeSet<String>) -> Option<&'a str> {
    if !refused.contains(field) {
        return Some(field);
    }
    let older = OLDER_NAMES.iter().find(|(newer, _)| *newer == field)?.1;
    (!refused.contains(older)).then_some(older)
}

/// Exit codes of nvidia-smi are NVML's; the rest is put where NVML has it.
fn return_of(error: &RunError) -> Return {
    match error {
        RunError::NotFound | RunError::Start { .. } => Return::LIBRARY_NOT_FOUND,
        RunError::Deadline { .. } | RunError::Stuck { .. } => Return::TIMEOUT,
        RunError::Failed { status, .. } => {
            let code = status.code().and_then(|code| u32::try_from(code).ok());
            code.filter(|code| *code != 0).map_or(Return::UNKNOWN, Return)
        }
        _ => Return::UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_begins_with_index_and_ends_with_name_and_asks_nothing_twice() {
        let fields = fields(&BTreeSet::new());
        assert_eq!((fields[0], *fields.last().unwrap()), ("index", "name"));
        let unique: BTreeSet<&str> = fields.iter().copied().collect();
        assert_eq!(unique.len(), fields.len());
        assert!(fields.contains(&"mig.mode.current"));
    }

    #[test]
    fn a_refused_field_is_left_out() {
        let refused = BTreeSet::from(["memory.reserved".to_owned()]);
        assert!(!fields(&refused).contains(&"memory.reserved"));
        let newer = "clocks_event_reasons.active";
        assert_eq!(known_name(newer, &refused), Some(newer));
        let refused = BTreeSet::from([newer.to_owned()]);
        assert_eq!(known_name(newer, &refused), Some("clocks_throttle_reasons.active"));
    }

    #[test]
    fn a_gpu_that_cannot_be_opened_is_found_in_each_drivers_words() {
        for said in [
            "Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost.  Reboot",
            "Unable to determine the device handle for gpu 0000:02:00.0: Unknown Error",
            "Unable to determine the device handle for GPU0000:02:00.0: Unknown Error",
            "Unable to determine the device handle for GPU1: 0000:02:00.0: Unknown Error",
        ] {
            let found = unopened_gpu(said).and_then(facts::bus_number);
            assert_eq!(found, Some((0, 2, 0, 0)), "{said}");
        }
        assert_eq!(unopened_gpu("No devices were found"), None);
    }
}
