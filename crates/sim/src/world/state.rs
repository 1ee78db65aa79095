//! The state of one GPU at one step of the grid, and how it follows from the step before.
//!
//! Rates hold during a step; integrals are those up to its start. A state depends on the scenario
//! alone: it is always reached by the same additions in the same order, whatever was asked before.

use crate::wave::STEP_US;
use crate::world::activity::{self, Drawn};
use crate::world::{Gpu, Node};

/// What a GPU or an instance does, as rates: per cent, or bytes per second for the last four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the activity it is named after")]
pub enum Channel {
    Sm,
    /// Time of memory traffic.
    Memory,
    Tensor,
    Dram,
    Fp32,
    Fp16,
    Integer,
    Occupancy,
    Encoder,
    Decoder,
    Jpeg,
    Ofa,
    PcieTx,
    PcieRx,
    NvLinkTx,
    NvLinkRx,
}

/// How many channels there are.
pub(crate) const CHANNELS: usize = 16;
/// As many GPU instances as any GPU can hold.
pub(crate) const INSTANCES: usize = 7;
/// Seconds of one step.
pub(crate) const STEP_SECONDS: f64 = 0.1;
/// Steps of the second over which the driver averages power.
const POWER_STEPS: usize = 10;

/// One value per channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates(pub [f64; CHANNELS]);

impl Default for Rates {
    fn default() -> Self {
        Self([0.0; CHANNELS])
    }
}

impl Rates {
    /// The value of a channel.
    #[must_use]
    pub const fn get(&self, channel: Channel) -> f64 {
        self.0[channel as usize]
    }

    /// Add another's values, times a factor.
    pub(crate) fn add(&mut self, other: &Self, factor: f64) {
        for (sum, value) in self.0.iter_mut().zip(&other.0) {
            *sum += value * factor;
        }
    }
}

/// A GPU at a step. See the module.
#[derive(Debug, Clone)]
pub struct State {
    /// Number of the step, in steps of 100 ms.
    pub step: i64,
    /// As many of them does it hold for.
    pub(crate) stride: i64,
    /// Rates of the whole GPU.
    pub rates: Rates,
    /// Integrals of the whole GPU: rate times seconds.
    pub sums: Rates,
    /// Integrals per GPU instance, by its place in the layout.
    pub instance_sums: [Rates; INSTANCES],
    pub(crate) instance_rates: [Rates; INSTANCES],
    /// Momentary power.
    pub power_watts: f64,
    recent_watts: [f64; POWER_STEPS],
    /// Energy since the world began.
    pub energy_joules: f64,
    /// Energy when the driver was last loaded.
    pub energy_base_joules: f64,
    /// Core temperature.
    pub temperature: f64,
    /// Memory temperature; follows the core's even where it is not given.
    pub memory_temperature: f64,
    /// SM clock in MHz.
    pub sm_clock: f64,
    /// Bits of the clocks' event reasons.
    pub reasons: u64,
    /// Seconds in which power held the clocks down.
    pub power_capped_seconds: f64,
    /// Seconds in which heat held the clocks down.
    pub heat_capped_seconds: f64,
    window_sums: Rates,
    /// Means of the driver's last whole sample.
    pub window: Rates,
}

/// `nvmlClocksEventReasonGpuIdle`.
const REASON_IDLE: u64 = 0x1;
/// `nvmlClocksEventReasonSwPowerCap`.
const REASON_POWER_CAP: u64 = 0x4;
/// `nvmlClocksEventReasonSwThermalSlowdown`.
const REASON_HEAT: u64 = 0x20;
/// Below this SM use a GPU counts as idle.
const IDLE_PER_CENT: f64 = 0.05;

impl State {
    /// The state at step 0.
    pub(crate) fn first(node: &Node, gpu: &Gpu) -> Self {
        let power = gpu.product.power.idle;
        let mut state = Self {
            step: 0,
            stride: gpu.stride,
            rates: Rates::default(),
            sums: Rates::default(),
            instance_sums: [Rates::default(); INSTANCES],
            instance_rates: [Rates::default(); INSTANCES],
            power_watts: power,
            recent_watts: [power; POWER_STEPS],
            energy_joules: 0.0,
            energy_base_joules: 0.0,
            temperature: gpu.product.temperature.idle,
            memory_temperature: gpu.product.temperature.memory_idle.unwrap_or_default(),
            sm_clock: f64::from(gpu.product.clocks.sm_idle),
            reasons: REASON_IDLE,
            power_capped_seconds: 0.0,
            heat_capped_seconds: 0.0,
            window_sums: Rates::default(),
            window: Rates::default(),
        };
        state.enter(node, gpu);
        state.recent_watts = [state.power_watts; POWER_STEPS];
        state.window = state.rates;
        state
    }

    /// Go on to the next step.
    pub(crate) fn advance(&mut self, node: &Node, gpu: &Gpu) {
        let seconds = self.seconds();
        self.sums.add(&self.rates, seconds);
        let instances =
            gpu.layout_at(self.step * STEP_US).map_or(0, |layout| layout.instances.len());
        let parts = self.instance_sums.iter_mut().zip(&self.instance_rates);
        for (sums, rates) in parts.take(instances) {
            sums.add(rates, seconds);
        }
        self.energy_joules += self.power_watts * seconds;
        self.count_caps();
        self.window_sums.add(&self.rates, 1.0);
        self.step += self.stride;
        self.close_window(gpu);
        self.warm(gpu);
        self.restart(gpu);
        self.enter(node, gpu);
    }

    /// How long it holds, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "a few steps")]
    fn seconds(&self) -> f64 {
        self.stride as f64 * STEP_SECONDS
    }

    fn count_caps(&mut self) {
        if self.reasons & REASON_POWER_CAP != 0 {
            self.power_capped_seconds += self.seconds();
        }
        if self.reasons & REASON_HEAT != 0 {
            self.heat_capped_seconds += self.seconds();
        }
    }

    fn close_window(&mut self, gpu: &Gpu) {
        if self.step % gpu.window_steps() == 0 {
            #[expect(clippy::cast_precision_loss, reason = "a few steps")]
            let part = self.stride as f64 / gpu.window_steps() as f64;
            self.window = Rates::default();
            self.window.add(&self.window_sums, part);
            self.window_sums = Rates::default();
        }
    }

    fn warm(&mut self, gpu: &Gpu) {
        let heat = &gpu.product.temperature;
        let above = self.power_watts - gpu.product.power.idle;
        self.temperature += (heat.idle + heat.per_watt * above - self.temperature) * gpu.warming;
        let memory = heat.memory_idle.unwrap_or_default() + heat.memory_per_watt * above;
        self.memory_temperature += (memory - self.memory_temperature) * gpu.warming;
    }

    /// What a reload of the driver or a new layout sets back.
    fn restart(&mut self, gpu: &Gpu) {
        let at = self.step * STEP_US;
        let begins = |from: i64| (at - self.stride * STEP_US..at).contains(&(from - 1));
        if gpu.reloads.iter().any(|from| begins(*from)) {
            self.energy_base_joules = self.energy_joules;
            self.power_capped_seconds = 0.0;
            self.heat_capped_seconds = 0.0;
        }
        if gpu.layouts.iter().skip(1).any(|(from, _)| begins(*from)) {
            self.instance_sums = [Rates::default(); INSTANCES];
        }
    }

    /// Take on the rates of the step reached.
    fn enter(&mut self, node: &Node, gpu: &Gpu) {
        let drawn = activity::drawn(node, gpu, self.step);
        self.rates = drawn.whole;
        self.instance_rates = drawn.instances;
        self.set_power(gpu, &drawn);
        for step in (self.step..self.step + self.stride).take(POWER_STEPS) {
            self.recent_watts[usize::try_from(step).unwrap_or(0) % POWER_STEPS] = self.power_watts;
        }
    }

    fn set_power(&mut self, gpu: &Gpu, drawn: &Drawn) {
        let clocks = &gpu.product.clocks;
        let asked = asked_watts(gpu, &drawn.whole);
        let busy = drawn.busy();
        self.reasons = if busy { 0 } else { clocks.reasons_idle };
        let full = f64::from(if busy { clocks.sm } else { clocks.sm_idle });
        let mut part: f64 = 1.0;
        if asked > gpu.power_limit {
            // Dynamic power goes with about the cube of the clock.
            let idle = gpu.product.power.idle;
            part = ((gpu.power_limit - idle) / (asked - idle)).max(0.05).cbrt();
            self.reasons |= REASON_POWER_CAP;
        }
        if self.temperature > f64::from(gpu.product.temperature.max_operating) {
            part *= 0.8;
            self.reasons |= REASON_HEAT;
        }
        self.power_watts = asked.min(gpu.power_limit);
        // Clocks move in steps of 15 MHz.
        self.sm_clock = (full * part / 15.0).floor() * 15.0;
        let figures = &gpu.figures;
        let given = |wave: &Option<crate::wave::Wave>| gpu.given(wave, self.step);
        if let Some(watts) = given(&figures.power_watts) {
            self.power_watts = watts;
        }
        if let Some(clock) = given(&figures.sm_clock) {
            self.sm_clock = clock;
        }
        if let Some(reasons) = figures.clocks_event_reasons {
            self.reasons = reasons;
        }
    }

    /// Mean power of the last second.
    #[must_use]
    pub fn average_watts(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "ten steps")]
        let steps = POWER_STEPS as f64;
        self.recent_watts.iter().sum::<f64>() / steps
    }

    /// Energy of the driver's present life at an age within the step, in joules.
    #[must_use]
    pub fn energy_at(&self, age_us: i64) -> f64 {
        self.energy_joules - self.energy_base_joules
            + self.power_watts * self.seconds_in_step(age_us)
    }

    /// Integrals at an age within the step: of the whole GPU, or of an instance.
    #[must_use]
    pub fn sums_at(&self, age_us: i64, instance: Option<usize>) -> Rates {
        let (mut sums, rates) = match instance {
            None => (self.sums, &self.rates),
            Some(place) => match (self.instance_sums.get(place), self.instance_rates.get(place)) {
                (Some(sums), Some(rates)) => (*sums, rates),
                _ => return Rates::default(),
            },
        };
        sums.add(rates, self.seconds_in_step(age_us));
        sums
    }

    /// Seconds from the step's start to an age within it.
    fn seconds_in_step(&self, age_us: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most one step")]
        let into = (age_us - self.step * STEP_US).clamp(0, self.stride * STEP_US) as f64;
        into / 1e6
    }

    /// Whether anything runs.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.rates.get(Channel::Sm) > IDLE_PER_CENT
            || self.rates.get(Channel::Encoder) > IDLE_PER_CENT
            || self.rates.get(Channel::Decoder) > IDLE_PER_CENT
    }
}

impl Drawn {
    fn busy(&self) -> bool {
        [Channel::Sm, Channel::Encoder, Channel::Decoder]
            .iter()
            .any(|channel| self.whole.get(*channel) > IDLE_PER_CENT)
    }
}

/// What the GPU would draw without a limit.
fn asked_watts(gpu: &Gpu, rates: &Rates) -> f64 {
    /// From this SM use on, clocks and voltage are fully up.
    const FULLY_UP: f64 = 30.0;
    let power = &gpu.product.power;
    let part = |channel: Channel| rates.get(channel) / 100.0;
    let media = part(Channel::Encoder) + part(Channel::Decoder);
    let up = (rates.get(Channel::Sm) / FULLY_UP + media / 2.0).min(1.0);
    power.idle
        + power.active * up
        + power.sm * part(Channel::Sm)
        + power.tensor * part(Channel::Tensor)
        + power.dram * part(Channel::Dram)
        + power.media * media
}
