//! Threads of earlier lives of the driver that have been told to end and have not ended yet.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Open;

/// They end after the call that each is in; one whose call hangs may never.
#[derive(Default)]
pub(super) struct Ending {
    pub(super) lives: Vec<JoinHandle<()>>,
    pub(super) gpus: Vec<(u32, JoinHandle<()>)>,
}

impl Ending {
    pub(super) fn take(&mut self, open: Open) {
        let Open { life, opened, watch, .. } = open;
        self.gpus.extend(watch.end());
        drop(opened);
        self.lives.extend(life.end());
    }

    pub(super) fn forget_ended(&mut self) {
        self.lives.retain(|thread| !thread.is_finished());
        self.gpus.retain(|(_, thread)| !thread.is_finished());
    }

    /// Whether a call for that GPU from an earlier life still hangs.
    pub(super) fn holds(&self, index: u32) -> bool {
        self.gpus.iter().any(|(held, thread)| *held == index && !thread.is_finished())
    }

    /// Wait for the threads that end in time. Those that hang are left behind.
    pub(super) fn wait(&mut self, deadline: Duration) {
        let (stop, began) = (model::Stop::default(), Instant::now());
        while began.elapsed() < deadline {
            self.forget_ended();
            if self.lives.is_empty() {
                return;
            }
            stop.wait(Duration::from_millis(5));
        }
    }
}
