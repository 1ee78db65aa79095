//! A single look, for runs that collect once: passes until every GPU has answered, then one more,
//! as rates and activities need two readings. The engine is told once, with all use samples.
//!
//! Waits are real ones: the clock of a simulated machine may stand.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gpu::{Ask, Pass, SourceState};
use model::observation::{DeviceObservation, ProcessUse};
use model::{Reading, Stop, Timestamp};

use super::Node;
use crate::snapshot::Snapshot;

/// How long the first answers may take: a driver without persistence mode wakes its GPUs one after
/// the other, seconds each.
const FIRST_WITHIN: Duration = Duration::from_secs(30);

/// A pass that waited that long without a driver waited for one that is being opened.
const OPENING: Duration = Duration::from_secs(4);

/// Time between the two readings, enough for one driver sample (at most 1 s, mostly 1/6 s) and for
/// two profiling samples (100 ms).
const BETWEEN: Duration = Duration::from_millis(500);

impl Node {
    /// Look once. `stop` cuts the waiting short.
    pub fn look(&mut self, stop: &Stop) -> Arc<Snapshot> {
        if let Some(own) = &self.own_sources {
            own.await_first_answers(stop);
        }
        let mut seen = Seen::default();
        let begun = Instant::now();
        loop {
            let asked = Instant::now();
            let (now, pass) = self.ask_all();
            let enough = begun.elapsed() > FIRST_WITHIN || stop.is_stopped();
            if matches!(pass.source, SourceState::Absent { .. }) {
                if enough || asked.elapsed() < OPENING {
                    return self.conclude(now, pass);
                }
                continue;
            }
            let complete = is_complete(&pass, now);
            seen.add(pass);
            if complete || enough {
                break;
            }
        }
        stop.wait(BETWEEN);
        let (now, pass) = self.ask_all();
        let pass = seen.join(pass);
        self.conclude(now, pass)
    }

    fn ask_all(&mut self) -> (Timestamp, Pass) {
        let now = self.clock.now();
        self.prepare(now);
        (now, self.reader.pass(now, Ask::ALL))
    }

    fn conclude(&mut self, now: Timestamp, pass: Pass) -> Arc<Snapshot> {
        self.follow_holders(now, &pass);
        self.observe(now, &pass.observations);
        self.publish(now, pass)
    }
}

/// Whether no GPU's answer is missing.
fn is_complete(pass: &Pass, now: Timestamp) -> bool {
    pass.gpus.iter().all(|gpu| {
        let read = |entity: &gpu::EntityView| entity.values.iter().any(|cell| cell.at >= now);
        gpu.health.down().is_some() || gpu.entities.iter().any(read)
    })
}

/// What earlier passes of one look saw and later ones do not repeat.
#[derive(Default)]
struct Seen {
    observations: Vec<DeviceObservation>,
    xids: Vec<gpu::XidEvent>,
}

impl Seen {
    fn add(&mut self, pass: Pass) {
        let joined = self.join(pass);
        self.observations = joined.observations;
        self.xids = joined.xids;
    }

    fn join(&mut self, mut pass: Pass) -> Pass {
        let mut xids = mem::take(&mut self.xids);
        xids.append(&mut pass.xids);
        pass.xids = xids;
        for earlier in mem::take(&mut self.observations) {
            let uuid = earlier.device.uuid();
            if let Some(later) = pass.observations.iter_mut().find(|o| o.device.uuid() == uuid) {
                join_use(&mut later.process_use, earlier.process_use);
                later.activity = better(later.activity, earlier.activity);
                later.sm_activity = better(later.sm_activity, earlier.sm_activity);
            }
        }
        pass
    }
}

/// Samples of both; a reading that failed once keeps what the other brought.
fn join_use(later: &mut Option<ProcessUse>, earlier: Option<ProcessUse>) {
    let Some(earlier) = earlier else { return };
    let Some(later) = later else {
        *later = Some(earlier);
        return;
    };
    match (&mut later.samples, earlier.samples) {
        (Reading::Value(new), Reading::Value(old)) => new.extend(old),
        (reading, Reading::Value(old)) => *reading = Reading::Value(old),
        _ => {}
    }
}

fn better(later: Option<Reading>, earlier: Option<Reading>) -> Option<Reading> {
    if later.is_some_and(|reading| reading.is_value()) { later } else { earlier.or(later) }
}
