//! The calls that gpulse makes: [`gpu::nvml::Driver`].

use gpu::nvml::{
    AccountingStats, Attributes, ClockType, Driver, EccCounterType, EccErrorType, EnumValue, Event,
    EventSet, FieldAnswer, FieldRequest, GpmSample, GpuInstance, GpuInstanceHandle,
    GpuInstanceProfile, Handle, InforomObject, MemoryV1, MemoryV2, PciInfo, ProcessUtilization,
    RemappedRows, Result, Return, RunningProcess, UtilizationRates,
};

use super::{Seen, SimDriver, counter, gpu_handle, mig_handle, per_cent, whole_number};
use crate::scenario::file::ProcessKind;
use crate::world::Channel;

/// `NVML_VIRTUALIZATION_MODE_NONE`.
const NOT_VIRTUAL: EnumValue = 0;

impl Driver for SimDriver {
    fn init(&self) -> Result<()> {
        self.start()
    }

    fn shutdown(&self) -> Result<()> {
        self.stop()
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn system_driver_version(&self) -> Result<String> {
        let (_, age_us) = self.enter("nvmlSystemGetDriverVersion")?;
        Ok(self.node().life_at(age_us).1.version.clone())
    }

    fn system_nvml_version(&self) -> Result<String> {
        let (_, age_us) = self.enter("nvmlSystemGetNVMLVersion")?;
        let major = self.node().cuda / 1000;
        Ok(format!("{major}.{}", self.node().life_at(age_us).1.version))
    }

    fn system_cuda_driver_version(&self) -> Result<i32> {
        self.enter("nvmlSystemGetCudaDriverVersion_v2")?;
        Ok(self.node().cuda)
    }

    fn device_count(&self) -> Result<u32> {
        self.enter("nvmlDeviceGetCount_v2")?;
        u32::try_from(self.node().gpus.len()).map_err(|_| Return::UNKNOWN)
    }

    fn device_handle_by_index(&self, index: u32) -> Result<Handle> {
        let handle = gpu_handle(index as usize);
        self.seen("nvmlDeviceGetHandleByIndex_v2", handle).map(|_| handle)
    }

    fn uuid(&self, device: Handle) -> Result<String> {
        let seen = self.seen("nvmlDeviceGetUUID", device)?;
        Ok(seen.mig.map_or_else(|| seen.gpu.uuid.clone(), |(_, device)| device.uuid.to_string()))
    }

    fn name(&self, device: Handle) -> Result<String> {
        let seen = self.seen("nvmlDeviceGetName", device)?;
        Ok(seen.name())
    }

    fn serial(&self, device: Handle) -> Result<String> {
        let seen = self.seen("nvmlDeviceGetSerial", device)?;
        seen.gpu.serial.clone().ok_or(Return::NOT_SUPPORTED)
    }

    fn minor_number(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetMinorNumber", device)?;
        u32::try_from(seen.gpu.index).map_err(|_| Return::UNKNOWN)
    }

    fn pci_info(&self, device: Handle) -> Result<PciInfo> {
        let seen = self.seen("nvmlDeviceGetPciInfo_v3", device)?;
        let (domain, bus, number) = seen.gpu.pci;
        Ok(PciInfo {
            bus_id: seen.gpu.bus_id(),
            domain,
            bus,
            device: number,
            pci_device_id: seen.gpu.product.pci_device_id,
            pci_sub_system_id: seen.gpu.product.pci_sub_system_id,
        })
    }

    fn architecture(&self, device: Handle) -> Result<EnumValue> {
        Ok(self.seen("nvmlDeviceGetArchitecture", device)?.gpu.product.architecture)
    }

    /// `nvmlBrandType_t`.
    fn brand(&self, device: Handle) -> Result<EnumValue> {
        Ok(self.seen("nvmlDeviceGetBrand", device)?.gpu.product.brand)
    }

    fn vbios_version(&self, device: Handle) -> Result<String> {
        Ok(self.whole("nvmlDeviceGetVbiosVersion", device)?.gpu.product.vbios.clone())
    }

    fn inforom_image_version(&self, device: Handle) -> Result<String> {
        let seen = self.whole("nvmlDeviceGetInforomImageVersion", device)?;
        Ok(seen.gpu.product.inforom.image.clone())
    }

    fn inforom_version(&self, device: Handle, object: InforomObject) -> Result<String> {
        let inforom = &self.whole("nvmlDeviceGetInforomVersion", device)?.gpu.product.inforom;
        let version = match object {
            InforomObject::Oem => Some(&inforom.oem),
            InforomObject::Ecc => inforom.ecc.as_ref(),
            InforomObject::Power => inforom.power.as_ref(),
        };
        version.cloned().ok_or(Return::NOT_SUPPORTED)
    }

    fn current_clocks_event_reasons(&self, device: Handle) -> Result<u64> {
        let seen = self.whole("nvmlDeviceGetCurrentClocksEventReasons", device)?;
        Ok(seen.state(|state| state.reasons))
    }

    /// `nvmlGpuP2PStatus_t`: 0 is OK, 3 not supported by the topology.
    fn p2p_status(&self, device: Handle, other: Handle) -> Result<EnumValue> {
        let here = self.whole("nvmlDeviceGetP2PStatus", device)?;
        let there = self.whole("nvmlDeviceGetP2PStatus", other)?;
        let linked = here.gpu.product.nvlink.links > 0 && there.gpu.product.nvlink.links > 0;
        Ok(if linked && !here.is_cut() && !there.is_cut() { 0 } else { 3 })
    }

    fn compute_mode(&self, device: Handle) -> Result<EnumValue> {
        Ok(self.seen("nvmlDeviceGetComputeMode", device)?.gpu.compute_mode)
    }

    fn persistence_mode(&self, device: Handle) -> Result<EnumValue> {
        let seen = self.seen("nvmlDeviceGetPersistenceMode", device)?;
        Ok(u32::from(seen.gpu.product.persistence))
    }

    fn virtualization_mode(&self, device: Handle) -> Result<EnumValue> {
        self.whole("nvmlDeviceGetVirtualizationMode", device).map(|_| NOT_VIRTUAL)
    }

    fn vgpu_licensed(&self, device: Handle) -> Result<bool> {
        self.whole("nvmlDeviceGetGridLicensableFeatures_v4", device)?;
        Err(Return::NOT_SUPPORTED)
    }

    fn mig_mode(&self, device: Handle) -> Result<(EnumValue, EnumValue)> {
        let seen = self.whole("nvmlDeviceGetMigMode", device)?;
        if seen.gpu.product.slices == 0 {
            return Err(Return::NOT_SUPPORTED);
        }
        let on = u32::from(seen.is_cut());
        Ok((on, on))
    }

    fn max_mig_device_count(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetMaxMigDeviceCount", device)?;
        Ok(if seen.is_cut() { seen.gpu.product.slices } else { 0 })
    }

    fn mig_device_by_index(&self, device: Handle, index: u32) -> Result<Handle> {
        let seen = self.whole("nvmlDeviceGetMigDeviceHandleByIndex", device)?;
        let layout = seen.layout.ok_or(Return::NOT_SUPPORTED)?;
        if index as usize >= layout.devices.len() {
            let known = index < seen.gpu.product.slices;
            return Err(if known { Return::NOT_FOUND } else { Return::INVALID_ARGUMENT });
        }
        Ok(mig_handle(seen.gpu.index, seen.gpu.layout_number(seen.age_us), index))
    }

    fn gpu_instance_id(&self, mig_device: Handle) -> Result<u32> {
        let seen = self.seen("nvmlDeviceGetGpuInstanceId", mig_device)?;
        seen.ids().map(|ids| ids.0).ok_or(Return::INVALID_ARGUMENT)
    }

    fn compute_instance_id(&self, mig_device: Handle) -> Result<u32> {
        let seen = self.seen("nvmlDeviceGetComputeInstanceId", mig_device)?;
        seen.ids().map(|ids| ids.1).ok_or(Return::INVALID_ARGUMENT)
    }

    fn attributes(&self, mig_device: Handle) -> Result<Attributes> {
        let seen = self.seen("nvmlDeviceGetAttributes_v2", mig_device)?;
        let (layout, (_, device)) = seen.layout.zip(seen.mig).ok_or(Return::NOT_SUPPORTED)?;
        let profile = &seen.gpu.product.mig[layout.instances[device.instance].profile];
        Ok(Attributes {
            multiprocessor_count: device.multiprocessors,
            shared_copy_engine_count: profile.copy_engines,
            shared_decoder_count: profile.decoders,
            shared_encoder_count: profile.encoders,
            shared_jpeg_count: profile.jpeg,
            shared_ofa_count: profile.ofa,
            gpu_instance_slice_count: profile.slices,
            compute_instance_slice_count: device.slices,
            memory_size_mb: profile.memory.0 >> 20,
        })
    }

    fn gpu_instance_profile(&self, device: Handle, profile: u32) -> Result<GpuInstanceProfile> {
        let seen = self.whole("nvmlDeviceGetGpuInstanceProfileInfo", device)?;
        if !seen.is_cut() {
            return Err(Return::NOT_SUPPORTED);
        }
        let found = seen.gpu.product.mig.iter().find(|known| known.index == profile);
        let found = found.ok_or(Return::NOT_SUPPORTED)?;
        Ok(GpuInstanceProfile {
            id: found.id,
            slice_count: found.slices,
            instance_count: found.instances,
            memory_size_mb: found.memory.0 >> 20,
            name: format!("MIG {}", found.name),
        })
    }

    fn gpu_instances(&self, device: Handle, profile_id: u32) -> Result<Vec<GpuInstance>> {
        let seen = self.whole("nvmlDeviceGetGpuInstances", device)?;
        let layout = seen.layout.ok_or(Return::NOT_SUPPORTED)?;
        let profiles = &seen.gpu.product.mig;
        if !profiles.iter().any(|profile| profile.id == profile_id) {
            return Err(Return::INVALID_ARGUMENT);
        }
        let numbered = layout.instances.iter().enumerate();
        Ok(numbered
            .filter(|(_, instance)| profiles[instance.profile].id == profile_id)
            .map(|(place, instance)| GpuInstance {
                handle: GpuInstanceHandle(seen.instance_handle(place)),
                id: instance.id,
                profile_id,
                placement_start: instance.start,
                placement_size: instance.size,
            })
            .collect())
    }

    fn memory_info_v2(&self, device: Handle) -> Result<MemoryV2> {
        let seen = self.seen("nvmlDeviceGetMemoryInfo_v2", device)?;
        let share = seen.gpu.memory(seen.node, seen.age_us, seen.instance());
        let (total, reserved) = (share.total, share.reserved);
        Ok(MemoryV2 { total, reserved, free: share.free, used: share.used })
    }

    fn memory_info_v1(&self, device: Handle) -> Result<MemoryV1> {
        let seen = self.seen("nvmlDeviceGetMemoryInfo", device)?;
        let share = seen.gpu.memory(seen.node, seen.age_us, seen.instance());
        Ok(MemoryV1 { total: share.total, free: share.free, used: share.used + share.reserved })
    }

    fn clock_info(&self, device: Handle, clock: ClockType) -> Result<u32> {
        Ok(self.whole("nvmlDeviceGetClockInfo", device)?.clock(clock))
    }

    fn temperature(&self, device: Handle) -> Result<u32> {
        Ok(whole_number(self.whole("nvmlDeviceGetTemperature", device)?.temperature()))
    }

    fn power_usage(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetPowerUsage", device)?;
        Ok(whole_number(seen.power_watts() * 1000.0))
    }

    fn enforced_power_limit(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetEnforcedPowerLimit", device)?;
        Ok(whole_number(seen.gpu.power_limit * 1000.0))
    }

    fn total_energy_consumption(&self, device: Handle) -> Result<u64> {
        let seen = self.whole("nvmlDeviceGetTotalEnergyConsumption", device)?;
        Ok(seen.energy_millijoules())
    }

    fn performance_state(&self, device: Handle) -> Result<EnumValue> {
        Ok(self.whole("nvmlDeviceGetPerformanceState", device)?.performance_state())
    }

    fn pcie_replay_counter(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetPcieReplayCounter", device)?;
        Ok(seen.gpu.figures.pcie_replays.unwrap_or(0))
    }

    fn utilization_rates(&self, device: Handle) -> Result<UtilizationRates> {
        let seen = self.whole("nvmlDeviceGetUtilizationRates", device)?;
        seen.uncut()?;
        let figures = &seen.gpu.figures;
        let gpu = seen.use_of(Channel::Sm, &figures.gpu_utilization);
        let memory = seen.use_of(Channel::Memory, &figures.memory_utilization);
        Ok(UtilizationRates { gpu, memory })
    }

    fn encoder_utilization(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetEncoderUtilization", device)?;
        seen.uncut()?;
        Ok(seen.use_of(Channel::Encoder, &seen.gpu.figures.encoder_utilization))
    }

    fn decoder_utilization(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetDecoderUtilization", device)?;
        seen.uncut()?;
        Ok(seen.use_of(Channel::Decoder, &seen.gpu.figures.decoder_utilization))
    }

    fn ecc_mode(&self, device: Handle) -> Result<EnumValue> {
        self.with_ecc("nvmlDeviceGetEccMode", device).map(|_| 1)
    }

    fn total_ecc_errors(
        &self,
        device: Handle,
        _error: EccErrorType,
        _counter: EccCounterType,
    ) -> Result<u64> {
        self.with_ecc("nvmlDeviceGetTotalEccErrors", device).map(|_| 0)
    }

    fn remapped_rows(&self, device: Handle) -> Result<RemappedRows> {
        let seen = self.whole("nvmlDeviceGetRemappedRows", device)?;
        seen.uncut()?;
        if seen.gpu.product.remapped_rows {
            Ok(RemappedRows::default())
        } else {
            Err(Return::NOT_SUPPORTED)
        }
    }

    fn field_values(&self, device: Handle, fields: &[FieldRequest]) -> Result<Vec<FieldAnswer>> {
        let seen = self.whole("nvmlDeviceGetFieldValues", device)?;
        Ok(fields.iter().map(|field| seen.field(*field)).collect())
    }

    fn compute_processes(&self, device: Handle) -> Result<Vec<RunningProcess>> {
        let seen = self.seen("nvmlDeviceGetComputeRunningProcesses_v3", device)?;
        let kinds = [ProcessKind::Compute, ProcessKind::ComputeGraphics];
        Ok(seen.processes(&kinds))
    }

    fn graphics_processes(&self, device: Handle) -> Result<Vec<RunningProcess>> {
        let seen = self.seen("nvmlDeviceGetGraphicsRunningProcesses_v3", device)?;
        let kinds = [ProcessKind::Graphics, ProcessKind::ComputeGraphics];
        Ok(seen.processes(&kinds))
    }

    fn mps_processes(&self, device: Handle) -> Result<Vec<RunningProcess>> {
        let seen = self.seen("nvmlDeviceGetMPSComputeRunningProcesses_v3", device)?;
        Ok(seen.processes(&[ProcessKind::MpsClient]))
    }

    fn process_utilization(
        &self,
        device: Handle,
        since_us: u64,
    ) -> Result<Vec<ProcessUtilization>> {
        let seen = self.whole("nvmlDeviceGetProcessUtilization", device)?;
        seen.process_utilization(since_us)
    }

    fn accounting_mode(&self, device: Handle) -> Result<EnumValue> {
        let seen = self.whole("nvmlDeviceGetAccountingMode", device)?;
        Ok(u32::from(seen.gpu.accounting && !seen.is_cut()))
    }

    fn accounting_pids(&self, device: Handle) -> Result<Vec<u32>> {
        let seen = self.whole("nvmlDeviceGetAccountingPids", device)?;
        Ok(seen.accounted().iter().map(|occurrence| occurrence.pid).collect())
    }

    fn accounting_stats(&self, device: Handle, pid: u32) -> Result<AccountingStats> {
        let seen = self.whole("nvmlDeviceGetAccountingStats", device)?;
        let found = seen.accounted().into_iter().rev().find(|occurrence| occurrence.pid == pid);
        found.map(|occurrence| seen.account(&occurrence)).ok_or(Return::NOT_FOUND)
    }

    fn gpm_supported(&self, device: Handle) -> Result<bool> {
        let seen = self.seen("nvmlGpmQueryDeviceSupport", device)?;
        Ok(seen.gpu.product.gpm)
    }

    fn gpm_sample_alloc(&self) -> Result<GpmSample> {
        self.alloc_sample()
    }

    fn gpm_sample_free(&self, sample: GpmSample) -> Result<()> {
        self.free_sample(sample)
    }

    fn gpm_sample_get(&self, device: Handle, sample: GpmSample) -> Result<()> {
        let seen = self.whole("nvmlGpmSampleGet", device)?;
        self.take_sample(&seen, None, sample)
    }

    fn gpm_mig_sample_get(
        &self,
        device: Handle,
        gpu_instance_id: u32,
        sample: GpmSample,
    ) -> Result<()> {
        let seen = self.whole("nvmlGpmMigSampleGet", device)?;
        let layout = seen.layout.ok_or(Return::NOT_SUPPORTED)?;
        let place = layout.by_id(gpu_instance_id).ok_or(Return::INVALID_ARGUMENT)?;
        self.take_sample(&seen, Some(place), sample)
    }

    fn gpm_metrics(
        &self,
        older: GpmSample,
        newer: GpmSample,
        metrics: &[u32],
    ) -> Result<Vec<Result<f64>>> {
        self.metrics_between(older, newer, metrics)
    }

    fn event_set_create(&self) -> Result<EventSet> {
        self.create_set()
    }

    fn event_set_free(&self, set: EventSet) -> Result<()> {
        self.free_set(set)
    }

    fn supported_event_types(&self, device: Handle) -> Result<u64> {
        self.event_types(device)
    }

    fn register_events(&self, device: Handle, types: u64, set: EventSet) -> Result<()> {
        self.register(device, types, set)
    }

    fn event_set_wait(&self, set: EventSet, timeout_ms: u32) -> Result<Event> {
        self.wait_for_event(set, timeout_ms)
    }
}

impl SimDriver {
    /// As `whole`, for GPUs with ECC.
    pub(super) fn with_ecc(&self, symbol: &str, device: Handle) -> Result<Seen<'_>> {
        let seen = self.seen(symbol, device)?;
        if seen.gpu.product.ecc { Ok(seen) } else { Err(Return::NOT_SUPPORTED) }
    }
}

impl Seen<'_> {
    /// `NVIDIA H100 80GB HBM3`; of a MIG device with ` MIG 1g.10gb` behind it.
    pub(super) fn name(&self) -> String {
        let product = &self.gpu.product;
        let mig = self.layout.zip(self.mig);
        mig.map_or_else(
            || product.name.clone(),
            |(layout, (_, device))| {
                let profile = &product.mig[layout.instances[device.instance].profile];
                let part = match device.slices {
                    slices if slices == profile.slices => String::new(),
                    slices => format!("{slices}c."),
                };
                format!("{} MIG {part}{}", product.name, profile.name)
            },
        )
    }

    /// GPU- and compute-instance id of a MIG device.
    pub(super) fn ids(&self) -> Option<(u32, u32)> {
        let (_, device) = self.mig?;
        Some((self.layout?.instances[device.instance].id, device.compute_instance))
    }

    /// A handle for the GPU instance at a place: the GPU's, the layout's and the place's.
    pub(super) fn instance_handle(&self, place: usize) -> usize {
        let layout = self.gpu.layout_number(self.age_us);
        (1 << 40) | ((self.gpu.index + 1) << 20) | ((layout & 0xfff) << 8) | (place + 1)
    }

    /// MHz.
    pub(super) fn clock(&self, clock: ClockType) -> u32 {
        let (clocks, figures) = (&self.gpu.product.clocks, &self.gpu.figures);
        let busy = |idle: u32, busy: u32| {
            if self.state(crate::world::State::is_busy) { busy } else { idle }
        };
        match clock {
            ClockType::Graphics | ClockType::Sm => whole_number(self.state(|state| state.sm_clock)),
            ClockType::Memory => self
                .given(&figures.memory_clock)
                .map_or_else(|| busy(clocks.memory_idle, clocks.memory), whole_number),
            ClockType::Video => self
                .given(&figures.video_clock)
                .map_or_else(|| busy(clocks.video_idle, clocks.video), whole_number),
        }
    }

    /// Degrees C.
    pub(super) fn temperature(&self) -> f64 {
        let given = self.given(&self.gpu.figures.temperature);
        given.unwrap_or_else(|| self.state(|state| state.temperature))
    }

    /// Degrees C, where the GPU gives it.
    pub(super) fn memory_temperature(&self) -> Option<f64> {
        self.gpu.product.temperature.memory_idle?;
        let given = self.given(&self.gpu.figures.memory_temperature);
        Some(given.unwrap_or_else(|| self.state(|state| state.memory_temperature)))
    }

    /// The mean of a second where the product averages, else the momentary value.
    pub(super) fn power_watts(&self) -> f64 {
        if self.gpu.product.power.averaged {
            self.state(crate::world::State::average_watts)
        } else {
            self.instant_watts()
        }
    }

    pub(super) fn instant_watts(&self) -> f64 {
        let given = self.given(&self.gpu.figures.power_instant_watts);
        given.unwrap_or_else(|| self.state(|state| state.power_watts))
    }

    pub(super) fn energy_millijoules(&self) -> u64 {
        counter(self.state(|state| state.energy_at(self.age_us)) * 1000.0)
    }

    pub(super) fn performance_state(&self) -> EnumValue {
        let clocks = &self.gpu.product.clocks;
        let busy = self.state(crate::world::State::is_busy);
        let derived = if busy { clocks.state } else { clocks.state_idle };
        self.gpu.figures.performance_state.unwrap_or(derived)
    }

    /// Per cent of the driver's last whole sample.
    pub(super) fn use_of(&self, channel: Channel, given: &Option<crate::wave::Wave>) -> u32 {
        let given = self.given(given).map(whole_number);
        given.unwrap_or_else(|| per_cent(self.state(|state| state.window.get(channel))))
    }
}
