//! The simulated driver: one node of the world behind NVML's calls.
//!
//! The calls that gpulse itself makes are the trait [`gpu::nvml::Driver`]; the further ones that
//! other programs make through the C ABI are methods beside it. Every call enters through one
//! gate, which knows what is missing, who is initialised, whether the driver is loaded and what is
//! wrong with the GPU; answers follow the captures of real GPUs field by field.

mod answers;
mod calls;
mod events;
mod extras;
mod fields;
mod gpm;
mod processes;
pub mod symbols;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use answers::*;
use gpu::nvml::{Handle, Result, Return};
use model::Timestamp;

use crate::clock::SimClock;
use crate::mig::{Layout, MigDevice};
use crate::scenario::file::FaultKind;
use crate::world::{Gpu, Node, Standing, World};

/// How often a blocked call looks at the clock.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The driver of one node. See the module.
#[derive(Debug)]
pub struct SimDriver {
    world: Arc<World>,
    node: usize,
    clock: Arc<SimClock>,
    inits: AtomicU32,
    /// Which of the driver's lives it was initialised in.
    life: AtomicUsize,
    /// Counts last shutdowns: what blocks ends when it moves.
    ended: AtomicU64,
    held: Mutex<Held>,
    woken: Condvar,
    /// Whether any fault can touch a call.
    can_fail: bool,
}

/// What callers have allocated.
#[derive(Debug, Default)]
struct Held {
    next: usize,
    samples: HashMap<usize, Option<gpm::Taken>>,
    sets: HashMap<usize, events::Registered>,
}

/// What a call looks at: a GPU or a MIG device, at one time.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    node: &'a Node,
    gpu: &'a Gpu,
    /// The GPU's layout, where MIG is on.
    layout: Option<&'a Layout>,
    /// The MIG device and its number, if the handle is one's.
    mig: Option<(u32, &'a MigDevice)>,
    now: Timestamp,
    age_us: i64,
}

impl SimDriver {
    /// The driver of a node of the world. Nothing is initialised yet.
    #[must_use]
    pub fn new(world: Arc<World>, node: usize, clock: Arc<SimClock>) -> Self {
        let can_fail = !world.nodes()[node].faults.is_empty();
        Self {
            world,
            node,
            clock,
            inits: AtomicU32::new(0),
            life: AtomicUsize::new(0),
            ended: AtomicU64::new(0),
            held: Mutex::default(),
            woken: Condvar::new(),
            can_fail,
        }
    }

    /// The node it is of.
    #[must_use]
    pub fn node(&self) -> &Node {
        &self.world.nodes()[self.node]
    }

    /// The clock it lives by.
    #[must_use]
    pub fn sim_clock(&self) -> &SimClock {
        &self.clock
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the symbol exists.
    fn present(&self, symbol: &str) -> Result<()> {
        let missing = &self.node().missing;
        if !missing.is_empty() && missing.iter().any(|missing| missing == symbol) {
            return Err(Return::FUNCTION_NOT_FOUND);
        }
        Ok(())
    }

    /// The gate of every call after init: gives the moment and the world's age.
    fn enter(&self, symbol: &str) -> Result<(Timestamp, i64)> {
        self.present(symbol)?;
        if self.inits.load(Ordering::Acquire) == 0 {
            return Err(Return::UNINITIALIZED);
        }
        let looked = self.clock.look();
        if self.can_fail {
            self.standing(looked.1)?;
            self.meet(symbol, None, looked.1)?;
        } else {
            loaded(self.node().life_at(looked.1).1.standing)?;
        }
        Ok(looked)
    }

    /// Whether the driver that was initialised is the one that is loaded.
    fn standing(&self, age_us: i64) -> Result<()> {
        let (number, life) = self.node().life_at(age_us);
        loaded(life.standing)?;
        if number != self.life.load(Ordering::Acquire) {
            return Err(Return::UNINITIALIZED);
        }
        Ok(())
    }

    /// The gate of every call about a GPU or a MIG device.
    fn seen(&self, symbol: &str, device: Handle) -> Result<Seen<'_>> {
        let (mut now, mut age_us) = self.enter(symbol)?;
        let (index, layout_number, mig) = parts(device).ok_or(Return::INVALID_ARGUMENT)?;
        let node = self.node();
        let gpu = node.gpus.get(index).ok_or(Return::INVALID_ARGUMENT)?;
        if self.can_fail && self.meet(symbol, Some(index), age_us)? {
            // It blocked: time has passed.
            (now, age_us) = self.clock.look();
            self.standing(age_us)?;
        }
        let layout = gpu.layout_at(age_us);
        let mig = match mig {
            None => None,
            Some(_) if gpu.layout_number(age_us) != layout_number => {
                return Err(Return::INVALID_ARGUMENT);
            }
            Some(number) => {
                let device = layout.and_then(|layout| layout.devices.get(number as usize));
                Some((number, device.ok_or(Return::INVALID_ARGUMENT)?))
            }
        };
        Ok(Seen { node, gpu, layout, mig, now, age_us })
    }

    /// As [`Self::seen`], for calls that have no answer for a MIG device.
    fn whole(&self, symbol: &str, device: Handle) -> Result<Seen<'_>> {
        let seen = self.seen(symbol, device)?;
        if seen.mig.is_some() { Err(Return::NOT_SUPPORTED) } else { Ok(seen) }
    }

    /// Meet what is wrong. True when the call was held up. `gpu` is `None` for calls about none,
    /// which only faults that name the call touch.
    fn meet(&self, symbol: &str, gpu: Option<usize>, age_us: i64) -> Result<bool> {
        let mut blocked = false;
        for fault in &self.node().faults {
            let named = fault.calls.iter().any(|call| call == symbol);
            let about = match gpu {
                Some(_) => fault.is_about(gpu) && fault.touches(symbol),
                None => fault.gpu.is_none() && named,
            };
            if !about || !fault.holds(age_us) {
                continue;
            }
            match fault.kind {
                FaultKind::Lost => return Err(Return::GPU_IS_LOST),
                FaultKind::NoPermission => return Err(Return::NO_PERMISSION),
                FaultKind::Hang => {
                    self.block(fault.until_us)?;
                    blocked = true;
                }
                FaultKind::Slow => {
                    self.block(age_us.saturating_add(fault.delay_us))?;
                    blocked = true;
                }
                _ => {}
            }
        }
        Ok(blocked)
    }

    /// Block until the world has that age or the driver is shut down.
    fn block(&self, until_us: i64) -> Result<()> {
        let ended = self.ended.load(Ordering::Acquire);
        let mut held = self.held();
        loop {
            if self.ended.load(Ordering::Acquire) != ended {
                return Err(Return::UNINITIALIZED);
            }
            if self.clock.look().1 >= until_us {
                return Ok(());
            }
            let wait = self.woken.wait_timeout(held, LOOK_AGAIN);
            held = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// One init more.
    fn start(&self) -> Result<()> {
        self.present("nvmlInit_v2")?;
        let (_, age_us) = self.clock.look();
        let (number, life) = self.node().life_at(age_us);
        loaded(life.standing)?;
        if self.can_fail {
            self.meet("nvmlInit_v2", None, age_us)?;
        }
        if self.inits.fetch_add(1, Ordering::AcqRel) == 0 {
            self.life.store(number, Ordering::Release);
        }
        Ok(())
    }

    /// One init less; the last lets everything go and ends what blocks.
    fn stop(&self) -> Result<()> {
        self.present("nvmlShutdown")?;
        let less = |inits: u32| inits.checked_sub(1);
        match self.inits.fetch_update(Ordering::AcqRel, Ordering::Acquire, less) {
            Err(_) => Err(Return::UNINITIALIZED),
            Ok(1) => {
                let mut held = self.held();
                self.ended.fetch_add(1, Ordering::AcqRel);
                held.samples.clear();
                held.sets.clear();
                drop(held);
                self.woken.notify_all();
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }
}

const fn loaded(standing: Standing) -> Result<()> {
    match standing {
        Standing::Loaded => Ok(()),
        Standing::Unloaded => Err(Return::DRIVER_NOT_LOADED),
        Standing::Mismatched => Err(Return::LIB_RM_VERSION_MISMATCH),
    }
}

/// The handle of a GPU. GPUs keep theirs for ever, MIG devices as long as their layout.
const fn gpu_handle(index: usize) -> Handle {
    Handle((index + 1) << 20)
}

const fn mig_handle(index: usize, layout: usize, number: u32) -> Handle {
    Handle(((index + 1) << 20) | ((layout & 0xfff) << 8) | (number as usize + 1))
}

/// GPU, number of the layout and of the MIG device that a handle stands for.
fn parts(handle: Handle) -> Option<(usize, usize, Option<u32>)> {
    let index = (handle.0 >> 20).checked_sub(1)?;
    let mig = u32::try_from(handle.0 & 0xff).ok()?.checked_sub(1);
    Some((index, (handle.0 >> 8) & 0xfff, mig))
}

impl Seen<'_> {
    /// Whether MIG is on.
    const fn is_cut(&self) -> bool {
        self.layout.is_some()
    }

    /// Refuse where MIG is on, as calls about use and links do.
    const fn uncut(&self) -> Result<()> {
        if self.is_cut() { Err(Return::NOT_SUPPORTED) } else { Ok(()) }
    }

    /// Place of the MIG device's GPU instance in the layout.
    fn instance(&self) -> Option<usize> {
        self.mig.map(|(_, device)| device.instance)
    }

    /// Look at the GPU's state now.
    fn state<T>(&self, look: impl FnOnce(&crate::world::State) -> T) -> T {
        self.gpu.at(self.node, self.age_us, look)
    }

    /// A given figure now.
    fn given(&self, wave: &Option<crate::wave::Wave>) -> Option<f64> {
        self.gpu.given(wave, self.age_us.max(0).div_euclid(crate::wave::STEP_US))
    }

    /// The moment at which the world has that age.
    const fn moment_us(&self, age_us: i64) -> i64 {
        self.now.0 - self.age_us + age_us
    }
}

/// A figure that is not below 0, as NVML's unsigned integers give it: rounded to the nearest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is clamped; the cast saturates"
)]
fn whole_number(value: f64) -> u32 {
    value.round().clamp(0.0, f64::from(u32::MAX)) as u32
}

/// A counter, cut.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is clamped; the cast saturates"
)]
fn counter(value: f64) -> u64 {
    value.max(0.0) as u64
}

/// Per cent of the device, cut upwards: 99.3 % of use is a GPU that was always busy.
fn per_cent(value: f64) -> u32 {
    whole_number((value - 1e-6).ceil().clamp(0.0, 100.0))
}

#[cfg(test)]
mod tests;
