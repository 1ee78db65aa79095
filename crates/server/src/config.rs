//! What a server is asked to be.

use std::sync::Arc;
use std::time::Duration;

use listen::WebConfig;
use model::Clock;
use model::clock::SystemClock;

use crate::security::Access;

/// Configuration of an [`crate::App`].
#[derive(Clone)]
pub struct Config {
    /// Who is let in.
    pub access: Access,
    /// TLS, users and headers of the port.
    pub web: Option<Arc<WebConfig>>,
    /// The path that everything stands below: begins and ends with `/`.
    pub route_prefix: String,
    /// Bounds and defaults of queries.
    pub engine: promql::Options,
    /// Bounds of requests.
    pub limits: Limits,
    /// Name and value of each option, for `status/flags`; no secrets.
    pub flags: Vec<(String, String)>,
    /// As `status/runtimeinfo` shows it.
    pub retention: String,
    /// The time that samples without one get, and that "now" is.
    pub clock: Arc<dyn Clock>,
}

/// How much is taken at once. What exceeds one of them is refused with a status that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a written body as it is sent.
    pub body_bytes: usize,
    /// Bytes of a written body after decompression.
    pub decompressed_bytes: usize,
    /// Samples, and series, of one write.
    pub samples: usize,
    /// Writes under way at once.
    pub writes: usize,
    /// Queries under way at once; more wait until their time is over.
    pub queries: usize,
    /// Connections open at once; more wait to be accepted.
    pub connections: usize,
    /// How long the head of a connection's first request may take to arrive, handshake included.
    pub head_time: Duration,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// Metrics whose type and help are kept.
    pub metadata: usize,
}

impl Default for Limits {
    /// Prometheus's figures where it has one.
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            decompressed_bytes: 64 << 20,
            samples: 1_000_000,
            writes: 16,
            queries: 20,
            connections: 1024,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(60),
            metadata: 20_000,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            access: Access::local(),
            web: None,
            route_prefix: "/".to_owned(),
            engine: promql::Options::default(),
            limits: Limits::default(),
            flags: Vec::new(),
            retention: "15d".to_owned(),
            clock: Arc::new(SystemClock),
        }
    }
}

impl Config {
    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.web.as_ref().is_some_and(|web| web.protection().tls)
    }

    /// The same with a prefix in its normal form: `gpu` becomes `/gpu/`. Characters that have no
    /// place in a path are dropped, so that it can stand in a page and in a header.
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        let plain = |c: &char| c.is_ascii_alphanumeric() || "/-_.~".contains(*c);
        let kept: String = prefix.chars().filter(plain).collect();
        let parts: Vec<&str> = kept.split('/').filter(|part| !part.is_empty()).collect();
        self.route_prefix =
            if parts.is_empty() { "/".to_owned() } else { format!("/{}/", parts.join("/")) };
        self
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("access", &self.access)
            .field("route_prefix", &self.route_prefix)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
