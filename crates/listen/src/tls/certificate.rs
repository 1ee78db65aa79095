//! Certificates and keys as PEM: what they hold, whether they fit together, and how long they last.

use std::time::Duration;

use model::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::WebError;

/// A certificate that ends sooner than this is worth a sentence.
const SOON: Duration = Duration::from_secs(7 * 24 * 3600);

/// Text of a file or of a key of the web-config file, and where it stands.
pub(super) struct Pem {
    pub(super) place: String,
    pub(super) text: String,
}

impl Pem {
    fn certificate_fault(&self, problem: impl Into<String>) -> WebError {
        WebError::Certificate { place: self.place.clone(), problem: problem.into() }
    }

    fn key_fault(&self, problem: impl Into<String>) -> WebError {
        WebError::Key { place: self.place.clone(), problem: problem.into() }
    }

    /// All certificates in it; none is a fault.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, WebError> {
        let all = CertificateDer::pem_slice_iter(self.text.as_bytes());
        let all: Result<Vec<_>, _> = all.collect();
        let all =
            all.map_err(|cause| self.certificate_fault(format!("it is no PEM text: {cause}")))?;
        if all.is_empty() {
            let problem = "it holds none: it must have -----BEGIN CERTIFICATE----- in it";
            return Err(self.certificate_fault(problem));
        }
        Ok(all)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, WebError> {
        PrivateKeyDer::from_pem_slice(self.text.as_bytes()).map_err(|cause| {
            if self.text.contains("ENCRYPTED") {
                return self.key_fault("it is encrypted: give it without a passphrase");
            }
            self.key_fault(format!("it holds no private key in PEM: {cause}"))
        })
    }
}

/// The certificate with its key, if it can be used now.
pub(super) fn own(
    certificate: &Pem,
    key: &Pem,
    provider: &CryptoProvider,
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Result<CertifiedKey, WebError> {
    let chain = certificate.certificates()?;
    notes.extend(lasts(certificate, &chain, now)?);
    let signer = provider
        .key_provider
        .load_private_key(key.key()?)
        .map_err(|cause| key.key_fault(format!("it cannot be used: {cause}")))?;
    let own = CertifiedKey::new(chain, signer);
    own.keys_match().map_err(|_| {
        let other = &key.place;
        certificate.certificate_fault(format!(
            "the key {other} does not belong to it: give the key that it was made with, and put the \
             server's own certificate first"
        ))
    })?;
    Ok(own)
}

/// A fault if the first certificate is not valid now; a sentence if it soon will not be.
fn lasts(
    pem: &Pem,
    chain: &[CertificateDer<'static>],
    now: Timestamp,
) -> Result<Option<String>, WebError> {
    let first = chain.first().map(AsRef::as_ref).unwrap_or_default();
    let parsed =
        parsed(first).ok_or_else(|| pem.certificate_fault("it is damaged: make it anew"))?;
    let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
    let seconds = now.0.div_euclid(1_000_000);
    if seconds > until.timestamp() {
        let problem = format!("it expired on {until}: put a new one there");
        return Err(pem.certificate_fault(problem));
    }
    if seconds < from.timestamp() {
        let problem =
            format!("it is valid from {from} on: put another one there, or set the clock");
        return Err(pem.certificate_fault(problem));
    }
    let soon = now.after(SOON).0.div_euclid(1_000_000) > until.timestamp();
    Ok(soon.then(|| format!("certificate {} expires on {until}: renew it", pem.place)))
}

fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    parse_x509_certificate(der).ok().map(|(_, certificate)| certificate)
}

/// Alternative names of a certificate, as the toolkit writes them.
pub(super) fn alternative_names(der: &[u8]) -> Vec<String> {
    let Some(certificate) = parsed(der) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    names.value.general_names.iter().filter_map(name).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(sixteen).to_string())
}
