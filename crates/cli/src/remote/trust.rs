//! By which authorities a server over https is known.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::fault::Fault;

/// Largest file of certificates: the bundle of all public authorities has 250 KB.
const LARGEST: u64 = 4 << 20;

/// TLS that trusts the authorities of the file, else those of the system.
///
/// # Errors
/// A file that holds no certificate, or a system that trusts nobody.
pub(super) fn tls(ca_file: Option<&Path>) -> Result<TlsConfig, Fault> {
    let authorities = match ca_file {
        Some(path) => of_file(path)?,
        None => of_system()?,
    };
    let authorities: Vec<Certificate<'static>> =
        authorities.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::from(authorities))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

fn of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let mut text = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST).read_to_end(&mut text))
        .with_context(|| format!("--ca-file {} cannot be read", path.display()))
        .map_err(Fault::usage)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found
        .map_err(|cause| anyhow!("--ca-file {} is no PEM text: {cause}", path.display()))
        .map_err(Fault::usage)?;
    if found.is_empty() {
        let problem = format!(
            "--ca-file {} holds no certificate: it must have -----BEGIN CERTIFICATE----- in it",
            path.display()
        );
        return Err(Fault::usage(anyhow!(problem)));
    }
    Ok(found)
}

fn of_system() -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        let problem = "this system has no certificates of authorities that it trusts: name the \
             server's with --ca-file FILE, or install ca-certificates";
        return Err(Fault::usage(anyhow!(problem)));
    }
    Ok(found.certs)
}
