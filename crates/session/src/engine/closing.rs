//! Closing a second: its evidence is in, so states are decided and its time is booked.

use model::Timestamp;
use model::observation::ContextKind;

use super::Engine;
use crate::booking::{Claim, Share, share_out};
use crate::device::{Hold, Present, Span};
use crate::evidence::{DeviceSecond, Source};
use crate::state::{DeviceState, SessionState};
use crate::view::Quality;

/// SM activity from which a second is effective.
const EFFECTIVE: f64 = 0.5;

/// A session in the second that is being closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct InSecond {
    session: u32,
    state: DeviceState,
    sm: Option<(f64, Quality)>,
}

/// Use of one session in one second.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Use {
    /// Used, or not, with SM use if that is known.
    Told { used: bool, sm: Option<(f64, Quality)> },
    /// It cannot be told.
    Untold,
    /// There is no word of it, as the watch ends here.
    NoWord,
}

impl InSecond {
    /// Its SM use in thousandths of a per cent, if known.
    pub(super) fn sm_thousandths(&self) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..1 by 1e5")]
        self.sm.map(|(sm, _)| (sm.clamp(0.0, 1.0) * 100_000.0) as u32)
    }
}

impl Engine {
    /// Book every pending second before `second`.
    pub(super) fn close_seconds(&mut self, second: i64) {
        for device in 0..self.devices.len() {
            while let Some(front) = self.devices[device].spans.front()
                && front.second < second
            {
                let second = front.second;
                self.close_second(device, second, Use::Untold);
            }
        }
        self.energy.close(second);
    }

    /// Book all that is pending, with the evidence at hand.
    pub(super) fn close_everything(&mut self) {
        for device in 0..self.devices.len() {
            while let Some(front) = self.devices[device].spans.front() {
                let second = front.second;
                self.close_second(device, second, Use::NoWord);
            }
        }
        self.energy.close(i64::MAX);
    }

    fn close_second(&mut self, device: usize, second: i64, without_word: Use) {
        let mut in_second = std::mem::take(&mut self.scratch.second);
        in_second.clear();
        self.judge_sessions(device, second, without_word, &mut in_second);
        let (effective, quality) = self.effective(device, second, &in_second);
        let mut energy = self.energy_of(device, second);
        self.devices[device].begin_second();
        while let Some(span) = self.devices[device].spans.pop_front_if(|span| span.second == second)
        {
            self.book_span(device, &span, &in_second, effective.then_some(quality));
            if let Some(energy) = &mut energy {
                self.book_energy(device, &span, &in_second, energy);
            }
        }
        self.scratch.second = in_second;
    }

    /// Decide the state of each session that was there in the second.
    fn judge_sessions(
        &mut self,
        device: usize,
        second: i64,
        without_word: Use,
        in_second: &mut Vec<InSecond>,
    ) {
        let spans = &self.devices[device].spans;
        let lists = spans.iter().take_while(|span| span.second == second).filter_map(Span::present);
        let mut there: Vec<u32> = lists.flatten().map(|present| present.session).collect();
        there.sort_unstable();
        there.dedup();
        let evidence = self.devices[device].evidence.of(second);
        let clients = self.clients_among(&there);
        let end = Timestamp::from_secs(second + 1);
        for session in &there {
            let word = self.use_in(*session, second, &evidence, there.len(), clients);
            let word = if word == Use::NoWord { without_word } else { word };
            let Some(known) = self.sessions.get_mut(*session) else { continue };
            match word {
                Use::Told { used: true, .. } => known.booked.used(end),
                Use::Untold => known.booked.untold(end),
                Use::Told { used: false, .. } | Use::NoWord => {}
            }
            let state = known.booked_state(end, &self.config);
            let sm = if let Use::Told { sm, .. } = word { sm } else { None };
            in_second.push(InSecond {
                session: *session,
                state: state.booked().unwrap_or(DeviceState::Unknown),
                sm,
            });
            debug_assert_ne!(state, SessionState::Ended, "a rule never gives the end");
        }
    }

    fn clients_among(&self, there: &[u32]) -> usize {
        let is_client = |session: &&u32| {
            self.sessions
                .get(**session)
                .is_some_and(|known| known.facts.context == ContextKind::MpsClient)
        };
        there.iter().filter(is_client).count()
    }

    /// Use of a session in a second, by the three cases of evidence.
    fn use_in(
        &self,
        session: u32,
        second: i64,
        device: &DeviceSecond,
        there: usize,
        clients: usize,
    ) -> Use {
        let Some(known) = self.sessions.get(session) else { return Use::NoWord };
        if let Some(samples) = known.evidence.of(second) {
            let sm = Some((samples.sm(), Quality::Measured));
            return Use::Told { used: samples.used, sm };
        }
        let told = |used, sm: f64, quality| Use::Told { used, sm: Some((sm, quality)) };
        match device.source {
            Source::Nothing => Use::NoWord,
            Source::Untold => Use::Untold,
            Source::Processes => {
                let by_server = device.mps_used && known.facts.context == ContextKind::MpsClient;
                match (by_server, clients) {
                    (false, _) => told(false, 0.0, Quality::Measured),
                    (true, 1) => Use::Told { used: true, sm: None },
                    (true, _) => Use::Untold,
                }
            }
            Source::Device { used: false, .. } => told(false, 0.0, Quality::Inferred),
            Source::Device { used: true, ratio } if there == 1 => {
                told(true, device.sm.unwrap_or(ratio).clamp(0.0, 1.0), Quality::Inferred)
            }
            Source::Device { used: true, .. } => Use::Untold,
        }
    }

    /// Whether the second was effective: by the device's SM activity, else by the sum of what its
    /// processes used, and how good that is.
    fn effective(&self, device: usize, second: i64, in_second: &[InSecond]) -> (bool, Quality) {
        let tracked = &self.devices[device];
        let summed: f64 = in_second.iter().filter_map(|s| s.sm).map(|(sm, _)| sm).sum();
        match tracked.evidence.of(second).sm {
            // On an instance it is the sole session's by inference alone.
            Some(sm) if tracked.facts.mig.is_some() => (sm >= EFFECTIVE, Quality::Inferred),
            Some(sm) => (sm >= EFFECTIVE, Quality::Measured),
            None => (summed >= EFFECTIVE, Quality::Inferred),
        }
    }

    fn book_span(
        &mut self,
        device: usize,
        span: &Span,
        in_second: &[InSecond],
        effective: Option<Quality>,
    ) {
        let tracked = &mut self.devices[device];
        match &span.hold {
            Hold::Unknown => {}
            Hold::Down => tracked.book(&DeviceState::Down.whole(span.micros)),
            Hold::Present(present) => {
                let mut claims = std::mem::take(&mut self.scratch.claims);
                claims.clear();
                let sessions = &self.sessions;
                claims.extend(present.iter().filter_map(|there| {
                    let allocation = sessions.get(there.session)?.allocation;
                    claim(there, in_second, allocation)
                }));
                let mut shares = std::mem::take(&mut self.scratch.shares);
                shares.clear();
                let booked = DeviceState::Allocated;
                let holders = span.holders.iter();
                shares.extend(holders.map(|holds| Share { holds: *holds, micros: 0, booked }));
                let parts = share_out(span.micros, &mut claims, &mut shares);
                tracked.book(&parts);
                if effective.is_some() {
                    tracked.counters.effective_micros += span.micros;
                }
                self.book_sessions(span.micros, present, in_second, &claims, effective);
                self.holding.book(&shares);
                self.scratch.claims = claims;
                self.scratch.shares = shares;
            }
        }
    }

    fn book_sessions(
        &mut self,
        micros: u64,
        present: &[Present],
        in_second: &[InSecond],
        claims: &[Claim],
        effective: Option<Quality>,
    ) {
        for (there, claim) in present.iter().zip(claims) {
            let sm = found(there.session, in_second).and_then(|session| session.sm);
            let Some(counters) = self.counters_of(claim.session) else { continue };
            counters.book(claim.booked, claim.micros);
            if let (Some(quality), DeviceState::Active) = (effective, claim.booked) {
                counters.book_effective(quality, claim.micros);
            }
            if let Some((sm, _)) = sm {
                counters.book_sm(sm, micros);
            }
            if let Some(bytes) = there.memory_bytes {
                counters.book_memory(bytes, micros);
            }
        }
    }
}

/// `in_second` is sorted by session.
pub(super) fn found(session: u32, in_second: &[InSecond]) -> Option<&InSecond> {
    let place = in_second.binary_search_by_key(&session, |s| s.session).ok()?;
    in_second.get(place)
}

/// The claim of a session; every session on a list was judged, so none is left out.
fn claim(there: &Present, in_second: &[InSecond], allocation: Option<u32>) -> Option<Claim> {
    let session = found(there.session, in_second)?;
    let sm = session.sm_thousandths().unwrap_or(0);
    Some(Claim {
        session: there.session,
        state: session.state,
        sm,
        allocation,
        micros: 0,
        booked: session.state,
    })
}
