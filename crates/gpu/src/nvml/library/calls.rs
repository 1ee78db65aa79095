//! The driver trait over the loaded library: one method, one C call.

use std::os::raw::c_uint;

use nvml_wrapper_sys::bindings::{
    nvmlAccountingStats_t, nvmlDevice_t, nvmlDeviceAttributes_t, nvmlEventData_t, nvmlEventSet_t,
    nvmlFieldValue_t, nvmlGpmSample_t, nvmlGpmSupport_t, nvmlGpuInstance_t, nvmlGpuInstanceInfo_t,
    nvmlGpuInstanceProfileInfo_t, nvmlGpuInstanceProfileInfo_v2_t, nvmlGridLicensableFeatures_t,
    nvmlMemory_t, nvmlMemory_v2_t, nvmlPciInfo_t, nvmlProcessInfo_t,
    nvmlProcessUtilizationSample_t, nvmlUtilization_t,
};

use super::Library;
use super::answers::{LONGEST, check, field_value, list, some_bytes, some_id, text, text_by};
use super::layout::{GpmMetricsGet, version_word};
use crate::nvml::{
    AccountingStats, Attributes, ClockType, Driver, EccCounterType, EccErrorType, EnumValue, Event,
    EventSet, FieldAnswer, FieldRequest, GpmSample, GpuInstance, GpuInstanceHandle,
    GpuInstanceProfile, Handle, InforomObject, MemoryV1, MemoryV2, PciInfo, ProcessUtilization,
    RemappedRows, Result, Return, RunningProcess, UtilizationRates,
};

/// `NVML_INIT_FLAG_NO_GPUS`: a machine without a GPU is no error.
const NO_GPUS_IS_NO_ERROR: c_uint = 1;
/// `NVML_P2P_CAPS_INDEX_NVLINK`.
const P2P_OVER_NVLINK: c_uint = 2;
/// Entries of a list at the first try; more are asked for as the driver says.
const FIRST_TRY: c_uint = 64;
/// GPU instances of one profile on one GPU; NVML names 7 on an H100, 8 on an A30's like.
const INSTANCES: c_uint = 32;

/// Call one symbol of the library, if it is there.
macro_rules! call {
    ($library:expr, $symbol:ident($($arg:expr),* $(,)?)) => {
        match &$library.nvml.$symbol {
            // SAFETY: the symbol has the signature of nvml.h; pointers are to live, writable
            // values of the types that it declares, lengths are theirs, handles came from the
            // driver.
            Ok(function) => check(unsafe { function($($arg),*) }),
            Err(_) => Err(Return::FUNCTION_NOT_FOUND),
        }
    };
}

/// A call that writes one value.
macro_rules! get {
    ($library:expr, $symbol:ident($($arg:expr),*) -> $kind:ty) => {{
        let mut value = <$kind>::default();
        call!($library, $symbol($($arg,)* &raw mut value)).map(|()| value)
    }};
}

/// A struct of numbers, all zero.
macro_rules! zeroed {
    ($kind:ty) => {
        // SAFETY: the structs of NVML that this is used for hold numbers, arrays of numbers and
        // raw pointers, for all of which zero is a valid value.
        unsafe { std::mem::zeroed::<$kind>() }
    };
}

const fn raw(device: Handle) -> nvmlDevice_t {
    std::ptr::with_exposed_provenance_mut(device.0)
}

fn processes(
    read: impl FnMut(*mut nvmlProcessInfo_t, &mut c_uint) -> Result<()>,
) -> Result<Vec<RunningProcess>> {
    let entries = list(FIRST_TRY, &zeroed!(nvmlProcessInfo_t), read)?;
    Ok(entries
        .iter()
        .map(|entry| RunningProcess {
            pid: entry.pid,
            used_gpu_memory: some_bytes(entry.usedGpuMemory),
            gpu_instance_id: some_id(entry.gpuInstanceId),
            compute_instance_id: some_id(entry.computeInstanceId),
        })
        .collect())
}

impl Library {
    fn profile_v2(&self, device: Handle, profile: u32) -> Result<GpuInstanceProfile> {
        let mut info = zeroed!(nvmlGpuInstanceProfileInfo_v2_t);
        info.version = version_word::<nvmlGpuInstanceProfileInfo_v2_t>(2);
        call!(self, nvmlDeviceGetGpuInstanceProfileInfoV(raw(device), profile, &raw mut info))?;
        Ok(GpuInstanceProfile {
            id: info.id,
            slice_count: info.sliceCount,
            instance_count: info.instanceCount,
            memory_size_mb: info.memorySizeMB,
            name: text(&info.name),
        })
    }

    fn profile_v1(&self, device: Handle, profile: u32) -> Result<GpuInstanceProfile> {
        let mut info = zeroed!(nvmlGpuInstanceProfileInfo_t);
        call!(self, nvmlDeviceGetGpuInstanceProfileInfo(raw(device), profile, &raw mut info))?;
        Ok(GpuInstanceProfile {
            id: info.id,
            slice_count: info.sliceCount,
            instance_count: info.instanceCount,
            memory_size_mb: info.memorySizeMB,
            name: String::new(),
        })
    }

    fn instance_info(&self, instance: nvmlGpuInstance_t) -> Result<GpuInstance> {
        let mut info = zeroed!(nvmlGpuInstanceInfo_t);
        call!(self, nvmlGpuInstanceGetInfo(instance, &raw mut info))?;
        Ok(GpuInstance {
            handle: GpuInstanceHandle(instance.expose_provenance()),
            id: info.id,
            profile_id: info.profileId,
            placement_start: info.placement.start,
            placement_size: info.placement.size,
        })
    }
}

impl Driver for Library {
    fn init(&self) -> Result<()> {
        match call!(self, nvmlInitWithFlags(NO_GPUS_IS_NO_ERROR)) {
            Err(Return::FUNCTION_NOT_FOUND) => call!(self, nvmlInit_v2()),
            done => done,
        }
    }

    fn shutdown(&self) -> Result<()> {
        call!(self, nvmlShutdown())
    }

    fn is_simulated(&self) -> bool {
        self.simulated
    }

    fn system_driver_version(&self) -> Result<String> {
        text_by(|to, room| call!(self, nvmlSystemGetDriverVersion(to, room)))
    }

    fn system_nvml_version(&self) -> Result<String> {
        text_by(|to, room| call!(self, nvmlSystemGetNVMLVersion(to, room)))
    }

    fn system_cuda_driver_version(&self) -> Result<i32> {
        get!(self, nvmlSystemGetCudaDriverVersion_v2() -> i32)
    }

    fn device_count(&self) -> Result<u32> {
        get!(self, nvmlDeviceGetCount_v2() -> u32)
    }

    fn device_handle_by_index(&self, index: u32) -> Result<Handle> {
        let mut device: nvmlDevice_t = std::ptr::null_mut();
        call!(self, nvmlDeviceGetHandleByIndex_v2(index, &raw mut device))?;
        Ok(Handle(device.expose_provenance()))
    }

    fn uuid(&self, device: Handle) -> Result<String> {
        text_by(|to, room| call!(self, nvmlDeviceGetUUID(raw(device), to, room)))
    }

    fn name(&self, device: Handle) -> Result<String> {
        text_by(|to, room| call!(self, nvmlDeviceGetName(raw(device), to, room)))
    }

    fn serial(&self, device: Handle) -> Result<String> {
        text_by(|to, room| call!(self, nvmlDeviceGetSerial(raw(device), to, room)))
    }

    fn minor_number(&self, device: Handle) -> Result<u32> {
        get!(self, nvmlDeviceGetMinorNumber(raw(device)) -> u32)
    }

    fn pci_info(&self, device: Handle) -> Result<PciInfo> {
        let mut info = zeroed!(nvmlPciInfo_t);
        call!(self, nvmlDeviceGetPciInfo_v3(raw(device), &raw mut info))?;
        Ok(PciInfo {
            bus_id: text(&info.busId),
            domain: info.domain,
            bus: info.bus,
            device: info.device,
            pci_device_id: info.pciDeviceId,
            pci_sub_system_id: info.pciSubSystemId,
        })
    }

    fn architecture(&self, device: Handle) -> Result<EnumValue> {
        get!(self, nvmlDeviceGetArchitecture(raw(device)) -> u32)
    }

    fn brand(&self, device: Handle) -> Result<EnumValue> {
        get!(self, nvmlDeviceGetBrand(raw(device)) -> EnumValue)
    }

    fn vbios_version(&self, device: Handle) -> Result<String> {
        text_by(|to, room| call!(self, nvmlDeviceGetVbiosVersion(raw(device), to, room)))
    }

    fn inforom_image_version(&self, device: Handle) -> Result<String> {
        text_by(|to, room| call!(self, nvmlDeviceGetInforomImageVersion(raw(device), to, room)))
    }

    fn inforom_version(&self, device: Handle, object: InforomObject) -> Result<String> {
        let object = object as c_uint;
        text_by(|to, room| call!(self, nvmlDeviceGetInforomVersion(raw(device), object, to, room)))
    }

    fn compute_mode(&self, device: Handle) -> Result<EnumValue> {
        get!(self, nvmlDeviceGetComputeMode(raw(device)) -> u32)
    }

    fn persistence_mode(&self, device: Handle) -> Result<EnumValue> {
        get!(self, nvmlDeviceGetPersistenceMode(raw(device)) -> u32)
    }

    fn virtualization_mode(&self, device: Handle) -> Result<EnumValue> {
        get!(self, nvmlDeviceGetVirtualizationMode(raw(device)) -> u32)
    }

    fn vgpu_licensed(&self, device: Handle) -> Result<bool> {
        let mut features = zeroed!(nvmlGridLicensableFeatures_t);
        call!(self, nvmlDeviceGetGridLicensableFeatures_v4(raw(device), &raw mut features))?;
        let listed = features.gridLicensableFeatures.iter();
        Ok(features.isGridLicenseSupported != 0
            && listed
                .take(features.licensableFeaturesCount as usize)
                .any(|feature| feature.featureState != 0))
    }

    fn mig_mode(&self, device: Handle) -> Result<(EnumValue, EnumValue)> {
        let (mut current, mut pending) = (0, 0);
        call!(self, nvmlDeviceGetMigMode(raw(device), &raw mut current, &raw mut pending))?;
        Ok((current, pending))
    }

    fn max_mig_device_count(&self, device: Handle) -> Result<u32> {
        get!(self, nvmlDeviceGetMaxMigDeviceCount(raw(device)) -> u32)
    }

    fn mig_device_by_index(&self, device: Handle, index: u32) -> Result<Handle> {
        let mut mig: nvmlDevice_t = std::ptr::null_mut();
        call!(self, nvmlDeviceGetMigDeviceHandleByIndex(raw(device), index, &raw mut mig))?;
        Ok(Handle(mig.expose_provenance()))
    }

    fn gpu_instance_id(&self, mig_device: Handle) -> Result<u32> {
        get!(self, nvmlDeviceGetGpuInstanceId(raw(mig_device)) -> u32)
    }

    fn compute_instance_id(&self, mig_device: Handle) -> Result<u32> {
        get!(self, nvmlDeviceGetComputeInstanceId(raw(mig_device)) -> u32)
    }

    fn attributes(&self, mig_device: Handle) -> Result<Attributes> {
        let mut read = zeroed!(nvmlDeviceAttributes_t);
        call!(self, nvmlDeviceGetAttributes_v2(raw(mig_device), &raw mut read))?;
        Ok(Attributes {
            multiprocessor_count: read.multiprocessorCount,
            shared_copy_engine_count: read.sharedCopyEngineCount,
            shared_decoder_count: read.sharedDecoderCount,
            shared_encoder_count: read.sharedEncoderCount,
            shared_jpeg_count: read.sharedJpegCount,
            shared_ofa_count: read.sharedOfaCount,
            gpu_instance_slice_count: read.gpuInstanceSliceCount,
            compute_instance_slice_count: read.computeInstanceSliceCount,
            memory_size_mb: read.memorySizeMB,
        })
    }

    fn gpu_instance_profile(&self, device: Handle, profile: u32) -> Result<GpuInstanceProfile> {
        match self.profile_v2(device, profile) {
            Err(Return::FUNCTION_NOT_FOUND | Return::ARGUMENT_VERSION_MISMATCH) => {
                self.profile_v1(device, profile)
            }
            read => read,
        }
    }

    fn gpu_instances(&self, device: Handle, profile_id: u32) -> Result<Vec<GpuInstance>> {
        let mut found: [nvmlGpuInstance_t; INSTANCES as usize] =
            [std::ptr::null_mut(); INSTANCES as usize];
        let mut count = INSTANCES;
        call!(
            self,
            nvmlDeviceGetGpuInstances(raw(device), profile_id, found.as_mut_ptr(), &raw mut count)
        )?;
        found.iter().take(count as usize).map(|instance| self.instance_info(*instance)).collect()
    }

    fn memory_info_v2(&self, device: Handle) -> Result<MemoryV2> {
        let mut read = zeroed!(nvmlMemory_v2_t);
        read.version = version_word::<nvmlMemory_v2_t>(2);
        call!(self, nvmlDeviceGetMemoryInfo_v2(raw(device), &raw mut read))?;
        Ok(MemoryV2 {
            total: read.total,
            reserved: read.reserved,
            free: read.free,
            used: read.used,
        })
    }

    fn memory_info_v1(&self, device: Handle) -> Result<MemoryV1> {
        let mut read = zeroed!(nvmlMemory_t);
        call!(self, nvmlDeviceGetMemoryInfo(raw(device), &raw mut read))?;
        Ok(MemoryV1 { total: read.total, free: read.free, used: read.used })
    }

    fn clock_info(&self, device: Handle, clock: ClockType) -> Result<u32> {
        get!(self, nvmlDeviceGetClockInfo(raw(device), clock as c_uint) -> u32)
    }

    fn temperature(&self, device: Handle) -> Result<u32> {
        // NVML_TEMPERATURE_GPU is sensor 0.
        get!(self, nvmlDeviceGetTemperature(raw(device), 0) -> u32)
    }

    fn current_clocks_event_reasons(&self, device: Handle) -> Result<u64> {
        match get!(self, nvmlDeviceGetCurrentClocksEventReasons(raw(device)) -> u64) {
            Err(Return::FUNCTION_NOT_FOUND) => {
                get!(self, nvmlDeviceGetCurrentClocksThrottleReasons(raw(device)) -> u64)
            }
            answer => answer,
        }
    }

    fn p2p_status(&self, device: Handle, other: Handle) -> Result<EnumValue> {
        get!(self, nvmlDeviceGetP2PStatus(raw(device), raw(other), P2P_OVER_NVLINK) -> EnumValue)
    }

    fn power_usage(&self, device: Handle) -> Result<u32> {
        get!(self, nvmlDeviceGetPowerUsage(raw(device)) -> u32)
    }

    fn enforced_power_limit(&self, device: Handle) -> Result<u32> {
        get!(self, nvmlDeviceGetEnforcedPowerLimit(raw(device)) -> u32)
    }

    fn total_energy_consumption(&self, device: Handle) -> Result<u64> {
        get!(self, nvmlDeviceGetTotalEnergyConsumption(raw(device)) -> u64)
    }

    fn performance_state(&self, device: Handle) -> Result<EnumValue> {
        let mut state = 0;
        call!(self, nvmlDeviceGetPerformanceState(raw(device), &raw mut state))?;
        #[expect(clippy::unnecessary_cast, reason = "a signed enum where a compiler makes it so")]
        Ok(state as u32)
    }

    fn pcie_replay_counter(&self, device: Handle) -> Result<u32> {
        get!(self, nvmlDeviceGetPcieReplayCounter(raw(device)) -> u32)
    }

    fn utilization_rates(&self, device: Handle) -> Result<UtilizationRates> {
        let mut read = zeroed!(nvmlUtilization_t);
        call!(self, nvmlDeviceGetUtilizationRates(raw(device), &raw mut read))?;
        Ok(UtilizationRates { gpu: read.gpu, memory: read.memory })
    }

    fn encoder_utilization(&self, device: Handle) -> Result<u32> {
        let (mut value, mut window_us) = (0, 0);
        call!(
            self,
            nvmlDeviceGetEncoderUtilization(raw(device), &raw mut value, &raw mut window_us)
        )?;
        Ok(value)
    }

    fn decoder_utilization(&self, device: Handle) -> Result<u32> {
        let (mut value, mut window_us) = (0, 0);
        call!(
            self,
            nvmlDeviceGetDecoderUtilization(raw(device), &raw mut value, &raw mut window_us)
        )?;
        Ok(value)
    }

    fn ecc_mode(&self, device: Handle) -> Result<EnumValue> {
        let (mut current, mut pending) = (0, 0);
        call!(self, nvmlDeviceGetEccMode(raw(device), &raw mut current, &raw mut pending))?;
        Ok(current)
    }

    fn total_ecc_errors(
        &self,
        device: Handle,
        error: EccErrorType,
        counter: EccCounterType,
    ) -> Result<u64> {
        get!(
            self,
            nvmlDeviceGetTotalEccErrors(raw(device), error as c_uint, counter as c_uint) -> u64
        )
    }

    fn remapped_rows(&self, device: Handle) -> Result<RemappedRows> {
        let (mut correctable, mut uncorrectable, mut pending, mut failure) = (0, 0, 0, 0);
        call!(
            self,
            nvmlDeviceGetRemappedRows(
                raw(device),
                &raw mut correctable,
                &raw mut uncorrectable,
                &raw mut pending,
                &raw mut failure
            )
        )?;
        Ok(RemappedRows {
            correctable,
            uncorrectable,
            pending: pending != 0,
            failure: failure != 0,
        })
    }

    fn field_values(&self, device: Handle, fields: &[FieldRequest]) -> Result<Vec<FieldAnswer>> {
        let mut entries: Vec<nvmlFieldValue_t> = fields.iter().map(field_entry).collect();
        let count = i32::try_from(entries.len()).map_err(|_| Return::INVALID_ARGUMENT)?;
        call!(self, nvmlDeviceGetFieldValues(raw(device), count, entries.as_mut_ptr()))?;
        Ok(entries.iter().map(field_answer).collect())
    }

    fn compute_processes(&self, device: Handle) -> Result<Vec<RunningProcess>> {
        processes(|to, count| {
            call!(self, nvmlDeviceGetComputeRunningProcesses_v3(raw(device), count, to))
        })
    }

    fn graphics_processes(&self, device: Handle) -> Result<Vec<RunningProcess>> {
        processes(|to, count| {
            call!(self, nvmlDeviceGetGraphicsRunningProcesses_v3(raw(device), count, to))
        })
    }

    fn mps_processes(&self, device: Handle) -> Result<Vec<RunningProcess>> {
        processes(|to, count| {
            call!(self, nvmlDeviceGetMPSComputeRunningProcesses_v3(raw(device), count, to))
        })
    }

    fn process_utilization(
        &self,
        device: Handle,
        since_us: u64,
    ) -> Result<Vec<ProcessUtilization>> {
        let mut wanted = 0;
        let no_buffer = std::ptr::null_mut();
        let asked = call!(
            self,
            nvmlDeviceGetProcessUtilization(raw(device), no_buffer, &raw mut wanted, since_us)
        );
        match asked {
            Ok(()) if wanted == 0 => return Ok(Vec::new()),
            Ok(()) | Err(Return::INSUFFICIENT_SIZE) => {}
            Err(code) => return Err(code),
        }
        let empty = zeroed!(nvmlProcessUtilizationSample_t);
        let entries = list(wanted.clamp(1, LONGEST), &empty, |to, count| {
            call!(self, nvmlDeviceGetProcessUtilization(raw(device), to, count, since_us))
        })?;
        Ok(entries
            .iter()
            .map(|entry| ProcessUtilization {
                pid: entry.pid,
                timestamp_us: entry.timeStamp,
                sm: entry.smUtil,
                memory: entry.memUtil,
                encoder: entry.encUtil,
                decoder: entry.decUtil,
            })
            .collect())
    }

    fn accounting_mode(&self, device: Handle) -> Result<EnumValue> {
        get!(self, nvmlDeviceGetAccountingMode(raw(device)) -> u32)
    }

    fn accounting_pids(&self, device: Handle) -> Result<Vec<u32>> {
        list(FIRST_TRY, &0, |to, count| {
            call!(self, nvmlDeviceGetAccountingPids(raw(device), count, to))
        })
    }

    fn accounting_stats(&self, device: Handle, pid: u32) -> Result<AccountingStats> {
        let mut read = zeroed!(nvmlAccountingStats_t);
        call!(self, nvmlDeviceGetAccountingStats(raw(device), pid, &raw mut read))?;
        Ok(AccountingStats {
            gpu_utilization: some_id(read.gpuUtilization),
            memory_utilization: some_id(read.memoryUtilization),
            max_memory_usage: some_bytes(read.maxMemoryUsage),
            time_ms: read.time,
            start_time_us: read.startTime,
            is_running: read.isRunning != 0,
        })
    }

    fn gpm_supported(&self, device: Handle) -> Result<bool> {
        let mut read = zeroed!(nvmlGpmSupport_t);
        read.version = nvml_wrapper_sys::bindings::NVML_GPM_SUPPORT_VERSION;
        call!(self, nvmlGpmQueryDeviceSupport(raw(device), &raw mut read))?;
        Ok(read.isSupportedDevice != 0)
    }

    fn gpm_sample_alloc(&self) -> Result<GpmSample> {
        let mut sample: nvmlGpmSample_t = std::ptr::null_mut();
        call!(self, nvmlGpmSampleAlloc(&raw mut sample))?;
        Ok(GpmSample(sample.expose_provenance()))
    }

    fn gpm_sample_free(&self, sample: GpmSample) -> Result<()> {
        call!(self, nvmlGpmSampleFree(raw_sample(sample)))
    }

    fn gpm_sample_get(&self, device: Handle, sample: GpmSample) -> Result<()> {
        call!(self, nvmlGpmSampleGet(raw(device), raw_sample(sample)))
    }

    fn gpm_mig_sample_get(
        &self,
        device: Handle,
        gpu_instance_id: u32,
        sample: GpmSample,
    ) -> Result<()> {
        call!(self, nvmlGpmMigSampleGet(raw(device), gpu_instance_id, raw_sample(sample)))
    }

    fn gpm_metrics(
        &self,
        older: GpmSample,
        newer: GpmSample,
        metrics: &[u32],
    ) -> Result<Vec<Result<f64>>> {
        let mut request = GpmMetricsGet::new(raw_sample(older), raw_sample(newer), metrics);
        call!(self, nvmlGpmMetricsGet(request.as_mut_ptr()))?;
        let answered = request.metrics.iter().take(metrics.len());
        Ok(answered.map(|entry| check(entry.nvmlReturn).map(|()| entry.value)).collect())
    }

    fn event_set_create(&self) -> Result<EventSet> {
        let mut set: nvmlEventSet_t = std::ptr::null_mut();
        call!(self, nvmlEventSetCreate(&raw mut set))?;
        Ok(EventSet(set.expose_provenance()))
    }

    fn event_set_free(&self, set: EventSet) -> Result<()> {
        call!(self, nvmlEventSetFree(raw_set(set)))
    }

    fn supported_event_types(&self, device: Handle) -> Result<u64> {
        get!(self, nvmlDeviceGetSupportedEventTypes(raw(device)) -> u64)
    }

    fn register_events(&self, device: Handle, types: u64, set: EventSet) -> Result<()> {
        call!(self, nvmlDeviceRegisterEvents(raw(device), types, raw_set(set)))
    }

    fn event_set_wait(&self, set: EventSet, timeout_ms: u32) -> Result<Event> {
        let mut data = zeroed!(nvmlEventData_t);
        call!(self, nvmlEventSetWait_v2(raw_set(set), &raw mut data, timeout_ms))?;
        Ok(Event {
            device: Handle(data.device.expose_provenance()),
            event_type: data.eventType,
            data: data.eventData,
            gpu_instance_id: some_id(data.gpuInstanceId),
            compute_instance_id: some_id(data.computeInstanceId),
        })
    }
}

const fn raw_sample(sample: GpmSample) -> nvmlGpmSample_t {
    std::ptr::with_exposed_provenance_mut(sample.0)
}

const fn raw_set(set: EventSet) -> nvmlEventSet_t {
    std::ptr::with_exposed_provenance_mut(set.0)
}

fn field_entry(request: &FieldRequest) -> nvmlFieldValue_t {
    let mut entry = zeroed!(nvmlFieldValue_t);
    (entry.fieldId, entry.scopeId) = (request.field, request.scope);
    entry
}

fn field_answer(entry: &nvmlFieldValue_t) -> FieldAnswer {
    // SAFETY: the union holds numbers only, and its eight bytes were zeroed before the call.
    let raw = unsafe { entry.value.ullVal };
    let value = check(entry.nvmlReturn).and_then(|()| field_value(entry.valueType, raw));
    FieldAnswer { timestamp_us: entry.timestamp, raw, value }
}
