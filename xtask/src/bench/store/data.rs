//! Samples like those of a GPU fleet: 60 metrics on 8 GPUs of each node, with 13 labels; utilisation
//! and temperatures in small steps, power with decimals, counters, and much that hardly changes.

use ::tests::gpu_history::Random;
use ::tests::remote_write::{Series, message};

/// Time between two samples of a series, in ms.
pub(super) const INTERVAL_MS: i64 = 15_000;
/// Series in one request, as Prometheus sends them.
const PER_REQUEST: usize = 2000;
const METRICS: usize = 60;
const GPUS: usize = 8;

/// Nodes with their series.
pub(super) struct Fleet {
    series: Vec<(Series, Shape)>,
}

/// A request, ready to be sent.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) samples: u64,
}

/// How the values of a series run.
#[derive(Clone, Copy)]
enum Shape {
    /// Whole numbers that wander, as utilisation.
    Steps(u64),
    /// Three decimals, as power.
    Decimals(u64),
    /// Grows by thousands, as energy.
    Counter(u64),
    /// Hardly ever another value, as memory or a clock.
    Still(u64),
}

impl Fleet {
    pub(super) fn new(nodes: usize) -> Self {
        let mut series = Vec::with_capacity(nodes * GPUS * METRICS);
        for node in 0..nodes {
            for gpu in 0..GPUS {
                series.extend((0..METRICS).map(|metric| one(node, gpu, metric)));
            }
        }
        Self { series }
    }

    /// Requests with `rounds` samples of every series from `at` (ms) on.
    pub(super) fn bodies(&self, at: i64, rounds: i64) -> impl Iterator<Item = Body> + '_ {
        self.series.chunks(PER_REQUEST).map(move |part| {
            let filled = part.iter().map(|(series, shape)| {
                let times = (0..rounds).map(|round| at + round * INTERVAL_MS);
                let samples = times.map(|time| (time, shape.at(time / INTERVAL_MS))).collect();
                Series { labels: series.labels.clone(), samples }
            });
            let filled: Vec<Series> = filled.collect();
            let samples = filled.iter().map(|one| one.samples.len() as u64).sum();
            let compressed = snap::raw::Encoder::new().compress_vec(&message(&filled));
            Body { bytes: compressed.unwrap_or_default(), samples }
        })
    }
}

impl Shape {
    /// The value in a round: the same for the same series and round.
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    fn at(self, round: i64) -> f64 {
        let round = round.unsigned_abs();
        let noise = |seed: u64, of: usize| Random::new(seed ^ round.rotate_left(17)).below(of);
        match self {
            Self::Steps(seed) => (seed % 60) as f64 + noise(seed, 40) as f64,
            Self::Decimals(seed) => {
                (300_000 + seed % 90_000 + noise(seed, 9000) as u64) as f64 / 1e3
            }
            Self::Counter(seed) => {
                ((round % 1_000_000) * 9_000_000 + noise(seed, 5000) as u64) as f64
            }
            Self::Still(seed) => (seed % 4096 + round / 240) as f64,
        }
    }
}

fn one(node: usize, gpu: usize, metric: usize) -> (Series, Shape) {
    let host = format!("gpu-{node:04}");
    let uuid = format!("GPU-{node:08x}-{gpu:04x}-4b89-b658-2b897d96786b");
    let (gpu_label, device) = (gpu.to_string(), format!("nvidia{gpu}"));
    let (bus, pod) = (format!("00000000:{:02X}:00.0", 16 * gpu + 7), format!("train-{}", node / 2));
    let labels = [
        ("Hostname", host.as_str()),
        ("instance", &host),
        ("job", "dcgm-exporter"),
        ("gpu", &gpu_label),
        ("UUID", &uuid),
        ("pci_bus_id", &bus),
        ("device", &device),
        ("modelName", "NVIDIA H100 80GB HBM3"),
        ("DCGM_FI_DRIVER_VERSION", "590.48.01"),
        ("exported_namespace", if node.is_multiple_of(3) { "ml-1" } else { "ml-2" }),
        ("exported_pod", &pod),
        ("exported_container", "main"),
    ];
    let seed = (node * 10_007 + gpu * 101 + metric) as u64;
    let shape = match metric % 6 {
        0 | 1 => Shape::Steps(seed),
        2 => Shape::Decimals(seed),
        3 => Shape::Counter(seed),
        _ => Shape::Still(seed),
    };
    (Series::new(&name(metric), &labels), shape)
}

/// The first six are those that the queries ask for.
fn name(metric: usize) -> String {
    let known = [
        "DCGM_FI_DEV_GPU_UTIL",
        "DCGM_FI_DEV_GPU_TEMP",
        "DCGM_FI_DEV_POWER_USAGE",
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "DCGM_FI_DEV_FB_USED",
        "DCGM_FI_DEV_SM_CLOCK",
    ];
    known
        .get(metric)
        .map_or_else(|| format!("DCGM_FI_DEV_FIELD_{metric}"), |name| (*name).to_owned())
}
