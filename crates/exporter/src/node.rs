//! A node: the reader of its GPUs, its host, the session engine and a clock, joined into one loop.
//!
//! Each pass asks the GPUs, feeds the engine and publishes a snapshot. One plain thread does it;
//! [`Node::tick`] does the same once for single runs and tests. It serves nothing and prints
//! nothing.

mod ask;
mod found;
mod look;
mod noted;
mod state;
mod told;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gpu::{Ask, OpenDriver, Reader};
use host::Host;
use model::observation::DeviceObservation;
use model::{Clock, Stop, Timestamp};
use session::{Engine, Identity};

use crate::clock_events::{ClockEvents, REASONS};
use crate::fields::source::FieldSource;
use crate::holders::{Holders, Sources};
use crate::kernel_log::{self, KernelLog};
use crate::own::OwnCost;
use crate::scrapes::Scrapes;
use crate::snapshot::{Published, Snapshot, Windows};
use crate::sources::Own;
use crate::xid::XidBook;
use crate::{Config, Devices};
use ask::Schedule;
use state::Kept;
pub use state::{Memory, StateUse};
pub use told::Told;

/// Called before each pass with its time: a simulated machine brings its host tree up to it.
pub type BeforeTick = Box<dyn FnMut(Timestamp) + Send>;

/// The machine that a node watches.
pub struct Machine {
    /// How to get hold of the driver.
    pub open_driver: OpenDriver,
    /// How `nvidia-smi` is run where there is no driver library; `None`: never.
    pub smi: Option<gpu::smi::Config>,
    /// Its host.
    pub host: Host,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Its name, where the host's own is not to be used.
    pub hostname: Option<String>,
    /// Done before each pass.
    pub before_tick: Option<BeforeTick>,
    /// Whether it is a simulated one.
    pub simulated: bool,
    /// Facts that are told instead of read, for one of many simulated machines in one process.
    pub told: Option<Told>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The pipeline of one machine.
pub struct Node {
    reader: Reader,
    host: Host,
    told: Option<Told>,
    engine: Engine,
    holders: Holders,
    /// Sources that this node started itself.
    own_sources: Option<Own>,
    clock: Arc<dyn Clock>,
    before_tick: Option<BeforeTick>,
    fields: FieldSource,
    selected: Arc<Devices>,
    windows: Windows,
    clock_events: Arc<ClockEvents>,
    clock_events_every: Duration,
    kernel_log: Option<KernelLog>,
    boot_id: Arc<str>,
    xids: Arc<XidBook>,
    kept: Kept,
    schedule: Schedule,
    published: Published,
    scrapes: Arc<Scrapes>,
    released: Arc<AtomicBool>,
    has_released: bool,
    hostname: Arc<str>,
    expected_gpus: Option<u32>,
    expected_read: Option<Timestamp>,
    simulated: bool,
    longest_age: Duration,
    own: OwnCost,
    passes: u64,
}

/// The PCI bus is counted that often: a GPU that is plugged in shows up there before the driver.
const EXPECTED_EVERY: Duration = Duration::from_secs(60);

impl Node {
    /// Join the parts. Nothing of the driver is touched before the first pass.
    #[must_use]
    pub fn new(config: &Config, machine: Machine, state: &StateUse) -> Self {
        let now = machine.clock.now();
        let hostname = name_of(config, &machine);
        let (kept, saved) = Kept::begin(state);
        let (sessions, xids) =
            saved.map_or((None, XidBook::default()), |saved| (Some(saved.sessions), saved.xids));
        let identity = match &machine.told {
            Some(told) => told.identity(&hostname),
            None => identity(&machine.host, &hostname),
        };
        let in_line = machine.told.as_ref().is_some_and(|told| told.in_line);
        let longest_age = config.longest_age();
        let is_real = !machine.simulated && machine.told.is_none();
        let kernel_log = kernel_log::place(config.kernel_log.as_deref(), is_real);
        let boot_id: Arc<str> = identity.boot_id.as_str().into();
        let booked = xids.kernel_mark(&boot_id);
        let kernel_log = kernel_log.map(|path| KernelLog::new(path, booked));
        Self {
            reader: Reader::new(
                machine.open_driver,
                machine.smi,
                gpu::Options { in_line, ..reader_options(config) },
            ),
            engine: Engine::new(config.session.clone(), identity, sessions, now),
            holders: Holders::new(config, Sources::default()),
            own_sources: None,
            host: machine.host,
            told: machine.told,
            clock: machine.clock,
            before_tick: machine.before_tick,
            fields: FieldSource::built_in(),
            selected: Arc::new(config.devices.clone()),
            windows: windows(config),
            clock_events: Arc::default(),
            clock_events_every: clock_events_every(config),
            kernel_log,
            boot_id,
            xids: Arc::new(xids),
            kept,
            schedule: Schedule::new(config.collect_interval()),
            published: Published::new(longest_age),
            scrapes: Arc::default(),
            released: Arc::default(),
            has_released: false,
            hostname: hostname.into(),
            expected_gpus: None,
            expected_read: None,
            simulated: machine.simulated,
            longest_age,
            own: OwnCost::default(),
            passes: 0,
        }
    }

    /// Follow these sources of who holds which device.
    #[must_use]
    pub fn with_sources(mut self, config: &Config, sources: Sources) -> Self {
        self.holders = Holders::new(config, sources);
        self
    }

    /// Follow the sources of who holds which device that the settings name, started for this node
    /// alone. Where the system gives no thread for them it goes on without, and says so.
    #[must_use]
    pub fn with_own_sources(mut self, config: &Config) -> Self {
        match Own::start(config) {
            Ok(own) => {
                self = self.with_sources(config, own.sources());
                self.own_sources = Some(own);
            }
            Err(cause) => tracing::warn!(%cause, "nobody is asked who holds which GPU"),
        }
        self
    }

    /// Print what this source says, which may change.
    #[must_use]
    pub fn with_fields(mut self, fields: FieldSource) -> Self {
        self.fields = fields;
        self
    }

    /// Where its newest snapshot is found.
    #[must_use]
    pub fn published(&self) -> Published {
        self.published.clone()
    }

    /// Its counters of scrapes.
    #[must_use]
    pub fn scrapes(&self) -> Arc<Scrapes> {
        Arc::clone(&self.scrapes)
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Its host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The switch that lets go of the driver while it is set.
    #[must_use]
    pub fn release_switch(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.released)
    }

    /// Pass after pass, until `stop` is set; then the state is kept.
    pub fn run(mut self, stop: &Stop) {
        while !stop.is_stopped() {
            self.tick(self.clock.now());
            let next = self.schedule.next(self.clock.now());
            if !self.clock.sleep_until(next, stop) {
                break;
            }
        }
        self.finish();
    }

    /// One pass: ask what is due, tell the engine, publish.
    pub fn tick(&mut self, now: Timestamp) -> Arc<Snapshot> {
        self.prepare(now);
        self.fields.look();
        self.reader.want(self.fields.rows());
        let ask = self.schedule.ask(now);
        let pass = self.reader.pass(now, ask);
        self.fields.settle(&pass);
        self.follow_holders(now, &pass);
        if ask.processes {
            self.observe(now, &pass.observations);
        }
        let snapshot = self.publish(now, pass);
        if let Some(due) = self.kept.due(now) {
            let saved = self.engine.save();
            self.kept.save(due, now, saved, &self.xids);
        }
        snapshot
    }

    /// One pass that only follows who is there: nothing is published and no device value read.
    pub fn follow(&mut self, now: Timestamp) {
        self.prepare(now);
        let ask = Ask { device_values: false, ..Ask::ALL };
        let pass = self.reader.pass(now, ask);
        self.note_xids(now, &pass);
        self.follow_holders(now, &pass);
        self.observe(now, &pass.observations);
    }

    /// Ask everything and tell nobody: what spans two passes is known from the next one on.
    pub fn prime(&mut self, now: Timestamp) {
        self.prepare(now);
        let _ = self.reader.pass(now, Ask::ALL);
    }

    /// What it knows of its sessions, for another node to go on from.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory::new(self.engine.clone().stop(), XidBook::clone(&self.xids))
    }

    /// Let go of the driver and keep the state of a clean stop.
    pub fn finish(mut self) {
        // First what must not be lost: a driver that hangs may take longer than we are given.
        let now = self.clock.now();
        self.kept.finish(now, self.engine.stop(), &self.xids);
        self.reader.release();
    }

    fn prepare(&mut self, now: Timestamp) {
        if let Some(before) = &mut self.before_tick {
            before(now);
        }
        let release = self.released.load(Ordering::Relaxed);
        if release != self.has_released {
            self.has_released = release;
            if release {
                self.reader.release();
            } else {
                self.reader.resume();
            }
        }
        if self.expected_read.is_none_or(|read| now.since(read) >= EXPECTED_EVERY) {
            let expected = match &self.told {
                Some(told) => Some(told.gpus),
                None => self.host.expected_gpus(),
            };
            if expected > self.expected_gpus && self.expected_gpus.is_some() {
                tracing::info!(gpus = expected, "a GPU was added, opening the driver again");
                self.reader.reopen(now);
            }
            self.expected_gpus = expected;
            self.expected_read = Some(now);
        }
    }

    /// Tell the engine who holds what, where that changed.
    fn follow_holders(&mut self, now: Timestamp, pass: &gpu::Pass) {
        if let Some(held) = self.holders.refresh(&pass.gpus) {
            self.engine.set_holdings(now, &held.holdings);
        }
        self.engine.set_unusable_instances(found::unusable_instances(pass));
    }

    fn observe(&mut self, now: Timestamp, observations: &[DeviceObservation]) {
        self.holders.note_processes(observations);
        let (host, told, holders) = (&self.host, &self.told, &self.holders);
        let mut lookup = |pid| {
            let looked = match told {
                Some(told) => (told.process)(pid),
                None => host.process(pid),
            };
            holders.name(looked, observations)
        };
        self.engine.observe(now, observations, &mut lookup);
    }

    fn publish(&mut self, now: Timestamp, pass: gpu::Pass) -> Arc<Snapshot> {
        self.note_xids(now, &pass);
        self.note_clock_events(&pass);
        if self.scrapes.take_read() {
            self.engine.scraped(now);
        }
        self.passes += 1;
        if self.told.is_none() {
            // Of one among many machines in a process nothing can be said.
            self.own = OwnCost::read(&self.own);
        }
        let snapshot = Arc::new(Snapshot {
            number: self.passes,
            at: now,
            finished: Instant::now(),
            simulated: self.simulated || pass.simulated,
            pass,
            view: self.engine.view(),
            held: self.holders.held(),
            kubelet: self.holders.kubelet(),
            fields: self.fields.current(),
            reload: self.fields.state(),
            selected: Arc::clone(&self.selected),
            windows: self.windows,
            clock_events: Arc::clone(&self.clock_events),
            xids: Arc::clone(&self.xids),
            hostname: Arc::clone(&self.hostname),
            expected_gpus: self.expected_gpus,
            longest_age: self.longest_age,
            own: self.own,
            scrapes: self.scrapes.counts(),
            state_fault: self.kept.fault(),
        });
        self.published.publish(Arc::clone(&snapshot));
        snapshot
    }

    /// When the next pass is due.
    pub(crate) fn next_pass(&self, now: Timestamp) -> Timestamp {
        self.schedule.next(now)
    }

    /// Note that what was published has been read: ended sessions stay until the next time.
    pub fn note_read(&mut self, now: Timestamp) {
        self.engine.scraped(now);
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("hostname", &self.hostname).finish_non_exhaustive()
    }
}

/// The configured name, the machine's, the host's, in this order.
fn name_of(config: &Config, machine: &Machine) -> String {
    config
        .hostname
        .clone()
        .or_else(|| machine.hostname.clone())
        .or_else(|| machine.host.hostname())
        .unwrap_or_else(|| "unknown".to_owned())
}

fn identity(host: &Host, hostname: &str) -> Identity {
    let boot_id = host.boot_id().unwrap_or_else(|cause| {
        tracing::warn!(%cause, "the boot id cannot be read: sessions are not kept apart by boot");
        String::new()
    });
    Identity {
        boot_id: boot_id.trim().to_owned(),
        hostname: hostname.to_owned(),
        run: random_run(),
    }
}

/// Six characters that no other run on this node has had, from the kernel's random source.
fn random_run() -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; 6];
    let filled = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    if filled != Ok(bytes.len()) {
        // Never seen on Linux past early boot; the address of this very call still differs by run.
        let spread = std::process::id().to_le_bytes();
        bytes[..4].copy_from_slice(&spread);
    }
    bytes.iter().map(|byte| char::from(DIGITS[usize::from(byte % 32)])).collect()
}

fn windows(config: &Config) -> Windows {
    Windows {
        xid: Duration::from_millis(config.xid_count_window_ms),
        clock_events: Duration::from_millis(config.clock_events_count_window_ms),
    }
}

/// Thresholds of counts were made for dcgm-exporter's usual interval.
fn clock_events_every(config: &Config) -> Duration {
    config.collect_interval_ms.map_or(Duration::from_secs(30), |_| config.collect_interval())
}

fn reader_options(config: &Config) -> gpu::Options {
    let defaults = gpu::Options::default();
    let gpm_span = match config.collect_interval_ms {
        Some(_) => config.collect_interval(),
        None => defaults.gpm_span,
    };
    gpu::Options { gpm_span, patience: Duration::from_millis(config.patience_ms), ..defaults }
}
