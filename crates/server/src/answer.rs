//! The envelope of Prometheus's API: `status`, `data`, `errorType`, `error`, `warnings`, `infos`.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::json;

/// Prometheus's `errorType`, which alone decides the status; the last ones are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    BadData,
    Execution,
    Timeout,
    Canceled,
    Internal,
    NotFound,
    TooLarge,
    Unauthorized,
    Forbidden,
    /// A bound on what is done at once; asking again later helps.
    Busy,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::BadData | Self::TooLarge => "bad_data",
            Self::Execution => "execution",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
            Self::Internal => "internal",
            Self::NotFound => "not_found",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Busy => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BadData => StatusCode::BAD_REQUEST,
            Self::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Timeout | Self::Canceled | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
        }
    }
}

/// Why a request of the API has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) kind: Kind,
    pub(crate) message: String,
}

impl ApiError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The request cannot be understood.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(Kind::BadData, message)
    }

    /// One parameter cannot be understood.
    pub(crate) fn parameter(name: &str, problem: impl std::fmt::Display) -> Self {
        Self::bad(format!("invalid parameter {name:?}: {problem}"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut out = Vec::with_capacity(self.message.len() + 64);
        out.extend_from_slice(b"{\"status\":\"error\",\"errorType\":");
        json::string(&mut out, self.kind.word());
        out.extend_from_slice(b",\"error\":");
        json::string(&mut out, &self.message);
        out.push(b'}');
        let mut response = of_json(out);
        *response.status_mut() = self.kind.status();
        if self.kind == Kind::Busy {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// JSON that is written already.
pub(crate) fn of_json(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Things to say beside an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    pub(crate) warnings: Vec<String>,
    pub(crate) infos: Vec<String>,
}

impl Notes {
    /// Says that a limit cut the answer, where it did.
    pub(crate) fn cut(&mut self, cut: bool) {
        if cut {
            self.warnings.push("results truncated due to limit".to_owned());
        }
    }
}

/// A successful answer as JSON, with the data that `data` writes.
pub(crate) fn success(notes: &Notes, data: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(b"{\"status\":\"success\",\"data\":");
    data(&mut out);
    for (name, notes) in [("warnings", &notes.warnings), ("infos", &notes.infos)] {
        if !notes.is_empty() {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            json::strings(&mut out, notes);
        }
    }
    out.push(b'}');
    out
}
