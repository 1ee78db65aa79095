//! The web UI from memory: which file answers a path, in which encoding, how long a browser keeps
//! it. Built without the UI: one plain page that says so.

mod encoding;
#[cfg(test)]
mod pack;

use std::borrow::Cow;
use std::io::Read as _;

use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
    VARY,
};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use flate2::read::GzDecoder;

pub(crate) use encoding::{Encoding, accepted};

/// One file as the build script writes it.
struct Embedded {
    path: &'static str,
    mime: &'static str,
    etag: &'static str,
    brotli: &'static [u8],
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What stands for the UI where it was not built.
const NOT_BUILT: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
<title>gpulse</title></head>\n<body>\n<h1>gpulse</h1>\n<p>The web UI is not built into this \
binary. Build it with <code>cargo xtask ui</code>, then build again. The API works: \
<a href=\"api/v1/status/buildinfo\">/api/v1/...</a></p>\n</body>\n</html>\n";

/// One file, ready to be sent.
#[derive(Debug, Clone)]
struct Asset {
    path: Cow<'static, str>,
    mime: &'static str,
    etag: HeaderValue,
    /// Absent for pages that are made at start: they are small.
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
    /// Where there is no gzip.
    plain: Bytes,
}

/// The files of the UI.
#[derive(Debug, Clone)]
pub(crate) struct Assets {
    /// By path.
    files: Vec<Asset>,
    index: Asset,
}

impl Assets {
    /// Those of this program, for pages below `prefix` (begins and ends with `/`).
    pub(crate) fn embedded(prefix: &str) -> Self {
        let files = ASSETS.iter().map(|file| Asset {
            path: file.path.into(),
            mime: file.mime,
            etag: HeaderValue::from_static(file.etag),
            brotli: Some(Bytes::from_static(file.brotli)),
            gzip: Some(Bytes::from_static(file.gzip)),
            plain: Bytes::new(),
        });
        Self::new(files.collect(), prefix)
    }

    fn new(files: Vec<Asset>, prefix: &str) -> Self {
        let built = files.iter().find(|file| file.path == "index.html").map(Asset::inflated);
        let built = built.and_then(|page| String::from_utf8(page).ok());
        let page = with_base(built.as_deref().unwrap_or(NOT_BUILT), prefix);
        Self { files, index: Asset::page(page) }
    }

    /// The answer to a path without its first `/`.
    pub(crate) fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        if method != Method::GET && method != Method::HEAD {
            return status(StatusCode::METHOD_NOT_ALLOWED);
        }
        let file = self.files.iter().find(|file| file.path == path);
        match file.filter(|file| file.path != "index.html") {
            Some(file) => file.answer(headers),
            None if path.starts_with("assets/") => status(StatusCode::NOT_FOUND),
            None => self.index.answer(headers),
        }
    }
}

impl Asset {
    fn page(text: String) -> Self {
        // A page made at start has no file to take a hash of at build time.
        let mut hash = std::hash::DefaultHasher::new();
        std::hash::Hasher::write(&mut hash, text.as_bytes());
        let etag = format!("\"{:016x}\"", std::hash::Hasher::finish(&hash));
        Self {
            path: "index.html".into(),
            mime: "text/html; charset=utf-8",
            etag: HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"0\"")),
            brotli: None,
            gzip: Some(crate::compress::gzip(text.as_bytes()).into()),
            plain: text.into(),
        }
    }

    fn inflated(&self) -> Vec<u8> {
        let Some(gzip) = self.gzip.as_ref().filter(|_| self.plain.is_empty()) else {
            return self.plain.to_vec();
        };
        let mut plain = Vec::with_capacity(4 * gzip.len());
        // What the build script wrote reads back.
        let _ = GzDecoder::new(&gzip[..]).read_to_end(&mut plain);
        plain
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let mut response = if is_known(headers, &self.etag) {
            status(StatusCode::NOT_MODIFIED)
        } else {
            let (body, encoding) = self.encoded(&accepted(headers));
            let mut response = Response::new(Body::from(body));
            let into = response.headers_mut();
            into.insert(CONTENT_TYPE, HeaderValue::from_static(self.mime));
            if let Some(encoding) = encoding {
                into.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
            }
            response
        };
        let into = response.headers_mut();
        let kept = if self.path.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        into.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        into.insert(ETAG, self.etag.clone());
        into.insert(VARY, HeaderValue::from_static("accept-encoding"));
        response
    }

    fn encoded(&self, accepted: &[Encoding]) -> (Bytes, Option<Encoding>) {
        let forms = [(Encoding::Brotli, &self.brotli), (Encoding::Gzip, &self.gzip)];
        for (encoding, body) in forms {
            if let Some(body) = body.as_ref().filter(|_| accepted.contains(&encoding)) {
                return (body.clone(), Some(encoding));
            }
        }
        (self.inflated().into(), None)
    }
}

fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let given = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|list| list.split(',')).map(str::trim).any(|one| {
        one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == etag.as_bytes()
    })
}

fn status(code: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    response
}

/// The page with the place that its relative links start from.
fn with_base(page: &str, prefix: &str) -> String {
    let base = format!("<base href=\"{prefix}\">");
    let start = page.find("<base ").and_then(|at| Some((at, at + page[at..].find('>')? + 1)));
    let head = page.find("<head>").map(|at| at + "<head>".len());
    let (from, to) = start.or(head.map(|at| (at, at))).unwrap_or((0, 0));
    format!("{}{base}{}", &page[..from], &page[to..])
}

#[cfg(test)]
mod tests;
