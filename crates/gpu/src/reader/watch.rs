//! All GPUs of one life of the driver: who has been asked, who has answered, who is stuck.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model::observation::{DeviceObservation, ProcessUse};
use model::{ErrorKind, Reading, Timestamp};

use super::{Ending, Options};
use crate::metrics::RowSet;
use crate::nvml::{
    Answer, Gpu, GpuThread, Metered, Opened, Question, Return, UsedUpTo, unanswered, unknown_gpu,
};
use crate::{Ask, CallStats, GpuView, Health, XidEvent};

/// The GPUs, by index.
pub(super) struct Watch {
    gpus: Vec<Watched>,
    answers: Receiver<Answer>,
    answer: SyncSender<Answer>,
    calls: Arc<CallStats>,
    earlier: UsedUpTo,
    /// XIDs that have not been handed out yet.
    pub(super) xids: Vec<XidEvent>,
}

/// What one pass read.
#[derive(Default)]
pub(super) struct Read {
    pub(super) gpus: Vec<Arc<GpuView>>,
    pub(super) observations: Vec<DeviceObservation>,
    /// GPU UUID and stamp of its newest use sample, where that has moved.
    pub(super) used_up_to: Vec<(String, u64)>,
    pub(super) gone: Option<Return>,
}

struct Watched {
    index: u32,
    thread: Option<GpuThread>,
    /// The question on its way: when it was put, by both clocks.
    asked: Option<(Instant, Timestamp)>,
    /// What was to be asked while the thread was busy.
    owed: Ask,
    /// Its layout may have changed.
    look: bool,
    stuck: bool,
    answered_once: bool,
    used_up_to: u64,
    view: Arc<GpuView>,
    answer: Option<Answer>,
}

impl Watch {
    pub(super) fn new(
        opened: &Opened,
        calls: &Arc<CallStats>,
        earlier: UsedUpTo,
        remembered: &[Arc<GpuView>],
    ) -> Self {
        // Every GPU has at most one answer under way, so sending never waits for long.
        let room = usize::try_from(opened.count).unwrap_or(0).max(1);
        let (answer, answers) = sync_channel(room);
        let view = |index| {
            let known = remembered.iter().find(|view| view.index == index);
            known.map_or_else(|| Arc::new(unknown_gpu(index)), Arc::clone)
        };
        let gpus = (0..opened.count).map(|index| Watched::new(index, view(index))).collect();
        Self { gpus, answers, answer, calls: Arc::clone(calls), earlier, xids: Vec::new() }
    }

    /// Ask everyone who is not busy, wait a moment, and gather what has come.
    pub(super) fn pass(
        &mut self,
        now: Timestamp,
        (ask, rows): (Ask, RowSet),
        options: &Options,
        opened: &Opened,
        ending: &Ending,
    ) -> Read {
        self.start_missing(opened, options, ending);
        while let Ok(answer) = self.answers.try_recv() {
            self.take(answer);
        }
        let waiting =
            self.gpus.iter_mut().filter_map(|gpu| gpu.put(now, ask, rows)).collect::<Vec<_>>();
        self.gather(waiting, options);
        let observes = ask.processes || ask.process_use;
        let mut read = Read::default();
        for gpu in &mut self.gpus {
            gpu.judge(now, options.deadline);
            gpu.report(&mut read, observes.then_some(ask));
        }
        read
    }

    /// The layout of that GPU may have changed.
    pub(super) fn look_at(&mut self, index: u32) {
        if let Some(gpu) = self.gpus.iter_mut().find(|gpu| gpu.index == index) {
            gpu.look = true;
        }
    }

    /// Its UUID, empty while unknown.
    pub(super) fn uuid(&self, index: u32) -> &str {
        self.gpus.iter().find(|gpu| gpu.index == index).map_or("", |gpu| &gpu.view.uuid)
    }

    pub(super) fn views(&self) -> Vec<Arc<GpuView>> {
        self.gpus.iter().map(|gpu| Arc::clone(&gpu.view)).collect()
    }

    /// Let all threads end after the call that each is in.
    pub(super) fn end(self) -> impl Iterator<Item = (u32, JoinHandle<()>)> {
        let ended = |gpu: Watched| Some((gpu.index, gpu.thread?.end()?));
        self.gpus.into_iter().filter_map(ended)
    }

    /// A GPU whose call from an earlier life still hangs gets no second thread: it stays stuck.
    fn start_missing(&mut self, opened: &Opened, options: &Options, ending: &Ending) {
        for gpu in self.gpus.iter_mut().filter(|gpu| gpu.thread.is_none()) {
            if !ending.holds(gpu.index) {
                let driver = Metered::new(Arc::clone(&opened.driver), Arc::clone(&self.calls));
                let (versions, earlier) = (opened.versions.clone(), Arc::clone(&self.earlier));
                let one = Gpu::new(gpu.index, driver, versions, options, earlier);
                let (answer, hold) = (self.answer.clone(), opened.hold.clone());
                gpu.thread = GpuThread::start(one, gpu.index, answer, hold, options.in_line);
            }
            if gpu.thread.is_none() {
                gpu.set_stuck("its last call still hangs, or no thread could be started");
            }
        }
    }

    /// Wait for those who were just asked: `patience`, or `deadline` while one of them answers for
    /// the first time, as that takes many calls.
    fn gather(&mut self, mut waiting: Vec<(u32, bool)>, options: &Options) {
        let began = Instant::now();
        while !waiting.is_empty() {
            let first = waiting.iter().any(|(_, first)| *first);
            let limit =
                if first { options.deadline.max(options.patience) } else { options.patience };
            let left = limit.saturating_sub(began.elapsed());
            let Ok(answer) = self.answers.recv_timeout(left) else { return };
            waiting.retain(|(index, _)| *index != answer.index);
            self.take(answer);
        }
    }

    fn take(&mut self, answer: Answer) {
        if let Some(gpu) = self.gpus.iter_mut().find(|gpu| gpu.index == answer.index) {
            gpu.take(answer);
        }
    }
}

impl Watched {
    const fn new(index: u32, view: Arc<GpuView>) -> Self {
        Self {
            index,
            thread: None,
            asked: None,
            owed: Ask { device_values: false, processes: false, process_use: false },
            look: false,
            stuck: false,
            answered_once: false,
            used_up_to: 0,
            view,
            answer: None,
        }
    }

    /// Put the question; index and whether it is the first one. `None` while it is busy with an
    /// earlier one: then this one is owed.
    fn put(&mut self, now: Timestamp, ask: Ask, rows: RowSet) -> Option<(u32, bool)> {
        let ask = ask.or(self.owed);
        let question = Question { now, ask, rows, look: self.look };
        let put = self.asked.is_none() && self.thread.as_mut().is_some_and(|t| t.ask(question));
        if !put {
            self.owed = ask;
            return None;
        }
        self.owed = Ask::default();
        self.look = false;
        self.asked = Some((Instant::now(), now));
        Some((self.index, !self.answered_once))
    }

    fn take(&mut self, answer: Answer) {
        if self.stuck {
            tracing::info!(gpu = self.index, "GPU answers again");
        }
        (self.asked, self.stuck, self.answered_once) = (None, false, true);
        self.log_change_of_health(answer.view.health);
        self.view = Arc::clone(&answer.view);
        self.answer = match self.answer.take() {
            Some(late) => Some(merged(late, answer)),
            None => Some(answer),
        };
    }

    /// Stuck when the question is older than the deadline, by the machine's clock or by the world's.
    fn judge(&mut self, now: Timestamp, deadline: Duration) {
        if let Some((put, at)) = self.asked
            && (put.elapsed() >= deadline || now.since(at) >= deadline)
        {
            self.set_stuck("a call has not come back within the deadline");
        }
    }

    fn set_stuck(&mut self, why: &str) {
        if !self.stuck {
            tracing::warn!(gpu = self.index, why, "GPU is stuck");
            self.stuck = true;
            Arc::make_mut(&mut self.view).health = Health::Stuck;
        }
    }

    fn log_change_of_health(&self, now: Health) {
        match (self.view.health.problem(), now.problem()) {
            (before, Some(problem)) if before != Some(problem) => {
                tracing::warn!(gpu = self.index, problem, "GPU has a problem");
            }
            (Some("lost" | "no_permission"), None) => {
                tracing::info!(gpu = self.index, "GPU is well again");
            }
            _ => {}
        }
    }

    fn report(&mut self, read: &mut Read, observe: Option<Ask>) {
        read.gpus.push(Arc::clone(&self.view));
        if let Some(answer) = self.answer.take() {
            read.observations.extend(answer.observations);
            read.gone = read.gone.or(answer.gone);
            if answer.used_up_to != self.used_up_to {
                self.used_up_to = answer.used_up_to;
                read.used_up_to.push((self.view.uuid.clone(), answer.used_up_to));
            }
        } else if let Some(ask) = observe {
            let kind = ErrorKind::Timeout;
            let down = self.stuck.then_some(kind);
            let devices = self.view.devices.iter().map(Arc::clone);
            read.observations.extend(devices.map(|device| unanswered(device, down, kind, ask)));
        }
    }
}

/// Two answers in one pass: the later one, with the use samples of both.
fn merged(late: Answer, mut newer: Answer) -> Answer {
    newer.gone = newer.gone.or(late.gone);
    if newer.observations.is_empty() {
        newer.observations = late.observations;
        return newer;
    }
    for earlier in late.observations {
        // A device that is not among the newer ones went with its layout.
        let same = |seen: &&mut DeviceObservation| seen.device.uuid() == earlier.device.uuid();
        if let Some(seen) = newer.observations.iter_mut().find(same) {
            add_use(seen, earlier);
        }
    }
    newer
}

fn add_use(seen: &mut DeviceObservation, earlier: DeviceObservation) {
    seen.activity = seen.activity.or(earlier.activity);
    seen.sm_activity = seen.sm_activity.or(earlier.sm_activity);
    seen.progress = seen.progress.or(earlier.progress);
    let Some(ProcessUse { samples: Reading::Value(mut samples) }) = earlier.process_use else {
        return;
    };
    if let Some(ProcessUse { samples: Reading::Value(newer) }) = &seen.process_use {
        samples.extend(newer);
    }
    seen.process_use = Some(ProcessUse { samples: Reading::Value(samples) });
}
