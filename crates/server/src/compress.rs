//! Answers of the API made smaller where the client takes it: zstd or gzip at a fast level, since
//! each is made once and read once.

use std::io::Write as _;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::answer::of_json;
use crate::assets::{Encoding, accepted};

/// Shorter answers fit one packet as they are.
const WORTH_IT: usize = 1024;

/// How an answer to this client may be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted(Option<Encoding>);

impl Wanted {
    /// What the headers of a request ask for.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let accepted = accepted(headers);
        let ours = [Encoding::Zstd, Encoding::Gzip];
        Self(ours.into_iter().find(|encoding| accepted.contains(encoding)))
    }

    /// The answer; compressing takes a while, so not on a thread that serves others.
    pub(crate) fn json(self, body: Vec<u8>) -> Response {
        let packed = match self.0.filter(|_| body.len() > WORTH_IT) {
            Some(Encoding::Zstd) => zstd::bulk::compress(&body, 1).ok().map(|b| (b, "zstd")),
            Some(_) => Some((gzip(&body), "gzip")),
            None => None,
        };
        let mut response = match packed {
            Some((packed, name)) => {
                let mut response = of_json(Vec::new());
                *response.body_mut() = Body::from(packed);
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(name));
                response
            }
            None => of_json(body),
        };
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
        response
    }
}

/// Gzip at its fastest level.
pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 8), Compression::fast());
    // Writing into memory cannot fail.
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}
