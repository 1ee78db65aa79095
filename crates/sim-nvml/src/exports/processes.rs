//! Who is on a device: process lists in three generations of structures, use, accounting.

use std::ffi::c_char;

use gpu::nvml::{
    AccountingStats, Driver, Handle, ProcessUtilization, Result, Return, RunningProcess,
};
use nvml_wrapper_sys::bindings::{
    nvmlAccountingStats_t, nvmlProcessDetail_v1_t, nvmlProcessDetailList_v1_t, nvmlProcessInfo_t,
    nvmlProcessInfo_v1_t, nvmlProcessUtilizationInfo_v1_t, nvmlProcessUtilizationSample_t,
    nvmlProcessesUtilizationInfo_v1_t,
};
use sim::SimDriver;
use sim::driver::ProcessUtilizationInfo;

use crate::boundary::exports;
use crate::handle::Opaque;
use crate::pointer::{InOut, Out, member, put_list, version_word};

/// `NVML_VALUE_NOT_AVAILABLE` in 64 bits.
const NO_VALUE: u64 = u64::MAX;
/// No instance id, and in accounting no utilisation.
const NO_ID: u32 = u32::MAX;
/// How many samples the driver says it may hold when it is asked for the size.
const SAMPLE_BUFFER: u32 = 100;
/// `nvmlProcessesUtilizationInfo_v1` and `nvmlProcessDetailList_v1`, both 0x01000018.
const USE_LIST_V1: u32 = version_word::<nvmlProcessesUtilizationInfo_v1_t>(1);
const DETAIL_LIST_V1: u32 = version_word::<nvmlProcessDetailList_v1_t>(1);

/// One of the three lists.
type List = fn(&SimDriver, Handle) -> Result<Vec<RunningProcess>>;
const COMPUTE: List = SimDriver::compute_processes;
const GRAPHICS: List = SimDriver::graphics_processes;
const MPS: List = SimDriver::mps_processes;

/// The two newer generations share one structure of 24 bytes; the first has 16.
macro_rules! process_lists {
    ($($list:ident: $first:ident, $second:ident, $third:ident;)*) => {exports! {$(
        /// Structures of 16 bytes, without instance ids.
        fn $first(driver, device: Opaque, count: InOut<u32>, buffer: Out<nvmlProcessInfo_v1_t>) {
            put_processes(driver, device.get()?, $list, count, buffer, process_v1)
        }

        /// Structures of 24 bytes.
        fn $second(driver, device: Opaque, count: InOut<u32>, buffer: Out<nvmlProcessInfo_t>) {
            put_processes(driver, device.get()?, $list, count, buffer, process_v2)
        }

        /// Structures of 24 bytes, as of drivers after 535.
        fn $third(driver, device: Opaque, count: InOut<u32>, buffer: Out<nvmlProcessInfo_t>) {
            put_processes(driver, device.get()?, $list, count, buffer, process_v2)
        }
    )*}};
}

process_lists! {
    COMPUTE: nvmlDeviceGetComputeRunningProcesses, nvmlDeviceGetComputeRunningProcesses_v2,
        nvmlDeviceGetComputeRunningProcesses_v3;
    GRAPHICS: nvmlDeviceGetGraphicsRunningProcesses, nvmlDeviceGetGraphicsRunningProcesses_v2,
        nvmlDeviceGetGraphicsRunningProcesses_v3;
    MPS: nvmlDeviceGetMPSComputeRunningProcesses, nvmlDeviceGetMPSComputeRunningProcesses_v2,
        nvmlDeviceGetMPSComputeRunningProcesses_v3;
}

exports! {
    /// `nvmlDeviceGetRunningProcessDetailList`: mode 0 compute, 1 graphics, 2 MPS.
    fn nvmlDeviceGetRunningProcessDetailList(
        driver, device: Opaque, list: InOut<nvmlProcessDetailList_v1_t>,
    ) {
        list.expect_version(DETAIL_LIST_V1)?;
        let question = list.read()?;
        let of_mode = match question.mode {
            0 => COMPUTE,
            1 => GRAPHICS,
            2 => MPS,
            _ => return Err(Return::INVALID_ARGUMENT),
        };
        let count =
            list.behind(std::mem::offset_of!(nvmlProcessDetailList_v1_t, numProcArrayEntries));
        let buffer = member(question.procArray);
        put_processes(driver, device.get()?, of_mode, count, buffer, process_detail)
    }

    /// `nvmlDeviceGetProcessUtilization`: no buffer asks for its size.
    fn nvmlDeviceGetProcessUtilization(
        driver,
        device: Opaque,
        buffer: Out<nvmlProcessUtilizationSample_t>,
        count: InOut<u32>,
        since_us: u64,
    ) {
        let samples = newer(driver.process_utilization(device.get()?, since_us))?;
        put_samples(count, buffer, samples.iter().map(use_sample))
    }

    /// `nvmlDeviceGetProcessesUtilizationInfo`: the same with the engines that came later.
    fn nvmlDeviceGetProcessesUtilizationInfo(
        driver, device: Opaque, list: InOut<nvmlProcessesUtilizationInfo_v1_t>,
    ) {
        list.expect_version(USE_LIST_V1)?;
        let question = list.read()?;
        let samples = newer(
            driver.processes_utilization_info(device.get()?, question.lastSeenTimeStamp),
        )?;
        let count = list
            .behind(std::mem::offset_of!(nvmlProcessesUtilizationInfo_v1_t, processSamplesCount));
        put_samples(count, member(question.procUtilArray), samples.iter().map(use_info))
    }

    /// `nvmlDeviceGetAccountingMode`
    fn nvmlDeviceGetAccountingMode(driver, device: Opaque, mode: Out<u32>) {
        mode.put(driver.accounting_mode(device.get()?)?)
    }

    /// `nvmlDeviceGetAccountingBufferSize`
    fn nvmlDeviceGetAccountingBufferSize(driver, device: Opaque, size: Out<u32>) {
        size.put(driver.accounting_buffer_size(device.get()?)?)
    }

    /// `nvmlSystemGetProcessName`: cut to the buffer, as drivers do; not all names are UTF-8.
    fn nvmlSystemGetProcessName(driver, pid: u32, name: Out<c_char>, length: u32) {
        if name.is_null() || length == 0 {
            return Err(Return::INVALID_ARGUMENT);
        }
        let found = driver.process_name(pid)?;
        let fits = found.into_iter().take(length as usize - 1);
        name.put_all(fits.chain([0]).map(u8::cast_signed))
    }

    /// `nvmlDeviceGetAccountingPids`
    fn nvmlDeviceGetAccountingPids(driver, device: Opaque, count: InOut<u32>, pids: Out<u32>) {
        put_list(count, pids, driver.accounting_pids(device.get()?)?.into_iter())
    }

    /// `nvmlDeviceGetAccountingStats`
    fn nvmlDeviceGetAccountingStats(
        driver, device: Opaque, pid: u32, stats: Out<nvmlAccountingStats_t>,
    ) {
        stats.put(accounting(&driver.accounting_stats(device.get()?, pid)?))
    }
}

/// A process list in one of its structures. When it does not fit, the world says how many entries
/// to ask for: a list may grow between the two calls.
fn put_processes<T>(
    driver: &SimDriver,
    device: Handle,
    list: List,
    count: InOut<u32>,
    buffer: Out<T>,
    shape: fn(&RunningProcess) -> T,
) -> Result<()> {
    let found = list(driver, device)?;
    let answer = put_list(count, buffer, found.iter().map(shape));
    if answer == Err(Return::INSUFFICIENT_SIZE) {
        let first = driver.process_count_at_first(device, found.len())?;
        count.out().put(u32::try_from(first).map_err(|_| Return::UNKNOWN)?)?;
    }
    answer
}

fn process_v1(process: &RunningProcess) -> nvmlProcessInfo_v1_t {
    nvmlProcessInfo_v1_t {
        pid: process.pid,
        usedGpuMemory: process.used_gpu_memory.unwrap_or(NO_VALUE),
    }
}

fn process_v2(process: &RunningProcess) -> nvmlProcessInfo_t {
    nvmlProcessInfo_t {
        pid: process.pid,
        usedGpuMemory: process.used_gpu_memory.unwrap_or(NO_VALUE),
        gpuInstanceId: process.gpu_instance_id.unwrap_or(NO_ID),
        computeInstanceId: process.compute_instance_id.unwrap_or(NO_ID),
    }
}

fn process_detail(process: &RunningProcess) -> nvmlProcessDetail_v1_t {
    nvmlProcessDetail_v1_t {
        pid: process.pid,
        usedGpuMemory: process.used_gpu_memory.unwrap_or(NO_VALUE),
        gpuInstanceId: process.gpu_instance_id.unwrap_or(NO_ID),
        computeInstanceId: process.compute_instance_id.unwrap_or(NO_ID),
        usedGpuCcProtectedMemory: 0,
    }
}

/// Samples newer than the given time. None are a list of none here, whichever way the world says
/// it; [`put_samples`] makes NOT_FOUND of it, as drivers do.
fn newer<T>(samples: Result<Vec<T>>) -> Result<Vec<T>> {
    match samples {
        Err(Return::NOT_FOUND) => Ok(Vec::new()),
        other => other,
    }
}

/// As [`put_list`], but the size that is asked for is the driver's whole buffer, so that samples
/// that come between the two calls still fit.
fn put_samples<T>(
    count: InOut<u32>,
    buffer: Out<T>,
    samples: impl ExactSizeIterator<Item = T>,
) -> Result<()> {
    if buffer.is_null() {
        let held = u32::try_from(samples.len()).map_err(|_| Return::UNKNOWN)?;
        count.out().put(held.max(SAMPLE_BUFFER))?;
        return Err(Return::INSUFFICIENT_SIZE);
    }
    let none = samples.len() == 0;
    put_list(count, buffer, samples)?;
    if none { Err(Return::NOT_FOUND) } else { Ok(()) }
}

fn use_sample(sample: &ProcessUtilization) -> nvmlProcessUtilizationSample_t {
    nvmlProcessUtilizationSample_t {
        pid: sample.pid,
        timeStamp: sample.timestamp_us,
        smUtil: sample.sm,
        memUtil: sample.memory,
        encUtil: sample.encoder,
        decUtil: sample.decoder,
    }
}

fn use_info(sample: &ProcessUtilizationInfo) -> nvmlProcessUtilizationInfo_v1_t {
    nvmlProcessUtilizationInfo_v1_t {
        timeStamp: sample.timestamp_us,
        pid: sample.pid,
        smUtil: sample.sm,
        memUtil: sample.memory,
        encUtil: sample.encoder,
        decUtil: sample.decoder,
        jpgUtil: sample.jpeg,
        ofaUtil: sample.ofa,
    }
}

fn accounting(stats: &AccountingStats) -> nvmlAccountingStats_t {
    nvmlAccountingStats_t {
        gpuUtilization: stats.gpu_utilization.unwrap_or(NO_ID),
        memoryUtilization: stats.memory_utilization.unwrap_or(NO_ID),
        maxMemoryUsage: stats.max_memory_usage.unwrap_or(NO_VALUE),
        time: stats.time_ms,
        startTime: stats.start_time_us,
        isRunning: u32::from(stats.is_running),
        reserved: [0; 5],
    }
}
