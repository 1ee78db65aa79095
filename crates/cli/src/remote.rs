//! The way to a server: one request, one bounded answer.
//!
//! The client is `ureq`: blocking, as everything in these commands is, with few crates below it. Who
//! may ask is shown by a bearer token from `--token-file`, else `GPULSE_TOKEN`; where the URL names a
//! user, by that user's password, which stands in the URL or in place of the token. A server's
//! certificate is checked against `--ca-file`, else against what the system trusts.

mod secret;
mod trust;

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use serde::Deserialize;

use crate::fault::{Fault, NOT_ALLOWED, UNREACHABLE};
use secret::authorization;

/// Largest answer taken, in bytes: the snapshot of 10,000 GPUs with their sessions is 3 MB.
const LARGEST_ANSWER: u64 = 256 << 20;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Queries of a server end within two minutes.
const ANSWER_WITHIN: Duration = Duration::from_secs(150);

/// Who to ask, and as whom.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct TokenArgs {
    /// File with a token for the server, or with the password of the user that the URL names; else
    /// the environment variable `GPULSE_TOKEN`.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// File with the certificates of the authorities that a server over https is to be known by;
    /// else those that the system trusts.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// A server that answers over HTTP.
pub(crate) struct Server {
    agent: ureq::Agent,
    base: String,
    /// Value of the header `Authorization`.
    authorization: Option<String>,
}

/// What a server says when it refuses, in the envelope of Prometheus's API.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: String,
    #[serde(rename = "errorType", default)]
    kind: String,
}

/// An answer that is none.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The request makes no sense to the server: its words.
    Bad(String),
    /// Anything else, with its exit code.
    Fault(Fault),
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Bad(words) => Self::usage(anyhow!(words)),
            Refused::Fault(fault) => fault,
        }
    }
}

impl Server {
    /// The server at a URL; without a scheme it is `http`.
    ///
    /// # Errors
    /// A URL of another scheme, or a file that cannot be used.
    pub(crate) fn new(url: &str, token: &TokenArgs) -> Result<Self, Fault> {
        let (scheme, rest) = url.trim_end_matches('/').split_once("://").unwrap_or(("http", url));
        let rest = rest.trim_end_matches('/');
        // The user ends at the last `@` before the path.
        let host = rest.split('/').next().unwrap_or(rest);
        let (user, rest) = match host.rfind('@') {
            Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
            None => (None, rest),
        };
        let base = format!("{scheme}://{rest}");
        if !matches!(scheme, "http" | "https") {
            let problem = format!("--server {base}: {scheme} is not spoken, only http and https");
            return Err(Fault::usage(anyhow!(problem)));
        }
        let authorization = authorization(user, token.token_file.as_deref())?;
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT_WITHIN))
            .timeout_global(Some(ANSWER_WITHIN))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("gpulse/", env!("CARGO_PKG_VERSION")));
        let config = match scheme {
            "https" => config.tls_config(trust::tls(token.ca_file.as_deref())?).https_only(true),
            _ => config,
        };
        Ok(Self { agent: config.build().into(), base, authorization })
    }

    /// Where it is, for people.
    pub(crate) fn url(&self) -> &str {
        &self.base
    }

    /// The answer to a GET of a path below the server's URL.
    ///
    /// # Errors
    /// No answer, one that is too large, or a refusal.
    pub(crate) fn get(&self, path: &str) -> Result<Vec<u8>, Refused> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        self.read(request.call())
    }

    /// The answer to a form.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Vec<u8>, Refused> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        self.read(request.send_form(form.iter().copied()))
    }

    fn read(
        &self,
        answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Vec<u8>, Refused> {
        let mut response = answered.map_err(|cause| self.unreachable(cause))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let reader = response.body_mut().as_reader().take(LARGEST_ANSWER + 1);
        let mut reader = reader;
        reader.read_to_end(&mut body).map_err(|cause| self.unreachable(cause))?;
        if body.len() as u64 > LARGEST_ANSWER {
            let problem = format!("{} answers with more than 256 MiB", self.base);
            return Err(Refused::Fault(anyhow!(problem).into()));
        }
        if (200..300).contains(&status) {
            return Ok(body);
        }
        Err(self.refused(status, &body))
    }

    fn unreachable(&self, cause: impl Into<anyhow::Error>) -> Refused {
        let cause = cause.into().context(format!("{} cannot be reached", self.base));
        Refused::Fault(Fault::coded(UNREACHABLE, cause))
    }

    fn refused(&self, status: u16, body: &[u8]) -> Refused {
        let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
        let words = refusal.as_ref().map_or("no reason given", |refusal| &refusal.error);
        match status {
            401 | 403 => {
                let remedy = "give a token with --token-file or GPULSE_TOKEN, or a user in the URL";
                let problem = format!("{} does not allow it ({words}); {remedy}", self.base);
                Refused::Fault(Fault::coded(NOT_ALLOWED, anyhow!(problem)))
            }
            502 | 504 => self.unreachable(anyhow!("a proxy answers {status}")),
            _ if refusal.as_ref().is_some_and(|refusal| refusal.kind == "bad_data") => {
                Refused::Bad(words.to_owned())
            }
            404 if refusal.is_none() => {
                let problem = format!("{} is no gpulse server: it answers 404", self.base);
                Refused::Fault(anyhow!(problem).into())
            }
            _ => {
                let problem = format!("{} answers {status}: {words}", self.base);
                Refused::Fault(anyhow!(problem).into())
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
