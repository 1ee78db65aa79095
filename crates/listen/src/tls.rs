//! `tls_server_config` as rustls takes it.
//!
//! Names of versions, suites and curves are those of Go, in which the toolkit is written. What rustls
//! does not speak, because it is broken or old, is left out with a sentence in the log; where nothing
//! is left, or a name means nothing, the file is refused.

mod certificate;
mod client;
mod names;

use std::path::Path;
use std::sync::Arc;

use model::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::WebError;
use crate::file::{self, Tls};
use crate::source::Sources;
use certificate::Pem;

/// TLS of one version of the file.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) config: Arc<ServerConfig>,
    /// Nobody gets in without a certificate of the given authorities.
    pub(crate) client_certificates: bool,
    /// What to say about it.
    pub(crate) notes: Vec<String>,
}

/// Where the section stands, and what reads its files.
pub(crate) struct Place<'a> {
    pub(crate) path: &'a Path,
    pub(crate) sources: &'a mut Sources,
    pub(crate) now: Timestamp,
}

impl Place<'_> {
    fn setting(&self, problem: impl Into<String>) -> WebError {
        WebError::Setting { path: self.path.to_owned(), problem: problem.into() }
    }

    /// What stands inline or in the file that is named.
    fn pem(
        &mut self,
        key: &str,
        inline: Option<&str>,
        file: Option<&Path>,
    ) -> Result<Option<Pem>, WebError> {
        let file = file.filter(|path| !path.as_os_str().is_empty());
        match (inline.filter(|text| !text.is_empty()), file) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => {
                Err(self.setting(format!("{key} and {key}_file both stand there: keep one")))
            }
            (Some(text), None) => {
                let place = format!("in {key} of {}", self.path.display());
                Ok(Some(Pem { place, text: text.to_owned() }))
            }
            (None, Some(file)) => {
                let path = file::beside(self.path, file);
                let text = self.sources.read(&path)?;
                Ok(Some(Pem { place: path.display().to_string(), text }))
            }
        }
    }
}

/// Makes the configuration of one version of the file.
pub(crate) fn build(tls: &Tls, http2: bool, place: &mut Place<'_>) -> Result<Built, WebError> {
    let mut notes = Vec::new();
    let provider = Arc::new(provider(tls, place, &mut notes)?);
    let own = own(tls, place, &provider, &mut notes)?;
    let client = client::verifier(tls, place, &provider, &mut notes)?;
    let versions = names::versions(tls, place, &mut notes)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|cause| place.setting(format!("these versions and suites do not fit: {cause}")))?
        .with_client_cert_verifier(client.verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
    config.ignore_client_order = tls.prefer_server_cipher_suites.unwrap_or(true);
    config.alpn_protocols = if http2 { vec![b"h2".to_vec()] } else { Vec::new() };
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(Built { config: Arc::new(config), client_certificates: client.required, notes })
}

fn provider(
    tls: &Tls,
    place: &Place<'_>,
    notes: &mut Vec<String>,
) -> Result<CryptoProvider, WebError> {
    let mut provider = rustls::crypto::ring::default_provider();
    names::keep_suites(&mut provider, &tls.cipher_suites, place, notes)?;
    names::keep_curves(&mut provider, &tls.curve_preferences, place, notes)?;
    Ok(provider)
}

/// The certificate and key that are shown to clients.
fn own(
    tls: &Tls,
    place: &mut Place<'_>,
    provider: &CryptoProvider,
    notes: &mut Vec<String>,
) -> Result<CertifiedKey, WebError> {
    let certificate = place
        .pem("cert", tls.cert.as_deref(), tls.cert_file.as_deref())?
        .ok_or_else(|| place.setting("tls_server_config needs cert_file (or cert)"))?;
    let key = place
        .pem("key", tls.key.as_deref(), tls.key_file.as_deref())?
        .ok_or_else(|| place.setting("tls_server_config needs key_file (or key)"))?;
    certificate::own(&certificate, &key, provider, place.now, notes)
}
