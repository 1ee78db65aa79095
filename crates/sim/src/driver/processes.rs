//! Processes on a device: the driver's lists, samples of use, and accounting.

use gpu::nvml::{AccountingStats, Handle, ProcessUtilization, Result, Return, RunningProcess};

use super::{ProcessUtilizationInfo, Seen, SimDriver};
use crate::scenario::file::{FaultKind, ProcessKind};
use crate::wave::STEP_US;
use crate::world::{Channel, Occurrence, Seat, UseWindow};

impl SimDriver {
    /// `nvmlDeviceGetProcessesUtilizationInfo`: as the older call, with JPEG and OFA.
    ///
    /// # Errors
    /// As the older call.
    pub fn processes_utilization_info(
        &self,
        device: Handle,
        since_us: u64,
    ) -> Result<Vec<ProcessUtilizationInfo>> {
        let seen = self.whole("nvmlDeviceGetProcessesUtilizationInfo", device)?;
        let windows = seen.windows(since_us)?;
        Ok(windows.iter().map(|window| seen.use_info(window)).collect())
    }

    /// How many entries the first of two calls for a list says there are: fewer than the second
    /// finds, while a fault makes the list grow between them.
    ///
    /// # Errors
    /// As the list's own call.
    pub fn process_count_at_first(&self, device: Handle, listed: usize) -> Result<usize> {
        let seen = self.seen("nvmlDeviceGetComputeRunningProcesses_v3", device)?;
        Ok(if seen.has_bad_samples() { listed.saturating_sub(1) } else { listed })
    }

    /// `nvmlSystemGetProcessName`: the program, as far as the driver keeps it.
    ///
    /// # Errors
    /// `NOT_FOUND` for a PID that holds no GPU.
    pub fn process_name(&self, pid: u32) -> Result<Vec<u8>> {
        let (_, age_us) = self.enter("nvmlSystemGetProcessName")?;
        let occurrence = self.node().by_pid(pid, age_us).ok_or(Return::NOT_FOUND)?;
        Ok(self.node().process(&occurrence).arguments.first().cloned().unwrap_or_default())
    }
}

impl Seen<'_> {
    /// Processes of these kinds on the device, in the order of their start.
    pub(super) fn processes(&self, kinds: &[ProcessKind]) -> Vec<RunningProcess> {
        let mut found = Vec::new();
        let members = &self.gpu.members;
        self.node.each_on(self.gpu.index, self.age_us, members, |occurrence, seat| {
            let process = self.node.process(occurrence);
            if kinds.contains(&process.kind) && self.holds(seat) {
                let memory = process.memory_bytes(occurrence, self.age_us);
                let ids = self.ids_of(seat);
                found.push(RunningProcess {
                    pid: occurrence.pid,
                    used_gpu_memory: process.memory_readable.then_some(memory),
                    gpu_instance_id: ids.map(|ids| ids.0),
                    compute_instance_id: ids.map(|ids| ids.1),
                });
            }
        });
        found
    }

    /// Whether a seat lies in the device: all do in the GPU, one's own in a MIG device.
    fn holds(&self, seat: &Seat) -> bool {
        self.mig.is_none_or(|(number, _)| seat.mig == Some(number))
    }

    /// GPU- and compute-instance id of a seat.
    pub(super) fn ids_of(&self, seat: &Seat) -> Option<(u32, u32)> {
        let layout = self.layout?;
        let device = layout.devices.get(seat.mig? as usize)?;
        Some((layout.instances[device.instance].id, device.compute_instance))
    }

    pub(super) fn process_utilization(&self, since_us: u64) -> Result<Vec<ProcessUtilization>> {
        let windows = self.windows(since_us);
        let mut samples: Vec<ProcessUtilization> = windows
            .iter()
            .flatten()
            .map(|window| {
                let info = self.use_info(window);
                ProcessUtilization {
                    pid: info.pid,
                    timestamp_us: info.timestamp_us,
                    sm: info.sm,
                    memory: info.memory,
                    encoder: info.encoder,
                    decoder: info.decoder,
                }
            })
            .collect();
        if self.has_bad_samples() && windows != Err(Return::NOT_SUPPORTED) {
            self.spoil(&mut samples, since_us);
            return Ok(samples);
        }
        windows.map(|_| samples)
    }

    /// Samples newer than a stamp of the driver's; none is NOT_FOUND.
    fn windows(&self, since_us: u64) -> Result<Vec<UseWindow>> {
        self.uncut()?;
        let since = i64::try_from(since_us).unwrap_or(i64::MAX);
        let since_age = since.saturating_sub(self.moment_us(0));
        let windows = self.gpu.use_windows(self.node, self.age_us, since_age);
        let newer = |window: &UseWindow| self.moment_us(window.end_us) > since;
        let windows: Vec<UseWindow> = windows.into_iter().filter(newer).collect();
        if windows.is_empty() { Err(Return::NOT_FOUND) } else { Ok(windows) }
    }

    fn use_info(&self, window: &UseWindow) -> ProcessUtilizationInfo {
        ProcessUtilizationInfo {
            timestamp_us: u64::try_from(self.moment_us(window.end_us)).unwrap_or(0),
            pid: window.occurrence.pid,
            sm: window.per_cent(Channel::Sm),
            memory: window.per_cent(Channel::Memory),
            encoder: window.per_cent(Channel::Encoder),
            decoder: window.per_cent(Channel::Decoder),
            jpeg: window.per_cent(Channel::Jpeg),
            ofa: window.per_cent(Channel::Ofa),
        }
    }

    /// Whether the driver's samples are not to be trusted now.
    pub(super) fn has_bad_samples(&self) -> bool {
        self.node.faults.iter().any(|fault| {
            fault.kind == FaultKind::BadSample
                && fault.is_about(Some(self.gpu.index))
                && fault.holds(self.age_us)
        })
    }

    /// What real drivers were seen to give: use over 100, stamps older than asked, PID 0.
    fn spoil(&self, samples: &mut Vec<ProcessUtilization>, since_us: u64) {
        let now_us = u64::try_from(self.now.0).unwrap_or(0);
        let pid = samples.first().map_or(1, |sample| sample.pid);
        let sample = |pid: u32, timestamp_us: u64, sm: u32| ProcessUtilization {
            pid,
            timestamp_us,
            sm,
            memory: 0,
            encoder: 0,
            decoder: 0,
        };
        samples.push(sample(pid, now_us, 4_294_901_760));
        samples.push(sample(pid, since_us.saturating_sub(30_000_000), 55));
        samples.push(sample(0, now_us, 40));
    }

    /// What accounting keeps: who sat on the GPU and ended, then who sits on it.
    pub(super) fn accounted(&self) -> Vec<Occurrence> {
        let mut found = Vec::new();
        if !self.gpu.accounting || self.is_cut() {
            return found;
        }
        for member in &self.gpu.members {
            let process = &self.node.processes[*member as usize];
            let most = u64::from(self.gpu.product.accounting_buffer);
            let newest = process.newest(self.age_us);
            for number in newest.map_or(0..0, |last| last.saturating_sub(most)..last + 1) {
                let occurrence = process.occurrence(number);
                if process.seats_of(&occurrence).any(|seat| seat.gpu == self.gpu.index) {
                    found.push(occurrence);
                }
            }
        }
        found.sort_by_key(|occurrence| occurrence.stop_us.min(self.age_us));
        let surplus = found.len().saturating_sub(self.gpu.product.accounting_buffer as usize);
        found.drain(..surplus);
        found
    }

    /// One process's account. Use is the mean over at most 32 looks at its life.
    pub(super) fn account(&self, occurrence: &Occurrence) -> AccountingStats {
        const LOOKS: i64 = 32;
        let process = self.node.process(occurrence);
        let end = occurrence.stop_us.min(self.age_us);
        let life = (end - occurrence.start_us).max(0);
        let (mut sm, mut memory, mut held) = (0.0, 0.0, 0);
        for look in 0..LOOKS {
            let age_us = occurrence.start_us + life * look / LOOKS;
            let rates = crate::world::work::asked(process, occurrence, age_us.div_euclid(STEP_US));
            sm += rates.get(Channel::Sm);
            memory += rates.get(Channel::Memory);
            held = held.max(process.memory_bytes(occurrence, age_us));
        }
        #[expect(clippy::cast_precision_loss, reason = "a few looks")]
        let mean = |sum: f64| super::whole_number(sum / LOOKS as f64);
        let ended = occurrence.stop_us <= self.age_us;
        AccountingStats {
            gpu_utilization: Some(mean(sm)),
            memory_utilization: Some(mean(memory)),
            max_memory_usage: Some(held),
            time_ms: if ended { u64::try_from(life / 1000).unwrap_or(0) } else { 0 },
            start_time_us: u64::try_from(self.moment_us(occurrence.start_us)).unwrap_or(0),
            is_running: !ended,
        }
    }
}
