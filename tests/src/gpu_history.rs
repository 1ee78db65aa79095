//! Two hours of a small GPU fleet as an exporter would have given them: gauges, counters that are
//! reset, histograms, gaps, series that end with a marker and series that just stop. The same for
//! the same seed.

use crate::remote_write::Series;

/// Time between two samples, in ms.
pub const INTERVAL: i64 = 15_000;
/// Samples of a series without gaps.
pub const SAMPLES: i64 = 480;
/// Prometheus's marker of a series that ended.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Nodes, GPUs and sessions of the fleet.
const NODES: [&str; 3] = ["gpu-a", "gpu-b", "gpu-c"];
const GPUS: [&str; 4] = ["0", "1", "2", "3"];
const PODS: [(&str, &str); 3] = [("ml-1", "train-0"), ("ml-1", "nb-kim"), ("ml-2", "serve-7")];

/// A small generator of numbers: xorshift64.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    /// A part of one.
    pub fn part(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(10_000)).unwrap_or(0)) / 10_000.0
    }

    /// One of some.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// All series, the last sample at `end` (ms).
#[must_use]
pub fn fleet(seed: u64, end: i64) -> Vec<Series> {
    let mut random = Random::new(seed);
    let mut all = Vec::new();
    for node in NODES {
        for gpu in GPUS {
            let uuid = format!("GPU-{node}-{gpu}");
            let base = [("gpu", gpu), ("UUID", &uuid), ("Hostname", node), ("instance", node)];
            device(&mut random, &base, end, &mut all);
        }
        let up = shape(&mut random, end, |_, _| 1.0);
        all.push(Series { samples: up, ..Series::new("up", &[("instance", node)]) });
    }
    all
}

fn device(random: &mut Random, base: &[(&str, &str)], end: i64, all: &mut Vec<Series>) {
    let (namespace, pod) = PODS[random.below(PODS.len())];
    let held = random.below(3) > 0;
    let holder: Vec<_> = [("exported_namespace", namespace), ("exported_pod", pod)]
        .into_iter()
        .filter(|_| held)
        .collect();
    let labels: Vec<(&str, &str)> = base.iter().copied().chain(holder).collect();
    let mut add = |name: &str, more: &[(&str, &str)], samples: Vec<(i64, f64)>| {
        let labels: Vec<(&str, &str)> = labels.iter().chain(more).copied().collect();
        all.push(Series { samples, ..Series::new(name, &labels) });
    };
    let load = random.part();
    let use_of = |random: &mut Random, _: i64| (100.0 * (load + random.part()) / 2.0).floor();
    add("DCGM_FI_DEV_GPU_UTIL", &[], shape(random, end, use_of));
    let watts = |random: &mut Random, _| ((60.0 + 640.0 * random.part()) * 1000.0).round() / 1000.0;
    add("DCGM_FI_DEV_POWER_USAGE", &[], shape(random, end, watts));
    add(
        "DCGM_FI_DEV_FB_USED",
        &[],
        shape(random, end, |random, at| {
            let steps = u32::try_from(at / 40).unwrap_or(0);
            f64::from(steps) * 4096.0 + if random.below(50) == 0 { 1.0 } else { 0.0 }
        }),
    );
    let mut energy = 1e9 * random.part();
    add(
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        &[],
        shape(random, end, |random, _| {
            energy = if random.below(150) == 0 {
                0.0
            } else {
                energy + 15_000.0 * 700.0 * random.part()
            };
            energy.round()
        }),
    );
    let mut counts = [0.0; 4];
    let bounds = ["0.25", "0.5", "0.95", "+Inf"];
    let rounds: Vec<[f64; 4]> = (0..SAMPLES)
        .map(|_| {
            let lowest = random.below(4);
            counts[lowest..].iter_mut().for_each(|count| *count += 15.0);
            counts
        })
        .collect();
    for (at, bound) in bounds.iter().enumerate() {
        let samples =
            shape(random, end, |_, round| rounds[usize::try_from(round).unwrap_or(0)][at]);
        add("gpu_session_sm_seconds_bucket", &[("le", bound)], samples);
    }
    add(
        "gpu_process_info",
        &[("pid", "4711"), ("command", "python")],
        shape(random, end, |_, _| 1.0),
    );
}

/// A series of values with gaps; some end with a marker, some just stop, some begin late.
fn shape(
    random: &mut Random,
    end: i64,
    mut value: impl FnMut(&mut Random, i64) -> f64,
) -> Vec<(i64, f64)> {
    let first = if random.below(6) == 0 { random.below(200) } else { 0 };
    let last = if random.below(5) == 0 { 240 + random.below(240) } else { usize::MAX };
    let marked = random.below(2) == 0;
    let mut gap = 0_usize;
    let mut samples = Vec::new();
    for round in 0..SAMPLES {
        let at = end - (SAMPLES - 1 - round) * INTERVAL;
        let value = value(random, round);
        let place = usize::try_from(round).unwrap_or(0);
        if place > last {
            break;
        }
        gap = match gap {
            0 if random.below(120) == 0 => 1 + random.below(40),
            left => left.saturating_sub(1),
        };
        if place == last && marked {
            samples.push((at, STALE));
        } else if gap == 0 && place >= first {
            samples.push((at, value));
        }
    }
    samples
}
