//! Per-process use from `pmon`: looks become samples with a time.
//!
//! `pmon` prints no times in the form that is run; its looks are a second apart and the last one
//! ends the run.

use std::time::{Duration, Instant};

use model::observation::{ProcessUse, UseSample};
use model::{ErrorKind, Reading, Timestamp};

use super::pmon::Row;
use super::round::Part;

/// One run of `pmon`.
#[derive(Debug)]
pub(super) struct Looks {
    /// When it ended.
    pub(super) ended: Instant,
    /// What it printed.
    pub(super) rows: Part<Vec<Row>>,
}

/// The samples of one GPU in the runs since the last question; `None` if there was no run.
/// `idle_is_real` is false where dashes may also mean that the driver cannot tell.
pub(super) fn of_gpu(
    runs: &[Looks],
    gpu: u32,
    idle_is_real: bool,
    to_time: impl Fn(Instant) -> Timestamp,
) -> Option<ProcessUse> {
    let last = runs.last()?;
    let answered: Vec<(&Looks, &Vec<Row>)> =
        runs.iter().filter_map(|run| Some((run, run.rows.as_ref().ok()?))).collect();
    let rows = || answered.iter().flat_map(|(_, rows)| rows.iter()).filter(|row| row.gpu == gpu);
    let samples = match &last.rows {
        Err(error) if answered.is_empty() => failure(&error.to_string(), error.kind()),
        _ if rows().next().is_none() => Reading::NotSupported,
        _ if !idle_is_real && rows().all(|row| sample(row, Timestamp::default()).is_none()) => {
            Reading::NotSupported
        }
        _ => Reading::Value(
            answered.iter().flat_map(|(run, rows)| samples(run, rows, gpu, &to_time)).collect(),
        ),
    };
    Some(ProcessUse { samples })
}

/// A GPU or driver without process monitoring says so instead of a table.
fn failure(said: &str, kind: ErrorKind) -> Reading<Vec<UseSample>> {
    if said.to_ascii_lowercase().contains("not supported") {
        return Reading::NotSupported;
    }
    Reading::Failed(kind)
}

fn samples(
    run: &Looks,
    rows: &[Row],
    gpu: u32,
    to_time: impl Fn(Instant) -> Timestamp,
) -> Vec<UseSample> {
    let last_look = rows.iter().map(|row| row.look).max().unwrap_or(0);
    let at = |row: &Row| {
        let ago = Duration::from_secs(u64::from(last_look - row.look));
        to_time(run.ended).before(ago)
    };
    rows.iter().filter(|row| row.gpu == gpu).filter_map(|row| sample(row, at(row))).collect()
}

/// A process without any figure has none in that look: the driver lists only use.
fn sample(row: &Row, at: Timestamp) -> Option<UseSample> {
    let shares = [row.sm, row.memory, row.encoder, row.decoder];
    shares.iter().any(Option::is_some).then_some(())?;
    let [sm, memory, encoder, decoder] = shares.map(|share| share.unwrap_or(0));
    Some(UseSample { pid: row.pid?, at, sm, memory, encoder, decoder })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smi::run::RunError;
    use std::sync::Arc;

    fn row(gpu: u32, look: u32, pid: u32, sm: Option<u8>) -> Row {
        Row { gpu, look, pid: Some(pid), sm, memory: None, encoder: None, decoder: None }
    }

    fn run(rows: Part<Vec<Row>>) -> Looks {
        Looks { ended: Instant::now(), rows }
    }

    fn ten(_: Instant) -> Timestamp {
        Timestamp::from_secs(10)
    }

    #[test]
    fn looks_lie_a_second_apart_and_a_dash_is_no_sample() {
        let runs =
            [run(Ok(vec![row(0, 0, 7, Some(3)), row(0, 1, 7, None), row(0, 2, 7, Some(9))]))];
        let samples = of_gpu(&runs, 0, true, ten).unwrap().samples.value().unwrap();
        let seen: Vec<_> = samples.iter().map(|s| (s.at.second(), s.sm)).collect();
        assert_eq!(seen, [(8, 3), (10, 9)]);
    }

    #[test]
    fn dashes_alone_are_a_real_zero_only_where_the_gpu_shows_use_at_all() {
        let runs = [run(Ok(vec![row(0, 0, 7, None)]))];
        let use_of = |real| of_gpu(&runs, 0, real, ten).unwrap().samples;
        assert_eq!(use_of(true), Reading::Value(vec![]));
        assert_eq!(use_of(false), Reading::NotSupported);
        assert_eq!(of_gpu(&runs, 1, true, ten).unwrap().samples, Reading::NotSupported);
        assert!(of_gpu(&[], 0, true, ten).is_none());
    }

    #[test]
    fn a_failed_run_is_a_failure_and_never_idle() {
        let error = RunError::Garbage { form: "nvidia-smi pmon".to_owned(), said: String::new() };
        let failed = || run(Err(Arc::new(RunError::NotFound)));
        let use_of = |runs: &[Looks]| of_gpu(runs, 0, true, ten).unwrap().samples;
        assert_eq!(use_of(&[run(Err(Arc::new(error)))]), Reading::Failed(ErrorKind::BadAnswer));
        let both = [run(Ok(vec![row(0, 0, 7, Some(1))])), failed()];
        assert_eq!(use_of(&both).value().unwrap().len(), 1, "one good run in two counts");
    }
}
