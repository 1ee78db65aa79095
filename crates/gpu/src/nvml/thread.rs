//! Who asks one GPU: a thread of its own that takes a question, asks the driver and answers; or, for
//! drivers that never block, the asking thread itself.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use super::gpu::{Answer, Gpu, Question};
use super::life::Hold;

/// Stack of a GPU's thread: the driver's own frames hold some large structs.
const STACK_BYTES: usize = 1 << 20;

/// The reader's end: at most one question is on its way.
pub(crate) enum GpuThread {
    /// A thread.
    There { questions: SyncSender<Question>, thread: JoinHandle<()> },
    /// The caller itself.
    Here { gpu: Box<Gpu>, answers: SyncSender<Answer>, _hold: Hold },
}

impl GpuThread {
    /// Start it. `None` where the system has no thread left to give.
    pub(crate) fn start(
        gpu: Gpu,
        index: u32,
        answers: SyncSender<Answer>,
        hold: Hold,
        in_line: bool,
    ) -> Option<Self> {
        if in_line {
            return Some(Self::Here { gpu: Box::new(gpu), answers, _hold: hold });
        }
        let (questions, asked) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name(format!("gpu-{index}"))
            .stack_size(STACK_BYTES)
            .spawn(move || run(gpu, &asked, &answers, hold))
            .ok()?;
        Some(Self::There { questions, thread })
    }

    /// Hand it a question; false when it is gone or has not taken the last one yet.
    pub(crate) fn ask(&mut self, question: Question) -> bool {
        match self {
            Self::There { questions, .. } => match questions.try_send(question) {
                Ok(()) => true,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
            },
            // There is room: the last answer was taken before this question.
            Self::Here { gpu, answers, .. } => answers.try_send(gpu.answer(question)).is_ok(),
        }
    }

    /// Let it end after the call it is in; the handle, where there is a thread, says when it has.
    pub(crate) fn end(self) -> Option<JoinHandle<()>> {
        match self {
            Self::There { thread, .. } => Some(thread),
            Self::Here { mut gpu, .. } => {
                gpu.close();
                None
            }
        }
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
