//! The driver's samples of per-process use: windows of a fixed length, late by a set delay.

use crate::wave::STEP_US;
use crate::world::activity;
use crate::world::process::{Occurrence, Seat};
use crate::world::state::{Channel, INSTANCES, Rates};
use crate::world::work;
use crate::world::{Gpu, Node};

/// The use of one process in one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UseWindow {
    /// The process.
    pub occurrence: Occurrence,
    /// Where it sits.
    pub seat: Seat,
    /// Age of the world at the window's end: the sample's stamp.
    pub end_us: i64,
    /// Means over the window.
    pub rates: Rates,
}

impl UseWindow {
    /// Per cent of a channel as the driver gives it: cut, so that sums stay possible.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "per cent within 0..100"
    )]
    pub fn per_cent(&self, channel: Channel) -> u32 {
        (self.rates.get(channel) + 1e-9).clamp(0.0, 100.0) as u32
    }

    /// Whether the driver gives a sample: only processes with use have one.
    #[must_use]
    pub fn is_use(&self) -> bool {
        [
            Channel::Sm,
            Channel::Memory,
            Channel::Encoder,
            Channel::Decoder,
            Channel::Jpeg,
            Channel::Ofa,
        ]
        .iter()
        .any(|channel| self.per_cent(*channel) > 0)
    }
}

impl Gpu {
    /// Samples that can be read at that age and end after `since_us`, by time and then PID.
    #[must_use]
    pub fn use_windows(&self, node: &Node, age_us: i64, since_us: i64) -> Vec<UseWindow> {
        let samples = &self.product.samples;
        let length = self.window_steps() * STEP_US;
        let readable = (age_us - samples.delay.micros()).div_euclid(length);
        let oldest = (age_us - samples.kept.micros()).max(since_us).max(0);
        let mut found = Vec::new();
        for window in oldest.div_euclid(length) + 1..=readable {
            self.add_window(node, window * length, &mut found);
        }
        found
    }

    fn add_window(&self, node: &Node, end_us: i64, found: &mut Vec<UseWindow>) {
        let first = found.len();
        let steps = self.window_steps();
        #[expect(clippy::cast_precision_loss, reason = "a few steps")]
        let part = self.stride as f64 / steps as f64;
        let last = end_us / STEP_US;
        let mut asked: Vec<(Occurrence, Seat, Rates)> = Vec::new();
        let strides = (last - steps..last).step_by(usize::try_from(self.stride).unwrap_or(1));
        for step in strides {
            let age_us = step * STEP_US;
            let layout = self.layout_at(age_us);
            // Of the whole GPU and of each instance.
            let mut sm = [0.0; INSTANCES + 1];
            let of = |seat: &Seat| activity::place(layout, seat).map_or(0, |place| place + 1);
            asked.clear();
            node.each_on(self.index, age_us, &self.active, |occurrence, seat| {
                let rates = work::asked(node.process(occurrence), occurrence, step);
                sm[of(seat)] += rates.get(Channel::Sm);
                asked.push((*occurrence, *seat, rates));
            });
            for (place, (occurrence, seat, rates)) in asked.iter().enumerate() {
                let factor = part * activity::scale_of(sm[of(seat)]);
                window_of(found, first, place, occurrence, seat, end_us).add(rates, factor);
            }
        }
        let used = found.split_off(first).into_iter().filter(UseWindow::is_use);
        found.extend(used);
    }
}

/// The sums of a process's window, new if it has none. Processes come in the same order in each
/// step, so that the place of the step before is nearly always the right one.
fn window_of<'a>(
    found: &'a mut Vec<UseWindow>,
    first: usize,
    place: usize,
    occurrence: &Occurrence,
    seat: &Seat,
    end_us: i64,
) -> &'a mut Rates {
    let same = |window: &UseWindow| window.occurrence == *occurrence && window.seat == *seat;
    let known = Some(first + place)
        .filter(|guess| found.get(*guess).is_some_and(same))
        .or_else(|| found[first..].iter().position(same).map(|at| first + at));
    let at = known.unwrap_or_else(|| {
        let rates = Rates::default();
        found.push(UseWindow { occurrence: *occurrence, seat: *seat, end_us, rates });
        found.len() - 1
    });
    &mut found[at].rates
}
