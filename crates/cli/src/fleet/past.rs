//! The past, filled in while the present goes on: chunk by chunk, the newest first.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use model::Stop;
use server::{App, Pages};
use sim::World;
use tracing::subscriber::{NoSubscriber, with_default};

use super::machine::Machine;
use super::prepare::Chunk;
use super::{LOOK_STEP, PAST_STEP, Plan, millis, report, steps};

/// Start to fill in.
///
/// # Errors
/// The system gives no thread.
pub(super) fn start(
    app: App,
    plan: &Plan,
    chunks: Vec<Chunk>,
    stop: &Arc<Stop>,
) -> io::Result<JoinHandle<()>> {
    let past = Past {
        app,
        scenario: plan.scenario.clone(),
        origin: plan.origin(),
        newest: plan.before(),
        stop: Arc::clone(stop),
    };
    past.app.set_backfill(chunks.first().map(|chunk| millis(chunk.to)));
    thread::Builder::new()
        .name("past".to_owned())
        .spawn(move || with_default(NoSubscriber::new(), || past.fill(chunks)))
}

struct Past {
    app: App,
    scenario: sim::Scenario,
    origin: model::Timestamp,
    newest: model::Timestamp,
    stop: Arc<Stop>,
}

impl Past {
    fn fill(&self, chunks: Vec<Chunk>) {
        // A world of its own: that of now is read further on meanwhile.
        let world = Arc::new(World::new(&self.scenario));
        for chunk in chunks {
            let until = chunk.from;
            for (number, memory) in chunk.memories.into_iter().enumerate() {
                if self.stop.is_stopped() {
                    return;
                }
                let span = (self.origin, chunk.from);
                let mut machine = Machine::new(&world, number, span, PAST_STEP, Some(memory));
                self.fill_one(&mut machine, chunk.from, chunk.to);
            }
            self.app.set_backfill(Some(millis(until)));
        }
        self.app.set_backfill(None);
    }

    /// One step further than the chunk, as far as that is in the past: so the end of what ended
    /// between two chunks is seen. The page of that step is there already, and the same.
    fn fill_one(&self, machine: &mut Machine, from: model::Timestamp, to: model::Timestamp) {
        let pages = Pages::default();
        machine.begin(from);
        let to = to.after(PAST_STEP).min(self.newest);
        for at in steps(from, to, LOOK_STEP).skip(1) {
            if at.since(from).as_secs().is_multiple_of(PAST_STEP.as_secs()) {
                report(machine.show_past(&self.app, &pages, at).err());
            } else {
                machine.follow(at);
            }
        }
    }
}
