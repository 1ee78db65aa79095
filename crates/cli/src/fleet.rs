//! The simulated fleet of `gpulse demo`: many machines in one process, each with the exporter's own
//! pipeline, their pages stored as if they had been scraped.
//!
//! First every machine is followed through the fleet's past without showing anything, so that the
//! states of its sessions are right; then comes the first picture, then one every five seconds.
//! The past is filled in meanwhile, see [`past`]. What the machines are is the scenario's.

mod machine;
mod past;
mod prepare;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use model::{Clock as _, Stop, Timestamp};
use server::{App, Source};
use sim::{Pace, Scenario, SimClock, World};
use tracing::subscriber::{NoSubscriber, with_default};

use crate::feed::{millis, next_after, report};
use machine::Machine;

/// Time between two pages of the past.
const PAST_STEP: Duration = Duration::from_secs(60);
/// Time between two looks at the past: the engine tells use from looks that lie no further apart.
const LOOK_STEP: Duration = Duration::from_secs(20);
/// A fleet that is behind by more than this goes on with the newest picture.
const FAR_BEHIND: Duration = Duration::from_secs(60);

/// What to show.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The machines.
    pub(crate) scenario: Scenario,
    /// The time of the first picture.
    pub(crate) at: Timestamp,
    /// Age of the world then.
    pub(crate) age: Duration,
    /// How far back the past is filled in.
    pub(crate) history: Duration,
    /// The demo's clock.
    pub(crate) clock: Arc<SimClock>,
}

/// A fleet at work.
#[derive(Debug)]
pub(crate) struct Fleet {
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
}

/// Start it.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn start(app: App, plan: Plan) -> io::Result<Fleet> {
    let stop = Arc::new(Stop::default());
    let stopped = Arc::clone(&stop);
    app.set_not_ready(Some("the simulated fleet is being prepared".to_owned()));
    let thread = thread::Builder::new()
        .name("fleet".to_owned())
        .spawn(move || run(&app, &plan, &stopped))?;
    Ok(Fleet { stop, thread })
}

impl Fleet {
    /// Stop and wait: nothing goes into the store afterwards.
    pub(crate) fn end(self) {
        self.stop.stop();
        let _ = self.thread.join();
    }
}

fn run(app: &App, plan: &Plan, stop: &Arc<Stop>) {
    let world = Arc::new(World::new(&plan.scenario));
    app.set_sources(vec![described(&world)]);
    // What a simulated driver says of its GPUs is no news: the page shows it.
    let prepared = with_default(NoSubscriber::new(), || prepare::all(&world, plan, stop));
    let Some(prepared) = prepared else { return };
    let mut machines: Vec<Machine> = prepared.live;
    let (mut past, mut filling) = (Some(prepared.memories), None);
    let mut at = plan.at;
    let mut shown = false;
    loop {
        with_default(NoSubscriber::new(), || {
            machines.iter_mut().take_while(|_| !stop.is_stopped()).for_each(|machine| {
                if !shown {
                    machine.begin_to_show(app, at);
                }
                report(machine.show(app, at).err());
            });
        });
        shown = true;
        if let Some(past) = past.take() {
            // A clock in memory takes every pace.
            let _ = plan.clock.set_pace(Pace::Wall);
            app.set_not_ready(None);
            let began = past::start(app.clone(), plan, past, stop);
            filling = began.map_err(|cause| tracing::warn!(%cause, "no history")).ok();
        }
        at = next_after(at);
        let now = plan.clock.now();
        if now.since(at) > FAR_BEHIND {
            at = next_after(now);
        }
        if !plan.clock.sleep_until(at, stop) {
            break;
        }
    }
    if let Some(filling) = filling {
        let _ = filling.join();
    }
}

impl Plan {
    /// The last moment of the past.
    fn before(&self) -> Timestamp {
        self.at.before(PAST_STEP)
    }

    /// When the world was 0 seconds old.
    fn origin(&self) -> Timestamp {
        self.at.before(self.age)
    }
}

/// For the page: what this fleet is.
fn described(world: &World) -> Source {
    let gpus: usize = world.nodes().iter().map(|node| node.gpus.len()).sum();
    Source {
        name: "simulation".to_owned(),
        ok: true,
        looked_for: format!(
            "scenario {}: {} machines, {gpus} GPUs; no figure is that of a real one",
            world.name(),
            world.nodes().len()
        ),
        problem: String::new(),
        remedy: String::new(),
        korean: None,
    }
}

/// Moments from one up to and with another.
fn steps(from: Timestamp, to: Timestamp, step: Duration) -> impl Iterator<Item = Timestamp> {
    let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
    (0..=(to.0 - from.0).div_euclid(step)).map(move |n| Timestamp(from.0 + n * step))
}

#[cfg(test)]
mod tests;
