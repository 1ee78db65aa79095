//! `POST /api/v1/import/prometheus`: text, as pages of exporters and `promtool` have it.

use std::borrow::Cow;
use std::io::Read as _;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use flate2::read::MultiGzDecoder;
use store::Batch;

use super::metadata::kind_named;
use super::refused::{WriteError, sentence};
use super::text::{self, Line, Pair};
use crate::App;
use crate::body::{self, BodyError};

pub(crate) async fn import(State(app): State<App>, request: Request) -> Response {
    match receive(app, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

async fn receive(app: App, request: Request) -> Result<(), WriteError> {
    let limits = app.config().limits;
    let permit = Arc::clone(app.writes()).try_acquire_owned();
    let permit = permit.map_err(|_| WriteError::busy(limits.writes))?;
    let extra = extra_labels(request.uri().query().unwrap_or(""))?;
    let gzip = is_gzip(request.headers())?;
    let most = if gzip { limits.body_bytes } else { limits.decompressed_bytes };
    let reading = body::read(request.into_body(), most, Vec::new());
    let body = match tokio::time::timeout(limits.body_time, reading).await {
        Ok(Ok(body)) => body,
        Ok(Err(BodyError::TooLong)) => return Err(too_long(most)),
        Ok(Err(problem @ BodyError::Broken(_))) => {
            return Err(WriteError::Bad(problem.to_string()));
        }
        Err(_) => return Err(WriteError::Later("the body did not arrive in time".to_owned(), 1)),
    };
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let body = if gzip { inflated(&body, limits.decompressed_bytes)? } else { body };
        let page = std::str::from_utf8(&body)
            .map_err(|cause| WriteError::Bad(format!("the body is not UTF-8: {cause}")))?;
        store(&app, page, &extra)
    });
    work.await.map_err(|_| WriteError::Internal("the write broke off".to_owned()))?
}

fn too_long(most: usize) -> WriteError {
    WriteError::TooLarge(format!("the body is longer than {most} bytes: send it in parts"))
}

fn extra_labels(query: &str) -> Result<Vec<(String, String)>, WriteError> {
    let given = form_urlencoded::parse(query.as_bytes());
    let extra = given.filter(|(name, _)| name == "extra_label").map(|(_, pair)| {
        let (name, value) = pair.split_once('=').unwrap_or(("", &pair));
        if name.is_empty() {
            return Err(WriteError::Bad(format!("extra_label={pair}: it has to be name=value")));
        }
        Ok((name.to_owned(), value.to_owned()))
    });
    extra.collect()
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, WriteError> {
    match headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?")) {
        None | Some("identity") => Ok(false),
        Some("gzip") => Ok(true),
        Some(other) => Err(WriteError::Unsupported(format!(
            "{other} encoding (compression) is not accepted here; only gzip is"
        ))),
    }
}

fn inflated(body: &[u8], most: usize) -> Result<Vec<u8>, WriteError> {
    let mut plain = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(body).take(bound).read_to_end(&mut plain);
    read.map_err(|cause| WriteError::Bad(format!("the body is not gzip: {cause}")))?;
    if plain.len() > most { Err(too_long(most)) } else { Ok(plain) }
}

/// A row as it was read.
struct Row<'a> {
    labels: Vec<Pair<'a>>,
    time: Option<i64>,
    value: f64,
}

fn store(app: &App, page: &str, extra: &[(String, String)]) -> Result<(), WriteError> {
    let mut rows = Vec::new();
    let read = text::lines(page, |line, labels| match line {
        Line::Sample(sample) => {
            let mut all: Vec<Pair<'_>> = std::mem::take(labels);
            all.retain(|(name, _)| extra.iter().all(|(added, _)| added != name));
            rows.push(Row { labels: all, time: sample.time, value: sample.value });
        }
        Line::Type { name, kind } => app.metadata().typed(name, kind_named(kind)),
        Line::Help { name, help } => app.metadata().helped(name, &help),
    });
    read.map_err(|problem| WriteError::Bad(problem.to_string()))?;
    let now = app.now_ms();
    let mut batch = Batch::new();
    let added = || extra.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for row in &rows {
        let labels = row.labels.iter().map(|(name, value): &(Cow<'_, str>, _)| (&**name, &**value));
        batch.push(labels.chain(added()), [(row.time.unwrap_or(now), row.value)]);
    }
    let appended = app.append(now, &batch)?;
    match sentence(&appended, &batch) {
        None => Ok(()),
        Some(problem) => Err(WriteError::Bad(problem)),
    }
}
