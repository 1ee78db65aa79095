//! `POST /api/v1/write`: Prometheus remote write 1.0.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use store::Batch;

use super::protobuf::DecodeError;
use super::refused::{WriteError, sentence};
use super::request;
use crate::App;
use crate::body::{self, BodyError};

/// Buffers of one write, kept for the next.
#[derive(Debug)]
struct Buffers {
    body: Vec<u8>,
    plain: Vec<u8>,
    batch: Batch<'static>,
}

/// Buffers that nobody uses now.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Vec<Buffers>>);

impl Spare {
    /// Writes at the usual pace need no more.
    const MOST: usize = 4;
    /// Larger ones are given back to the system.
    const LARGEST: usize = 4 << 20;

    fn take(&self) -> Buffers {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Buffers {
            body: Vec::new(),
            plain: Vec::new(),
            batch: request::batch(),
        })
    }

    fn keep(&self, mut buffers: Buffers) {
        buffers.body.clear();
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < Self::MOST && buffers.plain.capacity() <= Self::LARGEST {
            spare.push(buffers);
        }
    }
}

pub(crate) async fn remote(State(app): State<App>, request: Request) -> Response {
    match receive(app, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => refused.into_response(),
    }
}

impl App {
    /// One body of remote write 1.0, as the route takes it from a request, without one. Blocks.
    #[must_use]
    pub fn remote_write(&self, body: Vec<u8>) -> Response {
        let mut buffers = self.spare().take();
        buffers.body = body;
        match store(self, buffers) {
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(refused) => refused.into_response(),
        }
    }
}

async fn receive(app: App, request: Request) -> Result<(), WriteError> {
    let writes = Arc::clone(app.writes());
    let limits = app.config().limits;
    let permit = writes.try_acquire_owned().map_err(|_| WriteError::busy(limits.writes))?;
    check_headers(request.headers())?;
    let mut buffers = app.spare().take();
    let into = std::mem::take(&mut buffers.body);
    let reading = body::read(request.into_body(), limits.body_bytes, into);
    let read = tokio::time::timeout(limits.body_time, reading).await;
    buffers.body = match read {
        Ok(Ok(body)) => body,
        Ok(Err(BodyError::TooLong)) => return Err(too_long(limits.body_bytes)),
        Ok(Err(problem @ BodyError::Broken(_))) => {
            return Err(WriteError::Bad(problem.to_string()));
        }
        Err(_) => return Err(WriteError::Later("the body did not arrive in time".to_owned(), 1)),
    };
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        store(&app, buffers)
    });
    work.await.map_err(|_| WriteError::Internal("the write broke off".to_owned()))?
}

fn too_long(most: usize) -> WriteError {
    WriteError::TooLarge(format!("the body is longer than {most} bytes: send smaller batches"))
}

/// Only the first version's message, and only in snappy's block format.
fn check_headers(headers: &HeaderMap) -> Result<(), WriteError> {
    let kind = text(headers, CONTENT_TYPE).unwrap_or("application/x-protobuf");
    let mut parts = kind.split(';').map(str::trim);
    if !parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/x-protobuf")) {
        return Err(WriteError::Unsupported(format!(
            "{kind:?} is not accepted: send application/x-protobuf"
        )));
    }
    let message = parts.find_map(|part| part.strip_prefix("proto="));
    if message.is_some_and(|message| message.trim_matches('"') != "prometheus.WriteRequest") {
        return Err(WriteError::Unsupported(format!(
            "{} is not accepted by this server; only prometheus.WriteRequest is",
            message.unwrap_or("")
        )));
    }
    match text(headers, CONTENT_ENCODING) {
        None => Ok(()),
        Some(encoding) if encoding.eq_ignore_ascii_case("snappy") => Ok(()),
        Some(encoding) => Err(WriteError::Unsupported(format!(
            "{encoding} encoding (compression) is not accepted by this server; only snappy is"
        ))),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn store(app: &App, mut buffers: Buffers) -> Result<(), WriteError> {
    decompress(&buffers.body, &mut buffers.plain, app.config().limits.decompressed_bytes)?;
    let mut batch = buffers.batch.recycle();
    let outcome = store_plain(app, &buffers.plain, &mut batch);
    buffers.batch = batch.recycle();
    app.spare().keep(buffers);
    outcome
}

/// Snappy's block format begins with the length that comes out, which is checked before anything
/// is made of that size.
fn decompress(body: &[u8], into: &mut Vec<u8>, most: usize) -> Result<(), WriteError> {
    let bad = |cause| WriteError::Bad(format!("the body is not snappy: {cause}"));
    let length = snap::raw::decompress_len(body).map_err(bad)?;
    if length > most {
        return Err(WriteError::TooLarge(format!(
            "the body has {length} bytes after decompression, at most {most} are taken: send \
             smaller batches"
        )));
    }
    if into.len() < length {
        into.resize(length, 0);
    }
    snap::raw::Decoder::new().decompress(body, into).map_err(bad)?;
    into.truncate(length);
    Ok(())
}

fn store_plain<'a>(app: &App, plain: &'a [u8], batch: &mut Batch<'a>) -> Result<(), WriteError> {
    let most = app.config().limits.samples;
    let left = request::read(plain, most, batch, app.metadata()).map_err(|cause| match cause {
        DecodeError::TooMany(_) => WriteError::TooLarge(format!(
            "more than {most} samples in one request: send smaller batches"
        )),
        cause => WriteError::Bad(format!("the body is not a WriteRequest: {cause}")),
    })?;
    let appended = app.append(app.now_ms(), batch)?;
    app.own().left_out(left);
    let histograms = (left.native_histograms > 0).then(|| {
        let count = left.native_histograms;
        format!("native histograms are not stored yet, {count} refused: send classic ones")
    });
    let problems: Vec<String> = sentence(&appended, batch).into_iter().chain(histograms).collect();
    if problems.is_empty() { Ok(()) } else { Err(WriteError::Bad(problems.join("; "))) }
}
