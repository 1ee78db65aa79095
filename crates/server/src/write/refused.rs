//! What a sender is told about samples that were refused.

use std::fmt::Write as _;

use store::{AppendError, Appended, Batch};

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};

/// Seconds after which a refused write is worth another try.
const RETRY_SECONDS: u64 = 1;

/// Why a write was not taken, or not in full.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Sending it again cannot help.
    Bad(String),
    /// Neither can a body of this kind.
    Unsupported(String),
    TooLarge(String),
    /// Sending it again after so many seconds may help.
    Later(String, u64),
    Internal(String),
}

impl WriteError {
    pub(crate) fn into_response(self) -> Response {
        let (status, message, after) = match self {
            Self::Bad(message) => (StatusCode::BAD_REQUEST, message, None),
            Self::Unsupported(message) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, message, None),
            Self::TooLarge(message) => (StatusCode::PAYLOAD_TOO_LARGE, message, None),
            Self::Later(message, after) => (StatusCode::SERVICE_UNAVAILABLE, message, Some(after)),
            Self::Internal(message) => (StatusCode::INTERNAL_SERVER_ERROR, message, None),
        };
        let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        let mut response = (status, kind, message + "\n").into_response();
        if let Some(after) = after {
            response.headers_mut().insert(RETRY_AFTER, after.into());
        }
        response
    }

    /// Too much at once.
    pub(crate) fn busy(most: usize) -> Self {
        Self::Later(format!("{most} writes are under way already"), RETRY_SECONDS)
    }
}

impl From<AppendError> for WriteError {
    fn from(error: AppendError) -> Self {
        let message = error.to_string();
        match error {
            AppendError::Full { retry_after } => {
                Self::Later(message, retry_after.as_secs().max(RETRY_SECONDS))
            }
            AppendError::Limit { .. } => Self::TooLarge(message),
            AppendError::Io(cause) => {
                tracing::error!(%cause, "cannot write the log");
                Self::Internal(message)
            }
        }
    }
}

/// The sentence that names the first refused series, if there is one.
pub(crate) fn sentence(appended: &Appended, batch: &Batch<'_>) -> Option<String> {
    let first = appended.refused.first()?;
    let series = series(&batch.labels_of(first.row));
    let (kept, refused) = (appended.stored + appended.duplicates, appended.refused_samples);
    Some(format!("{series}: {}; {refused} samples refused, {kept} taken", first.reason))
}

/// A series as PromQL writes it, cut where it is endless.
fn series(labels: &[(&str, &str)]) -> String {
    const LONGEST: usize = 1024;
    let name = labels.iter().find(|(name, _)| *name == "__name__").map_or("", |(_, value)| value);
    let mut text = format!("{name}{{");
    let rest = labels.iter().filter(|(name, _)| *name != "__name__");
    for (at, (name, value)) in rest.enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        let _ = write!(text, "{comma}{name}={value:?}");
    }
    text.push('}');
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}
