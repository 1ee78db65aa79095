//! Processes that were over before any list showed them: sessions that begin and end at once.
//!
//! They have a start, an end and a peak of memory. No seconds are booked for them: the seconds they
//! fell into were booked by what the lists showed.

use std::time::Duration;

use model::observation::{ContextKind, DeviceProcess, FinishedProcess};
use model::process::Lookup;

use super::Engine;
use crate::identity::Start;
use crate::view::{End, EndKind};

/// How far apart the driver's start of a context and the start of its process may lie: a program
/// loads its libraries first. A PID comes again later than that after its end.
const SAME_PROCESS: Duration = Duration::from_secs(60);

impl Engine {
    /// Take in what the driver's accounting tells.
    pub(super) fn take_finished(&mut self, device: usize, finished: &[FinishedProcess]) {
        for process in finished {
            if !self.knows(device, process) {
                self.add_finished(device, process);
            }
        }
    }

    /// Whether there is a session of that process, open or kept.
    fn knows(&self, device: usize, process: &FinishedProcess) -> bool {
        self.sessions.iter().any(|(_, known)| {
            let until = known.end.map_or(self.at, |end| end.at);
            known.device == device
                && known.facts.pid == process.pid
                && known.facts.start <= process.ended
                && until.after(SAME_PROCESS) >= process.started
        })
    }

    fn add_finished(&mut self, device: usize, process: &FinishedProcess) {
        let key = Start::Seen(process.started.second());
        let listed = DeviceProcess {
            pid: process.pid,
            kind: ContextKind::Compute,
            memory_bytes: process.memory_peak_bytes,
        };
        let session = self.begin(device, &listed, key, &Lookup::Gone);
        self.reopen(session);
        if let Some(known) = self.sessions.get_mut(session) {
            known.last_seen = process.ended;
            known.memory_peak_bytes = process.memory_peak_bytes;
            std::sync::Arc::make_mut(&mut known.facts).start = process.started;
        }
        self.end(session, End { at: process.ended, kind: EndKind::Gone }, false);
    }
}
