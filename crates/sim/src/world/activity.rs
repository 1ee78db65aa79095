//! What the processes on a GPU do to it in one step, added up and kept possible.

use crate::mig::Layout;
use crate::wave::{STEP_US, Wave};
use crate::world::process::{Occurrence, Process, Seat};
use crate::world::state::{CHANNELS, Channel, INSTANCES, Rates};
use crate::world::{Gpu, Node};

/// The sums of one step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Drawn {
    pub(crate) whole: Rates,
    pub(crate) instances: [Rates; INSTANCES],
    /// What each asked share is multiplied by, so that the sum is possible: of the whole GPU's
    /// processes, and per instance.
    scale: f64,
    instance_scale: [f64; INSTANCES],
}

/// How many of the channels are per cent; the rest are bytes per second.
const PER_CENT: usize = Channel::PcieTx as usize;

/// Add up what the processes on a GPU do in a step.
pub(crate) fn drawn(node: &Node, gpu: &Gpu, step: i64) -> Drawn {
    let age_us = step * STEP_US;
    let layout = gpu.layout_at(age_us);
    let mut drawn = Drawn { scale: 1.0, instance_scale: [1.0; INSTANCES], ..Drawn::default() };
    node.each_on(gpu.index, age_us, &gpu.active, |occurrence, seat| {
        let rates = asked(&node.processes[occurrence.process as usize], occurrence, step);
        match place(layout, seat) {
            Some(place) => drawn.instances[place].add(&rates, 1.0),
            None if layout.is_none() => drawn.whole.add(&rates, 1.0),
            None => {}
        }
    });
    drawn.scale = limit(&mut drawn.whole);
    if let Some(layout) = layout {
        for (place, instance) in layout.instances.iter().enumerate() {
            drawn.instance_scale[place] = limit(&mut drawn.instances[place]);
            let mut part = drawn.instances[place];
            for value in &mut part.0[..PER_CENT] {
                *value *= instance.weight;
            }
            drawn.whole.add(&part, 1.0);
        }
    }
    drawn
}

impl Drawn {
    /// What a process's share is multiplied by, at its seat.
    pub(crate) fn scale_of(&self, layout: Option<&Layout>, seat: &Seat) -> f64 {
        place(layout, seat).map_or(self.scale, |place| self.instance_scale[place])
    }
}

/// Bring the sum of SM use down to 100 per cent, and everything else in proportion; then no
/// channel passes 100. Gives the factor.
fn limit(rates: &mut Rates) -> f64 {
    let scale = if rates.get(Channel::Sm) > 100.0 { 100.0 / rates.get(Channel::Sm) } else { 1.0 };
    for value in &mut rates.0[..PER_CENT] {
        *value = (*value * scale).min(100.0);
    }
    for value in &mut rates.0[PER_CENT..] {
        *value *= scale;
    }
    scale
}

fn place(layout: Option<&Layout>, seat: &Seat) -> Option<usize> {
    layout?.devices.get(seat.mig? as usize).map(|device| device.instance)
}

/// What a process asks of its GPU in a step. What the scenario does not say follows from its SM
/// use, in proportions that training and inference show.
pub(crate) fn asked(process: &Process, occurrence: &Occurrence, step: i64) -> Rates {
    let since = (step * STEP_US - occurrence.start_us).max(0);
    if process.vanished_us.is_some_and(|at| at <= step * STEP_US) {
        return Rates::default();
    }
    let waves = &process.waves;
    let read = |wave: &Option<Wave>, channel: Channel| {
        wave.as_ref().map(|wave| wave.at(since, occurrence.key ^ (channel as u64) << 7, step))
    };
    let sm = read(&waves.sm, Channel::Sm).unwrap_or(0.0).min(100.0);
    let memory = read(&waves.memory, Channel::Memory).unwrap_or(sm * 0.35);
    let several = !process.rotate && process.seats.len() > 1;
    let link = if several { sm * 4e8 } else { 0.0 };
    let link = read(&waves.nvlink, Channel::NvLinkTx).unwrap_or(link);
    let mut rates = [0.0; CHANNELS];
    let mut set = |channel: Channel, value: f64| rates[channel as usize] = value;
    set(Channel::Sm, sm);
    set(Channel::Memory, memory);
    set(Channel::Tensor, read(&waves.tensor, Channel::Tensor).unwrap_or(sm * 0.3));
    set(Channel::Dram, read(&waves.dram, Channel::Dram).unwrap_or(memory * 0.9));
    set(Channel::Fp32, sm * 0.15);
    set(Channel::Fp16, sm * 0.05);
    set(Channel::Integer, sm * 0.1);
    set(Channel::Occupancy, sm * 0.45);
    set(Channel::Encoder, read(&waves.encoder, Channel::Encoder).unwrap_or(0.0));
    set(Channel::Decoder, read(&waves.decoder, Channel::Decoder).unwrap_or(0.0));
    set(Channel::Jpeg, read(&waves.jpeg, Channel::Jpeg).unwrap_or(0.0));
    set(Channel::Ofa, read(&waves.ofa, Channel::Ofa).unwrap_or(0.0));
    set(Channel::PcieTx, read(&waves.pcie_tx, Channel::PcieTx).unwrap_or(sm * 2e6));
    set(Channel::PcieRx, read(&waves.pcie_rx, Channel::PcieRx).unwrap_or(sm * 6e6));
    set(Channel::NvLinkTx, link);
    set(Channel::NvLinkRx, link);
    Rates(rates)
}
