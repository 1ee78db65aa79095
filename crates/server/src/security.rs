//! Who may ask what: the choice that listening off loopback requires, tokens with roles, the
//! cookie that a browser trades one for, and the `Host` check that stops DNS rebinding.
//!
//! TLS, and users and certificates by a web-config file, are `listen`'s; here they count as the
//! choice. No token ever stands in a log or an answer.

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
    /// Whoever comes here has shown a user's password or a client's certificate already.
    Guarded,
    Open,
}

/// Why the server does not start like this.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} can be reached from other machines: give --token-file FILE so that only holders of the \
     token get in, or --web-config-file FILE with users or certificates of clients, or --insecure to \
     let everybody in, or listen on 127.0.0.1"
)]
pub struct NoChoice(SocketAddr);

/// What lets requests in, of which a server that others reach needs one.
#[derive(Debug, Default)]
pub struct Choice<'a> {
    /// Bearer tokens.
    pub tokens: Tokens,
    /// Users or certificates of clients, asked for before a request comes here.
    pub guarded: bool,
    /// Everybody.
    pub insecure: bool,
    /// Further names under which browsers may reach a port of this machine alone.
    pub hosts: &'a [String],
}

impl Access {
    /// The choice for a port: tokens where there are any; without them whoever a web-config file lets
    /// in; without that this machine alone, or everybody if that was said.
    ///
    /// # Errors
    /// A port that other machines reach, with no choice.
    pub fn choose(listen: SocketAddr, choice: Choice<'_>) -> Result<Self, NoChoice> {
        let mode = if !choice.tokens.is_empty() {
            Mode::Tokens(choice.tokens)
        } else if choice.guarded {
            Mode::Guarded
        } else if choice.insecure {
            Mode::Open
        } else if listen.ip().to_canonical().is_loopback() {
            Mode::Local(AllowedHosts::new(listen.ip(), choice.hosts))
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
