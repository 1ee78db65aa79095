//! The queries of the figures, as paths.

use ::tests::http::escaped;

/// One query.
pub(super) struct Query {
    pub(super) name: &'static str,
    pub(super) path: String,
    /// An answer of no more bytes is no answer to it.
    pub(super) least: usize,
}

/// Range queries over 5 h at 60 s, on the 336 GPUs of 42 nodes.
const RANGES: [(&str, &str); 5] = [
    ("range avg by", "avg by (Hostname) (DCGM_FI_DEV_GPU_UTIL)"),
    ("range avg_over_time[1h]", "avg_over_time(DCGM_FI_DEV_GPU_UTIL[1h])"),
    ("range rate", "rate(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION[5m])"),
    ("range quantile", "quantile by (Hostname) (0.9, DCGM_FI_DEV_POWER_USAGE)"),
    ("range 336 series", "DCGM_FI_DEV_POWER_USAGE"),
];

const INSTANTS: [(&str, &str); 8] = [
    ("instant 336 series", "DCGM_FI_DEV_GPU_UTIL"),
    ("instant avg by", "avg by (Hostname) (DCGM_FI_DEV_GPU_UTIL)"),
    ("instant topk", "topk(10, DCGM_FI_DEV_POWER_USAGE)"),
    ("instant rate", "rate(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION[5m])"),
    ("instant regex", r#"DCGM_FI_DEV_GPU_UTIL{Hostname=~"gpu-00[0-2].*"}"#),
    ("instant one series", r#"DCGM_FI_DEV_GPU_UTIL{Hostname="gpu-0007",gpu="3"}"#),
    ("instant ratio of sums", "sum(DCGM_FI_DEV_FB_USED) / sum(DCGM_FI_DEV_POWER_USAGE)"),
    ("instant count of all", r#"count({__name__=~"DCGM_.+"})"#),
];

/// All of them, with `end` (ms) as the newest moment.
pub(super) fn all(end: i64) -> Vec<Query> {
    // The newest round is just before `end`.
    let end = end / 1000 - 15;
    let range = |(name, query): (&'static str, &str)| Query {
        name,
        path: format!(
            "/api/v1/query_range?query={}&start={}&end={end}&step=60&nocache=1",
            escaped(query),
            end - 5 * 3600
        ),
        least: 2000,
    };
    let instant = |(name, query): (&'static str, &str)| Query {
        name,
        path: format!("/api/v1/query?query={}&time={end}&nocache=1", escaped(query)),
        least: 90,
    };
    let of = |name, path: String, least| Query { name, path, least };
    let window = format!("start={}&end={end}", end - 3600);
    let host = escaped(r#"{Hostname="gpu-0007"}"#);
    RANGES
        .into_iter()
        .map(range)
        .chain(INSTANTS.into_iter().map(instant))
        .chain([
            of("label names", format!("/api/v1/labels?{window}"), 100),
            of("label values", format!("/api/v1/label/Hostname/values?{window}"), 300),
            of("series of one host", format!("/api/v1/series?match[]={host}&{window}"), 10_000),
        ])
        .collect()
}
