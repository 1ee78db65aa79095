//! The thread of one GPU: takes a question, asks the driver, answers.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use super::gpu::{Answer, Gpu, Question};
use super::life::Hold;

/// Stack of a GPU's thread: the driver's own frames hold some large structs.
const STACK_BYTES: usize = 1 << 20;

/// The reader's end: at most one question is on its way.
pub(crate) struct GpuThread {
    questions: SyncSender<Question>,
    thread: JoinHandle<()>,
}

impl GpuThread {
    /// Start it. `None` where the system has no thread left to give.
    pub(crate) fn start(
        gpu: Gpu,
        index: u32,
        answers: SyncSender<Answer>,
        hold: Hold,
    ) -> Option<Self> {
        let (questions, asked) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name(format!("gpu-{index}"))
            .stack_size(STACK_BYTES)
            .spawn(move || run(gpu, &asked, &answers, hold))
            .ok()?;
        Some(Self { questions, thread })
    }

    /// Hand it a question; false when it is gone or has not taken the last one yet.
    pub(crate) fn ask(&self, question: Question) -> bool {
        match self.questions.try_send(question) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    /// Let it end after the call it is in; the handle says when it has.
    pub(crate) fn end(self) -> JoinHandle<()> {
        self.thread
    }
}

fn run(mut gpu: Gpu, asked: &Receiver<Question>, answers: &SyncSender<Answer>, hold: Hold) {
    while let Ok(question) = asked.recv() {
        if answers.send(gpu.answer(question)).is_err() {
            break;
        }
    }
    gpu.close();
    drop((gpu, hold));
}
