//! Before the first picture: every machine is followed from the world's beginning, so that what is
//! held, stale or unknown is so when it is first shown. What was known at the start of each chunk of
//! the past is kept, so that the chunk can be filled in later.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use exporter::Memory;
use model::{Stop, Timestamp};
use sim::World;

use super::machine::Machine;
use super::{LOOK_STEP, PAST_STEP, Plan, steps};

/// The past is filled in by chunks of this length, the newest first.
pub(super) const CHUNK: Duration = Duration::from_secs(20 * 60);
/// Time between two pictures of now.
pub(super) const NOW_STEP: Duration = Duration::from_secs(5);
/// More threads than this would take a workstation away from its user.
const MOST_THREADS: usize = 4;

/// What was known of every machine at the start of a chunk.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// By number of the machine.
    pub(super) memories: Vec<Memory>,
}

/// Machines that are ready, and chunks of the past, the newest first.
pub(super) struct Prepared {
    pub(super) live: Vec<Machine>,
    pub(super) memories: Vec<Chunk>,
}

/// Prepare all machines; `None` if stopped meanwhile.
pub(super) fn all(world: &Arc<World>, plan: &Plan, stop: &Stop) -> Option<Prepared> {
    let spans = chunks(plan);
    let count = world.nodes().len();
    let threads = thread::available_parallelism().map_or(1, NonZero::get).clamp(1, MOST_THREADS);
    let part = count.div_ceil(threads).max(1);
    let prepare = |first: usize| -> Vec<(Machine, Vec<Memory>)> {
        let numbers = first..(first + part).min(count);
        let one = |number| one(world, plan, &spans, number);
        numbers.take_while(|_| !stop.is_stopped()).map(one).collect()
    };
    let ready: Vec<_> = thread::scope(|scope| {
        let prepare = &prepare;
        let silent = |first| {
            let none = tracing::subscriber::NoSubscriber::new();
            tracing::subscriber::with_default(none, || prepare(first))
        };
        let firsts = (0..count).step_by(part);
        let started: Vec<_> = firsts.map(|first| scope.spawn(move || silent(first))).collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    if ready.len() < count {
        return None;
    }
    let mut memories: Vec<Chunk> = spans
        .iter()
        .map(|(from, to)| Chunk { from: *from, to: *to, memories: Vec::with_capacity(count) })
        .collect();
    let live = ready.into_iter().map(|(machine, known)| {
        memories.iter_mut().zip(known).for_each(|(chunk, memory)| chunk.memories.push(memory));
        machine
    });
    Some(Prepared { live: live.collect(), memories })
}

/// Follow one machine; what was known of it at the start of each span.
fn one(
    world: &Arc<World>,
    plan: &Plan,
    spans: &[(Timestamp, Timestamp)],
    number: usize,
) -> (Machine, Vec<Memory>) {
    let end = plan.before();
    let begin = steps_back(plan);
    let mut machine = Machine::new(world, number, (plan.origin(), begin), PAST_STEP, None);
    let mut known: Vec<Memory> = Vec::with_capacity(spans.len());
    for at in steps(begin, end, LOOK_STEP) {
        machine.follow(at);
        if spans.iter().any(|(from, _)| *from == at) {
            known.push(machine.memory());
        }
    }
    // Followed from the oldest on, asked for from the newest on.
    known.reverse();
    let (memory, heard) = (machine.memory(), machine.heard());
    (Machine::new(world, number, (plan.origin(), heard), NOW_STEP, Some(memory)), known)
}

/// The first look: on the grid of minutes before the first picture, not before the world begins.
fn steps_back(plan: &Plan) -> Timestamp {
    let (end, step) = (plan.before(), PAST_STEP.as_secs().max(1));
    let whole = end.since(plan.origin()).as_secs().saturating_sub(1) / step;
    end.before(Duration::from_secs(whole * step))
}

/// From and to of each chunk, the newest first, as far back as the history goes.
pub(super) fn chunks(plan: &Plan) -> Vec<(Timestamp, Timestamp)> {
    let oldest = plan.at.before(plan.history).max(steps_back(plan));
    let mut spans = Vec::new();
    let mut to = plan.before();
    while to > oldest {
        let from = steps(to.before(CHUNK), to, PAST_STEP).find(|at| *at >= oldest).unwrap_or(to);
        spans.push((from, to));
        to = from;
    }
    spans
}
