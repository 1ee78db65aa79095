//! The web-config file while the process runs: its newest version without fault.
//!
//! The file and those it names are looked at again each second. A change is taken once it has stood
//! still for a look, so that a file in the middle of being written is not. A version with a fault
//! keeps the one before it; so does one that would take away what the process was started with (TLS,
//! users, certificates of clients), since a file cut short must not open the port.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use axum::http::{HeaderName, HeaderValue};
use model::Clock as _;
use model::clock::SystemClock;
use rustls::ServerConfig;

use crate::WebError;
use crate::file;
use crate::source::Sources;
use crate::tls::{self, Place};
use crate::users::{Counter, Users};

/// What a version of the file asks of whoever comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Protection {
    /// Connections are encrypted.
    pub tls: bool,
    /// A user's password is needed.
    pub users: bool,
    /// A certificate of the given authorities is needed.
    pub client_certificates: bool,
}

impl Protection {
    /// Whether it takes more than reaching the port to get in.
    #[must_use]
    pub fn asks_who(self) -> bool {
        self.users || self.client_certificates
    }
}

/// A web-config file, kept up to date.
pub struct WebConfig {
    path: PathBuf,
    newest: ArcSwap<Version>,
    watch: Mutex<Watch>,
    counter: Counter,
    taken: AtomicU64,
    refused: AtomicU64,
}

/// One version of the file, without fault.
pub(crate) struct Version {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) users: Arc<Users>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    protection: Protection,
}

struct Watch {
    /// As the files were when they were last read, with or without fault.
    read: Sources,
    /// As they were at the last look, if that was different.
    moving: Option<Sources>,
}

impl WebConfig {
    /// Reads the file and what it names.
    ///
    /// # Errors
    /// What is wrong with it, and the remedy.
    pub fn open(path: &Path) -> Result<Self, WebError> {
        let mut read = Sources::default();
        let version = load(path, &mut read)?;
        Ok(Self {
            path: path.to_owned(),
            newest: ArcSwap::from_pointee(version),
            watch: Mutex::new(Watch { read, moving: None }),
            counter: Counter::default(),
            taken: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// What the newest version asks of whoever comes.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.newest.load().protection
    }

    /// How many new versions were taken, and how many had a fault, since the start.
    #[must_use]
    pub fn reloads(&self) -> (u64, u64) {
        (self.taken.load(Relaxed), self.refused.load(Relaxed))
    }

    pub(crate) fn newest(&self) -> Arc<Version> {
        self.newest.load_full()
    }

    pub(crate) fn counter(&self) -> &Counter {
        &self.counter
    }

    /// Looks whether a file changed, and reads all again if so. Reads disks: not for an async thread.
    pub(crate) fn look(&self) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let now = watch.read.now();
        if now == watch.read {
            watch.moving = None;
        } else if watch.moving.as_ref() == Some(&now) {
            watch.moving = None;
            watch.read = self.reload();
        } else {
            watch.moving = Some(now);
        }
    }

    fn reload(&self) -> Sources {
        let mut read = Sources::default();
        let path = self.path.display();
        let loaded = load(&self.path, &mut read).and_then(|version| self.no_less(version));
        match loaded {
            Ok(version) => {
                self.newest.store(Arc::new(version));
                self.taken.fetch_add(1, Relaxed);
                tracing::info!(file = %path, "web-config file, certificates and users read again");
            }
            Err(fault) => {
                self.refused.fetch_add(1, Relaxed);
                let fault = chain(&fault);
                tracing::error!(file = %path, "the new version is not used, the old one stays: {fault}");
            }
        }
        read
    }

    /// The version, if it protects no less than the one in use.
    fn no_less(&self, version: Version) -> Result<Version, WebError> {
        let (old, new) = (self.protection(), version.protection);
        let kinds = [
            (old.tls, new.tls, "tls_server_config"),
            (old.users, new.users, "basic_auth_users"),
            (
                old.client_certificates,
                new.client_certificates,
                "client_auth_type: RequireAndVerifyClientCert",
            ),
        ];
        for (had, has, what) in kinds {
            let path = self.path.clone();
            match (had, has) {
                (true, false) => return Err(WebError::Lowered { path, what }),
                // Who scrapes by plain HTTP, or a server that takes tokens, goes on until a restart.
                (false, true) if what != kinds[2].2 => return Err(WebError::Raised { path, what }),
                _ => {}
            }
        }
        Ok(version)
    }
}

fn load(path: &Path, read: &mut Sources) -> Result<Version, WebError> {
    let text = read.read(path)?;
    let file = file::parse(path, &text)?;
    let headers = file::headers(path, file.http_server_config.as_ref())?;
    let http2 = file.http_server_config.and_then(|http| http.http2).unwrap_or(true);
    let users = Users::new(path, file.basic_auth_users.unwrap_or_default())?;
    let mut place = Place { path, sources: read, now: SystemClock.now() };
    let section = file.tls_server_config.as_ref();
    let built = section.map(|section| tls::build(section, http2, &mut place)).transpose()?;
    for note in built.iter().flat_map(|built| &built.notes) {
        tracing::warn!(file = %path.display(), "{note}");
    }
    let protection = Protection {
        tls: built.is_some(),
        users: !users.is_empty(),
        client_certificates: built.as_ref().is_some_and(|built| built.client_certificates),
    };
    let tls = built.map(|built| built.config);
    Ok(Version { tls, users: Arc::new(users), headers, protection })
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

impl std::fmt::Debug for WebConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebConfig").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
