//! Parameters of a request: the query string and, for POST, a form in the body; read as
//! Prometheus reads them, with its texts for what cannot be read.

mod moment;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::answer::{ApiError, Kind};
use crate::body;
pub(crate) use moment::{duration, spelled, time};

/// Longest form in a body: a query with thousands of names in a matcher, not a file.
const LONGEST_FORM: usize = 4 << 20;

/// Parameters in the order of their weight: those of the body first.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    fn read(&mut self, encoded: &[u8]) {
        let pairs = form_urlencoded::parse(encoded);
        self.0.extend(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())));
    }

    /// The first value; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }

    /// Every value.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A time in ms, or the default where none is given.
    pub(crate) fn time_or(&self, name: &str, default: i64) -> Result<i64, ApiError> {
        match self.get(name) {
            "" => Ok(default),
            text => time(text).map_err(|problem| {
                ApiError::parameter(name, format!("invalid time value for '{name}': {problem}"))
            }),
        }
    }

    /// A time in ms that has to be there.
    pub(crate) fn time(&self, name: &str) -> Result<i64, ApiError> {
        time(self.get(name)).map_err(|problem| ApiError::parameter(name, problem))
    }

    /// `limit`: 0 is none.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        let text = self.get("limit");
        if text.is_empty() {
            return Ok(0);
        }
        let number = whole(text).map_err(|problem| ApiError::parameter("limit", problem))?;
        usize::try_from(number)
            .map_err(|_| ApiError::parameter("limit", "limit must be non-negative"))
    }
}

/// A whole number, with the words of Go's `strconv.Atoi`.
pub(crate) fn whole(text: &str) -> Result<i64, String> {
    text.parse::<i64>().map_err(|problem| {
        let why = match problem.kind() {
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => {
                "value out of range"
            }
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing {text:?}: {why}")
    })
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let mut form = Self::default();
        let (parts, body) = request.into_parts();
        if parts.method == Method::POST && is_form(parts.headers.get(CONTENT_TYPE)) {
            form.read(&read_body(body).await.map_err(IntoResponse::into_response)?);
        }
        form.read(parts.uri.query().unwrap_or("").as_bytes());
        Ok(form)
    }
}

fn is_form(content_type: Option<&axum::http::HeaderValue>) -> bool {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media = text.split(';').next().unwrap_or("").trim();
    media.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

async fn read_body(body: Body) -> Result<Vec<u8>, ApiError> {
    body::read(body, LONGEST_FORM, Vec::new()).await.map_err(|problem| match problem {
        body::BodyError::TooLong => ApiError::new(
            Kind::TooLarge,
            format!("the form is longer than {LONGEST_FORM} bytes: shorten the query"),
        ),
        body::BodyError::Broken(cause) => {
            ApiError::bad(format!("error parsing form values: {cause}"))
        }
    })
}
