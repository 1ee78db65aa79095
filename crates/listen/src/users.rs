//! `basic_auth_users`: names and bcrypt hashes, and who shows a password that fits.
//!
//! A run of bcrypt takes some 60 ms of a processor on purpose. A password that was found right is
//! remembered as a keyed hash, so that scrapes do not pay for it; a wrong one pays each time, and only
//! a few are looked at at once.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::str::FromStr as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use crate::WebError;

/// Right passwords remembered, the toolkit's figure; the one that came first goes.
const REMEMBERED: usize = 100;
/// Above this a run takes more than 4 s: a mistake, or a way to keep the machine busy.
const MOST_COST: u32 = 16;
/// Runs of bcrypt at once, and how many more requests may wait for one.
const AT_ONCE: usize = 2;
const WAITING: usize = 64;

/// What a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A right password, or none is needed.
    Admitted,
    /// None, or a wrong one.
    Refused,
    /// Too many are being looked at.
    Busy,
}

/// Users of one version of the file. Never shown by `Debug`.
pub(crate) struct Users {
    hashes: BTreeMap<String, String>,
    /// Of this process alone, so that what is remembered is of no use elsewhere.
    secret: [u8; 32],
    right: Mutex<VecDeque<[u8; 32]>>,
}

/// How many passwords are looked at; outlives versions of the file.
#[derive(Debug)]
pub(crate) struct Counter {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Counter {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { running: places(AT_ONCE), waiting: places(AT_ONCE + WAITING) }
    }
}

impl Users {
    /// Users with their hashes, each of which must be one.
    pub(crate) fn new(path: &Path, hashes: BTreeMap<String, String>) -> Result<Self, WebError> {
        for (name, hash) in &hashes {
            usable(name, hash)
                .map_err(|problem| WebError::Setting { path: path.to_owned(), problem })?;
        }
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|cause| WebError::Setting {
            path: path.to_owned(),
            problem: format!("the system has no random bytes: {cause}"),
        })?;
        Ok(Self { hashes, secret, right: Mutex::default() })
    }

    /// Are there none?
    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Whether these headers let a request in.
    pub(crate) async fn admit(self: Arc<Self>, headers: &HeaderMap, counter: &Counter) -> Verdict {
        // Whom a name of no user is compared with, so that it takes as long as one of a user.
        let Some(stand_in) = self.hashes.values().next() else { return Verdict::Admitted };
        let Some((name, password)) = credentials(headers) else { return Verdict::Refused };
        let known = self.hashes.get(&name);
        let digest = self.digest(&name, &password);
        if known.is_some() && self.remembers(&digest) {
            return Verdict::Admitted;
        }
        let waiting = Arc::clone(&counter.waiting);
        let Ok(place) = waiting.try_acquire_owned() else { return Verdict::Busy };
        let running = Arc::clone(&counter.running);
        let Ok(turn) = running.acquire_owned().await else { return Verdict::Busy };
        if known.is_some() && self.remembers(&digest) {
            return Verdict::Admitted;
        }
        let (hash, known) = (known.unwrap_or(stand_in).clone(), known.is_some());
        // The run keeps its place to its end, also where the client hangs up meanwhile.
        let run = move || {
            let _held = (place, turn);
            bcrypt::verify(password, &hash).unwrap_or(false)
        };
        let fits = tokio::task::spawn_blocking(run).await.unwrap_or(false);
        if !(fits && known) {
            return Verdict::Refused;
        }
        self.remember(digest);
        Verdict::Admitted
    }

    fn digest(&self, name: &str, password: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.secret);
        // Its length before it: no other name and password make the same bytes.
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update(password);
        hash.finalize().into()
    }

    fn remembers(&self, digest: &[u8; 32]) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        let same = right.iter().fold(0, |same, one| same | one.ct_eq(digest).unwrap_u8());
        same == 1
    }

    fn remember(&self, digest: [u8; 32]) {
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        while right.len() >= REMEMBERED {
            right.pop_front();
        }
        right.push_back(digest);
    }
}

fn usable(name: &str, hash: &str) -> Result<(), String> {
    if name.is_empty() || name.contains(':') {
        return Err(format!("basic_auth_users: {name:?} cannot be a user's name"));
    }
    // The hash itself must not be shown.
    let parts = HashParts::from_str(hash).map_err(|_| {
        format!(
            "basic_auth_users: what stands for {name} is no bcrypt hash: make one with \
             htpasswd -nB {name}"
        )
    })?;
    if parts.get_cost() > MOST_COST {
        let cost = parts.get_cost();
        return Err(format!(
            "basic_auth_users: the hash of {name} has cost {cost}, and at most {MOST_COST} is taken"
        ));
    }
    Ok(())
}

/// Name and password of `Authorization: Basic`.
fn credentials(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let name = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((name, decoded[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests;
