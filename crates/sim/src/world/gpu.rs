//! One GPU: what it is, how it is cut, and its figures at an age of the world.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::mig::Layout;
use crate::product::Product;
use crate::scenario::file::Figures;
use crate::wave::{STEP_US, Wave};
use crate::world::Node;
use crate::world::process::Seat;
use crate::world::state::State;

/// One GPU of a node.
#[derive(Debug)]
pub struct Gpu {
    /// NVML index.
    pub index: usize,
    /// `GPU-...`.
    pub uuid: String,
    /// Serial number, where the product has one.
    pub serial: Option<String>,
    /// Domain, bus and device on PCI.
    pub pci: (u32, u32, u32),
    /// Its model.
    pub product: Arc<Product>,
    /// How it is cut, from which age on; `None` is MIG off.
    pub layouts: Vec<(i64, Option<Layout>)>,
    /// Watts.
    pub power_limit: f64,
    /// `nvmlComputeMode_t`.
    pub compute_mode: u32,
    /// Whether accounting mode is on.
    pub accounting: bool,
    /// How many ids stand for it, or for each of its MIG devices; `None`: its own alone.
    pub replicas: Option<u32>,
    pub(crate) figures: Figures,
    pub(crate) key: u64,
    /// Processes that may sit on it.
    pub(crate) members: Vec<u32>,
    /// Those of them that ever do anything.
    pub(crate) active: Vec<u32>,
    /// Ages at which everything on it ends: a new layout, a driver that leaves.
    pub(crate) cuts: Vec<i64>,
    /// Ages at which the driver is loaded anew.
    pub(crate) reloads: Vec<i64>,
    /// (from, until, bytes) leaked.
    pub(crate) leaks: Vec<(i64, i64, u64)>,
    /// In use by no process all the time.
    pub(crate) unattributed: Option<Wave>,
    pub(crate) instance_unattributed: Vec<u64>,
    /// As many steps of 100 ms is one of its states: 1, or more in a coarser world.
    pub(crate) stride: i64,
    /// Part of the way to its final temperature that one state goes.
    pub(crate) warming: f64,
    pub(crate) history: Mutex<History>,
}

/// Memory of a GPU or of an instance, in bytes: the three parts add up to the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is the part it is named after")]
pub struct MemoryShare {
    pub total: u64,
    pub reserved: u64,
    pub used: u64,
    pub free: u64,
}

impl Gpu {
    /// The same, computed in states of that many steps.
    #[expect(clippy::cast_precision_loss, reason = "a time constant fits 53 bits")]
    pub(crate) fn with_stride(mut self, stride: i64) -> Self {
        let constant = self.product.temperature.time_constant.micros() as f64;
        self.stride = stride;
        self.warming = 1.0 - (-((stride * STEP_US) as f64) / constant).exp();
        self
    }

    /// Its layout at that age; `None` is MIG off.
    #[must_use]
    pub fn layout_at(&self, age_us: i64) -> Option<&Layout> {
        self.layouts[self.layout_number(age_us)].1.as_ref()
    }

    /// Which layout holds at that age, counted from 0.
    #[must_use]
    pub fn layout_number(&self, age_us: i64) -> usize {
        self.layouts.partition_point(|(from, _)| *from <= age_us).saturating_sub(1)
    }

    /// `00000000:00:09.0`.
    #[must_use]
    pub fn bus_id(&self) -> String {
        let (domain, bus, device) = self.pci;
        format!("{domain:08X}:{bus:02X}:{device:02X}.0")
    }

    pub(crate) fn window_steps(&self) -> i64 {
        let steps = (self.product.samples.period.micros() / STEP_US).max(self.stride);
        steps - steps % self.stride
    }

    /// A given figure at a step.
    pub(crate) fn given(&self, wave: &Option<Wave>, step: i64) -> Option<f64> {
        wave.as_ref().map(|wave| wave.at(step * STEP_US, self.key, step))
    }

    /// Look at its state at that age.
    pub fn at<T>(&self, node: &Node, age_us: i64, look: impl FnOnce(&State) -> T) -> T {
        let step = age_us.max(0).div_euclid(STEP_US);
        let step = step - step % self.stride;
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        look(history.at(node, self, step))
    }

    /// Memory of the GPU, or of the GPU instance at that place in its layout.
    #[must_use]
    pub fn memory(&self, node: &Node, age_us: i64, instance: Option<usize>) -> MemoryShare {
        let layout = self.layout_at(age_us);
        let mut held = 0_u64;
        node.each_on(self.index, age_us, &self.members, |occurrence, seat| {
            if sits_in(layout, seat, instance) {
                held +=
                    node.processes[occurrence.process as usize].memory_bytes(occurrence, age_us);
            }
        });
        let overhead = |place: usize| -> u64 {
            let placed = layout.and_then(|layout| layout.instances.get(place));
            placed.map_or(0, |placed| self.product.mig[placed.profile].overhead.0)
        };
        let (total, reserved, extra) = match instance {
            Some(place) => {
                let placed = layout.and_then(|layout| layout.instances.get(place));
                let total = placed.map_or(0, |at| self.product.mig[at.profile].memory.0);
                (total, 0, overhead(place) + self.leaked(age_us, Some(place)))
            }
            None => {
                let places = layout.map_or(0, |layout| layout.instances.len());
                let extra = (0..places).map(overhead).sum::<u64>();
                (self.product.memory.0, self.product.reserved.0, extra + self.leaked(age_us, None))
            }
        };
        let used = (held + extra).min(total.saturating_sub(reserved));
        MemoryShare { total, reserved, used, free: total - reserved - used }
    }

    /// Bytes in use by no process. On a cut GPU they lie in its first instance, but for those that
    /// are given per instance.
    fn leaked(&self, age_us: i64, instance: Option<usize>) -> u64 {
        let own: u64 = match instance {
            None => self.instance_unattributed.iter().sum(),
            Some(place) => self.instance_unattributed.get(place).copied().unwrap_or(0),
        };
        if instance.is_some_and(|place| place > 0) {
            return own;
        }
        let holds = |leak: &&(i64, i64, u64)| leak.0 <= age_us && age_us < leak.1;
        let leaks: u64 = self.leaks.iter().filter(holds).map(|leak| leak.2).sum();
        let step = age_us.max(0).div_euclid(STEP_US);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "waves are not below 0; a memory size fits"
        )]
        let given = self.given(&self.unattributed, step).unwrap_or(0.0) as u64;
        own + leaks + given
    }
}

/// Whether a seat lies in the GPU, or in the instance asked for.
fn sits_in(layout: Option<&Layout>, seat: &Seat, instance: Option<usize>) -> bool {
    let place = || {
        let number = seat.mig? as usize;
        layout?.devices.get(number).map(|device| device.instance)
    };
    instance.is_none() || place() == instance
}

/// The newest state of a GPU, and earlier ones to go on from.
#[derive(Debug, Default)]
pub(crate) struct History {
    newest: Option<State>,
    marks: VecDeque<State>,
}

/// Every so many states one is kept: one a minute, fewer in a coarser world.
const MARK_EVERY: i64 = 600;
/// As many are kept; what lies further back is computed from the start again.
const MARKS: usize = 32;

impl History {
    fn at(&mut self, node: &Node, gpu: &Gpu, step: i64) -> &State {
        let mark = self.marks.iter().rev().find(|mark| mark.step <= step);
        let marked = mark.map_or(0, |mark| mark.step);
        let near = |state: &State| (marked..=step).contains(&state.step);
        let mut state = match (self.newest.take().filter(near), mark) {
            (Some(state), _) => state,
            (None, Some(mark)) => mark.clone(),
            (None, None) => State::first(node, gpu),
        };
        while state.step < step {
            state.advance(node, gpu);
            let newest_mark = self.marks.back().map_or(0, |mark| mark.step);
            let marked = state.step % (MARK_EVERY * gpu.stride) == 0;
            if marked && state.step > newest_mark {
                self.marks.push_back(state.clone());
                if self.marks.len() > MARKS {
                    self.marks.pop_front();
                }
            }
        }
        self.newest.insert(state)
    }
}
