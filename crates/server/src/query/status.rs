//! What the server says about itself in Prometheus's words, and the parts that are valid and empty
//! until there is something in them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::run::run;
use super::{EARLIEST, LATEST};
use crate::App;
use crate::answer::{ApiError, Notes, of_json, success};
use crate::compress::Wanted;
use crate::form::{Form, spelled, whole};
use crate::json;

/// The Prometheus whose API is answered: clients choose by it what they ask for.
const ANSWERS_AS: &str = "3.0.0";

fn plain(data: &[u8]) -> Response {
    of_json(success(&Notes::default(), |out| out.extend_from_slice(data)))
}

/// `{"name":"value"}` of texts.
fn object<'a>(out: &mut Vec<u8>, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
    out.push(b'{');
    for (at, (name, value)) in pairs.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json::string(out, name);
        out.push(b':');
        json::string(out, value);
    }
    out.push(b'}');
}

pub(crate) async fn rules() -> Response {
    plain(b"{\"groups\":[]}")
}

pub(crate) async fn alerts() -> Response {
    plain(b"{\"alerts\":[]}")
}

pub(crate) async fn targets() -> Response {
    plain(b"{\"activeTargets\":[],\"droppedTargets\":[],\"droppedTargetCounts\":{}}")
}

pub(crate) async fn build_info() -> Response {
    let revision = option_env!("GPULSE_COMMIT").unwrap_or("");
    let program = concat!("gpulse ", env!("CARGO_PKG_VERSION"));
    let pairs = [
        ("version", ANSWERS_AS),
        ("revision", revision),
        ("branch", ""),
        ("buildUser", ""),
        ("buildDate", ""),
        ("goVersion", ""),
        ("application", program),
    ];
    of_json(success(&Notes::default(), |out| object(out, pairs)))
}

pub(crate) async fn config() -> Response {
    of_json(success(&Notes::default(), |out| object(out, [("yaml", "{}\n")])))
}

pub(crate) async fn flags(State(app): State<App>) -> Response {
    let flags = app.config().flags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    of_json(success(&Notes::default(), |out| object(out, flags)))
}

pub(crate) async fn runtime_info(State(app): State<App>) -> Response {
    let stats = app.store().stats();
    let started = spelled(app.started().0.div_euclid(1000));
    let now = spelled(app.now_ms());
    let folder = std::env::current_dir().unwrap_or_default().display().to_string();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let texts = [
        ("startTime", started.as_str()),
        ("CWD", &folder),
        ("hostname", &host),
        ("serverTime", &now),
        ("lastConfigTime", &started),
        ("storageRetention", &app.config().retention),
    ];
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    of_json(success(&Notes::default(), |out| {
        object(out, texts);
        out.pop();
        let rest = format!(
            ",\"reloadConfigSuccess\":true,\"corruptionCount\":0,\"GOMAXPROCS\":{cores},\
             \"timeSeriesCount\":{}}}",
            stats.series
        );
        out.extend_from_slice(rest.as_bytes());
    }))
}

pub(crate) async fn tsdb(State(app): State<App>, headers: HeaderMap, form: Form) -> Response {
    let limit = match limit(form.get("limit")) {
        Ok(limit) => limit,
        Err(problem) => return axum::response::IntoResponse::into_response(problem),
    };
    let own = app.clone();
    let time = app.engine().options().timeout;
    run(app.lists(), Wanted::of(&headers), time, move |_| cardinality(&own, limit)).await
}

fn limit(text: &str) -> Result<usize, ApiError> {
    const MOST: usize = 10_000;
    if text.is_empty() {
        return Ok(10);
    }
    let number = whole(text).ok().and_then(|number| usize::try_from(number).ok());
    match number.filter(|number| *number > 0) {
        None => Err(ApiError::bad("limit must be a positive number")),
        Some(number) if number > MOST => {
            Err(ApiError::bad(format!("limit must not exceed {MOST}")))
        }
        Some(number) => Ok(number),
    }
}

fn cardinality(app: &App, limit: usize) -> Result<Vec<u8>, ApiError> {
    let stats = app.store().stats();
    let counts = Counts::of(app)?;
    Ok(success(&Notes::default(), |out| {
        let head = format!(
            "{{\"headStats\":{{\"numSeries\":{},\"numLabelPairs\":{},\"chunkCount\":{},\
             \"minTime\":{},\"maxTime\":{}}}",
            stats.series,
            stats.label_pairs,
            stats.series,
            stats.head_oldest_ms.unwrap_or(i64::MAX),
            stats.head_newest_ms.unwrap_or(i64::MIN)
        );
        out.extend_from_slice(head.as_bytes());
        let lists = [
            ("seriesCountByMetricName", &counts.series_by_metric),
            ("labelValueCountByLabelName", &counts.values_by_label),
            ("memoryInBytesByLabelName", &counts.bytes_by_label),
            ("seriesCountByLabelValuePair", &counts.series_by_pair),
        ];
        for (name, counts) in lists {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            largest(out, counts, limit);
        }
        out.push(b'}');
    }))
}

/// Name and count, the largest first.
type Count = (String, u64);

#[derive(Default)]
struct Counts {
    series_by_metric: Vec<Count>,
    values_by_label: Vec<Count>,
    bytes_by_label: Vec<Count>,
    series_by_pair: Vec<Count>,
}

impl Counts {
    /// Counted over the label sets of the head's span: a page for people, asked for rarely.
    fn of(app: &App) -> Result<Self, ApiError> {
        /// More series than this are counted in part.
        const MOST: usize = 1_000_000;
        let from = app.store().stats().head_oldest_ms.unwrap_or(EARLIEST);
        let told = |cause: model::series::SourceError| {
            ApiError::new(crate::answer::Kind::Internal, cause.to_string())
        };
        let series = app.store().series(&[], from, LATEST, MOST).map_err(told)?;
        let mut pairs = std::collections::HashMap::<(&str, &str), u64>::new();
        for labels in &series.items {
            labels.iter().for_each(|pair| *pairs.entry(pair).or_default() += 1);
        }
        let mut counts = Self::default();
        let mut labels = std::collections::HashMap::<&str, (u64, u64)>::new();
        for ((name, value), count) in pairs {
            let label = labels.entry(name).or_default();
            label.0 += 1;
            label.1 += value.len() as u64;
            if name == model::labels::NAME {
                counts.series_by_metric.push((value.to_owned(), count));
            }
            counts.series_by_pair.push((format!("{name}={value}"), count));
        }
        for (name, (values, bytes)) in labels {
            counts.values_by_label.push((name.to_owned(), values));
            counts.bytes_by_label.push((name.to_owned(), bytes));
        }
        Ok(counts)
    }
}

fn largest(out: &mut Vec<u8>, counts: &[Count], limit: usize) {
    let mut sorted: Vec<&Count> = counts.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    json::list(out, sorted.into_iter().take(limit), |out, (name, count)| {
        out.extend_from_slice(b"{\"name\":");
        json::string(out, name);
        out.extend_from_slice(b",\"value\":");
        json::integer(out, *count);
        out.push(b'}');
    });
}
