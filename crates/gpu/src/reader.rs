//! The reader: one pass over all GPUs, whatever state driver and devices are in.
//!
//! Every GPU is asked on a thread of its own, the driver is opened and closed on another; a pass
//! waits a moment for the answers and takes late ones along next time. So nothing that a driver does
//! can hold up or end the process: a GPU that hangs is stuck, a driver that goes away is closed and
//! looked for again.

mod absence;
mod ending;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use model::observation::DeviceObservation;
use model::{ErrorKind, Timestamp};

use crate::metrics::RowSet;
use crate::nvml::{Life, Notice, Opened, SharedOpener, UsedUpTo, unanswered};
use crate::{Ask, CallStats, GpuView, OpenDriver, OpenError, Pass, SourceState, XidEvent, smi};
use absence::Absence;
use ending::Ending;
use watch::Watch;

/// After a driver went away or was not there: the first look for it, and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How the reader waits.
#[derive(Debug, Clone)]
pub struct Options {
    /// A call that takes longer marks its GPU stuck.
    pub deadline: Duration,
    /// How long one pass waits for a slow GPU.
    pub patience: Duration,
    /// The time that a profiling value spans: the collect interval if one was given, else 15 s.
    pub gpm_span: Duration,
    /// How often slow rows and the layout are read.
    pub slow_every: Duration,
    /// Ask on the thread that asks for a pass, without threads: for simulated drivers, of which one
    /// process watches many and which answer at once. A driver that may block must not be asked so.
    pub in_line: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(5),
            patience: Duration::from_millis(300),
            gpm_span: Duration::from_secs(15),
            slow_every: Duration::from_secs(10),
            in_line: false,
        }
    }
}

/// Reads GPUs.
pub struct Reader {
    opener: SharedOpener,
    options: Options,
    calls: Arc<CallStats>,
    fallback: Option<smi::Source>,
    state: State,
    pause: Duration,
    /// The reason last logged, so that it is logged once and not at every look.
    logged: Option<String>,
    /// GPUs as last seen, while no driver is there.
    remembered: Vec<Arc<GpuView>>,
    /// Rows of which values are read.
    rows: RowSet,
    used_up_to: HashMap<String, u64>,
    /// Threads of earlier lives that have not ended yet.
    ending: Ending,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("options", &self.options).finish_non_exhaustive()
    }
}

enum State {
    /// No driver; looked for again at that time.
    Closed { since: Timestamp, next: Timestamp, why: Absence },
    /// A driver is being opened; whether the fallback serves meanwhile, as it did before.
    Opening { life: Life, began: Instant, fallback: bool },
    /// It answers.
    Open(Open),
    /// Let go of on request.
    Released,
}

struct Open {
    life: Life,
    opened: Opened,
    simulated: bool,
    watch: Watch,
    since: Timestamp,
}

impl Reader {
    /// A reader that opens the driver in its first pass.
    #[must_use]
    pub fn new(open: OpenDriver, smi: Option<smi::Config>, options: Options) -> Self {
        let calls = Arc::<CallStats>::default();
        let fallback = smi.map(|config| smi::Source::new(config, Arc::clone(&calls)));
        let (never, why) = (Timestamp(i64::MIN), Absence::not_looked());
        Self {
            opener: Arc::new(Mutex::new(open)),
            options,
            calls,
            fallback,
            state: State::Closed { since: never, next: never, why },
            pause: FIRST_PAUSE,
            logged: None,
            remembered: Vec::new(),
            rows: RowSet::BUILT_IN,
            used_up_to: HashMap::new(),
            ending: Ending::default(),
        }
    }

    /// Read the values of these rows from the next pass on; those of the built-in list until then.
    pub fn want(&mut self, rows: RowSet) {
        self.rows = rows;
    }

    /// One pass: ask every GPU, wait at most `patience` for the answers (up to `deadline` for the
    /// first ones of a driver), take late ones along. Never blocks longer, never fails.
    pub fn pass(&mut self, now: Timestamp, ask: Ask) -> Pass {
        self.ending.forget_ended();
        self.advance(now);
        if let State::Open(open) = &mut self.state {
            let read = open.pass(now, (ask, self.rows), &self.options, &self.ending);
            for (uuid, stamp) in read.used_up_to {
                self.used_up_to.insert(uuid, stamp);
            }
            match read.gone {
                None => return open.finish(now, read.gpus, read.observations, &self.calls),
                Some(code) => self.close(now, Absence::of(&OpenError::Init(code))),
            }
        }
        self.without_driver(now, ask)
    }

    /// Let go of the driver: every handle, every library. Until [`Reader::resume`] passes are empty,
    /// but for the devices that were there: they are down, and nobody on them is active.
    /// Waits at most `deadline` for the driver to be shut down.
    pub fn release(&mut self) {
        match std::mem::replace(&mut self.state, State::Released) {
            State::Open(open) => {
                self.remembered = open.watch.views();
                self.ending.take(open);
            }
            State::Opening { life, .. } => self.ending.lives.extend(life.end()),
            State::Closed { .. } | State::Released => {}
        }
        if let Some(fallback) = &mut self.fallback {
            fallback.release();
        }
        self.ending.wait(self.options.deadline);
        tracing::info!("driver let go of on request");
    }

    /// Take the driver back in the next pass.
    pub fn resume(&mut self) {
        if matches!(self.state, State::Released) {
            let (never, why) = (Timestamp(i64::MIN), Absence::not_looked());
            self.state = State::Closed { since: never, next: never, why };
            self.pause = FIRST_PAUSE;
        }
    }

    /// Close the driver and open it in the next pass: NVML counts GPUs when it is opened, so a GPU
    /// that was added is seen only then. Nothing that was released is taken back.
    pub fn reopen(&mut self, now: Timestamp) {
        if !matches!(self.state, State::Released) {
            self.pause = Duration::ZERO;
            self.close(now, Absence::not_looked());
            self.pause = FIRST_PAUSE;
        }
    }

    /// Open what is due to be opened, and reopen a driver that had no GPU when it was opened.
    fn advance(&mut self, now: Timestamp) {
        if let State::Open(open) = &self.state
            && open.opened.count == 0
            && (now < open.since || now.since(open.since) >= LONGEST_PAUSE)
        {
            self.reopen(now);
        }
        if let State::Closed { since, next, .. } = &self.state
            && (now >= *next || now < *since)
            && self.ending.lives.is_empty()
        {
            self.begin(now);
        }
        if let State::Opening { life, began, .. } = &self.state {
            let left = self.options.deadline.saturating_sub(began.elapsed());
            match life.notice_within(left) {
                Some(Notice::Opened(opened)) => self.opened(now, opened),
                Some(Notice::Refused(why)) => self.close(now, Absence::of(&why)),
                Some(Notice::Xid { .. } | Notice::MigChanged { .. }) | None => {}
            }
        }
    }

    fn begin(&mut self, now: Timestamp) {
        let opener = Arc::clone(&self.opener);
        let fallback = matches!(&self.state, State::Closed { why, .. } if why.loadable);
        let (calls, deadline) = (Arc::clone(&self.calls), self.options.deadline);
        let life = if self.options.in_line {
            Some(Life::begin_here(&opener, calls, deadline))
        } else {
            Life::begin(opener, calls, deadline)
        };
        match life {
            Some(life) => self.state = State::Opening { life, began: Instant::now(), fallback },
            None => self.close(now, Absence::no_thread()),
        }
    }

    fn opened(&mut self, now: Timestamp, opened: Opened) {
        let before = std::mem::replace(&mut self.state, State::Released);
        let State::Opening { life, .. } = before else { return };
        let simulated = opened.driver.is_simulated();
        let driver = opened.versions.driver.as_deref().unwrap_or("unknown");
        tracing::info!(driver, gpus = opened.count, simulated, "driver opened");
        let earlier: UsedUpTo = Arc::new(self.used_up_to.clone());
        let watch = Watch::new(&opened, &self.calls, earlier, &self.remembered);
        self.pause = FIRST_PAUSE;
        self.logged = None;
        self.state = State::Open(Open { life, opened, simulated, watch, since: now });
    }

    /// Close everything and look again later: after 5 s, then twice as long each time up to 60 s.
    fn close(&mut self, now: Timestamp, why: Absence) {
        let next = now.after(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if !self.pause.is_zero() && self.logged.as_ref() != Some(&why.reason) {
            tracing::warn!(reason = why.reason, remedy = why.remedy, "no driver, looking again");
            self.logged = Some(why.reason.clone());
        }
        let before = std::mem::replace(&mut self.state, State::Closed { since: now, next, why });
        match before {
            State::Open(open) => {
                self.remembered = open.watch.views();
                self.ending.take(open);
            }
            State::Opening { life, .. } => self.ending.lives.extend(life.end()),
            State::Closed { .. } | State::Released => {}
        }
    }

    fn without_driver(&mut self, now: Timestamp, ask: Ask) -> Pass {
        let mut absence = match &self.state {
            State::Closed { why, .. } => why.clone(),
            State::Opening { fallback, .. } => {
                Absence { loadable: *fallback, ..Absence::opening() }
            }
            State::Open(_) => Absence::opening(),
            State::Released => Absence::released(),
        };
        if absence.loadable
            && let Some(fallback) = &mut self.fallback
        {
            let pass = fallback.pass(now, ask);
            match pass.source {
                SourceState::Absent { reason, remedy } => absence.join(&reason, &remedy),
                SourceState::NvidiaSmi | SourceState::Nvml => return pass,
            }
        }
        let Absence { reason, remedy, .. } = absence;
        let source = SourceState::Absent { reason, remedy };
        let mut pass = Pass::empty(now, source, Arc::clone(&self.calls));
        if ask.processes || ask.process_use {
            pass.observations = gone(&self.remembered, ask);
        }
        pass
    }
}

/// Devices that were there before the driver went away: down, not forgotten.
fn gone(views: &[Arc<GpuView>], ask: Ask) -> Vec<DeviceObservation> {
    let devices = views.iter().flat_map(|view| &view.devices);
    let kind = ErrorKind::DriverGone;
    devices.map(|device| unanswered(Arc::clone(device), Some(kind), kind, ask)).collect()
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let State::Open(open) = std::mem::replace(&mut self.state, State::Released) {
            self.ending.take(open);
        }
    }
}

impl Open {
    fn pass(
        &mut self,
        now: Timestamp,
        question: (Ask, RowSet),
        options: &Options,
        ending: &Ending,
    ) -> watch::Read {
        while let Some(notice) = self.life.notice() {
            match notice {
                Notice::MigChanged { index } => self.watch.look_at(index),
                Notice::Xid { index, gpu_instance, compute_instance, xid } => {
                    let event = XidEvent {
                        at: now,
                        gpu_uuid: self.watch.uuid(index).to_owned(),
                        gpu_index: index,
                        gpu_instance,
                        compute_instance,
                        xid,
                    };
                    tracing::warn!(gpu = index, xid, "XID reported by the driver");
                    self.watch.xids.push(event);
                }
                Notice::Opened(_) | Notice::Refused(_) => {}
            }
        }
        self.watch.pass(now, question, options, &self.opened, ending)
    }

    fn finish(
        &mut self,
        now: Timestamp,
        gpus: Vec<Arc<GpuView>>,
        observations: Vec<DeviceObservation>,
        calls: &Arc<CallStats>,
    ) -> Pass {
        let versions = &self.opened.versions;
        let owned = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        Pass {
            simulated: self.simulated,
            driver_version: owned(&versions.driver),
            nvml_version: owned(&versions.nvml),
            cuda_version: owned(&versions.cuda),
            gpus,
            observations,
            xids: std::mem::take(&mut self.watch.xids),
            ..Pass::empty(now, SourceState::Nvml, Arc::clone(calls))
        }
    }
}

#[cfg(test)]
mod tests;
