//! A page of the exporter, ready to be asked for figures.

use anyhow::Result;
use model::text::{Family, Sample};

use super::compare::Use;
use super::smi::Process;

/// A parsed `/metrics`.
#[derive(Debug)]
pub(super) struct Page(Vec<Family>);

/// One function of the driver, as the exporter counted and timed it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// Its name.
    pub name: String,
    /// How often it was called.
    pub times: f64,
    /// Mean time, in milliseconds.
    pub mean_ms: f64,
}

impl Page {
    /// Parse it.
    pub(super) fn of(text: &str) -> Result<Self> {
        Ok(Self(model::text::parse(text)?))
    }

    /// How many devices it shows.
    pub(super) fn devices(&self) -> usize {
        self.samples("gpu_session_count").len()
    }

    /// A family's samples of one physical GPU.
    pub(super) fn of_gpu(&self, family: &str, uuid: &str) -> Vec<&Sample> {
        let samples = self.samples(family).iter();
        samples.filter(|sample| sample.label("UUID") == Some(uuid)).collect()
    }

    /// A label that stands on every device series of one physical GPU.
    pub(super) fn label_of_gpu(&self, label: &str, uuid: &str) -> Option<String> {
        let samples =
            self.0.iter().filter(|f| f.name.starts_with("DCGM_")).flat_map(|f| &f.samples);
        let mut of_gpu = samples.filter(|sample| sample.label("UUID") == Some(uuid));
        of_gpu.find_map(|sample| sample.label(label)).map(str::to_owned)
    }

    /// Compute processes, as the vendor would list them.
    pub(super) fn processes(&self) -> Vec<Process> {
        let memory = self.samples("gpu_session_memory_bytes");
        let ended = self.samples("gpu_session_end_time_seconds");
        let mut processes: Vec<Process> = self
            .samples("gpu_session_info")
            .iter()
            .filter(|info| info.label("type").is_some_and(|kind| kind.contains('C')))
            .filter(|info| !ended.iter().any(|end| same_session(end, info)))
            .filter_map(|info| {
                Some(Process {
                    gpu_uuid: info.label("UUID")?.to_owned(),
                    pid: info.label("pid")?.parse().ok()?,
                    memory_mib: memory.iter().find(|m| same_session(m, info)).map(mebibytes),
                })
            })
            .collect();
        processes.sort();
        processes
    }

    /// GPU, PID and SM use in per cent, of each process whose use was read.
    pub(super) fn uses(&self) -> Vec<Use> {
        let samples = self.samples("gpu_process_utilization").iter();
        samples
            .filter_map(|sample| {
                let pid = sample.label("pid")?.parse().ok()?;
                Some((sample.label("gpu")?.to_owned(), pid, sample.value))
            })
            .collect()
    }

    /// The driver's functions, slowest first.
    pub(super) fn calls(&self) -> Vec<Call> {
        let counts = self.samples("gpulse_driver_calls_total");
        let mut calls: Vec<Call> = self
            .samples("gpulse_driver_call_seconds_total")
            .iter()
            .filter_map(|seconds| {
                let name = seconds.label("call")?;
                let same = counts.iter().filter(|count| count.label("call") == Some(name));
                let times: f64 = same.map(|count| count.value).sum();
                let mean_ms = 1000.0 * seconds.value / times.max(1.0);
                Some(Call { name: name.to_owned(), times, mean_ms })
            })
            .collect();
        calls.sort_by(|a, b| b.mean_ms.total_cmp(&a.mean_ms));
        calls
    }

    fn samples(&self, family: &str) -> &[Sample] {
        self.0.iter().find(|found| found.name == family).map_or(&[], |found| &found.samples)
    }
}

fn same_session(a: &Sample, b: &Sample) -> bool {
    a.label("session") == b.label("session") && a.label("gpu") == b.label("gpu")
}

fn mebibytes(sample: &Sample) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bytes of device memory"
    )]
    let bytes = sample.value.max(0.0) as u64;
    bytes >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# TYPE gpu_session_info gauge
gpu_session_info{gpu=\"0\",session=\"a\",UUID=\"GPU-1\",pid=\"7\",type=\"C\"} 1
gpu_session_info{gpu=\"0\",session=\"b\",UUID=\"GPU-1\",pid=\"8\",type=\"G\"} 1
gpu_session_info{gpu=\"0\",session=\"c\",UUID=\"GPU-1\",pid=\"9\",type=\"C\"} 1
# TYPE gpu_session_end_time_seconds gauge
gpu_session_end_time_seconds{gpu=\"0\",session=\"c\"} 12
# TYPE gpu_session_memory_bytes gauge
gpu_session_memory_bytes{gpu=\"0\",session=\"a\"} 2690646016
# TYPE gpulse_driver_calls_total counter
gpulse_driver_calls_total{call=\"f\",result=\"ok\"} 3
gpulse_driver_calls_total{call=\"f\",result=\"not_supported\"} 1
# TYPE gpulse_driver_call_seconds_total counter
gpulse_driver_call_seconds_total{call=\"f\"} 0.02
";

    #[test]
    fn live_compute_processes_are_listed_as_the_vendor_does() {
        let page = Page::of(TEXT).unwrap();
        let memory_mib = Some(2566);
        assert_eq!(
            page.processes(),
            [Process { gpu_uuid: "GPU-1".to_owned(), pid: 7, memory_mib }]
        );
    }

    #[test]
    fn a_calls_mean_counts_every_result() {
        let calls = Page::of(TEXT).unwrap().calls();
        assert_eq!(calls, [Call { name: "f".to_owned(), times: 4.0, mean_ms: 5.0 }]);
    }
}
