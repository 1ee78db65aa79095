//! What one process does to its GPU: given by its waves, or following from its SM use.

use crate::scenario::file::ProcessSpec;
use crate::wave::{STEP_US, Wave};
use crate::world::process::{Occurrence, Process};
use crate::world::state::{CHANNELS, Channel, Rates};

/// A process's activity, compiled so that a step costs little.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    sm: Option<Wave>,
    /// Per per cent of SM use, of the channels that are not given.
    per_sm: Rates,
    given: Vec<Given>,
}

/// One given activity.
#[derive(Debug, Clone)]
struct Given {
    channel: Channel,
    wave: Wave,
    /// Another channel that follows from it, and how much of it.
    also: Option<(Channel, f64)>,
}

/// Of memory traffic, the part that is bandwidth.
const DRAM_OF_MEMORY: f64 = 0.9;
/// NVLink traffic per per cent of SM use of a process on several GPUs, in bytes per second.
const LINK_PER_SM: f64 = 4e8;

impl Work {
    /// From a scenario's process. What it does not say follows from its SM use, in proportions that
    /// training and inference show.
    pub(crate) fn of(written: &ProcessSpec, on_several: bool) -> Self {
        let link = if on_several { LINK_PER_SM } else { 0.0 };
        let mut work = Self { sm: written.sm.clone(), ..Self::default() };
        for (channel, per_sm) in [
            (Channel::Sm, 1.0),
            (Channel::Memory, 0.35),
            (Channel::Tensor, 0.3),
            (Channel::Dram, 0.35 * DRAM_OF_MEMORY),
            (Channel::Fp32, 0.15),
            (Channel::Fp16, 0.05),
            (Channel::Integer, 0.1),
            (Channel::Occupancy, 0.45),
            (Channel::PcieTx, 2e6),
            (Channel::PcieRx, 6e6),
            (Channel::NvLinkTx, link),
            (Channel::NvLinkRx, link),
        ] {
            work.per_sm.0[channel as usize] = per_sm;
        }
        let dram = written.dram.is_none().then_some((Channel::Dram, DRAM_OF_MEMORY));
        work.give(Channel::Memory, &written.memory_use, dram);
        work.give(Channel::Tensor, &written.tensor, None);
        work.give(Channel::Dram, &written.dram, None);
        work.give(Channel::Encoder, &written.encoder, None);
        work.give(Channel::Decoder, &written.decoder, None);
        work.give(Channel::Jpeg, &written.jpeg, None);
        work.give(Channel::Ofa, &written.ofa, None);
        work.give(Channel::PcieTx, &written.pcie_tx, None);
        work.give(Channel::PcieRx, &written.pcie_rx, None);
        work.give(Channel::NvLinkTx, &written.nvlink, Some((Channel::NvLinkRx, 1.0)));
        work
    }

    fn give(&mut self, channel: Channel, wave: &Option<Wave>, also: Option<(Channel, f64)>) {
        let Some(wave) = wave else { return };
        self.per_sm.0[channel as usize] = 0.0;
        if let Some((also, _)) = also {
            self.per_sm.0[also as usize] = 0.0;
        }
        self.given.push(Given { channel, wave: wave.clone(), also });
    }

    /// Whether it ever does anything.
    pub(crate) fn is_any(&self) -> bool {
        let sm = self.sm.iter();
        sm.chain(self.given.iter().map(|given| &given.wave)).any(|wave| !wave.is_nothing())
    }

    /// Whether it encodes video.
    pub(crate) fn encodes(&self) -> bool {
        self.given.iter().any(|given| given.channel == Channel::Encoder)
    }
}

/// What a process asks of its GPU in a step.
pub(crate) fn asked(process: &Process, occurrence: &Occurrence, step: i64) -> Rates {
    let at = step * STEP_US;
    if process.vanished_us.is_some_and(|vanished| vanished <= at) {
        return Rates::default();
    }
    let since = (at - occurrence.start_us).max(0);
    let work = &process.work;
    let sm = work.sm.as_ref().map_or(0.0, |wave| wave.at(since, occurrence.key, step).min(100.0));
    let mut rates = Rates([0.0; CHANNELS]);
    rates.add(&work.per_sm, sm);
    for given in &work.given {
        // Each activity has noise of its own.
        let key = occurrence.key ^ ((given.channel as u64 + 1) << 7);
        let value = given.wave.at(since, key, step);
        rates.0[given.channel as usize] = value;
        if let Some((also, part)) = given.also {
            rates.0[also as usize] = value * part;
        }
    }
    rates
}
