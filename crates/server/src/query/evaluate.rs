//! `query` and `query_range`.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use promql::{Engine, ErrorKind, Outcome, QueryError, Usage, Value};

use super::run::{Call, run};
use crate::App;
use crate::answer::{ApiError, Kind, Notes, success};
use crate::compress::Wanted;
use crate::form::{Form, duration};
use crate::json;

/// Steps after the first that a range may have, as Prometheus bounds it: a week at 60 s.
const MOST_STEPS: u16 = 11_000;

/// Which times a query is asked for.
#[derive(Debug, Clone, Copy)]
enum Times {
    At(i64),
    Range { start: i64, end: i64, step: i64 },
}

/// What both kinds of query take.
struct Asked {
    query: String,
    times: Times,
    limit: usize,
    timeout: Duration,
    lookback: Option<Duration>,
    stats: String,
}

pub(crate) async fn instant(State(app): State<App>, headers: HeaderMap, form: Form) -> Response {
    let times = |form: &Form| form.time_or("time", app.now_ms()).map(Times::At);
    let asked = Asked::read(&app, &form, times);
    answer(&app, Wanted::of(&headers), asked).await
}

pub(crate) async fn range(State(app): State<App>, headers: HeaderMap, form: Form) -> Response {
    let asked = Asked::read(&app, &form, range_of);
    answer(&app, Wanted::of(&headers), asked).await
}

async fn answer(app: &App, wanted: Wanted, asked: Result<Asked, ApiError>) -> Response {
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    let own = app.clone();
    run(app.queries(), wanted, asked.timeout, move |call| asked.evaluate(&own, call)).await
}

fn range_of(form: &Form) -> Result<Times, ApiError> {
    let (start, end) = (form.time("start")?, form.time("end")?);
    if end < start {
        let problem = "end timestamp must not be before start time";
        return Err(ApiError::parameter("end", problem));
    }
    let step = duration(form.get("step")).map_err(|p| ApiError::parameter("step", p))?;
    if step <= 0 {
        return Err(ApiError::parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if end.saturating_sub(start) / step > MOST_STEPS.into() {
        return Err(ApiError::bad(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query \
             resolution (?step=XX)",
        ));
    }
    Ok(Times::Range { start, end, step })
}

impl Asked {
    /// In the order in which Prometheus looks at parameters: the first fault is answered.
    fn read(
        app: &App,
        form: &Form,
        times: impl FnOnce(&Form) -> Result<Times, ApiError>,
    ) -> Result<Self, ApiError> {
        let limit = form.limit()?;
        let times = times(form)?;
        let longest = app.engine().options().timeout;
        let timeout = timeout(form.get("timeout"))?.map_or(longest, |asked| asked.min(longest));
        Ok(Self {
            query: form.get("query").to_owned(),
            times,
            limit,
            timeout,
            lookback: lookback(form.get("lookback_delta"))?,
            stats: form.get("stats").to_owned(),
        })
    }

    fn evaluate(&self, app: &App, call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
        let begun = Instant::now();
        let engine = app.engine().with(|options| {
            options.timeout = call.left;
            options.max_steps = usize::from(MOST_STEPS) + 1;
            options.lookback = self.lookback.unwrap_or(options.lookback);
        });
        let mut outcome = self.outcome(&engine, app, call).map_err(|problem| told(&problem))?;
        let cut = truncate(&mut outcome.value, self.limit);
        let mut notes = Notes { warnings: outcome.warnings, infos: outcome.infos };
        notes.cut(cut);
        let took = begun.elapsed();
        Ok(success(&notes, |out| {
            data(out, &outcome.value, self.times);
            if !self.stats.is_empty() {
                stats(out, call.waited, took, outcome.usage);
            }
            out.push(b'}');
        }))
    }

    fn outcome(&self, engine: &Engine, app: &App, call: &Call<'_>) -> Result<Outcome, QueryError> {
        let source = app.store().as_ref();
        match self.times {
            Times::At(at) => engine.instant(source, &self.query, at, call.cancel),
            Times::Range { start, end, step } => {
                engine.range(source, &self.query, (start, end, step), call.cancel)
            }
        }
    }
}

fn timeout(text: &str) -> Result<Option<Duration>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let ms = duration(text).map_err(|problem| ApiError::parameter("timeout", problem))?;
    match u64::try_from(ms) {
        Ok(ms) if ms > 0 => Ok(Some(Duration::from_millis(ms))),
        _ => Err(ApiError::parameter(
            "timeout",
            format!("timeout must be positive, got {}", as_go(ms)),
        )),
    }
}

/// A duration that is not positive, as Go prints it: `0s`, `-500ms`, `-1m30s`.
fn as_go(ms: i64) -> String {
    let (ms, sign) = (ms.unsigned_abs(), if ms < 0 { "-" } else { "" });
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let seconds = Duration::from_millis(ms % 60_000).as_secs_f64();
    match ms {
        1..1_000 => format!("{sign}{ms}ms"),
        3_600_000.. => format!("{sign}{hours}h{minutes}m{seconds}s"),
        60_000.. => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{seconds}s"),
    }
}

fn lookback(text: &str) -> Result<Option<Duration>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let ms = duration(text).map_err(|problem| {
        ApiError::bad(format!("error parsing lookback delta duration: {problem}"))
    })?;
    // As in Prometheus, 0 and less mean the default.
    Ok(u64::try_from(ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis))
}

/// A query's error as the API tells it.
pub(super) fn told(problem: &QueryError) -> ApiError {
    let message = problem.to_string();
    match problem.kind() {
        ErrorKind::BadData => ApiError::parameter("query", message),
        ErrorKind::Execution => ApiError::new(Kind::Execution, message),
        ErrorKind::Timeout => ApiError::new(Kind::Timeout, message),
        ErrorKind::Canceled => ApiError::new(Kind::Canceled, message),
    }
}

fn truncate(value: &mut Value, limit: usize) -> bool {
    if limit == 0 {
        return false;
    }
    match value {
        Value::Vector(all) if all.len() > limit => all.truncate(limit),
        Value::Matrix(all) if all.len() > limit => all.truncate(limit),
        _ => return false,
    }
    true
}

/// `{"resultType":…,"result":…`, still open.
fn data(out: &mut Vec<u8>, value: &Value, times: Times) {
    out.extend_from_slice(b"{\"resultType\":\"");
    let kind: &[u8] = match value {
        Value::Scalar(_) => b"scalar",
        Value::String(_) => b"string",
        Value::Vector(_) => b"vector",
        Value::Matrix(_) => b"matrix",
    };
    out.extend_from_slice(kind);
    out.extend_from_slice(b"\",\"result\":");
    match value {
        Value::Scalar(point) => json::point(out, point.at, point.value),
        Value::String(text) => string(out, times, text),
        Value::Vector(all) => json::list(out, all, |out, sample| {
            out.extend_from_slice(b"{\"metric\":");
            json::labels(out, &sample.labels);
            out.extend_from_slice(b",\"value\":");
            json::point(out, sample.point.at, sample.point.value);
            out.push(b'}');
        }),
        Value::Matrix(all) => json::list(out, all, |out, series| {
            out.extend_from_slice(b"{\"metric\":");
            json::labels(out, &series.labels);
            out.extend_from_slice(b",\"values\":");
            json::list(out, &series.points, |out, point| json::point(out, point.at, point.value));
            out.push(b'}');
        }),
    }
}

fn string(out: &mut Vec<u8>, times: Times, text: &str) {
    let (Times::At(at) | Times::Range { start: at, .. }) = times;
    out.push(b'[');
    json::seconds(out, at);
    out.push(b',');
    json::string(out, text);
    out.push(b']');
}

/// Prometheus's statistics, as far as the same is measured here. Results are columns, so the peak
/// is what all of them hold, in samples of 16 bytes.
fn stats(out: &mut Vec<u8>, waited: Duration, took: Duration, usage: Usage) {
    let seconds = |span: Duration| span.as_secs_f64();
    let text = format!(
        ",\"stats\":{{\"timings\":{{\"evalTotalTime\":{},\"execQueueTime\":{},\
         \"execTotalTime\":{}}},\"samples\":{{\"totalQueryableSamples\":{},\"peakSamples\":{}}}}}",
        seconds(took),
        seconds(waited),
        seconds(waited + took),
        usage.seen,
        usage.bytes.div_ceil(size_of::<promql::Point>())
    );
    out.extend_from_slice(text.as_bytes());
}
