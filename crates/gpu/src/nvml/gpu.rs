//! One GPU, as its own thread knows it: answers one question at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::observation::{
    DeviceObservation, DeviceProcess, EnergyReading, FinishedProcess, ProcessUse,
};
use model::{ErrorKind, Reading, Timestamp};

use super::accounting::Accounting;
use super::answer::{Trouble, reading};
use super::energy::Meter;
use super::facts::Versions;
use super::metered::Metered;
use super::processes::ProcessLists;
use super::profiling::{Activity, Profiling};
use super::topology::{Seat, Topology};
use super::unread::{unanswered, unknown_gpu, view_of};
use super::usage::Usage;
use super::values::{Reads, Values};
use super::{Handle, Return, RunningProcess};
use crate::metrics::{self, RowSet};
use crate::{Ask, GpuView, Health, Options, Peer};

/// Stamp of the newest use sample that was ever taken, by GPU UUID.
pub(crate) type UsedUpTo = Arc<HashMap<String, u64>>;

/// What the reader asks of one GPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) now: Timestamp,
    pub(crate) ask: Ask,
    /// Rows of which values are wanted.
    pub(crate) rows: RowSet,
    /// The layout may have changed: look before anything else.
    pub(crate) look: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) index: u32,
    pub(crate) view: Arc<GpuView>,
    pub(crate) observations: Vec<DeviceObservation>,
    /// Stamp of the newest use sample that was taken.
    pub(crate) used_up_to: u64,
    /// The driver is gone: everything must be closed.
    pub(crate) gone: Option<Return>,
}

/// State of one GPU between two questions.
pub(crate) struct Gpu {
    index: u32,
    driver: Metered,
    versions: Versions,
    slow_every: Duration,
    topology: Option<Topology>,
    values: Values,
    profiling: Profiling,
    lists: ProcessLists,
    usage: Usage,
    meter: Meter,
    accounting: Accounting,
    accounting_looked: Option<Timestamp>,
    /// Where earlier lives of the driver were read up to.
    earlier: UsedUpTo,
    lost: bool,
    /// The device itself may not be asked.
    refused: bool,
    lists_denied: bool,
    /// When the layout was last read.
    looked: Option<Timestamp>,
    /// When rows of the slow pace were last read.
    slow_read: Option<Timestamp>,
    view: Arc<GpuView>,
}

impl Gpu {
    pub(crate) fn new(
        index: u32,
        driver: Metered,
        versions: Versions,
        options: &Options,
        earlier: UsedUpTo,
    ) -> Self {
        Self {
            index,
            driver,
            versions,
            slow_every: options.slow_every,
            topology: None,
            values: Values::new(options.gpm_span),
            profiling: Profiling::default(),
            lists: ProcessLists::default(),
            usage: Usage::default(),
            meter: Meter::default(),
            earlier,
            lost: false,
            refused: false,
            lists_denied: false,
            looked: None,
            accounting: Accounting::default(),
            accounting_looked: None,
            slow_read: None,
            view: Arc::new(unknown_gpu(index)),
        }
    }

    fn look_if_due(&mut self, now: Timestamp, asked: bool) {
        let due = is_due(self.looked, now, self.slow_every);
        if self.topology.is_none() || self.lost || asked || due {
            self.look(now);
        }
    }

    /// Read what was asked.
    pub(crate) fn answer(&mut self, question: Question) -> Answer {
        let Question { now, ask, rows, look } = question;
        let had_peers = self.values.wants(metrics::P2P_STATUS);
        self.values.want(rows);
        if !had_peers && self.values.wants(metrics::P2P_STATUS) {
            // They are asked for with the slow ones, whose time may be far off.
            self.slow_read = None;
        }
        self.look_if_due(now, look);
        if ask.device_values && !self.lost {
            self.read_values(now);
        }
        let observes = ask.processes || ask.process_use;
        let mut observations = if observes { self.observe(now, ask) } else { Vec::new() };
        let gone = self.settle(now);
        if self.lost {
            // Whatever was read before the GPU went away is not current any more.
            self.values.fail(ErrorKind::Lost);
            observations = if observes { self.observe(now, ask) } else { Vec::new() };
        }
        self.publish(ask.device_values);
        Answer {
            index: self.index,
            view: Arc::clone(&self.view),
            observations,
            used_up_to: self.usage.read_up_to,
            gone,
        }
    }

    /// Give back what the driver allocated.
    pub(crate) fn close(&mut self) {
        self.profiling.close(&self.driver);
    }

    fn look(&mut self, now: Timestamp) {
        self.looked = Some(now);
        match Topology::read(&self.driver, self.index, &self.versions) {
            Ok(topology) => self.adopt(topology),
            Err(Return::NO_PERMISSION) if self.topology.is_none() => self.refused = true,
            Err(code) => self.lost |= Trouble::of(code) == Trouble::Lost || self.topology.is_none(),
        }
        // Questions beyond what the chip has are refused as wrong arguments: that is no trouble.
        let trouble = self.driver.take_trouble();
        if trouble > Trouble::Handle {
            self.driver.note(trouble);
        }
    }

    fn adopt(&mut self, mut topology: Topology) {
        let same = match &self.topology {
            Some(earlier) => {
                topology.keep_devices_of(earlier);
                topology.same_layout(earlier)
            }
            None => {
                let read_up_to = self.earlier.get(topology.facts.uuid.as_ref()).copied();
                self.usage.read_up_to = read_up_to.unwrap_or(0);
                false
            }
        };
        if !same || self.lost {
            self.profiling.close(&self.driver);
            self.values.reset(topology.places.len());
            self.lists.ask_all_again();
            self.meter.reset();
            self.slow_read = None;
            self.view = Arc::new(view_of(&topology));
        }
        (self.lost, self.refused) = (false, false);
        self.topology = Some(topology);
    }

    fn read_values(&mut self, now: Timestamp) {
        let Some(topology) = &self.topology else { return };
        let slow = is_due(self.slow_read, now, self.slow_every);
        if slow {
            self.slow_read = Some(now);
            self.lists.ask_all_again();
            let peers = self.peers(topology);
            Arc::make_mut(&mut self.view).peers = peers;
        }
        self.profiling.open(&self.driver, topology, slow);
        self.values.read(&mut Reads {
            driver: &self.driver,
            topology,
            profiling: &mut self.profiling,
            now,
            slow,
        });
    }

    /// The other GPUs, if anyone wants to know how they are reached.
    fn peers(&self, topology: &Topology) -> Vec<Peer> {
        if !self.values.wants(metrics::P2P_STATUS) {
            return Vec::new();
        }
        let count = self.driver.device_count().unwrap_or(0);
        let others = (0..count).filter(|other| *other != self.index);
        let status = |gpu| {
            let other = self.driver.device_handle_by_index(gpu).ok()?;
            let status = self.driver.p2p_status(topology.facts.handle, other).ok()?;
            Some(Peer { gpu, status })
        };
        others.filter_map(status).collect()
    }

    /// Draw the consequences of what the driver said in this pass.
    fn settle(&mut self, now: Timestamp) -> Option<Return> {
        match self.driver.take_trouble() {
            Trouble::None => None,
            Trouble::Handle => {
                // At most once per slow pace: some calls refuse their arguments for ever.
                if is_due(self.looked, now, self.slow_every / 2) {
                    self.looked = None;
                }
                None
            }
            Trouble::Lost => {
                self.lost = true;
                None
            }
            Trouble::DriverGone(code) => Some(code),
        }
    }

    fn observe(&mut self, now: Timestamp, ask: Ask) -> Vec<DeviceObservation> {
        let Some(topology) = self.topology.take() else { return Vec::new() };
        self.lists_denied = false;
        let use_of_gpu = (ask.process_use && !self.lost).then(|| self.use_samples(&topology, now));
        // Accounting is off while MIG is on: its processes are those of the one seat.
        let mut finished = match use_of_gpu {
            Some(Reading::Value(_)) => self.finished(&topology, now),
            _ => Vec::new(),
        };
        let mut parent = None;
        // Read once per place: devices that share one share its samples.
        let mut activities: Vec<Option<Activity>> = vec![None; topology.places.len()];
        let mut observations = Vec::with_capacity(topology.seats.len());
        let mut use_of_gpu = use_of_gpu;
        for seat in &topology.seats {
            if self.lost {
                observations.push(unanswered(
                    Arc::clone(&seat.device),
                    Some(ErrorKind::Lost),
                    ErrorKind::Lost,
                    ask,
                ));
                continue;
            }
            let processes = self.processes(&topology, seat, &mut parent);
            self.lists_denied |= processes == Reading::Failed(ErrorKind::NoPermission);
            let activity = ask.process_use.then(|| {
                *activities[seat.place].get_or_insert_with(|| self.activity(&topology, seat, now))
            });
            observations.push(DeviceObservation {
                device: Arc::clone(&seat.device),
                down: None,
                processes,
                used_bytes: self.values.used_bytes[seat.place],
                finished: std::mem::take(&mut finished),
                process_use: ask.process_use.then(|| ProcessUse {
                    samples: use_of_gpu.take().unwrap_or(Reading::NotSupported),
                }),
                activity: activity.map(|activity| activity.graphics),
                sm_activity: activity.map(|activity| activity.sm),
                energy: None,
                progress: activity.map(|activity| activity.progress),
            });
        }
        if !self.lost {
            let energy = self.energy(&topology, ask, &observations);
            observations.iter_mut().for_each(|observation| observation.energy = energy);
        }
        self.topology = Some(topology);
        observations
    }

    /// The driver has no per-process use while MIG is on.
    fn use_samples(
        &mut self,
        topology: &Topology,
        now: Timestamp,
    ) -> Reading<Vec<model::observation::UseSample>> {
        if topology.facts.mig_is_on() {
            return Reading::NotSupported;
        }
        self.usage.read(&self.driver, topology.facts.handle, now)
    }

    fn energy(
        &mut self,
        topology: &Topology,
        ask: Ask,
        observations: &[DeviceObservation],
    ) -> Option<EnergyReading> {
        let is_occupied = |observation: &DeviceObservation| matches!(&observation.processes, Reading::Value(list) if !list.is_empty());
        let due = self.meter.is_due(ask.process_use, observations.iter().any(is_occupied));
        let in_rows = ask.device_values.then(|| Meter::from_rows(&self.values)).flatten();
        in_rows.or_else(|| due.then(|| self.meter.read(&self.driver, topology.facts.handle)))
    }

    fn finished(&mut self, topology: &Topology, now: Timestamp) -> Vec<FinishedProcess> {
        let look = is_due(self.accounting_looked, now, self.slow_every);
        if look {
            self.accounting_looked = Some(now);
        }
        self.accounting.read(&self.driver, topology.facts.handle, look)
    }

    /// By the MIG device's own handle; where that is not served, out of the parent's list.
    fn processes(
        &mut self,
        topology: &Topology,
        seat: &Seat,
        parent: &mut Option<Reading<Vec<RunningProcess>>>,
    ) -> Reading<Vec<DeviceProcess>> {
        let Some(mig) = &seat.device.mig else {
            return self.lists.read(&self.driver, seat.handle, None);
        };
        let within = (mig.gpu_instance, mig.compute_instance);
        match self.lists.read(&self.driver, seat.handle, Some(within)) {
            Reading::NotSupported => {
                let (driver, gpu): (_, Handle) = (&self.driver, topology.facts.handle);
                let all = parent.get_or_insert_with(|| reading(driver.compute_processes(gpu)));
                all.as_ref().map(|all| self.lists.only_within(all, within))
            }
            read => read,
        }
    }

    /// GPM of the place where it is there; else, for a whole GPU, the driver's utilisation.
    fn activity(&mut self, topology: &Topology, seat: &Seat, now: Timestamp) -> Activity {
        self.profiling.open(&self.driver, topology, false);
        let mut activity = self.profiling.activity(&self.driver, seat.place, now);
        if seat.device.mig.is_none() && !topology.facts.mig_is_on() {
            if !activity.graphics.is_value() {
                let rates = reading(self.driver.utilization_rates(seat.handle));
                activity.graphics = rates.map(|rates| f64::from(rates.gpu.min(100)) / 100.0);
            }
        } else if topology.places[seat.place].compute_instances > 1 {
            activity = shared(activity);
        }
        activity
    }

    fn publish(&mut self, with_values: bool) {
        let health = self.health();
        if !with_values && self.view.health == health {
            return;
        }
        let view = Arc::make_mut(&mut self.view);
        view.health = health;
        if let Some(topology) = &self.topology {
            view.power_limit_watts = topology.facts.power_limit_watts;
            view.memory_total_bytes = topology.facts.memory_total_bytes;
        }
        for (entity, cells) in view.entities.iter_mut().zip(&self.values.cells) {
            entity.values.clone_from(cells);
        }
    }

    fn health(&self) -> Health {
        if self.lost {
            Health::Lost
        } else if self.refused {
            Health::NoPermission("the device")
        } else if self.lists_denied {
            Health::NoPermission("process lists")
        } else if self.profiling.is_denied() {
            Health::NoPermission("profiling")
        } else {
            Health::Up
        }
    }
}

fn is_due(last: Option<Timestamp>, now: Timestamp, every: Duration) -> bool {
    // A tick may come a little early; a clock that stepped back makes everything due.
    last.is_none_or(|last| last > now || now.since(last) >= every.mul_f64(0.95))
}

/// Activity is known per GPU instance only. Where several compute instances share one, a busy
/// instance does not say which of them it is; an idle one says it of all.
fn shared(activity: Activity) -> Activity {
    /// What counts as idle (`sessions.md`: at most 1 %).
    const IDLE: f64 = 0.01;
    let known = |reading: Reading| match reading {
        Reading::Value(ratio) if ratio > IDLE => Reading::NotSupported,
        other => other,
    };
    Activity { graphics: known(activity.graphics), sm: known(activity.sm), ..activity }
}
