//! How fast queries are evaluated, without HTTP, JSON or a store: GPU-shaped series in memory, whose
//! samples are copied out as a store would decode them. Run with `--release`.

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures")]

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use model::series::Samples;
use promql::{Engine, Labels, Matcher, MatcherOp, Options, Series, SeriesSource, SourceError};

const NODES: usize = 42;
const GPUS: usize = 8;
/// Metrics of which only the last minutes exist: what `count` over everything has to look at.
const OTHERS: usize = 57;
const EVERY_MS: i64 = 15_000;
const HOURS_5: i64 = 5 * 3_600_000;
const END: i64 = 1_700_000_000_000;

/// Name, query, and whether it is over 5 h at 60 s or instant.
const QUERIES: &[(&str, &str, bool)] = &[
    ("avg by", "avg by (node) (gpu_power_watts)", true),
    ("avg by, whole numbers", "avg by (node) (gpu_utilization)", true),
    ("avg_over_time[1h]", "avg_over_time(gpu_power_watts[1h])", true),
    ("avg_over_time[1h], whole", "avg_over_time(gpu_utilization[1h])", true),
    ("rate[5m]", "rate(gpu_energy_joules_total[5m])", true),
    ("sum by (rate)", "sum by (node) (rate(gpu_energy_joules_total[5m]))", true),
    ("quantile", "quantile(0.95, gpu_power_watts)", true),
    ("quantile_over_time[1h]", "quantile_over_time(0.95, gpu_power_watts[1h])", true),
    ("max_over_time[1h]", "max_over_time(gpu_power_watts[1h])", true),
    ("stddev_over_time[1h]", "stddev_over_time(gpu_power_watts[1h])", true),
    ("336 raw series", "gpu_power_watts", true),
    ("topk", "topk(5, gpu_power_watts)", true),
    ("subquery", "max_over_time(rate(gpu_energy_joules_total[5m])[1h:1m])", true),
    ("336 series", "gpu_power_watts", false),
    ("avg by", "avg by (node) (gpu_power_watts)", false),
    ("topk", "topk(5, gpu_power_watts)", false),
    ("rate[5m]", "rate(gpu_energy_joules_total[5m])", false),
    ("regex", "gpu_power_watts{node=~\"node-1.*\"}", false),
    ("one series", "gpu_power_watts{node=\"node-7\",gpu=\"3\"}", false),
    ("ratio of two sums", "sum(gpu_power_watts) / sum(gpu_utilization)", false),
    ("a series by a series", "gpu_power_watts / gpu_utilization", false),
    ("count of all", "count({node=~\".+\"})", false),
    ("count by node of all", "count by (node) ({node=~\".+\"})", false),
    ("all series", "{node=~\".+\"}", false),
];

struct Held {
    labels: Labels,
    samples: Samples,
}

impl Series for &Held {
    fn labels(&self) -> Labels {
        self.labels.clone()
    }

    fn read(&self, from: i64, to: i64, into: &mut Samples) -> Result<(), SourceError> {
        let first = self.samples.times.partition_point(|time| *time < from);
        let behind = self.samples.times.partition_point(|time| *time <= to);
        into.times.extend_from_slice(&self.samples.times[first..behind]);
        into.values.extend_from_slice(&self.samples.values[first..behind]);
        Ok(())
    }

    fn newest(
        &self,
        from: i64,
        to: i64,
        _: &mut Samples,
    ) -> Result<Option<(i64, f64)>, SourceError> {
        let behind = self.samples.times.partition_point(|time| *time <= to);
        let last = behind.checked_sub(1).filter(|at| self.samples.times[*at] >= from);
        Ok(last.map(|at| (self.samples.times[at], self.samples.values[at])))
    }
}

#[derive(Default)]
struct Memory {
    by_name: HashMap<String, Vec<Held>>,
}

impl SeriesSource for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        _: i64,
        _: i64,
    ) -> Result<Vec<Box<dyn Series + '_>>, SourceError> {
        let name =
            matchers.iter().find(|m| m.name == "__name__" && matches!(m.op, MatcherOp::Equal));
        let candidates = self.by_name.iter().filter(|(n, _)| name.is_none_or(|m| m.value == **n));
        let passes = |held: &&Held| {
            let others = matchers.iter().filter(|m| m.name != "__name__");
            others.into_iter().all(|m| m.accepts(held.labels.get(&m.name)))
        };
        let found = candidates.flat_map(|(_, all)| all.iter().filter(passes));
        Ok(found.map(|held| Box::new(held) as Box<dyn Series>).collect())
    }
}

fn main() {
    let memory = filled();
    let engine = Engine::new(Options::default());
    println!("{:<28} {:>9} {:>9} {:>9}", "query", "p50 ms", "CPU ms", "samples");
    let only = std::env::args().nth(1);
    let chosen = |row: &&(&str, &str, bool)| only.as_ref().is_none_or(|only| row.1.contains(only));
    for (name, query, range) in QUERIES.iter().filter(chosen) {
        let ask = || {
            let cancel = AtomicBool::new(false);
            if *range {
                engine.range(&memory, query, (END - HOURS_5, END, 60_000), &cancel)
            } else {
                engine.instant(&memory, query, END, &cancel)
            }
        };
        let samples = match ask() {
            Ok(outcome) => outcome.usage.samples,
            Err(error) => {
                println!("{name}: {error}");
                continue;
            }
        };
        let (begin, cpu) = (Instant::now(), cpu_ms());
        let mut times = Vec::new();
        while begin.elapsed() < Duration::from_secs(2) {
            let start = Instant::now();
            let _answer = ask();
            times.push(start.elapsed());
        }
        let cpu = (cpu_ms() - cpu) / times.len() as f64;
        times.sort_unstable();
        let p50 = times[times.len() / 2].as_secs_f64() * 1000.0;
        let kind = if *range { "range" } else { "instant" };
        println!("{:<28} {p50:>9.3} {cpu:>9.3} {samples:>9}", format!("{kind}: {name}"));
    }
}

/// CPU time of the process so far.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    // utime and stime, in ticks of 10 ms.
    (ticks(13).unwrap_or_default() + ticks(14).unwrap_or_default()) * 10.0
}

fn filled() -> Memory {
    let mut memory = Memory::default();
    let mut random = 1_u64;
    for metric in 0..OTHERS + 3 {
        let name = match metric {
            0 => "gpu_power_watts".to_owned(),
            1 => "gpu_utilization".to_owned(),
            2 => "gpu_energy_joules_total".to_owned(),
            other => format!("gpu_metric_{other}"),
        };
        let count = if metric < 3 { (HOURS_5 + 3_600_000) / EVERY_MS } else { 20 };
        for (node, gpu) in (0..NODES).flat_map(|node| (0..GPUS).map(move |gpu| (node, gpu))) {
            let mut held = Held { labels: labels(&name, node, gpu), samples: Samples::default() };
            let mut total = 0.0;
            for at in 0..count {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let noise = (random >> 40) as f64 / f64::from(1 << 24);
                let watts =
                    (400.0 + 300.0 * noise).round() + (noise * 7919.0).fract().round() / 1000.0;
                total += watts * 15.0;
                let value = match metric {
                    0 => (watts * 1000.0 + noise * 500.0).round() / 1000.0,
                    2 => (total * 10.0).round() / 10.0,
                    _ => (noise * 100.0).floor(),
                };
                // Each node is scraped at its own moment.
                let offset = i64::try_from(node * 311).unwrap_or_default() % EVERY_MS;
                held.samples.push(END - (count - at) * EVERY_MS + offset, value);
            }
            memory.by_name.entry(name.clone()).or_default().push(held);
        }
    }
    memory
}

fn labels(name: &str, node: usize, gpu: usize) -> Labels {
    let (node, gpu) = (format!("node-{node}"), gpu.to_string());
    Labels::new([
        ("__name__", name.to_owned()),
        ("uuid", format!("GPU-5f3a9c1e-{node}-{gpu}-a8b7c6d5e4f3")),
        ("device", format!("nvidia{gpu}")),
        ("gpu", gpu),
        ("instance", format!("{node}.cluster.example:9400")),
        ("node", node),
        ("job", "gpulse".to_owned()),
        ("model_name", "NVIDIA H100 80GB HBM3".to_owned()),
        ("pci_bus_id", "00000000:1B:00.0".to_owned()),
        ("driver_version", "550.54.15".to_owned()),
        ("namespace", "training".to_owned()),
        ("pod", "llama-pretrain-worker-0".to_owned()),
        ("container", "trainer".to_owned()),
    ])
}
