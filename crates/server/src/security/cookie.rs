//! Signed-in browsers: an event stream cannot carry a header, so a token is traded for a cookie.
//!
//! Kept in memory only: a restart signs everybody out.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use model::Timestamp;

use super::token::Role;

/// The cookie's name.
const NAME: &str = "gpulse_session";
/// How long a browser stays signed in.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// Browsers signed in at once; the one that signed in first goes when another comes.
const MOST: usize = 1024;

/// Who is signed in.
#[derive(Debug, Default)]
pub(crate) struct Cookies(Mutex<HashMap<String, Entry>>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    role: Role,
    since: Timestamp,
}

impl Cookies {
    /// A new cookie's value; nothing where the system has no random bytes.
    pub(crate) fn sign_in(&self, role: Role, now: Timestamp) -> Option<String> {
        let value = random()?;
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| now.since(entry.since) < LIFE);
        if entries.len() >= MOST {
            let first = entries.iter().min_by_key(|(_, entry)| entry.since);
            if let Some(first) = first.map(|(value, _)| value.clone()) {
                entries.remove(&first);
            }
        }
        entries.insert(value.clone(), Entry { role, since: now });
        Some(value)
    }

    /// Ends the session that these headers carry.
    pub(crate) fn sign_out(&self, headers: &HeaderMap) {
        if let Some(value) = value(headers) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(value);
        }
    }

    /// The role of the session that these headers carry. A value has 256 random bits, so that the
    /// time of a look-up tells nothing of use.
    pub(super) fn role_of(&self, headers: &HeaderMap, now: Timestamp) -> Option<Role> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(value(headers)?)?;
        (now.since(entry.since) < LIFE).then_some(entry.role)
    }
}

fn value(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).into_iter().filter_map(|header| header.to_str().ok());
    all.flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == NAME)
        .map(|(_, value)| value)
}

fn random() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// The header that gives a browser its cookie, valid under `path`; one that came over an encrypted
/// connection goes over no other.
pub(crate) fn set_cookie(value: &str, path: &str, encrypted: bool) -> Option<HeaderValue> {
    let life = LIFE.as_secs();
    let secure = if encrypted { "; Secure" } else { "" };
    let text =
        format!("{NAME}={value}; HttpOnly; SameSite=Strict; Path={path}; Max-Age={life}{secure}");
    HeaderValue::from_str(&text).ok()
}

/// The header that takes it away.
pub(crate) fn clear_cookie(path: &str) -> Option<HeaderValue> {
    let text = format!("{NAME}=; HttpOnly; SameSite=Strict; Path={path}; Max-Age=0");
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let text = format!("theme=dark; {NAME}={value}");
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&text).unwrap())])
    }

    #[test]
    fn a_session_ends_by_sign_out_and_by_age() {
        let cookies = Cookies::default();
        let now = Timestamp::from_secs(1_000_000);
        let value = cookies.sign_in(Role::Read, now).unwrap();
        assert_eq!(cookies.role_of(&headers(&value), now), Some(Role::Read));
        assert_eq!(cookies.role_of(&headers("forged"), now), None);
        assert_eq!(cookies.role_of(&headers(&value), now.after(LIFE)), None);
        cookies.sign_out(&headers(&value));
        assert_eq!(cookies.role_of(&headers(&value), now), None);
    }

    #[test]
    fn sessions_are_bounded_and_the_oldest_goes() {
        let cookies = Cookies::default();
        let first = cookies.sign_in(Role::Read, Timestamp(0)).unwrap();
        for at in 1..=MOST {
            cookies.sign_in(Role::Read, Timestamp(i64::try_from(at).unwrap())).unwrap();
        }
        assert_eq!(cookies.role_of(&headers(&first), Timestamp(2_000)), None);
        assert_eq!(cookies.0.lock().unwrap().len(), MOST);
    }
}
