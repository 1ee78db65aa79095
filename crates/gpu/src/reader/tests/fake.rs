//! A scripted driver: answers what a test wrote into it, refuses, hangs and goes away on command.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::OpenDriver;
use crate::nvml::*;

/// The driver; tests keep one `Arc` and change the world behind it.
pub(super) struct Fake {
    world: Mutex<World>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) gpus: Vec<FakeGpu>,
    /// What every call answers.
    pub(super) gone: Option<Return>,
    /// What single calls answer, by method name.
    pub(super) refuses: HashMap<&'static str, Return>,
    /// GPUs whose calls do not come back.
    pub(super) hung: HashSet<u32>,
    pub(super) events: VecDeque<Event>,
    pub(super) inits: u32,
    pub(super) shutdowns: u32,
    /// Stamps with which use was asked for.
    pub(super) asked_since: Vec<u64>,
    /// How often compute lists were asked for.
    pub(super) lists_asked: u32,
    /// Answer that many compute lists with "the list has grown".
    pub(super) grown: u32,
    pub(super) field_calls: u32,
    /// GPM buffers: what was taken into them.
    samples: HashMap<usize, Option<(u64, f64)>>,
    next_sample: usize,
    taken: u64,
}

#[derive(Clone)]
pub(super) struct FakeGpu {
    pub(super) uuid: String,
    pub(super) lost: bool,
    pub(super) mig: Option<Vec<FakeMig>>,
    /// GPU instances without compute instance: id.
    pub(super) idle_instances: Vec<u32>,
    pub(super) compute: Vec<RunningProcess>,
    pub(super) graphics: Vec<RunningProcess>,
    pub(super) mps: Vec<RunningProcess>,
    pub(super) used: Vec<ProcessUtilization>,
    /// Graphics activity that GPM shows, per cent; `None`: no GPM.
    pub(super) gpm: Option<f64>,
    pub(super) memory_temp: (u64, FieldValue),
    pub(super) ecc: u32,
    pub(super) utilization: u32,
}

#[derive(Clone)]
pub(super) struct FakeMig {
    pub(super) gi: u32,
    pub(super) ci: u32,
    pub(super) uuid: &'static str,
    /// As the driver names it: `1c.3g.40gb`.
    pub(super) name: &'static str,
    pub(super) slices: (u32, u32),
    pub(super) compute: Vec<RunningProcess>,
    pub(super) gpm: f64,
}

pub(super) const MIB: u64 = 1 << 20;
/// Profile ids: instances of 1, 2 and 3 slices, and the whole GPU.
const PROFILES: [(u32, u32, &str, u64); 4] = [
    (19, 1, "MIG 1g.10gb", 9984),
    (14, 2, "MIG 2g.20gb", 20096),
    (9, 3, "MIG 3g.40gb", 40448),
    (0, 7, "MIG 7g.80gb", 80896),
];

pub(super) fn gpu(name: &str) -> FakeGpu {
    FakeGpu {
        uuid: format!("GPU-{name}"),
        lost: false,
        mig: None,
        idle_instances: Vec::new(),
        compute: Vec::new(),
        graphics: Vec::new(),
        mps: Vec::new(),
        used: Vec::new(),
        gpm: Some(50.0),
        memory_temp: (47, FieldValue::UnsignedInt(47)),
        ecc: 1,
        utilization: 99,
    }
}

pub(super) fn mig(gi: u32, ci: u32, uuid: &'static str, name: &'static str) -> FakeMig {
    let slices = |text: &str| text[..1].parse::<u32>().unwrap();
    let (part, whole) = match name.split_once("c.") {
        Some((part, rest)) => (slices(part), slices(rest)),
        None => (slices(name), slices(name)),
    };
    FakeMig { gi, ci, uuid, name, slices: (part, whole), compute: Vec::new(), gpm: 25.0 }
}

pub(super) fn process(pid: u32, mebibytes: u64) -> RunningProcess {
    RunningProcess {
        pid,
        used_gpu_memory: Some(mebibytes * MIB),
        gpu_instance_id: None,
        compute_instance_id: None,
    }
}

pub(super) fn used(pid: u32, second: u64, sm: u32) -> ProcessUtilization {
    let timestamp_us = second * 1_000_000;
    ProcessUtilization { pid, timestamp_us, sm, memory: 0, encoder: 0, decoder: 0 }
}

impl Fake {
    pub(super) fn new(gpus: Vec<FakeGpu>) -> Arc<Self> {
        let world = World { gpus, ..World::default() };
        Arc::new(Self { world: Mutex::new(world), changed: Condvar::new() })
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Let everything that hangs go on.
    pub(super) fn unhang(&self) {
        self.world().hung.clear();
        self.changed.notify_all();
    }

    pub(super) fn opener(self: &Arc<Self>) -> OpenDriver {
        let fake = Arc::clone(self);
        Box::new(move || Ok(Arc::clone(&fake) as Arc<dyn Driver>))
    }

    pub(super) const fn handle(index: u32) -> Handle {
        Handle(100 * (index as usize + 1))
    }

    pub(super) fn held_samples(&self) -> usize {
        self.world().samples.len()
    }

    /// What every call begins with.
    fn enter(&self, call: &'static str) -> Result<MutexGuard<'_, World>> {
        let world = self.world();
        match world.gone.or_else(|| world.refuses.get(call).copied()) {
            Some(code) => Err(code),
            None => Ok(world),
        }
    }

    fn at<T>(
        &self,
        call: &'static str,
        device: Handle,
        answer: impl FnOnce(&mut FakeGpu) -> Result<T>,
    ) -> Result<T> {
        let mut world = self.enter(call)?;
        let index = device.0 / 100 - 1;
        while world.hung.contains(&(u32::try_from(index).unwrap())) {
            world = self.changed.wait(world).unwrap();
        }
        match world.gpus.get_mut(index) {
            Some(gpu) if gpu.lost => Err(Return::GPU_IS_LOST),
            Some(gpu) => answer(gpu),
            None => Err(Return::INVALID_ARGUMENT),
        }
    }

    fn at_mig<T>(
        &self,
        call: &'static str,
        device: Handle,
        answer: impl FnOnce(&mut FakeMig) -> T,
    ) -> Result<T> {
        self.at(call, device, |gpu| Ok(answer(mig_of(gpu, device).ok_or(Return::NOT_FOUND)?)))
    }
}

/// Handles of MIG devices: that of the GPU, plus the last two digits of the device's UUID.
fn mig_of(gpu: &mut FakeGpu, device: Handle) -> Option<&mut FakeMig> {
    gpu.mig.as_mut()?.iter_mut().find(|mig| mig_number(mig) == device.0 % 100)
}

fn mig_number(mig: &FakeMig) -> usize {
    mig.uuid.rsplit('-').next().unwrap().parse().unwrap()
}

fn is_mig(device: Handle) -> bool {
    !device.0.is_multiple_of(100)
}

impl Driver for Fake {
    fn init(&self) -> Result<()> {
        let mut world = self.enter("init")?;
        world.inits += 1;
        Ok(())
    }
    fn shutdown(&self) -> Result<()> {
        self.world().shutdowns += 1;
        Ok(())
    }
    fn is_simulated(&self) -> bool {
        true
    }
    fn system_driver_version(&self) -> Result<String> {
        self.enter("system_driver_version").map(|_| "590.48.01".to_owned())
    }
    fn system_nvml_version(&self) -> Result<String> {
        self.enter("system_nvml_version").map(|_| "13.590.48.01".to_owned())
    }
    fn system_cuda_driver_version(&self) -> Result<i32> {
        Ok(13010)
    }
    fn device_count(&self) -> Result<u32> {
        self.enter("device_count").map(|world| u32::try_from(world.gpus.len()).unwrap())
    }
    fn device_handle_by_index(&self, index: u32) -> Result<Handle> {
        self.enter("device_handle_by_index").map(|_| Self::handle(index))
    }
    fn uuid(&self, device: Handle) -> Result<String> {
        match is_mig(device) {
            true => self.at_mig("uuid", device, |mig| mig.uuid.to_owned()),
            false => self.at("uuid", device, |gpu| Ok(gpu.uuid.clone())),
        }
    }
    fn name(&self, device: Handle) -> Result<String> {
        const MODEL: &str = "NVIDIA H100 80GB HBM3";
        match is_mig(device) {
            true => self.at_mig("name", device, |mig| format!("{MODEL} MIG {}", mig.name)),
            false => self.at("name", device, |_| Ok(MODEL.to_owned())),
        }
    }
    fn serial(&self, device: Handle) -> Result<String> {
        self.at("serial", device, |_| Ok("165".to_owned()))
    }
    fn minor_number(&self, device: Handle) -> Result<u32> {
        self.at("minor_number", device, |_| Ok(u32::try_from(device.0 / 100 - 1).unwrap()))
    }
    fn pci_info(&self, device: Handle) -> Result<PciInfo> {
        let bus_id = format!("00000000:{:02x}:00.0", 0xa0 + device.0 / 100);
        self.at("pci_info", device, |_| Ok(PciInfo { bus_id, ..PciInfo::default() }))
    }
    fn brand(&self, _: Handle) -> Result<EnumValue> {
        Ok(14)
    }
    fn vbios_version(&self, _: Handle) -> Result<String> {
        Ok("96.00.89.00.01".to_owned())
    }
    fn inforom_image_version(&self, _: Handle) -> Result<String> {
        Ok("G520.0200.00.05".to_owned())
    }
    fn inforom_version(&self, _: Handle, _: InforomObject) -> Result<String> {
        Err(Return::NOT_SUPPORTED)
    }
    fn current_clocks_event_reasons(&self, _: Handle) -> Result<u64> {
        Ok(4)
    }
    fn p2p_status(&self, _: Handle, _: Handle) -> Result<EnumValue> {
        Ok(0)
    }
    fn architecture(&self, _: Handle) -> Result<EnumValue> {
        Ok(9)
    }
    fn compute_mode(&self, device: Handle) -> Result<EnumValue> {
        self.at("compute_mode", device, |_| Ok(3))
    }
    fn persistence_mode(&self, device: Handle) -> Result<EnumValue> {
        self.at("persistence_mode", device, |_| Ok(1))
    }
    fn virtualization_mode(&self, device: Handle) -> Result<EnumValue> {
        self.at("virtualization_mode", device, |_| Ok(0))
    }
    fn vgpu_licensed(&self, device: Handle) -> Result<bool> {
        self.at("vgpu_licensed", device, |_| Err(Return::NOT_SUPPORTED))
    }
    fn mig_mode(&self, device: Handle) -> Result<(EnumValue, EnumValue)> {
        self.at("mig_mode", device, |gpu| {
            let on = u32::from(gpu.mig.is_some());
            Ok((on, on))
        })
    }
    fn max_mig_device_count(&self, device: Handle) -> Result<u32> {
        self.at("max_mig_device_count", device, |_| Ok(7))
    }
    fn mig_device_by_index(&self, device: Handle, index: u32) -> Result<Handle> {
        self.at("mig_device_by_index", device, |gpu| {
            let devices = gpu.mig.as_ref().ok_or(Return::INVALID_ARGUMENT)?;
            let mig = devices.get(index as usize).ok_or(Return::NOT_FOUND)?;
            Ok(Handle(device.0 + mig_number(mig)))
        })
    }
    fn gpu_instance_id(&self, device: Handle) -> Result<u32> {
        self.at_mig("gpu_instance_id", device, |mig| mig.gi)
    }
    fn compute_instance_id(&self, device: Handle) -> Result<u32> {
        self.at_mig("compute_instance_id", device, |mig| mig.ci)
    }
    fn attributes(&self, device: Handle) -> Result<Attributes> {
        self.at_mig("attributes", device, |mig| Attributes {
            compute_instance_slice_count: mig.slices.0,
            gpu_instance_slice_count: mig.slices.1,
            memory_size_mb: 9984 * u64::from(mig.slices.1),
            ..Attributes::default()
        })
    }
    fn gpu_instance_profile(&self, device: Handle, profile: u32) -> Result<GpuInstanceProfile> {
        self.at("gpu_instance_profile", device, |_| {
            let (id, slice_count, name, memory_size_mb) =
                *PROFILES.get(profile as usize).ok_or(Return::INVALID_ARGUMENT)?;
            let name = name.to_owned();
            Ok(GpuInstanceProfile { id, slice_count, instance_count: 7, memory_size_mb, name })
        })
    }
    fn gpu_instances(&self, device: Handle, profile_id: u32) -> Result<Vec<GpuInstance>> {
        self.at("gpu_instances", device, |gpu| {
            let slices = PROFILES.iter().find(|p| p.0 == profile_id).unwrap().1;
            let of = |id| GpuInstance {
                handle: GpuInstanceHandle(id as usize),
                id,
                profile_id,
                placement_start: 0,
                placement_size: 1,
            };
            let mut ids: Vec<u32> =
                gpu.mig.iter().flatten().filter(|m| m.slices.1 == slices).map(|m| m.gi).collect();
            if slices == 1 {
                ids.extend(&gpu.idle_instances);
            }
            ids.dedup();
            Ok(ids.into_iter().map(of).collect())
        })
    }
    fn memory_info_v2(&self, device: Handle) -> Result<MemoryV2> {
        if is_mig(device) {
            return self.at_mig("memory_info_v2", device, |mig| {
                let total = 9984 * MIB * u64::from(mig.slices.1);
                MemoryV2 { total, reserved: 0, free: total - 12 * MIB, used: 12 * MIB }
            });
        }
        self.at("memory_info_v2", device, |_| {
            let (total, reserved, used) = (81559 * MIB + 7, 479 * MIB, 4108 * MIB + 9);
            Ok(MemoryV2 { total, reserved, free: total - reserved - used, used })
        })
    }
    fn memory_info_v1(&self, device: Handle) -> Result<MemoryV1> {
        self.at("memory_info_v1", device, |_| {
            Ok(MemoryV1 { total: 81559 * MIB, free: 70000 * MIB, used: 11559 * MIB })
        })
    }
    fn clock_info(&self, device: Handle, clock: ClockType) -> Result<u32> {
        self.at("clock_info", device, |_| Ok(if clock == ClockType::Sm { 1980 } else { 2619 }))
    }
    fn temperature(&self, device: Handle) -> Result<u32> {
        self.at("temperature", device, |_| Ok(61))
    }
    fn power_usage(&self, device: Handle) -> Result<u32> {
        self.at("power_usage", device, |_| Ok(629_450))
    }
    fn enforced_power_limit(&self, device: Handle) -> Result<u32> {
        self.at("enforced_power_limit", device, |_| Ok(700_000))
    }
    fn total_energy_consumption(&self, device: Handle) -> Result<u64> {
        self.at("total_energy_consumption", device, |_| Ok(77))
    }
    fn performance_state(&self, device: Handle) -> Result<EnumValue> {
        self.at("performance_state", device, |_| Ok(0))
    }
    fn pcie_replay_counter(&self, device: Handle) -> Result<u32> {
        self.at("pcie_replay_counter", device, |_| Ok(3))
    }
    fn utilization_rates(&self, device: Handle) -> Result<UtilizationRates> {
        self.at("utilization_rates", device, |gpu| match gpu.mig {
            Some(_) => Err(Return::NOT_SUPPORTED),
            None => Ok(UtilizationRates { gpu: gpu.utilization, memory: 10 }),
        })
    }
    fn encoder_utilization(&self, device: Handle) -> Result<u32> {
        self.at("encoder_utilization", device, |_| Ok(0))
    }
    fn decoder_utilization(&self, device: Handle) -> Result<u32> {
        self.at("decoder_utilization", device, |_| Ok(0))
    }
    fn ecc_mode(&self, device: Handle) -> Result<EnumValue> {
        self.at("ecc_mode", device, |gpu| Ok(gpu.ecc))
    }
    fn total_ecc_errors(
        &self,
        device: Handle,
        error: EccErrorType,
        counter: EccCounterType,
    ) -> Result<u64> {
        assert_eq!(counter, EccCounterType::Aggregate);
        self.at("total_ecc_errors", device, |_| {
            Ok(if error == EccErrorType::Corrected { 21 } else { 2 })
        })
    }
    fn remapped_rows(&self, device: Handle) -> Result<RemappedRows> {
        self.at("remapped_rows", device, |_| {
            Ok(RemappedRows { correctable: 5, uncorrectable: 1, pending: false, failure: false })
        })
    }
    fn field_values(&self, device: Handle, fields: &[FieldRequest]) -> Result<Vec<FieldAnswer>> {
        self.world().field_calls += 1;
        self.at("field_values", device, |gpu| {
            let answer = |field: &FieldRequest| {
                let (raw, value) = match field.field {
                    82 => (gpu.memory_temp.0, Ok(gpu.memory_temp.1)),
                    83 => (0, Ok(FieldValue::UnsignedLongLong(123_456_789))),
                    138 | 139 => (0, Ok(FieldValue::UnsignedLongLong(0))),
                    _ => (0, Err(Return::NOT_SUPPORTED)),
                };
                FieldAnswer { timestamp_us: 0, raw, value }
            };
            Ok(fields.iter().map(answer).collect())
        })
    }
    fn compute_processes(&self, device: Handle) -> Result<Vec<RunningProcess>> {
        {
            let mut world = self.world();
            world.lists_asked += 1;
            if world.grown > 0 {
                world.grown -= 1;
                return Err(Return::INSUFFICIENT_SIZE);
            }
        }
        if is_mig(device) {
            if let Some(code) = self.world().refuses.get("mig_processes") {
                return Err(*code);
            }
            return self.at_mig("compute_processes", device, |mig| mig.compute.clone());
        }
        self.at("compute_processes", device, |gpu| Ok(gpu.compute.clone()))
    }
    fn graphics_processes(&self, device: Handle) -> Result<Vec<RunningProcess>> {
        self.at("graphics_processes", device, |gpu| match is_mig(device) {
            true => Err(Return::NOT_SUPPORTED),
            false => Ok(gpu.graphics.clone()),
        })
    }
    fn mps_processes(&self, device: Handle) -> Result<Vec<RunningProcess>> {
        self.at("mps_processes", device, |gpu| match is_mig(device) {
            true => Err(Return::NOT_SUPPORTED),
            false => Ok(gpu.mps.clone()),
        })
    }
    fn process_utilization(
        &self,
        device: Handle,
        since_us: u64,
    ) -> Result<Vec<ProcessUtilization>> {
        self.enter("process_utilization")?.asked_since.push(since_us);
        self.at("process_utilization", device, |gpu| match (&gpu.mig, gpu.used.is_empty()) {
            (Some(_), _) => Err(Return::NOT_SUPPORTED),
            (None, true) => Err(Return::NOT_FOUND),
            // Also old ones, as the real call has been seen to do.
            (None, false) => Ok(gpu.used.clone()),
        })
    }
    fn accounting_mode(&self, _: Handle) -> Result<EnumValue> {
        Ok(0)
    }
    fn accounting_pids(&self, _: Handle) -> Result<Vec<u32>> {
        Ok(Vec::new())
    }
    fn accounting_stats(&self, _: Handle, _: u32) -> Result<AccountingStats> {
        Err(Return::NOT_FOUND)
    }
    fn gpm_supported(&self, device: Handle) -> Result<bool> {
        self.at("gpm_supported", device, |gpu| Ok(gpu.gpm.is_some()))
    }
    fn gpm_sample_alloc(&self) -> Result<GpmSample> {
        let mut world = self.enter("gpm_sample_alloc")?;
        world.next_sample += 1;
        let sample = world.next_sample;
        world.samples.insert(sample, None);
        Ok(GpmSample(sample))
    }
    fn gpm_sample_free(&self, sample: GpmSample) -> Result<()> {
        assert!(self.world().samples.remove(&sample.0).is_some(), "freed twice");
        Ok(())
    }
    fn gpm_sample_get(&self, device: Handle, sample: GpmSample) -> Result<()> {
        let gpm = self.at("gpm_sample_get", device, |gpu| gpu.gpm.ok_or(Return::NOT_SUPPORTED))?;
        let mut world = self.world();
        world.taken += 1;
        let taken = world.taken;
        world.samples.insert(sample.0, Some((taken, gpm)));
        Ok(())
    }
    fn gpm_mig_sample_get(&self, device: Handle, id: u32, sample: GpmSample) -> Result<()> {
        let gpm = self.at("gpm_mig_sample_get", device, |gpu| {
            let mig = gpu.mig.iter().flatten().find(|mig| mig.gi == id);
            mig.map(|mig| mig.gpm).ok_or(Return::NOT_FOUND)
        })?;
        let mut world = self.world();
        world.taken += 1;
        let taken = world.taken;
        world.samples.insert(sample.0, Some((taken, gpm)));
        Ok(())
    }
    fn gpm_metrics(
        &self,
        older: GpmSample,
        newer: GpmSample,
        metrics: &[u32],
    ) -> Result<Vec<Result<f64>>> {
        let world = self.enter("gpm_metrics")?;
        let taken = |sample: GpmSample| world.samples[&sample.0].expect("an empty sample");
        let ((first, _), (second, value)) = (taken(older), taken(newer));
        assert!(first < second, "samples the wrong way round");
        // SM activity is NaN here, PCIe 2 MiB/s.
        let answer = |id: &u32| match id {
            1 => Ok(value),
            2 => Ok(f64::NAN),
            20 | 21 => Ok(2.0),
            5 => Err(Return::NOT_SUPPORTED),
            _ => Ok(10.0),
        };
        Ok(metrics.iter().map(answer).collect())
    }
    fn event_set_create(&self) -> Result<EventSet> {
        self.enter("event_set_create").map(|_| EventSet(1))
    }
    fn event_set_free(&self, _: EventSet) -> Result<()> {
        Ok(())
    }
    fn supported_event_types(&self, _: Handle) -> Result<u64> {
        Ok(EVENT_XID_CRITICAL_ERROR | EVENT_MIG_CONFIG_CHANGE)
    }
    fn register_events(&self, _: Handle, _: u64, _: EventSet) -> Result<()> {
        Ok(())
    }
    fn event_set_wait(&self, _: EventSet, _: u32) -> Result<Event> {
        // Comes back at once: the reader must not spin on it.
        self.enter("event_set_wait")?.events.pop_front().ok_or(Return::TIMEOUT)
    }
}
