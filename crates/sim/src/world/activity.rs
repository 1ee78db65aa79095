//! What the processes on a GPU do to it in one step, added up and kept possible.

use crate::mig::Layout;
use crate::wave::STEP_US;
use crate::world::process::Seat;
use crate::world::state::{Channel, INSTANCES, Rates};
use crate::world::work::asked;
use crate::world::{Gpu, Node};

/// The sums of one step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Drawn {
    pub(crate) whole: Rates,
    pub(crate) instances: [Rates; INSTANCES],
}

/// How many of the channels are per cent; the rest are bytes per second.
const PER_CENT: usize = Channel::PcieTx as usize;

/// Add up what the processes on a GPU do in a step.
pub(crate) fn drawn(node: &Node, gpu: &Gpu, step: i64) -> Drawn {
    let age_us = step * STEP_US;
    let layout = gpu.layout_at(age_us);
    let mut drawn = Drawn::default();
    node.each_on(gpu.index, age_us, &gpu.active, |occurrence, seat| {
        let rates = asked(&node.processes[occurrence.process as usize], occurrence, step);
        match place(layout, seat) {
            Some(place) => drawn.instances[place].add(&rates, 1.0),
            None if layout.is_none() => drawn.whole.add(&rates, 1.0),
            None => {}
        }
    });
    limit(&mut drawn.whole);
    if let Some(layout) = layout {
        for (place, instance) in layout.instances.iter().enumerate() {
            limit(&mut drawn.instances[place]);
            let mut part = drawn.instances[place];
            for value in &mut part.0[..PER_CENT] {
                *value *= instance.weight;
            }
            drawn.whole.add(&part, 1.0);
        }
    }
    drawn
}

/// What shares of that sum of SM use are multiplied by, so that the sum is possible.
pub(crate) fn scale_of(sm: f64) -> f64 {
    if sm > 100.0 { 100.0 / sm } else { 1.0 }
}

/// Bring the sum of SM use down to 100 per cent, and everything else in proportion; then no
/// channel passes 100.
fn limit(rates: &mut Rates) {
    let scale = scale_of(rates.get(Channel::Sm));
    for value in &mut rates.0[..PER_CENT] {
        *value = (*value * scale).min(100.0);
    }
    for value in &mut rates.0[PER_CENT..] {
        *value *= scale;
    }
}

/// Place of a seat's GPU instance in the layout.
pub(crate) fn place(layout: Option<&Layout>, seat: &Seat) -> Option<usize> {
    layout?.devices.get(seat.mig? as usize).map(|device| device.instance)
}
