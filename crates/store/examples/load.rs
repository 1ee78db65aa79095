//! Loads data shaped like a GPU fleet's into a store and prints what it costs: CPU per million
//! samples, memory, bytes per sample, times of typical reads, and of a start after a kill.
//!
//! `cargo run --release -p store --example load -- NODES HOURS [FOLDER]`: 60 metrics x 8 GPUs x
//! NODES, 13 labels, every 15 s, in bodies of 2,000 samples, labels as raw bytes as a remote-write
//! sender repeats them. HTTP, snappy and protobuf are not in it.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_lossless,
    reason = "a measurement, not a program"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use journal::RealDisk;
use model::series::{Matcher, MatcherOp, Samples, SeriesSource};
use store::{Batch, Options, Store};

const STEP_MS: i64 = 15_000;
const START_MS: i64 = 1_795_320_000_000;

/// A series: its labels as a sender writes them, and how its value moves.
struct Source {
    raw: Vec<u8>,
    kind: usize,
    seed: u64,
    value: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let nodes = arguments.first().map_or(42, |text| text.parse().unwrap());
    let hours: f64 = arguments.get(1).map_or(6.0, |text| text.parse().unwrap());
    let folder = arguments.get(2).map_or_else(|| PathBuf::from("/tmp/gpulse-load"), PathBuf::from);
    let _ = std::fs::remove_dir_all(&folder);
    let mut sources = fleet(nodes);
    println!("{} series, {hours} h every 15 s", sources.len());
    let before_mib = resident_mib();

    let (store, _) = open(&folder, START_MS);
    let (cpu, clock) = (cpu_seconds(), Instant::now());
    let mut made = 0.0;
    let steps = (hours * 3_600_000.0) as i64 / STEP_MS;
    let mut batch = Batch::with_reader(read_labels);
    for step in 0..steps {
        let now = START_MS + step * STEP_MS;
        let begun = cpu_seconds();
        let values: Vec<f64> = sources.iter_mut().map(next_value).collect();
        made += cpu_seconds() - begun;
        let jitter = |at: usize| (at as i64 / 480 * 37) % 1000;
        for (part, values) in sources.chunks(2000).enumerate().zip(values.chunks(2000)) {
            let mut filled: Batch<'_> = batch.recycle();
            for (at, (source, value)) in part.1.iter().zip(values).enumerate() {
                filled.raw(&source.raw);
                filled.sample(now + jitter(part.0 * 2000 + at), *value);
                filled.end_row();
            }
            let done = store.append(now + 1000, &filled).unwrap();
            assert_eq!(done.stored, values.len() as u64);
            batch = filled.recycle();
        }
        store.maintain(now + 1000).iter().for_each(|line| println!("{line}"));
        if step == 0 {
            println!("first step (all series new): {:.3} CPU s", cpu_seconds() - cpu - made);
        }
    }
    let samples = steps as f64 * sources.len() as f64;
    let used = cpu_seconds() - cpu - made;
    println!(
        "ingest {:.3} CPU s per million ({:.1} M samples, {:.1} s of clock)",
        used / samples * 1e6,
        samples / 1e6,
        clock.elapsed().as_secs_f64()
    );
    report(&store, samples, before_mib);
    reads(&store, START_MS + steps * STEP_MS);
    let now = START_MS + steps * STEP_MS;
    drop(store);
    let clock = Instant::now();
    let cpu = cpu_seconds();
    let (store, _) = open(&folder, now);
    println!(
        "start with {:.1} M samples in the log: {:.0} ms ({:.2} CPU s)",
        store.stats().head_samples as f64 / 1e6,
        clock.elapsed().as_secs_f64() * 1e3,
        cpu_seconds() - cpu
    );
}

fn open(folder: &Path, now_ms: i64) -> (Store, Vec<String>) {
    Store::open(Arc::new(RealDisk), Options::new(folder), now_ms).unwrap()
}

fn report(store: &Store, samples: f64, before_mib: f64) {
    let stats = store.stats();
    println!(
        "head: {} series, {:.1} M samples, {:.2} bytes each, {:.1} MiB; log {:.2} MiB = {:.2} bytes per sample of the head",
        stats.series,
        stats.head_samples as f64 / 1e6,
        stats.head_bytes as f64 / stats.head_samples as f64,
        stats.head_bytes as f64 / (1 << 20) as f64,
        stats.log_bytes as f64 / (1 << 20) as f64,
        stats.log_bytes as f64 / stats.head_samples as f64,
    );
    if stats.block_samples > 0 {
        println!(
            "blocks: {}, {:.3} bytes per sample; all on disk {:.3}",
            stats.blocks,
            stats.block_bytes as f64 / stats.block_samples as f64,
            (stats.block_bytes + stats.log_bytes) as f64 / samples,
        );
    }
    println!("memory: {:.0} MiB, {before_mib:.0} before the store", resident_mib());
}

fn reads(store: &Store, now: i64) {
    let exact = |name: &str, value: &str| Matcher {
        name: name.to_owned(),
        op: MatcherOp::Equal,
        value: value.to_owned(),
    };
    let metric = [exact("__name__", "DCGM_FI_METRIC_07")];
    let one =
        [exact("__name__", "DCGM_FI_METRIC_07"), exact("gpu", "3"), exact("Hostname", "gpu-0001")];
    let regex = [
        exact("__name__", "DCGM_FI_METRIC_07"),
        Matcher {
            name: "Hostname".to_owned(),
            op: MatcherOp::Matches(regex::Regex::new("^(?:gpu-00[01].*)$").unwrap()),
            value: "gpu-00[01].*".to_owned(),
        },
    ];
    let host = [exact("Hostname", "gpu-0001")];
    let five = 5 * 60_000;
    time("all series, 5 min", || read(store, &[], now - five, now));
    time("336 series, 5 min", || read(store, &metric, now - five, now));
    time("336 series by regex, 5 min", || read(store, &regex, now - five, now));
    time("one series, 5 min", || read(store, &one, now - five, now));
    time("336 series, 5 h", || read(store, &metric, now - 5 * 3_600_000, now));
    time("latest of all", || store.latest(&[], now - five, now).len());
    time("label names", || store.label_names(&[], now - five, now, 10_000).unwrap().items.len());
    time("label values", || {
        store.label_values("Hostname", &[], now - five, now, 10_000).unwrap().items.len()
    });
    time("label values of a metric", || {
        store.label_values("UUID", &metric, now - five, now, 10_000).unwrap().items.len()
    });
    time("label values, 5 h", || {
        store.label_values("UUID", &[], now - 5 * 3_600_000, now, 10_000).unwrap().items.len()
    });
    time("series of one host", || {
        store.series(&host, now - five, now, 10_000).unwrap().items.len()
    });
}

fn read(store: &Store, matchers: &[Matcher], from: i64, to: i64) -> usize {
    let mut samples = Samples::default();
    let mut count = 0;
    for series in store.select(matchers, from, to).unwrap() {
        samples.clear();
        series.read(from, to, &mut samples).unwrap();
        count += samples.len();
    }
    count
}

fn time(what: &str, mut f: impl FnMut() -> usize) {
    let clock = Instant::now();
    let found = f();
    let cold = clock.elapsed().as_secs_f64() * 1e3;
    let mut all: Vec<f64> = (0..11)
        .map(|_| {
            let clock = Instant::now();
            f();
            clock.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    all.sort_by(f64::total_cmp);
    println!("  {what}: {:.3} ms (first {cold:.3}), {found} found", all[5]);
}

fn fleet(nodes: usize) -> Vec<Source> {
    let mut sources = Vec::new();
    for node in 0..nodes {
        for gpu in 0..8 {
            let uuid = format!("GPU-{:08x}-{gpu:04x}", node * 2_654_435_761 % 4_294_967_291);
            for metric in 0..60 {
                let labels = [
                    ("DCGM_FI_DRIVER_VERSION".to_owned(), "580.65.06".to_owned()),
                    ("Hostname".to_owned(), format!("gpu-{node:04}")),
                    ("UUID".to_owned(), uuid.clone()),
                    ("__name__".to_owned(), format!("DCGM_FI_METRIC_{metric:02}")),
                    ("container".to_owned(), "train".to_owned()),
                    ("device".to_owned(), format!("nvidia{gpu}")),
                    ("gpu".to_owned(), gpu.to_string()),
                    ("instance".to_owned(), format!("10.0.{}.{}:9400", node / 250, node % 250)),
                    ("job".to_owned(), "gpulse".to_owned()),
                    ("modelName".to_owned(), "NVIDIA H100 80GB HBM3".to_owned()),
                    ("namespace".to_owned(), format!("ml-{}", node % 6)),
                    ("pci_bus_id".to_owned(), format!("00000000:{:02X}:00.0", 0x1b + gpu * 17)),
                    ("pod".to_owned(), format!("train-{}-{}", node % 17, node)),
                ];
                let mut raw = Vec::new();
                for (name, value) in &labels {
                    for text in [name, value] {
                        raw.push(u8::try_from(text.len()).unwrap());
                        raw.extend_from_slice(text.as_bytes());
                    }
                }
                let seed = (node * 480 + gpu * 60 + metric) as u64 + 1;
                sources.push(Source { raw, kind: metric, seed, value: 0.0 });
            }
        }
    }
    sources
}

fn read_labels<'b>(raw: &'b [u8], into: &mut Vec<(&'b str, &'b str)>) -> Result<(), &'static str> {
    let mut texts = Vec::new();
    let mut rest = raw;
    while let Some((length, after)) = rest.split_first() {
        let (text, after) = after.split_at_checked(usize::from(*length)).ok_or("cut short")?;
        texts.push(std::str::from_utf8(text).map_err(|_| "not UTF-8")?);
        rest = after;
    }
    into.extend(texts.chunks_exact(2).map(|pair| (pair[0], pair[1])));
    Ok(())
}

/// A third steady, the rest as readings are: percentages, degrees, watts, counters, ratios.
fn next_value(source: &mut Source) -> f64 {
    source.seed ^= source.seed << 13;
    source.seed ^= source.seed >> 7;
    source.seed ^= source.seed << 17;
    let noise = |most: u64| (source.seed >> 20) % most;
    let value = source.value;
    source.value = match source.kind {
        0..20 => f64::from(u32::try_from(source.kind).unwrap()) * 100.0,
        20..26 => (92 + noise(8)) as f64,
        26..31 => (value.max(55.0) + noise(3) as f64 - 1.0).clamp(40.0, 85.0),
        31..34 => (650_000 + noise(40_000)) as f64 / 1000.0,
        34..37 => value + (9_600_000 + noise(500_000)) as f64,
        37..41 => (72_000 + if noise(20) == 0 { noise(9) } else { 0 }) as f64,
        41..44 => [1980.0, 1965.0, 1950.0, 1755.0][noise(4) as usize],
        44..50 => (900_000 + noise(90_000)) as f64 / 1_000_000.0,
        50..54 => value + 15.0 + (noise(20) as f64 / 1000.0).round(),
        54..57 => value + if noise(200) == 0 { 1.0 } else { 0.0 },
        _ => (noise(30) as f64 * 1_048_576.0) + 2_147_483_648.0,
    };
    source.value
}

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text[text.rfind(')').unwrap()..].split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(12) + ticks(13)) / 100.0
}

fn resident_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
