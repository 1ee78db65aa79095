//! nvitop, nvitop-exporter, gpustat and nvtop, unmodified, on the simulated library: they agree with gpulse
//! about the same moment. A disagreement is gpulse's mistake until shown otherwise.
//!
//! The clock stands still, so that equal means equal, use and power included.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};

use model::text::Sample;
use serde_json::Value;
use tests::environment;
use tests::or_skip;
use tests::peers::{Bench, MIB, Programs};

const IDLE: &str = r#"
[[node]]
name = "gpu-a"
[[node.gpu]]
model = "h100-80gb-hbm3"
count = 2
"#;

const LOAD: &str = r#"
[[node]]
name = "gpu-a"
[[node.gpu]]
model = "h100-80gb-hbm3"
count = 2
[[node.gpu]]
model = "rtx-2080-super"
[[node.process]]
gpu = ["0"]
command = "python3 train.py"
pid = {pid0}
memory = "15690MiB"
sm = 60
memory_use = 8
[[node.process]]
gpu = ["0"]
command = "python3 serve.py"
pid = {pid1}
memory = "2566MiB"
sm = 21
[[node.process]]
gpu = ["1"]
command = "python3 notebook.py"
pid = {pid2}
memory = "1542MiB"
[[node.process]]
gpu = ["2"]
command = "render"
kind = "graphics"
pid = {pid3}
memory = "700MiB"
sm = 30
encoder = 49
"#;

const MIG: &str = r#"
[[node]]
name = "gpu-a"
[[node.gpu]]
model = "h100-80gb-hbm3"
mig = ["3g.40gb", "2g.20gb", "1g.10gb", "1g.10gb"]
[[node.gpu]]
model = "h100-80gb-hbm3"
[[node.process]]
gpu = ["0/0"]
command = "python3 train.py"
pid = {pid0}
memory = "20000MiB"
sm = 70
[[node.process]]
gpu = ["0/2"]
command = "python3 serve.py"
pid = {pid1}
memory = "1024MiB"
sm = 50
[[node.process]]
gpu = ["1"]
command = "python3 other.py"
pid = {pid2}
memory = "3000MiB"
sm = 40
"#;

const LOST: &str = r#"
[[node]]
name = "gpu-a"
[[node.gpu]]
model = "h100-80gb-hbm3"
count = 3
[[node.process]]
gpu = ["1"]
command = "python3 victim.py"
pid = {pid0}
memory = "2000MiB"
sm = 50
[[node.process]]
gpu = ["2"]
command = "python3 other.py"
pid = {pid1}
memory = "3000MiB"
sm = 40
[[node.fault]]
kind = "lost"
gpu = "1"
at = "5m"
xid = 79
"#;

/// Processes on one device: PID to bytes.
type Held = BTreeMap<u64, u64>;

/// nvitop's figure, gpulse's metric, and what to multiply the former by.
const FIGURES: &[(&str, &str, f64)] = &[
    ("gpu_utilization", "DCGM_FI_DEV_GPU_UTIL", 1.0),
    ("memory_utilization", "DCGM_FI_DEV_MEM_COPY_UTIL", 1.0),
    ("encoder_utilization", "DCGM_FI_DEV_ENC_UTIL", 1.0),
    ("decoder_utilization", "DCGM_FI_DEV_DEC_UTIL", 1.0),
    ("power_milliwatts", "DCGM_FI_DEV_POWER_USAGE", 0.001),
    ("temperature", "DCGM_FI_DEV_GPU_TEMP", 1.0),
    ("sm_clock", "DCGM_FI_DEV_SM_CLOCK", 1.0),
    ("memory_clock", "DCGM_FI_DEV_MEM_CLOCK", 1.0),
];

#[test]
fn an_idle_machine_is_the_same_to_all() {
    let bench = Bench::new(or_skip!(Programs::find()), IDLE).unwrap();
    let seen = Seen::of(&bench);
    assert_eq!(seen.nvitop_gpus().len(), 2);
    seen.agree_on_every_figure();
    seen.agree_on_every_process();
    assert!(seen.by_nvitop().values().all(Held::is_empty));
}

#[test]
fn a_machine_under_load_is_the_same_to_all() {
    let bench = Bench::new(or_skip!(Programs::find()), LOAD).unwrap();
    let seen = Seen::of(&bench);
    seen.agree_on_every_figure();
    seen.agree_on_every_process();
    let held: Held = seen.by_nvitop().into_values().flatten().collect();
    let expected = [(0, 15690), (1, 2566), (2, 1542), (3, 700)];
    assert_eq!(held, expected.map(|(at, mib)| (bench.pid(at), mib * MIB)).into());

    // The share of each process, which the scenario says.
    let shares: BTreeMap<u64, u64> = seen
        .nvitop_gpus()
        .iter()
        .flat_map(|gpu| list(&gpu["processes"]))
        .map(|process| (number(&process["pid"]), number(&process["sm"])))
        .collect();
    let expected = [(0, 60), (1, 21), (2, 0), (3, 30)];
    let expected: BTreeMap<u64, u64> = expected.map(|(at, share)| (bench.pid(at), share)).into();
    assert_eq!(shares, expected, "by nvitop");
    assert_eq!(seen.shares_by_gpulse(), expected, "by gpulse");
}

#[test]
fn mig_devices_are_the_same_to_all() {
    let bench = Bench::new(or_skip!(Programs::find()), MIG).unwrap();
    let seen = Seen::of(&bench);
    seen.agree_on_every_figure();
    seen.agree_on_every_process();
    let gpu = &seen.nvitop_gpus()[0];
    let instances: Vec<u64> =
        list(&gpu["mig_devices"]).iter().map(|mig| number(&mig["gpu_instance"])).collect();
    assert_eq!(instances.len(), 4, "{gpu}");
    for mig in list(&gpu["mig_devices"]) {
        let id = number(&mig["gpu_instance"]).to_string();
        let found = seen.value("DCGM_FI_DEV_FB_USED", "0", Some(&id));
        let used = mib(&mig["memory_used_bytes"]);
        assert_eq!(found, Some(used), "memory of instance {id}");
    }
    assert!(gpu["gpu_utilization"].is_null(), "use is not readable while MIG is on");
}

#[test]
fn a_lost_gpu_is_lost_to_all_and_the_others_are_the_same() {
    let bench = Bench::new(or_skip!(Programs::find()), LOST).unwrap();
    let seen = Seen::of(&bench);
    seen.agree_on_every_figure();
    let nvitop = seen.nvitop_gpus();
    assert_eq!(nvitop.len(), 3);
    for figure in ["uuid", "memory_used_bytes", "temperature", "power_milliwatts"] {
        assert!(nvitop[1][figure].is_null(), "{figure}: {}", nvitop[1]);
    }
    for (_, metric, _) in FIGURES {
        assert_eq!(seen.value(metric, "1", None), None, "{metric} of a lost GPU");
    }
    assert!(seen.gpustat["gpus"][1]["name"].as_str().unwrap().contains("GPU is lost"));
    assert_eq!(list(&nvitop[2]["processes"]).len(), 1);
    seen.agree_on_every_process();
    let ours = &list(&seen.who["gpus"])[1];
    assert_eq!(ours["state"], "down", "{ours}");
    assert!(list(&ours["sessions"]).is_empty(), "{ours}");
}

#[test]
fn nvitops_screen_and_exporter_work_on_the_library() {
    let bench = Bench::new(or_skip!(Programs::find()), LOAD).unwrap();
    let screen = bench.nvitop_screen().unwrap();
    for number in 0..4 {
        let pid = bench.pid(number).to_string();
        assert!(screen.contains(&pid), "no process {pid} on\n{screen}");
    }
    let theirs = bench.nvitop_exporter().unwrap();
    let ours = bench.gpulse_page().unwrap();
    for (their_name, our_name) in [
        ("gpu_memory_used_MiB", "DCGM_FI_DEV_FB_USED"),
        ("gpu_utilization_Percentage", "DCGM_FI_DEV_GPU_UTIL"),
        ("gpu_power_usage_W", "DCGM_FI_DEV_POWER_USAGE"),
        ("gpu_temperature_C", "DCGM_FI_DEV_GPU_TEMP"),
        ("gpu_clock_sm_MHz", "DCGM_FI_DEV_SM_CLOCK"),
    ] {
        let by_uuid = |samples: &[Sample], name: &str, label: &str| -> BTreeMap<String, i64> {
            samples
                .iter()
                .filter(|sample| sample.name == name)
                .map(|sample| (sample.label(label).unwrap().to_owned(), whole(sample.value)))
                .collect()
        };
        let expected = by_uuid(&ours, our_name, "UUID");
        assert_eq!(expected.len(), 3, "{our_name}");
        assert_eq!(by_uuid(&theirs, their_name, "uuid"), expected, "{our_name}");
    }
}

#[test]
fn nvtop_shows_every_gpu_and_process() {
    let nvtop = or_skip!(environment::on_path("nvtop"));
    let bench = Bench::new(or_skip!(Programs::find()), LOAD).unwrap();
    let pids = [0, 1, 2, 3].map(|number| bench.pid(number).to_string());
    let memory = ["15690MiB", "2566MiB", "1542MiB", "700MiB"];
    let gpus = ["Device 0 [NVIDIA H100 80GB HBM3]", "NVIDIA GeForce RTX 2080 SUPER"];
    let wanted: Vec<&str> = pids.iter().map(String::as_str).chain(memory).chain(gpus).collect();
    bench.nvtop_screen(&nvtop, &wanted).unwrap();
}

/// What each program said about one moment.
struct Seen {
    nvitop: Value,
    gpustat: Value,
    who: Value,
    page: Vec<Sample>,
}

impl Seen {
    fn of(bench: &Bench) -> Self {
        Self {
            nvitop: bench.nvitop().unwrap(),
            gpustat: bench.gpustat().unwrap(),
            who: bench.gpulse_who().unwrap(),
            page: bench.gpulse_page().unwrap(),
        }
    }

    fn nvitop_gpus(&self) -> &[Value] {
        list(&self.nvitop["gpus"])
    }

    /// gpulse's value of a metric on a GPU, or on a GPU instance of it.
    fn value(&self, metric: &str, gpu: &str, instance: Option<&str>) -> Option<f64> {
        self.page
            .iter()
            .find(|sample| {
                sample.name == metric
                    && sample.label("gpu") == Some(gpu)
                    && sample.label("GPU_I_ID") == instance
            })
            .map(|sample| sample.value)
    }

    /// Each figure of each whole GPU, by nvitop and by gpustat.
    fn agree_on_every_figure(&self) {
        let mut compared = 0;
        for (theirs, also) in self.nvitop_gpus().iter().zip(list(&self.gpustat["gpus"])) {
            if theirs["uuid"].is_null() || theirs["mig_mode"] == "Enabled" {
                continue;
            }
            let gpu = theirs["index"].to_string();
            assert_eq!(theirs["uuid"], also["uuid"]);
            for (figure, metric, scale) in FIGURES {
                let value = theirs[figure].as_f64().map(|value| value * scale);
                self.is_near(metric, &gpu, value);
                compared += 1;
            }
            self.is_near("DCGM_FI_DEV_FB_USED", &gpu, Some(mib(&theirs["memory_used_bytes"])));
            self.is_near("DCGM_FI_DEV_FB_USED", &gpu, also["memory.used"].as_f64());
            self.is_near("DCGM_FI_DEV_GPU_UTIL", &gpu, also["utilization.gpu"].as_f64());
            self.is_near("DCGM_FI_DEV_GPU_TEMP", &gpu, also["temperature.gpu"].as_f64());
            let watts = self.value("DCGM_FI_DEV_POWER_USAGE", &gpu, None).map(f64::floor);
            assert_eq!(watts, also["power.draw"].as_f64(), "power of GPU {gpu} by gpustat");
        }
        assert!(compared > 0, "nothing was compared: {}", self.nvitop);
    }

    fn is_near(&self, metric: &str, gpu: &str, theirs: Option<f64>) {
        let ours = self.value(metric, gpu, None);
        let near = match (ours, theirs) {
            (Some(ours), Some(theirs)) => (ours - theirs).abs() < 1e-3,
            (None, None) => true,
            _ => false,
        };
        assert!(near, "{metric} of GPU {gpu}: gpulse {ours:?}, the other {theirs:?}");
    }

    /// Who holds how much on which device: the same PIDs and bytes by all three.
    fn agree_on_every_process(&self) {
        let nvitop = self.by_nvitop();
        assert_eq!(self.by_gpulse(), nvitop);
        // gpustat knows no MIG devices, and counts in whole MiB.
        for gpu in list(&self.gpustat["gpus"]) {
            let known = gpu["uuid"].as_str().and_then(|uuid| nvitop.get(uuid));
            let Some(expected) = known else { continue };
            let held: BTreeSet<(u64, u64)> = list(&gpu["processes"])
                .iter()
                .map(|process| (number(&process["pid"]), number(&process["gpu_memory_usage"])))
                .collect();
            let expected: BTreeSet<(u64, u64)> =
                expected.iter().map(|(pid, bytes)| (*pid, bytes / MIB)).collect();
            assert_eq!(held, expected, "{gpu}");
        }
    }

    /// By UUID of the GPU, or of the MIG device where a GPU is cut.
    fn by_nvitop(&self) -> BTreeMap<String, Held> {
        self.nvitop_gpus()
            .iter()
            .flat_map(|gpu| match list(&gpu["mig_devices"]) {
                [] => std::slice::from_ref(gpu),
                migs => migs,
            })
            .filter(|device| !device["uuid"].is_null())
            .map(|device| (device, list(&device["processes"])))
            .map(|(device, processes)| (uuid(device), held(processes)))
            .collect()
    }

    /// SM share of each process that `who` shows one for, in whole per cent.
    fn shares_by_gpulse(&self) -> BTreeMap<u64, u64> {
        list(&self.who["gpus"])
            .iter()
            .flat_map(|gpu| list(&gpu["sessions"]))
            .filter_map(|session| Some((session, session["utilization_ratio"].as_f64()?)))
            .map(|(session, ratio)| (number(&session["pid"]), percent(ratio)))
            .collect()
    }

    fn by_gpulse(&self) -> BTreeMap<String, Held> {
        list(&self.who["gpus"])
            .iter()
            .filter(|gpu| !gpu["uuid"].is_null())
            .map(|gpu| (uuid(gpu), held(list(&gpu["sessions"]))))
            .collect()
    }
}

fn held(processes: &[Value]) -> Held {
    processes
        .iter()
        .map(|process| (number(&process["pid"]), number(&process["memory_bytes"])))
        .collect()
}

fn uuid(device: &Value) -> String {
    device["uuid"].as_str().unwrap().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a number: {value}"))
}

fn percent(ratio: f64) -> u64 {
    u64::try_from(whole((ratio * 100.0).round())).unwrap()
}

/// Bytes in whole MiB, as the program prints them.
#[expect(clippy::cast_precision_loss, reason = "MiB of a GPU fit 53 bits")]
fn mib(bytes: &Value) -> f64 {
    (number(bytes) / MIB) as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a reading is far below 2^53")]
fn whole(value: f64) -> i64 {
    value.floor() as i64
}
