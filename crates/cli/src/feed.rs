//! Readings of this machine into the store: the exporter's page, every five seconds, without HTTP.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use exporter::{Config, Published, Snapshot, page};
use gpu::SourceState;
use model::{Clock, Stop, Timestamp};
use server::{App, Source, SourceWords};

use crate::language::Language;
use crate::output;

/// How often a page goes into the store.
const EVERY: Duration = Duration::from_secs(5);
/// The label `job` of readings that this process makes itself.
pub(crate) const JOB: &str = "gpulse";

/// The thread that feeds, until it is told to stop.
#[derive(Debug)]
pub(crate) struct Feeding {
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
}

/// Start it.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn start(app: App, published: Published, config: &Config) -> io::Result<Feeding> {
    let stop = Arc::new(Stop::default());
    let feed = Feed {
        clock: Arc::clone(app.clock()),
        app,
        published,
        config: config.clone(),
        newest: 0,
        told: Vec::new(),
        is_gone: false,
    };
    let stopped = Arc::clone(&stop);
    let thread =
        thread::Builder::new().name("feed".to_owned()).spawn(move || feed.run(&stopped))?;
    Ok(Feeding { stop, thread })
}

impl Feeding {
    /// Stop and wait: nothing goes into the store afterwards.
    pub(crate) fn end(self) {
        self.stop.stop();
        let _ = self.thread.join();
    }
}

struct Feed {
    app: App,
    published: Published,
    config: Config,
    clock: Arc<dyn Clock>,
    /// Number of the pass that was stored last.
    newest: u64,
    /// What was last said about sources.
    told: Vec<Source>,
    is_gone: bool,
}

impl Feed {
    fn run(mut self, stop: &Stop) {
        // The first picture as soon as there is one, then on the grid.
        while self.published.newest().is_none() && !self.published.first_is_overdue() {
            if stop.wait(Duration::from_millis(20)) {
                return;
            }
        }
        loop {
            self.feed();
            let next = next_after(self.clock.now());
            if !self.clock.sleep_until(next, stop) {
                return;
            }
        }
    }

    fn feed(&mut self) {
        let now = self.clock.now();
        let Some(snapshot) = self.published.newest() else { return };
        self.tell(&snapshot);
        let extra = [("job", JOB), ("instance", &*snapshot.hostname)];
        if snapshot.is_overdue(now) {
            if !std::mem::replace(&mut self.is_gone, true) {
                report(self.app.target_gone(millis(now), &extra).err());
            }
            return;
        }
        if snapshot.number == self.newest {
            return;
        }
        (self.newest, self.is_gone) = (snapshot.number, false);
        let text = page::render(&snapshot, self.config.parts, &page::Style::from(&self.config));
        report(self.app.ingest_text(millis(snapshot.at), &text, &extra).err());
    }

    /// Say what was looked for, where that has changed.
    fn tell(&mut self, snapshot: &Snapshot) {
        let sources = sources(snapshot);
        if sources == self.told {
            return;
        }
        if let Some((reason, _)) = snapshot.absence()
            && self.told.is_empty()
        {
            tracing::warn!(reason, "no GPU yet: looking again and again");
            output::say(&format!(
                "no GPU can be read: {reason}. It is looked for again and again; `gpulse demo` \
                 shows a simulated fleet"
            ));
        }
        self.app.set_sources(sources.clone());
        self.told = sources;
    }
}

/// What was looked for on this machine, and what came of it.
fn sources(snapshot: &Snapshot) -> Vec<Source> {
    let (reason, remedy) = snapshot.absence().unwrap_or_default();
    // The library's fault and the program's are told in one sentence; here each has its own row.
    let (of_library, of_program) = reason.split_once("; ").unwrap_or((reason, reason));
    let one = |name: &str, ok: bool, looked_for: &str, problem: &str, remedy: &str| Source {
        name: name.to_owned(),
        ok,
        looked_for: looked_for.to_owned(),
        problem: if ok { String::new() } else { problem.to_owned() },
        remedy: if ok { String::new() } else { remedy.to_owned() },
        korean: None,
    };
    let source = &snapshot.pass.source;
    let mut all = vec![one(
        "nvml",
        matches!(source, SourceState::Nvml),
        "libnvidia-ml.so.1, the library of NVIDIA's driver",
        of_library,
        remedy,
    )];
    if !matches!(source, SourceState::Nvml) {
        all.push(one(
            "nvidia-smi",
            matches!(source, SourceState::NvidiaSmi),
            "the program nvidia-smi on PATH",
            of_program,
            "",
        ));
    }
    let found = snapshot.expected_gpus;
    all.push(Source {
        name: "pci".to_owned(),
        ok: found.is_some_and(|gpus| gpus > 0),
        looked_for: "NVIDIA GPUs on the PCI bus, in /sys/bus/pci/devices".to_owned(),
        problem: match found {
            Some(0) => "none is there".to_owned(),
            Some(_) => String::new(),
            None => "the bus cannot be read".to_owned(),
        },
        remedy: match found {
            Some(0) => "run gpulse on a machine with a GPU, or look at `gpulse demo`".to_owned(),
            _ => String::new(),
        },
        korean: None,
    });
    all.into_iter().map(in_korean_too).collect()
}

/// The pages show the words of the language that they are read in.
fn in_korean_too(source: Source) -> Source {
    let words = |english: &str| Language::Korean.sentence(english);
    let korean = SourceWords {
        looked_for: words(&source.looked_for),
        problem: words(&source.problem),
        remedy: words(&source.remedy),
    };
    Source { korean: Some(korean), ..source }
}

/// Samples that cannot be stored are lost and said so; the next page may fare better.
pub(crate) fn report(fault: Option<server::IngestError>) {
    static SILENT: AtomicBool = AtomicBool::new(false);
    match fault {
        Some(cause) if !SILENT.swap(true, Ordering::Relaxed) => {
            tracing::error!("readings are not stored: {:#}", anyhow::Error::new(cause));
        }
        Some(_) => {}
        None => {
            if SILENT.swap(false, Ordering::Relaxed) {
                tracing::info!("readings are stored again");
            }
        }
    }
}

/// Milliseconds since the epoch.
pub(crate) const fn millis(at: Timestamp) -> i64 {
    at.0.div_euclid(1000)
}

/// The next moment of the grid.
pub(crate) fn next_after(now: Timestamp) -> Timestamp {
    let every = i64::try_from(EVERY.as_micros()).unwrap_or(i64::MAX);
    Timestamp((now.0.div_euclid(every) + 1).saturating_mul(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lie_on_a_grid_of_five_seconds() {
        assert_eq!(next_after(Timestamp(1)), Timestamp(5_000_000));
        assert_eq!(next_after(Timestamp(5_000_000)), Timestamp(10_000_000));
        assert_eq!(millis(Timestamp(1_234_567)), 1234);
    }
}
