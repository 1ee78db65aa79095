//! The layout of one GPU: what it is, how it is cut, and what a process can sit on.
//!
//! It is read when the GPU is first seen, after a MIG event or a handle error, and every few
//! seconds; a layout that did not change keeps its devices.

use std::sync::Arc;

use model::device::{Device, MigDevice};

use super::facts::{Facts, Place, Versions};
use super::metered::Metered;
use super::partition::{self, Partition};
use super::probe;
use super::{Handle, Result, Return};
use crate::IdleInstance;

/// One GPU as it is cut now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Topology {
    pub(crate) facts: Facts,
    /// What device metrics are printed for.
    pub(crate) places: Vec<Place>,
    /// What a process can sit on.
    pub(crate) seats: Vec<Seat>,
    pub(crate) without_ci: Vec<IdleInstance>,
}

/// A device, and how the driver is asked about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seat {
    pub(crate) device: Arc<Device>,
    pub(crate) handle: Handle,
    /// Index of its place.
    pub(crate) place: usize,
}

impl Topology {
    /// Ask the driver. Only what nothing works without is an error: the handle and the UUID.
    pub(crate) fn read(driver: &Metered, index: u32, versions: &Versions) -> Result<Self> {
        let mut facts = facts(driver, index, versions)?;
        if !facts.mig_is_on() {
            return Ok(Self::whole(facts));
        }
        let cut = Partition::read(driver, facts.handle);
        facts.max_slices = cut.max_slices;
        Ok(Self::cut(facts, &cut))
    }

    fn whole(facts: Facts) -> Self {
        let (places, seats) = (vec![whole_place(&facts)], vec![whole_seat(&facts)]);
        Self { facts, places, seats, without_ci: Vec::new() }
    }

    /// With MIG on: the instances. Without any compute instance the GPU itself stands for them, so
    /// that it does not vanish from view.
    fn cut(facts: Facts, cut: &Partition) -> Self {
        let mut seats: Vec<_> = cut.devices.iter().map(|mig| mig_seat(&facts, cut, mig)).collect();
        if seats.is_empty() {
            seats.push(whole_seat(&facts));
        }
        let mut places: Vec<_> =
            cut.instances.iter().map(|instance| place(cut, instance)).collect();
        if places.is_empty() {
            places.push(whole_place(&facts));
        }
        Self { facts, places, seats, without_ci: cut.without_ci() }
    }

    /// Whether another reading shows the same GPU cut the same way, whatever its modes are.
    pub(crate) fn same_layout(&self, other: &Self) -> bool {
        self.facts.uuid == other.facts.uuid
            && self.facts.handle == other.facts.handle
            && self.facts.mig_enabled == other.facts.mig_enabled
            && self.places == other.places
            && self.seats == other.seats
            && self.without_ci == other.without_ci
    }

    /// Take over devices of an earlier layout where they are the same, so that their `Arc` stays.
    pub(crate) fn keep_devices_of(&mut self, earlier: &Self) {
        for seat in &mut self.seats {
            if let Some(same) = earlier.seats.iter().find(|old| old.device == seat.device) {
                seat.device = Arc::clone(&same.device);
            }
        }
    }
}

fn facts(driver: &Metered, index: u32, versions: &Versions) -> Result<Facts> {
    let handle = driver.device_handle_by_index(index)?;
    let uuid = driver.uuid(handle)?;
    let mig_enabled = match driver.mig_mode(handle) {
        Ok((current, _)) => Some(current == 1),
        Err(code @ (Return::GPU_IS_LOST | Return::RESET_REQUIRED)) => return Err(code),
        Err(_) => None,
    };
    let memory = probe::memory(driver, handle).value();
    Ok(Facts {
        driver_version: versions.driver.clone(),
        nvml_version: versions.nvml.clone(),
        index,
        handle,
        uuid: uuid.into(),
        pci_bus_id: driver
            .pci_info(handle)
            .map(|pci| pci.bus_id.to_uppercase())
            .unwrap_or_default(),
        minor: driver.minor_number(handle).ok(),
        model: driver.name(handle).unwrap_or_default().into(),
        serial: driver.serial(handle).ok().filter(|serial| !serial.is_empty()).map(Arc::from),
        compute_mode: driver.compute_mode(handle).ok(),
        persistence_mode: driver.persistence_mode(handle).ok(),
        virtual_mode: driver.virtualization_mode(handle).ok(),
        mig_enabled,
        max_slices: 0,
        memory_total_bytes: memory.map(|memory| memory.total),
        power_limit_watts: driver
            .enforced_power_limit(handle)
            .ok()
            .map(|mw| f64::from(mw) / 1000.0),
    })
}

const fn whole_place(facts: &Facts) -> Place {
    Place {
        gpu_instance: None,
        mig_uuid: None,
        slices: None,
        memory: Some(facts.handle),
        compute_instances: 0,
    }
}

fn whole_seat(facts: &Facts) -> Seat {
    let device = Device {
        label: facts.index.to_string(),
        gpu_index: facts.index,
        gpu_uuid: facts.uuid.as_ref().into(),
        mig: None,
        model: facts.model.as_ref().into(),
        share: 1.0,
        memory_total_bytes: facts.memory_total_bytes,
    };
    Seat { device: Arc::new(device), handle: facts.handle, place: 0 }
}

fn place(cut: &Partition, instance: &partition::Instance) -> Place {
    let mut inside = cut.devices.iter().filter(|mig| mig.gpu_instance == instance.id);
    let first = inside.next();
    Place {
        gpu_instance: Some((instance.profile.clone(), instance.id)),
        mig_uuid: first.map(|mig| mig.uuid.clone()),
        slices: instance.slices,
        memory: first.map(|mig| mig.handle),
        compute_instances: first.map_or(0, |_| 1 + u32::try_from(inside.count()).unwrap_or(0)),
    }
}

fn mig_seat(facts: &Facts, cut: &Partition, mig: &partition::MigHandle) -> Seat {
    let place = cut.instances.iter().position(|instance| instance.id == mig.gpu_instance);
    let place = place.unwrap_or(0);
    let profile = cut.instances.get(place).map_or("", |instance| &instance.profile);
    let slices = f64::from(cut.max_slices.max(1));
    let device = Device {
        label: format!("{}_{}_{}", facts.index, mig.number, mig.compute_instance),
        gpu_index: facts.index,
        gpu_uuid: facts.uuid.as_ref().into(),
        mig: Some(MigDevice {
            number: mig.number,
            gpu_instance: mig.gpu_instance,
            compute_instance: mig.compute_instance,
            uuid: mig.uuid.as_ref().into(),
            profile: profile.into(),
        }),
        model: facts.model.as_ref().into(),
        share: (f64::from(mig.slices.unwrap_or(1)) / slices).min(1.0),
        memory_total_bytes: mig.memory_bytes,
    };
    Seat { device: Arc::new(device), handle: mig.handle, place }
}
