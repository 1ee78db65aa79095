//! The web-config file as it is written: the keys of Prometheus's exporter toolkit, unknown ones
//! refused with their line.
//!
//! Nothing here is shown by `Debug`: keys and hashes of passwords are among it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use axum::http::{HeaderName, HeaderValue};
use serde::Deserialize;

use crate::WebError;

/// Headers that the file may set, as in the toolkit: those that protect a browser.
const HEADERS: [&str; 5] = [
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
    "Content-Security-Policy",
];

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct File {
    pub(crate) tls_server_config: Option<Tls>,
    pub(crate) http_server_config: Option<Http>,
    /// Name and bcrypt hash.
    pub(crate) basic_auth_users: Option<BTreeMap<String, String>>,
}

/// `tls_server_config`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    pub(crate) cert: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) client_ca: Option<String>,
    pub(crate) cert_file: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) client_ca_file: Option<PathBuf>,
    pub(crate) client_auth_type: Option<String>,
    pub(crate) client_allowed_sans: Vec<String>,
    pub(crate) min_version: Option<String>,
    pub(crate) max_version: Option<String>,
    pub(crate) cipher_suites: Vec<String>,
    pub(crate) curve_preferences: Vec<String>,
    pub(crate) prefer_server_cipher_suites: Option<bool>,
}

/// `http_server_config`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) http2: Option<bool>,
    pub(crate) headers: BTreeMap<String, String>,
}

/// Reads the text of the file at `path`.
pub(crate) fn parse(path: &Path, text: &str) -> Result<File, WebError> {
    // A file of comments alone is a file without keys.
    let has_keys =
        text.lines().map(str::trim).any(|l| !l.is_empty() && !l.starts_with('#') && l != "---");
    if !has_keys {
        return Ok(File::default());
    }
    serde_saphyr::from_str(text).map_err(|cause| WebError::Parse {
        path: path.to_owned(),
        // Without the lines around it, which may hold a key.
        reason: cause.without_snippet().to_string(),
    })
}

/// The headers that every answer gets.
pub(crate) fn headers(
    path: &Path,
    http: Option<&Http>,
) -> Result<Vec<(HeaderName, HeaderValue)>, WebError> {
    let given = http.iter().flat_map(|http| &http.headers);
    given.map(|(name, value)| header(path, name, value)).collect()
}

fn header(path: &Path, name: &str, value: &str) -> Result<(HeaderName, HeaderValue), WebError> {
    let fault = |problem| WebError::Setting { path: path.to_owned(), problem };
    if !HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        let known = HEADERS.join(", ");
        return Err(fault(format!("header {name:?} cannot be set: only {known} can")));
    }
    let value = HeaderValue::from_str(value.trim())
        .map_err(|_| fault(format!("header {name}: the value holds what no header can carry")))?;
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| fault(format!("header {name:?} is no name of a header")))?;
    Ok((name, value))
}

/// A path of the file, relative to the folder that the file is in.
pub(crate) fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}
