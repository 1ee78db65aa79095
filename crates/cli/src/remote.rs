//! The way to a server: one request, one bounded answer.
//!
//! The client is `ureq`: blocking, as everything in these commands is, with few crates below it,
//! and TLS as a feature of its own for the day that servers speak it. Who may ask is shown by a
//! bearer token from `--token-file`, else `GPULSE_TOKEN`.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;

use crate::fault::{Fault, NOT_ALLOWED, UNREACHABLE};

/// The environment variable that holds a token.
const TOKEN_VARIABLE: &str = "GPULSE_TOKEN";
/// Largest answer taken, in bytes: the snapshot of 10,000 GPUs with their sessions is 3 MB.
const LARGEST_ANSWER: u64 = 256 << 20;
/// Longest token file, in bytes.
const LONGEST_TOKEN: u64 = 64 << 10;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Queries of a server end within two minutes.
const ANSWER_WITHIN: Duration = Duration::from_secs(150);

/// Who to ask, and as whom.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct TokenArgs {
    /// File with a token for the server; else the environment variable `GPULSE_TOKEN`.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

/// A server that answers over HTTP.
pub(crate) struct Server {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
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
            Refused::Bad(words) => Self::usage(anyhow::anyhow!(words)),
            Refused::Fault(fault) => fault,
        }
    }
}

impl Server {
    /// The server at a URL; without a scheme it is `http`.
    ///
    /// # Errors
    /// A URL of another scheme, or a token file that cannot be read.
    pub(crate) fn new(url: &str, token: &TokenArgs) -> Result<Self, Fault> {
        let base = url.trim_end_matches('/');
        let base = match base.split_once("://") {
            None => format!("http://{base}"),
            Some(("http", _)) => base.to_owned(),
            Some((scheme, _)) => {
                let problem = format!("--server {url}: {scheme} is not spoken, only http");
                return Err(Fault::usage(anyhow::anyhow!(problem)));
            }
        };
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT_WITHIN))
            .timeout_global(Some(ANSWER_WITHIN))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("gpulse/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), base, token: read_token(token)? })
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
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.read(request.call())
    }

    /// The answer to a form.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Vec<u8>, Refused> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
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
            return Err(Refused::Fault(anyhow::anyhow!(problem).into()));
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
                let remedy = "give a token with --token-file or GPULSE_TOKEN";
                let problem = format!("{} does not allow it ({words}); {remedy}", self.base);
                Refused::Fault(Fault::coded(NOT_ALLOWED, anyhow::anyhow!(problem)))
            }
            502 | 504 => self.unreachable(anyhow::anyhow!("a proxy answers {status}")),
            _ if refusal.as_ref().is_some_and(|refusal| refusal.kind == "bad_data") => {
                Refused::Bad(words.to_owned())
            }
            404 if refusal.is_none() => {
                let problem = format!("{} is no gpulse server: it answers 404", self.base);
                Refused::Fault(anyhow::anyhow!(problem).into())
            }
            _ => {
                let problem = format!("{} answers {status}: {words}", self.base);
                Refused::Fault(anyhow::anyhow!(problem).into())
            }
        }
    }
}

fn read_token(args: &TokenArgs) -> Result<Option<String>, Fault> {
    let token = match &args.token_file {
        Some(path) => {
            let mut text = String::new();
            let file = std::fs::File::open(path);
            file.and_then(|file| file.take(LONGEST_TOKEN).read_to_string(&mut text))
                .with_context(|| format!("token file {} cannot be read", path.display()))
                .map_err(Fault::usage)?;
            text
        }
        None => std::env::var(TOKEN_VARIABLE).unwrap_or_default(),
    };
    let token = token.trim();
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Fault::usage(anyhow::anyhow!("the token holds what no token may hold")));
    }
    Ok(Some(token.to_owned()).filter(|token| !token.is_empty()))
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
