//! Who may ask what: the choice that listening off loopback requires, tokens with roles, the
//! cookie that a browser trades one for, and the `Host` check that stops DNS rebinding.
//!
//! TLS is not here. No token ever stands in a log or an answer.

mod cookie;
mod guard;
mod headers;
mod host;
mod token;

use std::net::SocketAddr;

pub(crate) use cookie::{Cookies, clear_cookie, set_cookie};
pub(crate) use guard::guard;
pub(crate) use headers::page_headers;
use host::AllowedHosts;
pub use token::{Role, TokenError, Tokens};

/// How requests are let in.
#[derive(Debug, Clone)]
pub struct Access(Mode);

#[derive(Debug, Clone)]
enum Mode {
    /// Only names of this machine, without sign-in.
    Local(AllowedHosts),
    Tokens(Tokens),
    Open,
}

/// Why the server does not start like this.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} can be reached from other machines: give --token-file FILE so that only holders of the \
     token get in, or --insecure to let everybody in, or listen on 127.0.0.1"
)]
pub struct NoChoice(SocketAddr);

impl Access {
    /// The choice for a port: tokens where there are any; without them this machine alone, or
    /// everybody if that is what `insecure` says. `hosts` are further names under which browsers
    /// may reach a port of this machine alone.
    ///
    /// # Errors
    /// A port that other machines reach, with neither tokens nor `insecure`.
    pub fn choose(
        listen: SocketAddr,
        tokens: Tokens,
        insecure: bool,
        hosts: &[String],
    ) -> Result<Self, NoChoice> {
        let mode = if !tokens.is_empty() {
            Mode::Tokens(tokens)
        } else if insecure {
            Mode::Open
        } else if listen.ip().to_canonical().is_loopback() {
            Mode::Local(AllowedHosts::new(listen.ip(), hosts))
        } else {
            return Err(NoChoice(listen));
        };
        Ok(Self(mode))
    }

    /// This machine alone, under its usual names.
    pub fn local() -> Self {
        Self(Mode::Local(AllowedHosts::new(std::net::Ipv4Addr::LOCALHOST.into(), &[])))
    }
}

#[cfg(test)]
mod tests;
