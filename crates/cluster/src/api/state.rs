//! How it stands with one thing that is asked of the cluster: whether what is published is fresh,
//! else why not and what helps.

use std::error::Error;
use std::fmt;

use model::Timestamp;

/// Whether one of the answers is fresh.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum State {
    /// Nobody wants it: it is not asked for.
    #[default]
    Off,
    /// The first answer has not come yet.
    Starting,
    /// What is published is fresh.
    Ok {
        /// The moment since when, without a break.
        since: Timestamp,
    },
    /// The server has no such kind of object: nothing is missing, there is nothing to know.
    Absent,
    /// What is published may be old; it is asked for again.
    Failing {
        /// The moment since when.
        since: Timestamp,
        /// Why.
        lack: Lack,
    },
}

impl State {
    /// Whether what is published is fresh.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Ok { .. })
    }

    /// What is wrong, if something is.
    #[must_use]
    pub fn lack(&self) -> Option<&Lack> {
        match self {
            Self::Failing { lack, .. } => Some(lack),
            _ => None,
        }
    }

    /// The state after an attempt: `since` stays while nothing changes.
    #[must_use]
    pub(crate) fn after(&self, now: Timestamp, attempt: Result<(), Lack>) -> Self {
        match (self, attempt) {
            (Self::Ok { since }, Ok(())) => Self::Ok { since: *since },
            (_, Ok(())) => Self::Ok { since: now },
            (Self::Failing { since, .. }, Err(lack)) => Self::Failing { since: *since, lack },
            (_, Err(lack)) => Self::Failing { since: now, lack },
        }
    }
}

/// Why something could not be had from the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// The kind of fault, for decisions.
    pub reason: Reason,
    /// What was wanted, and what came instead.
    pub message: String,
    /// What helps.
    pub remedy: String,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.remedy)
    }
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is no way to the server: no service account, no readable kubeconfig.
    NoAccess,
    /// The server does not know who asks (401).
    Unauthorized,
    /// The one who asks may not (403).
    Forbidden,
    /// There is no such object (404).
    Missing,
    /// Nobody answers, or not in time, or whoever answers cannot be trusted.
    Unreachable,
    /// The list came and its changes do not.
    WatchBroken,
    /// An answer came that is none: a server error, not JSON, too large.
    BadAnswer,
}

/// An attempt that failed, before it is told what was wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    #[error("it did not answer within {0} s")]
    Late(u64),
    #[error("it answered {code}: {message}")]
    Refused { code: u16, message: String },
    #[error("its answer is over {0} bytes")]
    TooLarge(usize),
    #[error("its answer has over {0} pages")]
    Endless(usize),
    #[error("its answer broke off")]
    BrokenOff(#[source] Box<dyn Error + Send + Sync>),
    #[error("its answer cannot be read")]
    Unreadable(#[from] serde_json::Error),
    #[error("the question cannot be put")]
    Question(#[from] kube::core::request::Error),
}

impl Fault {
    /// Whether the server says that it no longer knows the version from which to go on.
    pub(crate) fn is_expired(&self) -> bool {
        matches!(self, Self::Refused { code: 410, .. })
    }

    /// Whether the same question may well be answered later: the server or the way to it is ill.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Late(_) | Self::BrokenOff(_) => true,
            Self::Refused { code, .. } => *code == 429 || *code >= 500,
            _ => false,
        }
    }

    fn reason(&self) -> Reason {
        match self {
            Self::Refused { code: 401, .. } => Reason::Unauthorized,
            Self::Refused { code: 403, .. } => Reason::Forbidden,
            Self::Refused { code: 404, .. } => Reason::Missing,
            Self::Unreachable(_) | Self::Late(_) => Reason::Unreachable,
            _ => Reason::BadAnswer,
        }
    }

    /// Say what was wanted: `subject` is who was asked for what, `right` what the account needs.
    pub(crate) fn about(&self, subject: &str, right: &str) -> Lack {
        let reason = self.reason();
        let remedy = match reason {
            Reason::Forbidden => format!("give the service account the right to {right}"),
            Reason::Unauthorized => {
                "check the token: it may be of another cluster or out of date".to_owned()
            }
            Reason::Missing => "create it, or correct the name".to_owned(),
            Reason::Unreachable => {
                "check the address, the network policy and the CA certificate; it is tried again"
                    .to_owned()
            }
            _ => "see the log of the API server; it is tried again".to_owned(),
        };
        Lack { reason, message: format!("{subject}: {}", chain(self)), remedy }
    }
}

/// An error with its causes, without saying a cause twice that its error has said already.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        cause = error.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lack(code: u16) -> Lack {
        let fault = Fault::Refused { code, message: "pods is forbidden".to_owned() };
        fault.about("pods of node a", "list and watch pods")
    }

    #[test]
    fn since_tells_when_it_began_and_stays_while_it_lasts() {
        let (early, late) = (Timestamp::from_secs(1), Timestamp::from_secs(9));
        let ok = State::Starting.after(early, Ok(()));
        assert_eq!(ok.after(late, Ok(())), State::Ok { since: early });
        let failing = ok.after(late, Err(lack(403)));
        let still = failing.after(Timestamp::from_secs(20), Err(lack(500)));
        assert!(matches!(&still, State::Failing { since, .. } if *since == late), "{still:?}");
        assert_eq!(still.after(Timestamp::from_secs(30), Ok(())).lack(), None);
    }

    #[test]
    fn a_refusal_names_what_was_wanted_what_came_and_the_right_that_is_lacking() {
        let said = lack(403).to_string();
        assert_eq!(
            said,
            "pods of node a: it answered 403: pods is forbidden; give the service account the \
             right to list and watch pods"
        );
        assert_eq!(lack(401).reason, Reason::Unauthorized);
        assert_eq!(lack(500).reason, Reason::BadAnswer);
    }
}
