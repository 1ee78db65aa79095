//! Calls that other programs make and gpulse does not: methods beside the trait, named after
//! NVML's functions.

use gpu::nvml::{
    ClockType, EccCounterType, EccErrorType, EnumValue, GpuInstance, GpuInstanceHandle, Handle,
    Result, Return,
};

use super::answers::{
    Bar1Memory, ComputeInstance, EncoderStats, FabricInfo, PerfPolicy, RowRemapperHistogram,
    SramEccErrorStatus, TemperatureThreshold, ViolationTime,
};
use super::{Seen, SimDriver, counter, gpu_handle, mig_handle, whole_number};
use crate::world::Channel;

/// `NVML_TOPOLOGY_NODE`: on one NUMA node, over different bridges.
const SAME_NODE: EnumValue = 40;
/// `NVML_GPU_FABRIC_STATE_COMPLETED`.
const FABRIC_COMPLETED: u8 = 3;
/// All reasons that NVML 13 knows, as captured.
const ALL_REASONS: u64 = 0x1ff;
/// Of BAR1, the first MiB is in use even on an idle GPU.
const BAR1_BASE: u64 = 1 << 20;
/// Of this many MiB or less, only a window of memory is mapped.
const SMALL_BAR1: u64 = 256 << 20;

#[expect(missing_docs, clippy::missing_errors_doc, reason = "each is the NVML function so named")]
impl SimDriver {
    /// A GPU or MIG device.
    pub fn handle_by_uuid(&self, uuid: &str) -> Result<Handle> {
        let (_, age_us) = self.enter("nvmlDeviceGetHandleByUUID")?;
        for gpu in &self.node().gpus {
            if gpu.uuid == uuid {
                return self
                    .seen("nvmlDeviceGetHandleByUUID", gpu_handle(gpu.index))
                    .map(|_| gpu_handle(gpu.index));
            }
            let devices = gpu.layout_at(age_us).map(|layout| &layout.devices);
            for (number, device) in (0_u32..).zip(devices.into_iter().flatten()) {
                if &*device.uuid == uuid {
                    return Ok(mig_handle(gpu.index, gpu.layout_number(age_us), number));
                }
            }
        }
        Err(Return::NOT_FOUND)
    }

    /// With a domain of four or eight digits, in either case.
    pub fn handle_by_pci_bus_id(&self, bus_id: &str) -> Result<Handle> {
        self.enter("nvmlDeviceGetHandleByPciBusId_v2")?;
        let wanted = bus_id.to_ascii_uppercase();
        let same = |known: &str| known == wanted || known.get(4..) == Some(wanted.as_str());
        let gpu = self.node().gpus.iter().find(|gpu| same(&gpu.bus_id()));
        let handle = gpu_handle(gpu.ok_or(Return::NOT_FOUND)?.index);
        self.seen("nvmlDeviceGetHandleByPciBusId_v2", handle).map(|_| handle)
    }

    pub fn is_mig_device_handle(&self, device: Handle) -> Result<bool> {
        Ok(self.seen("nvmlDeviceIsMigDeviceHandle", device)?.mig.is_some())
    }

    pub fn device_handle_from_mig_device_handle(&self, mig_device: Handle) -> Result<Handle> {
        let seen = self.seen("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", mig_device)?;
        seen.mig.ok_or(Return::INVALID_ARGUMENT)?;
        Ok(gpu_handle(seen.gpu.index))
    }

    /// Of a MIG device its number on its GPU.
    pub fn index(&self, device: Handle) -> Result<u32> {
        let seen = self.seen("nvmlDeviceGetIndex", device)?;
        let index = u32::try_from(seen.gpu.index).map_err(|_| Return::UNKNOWN)?;
        Ok(seen.mig.map_or(index, |(number, _)| number))
    }

    pub fn board_part_number(&self, device: Handle) -> Result<String> {
        let seen = self.whole("nvmlDeviceGetBoardPartNumber", device)?;
        seen.gpu.product.board_part.clone().ok_or(Return::NOT_SUPPORTED)
    }

    /// Bus and device number in one word, as captured.
    pub fn board_id(&self, device: Handle) -> Result<u32> {
        let (_, bus, number) = self.whole("nvmlDeviceGetBoardId", device)?.gpu.pci;
        Ok((bus << 8) | number)
    }

    pub fn multi_gpu_board(&self, device: Handle) -> Result<bool> {
        self.whole("nvmlDeviceGetMultiGpuBoard", device).map(|_| false)
    }

    /// Deprecated by driver 590.
    pub fn display_mode(&self, device: Handle) -> Result<EnumValue> {
        self.whole("nvmlDeviceGetDisplayMode", device)?;
        Err(Return::DEPRECATED)
    }

    pub fn display_active(&self, device: Handle) -> Result<EnumValue> {
        let seen = self.whole("nvmlDeviceGetDisplayActive", device)?;
        Ok(u32::from(seen.gpu.product.display_active))
    }

    /// Windows only.
    pub fn driver_model(&self, device: Handle) -> Result<(EnumValue, EnumValue)> {
        self.whole("nvmlDeviceGetDriverModel_v2", device)?;
        Err(Return::NOT_SUPPORTED)
    }

    /// Major and minor.
    pub fn cuda_compute_capability(&self, device: Handle) -> Result<(i32, i32)> {
        let seen = self.seen("nvmlDeviceGetCudaComputeCapability", device)?;
        Ok(seen.gpu.product.compute_capability)
    }

    /// Enabled now and by default.
    pub fn gsp_firmware_mode(&self, device: Handle) -> Result<(bool, bool)> {
        self.whole("nvmlDeviceGetGspFirmwareMode", device).map(|_| (true, true))
    }

    pub fn gsp_firmware_version(&self, device: Handle) -> Result<String> {
        let seen = self.whole("nvmlDeviceGetGspFirmwareVersion", device)?;
        Ok(seen.node.life_at(seen.age_us).1.version.clone())
    }

    pub fn numa_node_id(&self, device: Handle) -> Result<u32> {
        self.whole("nvmlDeviceGetNumaNodeId", device)?;
        Err(Return::NOT_SUPPORTED)
    }

    pub fn host_vgpu_mode(&self, device: Handle) -> Result<EnumValue> {
        self.whole("nvmlDeviceGetHostVgpuMode", device)?;
        Err(Return::NOT_SUPPORTED)
    }

    /// One word of the CPU mask: the first half of 64 CPUs for the first half of the GPUs.
    pub fn cpu_affinity(&self, device: Handle) -> Result<u64> {
        let seen = self.whole("nvmlDeviceGetCpuAffinity", device)?;
        let second = seen.gpu.index * 2 >= seen.node.gpus.len() && seen.node.gpus.len() > 1;
        Ok(if second { 0xffff_ffff_0000_0000 } else { 0x0000_0000_ffff_ffff })
    }

    pub fn bar1_memory_info(&self, device: Handle) -> Result<Bar1Memory> {
        Ok(self.seen("nvmlDeviceGetBAR1MemoryInfo", device)?.bar1())
    }

    /// Degrees C to the core's limit.
    pub fn margin_temperature(&self, device: Handle) -> Result<i32> {
        let seen = self.whole("nvmlDeviceGetMarginTemperature", device)?;
        let limit = seen.gpu.product.temperature.limit.ok_or(Return::NOT_SUPPORTED)?;
        let given = seen.given(&seen.gpu.figures.margin_temperature);
        #[expect(clippy::cast_possible_truncation, reason = "degrees")]
        let margin = given.unwrap_or_else(|| limit - seen.temperature()).round() as i32;
        Ok(margin)
    }

    /// Where the GPU has a margin, thresholds are fields 193 to 196, and this call has no answer
    /// for memory.
    pub fn temperature_threshold(
        &self,
        device: Handle,
        threshold: TemperatureThreshold,
    ) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetTemperatureThreshold", device)?;
        let heat = &seen.gpu.product.temperature;
        match threshold {
            TemperatureThreshold::Shutdown => Ok(heat.shutdown),
            TemperatureThreshold::Slowdown => Ok(heat.slowdown),
            TemperatureThreshold::MemoryMax => {
                heat.memory_max_operating.ok_or(Return::NOT_SUPPORTED)
            }
            TemperatureThreshold::GpuMax => Ok(heat.max_operating),
        }
    }

    /// Per cent of the fan's full speed.
    pub fn fan_speed(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetFanSpeed", device)?;
        let usual = seen.gpu.product.fan_speed.ok_or(Return::NOT_SUPPORTED)?;
        Ok(seen.gpu.figures.fan_speed.unwrap_or(usual))
    }

    /// Milliwatts.
    pub fn power_management_limit(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetPowerManagementLimit", device)?;
        Ok(whole_number(seen.gpu.power_limit * 1000.0))
    }

    /// Milliwatts.
    pub fn power_management_default_limit(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetPowerManagementDefaultLimit", device)?;
        Ok(whole_number(seen.gpu.product.power.limit * 1000.0))
    }

    /// Least and most, in milliwatts.
    pub fn power_management_limit_constraints(&self, device: Handle) -> Result<(u32, u32)> {
        let seen = self.whole("nvmlDeviceGetPowerManagementLimitConstraints", device)?;
        let power = &seen.gpu.product.power;
        Ok((whole_number(power.limit_min * 1000.0), whole_number(power.limit_max * 1000.0)))
    }

    /// MHz.
    pub fn max_clock_info(&self, device: Handle, clock: ClockType) -> Result<u32> {
        let clocks = &self.whole("nvmlDeviceGetMaxClockInfo", device)?.gpu.product.clocks;
        Ok(match clock {
            ClockType::Graphics | ClockType::Sm => clocks.sm_max,
            ClockType::Memory => clocks.memory_max,
            ClockType::Video => clocks.video_max,
        })
    }

    /// Deprecated by driver 590.
    pub fn applications_clock(&self, device: Handle, _clock: ClockType) -> Result<u32> {
        self.whole("nvmlDeviceGetApplicationsClock", device)?;
        Err(Return::DEPRECATED)
    }

    /// MHz; graphics alone.
    pub fn max_customer_boost_clock(&self, device: Handle, clock: ClockType) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetMaxCustomerBoostClock", device)?;
        match clock {
            ClockType::Graphics => Ok(seen.gpu.product.clocks.sm_max),
            _ => Err(Return::NOT_SUPPORTED),
        }
    }

    /// `nvmlDeviceGetClock`: id 0 is the current clock, 3 the customer's boost.
    pub fn clock(&self, device: Handle, clock: ClockType, id: u32) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetClock", device)?;
        match id {
            0 => Ok(seen.clock(clock)),
            1 | 2 => Err(Return::DEPRECATED),
            3 => self.max_customer_boost_clock(device, clock),
            _ => Err(Return::INVALID_ARGUMENT),
        }
    }

    pub fn supported_clocks_event_reasons(&self, device: Handle) -> Result<u64> {
        self.whole("nvmlDeviceGetSupportedClocksEventReasons", device).map(|_| ALL_REASONS)
    }

    pub fn violation_status(&self, device: Handle, policy: PerfPolicy) -> Result<ViolationTime> {
        let seen = self.whole("nvmlDeviceGetViolationStatus", device)?;
        let seconds = seen.state(|state| match policy {
            PerfPolicy::Power => state.power_capped_seconds,
            PerfPolicy::Thermal => state.heat_capped_seconds,
            _ => 0.0,
        });
        Ok(ViolationTime {
            reference_time_us: u64::try_from(seen.now.0).unwrap_or(0),
            violation_time_ns: counter(seconds * 1e9),
        })
    }

    pub fn curr_pcie_link_generation(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetCurrPcieLinkGeneration", device)?;
        let pcie = &seen.gpu.product.pcie;
        let busy = seen.state(crate::world::State::is_busy);
        let derived = if busy { pcie.generation } else { pcie.generation_idle };
        Ok(seen.gpu.figures.pcie_generation.unwrap_or(derived))
    }

    pub fn max_pcie_link_generation(&self, device: Handle) -> Result<u32> {
        Ok(self.whole("nvmlDeviceGetMaxPcieLinkGeneration", device)?.gpu.product.pcie.generation)
    }

    pub fn curr_pcie_link_width(&self, device: Handle) -> Result<u32> {
        Ok(self.whole("nvmlDeviceGetCurrPcieLinkWidth", device)?.gpu.product.pcie.width)
    }

    pub fn max_pcie_link_width(&self, device: Handle) -> Result<u32> {
        Ok(self.whole("nvmlDeviceGetMaxPcieLinkWidth", device)?.gpu.product.pcie.width)
    }

    /// KB/s; `receive` is direction 1.
    pub fn pcie_throughput(&self, device: Handle, receive: bool) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetPcieThroughput", device)?;
        let channel = if receive { Channel::PcieRx } else { Channel::PcieTx };
        Ok(whole_number(seen.state(|state| state.rates.get(channel)) / 1000.0))
    }

    /// Per cent.
    pub fn jpg_utilization(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetJpgUtilization", device)?;
        seen.uncut()?;
        Ok(seen.use_of(Channel::Jpeg, &None))
    }

    /// Per cent.
    pub fn ofa_utilization(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetOfaUtilization", device)?;
        seen.uncut()?;
        Ok(seen.use_of(Channel::Ofa, &None))
    }

    /// How long the windows of use are, in microseconds: the sampling period that comes with
    /// encoder, decoder, JPEG and OFA use.
    pub fn sampling_period_us(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetEncoderUtilization", device)?;
        Ok(u32::try_from(seen.gpu.product.samples.period.micros()).unwrap_or(u32::MAX))
    }

    pub fn encoder_stats(&self, device: Handle) -> Result<EncoderStats> {
        let seen = self.whole("nvmlDeviceGetEncoderStats", device)?;
        let mut stats = EncoderStats::default();
        for (occurrence, _) in seen.node.on_gpu(seen.gpu.index, seen.age_us) {
            let encodes = seen.node.process(&occurrence).work.encodes();
            stats.session_count += u32::from(encodes);
        }
        // 1080p on one encoder, shared by the sessions.
        stats.average_fps = 214_u32.checked_div(stats.session_count).unwrap_or(0);
        stats.average_latency = 1_000_000_u32.checked_div(stats.average_fps).unwrap_or(0);
        Ok(stats)
    }

    pub fn accounting_buffer_size(&self, device: Handle) -> Result<u32> {
        let seen = self.whole("nvmlDeviceGetAccountingBufferSize", device)?;
        Ok(seen.gpu.product.accounting_buffer)
    }

    /// `nvmlDeviceGetMemoryErrorCounter` at an `nvmlMemoryLocation_t`: device memory and SRAM have
    /// counters, the rest has not.
    pub fn memory_error_counter(
        &self,
        device: Handle,
        _error: EccErrorType,
        _counter: EccCounterType,
        location: u32,
    ) -> Result<u64> {
        /// `NVML_MEMORY_LOCATION_DRAM` and `NVML_MEMORY_LOCATION_SRAM`.
        const COUNTED: [u32; 2] = [2, 7];
        self.with_ecc("nvmlDeviceGetMemoryErrorCounter", device)?;
        if COUNTED.contains(&location) { Ok(0) } else { Err(Return::NOT_SUPPORTED) }
    }

    pub fn sram_ecc_error_status(&self, device: Handle) -> Result<SramEccErrorStatus> {
        let seen = self.with_ecc("nvmlDeviceGetSramEccErrorStatus", device)?;
        if seen.mig.is_some() {
            Err(Return::NOT_SUPPORTED)
        } else {
            Ok(SramEccErrorStatus::default())
        }
    }

    /// From Ampere on rows are remapped instead.
    pub fn retired_pages(&self, device: Handle) -> Result<Vec<u64>> {
        self.whole("nvmlDeviceGetRetiredPages", device)?;
        Err(Return::NOT_SUPPORTED)
    }

    pub fn retired_pages_pending_status(&self, device: Handle) -> Result<EnumValue> {
        self.whole("nvmlDeviceGetRetiredPagesPendingStatus", device)?;
        Err(Return::NOT_SUPPORTED)
    }

    pub fn row_remapper_histogram(&self, device: Handle) -> Result<RowRemapperHistogram> {
        let seen = self.whole("nvmlDeviceGetRowRemapperHistogram", device)?;
        if !seen.gpu.product.remapped_rows {
            return Err(Return::NOT_SUPPORTED);
        }
        let max = seen.gpu.product.row_banks;
        Ok(RowRemapperHistogram { max, ..RowRemapperHistogram::default() })
    }

    /// Total, free and used protected memory: none without confidential computing.
    pub fn conf_compute_mem_size_info(&self, device: Handle) -> Result<(u64, u64)> {
        self.whole("nvmlDeviceGetConfComputeMemSizeInfo", device).map(|_| (0, 0))
    }

    pub fn gpu_fabric_info(&self, device: Handle) -> Result<FabricInfo> {
        let seen = self.whole("nvmlDeviceGetGpuFabricInfoV", device)?;
        if !seen.gpu.product.fabric {
            return Err(Return::NOT_SUPPORTED);
        }
        Ok(FabricInfo { state: FABRIC_COMPLETED, ..FabricInfo::default() })
    }

    pub fn nvlink_state(&self, device: Handle, link: u32) -> Result<bool> {
        self.link("nvmlDeviceGetNvLinkState", device, link).map(|_| true)
    }

    /// An `nvmlNvLinkErrorCounter_t` of a link; they are all at 0.
    pub fn nvlink_error_counter(&self, device: Handle, link: u32, _counter: u32) -> Result<u64> {
        self.link("nvmlDeviceGetNvLinkErrorCounter", device, link).map(|_| 0)
    }

    /// `NVML_NVLINK_DEVICE_TYPE_SWITCH` is 2.
    pub fn nvlink_remote_device_type(&self, device: Handle, link: u32) -> Result<EnumValue> {
        self.link("nvmlDeviceGetNvLinkRemoteDeviceType", device, link).map(|_| 2)
    }

    fn link(&self, symbol: &str, device: Handle, link: u32) -> Result<Seen<'_>> {
        let seen = self.whole(symbol, device)?;
        seen.uncut()?;
        match seen.gpu.product.nvlink.links {
            0 => Err(Return::NOT_SUPPORTED),
            links if link < links => Ok(seen),
            _ => Err(Return::INVALID_ARGUMENT),
        }
    }

    /// `nvmlGpuTopologyLevel_t`.
    pub fn topology_common_ancestor(&self, device: Handle, other: Handle) -> Result<EnumValue> {
        self.whole("nvmlDeviceGetTopologyCommonAncestor", device)?;
        self.whole("nvmlDeviceGetTopologyCommonAncestor", other).map(|_| SAME_NODE)
    }

    pub fn gpu_instance_by_id(&self, device: Handle, id: u32) -> Result<GpuInstance> {
        let seen = self.whole("nvmlDeviceGetGpuInstanceById", device)?;
        let layout = seen.layout.ok_or(Return::NOT_SUPPORTED)?;
        let place = layout.by_id(id).ok_or(Return::NOT_FOUND)?;
        let instance = &layout.instances[place];
        Ok(GpuInstance {
            handle: GpuInstanceHandle(seen.instance_handle(place)),
            id,
            profile_id: seen.gpu.product.mig[instance.profile].id,
            placement_start: instance.start,
            placement_size: instance.size,
        })
    }

    /// The GPU instance behind its handle, with the GPU's handle.
    pub fn gpu_instance_info(&self, instance: GpuInstanceHandle) -> Result<(Handle, GpuInstance)> {
        let (device, place) = instance_parts(instance)?;
        let seen = self.whole("nvmlDeviceGetGpuInstanceById", device)?;
        let layout = seen.layout.ok_or(Return::NOT_FOUND)?;
        if seen.instance_handle(place) != instance.0 {
            return Err(Return::NOT_FOUND);
        }
        let id = layout.instances.get(place).ok_or(Return::NOT_FOUND)?.id;
        Ok((device, self.gpu_instance_by_id(device, id)?))
    }

    /// Compute instances of a GPU instance, with what `nvmlComputeInstanceGetInfo_v2` says of each.
    pub fn compute_instances(&self, instance: GpuInstanceHandle) -> Result<Vec<ComputeInstance>> {
        let (device, place) = instance_parts(instance)?;
        let seen = self.whole("nvmlGpuInstanceGetComputeInstances", device)?;
        let layout = seen.layout.ok_or(Return::NOT_FOUND)?;
        if seen.instance_handle(place) != instance.0 || place >= layout.instances.len() {
            return Err(Return::NOT_FOUND);
        }
        let mut start = 0;
        let inside = layout.devices.iter().filter(|device| device.instance == place);
        Ok(inside
            .map(|inside| {
                let placement_start = start;
                start += inside.slices;
                ComputeInstance {
                    handle: instance.0 | ((inside.compute_instance as usize + 1) << 44),
                    device,
                    gpu_instance: instance,
                    id: inside.compute_instance,
                    profile_id: inside.slices - 1,
                    placement_start,
                    placement_size: inside.slices,
                }
            })
            .collect())
    }
}

/// GPU and place that a GPU instance's handle stands for.
fn instance_parts(instance: GpuInstanceHandle) -> Result<(Handle, usize)> {
    let index = ((instance.0 >> 20) & 0xf_ffff).checked_sub(1);
    let place = (instance.0 & 0xff).checked_sub(1);
    let marked = instance.0 >> 40 == 1;
    let (index, place) = index.zip(place).filter(|_| marked).ok_or(Return::INVALID_ARGUMENT)?;
    Ok((gpu_handle(index), place))
}

impl Seen<'_> {
    /// Large BARs map all memory in use; small ones a window of it.
    fn bar1(&self) -> Bar1Memory {
        let product = &self.gpu.product;
        let used = self.gpu.memory(self.node, self.age_us, None).used;
        let (total, used) = match (self.layout, self.mig) {
            (Some(layout), Some((_, device))) => {
                let profile = &product.mig[layout.instances[device.instance].profile];
                (profile.bar1.0, 0)
            }
            _ if product.bar1.0 <= SMALL_BAR1 => (product.bar1.0, product.bar1.0 / 8),
            _ => (product.bar1.0, (used + BAR1_BASE).min(product.bar1.0)),
        };
        Bar1Memory { total, free: total - used, used }
    }
}
