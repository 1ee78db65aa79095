//! The two threads that run the program.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model::Stop;

use super::mailbox::Mailbox;
use super::round::{Round, Rounds};
use super::run::RunError;
use super::usage::Looks;
use crate::CallStats;

/// Time between two readings of the figures.
const FIGURES_EVERY: Duration = Duration::from_secs(5);
/// Every so many readings of the figures, everything is read: processes come every 10 s.
const FULL_EVERY: u32 = 2;
/// Looks of the first run of `pmon`, which a single collection waits for, and of the later ones.
/// Short runs, as a look that arrives more than 10 s late is too late for its second.
const FIRST_LOOKS: u32 = 2;
const LOOKS: u32 = 3;
/// How soon a failed `pmon` is tried again.
const LOOKS_AGAIN: Duration = Duration::from_secs(10);
/// Runs of `pmon` that are kept for passes that do not ask: three minutes.
const KEPT_LOOKS: usize = 60;

/// The threads, and what they have found.
#[derive(Debug)]
pub(super) struct Workers {
    stop: Arc<Stop>,
    rounds: Arc<Mailbox<Round>>,
    looks: Arc<Mailbox<Looks>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Start both.
    pub(super) fn start(
        program: &Path,
        deadline: Duration,
        calls: &Arc<CallStats>,
    ) -> Result<Self, RunError> {
        let stop = Arc::new(Stop::default());
        let runner =
            || Rounds::new(program.to_owned(), deadline, Arc::clone(calls), Arc::clone(&stop));
        let mut workers = Self {
            stop: Arc::clone(&stop),
            rounds: Arc::new(Mailbox::new(1)),
            looks: Arc::new(Mailbox::new(KEPT_LOOKS)),
            threads: Vec::new(),
        };
        let (stop_rounds, rounds, to_rounds) =
            (Arc::clone(&stop), runner(), workers.rounds.clone());
        let (stop_looks, looks, to_looks) = (Arc::clone(&stop), runner(), workers.looks.clone());
        workers.spawn("smi-lists", move || keep_reading(rounds, &to_rounds, &stop_rounds))?;
        workers.spawn("smi-use", move || keep_looking(looks, &to_looks, &stop_looks))?;
        Ok(workers)
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), RunError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
        let failed = |cause| RunError::Start { program: PathBuf::from(name), cause };
        self.threads.push(thread.map_err(failed)?);
        Ok(())
    }

    /// Wait for the first results, at most until then.
    pub(super) fn wait(&self, until: Instant, with_looks: bool) {
        self.rounds.wait(until);
        if with_looks {
            self.looks.wait(until);
        }
    }

    /// A round that has not been taken yet.
    pub(super) fn newest_round(&self) -> Option<Round> {
        self.rounds.take().pop()
    }

    /// Runs of `pmon` that have not been taken yet.
    pub(super) fn looks(&self) -> Vec<Looks> {
        self.looks.take()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.stop();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ended = thread.join();
        }
    }
}

fn keep_reading(mut rounds: Rounds, to: &Mailbox<Round>, stop: &Stop) {
    let mut newest: Option<Round> = None;
    let mut count = 0;
    while !stop.is_stopped() {
        let since = Instant::now();
        let round = match &newest {
            Some(earlier) if count % FULL_EVERY != 0 => rounds.figures(earlier),
            _ => rounds.full(),
        };
        newest = Some(round.clone());
        to.put(round);
        count += 1;
        stop.wait(FIGURES_EVERY.saturating_sub(since.elapsed()));
    }
}

fn keep_looking(mut rounds: Rounds, to: &Mailbox<Looks>, stop: &Stop) {
    let mut count = FIRST_LOOKS;
    while !stop.is_stopped() {
        let since = Instant::now();
        let rows = rounds.looks(count);
        let pause = match rows {
            Ok(_) => Duration::from_secs(u64::from(count)),
            Err(_) => LOOKS_AGAIN,
        };
        to.put(Looks { ended: Instant::now(), rows });
        count = LOOKS;
        stop.wait(pause.saturating_sub(since.elapsed()));
    }
}
