//! Use: the driver's samples and the device's activity, put where they belong.

use std::time::Duration;

use model::observation::{ContextKind, DeviceObservation, UseSample};
use model::process::OwnerKind;
use model::{Reading, Timestamp};

use super::Engine;
use crate::evidence::Source;
use crate::session::Batch;
use crate::view::{Quality, Utilization};

/// Before the first question there is none to reckon from; a driver's window is about that long.
const FIRST_INTERVAL: Duration = Duration::from_secs(2);
/// Samples that stand for more than this are spread over their time.
const LONG_SAMPLE: Duration = Duration::from_millis(1500);

/// Windows of the driver are up to 1 s long (nvml.h, nvmlDeviceGetUtilizationRates) and come up to
/// about as late: without a sample, a shorter time tells nothing.
const DRIVER_IS_LATE: Duration = Duration::from_secs(2);

impl Engine {
    /// Take in what a pass tells of use on a device, if it asked.
    pub(super) fn take_use(&mut self, device: usize, observation: &DeviceObservation) {
        if observation.process_use.is_none() && observation.activity.is_none() {
            return;
        }
        let now = self.at;
        let samples = observation.process_use.as_ref().map(|process_use| &process_use.samples);
        let is_instance = self.devices[device].facts.mig.is_some();
        let activity = observation.activity.and_then(Reading::value);
        let sm = observation.sm_activity.and_then(Reading::value);
        let source = match (samples, activity) {
            (Some(Reading::Value(_)), _) => Source::Processes,
            (_, Some(ratio)) => Source::of_activity(ratio, is_instance),
            _ => Source::Untold,
        };
        let since = self.devices[device].evidence.asked.unwrap_or(now.before(FIRST_INTERVAL));
        self.devices[device].evidence.tell(now, source, sm);
        match (samples, source) {
            (Some(Reading::Value(samples)), _) => self.take_samples(device, samples, since),
            (_, Source::Device { used, ratio }) => self.infer(device, used, sm.unwrap_or(ratio)),
            _ => self.tell_nothing(device),
        }
    }

    fn take_samples(&mut self, device: usize, samples: &[UseSample], since: Timestamp) {
        self.learn_cadence(device, samples);
        let evidence = &self.devices[device].evidence;
        let span = evidence.cadence.span();
        // Samples come late: the interval begins where the last one's samples ended, not where the
        // question was asked.
        let from = evidence.newest_stamp.unwrap_or(since).max(since.before(span));
        for sample in samples.iter().filter(|sample| sample.sm <= 100) {
            self.take_sample(device, sample, span, from);
        }
        self.measure(device, samples, span, since, from);
    }

    /// Gaps between the stamps of one process, in the order of time.
    fn learn_cadence(&mut self, device: usize, samples: &[UseSample]) {
        let mut stamps: Vec<(u32, Timestamp)> =
            samples.iter().map(|sample| (sample.pid, sample.at)).collect();
        stamps.sort_unstable();
        for (pid, at) in stamps {
            let tracked = &mut self.devices[device];
            let session = tracked.open.get(&pid).and_then(|index| self.sessions.get_mut(*index));
            let Some(session) = session else { continue };
            let before = session.last_stamp.filter(|before| *before >= at);
            let last = session.last_stamp.max(Some(at));
            if let (None, Some(last_stamp)) = (before, session.last_stamp) {
                tracked.evidence.cadence.learn(at.since(last_stamp));
            }
            session.last_stamp = last;
        }
    }

    fn take_sample(&mut self, device: usize, sample: &UseSample, span: Duration, since: Timestamp) {
        let now = self.at;
        let tracked = &mut self.devices[device];
        let Some(index) = tracked.open.get(&sample.pid) else { return };
        let Some(session) = self.sessions.get_mut(*index) else { return };
        let at = sample.at.min(now);
        // An older process of the same number may still be in the driver's buffer.
        if at < session.facts.start {
            return;
        }
        let used = sample.is_use();
        let second = at.second();
        let first =
            if span > LONG_SAMPLE { at.before(span).max(since).second() + 1 } else { second };
        for second in first.min(second)..=second {
            session.evidence.add(second, sample.sm, used);
        }
        if at > since {
            session.batch.add(sample);
        }
        session.engines.add(sample);
        if used {
            session.live.used(at);
            // Pending seconds are judged each by its own evidence when they close.
            if tracked.spans.front().is_none_or(|pending| second < pending.second) {
                session.booked.used(at);
            }
            if session.facts.kind == OwnerKind::MpsServer {
                tracked.evidence.tell_mps_used(second);
            }
        }
    }

    /// Mean use of each session over the time since the last question, as far as the driver's own
    /// stamps reach: samples that come late belong to the next interval and must not look like rest.
    fn measure(
        &mut self,
        device: usize,
        samples: &[UseSample],
        span: Duration,
        since: Timestamp,
        from: Timestamp,
    ) {
        let now = self.at;
        let newest = samples.iter().map(|sample| sample.at.min(now)).max();
        // Nothing yet since a question just before: the driver is late, nobody need be at rest.
        if newest.is_none() && now.since(since) < DRIVER_IS_LATE {
            return;
        }
        let evidence = &mut self.devices[device].evidence;
        let covered = newest.map_or(Duration::ZERO, |newest| newest.since(from));
        evidence.newest_stamp = evidence.newest_stamp.max(newest);
        let windows = round_div(covered, span);
        let clients = self.mps_clients(device);
        let server_used = self.server_was_used(device);
        for session in self.devices[device].open.values() {
            let Some(session) = self.sessions.get_mut(*session) else { continue };
            let batch = std::mem::take(&mut session.batch);
            let by_server = session.facts.context == ContextKind::MpsClient
                && server_used
                && batch.samples == 0;
            session.utilization = (session.listed && !by_server)
                .then(|| batch.means(windows, session.engines, Quality::Measured));
            match (by_server, clients) {
                (true, 1) => session.live.used(now),
                (true, _) => session.live.untold(now),
                _ => {}
            }
        }
    }

    fn mps_clients(&self, device: usize) -> usize {
        let sessions = self.devices[device].open.values().filter_map(|s| self.sessions.get(*s));
        sessions.filter(|s| s.listed && s.facts.context == ContextKind::MpsClient).count()
    }

    fn server_was_used(&self, device: usize) -> bool {
        let mut sessions = self.devices[device].open.values().filter_map(|s| self.sessions.get(*s));
        sessions.any(|s| s.facts.kind == OwnerKind::MpsServer && s.batch.samples > 0)
    }

    /// Only the device's activity is known: it is the sole session's, or nobody knows whose.
    fn infer(&mut self, device: usize, used: bool, ratio: f64) {
        let now = self.at;
        let alone = self.owners(device) == 1;
        for session in self.devices[device].open.values() {
            let Some(session) = self.sessions.get_mut(*session).filter(|s| s.listed && s.owns())
            else {
                continue;
            };
            session.utilization = (alone || !used).then(|| Utilization {
                sm: if used { ratio.clamp(0.0, 1.0) } else { 0.0 },
                ..Batch::default().means(1, session.engines, Quality::Inferred)
            });
            match (used, alone) {
                (false, _) => {}
                (true, true) => session.live.used(now),
                (true, false) => session.live.untold(now),
            }
        }
    }

    fn tell_nothing(&mut self, device: usize) {
        let now = self.at;
        for session in self.devices[device].open.values() {
            let Some(session) = self.sessions.get_mut(*session) else { continue };
            session.live.untold(now);
            session.utilization = None;
        }
    }

    fn owners(&self, device: usize) -> usize {
        let sessions = self.devices[device].open.values().filter_map(|s| self.sessions.get(*s));
        sessions.filter(|session| session.listed && session.owns()).count()
    }
}

/// How many spans fit, to the nearest.
fn round_div(whole: Duration, span: Duration) -> u32 {
    let spans = (whole + span / 2).as_micros() / span.as_micros().max(1);
    u32::try_from(spans).unwrap_or(u32::MAX)
}
