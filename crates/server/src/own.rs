//! Metrics of the server about itself: the table, the counters, and the page.

mod process;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::metric::{Kind, Metric, Unit};
use model::text::{self, Writer};
use store::Stats;

use crate::App;
use crate::routes::ROUTES;
use crate::write::Left;

/// Classes of status codes, for the label `code`.
const CODES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Figures of a store that are one number each.
type Figure = fn(&Stats) -> u64;

const fn row(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    help: &'static str,
    labels: &'static [&'static str],
) -> Metric {
    Metric { name, kind, unit, help, labels }
}

const REQUESTS: Metric = row(
    "gpulse_http_requests_total",
    Kind::Counter,
    Unit::Count,
    "Count of requests answered, by route and class of status.",
    &["route", "code"],
);
const REQUEST_SECONDS: Metric = row(
    "gpulse_http_request_seconds_total",
    Kind::Counter,
    Unit::Seconds,
    "Time until answers began, in seconds.",
    &["route"],
);
const SAMPLES: Metric = row(
    "gpulse_store_samples_total",
    Kind::Counter,
    Unit::Count,
    "Count of samples given to the store, by what became of them.",
    &["result"],
);
const REFUSED: Metric = row(
    "gpulse_store_refused_samples_total",
    Kind::Counter,
    Unit::Count,
    "Count of samples refused, by reason.",
    &["reason"],
);
const LEFT_OUT: Metric = row(
    "gpulse_write_left_out_total",
    Kind::Counter,
    Unit::Count,
    "Count of native histograms refused and exemplars ignored in writes.",
    &["kind"],
);
const RUNNING: Metric = row(
    "gpulse_server_running",
    Kind::Gauge,
    Unit::Count,
    "Count of queries and writes under way.",
    &["kind"],
);
const STORE: [(Metric, Figure); 12] = [
    (gauge("gpulse_store_series", Unit::Count, "Count of series in the head."), |s| s.series),
    (
        gauge(
            "gpulse_store_label_pairs",
            Unit::Count,
            "Count of pairs of label and value in the head.",
        ),
        |s| s.label_pairs,
    ),
    (gauge("gpulse_store_head_samples", Unit::Count, "Count of samples in the head."), |s| {
        s.head_samples
    }),
    (gauge("gpulse_store_head_bytes", Unit::Bytes, "Memory of the head, in bytes."), |s| {
        s.head_bytes
    }),
    (
        gauge(
            "gpulse_store_cache_bytes",
            Unit::Bytes,
            "Memory of blocks kept for the next query, in bytes.",
        ),
        |s| s.cache_bytes,
    ),
    (gauge("gpulse_store_blocks", Unit::Count, "Count of blocks on disk."), |s| s.blocks),
    (gauge("gpulse_store_block_bytes", Unit::Bytes, "Size of blocks on disk, in bytes."), |s| {
        s.block_bytes
    }),
    (gauge("gpulse_store_block_samples", Unit::Count, "Count of samples in blocks."), |s| {
        s.block_samples
    }),
    (gauge("gpulse_store_log_bytes", Unit::Bytes, "Size of the log on disk, in bytes."), |s| {
        s.log_bytes
    }),
    (
        gauge(
            "gpulse_store_full",
            Unit::None,
            "Whether the newest write found the disk full: 1 yes, 0 no; without unit.",
        ),
        |s| u64::from(s.full),
    ),
    (counter("gpulse_store_cuts_total", "Count of blocks cut from the head."), |s| s.cuts),
    (counter("gpulse_store_failed_cuts_total", "Count of blocks that could not be cut."), |s| {
        s.failed_cuts
    }),
];
const PROCESS: [Metric; 3] = [
    gauge(
        "process_resident_memory_bytes",
        Unit::Bytes,
        "Memory of this process that is resident, in bytes.",
    ),
    row(
        "process_cpu_seconds_total",
        Kind::Counter,
        Unit::Seconds,
        "Processor time of this process, in seconds.",
        &[],
    ),
    gauge(
        "process_start_time_seconds",
        Unit::UnixSeconds,
        "When this process started, in unix seconds.",
    ),
];
const CONFIG_RELOADS: Metric = row(
    "gpulse_config_reloads_total",
    Kind::Counter,
    Unit::Count,
    "Count of changes of the web-config file or what it names, by whether they could be used.",
    &["result"],
);
const BUILD: Metric = row(
    "gpulse_build_info",
    Kind::Gauge,
    Unit::None,
    "Version of gpulse, always 1; without unit.",
    &["version"],
);

const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Metric {
    row(name, Kind::Gauge, unit, help, &[])
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    row(name, Kind::Counter, Unit::Count, help, &[])
}

/// Every metric of the server about itself, for the reference page.
pub const METRICS: [Metric; 23] = {
    let mut all = [BUILD; 23];
    (all[0], all[1], all[2], all[3]) = (REQUESTS, REQUEST_SECONDS, SAMPLES, REFUSED);
    (all[4], all[5]) = (LEFT_OUT, RUNNING);
    let mut at = 0;
    while at < STORE.len() {
        all[6 + at] = STORE[at].0;
        at += 1;
    }
    (all[18], all[19], all[20]) = (PROCESS[0], PROCESS[1], PROCESS[2]);
    all[21] = CONFIG_RELOADS;
    all
};

/// Counters of requests.
#[derive(Debug)]
pub(crate) struct Own {
    /// As many as routes.
    routes: Vec<OfRoute>,
    native_histograms: AtomicU64,
    exemplars: AtomicU64,
}

#[derive(Debug, Default)]
struct OfRoute {
    codes: [AtomicU64; CODES.len()],
    micros: AtomicU64,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            routes: ROUTES.iter().map(|_| OfRoute::default()).collect(),
            native_histograms: AtomicU64::default(),
            exemplars: AtomicU64::default(),
        }
    }
}

impl Own {
    /// A route answered.
    pub(crate) fn answered(&self, route: usize, status: StatusCode, took: Duration) {
        let of_route = &self.routes[route];
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        of_route.codes[class].fetch_add(1, Relaxed);
        of_route.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(0), Relaxed);
    }

    /// A write held what is not stored.
    pub(crate) fn left_out(&self, left: Left) {
        self.native_histograms.fetch_add(left.native_histograms, Relaxed);
        self.exemplars.fetch_add(left.exemplars, Relaxed);
    }
}

pub(crate) async fn page(State(app): State<App>) -> Response {
    let made = tokio::task::spawn_blocking(move || render(&app)).await;
    match made {
        Ok(page) => ([(CONTENT_TYPE, text::CONTENT_TYPE)], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn render(app: &App) -> String {
    let mut page = Writer::with_capacity(16 << 10);
    let own = app.own();
    requests(&mut page, own);
    let stats = app.store().stats();
    samples(&mut page, &stats);
    page.metric(&LEFT_OUT);
    let left = [("native_histogram", &own.native_histograms), ("exemplar", &own.exemplars)];
    for (kind, count) in left {
        page.sample(LEFT_OUT.name).label("kind", kind).integer(count.load(Relaxed).into());
    }
    running(&mut page, app);
    for (metric, figure) in STORE {
        page.metric(&metric);
        page.sample(metric.name).integer(figure(&stats).into());
    }
    reloads(&mut page, app);
    process(&mut page);
    page.metric(&BUILD);
    page.sample(BUILD.name).label("version", env!("CARGO_PKG_VERSION")).integer(1);
    page.finish()
}

fn requests(page: &mut Writer, own: &Own) {
    let routes = || ROUTES.iter().zip(&own.routes);
    page.metric(&REQUESTS);
    for (route, counts) in routes() {
        for (code, count) in CODES.iter().zip(&counts.codes) {
            let count = count.load(Relaxed);
            if count > 0 {
                let line = page.sample(REQUESTS.name).label("route", route.path);
                line.label("code", code).integer(count.into());
            }
        }
    }
    page.metric(&REQUEST_SECONDS);
    for (route, counts) in routes() {
        let micros = counts.micros.load(Relaxed);
        page.sample(REQUEST_SECONDS.name).label("route", route.path).seconds_of_micros(micros);
    }
}

fn samples(page: &mut Writer, stats: &Stats) {
    page.metric(&SAMPLES);
    let results = [
        ("stored", stats.appended_samples),
        ("duplicate", stats.duplicates),
        ("conflict", stats.conflicts),
    ];
    for (result, count) in results {
        page.sample(SAMPLES.name).label("result", result).integer(count.into());
    }
    page.metric(&REFUSED);
    for (reason, count) in &stats.refused {
        page.sample(REFUSED.name).label("reason", reason).integer((*count).into());
    }
}

fn running(page: &mut Writer, app: &App) {
    let limits = &app.config().limits;
    page.metric(&RUNNING);
    let kinds = [
        ("query", limits.queries - app.queries().available_permits()),
        ("list", limits.queries - app.lists().available_permits()),
        ("write", limits.writes - app.writes().available_permits()),
    ];
    for (kind, count) in kinds {
        page.sample(RUNNING.name).label("kind", kind).integer(i128::try_from(count).unwrap_or(0));
    }
}

fn reloads(page: &mut Writer, app: &App) {
    let Some(web) = &app.config().web else { return };
    let (taken, refused) = web.reloads();
    page.metric(&CONFIG_RELOADS);
    for (result, count) in [("success", taken), ("failure", refused)] {
        page.sample(CONFIG_RELOADS.name).label("result", result).integer(count.into());
    }
}

fn process(page: &mut Writer) {
    let [memory, cpu, start] = PROCESS;
    let figures = [
        (memory, process::resident_bytes()),
        (cpu, process::cpu_seconds()),
        (start, process::started()),
    ];
    for (metric, figure) in figures {
        if let Some(figure) = figure {
            page.metric(&metric);
            page.sample(metric.name).shortest(figure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_filled_once() {
        for (at, metric) in METRICS.iter().enumerate() {
            let before = &METRICS[..at];
            assert!(before.iter().all(|other| other.name != metric.name), "{}", metric.name);
        }
    }

    #[test]
    fn every_metric_of_the_page_has_a_row_with_its_labels() {
        let (app, _folder) = crate::testing::app(crate::Config::default());
        app.own().answered(0, StatusCode::NO_CONTENT, Duration::from_millis(3));
        for family in text::parse(&render(&app)).unwrap() {
            let row = METRICS.iter().find(|row| row.name == family.name);
            let row = row.unwrap_or_else(|| panic!("no row for {}", family.name));
            assert_eq!((row.help, row.kind.as_str()), (family.help.as_str(), family.kind.as_str()));
            for sample in family.samples {
                let names: Vec<&str> =
                    sample.labels.iter().map(|(name, _)| name.as_str()).collect();
                assert_eq!(names, row.labels);
            }
        }
    }
}
