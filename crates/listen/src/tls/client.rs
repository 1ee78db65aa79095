//! Certificates of clients: who must show one, of whom, under which names.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use super::Place;
use super::certificate::{Pem, alternative_names};
use crate::WebError;
use crate::file::Tls;

/// How clients are looked at.
pub(super) struct Clients {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// Whether a certificate of the given authorities is needed to get in.
    pub(super) required: bool,
}

/// `client_auth_type`, by Go's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Asked,
    Any,
    VerifiedIfGiven,
    Verified,
}

impl Wanted {
    const NAMES: [(&'static str, Self); 5] = [
        ("NoClientCert", Self::Nothing),
        ("RequestClientCert", Self::Asked),
        ("RequireAnyClientCert", Self::Any),
        ("VerifyClientCertIfGiven", Self::VerifiedIfGiven),
        ("RequireAndVerifyClientCert", Self::Verified),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, wanted)| *wanted)
    }
}

/// What the section says about clients.
pub(super) fn verifier(
    tls: &Tls,
    place: &mut Place<'_>,
    provider: &Arc<CryptoProvider>,
    notes: &mut Vec<String>,
) -> Result<Clients, WebError> {
    let given = tls.client_auth_type.as_deref().filter(|name| !name.is_empty());
    let wanted = given.map_or(Some(Wanted::Nothing), Wanted::named).ok_or_else(|| {
        let names = Wanted::NAMES.map(|(name, _)| name).join(", ");
        place.setting(format!("client_auth_type must be one of {names}"))
    })?;
    let authorities =
        place.pem("client_ca", tls.client_ca.as_deref(), tls.client_ca_file.as_deref())?;
    let names = &tls.client_allowed_sans;
    if wanted == Wanted::Nothing {
        if authorities.is_some() || !names.is_empty() {
            let problem = "client_ca_file and client_allowed_sans do nothing without \
                 client_auth_type: RequireAndVerifyClientCert";
            return Err(place.setting(problem));
        }
        return Ok(Clients { verifier: Arc::new(NoClientAuth), required: false });
    }
    let verifier: Arc<dyn ClientCertVerifier> = match wanted {
        Wanted::VerifiedIfGiven | Wanted::Verified => {
            let authorities = authorities.as_ref().ok_or_else(|| {
                place.setting("client_auth_type needs client_ca_file: whose certificates are good")
            })?;
            verified(authorities, wanted, provider)?
        }
        Wanted::Nothing | Wanted::Asked | Wanted::Any => {
            notes.push("client_auth_type lets in any certificate, whoever made it".to_owned());
            let algorithms = provider.signature_verification_algorithms;
            Arc::new(Unverified { required: wanted == Wanted::Any, algorithms })
        }
    };
    let verifier = match names.as_slice() {
        [] => verifier,
        names => Arc::new(Named { inner: verifier, names: names.to_vec() }),
    };
    Ok(Clients { verifier, required: wanted == Wanted::Verified })
}

fn verified(
    authorities: &Pem,
    wanted: Wanted,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, WebError> {
    let fault =
        |problem: String| WebError::Certificate { place: authorities.place.clone(), problem };
    let mut roots = RootCertStore::empty();
    for certificate in authorities.certificates()? {
        roots
            .add(certificate)
            .map_err(|cause| fault(format!("it is no certificate of an authority: {cause}")))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
    let builder = match wanted {
        Wanted::Verified => builder,
        _ => builder.allow_unauthenticated(),
    };
    let built = builder.build().map_err(|cause| fault(format!("it cannot be used: {cause}")))?;
    Ok(built)
}

/// Lets any certificate pass whose key the client has.
#[derive(Debug)]
struct Unverified {
    required: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Unverified {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Lets certificates pass that have one of the alternative names.
#[derive(Debug)]
struct Named {
    inner: Arc<dyn ClientCertVerifier>,
    names: Vec<String>,
}

impl ClientCertVerifier for Named {
    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(own, between, now)?;
        if alternative_names(own).iter().any(|name| self.names.contains(name)) {
            return Ok(verified);
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
