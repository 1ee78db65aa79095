//! The driver's samples of per-process use: windows of a fixed length, late by a set delay.

use crate::wave::STEP_US;
use crate::world::activity;
use crate::world::process::{Occurrence, Seat};
use crate::world::state::{Channel, Rates};
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
        let part = 1.0 / steps as f64;
        let last = end_us / STEP_US;
        for step in last - steps..last {
            let age_us = step * STEP_US;
            let layout = self.layout_at(age_us);
            let drawn = activity::drawn(node, self, step);
            node.each_on(self.index, age_us, &self.active, |occurrence, seat| {
                let process = &node.processes[occurrence.process as usize];
                let asked = activity::asked(process, occurrence, step);
                let factor = part * drawn.scale_of(layout, seat);
                let same = |window: &&mut UseWindow| window.occurrence == *occurrence;
                match found[first..].iter_mut().find(same) {
                    Some(window) => window.rates.add(&asked, factor),
                    None => {
                        let mut rates = Rates::default();
                        rates.add(&asked, factor);
                        found.push(UseWindow {
                            occurrence: *occurrence,
                            seat: *seat,
                            end_us,
                            rates,
                        });
                    }
                }
            });
        }
        let mut place = first;
        while place < found.len() {
            if found[place].is_use() {
                place += 1;
            } else {
                found.remove(place);
            }
        }
    }
}
