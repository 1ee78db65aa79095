//! Go's names of versions, cipher suites and curves, and what of them rustls speaks.

use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, SupportedCipherSuite, SupportedProtocolVersion};

use super::Place;
use crate::WebError;
use crate::file::Tls;

/// Versions, oldest first. rustls speaks the last two.
const VERSIONS: [&str; 4] = ["TLS10", "TLS11", "TLS12", "TLS13"];
/// Place of the oldest version that is spoken.
const OLDEST: usize = 2;

/// Curves by Go's names; `None` is one that this build does not speak.
const CURVES: [(&str, Option<NamedGroup>); 5] = [
    ("X25519", Some(NamedGroup::X25519)),
    ("CurveP256", Some(NamedGroup::secp256r1)),
    ("CurveP384", Some(NamedGroup::secp384r1)),
    ("CurveP521", None),
    ("X25519MLKEM768", None),
];

/// Go's older names of two suites.
const OTHER_NAMES: [(&str, &str); 2] = [
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
];

/// The versions from `min_version` to `max_version`.
pub(super) fn versions(
    tls: &Tls,
    place: &Place<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<&'static SupportedProtocolVersion>, WebError> {
    let least = version("min_version", tls.min_version.as_deref(), place)?.unwrap_or(OLDEST);
    let most = version("max_version", tls.max_version.as_deref(), place)?;
    let most = most.unwrap_or(VERSIONS.len() - 1);
    if most < least || most < OLDEST {
        let problem = "max_version leaves nothing: TLS12 and TLS13 are spoken";
        return Err(place.setting(problem));
    }
    if least < OLDEST {
        notes.push(format!("min_version {}: TLS12 is the oldest spoken", VERSIONS[least]));
    }
    let spoken = [(OLDEST, &TLS12), (OLDEST + 1, &TLS13)];
    Ok(spoken.into_iter().filter(|(at, _)| (least..=most).contains(at)).map(|(_, v)| v).collect())
}

fn version(key: &str, given: Option<&str>, place: &Place<'_>) -> Result<Option<usize>, WebError> {
    let Some(given) = given.filter(|name| !name.is_empty()) else { return Ok(None) };
    let known = VERSIONS.iter().position(|name| *name == given);
    known.map(Some).ok_or_else(|| place.setting(format!("{key} {given:?}: write TLS12 or TLS13")))
}

/// Keeps the suites that are named, in their order; those of TLS 1.3 are always on, as in Go.
pub(super) fn keep_suites(
    provider: &mut CryptoProvider,
    given: &[String],
    place: &Place<'_>,
    notes: &mut Vec<String>,
) -> Result<(), WebError> {
    if given.is_empty() {
        return Ok(());
    }
    let (mut kept, older): (Vec<_>, Vec<_>) =
        provider.cipher_suites.iter().partition(|suite| suite.tls13().is_some());
    for name in given {
        let other = OTHER_NAMES.iter().find(|(old, _)| old == name);
        let name = other.map_or(name.as_str(), |(_, new)| new);
        if let Some(suite) = older.iter().find(|suite| suite_name(suite) == name) {
            kept.push(*suite);
        } else if !kept.iter().any(|suite| suite_name(suite) == name) {
            if !name.starts_with("TLS_") {
                return Err(place.setting(format!("cipher_suites: {name:?} is no suite")));
            }
            notes.push(format!("cipher suite {name} is not spoken: left out"));
        }
    }
    provider.cipher_suites = kept;
    Ok(())
}

/// The name as Go and the registry write it; rustls's has `TLS13_` for the suites of TLS 1.3.
fn suite_name(suite: &SupportedCipherSuite) -> String {
    suite.suite().as_str().map_or_else(String::new, |name| name.replacen("TLS13_", "TLS_", 1))
}

/// Keeps the curves that are named, in their order.
pub(super) fn keep_curves(
    provider: &mut CryptoProvider,
    given: &[String],
    place: &Place<'_>,
    notes: &mut Vec<String>,
) -> Result<(), WebError> {
    if given.is_empty() {
        return Ok(());
    }
    let mut kept = Vec::new();
    for name in given {
        let known = CURVES.iter().find(|(known, _)| known == name);
        let Some((_, group)) = known else {
            let names = CURVES.map(|(name, _)| name).join(", ");
            return Err(place.setting(format!("curve_preferences: {name:?} is none of {names}")));
        };
        let spoken = group.and_then(|group| {
            provider.kx_groups.iter().copied().find(|spoken| spoken.name() == group)
        });
        match spoken {
            Some(group) => kept.push(group),
            None => notes.push(format!("curve {name} is not spoken: left out")),
        }
    }
    if kept.is_empty() {
        return Err(place.setting("curve_preferences leaves none: add X25519 or CurveP256"));
    }
    provider.kx_groups = kept;
    Ok(())
}
