//! What can go wrong in a query, in Prometheus's kinds.

use std::sync::Arc;
use std::time::Duration;

use crate::SourceError;

/// Prometheus's `errorType` of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The query is not PromQL.
    BadData,
    /// It cannot be evaluated on this data, or touches too much of it.
    Execution,
    /// It ran past its time.
    Timeout,
    /// Nobody waits for it any more.
    Canceled,
}

impl ErrorKind {
    /// The word in Prometheus's error JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Timeout => "timeout",
            Self::Canceled => "canceled",
        }
    }
}

/// Why a query has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its variant is")]
pub enum QueryError {
    #[error("{0}")]
    Parse(String),
    #[error("{0}")]
    Execution(String),
    #[error("cannot read series")]
    Source(#[source] Arc<SourceError>),
    #[error(
        "the query would touch more than {0} samples, the bound of a query: select fewer series, \
         or ask for less time or larger steps"
    )]
    TooManySamples(usize),
    #[error(
        "the query would hold more than {0} bytes of results, the bound of a query: aggregate, \
         select fewer series, or ask for larger steps"
    )]
    TooManyBytes(usize),
    #[error(
        "query timed out in expression evaluation, after {} s: select fewer series, ask for less \
         time, or allow more of it (timeout)", .0.as_secs_f64()
    )]
    Timeout(Duration),
    #[error("query was canceled in expression evaluation")]
    Canceled,
}

impl QueryError {
    /// The kind of this error in Prometheus's API.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Parse(_) => ErrorKind::BadData,
            Self::Execution(_)
            | Self::Source(_)
            | Self::TooManySamples(_)
            | Self::TooManyBytes(_) => ErrorKind::Execution,
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Canceled => ErrorKind::Canceled,
        }
    }
}

impl From<SourceError> for QueryError {
    fn from(error: SourceError) -> Self {
        Self::Source(Arc::new(error))
    }
}

/// An evaluation that cannot go on, with a message for people.
pub(crate) fn failed<T>(message: impl Into<String>) -> Result<T, QueryError> {
    Err(QueryError::Execution(message.into()))
}
